package cli_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// sweepWith makes an enforcing run that leaves metrics, and returns its exit code and the file.
func (w *killWorld) sweepWith(args ...string) (code int, metrics string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "tokensweep.prom")
	r := tokensweep(w.t, w.org.URL(), append([]string{"run", "--enforce", "--policy", w.policy, "--state", w.state,
		"--output", "json", "--metrics-file", file}, args...)...)
	raw, err := os.ReadFile(file)
	require.NoError(w.t, err, r.stderr)
	return r.code, string(raw)
}

// threeRuns are the metrics of three single runs: one that revokes and quarantines a token, one that can't list, and
// one that revokes another.
func threeRuns(t *testing.T) (files [3]string) {
	w := newKillWorld(t)
	for i, want := range []int{0, 22, 0} {
		if want != 0 {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Status: 404})
		}
		code, metrics := w.sweepWith()
		require.Equal(t, want, code)
		files[i] = metrics
	}
	return files
}

// .ci/alerts shows by these files what increase() makes of single runs.
func TestCountersOfSingleRunsGrow(t *testing.T) {
	dir := filepath.Join("..", ".ci", "alerts", "testdata")
	previous := map[string]int{}
	for i, text := range threeRuns(t) {
		all := exposed(t, text)
		counted := []int{
			all["tokensweep_runs_total exit_code=0"], all["tokensweep_runs_total exit_code=22"],
			all["tokensweep_actions_total result=revoked step=revoke"],
			all["tokensweep_actions_total result=quarantined step=quarantine"],
		}
		require.Equal(t, [][]int{{1, 0, 1, 1}, {1, 1, 1, 1}, {2, 1, 2, 1}}[i], counted,
			"a run whose report tells its code writes two ends, and counts once")
		for name, n := range all {
			if strings.Contains(name, "_total") {
				require.GreaterOrEqual(t, n, previous[name], name)
			}
		}
		require.Greater(t, all["tokensweep_okta_requests_total status=200"],
			previous["tokensweep_okta_requests_total status=200"])
		previous = all

		file, got := filepath.Join(dir, fmt.Sprintf("run-%d.prom", i+1)), timeless(i, text)
		if *update {
			require.NoError(t, os.WriteFile(file, got, 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

// timeless are metrics as if run i had been i days after the beginning of time, and of no port or version, without how
// much a run asks and writes.
func timeless(i int, metrics string) []byte {
	var lines []string
	for line := range strings.Lines(metrics) {
		line = strings.TrimSuffix(line, "\n")
		if strings.Contains(line, "okta_requests_total") || strings.Contains(line, "ledger_head_sequence") {
			continue
		}
		name, value := line, ""
		if at := strings.LastIndex(line, " "); at > 0 && !strings.HasPrefix(line, "#") {
			name, value = line[:at], line[at+1:]
		}
		switch {
		case strings.HasPrefix(name, "tokensweep_last_success_timestamp") && i == 1:
			value = "0"
		case strings.Contains(name, "_timestamp_seconds{"):
			value = fmt.Sprint(i * 86400)
		case strings.Contains(name, "_duration_seconds{"), strings.Contains(name, "wait_seconds_total{"):
			value = "1"
		case strings.HasPrefix(name, "tokensweep_build_info"):
			name = regexp.MustCompile(`(version|goversion)="[^"]*"`).ReplaceAllString(name, `$1="x"`)
		}
		name = regexp.MustCompile(`org="[^"]*"`).ReplaceAllString(name, `org="acme.okta.com"`)
		lines = append(lines, strings.TrimSuffix(name+" "+value, " "))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// A run that never opens the ledger shows what it knows from before; one without a ledger has nothing to sum.
func TestWhatCannotGrowIsNoCounter(t *testing.T) {
	w := newKillWorld(t)
	_, first := w.sweepWith()
	policy, err := os.ReadFile(w.policy)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.policy, []byte("rulez: []"), 0o600))
	code, broken := w.sweepWith()
	require.Equal(t, 65, code)
	require.Equal(t, counters(exposed(t, first)), counters(exposed(t, broken)), "its end is not on record")
	require.Equal(t, 65, exposed(t, broken)["tokensweep_last_run_exit_code"])

	require.NoError(t, os.WriteFile(w.policy, policy, 0o600))
	file := filepath.Join(t.TempDir(), "tokensweep.prom")
	r := tokensweep(t, w.org.URL(), "run", "--policy", w.policy, "--state", "", "--metrics-file", file)
	require.Zero(t, r.code, r.stderr)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, counters(exposed(t, string(raw))))
}

func counters(all map[string]int) map[string]int {
	counters := make(map[string]int)
	for name, n := range all {
		if strings.Contains(name, "_total") {
			counters[name] = n
		}
	}
	return counters
}

// What could not be delivered is one run with one code, as the ledger has it and the next run tells it.
func TestARunWhoseMetricsWereRefusedCountsOnce(t *testing.T) {
	w := newKillWorld(t)
	code, metrics := w.sweepWith("--pushgateway", answering(t, http.StatusInternalServerError))
	require.Equal(t, 27, code)
	require.Equal(t, []int{0, 1}, []int{exposed(t, metrics)["tokensweep_runs_total exit_code=0"],
		exposed(t, metrics)["tokensweep_runs_total exit_code=27"]})
	_, metrics = w.sweepWith()
	require.Equal(t, []int{1, 1}, []int{exposed(t, metrics)["tokensweep_runs_total exit_code=0"],
		exposed(t, metrics)["tokensweep_runs_total exit_code=27"]})
}

// A change by hand between runs, and the webhook's deliveries, are in the totals of the next run.
func TestTotalsHaveChangesByHandAndDeliveries(t *testing.T) {
	w := newKillWorld(t)
	w.sweepWith()
	r := tokensweep(t, w.org.URL(), "tokens", "restore", oktatest.TokenID(2), "--yes", "--reason", "a drill",
		"--policy", w.policy, "--state", w.state)
	require.Zero(t, r.code, r.stderr)
	_, metrics := w.sweepWith()
	got := exposed(t, metrics)
	require.Equal(t, 1, got["tokensweep_actions_total result=restored step=restore"])
	require.Equal(t, 2, got["tokensweep_runs_total exit_code=0"], "which is no run")
}

// What an older build has on record of its runs and changes counts.
func TestTotalsBeginWithTheRunsOfTheBuildBefore(t *testing.T) {
	for _, name := range upgradeCases {
		w := upgrade(t, name)
		ended, outcomes := map[string]bool{}, 0
		_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error {
			switch r.Kind {
			case ledger.Ended:
				ended[r.Run] = true
			case ledger.Outcome:
				outcomes++
			}
			return nil
		})
		require.NoError(t, err)
		require.NotEmpty(t, ended, name)
		require.NoError(t, w.run("").Err)
		counted := w.past().Totals.All(0)
		runs := 0
		for _, ends := range counted.Ends {
			runs += ends.Count
		}
		require.Equal(t, len(ended)+1, runs, name)
		changes := 0
		for _, n := range counted.Outcomes {
			changes += n
		}
		require.Equal(t, outcomes, changes, name)
	}
}

// pushes is a Pushgateway that keeps what was pushed to each of its groups.
type pushes struct {
	*httptest.Server
	mu     sync.Mutex
	groups map[string]string // by the labels
}

func newPushes(t *testing.T) *pushes {
	p := &pushes{groups: make(map[string]string)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/metrics/"), "/")
		var labels []string
		for i := 0; i+1 < len(parts); i += 2 {
			labels = append(labels, parts[i]+"="+parts[i+1])
		}
		slices.Sort(labels) // their order is no matter to a Pushgateway
		p.mu.Lock()
		defer p.mu.Unlock()
		p.groups[strings.Join(labels, " ")] = body.String()
	}))
	t.Cleanup(p.Close)
	return p
}

func TestTwoPoliciesOfOneOrgHaveSeriesAndGroupsOfTheirOwn(t *testing.T) {
	org, gateway, dir := newMetricsOrg(t), newPushes(t), t.TempDir()
	host := strings.TrimPrefix(org.URL(), "http://")
	file := filepath.Join(dir, "x.prom")
	for _, row := range []struct{ file, flag, want string }{
		{"strict.yaml", "", "strict"}, {"agents.v2.yml", "", "agents.v2"}, {"policy", "", "policy"},
		{"policy.yaml", "eu-strict", "eu-strict"}, {".yaml", "", ".yaml"},
	} {
		policy := filepath.Join(dir, row.file)
		for _, text := range []string{"version: 1\n" + idlePolicy, "rulez: []"} { // edited, and broken
			require.NoError(t, os.WriteFile(policy, []byte(text), 0o600))
			args := []string{"run", "--policy", policy, "--state", "", "--metrics-file", file, "--pushgateway",
				gateway.URL}
			if row.flag != "" {
				args = append(args, "--metrics-policy", row.flag)
			}
			tokensweep(t, org.URL(), args...)
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(raw), fmt.Sprintf(`org=%q,policy=%q`, host, row.want))
			group := fmt.Sprintf("instance=%s job=tokensweep policy=%s", host, row.want)
			require.Contains(t, gateway.groups, group)
			require.NotContains(t, gateway.groups[group], "policy=", "a group's label is given by its key alone")
		}
	}
	require.Len(t, gateway.groups, 5)
}

