package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tokensweep/okta"
	"tokensweep/rules"
)

// decide says what comes of a token's verdict at the instant now. own, if not "", says why the token
// may be the one that this run uses. ok is false if the token is of no concern.
//
// No delay has begun for any token: a dry run starts no clock. So a step is due if its delay is none.
func decide(t okta.Token, v rules.Verdict, own string, now time.Time) (f Finding, ok bool) {
	if len(v.Matched) == 0 && len(v.Unknown) == 0 {
		return Finding{}, false
	}
	f = Finding{
		Token: t, Matched: v.Matched, Unknown: v.Unknown,
		Severity: severity(v), Step: strongest(v.Matched), Outcome: Flagged,
	}
	spared := slices.Clone(v.Protections)
	if own != "" {
		spared = append(spared, own)
	}
	disrupts := f.Step > rules.Flag
	switch {
	case v.Exemption != nil:
		f.Outcome, f.Reason = Exempt, v.Exemption.String()
	case len(v.Matched) == 0:
		f.Outcome, f.Reason = Unknown, unjudged(v.Unknown)
	case disrupts && len(v.Doubts) > 0:
		f.Outcome, f.Reason = Unknown, strings.Join(v.Doubts, "; ")
	case disrupts && len(spared) > 0:
		f.Outcome, f.Reason = Protected, strings.Join(spared, "; ")
	case disrupts:
		f.Step, f.Outcome, f.Due = next(v.Matched, now)
	}
	return f, true
}

// severity is the highest of the rules that matched or, if none did, of those that could not be judged.
func severity(v rules.Verdict) (worst rules.Severity) {
	matches := v.Matched
	if len(matches) == 0 {
		matches = v.Unknown
	}
	for _, m := range matches {
		worst = max(worst, m.Rule.Severity)
	}
	return worst
}

// strongest is the strongest step that any of the rules takes one day.
func strongest(matches []rules.Match) (s rules.Step) {
	for _, m := range matches {
		for _, d := range m.Rule.Steps {
			s = max(s, d.Step)
		}
	}
	return s
}

// next is the strongest step that is due, or else the one that is due next. The rules disrupt.
func next(matches []rules.Match, now time.Time) (rules.Step, Outcome, time.Time) {
	due, coming := rules.DelayedStep{}, rules.DelayedStep{}
	for _, m := range matches {
		for _, d := range m.Rule.Steps {
			switch {
			case d.Step == rules.Flag:
			case d.After == 0:
				if d.Step > due.Step {
					due = d
				}
			case coming.Step == 0, d.After < coming.After, d.After == coming.After && d.Step > coming.Step:
				coming = d
			}
		}
	}
	switch due.Step {
	case rules.Revoke:
		return due.Step, WouldRevoke, now
	case rules.Quarantine:
		return due.Step, WouldQuarantine, now
	}
	return coming.Step, Pending, now.Add(coming.After)
}

// unjudged is the reason of a finding that no rule matched: which rules could not be judged, and why.
func unjudged(unknown []rules.Match) string {
	var parts []string
	for _, m := range unknown {
		parts = append(parts, fmt.Sprintf("rule %s: %s", m.Rule.ID, strings.Join(m.Because, ", ")))
	}
	return strings.Join(parts, "; ")
}

// digest is the plan's digest. It covers the org, the policy and every decision, and nothing that
// differs between two runs which decide the same.
func digest(r *Report) string {
	lines := make([]string, 0, len(r.Findings))
	for _, f := range r.Findings {
		ids := make([]string, 0, len(f.Matched)+len(f.Unknown))
		for _, m := range f.Matched {
			ids = append(ids, m.Rule.ID)
		}
		for _, m := range f.Unknown {
			ids = append(ids, m.Rule.ID+"?")
		}
		lines = append(lines, fmt.Sprintf("%q %s %s %s\n", f.Token.ID, f.Outcome, f.Step, strings.Join(ids, ",")))
	}
	slices.Sort(lines)
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "tokensweep plan 1\n%s\n%s\n", r.OrgURL, r.PolicyDigest)
	for _, l := range lines {
		_, _ = io.WriteString(h, l)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
