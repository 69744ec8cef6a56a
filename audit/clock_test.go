package audit_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// dryWith makes a dry run by a clock that is wrong.
func (w *world) dryWith(text string, wrong time.Duration) *audit.Report {
	w.connect()
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return w.clock.Add(wrong) })
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, l.Close()) }()
	o := w.options(text, l)
	o.Now = func() time.Time { return w.clock.Add(wrong) }
	return audit.Run(w.t.Context(), o)
}

func TestADryRunByAWrongClockReportsAndRemembersNothing(t *testing.T) {
	for _, wrong := range []time.Duration{400 * day, -400 * day} {
		w := newWorld(t, idleToken(1))
		r := w.dryWith(idlePolicy, wrong)
		require.NoError(t, r.Err)
		require.Equal(t, audit.Pending, only(t, r).Outcome)
		for _, rec := range w.records() {
			require.True(t, rec.Doubted, "%+v", rec)
			require.Contains(t, []ledger.Kind{ledger.Begun, ledger.Ended}, rec.Kind)
		}
		h, err := audit.ReadHistory(ledger.InDirectory(w.state), w.clock)
		require.NoError(t, err)
		require.False(t, h.Began.After(w.clock) || h.LastEnded.After(w.clock) || h.Succeeded.After(w.clock), "%+v", h)

		require.NoError(t, w.enforce(idlePolicy).Err)
		w.pass(3*day + time.Hour)
		require.Equal(t, audit.Quarantined, only(t, w.enforce(idlePolicy)).Outcome)
	}
}

// Two machines whose clocks both agree with the org's well enough may be further apart from each other.
func TestGoodClocksOnBothSidesOfTheOrgsStopNobody(t *testing.T) {
	w := newWorld(t, idleToken(1))
	require.NoError(t, w.dryWith(idlePolicy, 4*time.Minute).Err)
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return w.clock.Add(-4 * time.Minute) })
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	o := w.options(rule("{quarantine: 0d}"), l)
	o.Now = func() time.Time { return w.clock.Add(-4 * time.Minute) }
	o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
		return "test", nil
	}}
	r := audit.Run(t.Context(), o)
	require.NoError(t, r.Err)
	require.Equal(t, audit.Quarantined, only(t, r).Outcome)
}

// future writes a record by a clock that is ahead, as builds did that did not doubt theirs.
func (w *world) future(by time.Duration, records ...ledger.Record) {
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return w.clock.Add(by) })
	require.NoError(w.t, err)
	for _, r := range records {
		_, err := l.Append(r)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, l.Close())
}

func (w *world) resetClock() (bool, error) {
	w.connect()
	l := w.open()
	defer func() { require.NoError(w.t, l.Close()) }()
	return audit.ClockReset{
		Org: w.client.Reader, Ledger: l, Reason: "a node ran ahead", By: "kim", Now: func() time.Time {
			return w.clock
		},
		Confirm: func(time.Time, time.Time, bool) error { return nil },
	}.Do(w.t.Context())
}

// After the way out no step is due early, what was spent is spent, and what was cut off is known.
func TestAResetClockJudgesWithCare(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	w.enforce(rule("{quarantine: 0d}"))
	text := rule("{quarantine: 0d, revoke: 3d}")
	facts := ""
	w.enforce(text)
	for _, r := range w.records() {
		if r.Kind == ledger.Noticed && r.Token == idleToken(1).ID {
			facts = r.Facts
		}
	}
	w.future(400*day, ledger.Record{Kind: ledger.Noticed, Token: idleToken(1).ID, Rule: "idle", Facts: facts,
		Via: "slack"},
		ledger.Record{Kind: ledger.Intent, Token: idleToken(1).ID, Step: ledger.StepRevoke})
	w.future(400*day, ledger.Record{Kind: ledger.Outcome, Ref: w.records()[len(w.records())-1].Seq,
		Result: ledger.ResultFailed, Settled: true})
	w.pass(time.Hour)
	require.Equal(t, audit.Halted, w.enforce(text).Code)
	done, err := w.resetClock()
	require.NoError(t, err)
	require.True(t, done)

	l := w.open()
	past := l.State()
	require.Equal(t, 3, past.IntentsSince(w.clock.Add(-day)), "two quarantines, and the one of the future")
	require.Len(t, past.Quarantined, 2)
	require.NotContains(t, past.Notices, ledger.Key{Token: idleToken(1).ID, Rule: "idle"})
	require.Len(t, past.Recalled, 1, "who was told of it is told that it does not hold")
	require.Equal(t, idleToken(1).ID, past.Recalled[0].Token)
	require.Contains(t, past.Notices, ledger.Key{Token: idleToken(2).ID, Rule: "idle"}, "it was given by a good clock")
	require.False(t, past.Latest().After(w.clock))
	require.NoError(t, l.Close())

	w.pass(2 * day)
	r := w.enforce(text) // tells the one again
	require.NoError(t, r.Err)
	w.pass(day + time.Hour)
	r = w.enforce(text)
	require.NoError(t, r.Err)
	require.Equal(t, []string{"DELETE " + idleToken(2).ID}, w.changes()[2:], "the other's delay began anew")
	w.pass(2 * day)
	w.enforce(text)
	require.Len(t, w.changes(), 4)
	done, err = w.resetClock()
	require.NoError(t, err)
	require.False(t, done)
}

// Clocks that part in the middle of acting stop it before the next change.
func TestClocksThatPartWhileActingStopIt(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	l := w.open()
	defer func() { require.NoError(t, l.Close()) }()
	var apart time.Duration
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Then: func() { apart = -10 * day }})
	o := w.options(rule("{revoke: 0d}"), l)
	o.Now = func() time.Time { return w.clock.Add(apart) }
	o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
		return "test", nil
	}}
	r := audit.Run(t.Context(), o)
	require.Equal(t, audit.Halted, r.Code, "%v", r.Err)
	require.Len(t, w.changes(), 1)
	require.Equal(t, 1, r.Count(audit.Held))
}
