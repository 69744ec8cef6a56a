package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// totals are those of records that are a second apart. Each end has its beginning right before, at the same time.
func totals(records ...ledger.Record) *ledger.Totals {
	s := new(ledger.State)
	for i, r := range records {
		r.Time = start.Add(time.Duration(i+1) * time.Second)
		if r.Kind == ledger.Ended && r.Run != "h" {
			s.Apply(ledger.Record{Kind: ledger.Begun, Run: r.Run, Time: r.Time})
		}
		s.Apply(r)
	}
	return &s.Totals
}

func end(run string, code int, counts map[string]int) ledger.Record {
	return ledger.Record{Kind: ledger.Ended, Run: run, ExitCode: code, Counts: counts}
}

func TestAPassCountsOnceByItsLastEnd(t *testing.T) {
	begun := ledger.Record{Kind: ledger.Begun, Run: "r1"}
	got := totals(begun, end("r1", 0, nil), end("r1", 27, nil), end("r2", 27, nil), end("r2", 20, nil),
		end("r3", 0, nil), end("r3", 0, nil))
	require.Equal(t, map[int]ledger.Ends{
		27: {1, start.Add(3 * time.Second)}, 20: {1, start.Add(5 * time.Second)},
		0: {1, start.Add(7 * time.Second)},
	}, got.All(0).Ends)
	require.Equal(t, ledger.Ends{Count: 2, Last: start.Add(7 * time.Second)}, got.All(27).Ends[27],
		"as if it ended otherwise")
	require.Equal(t, 1, got.All(0).Ends[0].Count, "asking changes nothing")
	require.Zero(t, totals().All(0))
	require.Zero(t, totals(begun).All(0), "a pass that never ended is none")
}

func TestAChangeByHandIsNoPassAndItsOutcomeCounts(t *testing.T) {
	got := totals(
		ledger.Record{Kind: ledger.Begun, Run: "h", Mode: ledger.ByHand},
		ledger.Record{Kind: ledger.Outcome, Run: "h", Step: ledger.StepRestore, Result: ledger.ResultRestored},
		end("h", 20, map[string]int{"okta/waits": 1}), end("r1", 0, nil),
		ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultUnknown},
		ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultRevoked, Settled: true},
	).All(0)
	require.Equal(t, map[int]ledger.Ends{0: {1, start.Add(4 * time.Second)}}, got.Ends)
	require.Equal(t, map[string]int{"restore/restored": 1, "revoke/unknown": 1, "revoke/revoked": 1}, got.Outcomes)
	require.Empty(t, got.Sums)
}

func TestWhatPassesCountedIsSummed(t *testing.T) {
	got := totals(
		end("r1", 0, map[string]int{"okta/waits": 9}), end("r1", 0, map[string]int{"okta/waits": 2, "flagged": 7}),
		end("r2", 0, map[string]int{"okta/waits": 3, "slack/report/ok": 1}),
	)
	require.Equal(t, map[string]int{"okta/waits": 5, "slack/report/ok": 1}, got.All(0).Sums,
		"numbers of findings are of one pass")
}

func TestTotalsAreAValueThatCanBeKept(t *testing.T) {
	was := totals(end("r1", 0, map[string]int{"okta/waits": 2}), end("r2", 27, map[string]int{"okta/waits": 1}),
		ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultGone})
	raw, err := json.Marshal(was)
	require.NoError(t, err)
	kept := new(ledger.Totals)
	require.NoError(t, json.Unmarshal(raw, kept))
	require.Equal(t, was, kept)
}

func TestTimesOfAClockThatWasAheadAreTakenBackInTotals(t *testing.T) {
	s := new(ledger.State)
	ahead, now := start.AddDate(1, 0, 0), start
	for _, run := range []string{"r1", "r2"} {
		s.Apply(ledger.Record{Time: ahead, Kind: ledger.Begun, Run: run})
		s.Apply(ledger.Record{Time: ahead, Kind: ledger.Ended, Run: run})
	}
	s.Apply(ledger.Record{Time: now, Kind: ledger.ClockReset})
	require.Equal(t, map[int]ledger.Ends{0: {1, now}}, s.Totals.Ends)
	require.Equal(t, now, s.Totals.Last.Time)
}
