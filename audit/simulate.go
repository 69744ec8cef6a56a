package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
	"tokensweep/rules/schedule"
)

// SimulateOptions says how far ahead to look, and what to assume.
type SimulateOptions struct {
	// Length is how long the calendar is.
	Length time.Duration
	// InUse makes tokens that were used within this time before now go on being used. 0 means that nobody uses any
	// token but the runs their own.
	InUse time.Duration
	// Past is what the ledger tells; nil where nothing is remembered. Simulate changes it.
	Past *ledger.State
	// Store is where Past comes from.
	Store ledger.Store
}

// Simulate lists the org as a dry run does. From there it simulates the runs of the policy's schedule as if each
// enforced, with the policy's limits, the notices on record, and the tokens that Okta ends by itself. Nothing is
// changed or written. The error is as Report.Err of Run.
func Simulate(ctx context.Context, o Options, look SimulateOptions) (*Calendar, error) {
	s, err := onlooker(ctx, o, look.Past)
	if err != nil {
		return nil, err
	}
	l := &listing{session: s, progress: o.Progress}
	if err := l.each(ctx, func(t okta.Token, clock time.Time) {
		s.self.count(&t)
		l.candidates = append(l.candidates, candidate{&t, s.decider.standing(&t), s.self.maybeOwn(&t),
			instantFor(&t, l.at, clock)})
	}); err != nil {
		return nil, err
	}
	c := newCalendar(l, look.Length)
	runs := c.runs(s.policy.Schedule)
	c.Runs = len(runs)
	m, err := newSimulation(ctx, l, c, runs, look.InUse)
	if err != nil {
		return nil, err
	}
	for _, at := range runs {
		m.run(at)
	}
	m.expire(c.Until)
	slices.SortStableFunc(m.events, func(a, b Event) int { return a.At.Compare(b.At) })
	c.Events = m.events
	c.assume(s.policy, look, len(m.others)-m.othersLeft(c.Until))
	c.doubt(s.decider.past, look.Store)
	return c, nil
}

// newCalendar is the calendar of a listed org, without events.
func newCalendar(l *listing, length time.Duration) *Calendar {
	c := &Calendar{
		OrgURL: l.org.OrgURL(), PolicyFile: l.policy.File, PolicyDigest: l.policy.Digest, Mode: l.policy.Mode,
		From: l.at, Until: l.at.Add(length), Schedule: "daily", Tokens: l.list.Tokens,
		listed: make(map[string]bool),
	}
	if s := l.policy.Schedule; s != nil {
		c.Schedule = s.Cron + " " + s.Location.String()
	}
	for i := range l.candidates {
		c.listed[l.candidates[i].token.ID] = true
	}
	return c
}

// newSimulation begins with the tokens that were listed, and looks up what the policy reads of those that a rule will
// concern. Tokens that were used within inUse before the calendar stay in use, and so does the token of the run.
func newSimulation(ctx context.Context, l *listing, c *Calendar, runs []time.Time,
	inUse time.Duration) (*simulation, error) {
	_, end := l.lookup.begin(ctx)
	defer end()
	m := &simulation{decider: l.decider, limits: l.policy.Limits, lag: time.Second}
	for _, k := range l.candidates {
		used, known := k.token.LastUsed().Get()
		recently := known && !used.Before(c.From.Add(-inUse)) && inUse > 0
		t := &simulatedToken{Token: *k.token, own: k.own, since: k.at}
		t.used = !k.standing.in.certain() && (recently || t.own != "" && l.self.found == 1)
		if l.concerned(t, k.standing, c, runs) {
			m.tokens = append(m.tokens, t)
			if l.policy.Reads(rules.Owners) {
				l.lookup.request(&t.Token)
			}
		} else if ends, known := t.ExpiresAt.Get(); known && !t.used {
			m.others = append(m.others, ends)
		} else {
			m.others = append(m.others, c.Until.Add(1))
		}
	}
	slices.SortFunc(m.others, time.Time.Compare)
	if err := l.lookup.wait(); err != nil {
		return nil, err
	}
	for _, t := range m.tokens {
		t.Owner = l.lookup.known(&t.Token)
	}
	return m, nil
}

// runs are the instants at which a run is due.
func (c *Calendar) runs(s *schedule.Schedule) (all []time.Time) {
	next := func(after time.Time) time.Time { return after.Add(24 * time.Hour) }
	first := c.From
	if s != nil {
		next, first = s.Next, s.Next(c.From.Add(-1))
	}
	for at := first; !at.After(c.Until); at = next(at) {
		all = append(all, at)
	}
	return all
}

// concerned reports whether a rule will ever concern a token within the calendar. What is not known of its owner yet
// counts as a concern.
func (s *session) concerned(t *simulatedToken, st standing, c *Calendar, runs []time.Time) bool {
	as := *t
	as.Token = *st.view(&t.Token)
	instants := runs
	if !t.used {
		instants = append([]time.Time{laterOf(c.From, t.since)}, s.policy.ChangePoints(&as.Token, c.From, c.Until)...)
	}
	return slices.ContainsFunc(instants, func(at time.Time) bool {
		as.use(at)
		return s.policy.Concerns(&as.Token, laterOf(at, t.since))
	})
}

// assume says under what assumptions the calendar holds. others is how many tokens Okta ends that no rule concerns.
func (c *Calendar) assume(p *rules.Policy, look SimulateOptions, others int) {
	add := func(format string, args ...any) { c.Assumed = append(c.Assumed, fmt.Sprintf(format, args...)) }
	if look.InUse > 0 {
		add("tokens used in the %v before %s go on being used, "+
			"all others and those in quarantine are not used any more",
			look.InUse, c.From.Format(time.RFC3339))
	} else {
		add("nobody uses a token from now on, but the runs their own: a use takes a token out of this calendar")
	}
	add("nobody makes, edits or revokes a token, and owners stay as they are")
	add("every run (%s) enforces, succeeds, and delivers its notices", c.Schedule)
	if c.Mode != rules.Enforce {
		add("the policy says mode: %s, so that none of this happens before it says mode: enforce", c.Mode)
	}
	if p.Limits == nil {
		add("the policy has no limits, which it needs to enforce: none are kept here")
	}
	if others > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("tokens that no rule concerns, and that Okta ends in this time if "+
			"nobody uses them: %d", others))
	}
}

// doubt notes what would keep runs from acting now. store is where the past comes from.
func (c *Calendar) doubt(past *ledger.State, store ledger.Store) {
	if past.LastRun == nil {
		return // there is no ledger, or it is new
	}
	if note, err := store.Halted(); past.Halted != nil || note != nil || err != nil {
		c.Notes = append(c.Notes, "the brake is pulled: nothing of this happens before tokensweep resume")
	}
	if n := len(past.OpenSeqs()); n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("changes of which the outcome is not known yet, before which nothing "+
			"else is changed: %d", n))
	}
}
