// Package alerts holds deploy/alerts.yaml against Prometheus itself: the loader that promtool check rules uses,
// and the engine that evaluates the expressions. It is a module of its own, so that the product needs none of it.
package alerts

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

const file = "../../deploy/alerts.yaml"

func load(text string) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), false, model.LegacyValidation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
}

func rules(t *testing.T) (text string, byName map[string]rulefmt.Rule) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := load(string(raw))
	for _, err := range errs {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	byName = make(map[string]rulefmt.Rule)
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			byName[r.Alert] = r
		}
	}
	return string(raw), byName
}

func TestPrometheusLoadsTheRules(t *testing.T) {
	text, _ := rules(t)
	for name, broken := range map[string]string{
		"an expression":   strings.Replace(text, "== 1", "== ", 1),
		"a key":           strings.Replace(text, "expr:", "exp:", 1),
		"a duration":      strings.Replace(text, "for: 1h", "for: soon", 1),
		"a template":      strings.Replace(text, "$value }}", "$value }", 1),
		"a name of label": strings.Replace(text, "{severity:", "{se-verity:", 1),
	} {
		if broken == text {
			t.Errorf("%s: nothing was broken", name)
		}
		if _, errs := load(broken); len(errs) == 0 {
			t.Errorf("%s: the mistake is not found", name)
		}
	}
}

// Each row is what is known of one org, a value an hour, and when which alert is for it.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	const day = 24 * time.Hour
	_, byName := rules(t)
	seen := make(map[string]bool)
	for _, row := range []struct {
		alert, series string
		at            time.Duration
		fires         bool
	}{
		{"TokensweepNoSuccess", `tokensweep_last_success_timestamp_seconds{org="a"} 0x300`, 4*day + time.Hour, false},
		{"TokensweepNoSuccess", `tokensweep_last_success_timestamp_seconds{org="a"} 0x300`, 4*day + 3*time.Hour, true},
		{"TokensweepNoSuccess", `tokensweep_last_success_timestamp_seconds{org="a"} 0+3600x300`, 10 * day, false},
		{"TokensweepNeverSucceeded", `tokensweep_build_info{org="a",version="v1"} 1x300`, day, true},
		{"TokensweepNeverSucceeded", `tokensweep_build_info{org="a",version="v1"} 1x300` + "\n" +
			`tokensweep_last_success_timestamp_seconds{org="b"} 0x300`, day, true},
		{"TokensweepNeverSucceeded", `tokensweep_build_info{org="a",version="v1"} 1x300` + "\n" +
			`tokensweep_last_success_timestamp_seconds{org="a"} 0x300`, day, false},
		{"TokensweepAbsent", `up{job="other"} 1x300`, day, true},
		{"TokensweepAbsent", `tokensweep_build_info{org="a",version="v1"} 1x300`, day, false},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 0x300`, day, false},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 10x300`, day, false},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 21x300`, day, false},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 2x300`, day, true},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 20x300`, day, true},
		{"TokensweepRunFailed", `tokensweep_last_run_exit_code{org="a"} 65x300`, day, true},
		{"TokensweepStopAbove", `tokensweep_last_run_stopped{org="a"} 1x300`, day, true},
		{"TokensweepStopAbove", `tokensweep_last_run_stopped{org="a"} 0x300`, day, false},
		{"TokensweepPolicyInvalid", `tokensweep_policy_valid{org="a"} 0x300`, day, true},
		{"TokensweepPolicyInvalid", `tokensweep_policy_valid{org="a"} 1x300`, day, false},
		{"TokensweepOverdue", `tokensweep_next_run_timestamp_seconds{org="a"} 86400x300`, day + 30*time.Minute, false},
		{"TokensweepOverdue", `tokensweep_next_run_timestamp_seconds{org="a"} 86400x300`, day + 2*time.Hour, true},
		{"TokensweepOverdue", `tokensweep_next_run_timestamp_seconds{org="a"} 0x300`, day, true},
		{"TokensweepRunsSkipped", `tokensweep_runs_skipped_total{org="a"} 3x300`, 2 * day, false},
		{"TokensweepRunsSkipped", `tokensweep_runs_skipped_total{org="a"} 0x40 1x100`, 2 * day, true},
	} {
		rule, ok := byName[row.alert]
		if !ok {
			t.Fatalf("there is no alert %s", row.alert)
		}
		seen[row.alert] = true
		result := evaluate(t, rule.Expr, row.series, row.at)
		if fires := len(result) > 0; fires != row.fires {
			t.Errorf("%s after %v of\n%s\nfires: %v, should: %v", row.alert, row.at, row.series, fires, row.fires)
		}
		for _, sample := range result {
			if org := sample.Metric.Get("org"); org != "a" && row.alert != "TokensweepAbsent" {
				t.Errorf("%s names the org %q", row.alert, org)
			}
		}
	}
	for name := range byName {
		if !seen[name] {
			t.Errorf("%s is not tried", name)
		}
	}
}

func evaluate(t *testing.T, expr, series string, at time.Duration) promql.Vector {
	t.Helper()
	storage := promqltest.LoadedStorage(t, fmt.Sprintf("load 1h\n  %s\n", strings.ReplaceAll(series, "\n", "\n  ")))
	engine := promqltest.NewTestEngine(t, false, 2*time.Hour, 10_000)
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, time.Unix(0, 0).Add(at))
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	result, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatal(err)
	}
	return result
}
