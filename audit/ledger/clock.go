package ledger

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Doubt has each record that is appended from now on ask whether the clock is in doubt, as Record.Doubted tells; nil
// asks nobody. While it is, what later times are judged by is refused with an ErrClock.
func (l *Ledger) Doubt(doubt func() bool) { l.doubt = doubt }

// InDoubt asks whether the clock is in doubt.
func (l *Ledger) InDoubt() bool { return l.doubt != nil && l.doubt() }

// undated says that no org was asked for the time before a record of the kind was written. Its time may be wrong, as if
// it were Doubted, and nothing is judged by it. The record doesn't say so: builds that don't know Doubted can read it.
func (k Kind) undated() bool { return k == Halt || k == Resume || k == Recovered || k == InForce }

// judged says that later times are judged by the time of the record: delays, budgets, the age of a plan or of a
// listing.
func (r *Record) judged() bool {
	switch r.Kind {
	case Noticed, Planned, Listed, ClockReset:
		return true
	case Intent:
		return r.Step == StepQuarantine || r.Step == StepRevoke
	}
	return false
}

// resetClock takes a person's word that it is now, so that all times after that are of a clock that was ahead. When
// that was nobody knows: what is only told counts as of now, what was spent counts as spent now, a notice is void, so
// that it comes again before its delay begins, and a plan has to be made again.
func (s *State) resetClock(r Record) {
	now := r.Time
	back := func(t *time.Time) {
		if t.After(now) {
			*t = now
		}
	}
	record := func(r **Record) {
		if *r != nil && (*r).Time.After(now) {
			copied := **r
			copied.Time = now
			*r = &copied
		}
	}
	for key, at := range s.Findings {
		back(&at)
		s.Findings[key] = at
	}
	var ahead []Key
	for key, n := range s.Notices {
		if n.At.After(now) {
			n.At = now
			s.Notices[key] = n
			ahead = append(ahead, key)
		}
	}
	slices.SortFunc(ahead, func(a, b Key) int {
		return cmp.Or(strings.Compare(a.Token, b.Token), strings.Compare(a.Rule, b.Rule))
	})
	for _, key := range ahead {
		s.recall(key, r, "the clock was ahead when it was announced")
	}
	for id, q := range s.Quarantined {
		back(&q.At)
		s.Quarantined[id] = q
	}
	for _, times := range []map[string]time.Time{s.Released, s.Revoked, s.OwnersTold} {
		for id, at := range times {
			back(&at)
			times[id] = at
		}
	}
	for digest, p := range s.Plans {
		if p.At.After(now) {
			delete(s.Plans, digest)
		}
	}
	for sending, d := range s.Undelivered {
		back(&d.At)
		s.Undelivered[sending] = d
	}
	s.Trend = slices.Clone(s.Trend)
	for i := range s.Trend {
		back(&s.Trend[i].At)
	}
	for i := range s.changes {
		back(&s.changes[i])
	}
	for _, r := range []**Record{&s.Listing, &s.LastRun, &s.Halted} {
		record(r)
	}
	s.Totals.back(now)
	back(&s.LastPost)
	back(&s.LastPass.Began)
	back(&s.LastPass.Ended)
	back(&s.latest)
}
