package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// simulation goes through runs in the future. Each decides with the code of a real run, writes its records into a copy
// of the ledger's state, and changes its own tokens as Okta would.
type simulation struct {
	decider decider
	limits  *rules.Limits     // nil for no limits
	tokens  []*simulatedToken // that are still there
	// others are when Okta ends the tokens that no rule ever concerns, in order.
	others  []time.Time
	at      time.Time // of the run
	seq     uint64
	events  []Event
	stopped bool // the last run was stopped by stopAbove
	// lag is how long after the instant of judgement something is announced or done. Because of it, a delay of a day is
	// not over in the run that begins exactly a day later, as in reality.
	lag time.Duration
	// allEnds makes an event of the end of a token that no rule ever concerned, too.
	allEnds bool
}

// simulatedToken is a token of a simulation.
type simulatedToken struct {
	okta.Token
	own      string    // why it may be the token that runs use
	since    time.Time // when it was listed: nothing about it is judged earlier
	used     bool      // it is in use all the time
	lastSaid string    // what the last event said, "" before any
}

// Append applies a record to the simulated state. It makes the simulation the book of a run.
func (m *simulation) Append(r ledger.Record) (ledger.Record, error) {
	m.seq++
	r.Seq, r.Time = 1<<62+m.seq, m.at.Add(m.lag)
	m.decider.past.Apply(r)
	return r, nil
}

// AppendAll is Append of each.
func (m *simulation) AppendAll(records []ledger.Record) ([]ledger.Record, error) {
	written := make([]ledger.Record, 0, len(records))
	for i := range records {
		r, _ := m.Append(records[i]) // it never fails
		written = append(written, r)
	}
	return written, nil
}

// run simulates an enforcing run at an instant.
func (m *simulation) run(at time.Time) {
	m.expire(at)
	m.at = at
	r := &Report{Mode: rules.Enforce, AsOf: at, Tokens: len(m.tokens) + m.othersLeft(at)}
	j := &journal{book: m}
	for _, t := range m.tokens {
		t.use(at)
		st := m.decider.standing(&t.Token)
		if st.lifted {
			_ = j.record(ledger.Record{Kind: ledger.Lifted, Token: t.ID}) // Append never fails
			st = m.decider.standing(&t.Token)
		}
		if f, _, ok := m.decider.decide(t.copied(), st, t.own, laterOf(at, t.since)); ok {
			r.Findings = append(r.Findings, f)
		}
	}
	sortFindings(r.Findings)
	r.stopAbove(m.limits)
	r.limit(m.limits, spentBefore(m.decider.past, at.UTC()))
	told := &notices{journal: j, past: m.decider.past, report: r}
	_ = told.voidStale(context.Background())
	_ = told.recordDelivered(context.Background(), "simulation")
	if r.Stopped && !m.stopped {
		m.events = append(m.events, Event{At: at, What: Stopped, Why: []string{r.firstHeld()}})
	}
	m.stopped = r.Stopped
	for _, f := range r.due() {
		m.apply(f)
	}
	m.addEvents(r)
}

