package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// MaxPlanAge is how old a plan may be that a run is told to keep to.
const MaxPlanAge = 24 * time.Hour

// due are the findings whose step is due, in the report's order: the worst and longest idle first.
func (r *Report) due() (fs []*Finding) {
	for i := range r.Findings {
		if o := r.Findings[i].Outcome; o == WouldQuarantine || o == WouldRevoke {
			fs = append(fs, &r.Findings[i])
		}
	}
	return fs
}

// hold keeps findings from being acted on.
func hold(fs []*Finding, format string, args ...any) {
	for _, f := range fs {
		f.Outcome, f.Reason = Held, fmt.Sprintf(format, args...)
	}
}

// keepTo holds what is due and not in a plan that was reviewed.
func (r *Report) keepTo(plan ledger.PlanRecord, digest string) {
	reviewed := make(map[[2]string]bool)
	for _, a := range plan.Actions {
		reviewed[[2]string{a.Token, a.Step}] = true
	}
	for _, f := range r.due() {
		if !reviewed[[2]string{f.Token.ID, f.Step.String()}] {
			hold([]*Finding{f}, "it is not in the reviewed plan %s", digest)
		}
	}
}

// limit holds what is due and more than the limits allow. spent is how many quarantines and revocations
// were begun in the last 24 hours.
func (r *Report) limit(l *rules.Limits, spent int) {
	if l == nil {
		return
	}
	due := r.due()
	switch n := len(due); {
	case n > l.StopAbove.Count:
		r.Stopped = true
		hold(due, "%d are due at once, and stopAbove allows %d: nothing is done", n, l.StopAbove.Count)
		return
	case n*100 > l.StopAbove.Percent*r.Tokens:
		r.Stopped = true
		hold(due, "%d of %d tokens are due at once, and stopAbove allows %d percent: nothing is done", n, r.Tokens, l.StopAbove.Percent)
		return
	}
	if left := max(0, l.PerDay-spent); left < len(due) && left < l.PerRun {
		hold(due[left:], "perDay allows %d in 24 hours, of which %d are spent", l.PerDay, spent)
	} else if l.PerRun < len(due) {
		hold(due[l.PerRun:], "perRun allows %d in one run", l.PerRun)
	}
}

// actions are what the plan would do now.
func (r *Report) actions() (actions []ledger.Action) {
	for _, f := range r.due() {
		actions = append(actions, ledger.Action{Token: f.Token.ID, Step: f.Step.String(), Rules: f.ruleIDs()})
	}
	return actions
}

// digest is the plan's digest. It covers the org, the policy and every decision, and nothing that
// differs between two runs which decide the same: not the order, and not a time that only counts from now.
func digest(r *Report) string {
	lines := make([]string, 0, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		due := ""
		if len(f.untold) == 0 && !f.Due.IsZero() {
			due = f.Due.UTC().Format(time.RFC3339)
		}
		ids := f.ruleIDs()
		for _, m := range f.Unknown {
			ids = append(ids, m.Rule.ID+"?")
		}
		lines = append(lines, fmt.Sprintf("%q %s %s %s %s\n", f.Token.ID, f.Outcome, f.Step, due, strings.Join(ids, ",")))
	}
	slices.Sort(lines)
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "tokensweep plan 1\n%s\n%s\n", r.OrgURL, r.PolicyDigest)
	for _, l := range lines {
		_, _ = io.WriteString(h, l)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
