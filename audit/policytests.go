package audit

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// CaseResult is what came of one case of a policy test.
type CaseResult struct {
	Case *rules.Case
	// Failures are sentences that say what is not as expected; none if the case holds.
	Failures []string
	// Explanation is what the policy makes of the token; nil if the case holds.
	Explanation *Explanation
}

// runCase decides a case as a run would that sees no other token.
func runCase(p *rules.Policy, c *rules.Case) CaseResult {
	t, past := c.Token, &ledger.State{}
	d := &decider{policy: p, past: past}
	for id, at := range c.Notified {
		for _, rule := range p.Rules {
			if rule.ID == id {
				past.Apply(ledger.Record{Kind: ledger.Noticed, Time: at, Token: t.ID, Rule: id, Facts: rule.Facts(&t),
					Via: "the test"})
			}
		}
	}
	if !c.Quarantined.IsZero() {
		quarantineAt(&t, past, p.QuarantineZone, c.Quarantined)
	}
	result := CaseResult{Case: c}
	f, _, ok := d.decide(&t, d.standing(&t), "", c.AsOf)
	if !ok {
		f = Finding{Outcome: noOutcome}
	}
	if result.compare(&f); len(result.Failures) > 0 {
		result.Explanation = d.explain(t, "", c.AsOf)
	}
	return result
}

// quarantineAt puts a token into quarantine, and records that at an instant.
func quarantineAt(t *okta.Token, past *ledger.State, zone string, at time.Time) {
	before, after := conditionOf(t), cutOff(t, zone, at)
	past.Apply(ledger.Record{Kind: ledger.Intent, Seq: 1, Time: at, Token: t.ID, Step: ledger.StepQuarantine,
		Before: &before, By: ledger.ByRun})
	past.Apply(ledger.Record{Kind: ledger.Outcome, Seq: 2, Ref: 1, Time: at, Token: t.ID, Settled: true,
		Result: ledger.ResultQuarantined, After: &after})
}

// compare compares the finding with what the case expects.
func (t *CaseResult) compare(f *Finding) {
	fail := func(format string, args ...any) { t.Failures = append(t.Failures, fmt.Sprintf(format, args...)) }
	var unknown []string
	for _, m := range f.Unknown {
		unknown = append(unknown, m.Rule.ID)
	}
	e := t.Case.Expect
	if want, ok := e.Rules.Get(); ok && !sameSet(want, f.ruleIDs()) {
		fail("rules: want %s, got %s", bracketed(want), bracketed(f.ruleIDs()))
	}
	if want, ok := e.Unknown.Get(); ok && !sameSet(want, unknown) {
		fail("unknown: want %s, got %s", bracketed(want), bracketed(unknown))
	}
	if want, ok := e.Step.Get(); ok && want != f.stepNow() {
		fail("step: want %s, got %s", want, f.stepNow())
	}
	if want, ok := e.Outcome.Get(); ok && want != string(f.Outcome) {
		fail("outcome: want %s, got %s", want, f.Outcome)
	}
	if want, ok := e.Severity.Get(); ok && want != f.Severity {
		fail("severity: want %s, got %s", want, f.Severity)
	}
	if want, ok := e.Due.Get(); ok && !want.Equal(f.Due) {
		got := "none"
		if !f.Due.IsZero() {
			got = f.Due.UTC().Format(time.RFC3339)
		}
		fail("due: want %s, got %s", want.UTC().Format(time.RFC3339), got)
	}
}

// noOutcome is the word of a case for no finding.
const noOutcome Outcome = "none"

// stepNow is what an enforcing run would do with a token now: Flag if it would only report it, 0 if it would do
// nothing.
func (f *Finding) stepNow() rules.Step {
	switch f.Outcome {
	case WouldQuarantine, WouldRevoke:
		return f.Step
	case noOutcome, Exempt, Unknown:
		return 0
	}
	return rules.Flag
}

func bracketed(ids []string) string { return "[" + strings.Join(ids, ", ") + "]" }

// TestReport is what came of one file of policy tests.
type TestReport struct {
	// File is the file of tests, PolicyFile and PolicyDigest the policy that they are about.
	File, PolicyFile, PolicyDigest string
	// Cases are in the order of the file.
	Cases []CaseResult
}

// RunTests decides all cases of a file. Tests.Check must have found nothing wrong with it.
func RunTests(p *rules.Policy, t *rules.Tests) TestReport {
	r := TestReport{File: t.File, PolicyFile: p.File, PolicyDigest: p.Digest}
	for _, c := range t.Cases {
		r.Cases = append(r.Cases, runCase(p, c))
	}
	return r
}

// Failed is how many cases don't hold.
func (r *TestReport) Failed() int {
	n := 0
	for _, c := range r.Cases {
		if len(c.Failures) > 0 {
			n++
		}
	}
	return n
}