// firstHeld is why the first finding is held.
func (r *Report) firstHeld() string {
	for _, f := range r.Findings {
		if f.Outcome == Held {
			return f.Reason
		}
	}
	return ""
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// copied is the token as it is now, for a finding to keep.
func (t *simulatedToken) copied() *okta.Token {
	as := t.Token
	return &as
}

// use moves the times of a token that is in use.
func (t *simulatedToken) use(at time.Time) {
	if t.used && at.After(t.since) {
		t.Token.Use(at)
	}
}

// othersLeft is how many of the tokens that no rule concerns are there at an instant.
func (m *simulation) othersLeft(at time.Time) int {
	gone, _ := slices.BinarySearchFunc(m.others, at.Add(1), time.Time.Compare)
	return len(m.others) - gone
}

// expire removes the tokens that Okta ends up to an instant. Those that no rule concerned end without an event.
func (m *simulation) expire(at time.Time) {
	m.tokens = slices.DeleteFunc(m.tokens, func(t *simulatedToken) bool {
		ends, known := t.ExpiresAt.Get()
		if !known || ends.After(at) || t.used {
			return false
		}
		if m.allEnds || t.lastSaid != "" {
			as := t.Token
			m.events = append(m.events, Event{At: ends, What: Ended, Token: &as,
				Why: []string{"Okta ends a token that is not used"}})
		}
		return true
	})
}

// apply takes the step that is due on a simulated token, and records it as a run does.
func (m *simulation) apply(f *Finding) {
	i := slices.IndexFunc(m.tokens, func(t *simulatedToken) bool { return t.ID == f.Token.ID })
	t := m.tokens[i]
	before := conditionOf(&t.Token)
	intent, _ := m.Append(ledger.Record{Kind: ledger.Intent, Token: t.ID, Step: f.Step.String(), Before: &before,
		By: ledger.ByRun})
	outcome := ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq, Token: t.ID, Settled: true,
		Result: ledger.ResultRevoked}
	f.Outcome, f.Done = Revoked, true
	if f.Step == rules.Quarantine {
		t.used = false
		after := cutOff(&t.Token, m.decider.policy.QuarantineZone, m.at)
		outcome.Result, outcome.After = ledger.ResultQuarantined, &after
		f.Outcome = Quarantined
	} else {
		m.tokens = slices.Delete(m.tokens, i, i+1)
	}
	_, _ = m.Append(outcome)
}

// cutOff does to a token what Okta does when it is put into quarantine, and returns its condition after that.
func cutOff(t *okta.Token, zone string, at time.Time) ledger.Condition {
	t.Network, t.LastUpdated = networkOf(zoneCondition(zone)), okta.Some(at)
	return conditionOf(t)
}

// addEvents adds an event for each token whose finding differs from that of the run before.
func (m *simulation) addEvents(r *Report) {
	found := make(map[string]*Finding, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		found[f.Token.ID] = f
		if f.Outcome == Revoked { // it is not among the tokens any more
			m.events = append(m.events, f.event(m.at))
		}
	}
	var events []Event
	for _, t := range m.tokens {
		f, summary := found[t.ID], ""
		if f != nil {
			summary = f.summary()
		}
		switch {
		case summary == t.lastSaid:
		case f == nil:
			as := t.Token
			cleared := Event{At: m.at, What: Cleared, Token: &as}
			if q := m.decider.standing(&as).in; q != nil {
				q.noteSpared("")
				cleared.Why = []string{q.String()}
			}
			events = append(events, cleared)
		default:
			events = append(events, f.event(m.at))
		}
		t.lastSaid = summary
		if f != nil && f.Done { // what was announced long ago is no event of the next run
			if again, _, ok := m.decider.decide(t.copied(), m.decider.standing(&t.Token), t.own, m.at); ok {
				t.lastSaid = again.summary()
			}
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return int(b.Severity) - int(a.Severity) })
	m.events = append(m.events, events...)
}

// summary is equal for two findings that a reader would call the same.
func (f *Finding) summary() string {
	words := []string{string(f.Outcome), f.Step.String()}
	for _, m := range f.Matched {
		words = append(words, m.Rule.ID)
	}
	for _, m := range f.Unknown {
		words = append(words, m.Rule.ID+"?")
	}
	return strings.Join(words, " ")
}

func (f *Finding) event(at time.Time) Event {
	e := Event{At: at, What: string(f.Outcome), Token: f.Token, Severity: f.Severity, Step: f.Step, Rules: f.ruleIDs()}
	if f.Step > rules.Flag && (f.Outcome == Pending || f.Done) {
		e.Due = f.Due
	}
	for _, m := range f.Matched {
		e.Why = append(e.Why, m.Rule.ID+": "+strings.Join(m.Because(), ", "))
	}
	if f.Outcome != Unknown || len(f.Matched) > 0 { // else they are the reason
		for _, m := range f.Unknown {
			e.Why = append(e.Why, m.Rule.ID+" could not be judged: "+strings.Join(m.Because(), ", "))
		}
	}
	e.Why = append(e.Why, f.Why()...)
	return e
}
