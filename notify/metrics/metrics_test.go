package metrics_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/notify/notifytest"
	"tokensweep/okta"
)

// acme is whose metrics the tests' are.
var acme = metrics.Source{Org: "acme.okta.com", Policy: "strict"}

var update = flag.Bool("update", false, "rewrite the golden file")

// exposition is what /metrics answers, which Prometheus's own parser and linter must find nothing wrong with.
func exposition(t *testing.T, m *metrics.Set) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
	problems, err := promlint.New(bytes.NewReader(w.Body.Bytes())).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NotEmpty(t, values(t, w.Body.Bytes()))
	return w.Body.String()
}

// values are the series of an exposition, as name{label="value",…}, in whole numbers.
func values(t *testing.T, exposition []byte) map[string]int {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(exposition))
	require.NoError(t, err)
	series := make(map[string]int)
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				if l.GetName() != "org" && l.GetName() != "policy" {
					labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
			}
			key := name
			if len(labels) > 0 {
				key += "{" + strings.Join(labels, ",") + "}"
			}
			series[key] = int(metric.GetGauge().GetValue() + metric.GetCounter().GetValue() +
				metric.GetUntyped().GetValue())
		}
	}
	return series
}

func series(t *testing.T, m *metrics.Set) map[string]int {
	return values(t, []byte(exposition(t, m)))
}

// busy are the metrics of a process that has done a bit of everything.
func busy() *metrics.Set {
	m := metrics.New(acme, "v1.2.3")
	fill(m)
	return m
}

func fill(m *metrics.Set) {
	r := notifytest.Report()
	r.Clients = map[string]int{"Okta API": 400, "Okta AD Agent": 17, "": 1}
	r.Head.Seq = 104
	m.Asked(okta.Event{Status: 200})
	m.Asked(okta.Event{Status: 200})
	m.Asked(okta.Event{Status: 429})
	m.Asked(okta.Event{})
	m.Asked(okta.Event{Until: notifytest.Now.AddDate(-1, 0, 0), RateLimit: true})
	m.Asked(okta.Event{Until: notifytest.Now, Reason: "trying again"})
	m.Recorded(ledger.Record{Seq: 102, Kind: ledger.Intent, Step: ledger.StepRevoke})
	m.Recorded(ledger.Record{Seq: 103, Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: ledger.ResultRevoked})
	m.Recorded(ledger.Record{Seq: 104, Kind: ledger.Outcome, Step: ledger.StepQuarantine, Result: ledger.ResultUnknown})
	m.Announced(metrics.Slack, nil)
	m.Reported(metrics.Slack, errors.New("channel_not_found"))
	m.Report(r)
	m.Ended(notifytest.Now, notifytest.Now.Add(90*time.Second), audit.Undelivered)
	m.Ended(notifytest.Now, notifytest.Now.Add(42*time.Second), audit.OK)
}