func TestARunThatDoesNotKnowItsOrgPushesNothing(t *testing.T) {
	gateway := newPushes(t)
	for _, url := range []string{"", "acme", "https://acme-admin.okta.com", "https://${ORG}.okta.com"} {
		r := tokensweep(t, url, "run", "--policy", policyFile(t, idlePolicy), "--state", "", "--pushgateway",
			gateway.URL)
		require.Equal(t, 64, r.code, url)
	}
	require.Empty(t, gateway.groups)
}

// What the ledger knows of its org is not pushed for another, such as one whose URL is a slip: its last success would
// raise an alert for ever.
func TestAWrongOrgHasNothingOfTheRightOne(t *testing.T) {
	w, slip := newKillWorld(t), newMetricsOrg(t)
	w.sweepWith()
	for _, args := range [][]string{{}, {"--policy", filepath.Join(t.TempDir(), "none.yaml")}} {
		file := filepath.Join(t.TempDir(), "x.prom")
		r := tokensweep(t, slip.URL(), append([]string{"run", "--policy", w.policy, "--state", w.state,
			"--metrics-file", file}, args...)...)
		require.Equal(t, 64, r.code, r.stderr)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		got := exposed(t, string(raw))
		require.Equal(t, 64, got["tokensweep_last_run_exit_code"])
		require.NotContains(t, got, "tokensweep_last_success_timestamp_seconds")
		require.Empty(t, counters(got))
	}
}

