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
	"tokensweep/okta"
	"tokensweep/rules"
)

// How old a plan may be that a run is told to keep to, by default and at the most. The age counts from the newest dry
// run that made the same decisions about the same tokens for the same reasons.
const (
	DefaultPlanAge = 24 * time.Hour
	MaxPlanAge     = 14 * 24 * time.Hour
)

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

// stopAbove holds everything if more is due at once than can be right.
func (r *Report) stopAbove(l *rules.Limits) {
	if l == nil {
		return
	}
	due := r.due()
	switch n := len(due); {
	case n > l.StopAbove.Count:
		r.Stopped = true
		hold(due, "%d are due at once, and stopAbove allows %d: nothing is done", n, l.StopAbove.Count)
	case n*100 > l.StopAbove.Percent*r.Tokens:
		r.Stopped = true
		hold(due, "%d of %d tokens are due at once, and stopAbove allows %d percent: nothing is done", n, r.Tokens,
			l.StopAbove.Percent)
	}
	if r.Stopped {
		r.stopReason = due[0].Reason
	}
}

// keepTo holds due findings that are not in the reviewed plan, or that have changed since the review.
func (r *Report) keepTo(actions []ledger.Action, digest string) {
	r.Notes = append(r.Notes, fmt.Sprintf("this run did no more than the plan %s, which was reviewed; its own is "+
		"what is due now", digest))
	reviewed := make(map[string]ledger.Action)
	for _, a := range actions {
		reviewed[a.Token] = a
	}
	for _, f := range r.due() {
		switch a, ok := reviewed[f.Token.ID]; {
		case !ok || a.Step != f.Step.String():
			hold([]*Finding{f}, "it is not in the reviewed plan %s", digest)
		case a.Facts != f.basis():
			hold([]*Finding{f}, "it is not as it was when the plan %s was reviewed", digest)
		}
	}
}

// limit holds due findings beyond perRun and perDay. spent is how many quarantines and revocations were begun in the
// last 24 hours.
func (r *Report) limit(l *rules.Limits, spent int) {
	if l == nil {
		return
	}
	due := r.due()
	if left := max(0, l.PerDay-spent); left < len(due) && left < l.PerRun {
		hold(due[left:], "perDay allows %d in 24 hours, of which %d are spent", l.PerDay, spent)
	} else if l.PerRun < len(due) {
		hold(due[l.PerRun:], "perRun allows %d in one run", l.PerRun)
	}
}

// actions are what the plan would do now.
func (r *Report) actions() (actions []ledger.Action) {
	for _, f := range r.due() {
		actions = append(actions, ledger.Action{Token: f.Token.ID, Step: f.Step.String(), Rules: f.stepRules,
			Facts: f.basis()})
	}
	return actions
}

// basis is a digest of what a decision to act rests on: the identity of the token, and what the matching rules read and
// ask for.
func (f *Finding) basis() string {
	h := sha256.New()
	t := f.Token
	for _, o := range []okta.Opt[string]{t.Name, t.ClientName, t.UserID} {
		_, _ = fmt.Fprintf(h, "%s %+q\n", o.Presence(), orEmpty(o))
	}
	made, _ := t.Created.Get()
	_, _ = fmt.Fprintf(h, "%s %s\n", t.Created.Presence(), made.UTC().Format(time.RFC3339Nano))
	for m := range f.disrupting() {
		_, _ = fmt.Fprintf(h, "%s %s\n", m.Rule.ID, m.Facts())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// digest is the digest of the plan. It covers the org, the policy, each decision, and the basis of each decision to
// act. Two runs that decide the same have the same digest: the order of findings does not count, and neither does a due
// time that would only begin to count now.
func digest(r *Report) string {
	lines := make([]string, 0, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		due := ""
		if len(f.unannounced) == 0 && !f.Due.IsZero() {
			due = f.Due.UTC().Format(time.RFC3339)
		}
		ids := f.ruleIDs()
		for _, m := range f.Unknown {
			ids = append(ids, m.Rule.ID+"?")
		}
		basis := ""
		if f.Outcome == WouldQuarantine || f.Outcome == WouldRevoke {
			basis = f.basis()
		}
		lines = append(lines, fmt.Sprintf("%+q %s %s %s %s %s\n", f.Token.ID, f.Outcome, f.Step, due,
			strings.Join(ids, ","), basis))
	}
	slices.Sort(lines)
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "tokensweep plan 1\n%s\n%s\n", r.OrgURL, r.PolicyDigest)
	for _, l := range lines {
		_, _ = io.WriteString(h, l)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
