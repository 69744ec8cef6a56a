package alerts

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func number(n int) string { return strconv.Itoa(n) }

// exposed are the series of a file that a single run left, by name and labels. They were written by the program: go
// test ./cli -run SingleRuns holds them against it.
func exposed(t *testing.T, run int) map[string]float64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("testdata/run-%d.prom", run))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[name+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

// held are the series that a Prometheus stores of files that are a day apart, and of which the last stays. keeps says
// that what is not in the file of a run that failed stays too, as a Pushgateway does; a textfile collector shows the
// file and no more.
func held(files []map[string]float64, keeps bool) string {
	values := make(map[string][]string)
	for i, file := range files {
		code, ended := file[`tokensweep_last_run_exit_code{org="acme.okta.com",policy="policy"}`]
		if !ended {
			panic("a run without an exit code")
		}
		for name := range file {
			if values[name] == nil {
				values[name] = slices.Repeat([]string{"_"}, i)
			}
		}
		for name, days := range values {
			v, shown := file[name]
			switch {
			case shown:
				values[name] = append(days, strconv.FormatFloat(v, 'f', -1, 64))
			case keeps && code != 0 && i > 0:
				values[name] = append(days, days[i-1])
			default:
				values[name] = append(days, "_")
			}
		}
	}
	var series []string
	for name, days := range values {
		line := name
		for i, v := range days {
			hours := 24
			if i == len(days)-1 {
				hours = 24 * 7
			}
			line += strings.Repeat(" "+v, hours)
		}
		series = append(series, line)
	}
	slices.Sort(series)
	return strings.Join(series, "\n")
}

func TestIncreaseWorksOverSingleRuns(t *testing.T) {
	good := []map[string]float64{exposed(t, 1), exposed(t, 2), exposed(t, 3)}
	alone := []map[string]float64{good[0], good[0], good[0]} // as if each run counted itself alone
	const at = 2*day + 12*time.Hour
	increase := func(w *world, series string) float64 {
		sum := 0.0
		for _, sample := range w.ask(t, fmt.Sprintf("sum(increase(%s[3d]))", series), at) {
			sum += sample.F
		}
		return sum
	}
	for _, keeps := range []bool{true, false} {
		w, still := newWorld(t, held(good, keeps)), newWorld(t, held(alone, keeps))
		for series, want := range map[string]float64{
			`tokensweep_runs_total{exit_code="0"}`:                           1,
			`tokensweep_runs_total{exit_code="22"}`:                          1,
			`tokensweep_runs_total`:                                          2, // the first run is where it begins
			`tokensweep_actions_total{step="revoke",result="revoked"}`:       1,
			`tokensweep_actions_total{step="quarantine"}`:                    0,
			`tokensweep_runs_total{exit_code="27",org="acme.okta.com"}`:      0,
			`tokensweep_runs_total{exit_code!~"0|10|21",policy="policy"}`:    1,
			`tokensweep_actions_total{org="acme.okta.com",policy="another"}`: 0,
		} {
			if got := increase(w, series); math.Abs(got-want) > 0.25 { // increase() goes on beyond the samples
				t.Errorf("a Pushgateway: %v: the increase of %s is %v, not %v", keeps, series, got, want)
			}
			if got := increase(still, series); got != 0 {
				t.Errorf("what never grows increases by %v: %s", got, series)
			}
		}
		if got := w.names(t, at); len(got) != 0 {
			t.Errorf("a Pushgateway: %v: %s", keeps, got)
		}
		if got := w.names(t, day+2*time.Hour); !slices.Equal(got, []string{"TokensweepRunFailed acme.okta.com"}) {
			t.Errorf("a Pushgateway: %v: after the run that failed: %s", keeps, got)
		}
	}
}

// stored is for how many hours there are values.
const stored = 24 * 25

// well are the series of an org whose runs succeed, a day apart, from an hour on, after nothing.
func well(org string, from int) string {
	values := func(v string) string { return strings.Repeat("_ ", from) + v }
	hours := stored - from
	ends := fmt.Sprintf("%d+3600x%d", from*3600, hours)
	return lines(of(org, "build_info", values(fmt.Sprintf("1x%d", hours))),
		of(org, "last_run_timestamp_seconds", values(ends)), of(org, "last_success_timestamp_seconds", values(ends)),
		of(org, "last_run_exit_code", values(fmt.Sprintf("0x%d", hours))),
		of(org, "last_run_stopped", values(fmt.Sprintf("0x%d", hours))))
}

// A slip in the org's URL: its runs fail for some days, it is mended, and the Pushgateway keeps the group of the slip.
func TestAMistypedOrgThatWasMendedAlertsNobodyForEver(t *testing.T) {
	for _, days := range []int{1, 2, 3, 8} {
		w := newWorld(t, well("acme", days*24),
			of("amce", "build_info", "1x600"), of("amce", "last_run_exit_code", "22x600"),
			of("amce", "last_run_timestamp_seconds", runsUntil(days)))
		if got := w.names(t, 2*time.Hour); !slices.Equal(got, []string{"TokensweepRunFailed amce"}) {
			t.Errorf("%d days: at once %s", days, got)
		}
		mended := time.Duration(days) * day
		got := w.names(t, mended+time.Hour)
		if want := "TokensweepNeverSucceeded amce"; slices.Contains(got, want) != (days > 2) {
			t.Errorf("%d days: when it was mended %s", days, got)
		}
		for _, later := range []time.Duration{longest, week, 2 * week} {
			if got := w.names(t, mended+later); len(got) != 0 {
				t.Errorf("%d days: %v after it was mended %s", days, later, got)
			}
		}
	}
}

// An org gets another name: the group of the old one stays until somebody removes it, and the dead man's switch says
// so.
func TestARenamedOrgAlertsUntilItsOldGroupIsRemoved(t *testing.T) {
	const removed = 24 * 10 // hours
	old := func(metric, value string) string { return of("old", metric, fmt.Sprintf("%sx%d", value, removed)) }
	for _, end := range []struct {
		code, stopped string
		at            []string // fires soon after the last run
	}{
		{"0", "0", nil}, {"22", "0", []string{"TokensweepRunFailed old"}},
		{"21", "1", []string{"TokensweepStopAbove old"}},
	} {
		w := newWorld(t, well("new", 24), old("build_info", "1"), old("last_run_timestamp_seconds", "0"),
			old("last_success_timestamp_seconds", "0"), old("last_run_exit_code", end.code),
			old("last_run_stopped", end.stopped))
		if got := w.names(t, 2*day); !slices.Equal(got, end.at) {
			t.Errorf("exit code %s: %s", end.code, got)
		}
		for _, at := range []time.Duration{5 * day, week, removed*time.Hour - time.Hour} {
			if got := w.names(t, at); !slices.Equal(got, []string{"TokensweepNoSuccess old"}) {
				t.Errorf("exit code %s: after %v, while the group is there: %s", end.code, at, got)
			}
		}
		if got := w.names(t, (removed+3)*time.Hour); !slices.Equal(got, []string{"TokensweepOrgAbsent old"}) {
			t.Errorf("exit code %s: right after it was removed: %s", end.code, got)
		}
		for _, later := range []time.Duration{5 * day, 2 * week} {
			if got := w.names(t, removed*time.Hour+later); len(got) != 0 {
				t.Errorf("exit code %s: %v after it was removed: %s", end.code, later, got)
			}
		}
	}
}

// Of two policies for one org, one fails and the other hides nothing of it.
func TestTwoPoliciesOfOneOrgAreToldApart(t *testing.T) {
	strict := strings.ReplaceAll(well("acme", 0), `policy="p"`, `policy="strict"`)
	w := newWorld(t, strict, of("acme", "build_info", "1x600"), of("acme", "last_run_exit_code", "25x600"),
		of("acme", "last_run_timestamp_seconds", runsUntil(8)))
	want := []string{"TokensweepNeverSucceeded acme", "TokensweepRunFailed acme"}
	if got := w.names(t, 3*day); !slices.Equal(got, want) {
		t.Errorf("%s", got)
	}
}

// runsUntil are the times of runs that end once a day for some days, each held until the next, the last for ever.
func runsUntil(days int) string {
	var values []string
	for i := range days {
		values = append(values, slices.Repeat([]string{number(i * 86400)}, 24)...)
	}
	return strings.Join(values, " ") + fmt.Sprintf(" %dx%d", (days-1)*86400, stored-24*days)
}
