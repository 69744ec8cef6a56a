package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// decider says what comes of a token. It is a function of values: the policy, what the ledger tells of
// the past, the token, and the instant.
type decider struct {
	policy *rules.Policy
	past   *ledger.State // never nil; empty where nothing is remembered
	zones  zoneContents  // nil where no org is asked, as in policy tests: then zones are taken to contain nobody
}

// decide says what happens to the token t at the instant at. st is its standing. own, if not "", says why the token may
// be the one that this run uses. ok is false if no rule concerns the token. The verdict is returned as well. Both keep
// the token, which must not be changed any more.
func (d *decider) decide(t *okta.Token, st standing, own string, at time.Time) (f Finding, v rules.Verdict, ok bool) {
	view := st.view(t)
	v = d.policy.Evaluate(view, at)
	if len(v.Matched) == 0 && len(v.Unknown) == 0 {
		return Finding{}, v, false
	}
	f = Finding{
		Token: t, Matched: v.Matched, Unknown: v.Unknown,
		Severity: severity(v), Step: strongestStep(v.Matched), Outcome: Flagged, At: at,
		Remark: rules.EditRemark(view), Quarantine: st.inQuarantine(),
	}
	spared := slices.Clone(v.Protections)
	if own != "" {
		spared = append(spared, own)
	}
	if okta.CheckTokenID(t.ID) != nil {
		spared = append(spared, "its id is not that of an API token, so that nothing can be asked about it alone")
	}
	disrupts := f.Step > rules.Flag
	switch {
	case v.Exemption != nil:
		f.Outcome, f.Reason = Exempt, v.Exemption.String()
	case len(v.Matched) == 0:
		f.Outcome, f.Reason = Unknown, strings.Join(append([]string{unknownReason(v.Unknown)}, v.Doubts...), "; ")
	case disrupts && len(v.Doubts) > 0:
		f.Outcome, f.Reason = Unknown, strings.Join(v.Doubts, "; ")
	case disrupts && len(spared) > 0:
		f.Outcome, f.Reason = Protected, strings.Join(spared, "; ")
	case disrupts:
		d.schedule(&f, st, at)
	default: // it is reported whether it is exempt or not
		f.Reason = strings.Join(v.Doubts, "; ")
	}
	f.Quarantine.noteSpared(f.Outcome)
	return f, v, true
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

// strongestStep is the strongest step that any of the rules will take, now or later.
func strongestStep(matches []rules.Match) (s rules.Step) {
	for _, m := range matches {
		for _, d := range m.Rule.Steps {
			s = max(s, d.Step)
		}
	}
	return s
}

// step is a disruptive step of a rule that matches, and when it is due.
type step struct {
	rules.Step
	due  time.Time
	now  bool // it is due
	rule string
}

// schedule picks the step of a token that may be acted on: the strongest step that is due, or else the next one to fall
// due. A delay counts from the delivery of a notice whose facts still hold. Without such a notice it would begin now,
// so only a step without delay is due.
func (d *decider) schedule(f *Finding, st standing, at time.Time) {
	if f.Quarantine != nil && f.Quarantine.Doubtful {
		f.Outcome, f.Reason = Unknown, f.Quarantine.since()
		return
	}
	quarantined := f.Quarantine.certain()
	steps := d.steps(f, st, at, quarantined)
	var due, coming step
	for _, s := range steps {
		switch {
		case s.now && (s.Step > due.Step || (s.Step == due.Step && s.due.Before(due.due))):
			due = s
		case !s.now && (coming.Step == 0 || s.due.Before(coming.due) ||
			(s.due.Equal(coming.due) && s.Step > coming.Step)):
			coming = s
		}
	}
	if quarantined {
		f.Reason = f.Quarantine.since()
	}
	next, against := due, irreversible(f.Token)
	switch {
	case due.Step == rules.Revoke:
		f.Outcome = WouldRevoke
	case due.Step == rules.Quarantine && against != "":
		f.Outcome, f.Reason = Unknown, against
	case due.Step == rules.Quarantine:
		f.Outcome = WouldQuarantine
	case coming.Step != 0:
		next, f.Outcome = coming, Pending
	default:
		next, f.Outcome = step{Step: rules.Quarantine}, Quarantined
	}
	f.Step, f.Due = next.Step, next.due
	for _, s := range steps {
		if s.now && s.Step == next.Step && next.now {
			f.stepRules = append(f.stepRules, s.rule)
		}
	}
}

// steps returns the quarantines and revocations that the matching rules want, except a quarantine that is in place. It
// also records in the finding the rules whose notice must still be delivered.
func (d *decider) steps(f *Finding, st standing, at time.Time, quarantined bool) (steps []step) {
	for m := range f.disrupting() {
		n, told := d.past.Notices[ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID}]
		told = told && !st.lifted && n.Facts == m.Facts()
		if !told {
			f.unannounced = append(f.unannounced, m)
		}
		start := at
		if told {
			start = n.At
		}
		for _, s := range m.Rule.Steps {
			if s.Step == rules.Flag || (s.Step == rules.Quarantine && quarantined) {
				continue
			}
			due := start.Add(s.After)
			steps = append(steps, step{s.Step, due, (s.After == 0 && !st.givenBack) || (told && !due.After(at)),
				m.Rule.ID})
		}
	}
	return steps
}

// unknownReason says, for a finding that no rule matched, which rules could not be judged and why.
func unknownReason(unknown []rules.Match) string {
	var parts []string
	for _, m := range unknown {
		parts = append(parts, fmt.Sprintf("rule %s: %s", m.Rule.ID, strings.Join(m.Because(), ", ")))
	}
	return strings.Join(parts, "; ")
}
