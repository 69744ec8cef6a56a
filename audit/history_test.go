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