func TestMetricsLookLikeTheirGoldenFile(t *testing.T) {
	file, got := filepath.Join("testdata", "metrics.prom"), []byte(strings.ReplaceAll(exposition(t, busy()),
		runtime.Version(), "go1.99"))
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestAServiceShowsItsScheduleAndItsProcess(t *testing.T) {
	s := metrics.NewService(acme, "v1.2.3")
	fill(s.Set)
	s.Next(notifytest.Now)
	s.Skipped()
	s.Panicked()
	got := series(t, s.Set)
	require.EqualValues(t, notifytest.Now.Unix(), got["tokensweep_next_run_timestamp_seconds"])
	require.Equal(t, []int{1, 1, 1}, []int{got["tokensweep_runs_skipped_total"], got["tokensweep_runs_panicked_total"],
		got["tokensweep_policy_valid"]})
	require.Positive(t, got["go_goroutines"])
	s.PolicyValid(false)
	s.Next(time.Time{})
	got = series(t, s.Set)
	require.Zero(t, got["tokensweep_policy_valid"])
	require.Zero(t, got["tokensweep_next_run_timestamp_seconds"])
	s.PolicyValid(true)
	require.Equal(t, 1, series(t, s.Set)["tokensweep_policy_valid"])
	require.NotContains(t, series(t, busy()), "tokensweep_policy_valid", "a single run has no schedule")
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	m := metrics.New(acme, "v1.2.3")
	for key := range series(t, m) {
		require.NotContains(t, key, "last_")
		require.NotContains(t, key, "tokensweep_tokens")
		require.NotContains(t, key, "ledger")
	}
}

func TestARunThatFailsKeepsWhatTheLastCompleteOneFound(t *testing.T) {
	m := busy()
	before := series(t, m)
	m.Report(notifytest.Failed())
	m.Ended(notifytest.Now.Add(time.Hour), notifytest.Now.Add(2*time.Hour), audit.Incomplete)
	got := series(t, m)
	require.Equal(t, 22, got["tokensweep_last_run_exit_code"])
	require.EqualValues(t, notifytest.Now.Add(2*time.Hour).Unix(), got["tokensweep_last_run_timestamp_seconds"])
	for key, n := range before {
		if strings.HasPrefix(key, "tokensweep_tokens") || strings.HasPrefix(key, "tokensweep_findings") ||
			key == "tokensweep_last_success_timestamp_seconds" {
			require.Equal(t, n, got[key], key)
		}
	}
}

func TestAFindingThatIsGoneLeavesNoSeries(t *testing.T) {
	m := busy()
	require.Contains(t, series(t, m), `tokensweep_findings{outcome="pending",rule="idle"}`)
	r := notifytest.Report()
	r.Findings = nil
	m.Report(r)
	for key := range series(t, m) {
		require.NotContains(t, key, "tokensweep_findings")
	}
}

func TestAFindingCountsForEachRule(t *testing.T) {
	got := series(t, busy())
	require.Equal(t, len(notifytest.Hostile), got[`tokensweep_findings{outcome="flagged",rule="client"}`])
	require.Equal(t, 1, got[`tokensweep_findings{outcome="protected",rule="client"}`])
	require.Equal(t, 1, got[`tokensweep_findings{outcome="protected",rule="idle"}`])
	require.Equal(t, 1, got[`tokensweep_findings{outcome="unknown",rule="client"}`])
}

func TestEarlierRunsAreRecalled(t *testing.T) {
	m := metrics.New(acme, "v1.2.3")
	m.Recall(audit.History{
		Began: notifytest.Now, Ended: notifytest.Now.Add(time.Minute), LastEnded: notifytest.Now.Add(time.Minute),
		Code: audit.Incomplete, Succeeded: notifytest.Now.Add(-time.Hour), Head: ledger.Head{Seq: 7},
	})
	got := series(t, m)
	require.Equal(t, []int{22, 60, 7, int(notifytest.Now.Add(-time.Hour).Unix())}, []int{
		got["tokensweep_last_run_exit_code"], got["tokensweep_last_run_duration_seconds"],
		got["tokensweep_ledger_head_sequence"], got["tokensweep_last_success_timestamp_seconds"],
	})

	m.Recall(audit.History{Began: notifytest.Now.Add(time.Hour), LastEnded: notifytest.Now}) // the last one died
	require.NotContains(t, series(t, m), "tokensweep_last_run_duration_seconds")
}

func TestLabelsAreBoundedWhateverAnOrgAnswers(t *testing.T) {
	m := metrics.New(acme, "v1.2.3")
	r := &audit.Report{Complete: true, Clients: map[string]int{"other": 3, "unknown": 2, "": 1}}
	total := 6
	for i, name := range notifytest.Hostile {
		r.Clients[name] += 1000 - i
		total += 1000 - i
	}
	for i := range 5000 {
		r.Clients[fmt.Sprintf("client %d", i)] = 1
		total++
	}
	m.Report(r)
	for status := range 1000 {
		m.Asked(okta.Event{Status: status})
	}
	m.Recorded(ledger.Record{Kind: ledger.Outcome, Step: "dance", Result: "danced"})
	m.Recorded(ledger.Record{Kind: ledger.Outcome, Step: ledger.StepRevoke, Result: "danced"})
	count := make(map[string]int)
	sum := 0
	for key, n := range series(t, m) {
		name, _, _ := strings.Cut(key, "{")
		count[name]++
		if name == "tokensweep_tokens" {
			sum += n
			require.Less(t, len(key), 1000)
			require.NotContains(t, key, "\u202e")
		}
	}
	require.Equal(t, 21, count["tokensweep_tokens"])
	require.Equal(t, total, sum, "no token is lost")
	require.Equal(t, 13, count["tokensweep_okta_requests_total"])
	require.Equal(t, 18, count["tokensweep_actions_total"])
	require.Equal(t, 1, series(t, m)[`tokensweep_actions_total{result="other",step="other"}`])
}

func TestMetricsAreOfManyGoroutines(t *testing.T) {
	m := metrics.NewService(acme, "v1.2.3")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { fill(m.Set) })
		all.Go(func() { exposition(t, m.Set) })
	}
	all.Wait()
	require.Equal(t, 8, series(t, m.Set)[`tokensweep_okta_requests_total{status="200"}`])
}

// ruleFile is the part of Prometheus's rule files that deploy/alerts.yaml uses
// (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/). CI parses its expressions too.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

func TestDocsNameEveryMetric(t *testing.T) {
	raw, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	named := make(map[string]bool)
	for _, name := range regexp.MustCompile(`\btokensweep_[a-z_]+`).FindAllString(string(raw), -1) {
		named[name] = true
	}
	require.Equal(t, named, names(t))
}

// names are those of all metrics of ours.
func names(t *testing.T) map[string]bool {
	s := metrics.NewService(acme, "v1.2.3")
	fill(s.Set)
	there := make(map[string]bool)
	for key := range series(t, s.Set) {
		if name, _, _ := strings.Cut(key, "{"); strings.HasPrefix(name, "tokensweep_") {
			there[name] = true
		}
	}
	return there
}

// ofCronJobs are metrics of kube-state-metrics
// (https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/cronjob-metrics.md).
var ofCronJobs = []string{"kube_cronjob_created", "kube_cronjob_spec_suspend", "kube_cronjob_status_last_schedule_time",
	"kube_cronjob_status_last_successful_time"}

func TestAlertsAreAboutMetricsThatThereAre(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/alerts.yaml")
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	var file ruleFile
	require.NoError(t, decoder.Decode(&file))

	there := names(t)
	var alerts []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			about := regexp.MustCompile(`\b(tokensweep|kube)_\w+`).FindAllString(rule.Expr, -1)
			require.NotEmpty(t, about, rule.Alert)
			for _, name := range about {
				require.True(t, there[name] || slices.Contains(ofCronJobs, name), "%s is about %s", rule.Alert, name)
			}
			require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			alerts = append(alerts, rule.Alert)
		}
	}
	slices.Sort(alerts)
	require.Equal(t, alerts, slices.Compact(slices.Clone(alerts)))
	for _, want := range []string{"TokensweepNoSuccess", "TokensweepRunFailed", "TokensweepStopAbove"} {
		require.Contains(t, alerts, want)
	}
}
