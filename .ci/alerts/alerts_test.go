// Package alerts holds deploy/alerts.yaml against Prometheus itself: the loader that promtool check rules uses,
// and the rules and the engine that evaluate them. It is a module of its own, so that the product needs none of it.
package alerts

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

const (
	file = "../../deploy/alerts.yaml"
	day  = 24 * time.Hour
	week = 7 * day
)

func load(text string) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), false, model.LegacyValidation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
}

// alerts are those of the file, by name.
func alerts(t *testing.T) (text string, byName map[string]rulefmt.Rule) {
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
	text, _ := alerts(t)
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

// world is what a Prometheus has stored, a value an hour.
type world struct {
	storage storage.Storage
	engine  *promql.Engine
}

// newWorld stores series in promtool's notation: one a line, a value an hour from the beginning on.
func newWorld(t *testing.T, series ...string) *world {
	t.Helper()
	lines := strings.Split(strings.Join(series, "\n"), "\n")
	weeks := func(o *tsdb.Options) { // one series after the other is stored, each from the beginning
		o.MinBlockDuration, o.MaxBlockDuration = (100 * day).Milliseconds(), (100 * day).Milliseconds()
	}
	return &world{
		storage: promqltest.LoadedStorage(t, "load 1h\n  "+strings.Join(lines, "\n  ")+"\n", weeks),
		engine:  promqltest.NewTestEngine(t, false, 0, 1_000_000),
	}
}

// ask evaluates an expression at one time.
func (w *world) ask(t *testing.T, expr string, at time.Duration) promql.Vector {
	t.Helper()
	result, err := rules.EngineQueryFunc(w.engine, w.storage)(t.Context(), expr, time.Unix(0, 0).Add(at))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return result
}

// firing evaluates an alert each hour until a time, as Prometheus does, and returns the firing ones then. What they say
// is whole.
func (w *world) firing(t *testing.T, rule rulefmt.Rule, until time.Duration) (firing []labels.Labels) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
	if err != nil {
		t.Fatal(err)
	}
	r := rules.NewAlertingRule(rule.Alert, expr, time.Duration(rule.For), time.Duration(rule.KeepFiringFor),
		labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations), labels.EmptyLabels(), "", true,
		slog.New(slog.DiscardHandler))
	for at := time.Duration(0); at <= until; at += time.Hour {
		ts := time.Unix(0, 0).Add(at)
		if _, err := r.Eval(t.Context(), 0, ts, rules.EngineQueryFunc(w.engine, w.storage), nil, 0); err != nil {
			t.Fatalf("%s after %v: %v", rule.Alert, at, err)
		}
	}
	for _, a := range r.ActiveAlerts() {
		if a.State != rules.StateFiring {
			continue
		}
		firing = append(firing, a.Labels)
		a.Annotations.Range(func(l labels.Label) {
			if l.Value == "" || strings.Contains(l.Value, "<error") || strings.Contains(l.Value, "()") ||
				strings.Contains(l.Value, "(policy )") {
				t.Errorf("%s says %s: %q", rule.Alert, l.Name, l.Value)
			}
		})
	}
	return firing
}

// names are the alerts of the file that fire at a time, each with the org or the CronJob that it is about.
func (w *world) names(t *testing.T, until time.Duration) (names []string) {
	t.Helper()
	_, byName := alerts(t)
	for name, rule := range byName {
		for _, l := range w.firing(t, rule, until) {
			names = append(names, strings.TrimSpace(name+" "+l.Get("org")+l.Get("cronjob")))
		}
	}
	slices.Sort(names)
	return names
}

// of gives a metric the labels of an org and its policy.
func of(org, metric, values string) string {
	return fmt.Sprintf(`tokensweep_%s{org=%q,policy="p",instance=%q,job="tokensweep"} %s`, metric, org, org, values)
}

// cronJob gives a metric of kube-state-metrics the labels of a CronJob.
func cronJob(name, metric, values string) string {
	return fmt.Sprintf(`kube_cronjob_%s{namespace="sec",cronjob=%q,job="kube-state-metrics"} %s`, metric, name, values)
}