// An org that has another URL now is the same org: what its runs counted goes on, under the new name.
func TestCountersGoOnWhereAnOrgGotAnotherName(t *testing.T) {
	state, policy := filepath.Join(t.TempDir(), "state"), policyFile(t, idlePolicy)
	for i := range 2 {
		org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), ID: "00o1a2b3c4d5e6f7g8h9"})
		t.Cleanup(org.Close)
		file := filepath.Join(t.TempDir(), "x.prom")
		r := tokensweep(t, org.URL(), "run", "--policy", policy, "--state", state, "--metrics-file", file)
		require.Zero(t, r.code, r.stderr)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, i+1, exposed(t, string(raw))["tokensweep_runs_total exit_code=0"])
		require.Contains(t, string(raw), fmt.Sprintf("org=%q", strings.TrimPrefix(org.URL(), "http://")))
	}
}

func TestANameOfThePolicyInMetricsIsChecked(t *testing.T) {
	org := newMetricsOrg(t)
	for want, args := range map[string][]string{
		"--metrics-policy goes with --metrics-file or --pushgateway": {"--metrics-policy", "x"},
		"--metrics-policy: want a name of at most 100 bytes that prints": {"--metrics-policy", "a\nb",
			"--pushgateway", "http://127.0.0.1:1"},
	} {
		r := tokensweep(t, org.URL(), append([]string{"run", "--policy", policyFile(t, idlePolicy)}, args...)...)
		require.Equal(t, 64, r.code)
		require.Contains(t, r.stderr, want)
	}
	require.Empty(t, org.Requests())
}
