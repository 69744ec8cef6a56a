package audit

import (
	"context"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Explanation is everything there is to say about one token: what it is, how each condition judges it, what happens to
// it now, and what will.
type Explanation struct {
	// At is the instant at which it was judged.
	At time.Time
	// Token is the token as Okta has it, with its owner.
	Token okta.Token
	// Quarantine says that it is in our quarantine; nil if it isn't. Rules see it as it was before.
	Quarantine *Quarantine
	// Trace is every field, condition, exemption and protection.
	Trace rules.Trace
	// Own says why it may be the token of the run; "" if it isn't.
	Own string
	// Finding is what a report says of it; nil if no rule concerns it.
	Finding *Finding
	// Steps are the quarantines and revocations of the rules that match it, in the order of the policy.
	Steps []StepAhead
	// Calendar is what happens to it if nobody uses it and every notice is delivered at once, regardless of limits. Its
	// times are those of the changes themselves, not of the runs that will notice them.
	Calendar []Event
}

// StepAhead is a step that a rule wants.
type StepAhead struct {
	// Rule is the id of the rule.
	Rule string
	Step rules.Step
	// After is the delay, and Noticed when the notice was delivered from which it counts. Noticed is zero if there is
	// no valid notice; then Due counts from now.
	After   time.Duration
	Noticed time.Time
	Due     time.Time
}

// Explain reads one token and its owner, and explains what the policy and the past make of it. past is what the ledger
// tells, nil where nothing is remembered. The error is okta.ErrNotFound if there is no such token, and else as
// Report.Err of Run.
func Explain(ctx context.Context, o Options, past *ledger.State, id string) (*Explanation, error) {
	s, err := onlooker(ctx, o, past)
	if err != nil {
		return nil, err
	}
	t, err := s.org.Token(ctx, id)
	if err != nil {
		return nil, err
	}
	if t.Owner, err = s.lookup.owner(ctx, &t); err != nil {
		return nil, err
	}
	return s.decider.explain(t, s.self.maybeOwn(&t), s.instantNow(&t)), nil
}

// explain explains a token. own says why it may be the token of the run. The simulation changes d.past.
func (d *decider) explain(t okta.Token, own string, at time.Time) *Explanation {
	st := d.standing(&t)
	e := &Explanation{At: at, Token: t, Own: own, Trace: d.policy.Trace(st.view(&t), at)}
	e.Quarantine = st.inQuarantine()
	if f, _, ok := d.decide(&t, st, own, at); ok {
		e.Finding, e.Quarantine = &f, f.Quarantine
		e.Steps = d.stepsAhead(f, st, f.Quarantine.certain())
	} else {
		e.Quarantine.noteSpared("")
	}
	e.Calendar = d.calendar(t, own, at)
	return e
}

// stepsAhead are the steps of a finding, due or not.
func (d *decider) stepsAhead(f Finding, st standing, quarantined bool) (steps []StepAhead) {
	for _, s := range d.steps(&f, st, f.At, quarantined) {
		i := slices.IndexFunc(f.Matched, func(m rules.Match) bool { return m.Rule.ID == s.rule })
		a := StepAhead{Rule: s.rule, Step: s.Step, Due: s.due}
		for _, delayed := range f.Matched[i].Rule.Steps {
			if delayed.Step == s.Step {
				a.After = delayed.After
			}
		}
		if start := s.due.Add(-a.After); !slices.ContainsFunc(f.unannounced, func(m rules.Match) bool {
			return m.Rule.ID == s.rule
		}) {
			a.Noticed = start
		}
		steps = append(steps, a)
	}
	return steps
}

// calendarLength is how long a calendar is unless Okta ends the token before.
const calendarLength = 366 * 24 * time.Hour

// calendar simulates a run at each instant at which something about a token changes, until nothing changes any more.
func (d *decider) calendar(t okta.Token, own string, at time.Time) []Event {
	s := &simulatedToken{Token: t, own: own, since: at}
	m := &simulation{decider: *d, tokens: []*simulatedToken{s}, allEnds: true}
	until := at.Add(calendarLength)
	if ends, known := t.ExpiresAt.Get(); known {
		until = ends
	}
	for now := at; !now.After(until) && len(m.tokens) > 0; {
		m.run(now)
		next := until.Add(1)
		st := d.standing(&s.Token)
		if changes := d.policy.ChangePoints(st.view(&s.Token), now, until); len(changes) > 0 {
			next = changes[0]
		}
		if f, _, ok := d.decide(s.copied(), st, own, now); ok {
			for _, step := range d.stepsAhead(f, st, false) {
				if step.Due.After(now) && step.Due.Before(next) {
					next = step.Due
				}
			}
		}
		now = next.Add(time.Second - 1).Truncate(time.Second) // "more than 21 days" begins a moment after them
	}
	m.expire(until)
	return m.events
}
