package audit_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

func history(t *testing.T, w *world) audit.History {
	t.Helper()
	h, err := audit.ReadHistory(ledger.InDirectory(w.state), w.clock)
	require.NoError(t, err)
	return h
}

func TestALedgerTellsOfTheLastPassAndTheLastSuccess(t *testing.T) {
	w := newWorld(t, idleToken(1))
	require.Zero(t, history(t, w), "there is no ledger")

	w.enforce(stagedPolicy)
	first := w.clock
	h := history(t, w)
	require.Equal(t, []time.Time{first, first, first, first}, []time.Time{h.Began, h.Ended, h.LastEnded, h.Succeeded})

	w.pass(day)
	w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Status: 404})
	w.dry(stagedPolicy)
	h = history(t, w)
	require.Equal(t, audit.Incomplete, h.Code)
	require.Equal(t, []time.Time{w.clock, w.clock, w.clock, first}, []time.Time{h.Began, h.Ended, h.LastEnded,
		h.Succeeded})

	w.pass(day)
	w.enforce(stagedPolicy)
	last := w.clock
	w.pass(day)
	_, _, err := w.byHand(stagedPolicy, audit.Hand.Restore, oktatest.TokenID(1))
	require.NoError(t, err)
	h = history(t, w)
	require.Equal(t, []time.Time{last, last, last}, []time.Time{h.Began, h.Ended, h.Succeeded},
		"a change by hand is no pass")
	require.Equal(t, w.open().Head(), h.Head)
}

func TestAPassThatDiedBeganAndDidNotEnd(t *testing.T) {
	w := newWorld(t)
	w.dry("rules: [{id: a, when: {name: x}, then: flag}]")
	ended := w.clock
	w.pass(day)
	l := w.open()
	_, err := l.Append(ledger.Record{Kind: ledger.Begun, Run: "20261125T090000Z-abcdef", Org: w.org.URL(),
		Mode: ledger.ModeDryRun})
	require.NoError(t, err)
	h := history(t, w)
	require.Equal(t, []time.Time{w.clock, {}, ended, ended}, []time.Time{h.Began, h.Ended, h.LastEnded, h.Succeeded})
}

func TestALineThatIsBeingWrittenIsNoDamage(t *testing.T) {
	w := newWorld(t)
	w.dry("rules: [{id: a, when: {name: x}, then: flag}]")
	before := history(t, w)
	file := filepath.Join(w.state, "ledger.jsonl")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(raw, `{"v":1,"seq":`...), 0o600))
	require.Equal(t, before, history(t, w))

	raw[20] ^= 1
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	_, err = audit.ReadHistory(ledger.InDirectory(w.state), w.clock)
	require.ErrorIs(t, err, ledger.ErrDamaged)
}

// A run that has the ledger open asks it for the passes before, and not the file.
func TestAnOpenLedgerTellsARunOfThePassesBefore(t *testing.T) {
	w := newWorld(t)
	l := w.open()
	defer func() { require.NoError(t, l.Close()) }()
	pass := func(run string, code audit.ExitCode) {
		for _, r := range []ledger.Record{
			{Kind: ledger.Begun, Run: run, Org: w.org.URL(), Mode: ledger.ModeDryRun},
			{Kind: ledger.Ended, Run: run, ExitCode: int(code)},
		} {
			_, err := l.Append(r)
			require.NoError(t, err)
		}
	}
	require.Zero(t, audit.HistoryFor("r1", l, w.clock).Succeeded)
	pass("r1", audit.Findings)
	success := w.clock
	require.Zero(t, audit.HistoryFor("r1", l, w.clock).Succeeded, "its own end is not before")
	require.Equal(t, success, audit.HistoryFor("r2", l, w.clock).Succeeded)
	w.pass(day)
	pass("r2", audit.Incomplete)
	h := audit.HistoryFor("r2", l, w.clock)
	require.Equal(t, success, h.Succeeded)
	require.Equal(t, l.Head(), h.Head)
	require.Equal(t, map[int]ledger.Ends{10: {Count: 1, Last: success}, 22: {Count: 1, Last: w.clock}},
		h.Totals.All(22).Ends)
	w.pass(-2 * day)
	require.Zero(t, audit.HistoryFor("r3", l, w.clock).Succeeded, "a clock was ahead")

	past, err := audit.ReadHistory(ledger.InDirectory(w.state), w.clock)
	require.NoError(t, err)
	require.Equal(t, h.Totals, past.Totals)
}

// The last end of a run is the one that counts, and so it has all that was counted.
func TestWhatARunCountedIsInItsEnd(t *testing.T) {
	w := newWorld(t, idleToken(1))
	l := w.open()
	defer func() { require.NoError(t, l.Close()) }()
	o, asked := w.options(idlePolicy, l), 0
	o.Tally = func() map[string]int { asked++; return map[string]int{"okta/waits": asked} }
	o.Write = func(*audit.Report) error { return nil }
	require.NoError(t, audit.Run(t.Context(), o).Err)
	require.Equal(t, 2, asked)
	require.Equal(t, map[string]int{"okta/waits": 2}, l.State().Totals.All(0).Sums)
	require.Equal(t, map[string]int{"okta/waits": 2, "pending": 1}, l.State().Totals.Last.Counts)
}
