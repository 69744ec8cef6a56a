package metrics_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/notify/notifytest"
	"tokensweep/okta"
)

// passes are the totals of passes with these exit codes, r1 and so on, in each of which something was counted.
func passes(codes ...int) (t ledger.Totals) {
	for i, code := range codes {
		run := "r" + string(rune('1'+i))
		t.Apply(ledger.Record{Kind: ledger.Begun, Run: run})
		t.Apply(ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultRevoked})
		t.Apply(ledger.Record{Kind: ledger.Ended, Run: run, ExitCode: code, Time: notifytest.Now,
			Counts: map[string]int{"okta/requests/200": 10, "okta/waits": 1, "okta/waited-ms": 2500,
				"slack/deliveries/report/failed": 1, "flagged": 5}})
	}
	return t
}

// counting are the series that grow and are not zero.
func counting(all map[string]int) map[string]int {
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(name string, n int) bool { return !strings.Contains(name, "_total") || n == 0 })
	return all
}

func TestCountersOfASingleRunAreTotalsOverAll(t *testing.T) {
	m := metrics.NewRun(acme, "v1.2.3", "r3")
	m.Asked(okta.Event{Status: 200}) // which its end has told to the ledger
	m.Recall(audit.History{Totals: passes(0, 22, 0)})
	m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), audit.OK)
	want := map[string]int{
		`tokensweep_runs_total{exit_code="0"}`: 2, `tokensweep_runs_total{exit_code="22"}`: 1,
		`tokensweep_actions_total{result="revoked",step="revoke"}`: 3, `tokensweep_okta_requests_total{status="200"}`: 30,
		"tokensweep_okta_rate_limit_waits_total": 3, "tokensweep_okta_rate_limit_wait_seconds_total": 7,
		`tokensweep_slack_deliveries_total{message="report",result="failed"}`: 3,
	}
	require.Equal(t, want, counting(series(t, m.Set)))
	require.Contains(t, series(t, m.Set), `tokensweep_runs_total{exit_code="65"}`, "an increase from nothing is none")

	// That the metrics could not be delivered changes the code of this run, which counts once all the same.
	m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), audit.Undelivered)
	want[`tokensweep_runs_total{exit_code="0"}`], want[`tokensweep_runs_total{exit_code="27"}`] = 1, 1
	require.Equal(t, want, counting(series(t, m.Set)))
}

func TestARunWhoseEndIsNotOnRecordIsNotCounted(t *testing.T) {
	m := metrics.NewRun(acme, "v1.2.3", "r9")
	m.Recall(audit.History{Totals: passes(0, 22)})
	m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), audit.NoLedger)
	got := counting(series(t, m.Set))
	require.Equal(t, []int{1, 1, 0}, []int{got[`tokensweep_runs_total{exit_code="0"}`],
		got[`tokensweep_runs_total{exit_code="22"}`], got[`tokensweep_runs_total{exit_code="23"}`]})
	require.Equal(t, 23, series(t, m.Set)["tokensweep_last_run_exit_code"])
}

func TestASingleRunWithoutALedgerHasNoCounters(t *testing.T) {
	m := metrics.NewRun(acme, "v1.2.3", "r1")
	fill(m.Set)
	m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), audit.OK)
	for name := range series(t, m.Set) {
		require.NotContains(t, name, "_total", "it would be 1 for ever")
	}
}

// What is on record may be of a newer version, or made up.
func TestLabelsOfTotalsAreBounded(t *testing.T) {
	totals := ledger.Totals{Pass: "r1"}
	counts := map[string]int{"okta/requests/418": 2, "okta/requests/200/x": 1, "okta/else": 1, "runs/0": 1000, "/": 1,
		"slack/deliveries/dance/ok": 1, "slack/deliveries/report/danced": 1, "slack/deliveries": 1}
	totals.Apply(ledger.Record{Kind: ledger.Ended, Run: "r1", ExitCode: 99, Counts: counts})
	totals.Apply(ledger.Record{Kind: ledger.Outcome, Step: "dance/a", Result: "b"})
	totals.Apply(ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: "a/b"})
	m := metrics.NewRun(acme, "v1.2.3", "r1")
	m.Recall(audit.History{Totals: totals})
	m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), 99)
	require.Equal(t, map[string]int{
		`tokensweep_runs_total{exit_code="other"}`:                           1,
		`tokensweep_okta_requests_total{status="other"}`:                     3,
		`tokensweep_actions_total{result="other",step="other"}`:              1,
		`tokensweep_actions_total{result="other",step="revoke"}`:             1,
		`tokensweep_slack_deliveries_total{message="other",result="other"}`:  2,
		`tokensweep_slack_deliveries_total{message="report",result="other"}`: 1,
	}, counting(series(t, m.Set)))
}

// The process of serve counts over all its runs; the ledger gets what each of them has counted.
func TestALapIsWhatWasCountedSince(t *testing.T) {
	m := metrics.New(acme, "v1.2.3")
	fill(m)
	lap := m.Lap()
	require.Empty(t, lap())
	m.Asked(okta.Event{Status: 429})
	m.Asked(okta.Event{Status: 418})
	m.Reported(metrics.Webhook, nil)
	m.Recorded(ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultRevoked})
	require.Equal(t, map[string]int{"okta/requests/429": 1, "okta/requests/other": 1,
		"webhook/deliveries/report/ok": 1}, lap(), "outcomes are on record anyway")
	for name := range lap() {
		require.Contains(t, name, ledger.SumMark)
	}
}
