package cli_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// idlePolicy matches one token of newMetricsOrg.
const idlePolicy = "rules: [{id: idle, when: {name: idle}, then: flag}]"

func newMetricsOrg(t *testing.T) *oktatest.Server {
	t.Helper()
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "idle", UserID: oktatest.UserID(2)}, {ID: oktatest.TokenID(2), Name: "busy",
			UserID: oktatest.UserID(2), ClientName: "Okta AD Agent"},
	}})
	t.Cleanup(org.Close)
	return org
}

func TestASingleRunLeavesItsMetricsInAFile(t *testing.T) {
	org := newMetricsOrg(t)
	dir := t.TempDir()
	state, file, policy := filepath.Join(dir, "state"), filepath.Join(dir, "tokensweep.prom"), policyFile(t, idlePolicy)
	run := func(args ...string) (result, map[string]int) {
		t.Helper()
		r := tokensweep(t, org.URL(), append([]string{"run", "--state", state, "--metrics-file", file, "--policy",
			policy}, args...)...)
		raw, err := os.ReadFile(file)
		require.NoError(t, err, r.stderr)
		return r, exposed(t, string(raw))
	}

	r, first := run()
	require.Zero(t, r.code, r.stderr)
	require.Equal(t, []int{1, 1, 1}, []int{first["tokensweep_tokens client=Okta API"],
		first["tokensweep_tokens client=Okta AD Agent"], first["tokensweep_findings outcome=flagged rule=idle"]})
	require.InDelta(t, time.Now().Unix(), first["tokensweep_last_success_timestamp_seconds"], 60)
	require.NotContains(t, first, "go_goroutines", "these would be the node's or anybody's")
	require.NotContains(t, first, "tokensweep_policy_valid")

	org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Status: 404})
	r, failed := run()
	require.Equal(t, 22, r.code)
	require.Equal(t, 22, failed["tokensweep_last_run_exit_code"])
	require.InDelta(t, first["tokensweep_last_success_timestamp_seconds"],
		failed["tokensweep_last_success_timestamp_seconds"], 2, "the ledger remembers")
	require.NotContains(t, failed, "tokensweep_tokens client=Okta API", "what was found then is not known now")

	// A run that never got to the org has a result, too.
	l, err := ledger.InDirectory(state).Open(time.Now)
	require.NoError(t, err)
	r, locked := run()
	require.Equal(t, []int{24, 24}, []int{r.code, locked["tokensweep_last_run_exit_code"]})
	require.NoError(t, l.Close())
	policy = policyFile(t, "rulez: []")
	r, invalid := run()
	require.Equal(t, []int{65, 65}, []int{r.code, invalid["tokensweep_last_run_exit_code"]})
	require.Contains(t, invalid, "tokensweep_last_success_timestamp_seconds")
}

func TestAFindingThatFailsTheCommandIsASuccess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokensweep.prom")
	r := tokensweep(t, newMetricsOrg(t).URL(), "run", "--fail-on", "low", "--metrics-file", file, "--policy",
		policyFile(t, idlePolicy), "--state", "")
	require.Equal(t, 10, r.code, r.stderr)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 10, exposed(t, string(raw))["tokensweep_last_run_exit_code"])
	require.Contains(t, exposed(t, string(raw)), "tokensweep_last_success_timestamp_seconds")
}

func TestMetricsThatCannotBeDeliveredAreSaidAndHideNothing(t *testing.T) {
	answer := http.StatusOK
	var asked []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.WriteHeader(answer)
	}))
	defer gateway.Close()
	org := newMetricsOrg(t)
	run := func(args ...string) result {
		return tokensweep(t, org.URL(), append([]string{"run", "--state", "", "--pushgateway", gateway.URL, "--policy",
			policyFile(t, idlePolicy)}, args...)...)
	}

	r := run()
	require.Zero(t, r.code, r.stderr)
	require.Empty(t, r.stderr)
	instance := "/instance/" + strings.TrimPrefix(org.URL(), "http://")
	require.Len(t, asked, 1)
	require.Contains(t, []string{"PUT /metrics/job/tokensweep" + instance + "/policy/policy",
		"PUT /metrics/job/tokensweep/policy/policy" + instance}, asked[0])

	answer = http.StatusInternalServerError
	r = run()
	require.Equal(t, 27, r.code)
	require.Contains(t, r.stdout, "flagged - idle", "the report is there")
	require.Equal(t, 1, strings.Count(r.stderr, "pushing the metrics: unexpected status code 500"), r.stderr)
	require.Equal(t, 27, run("--fail-on", "low").code,
		"the findings are in the report; that a push failed is nowhere else")

	org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Status: 404})
	r = run()
	require.Equal(t, 22, r.code, "what needs a person sooner")
	require.Contains(t, r.stdout, "listing incomplete")
	require.Contains(t, r.stderr, "pushing the metrics: unexpected status code 500")

	file := filepath.Join(t.TempDir(), "no", "such", "directory")
	r = tokensweep(t, newMetricsOrg(t).URL(), "run", "--state", "", "--metrics-file", file, "--policy",
		policyFile(t, idlePolicy))
	require.Equal(t, 64, r.code, "found out before anything is done")
	require.Equal(t, "tokensweep: --metrics-file "+file+": no such file or directory\n", r.stderr)
	require.Empty(t, r.stdout)
}

func TestAPlaceThatIsNoneForMetricsIsFoundOutFirst(t *testing.T) {
	org := newMetricsOrg(t)
	for want, args := range map[string][]string{
		"--metrics-file /dev/stdout: not a regular file": {"--metrics-file", "/dev/stdout"},
		"want a URL like http://pushgateway:9091":        {"--pushgateway", "pushgateway:9091"},
		"a command line is no place for them":            {"--pushgateway", "http://me:hunter2@pushgateway:9091"},
	} {
		r := tokensweep(t, org.URL(), append([]string{"run", "--policy", policyFile(t, idlePolicy)}, args...)...)
		require.Equal(t, 64, r.code)
		require.Contains(t, r.stderr, want)
	}
	require.Empty(t, org.Requests())
}

func TestTheLogHasALineForEachDecisionThatMatters(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Name = "dead-\x1b[31m\u202e" + canary })
	s := w.serve("--enforce")
	r := s.now()
	lines := make(map[string][]logLine)
	for _, l := range s.seen {
		msg, logged := l["msg"].(string)
		if !logged {
			continue // the announcement, which has no other place beside a report as JSON
		}
		lines[msg] = append(lines[msg], l)
		if msg != "serving" && msg != "idle" {
			require.Equal(t, r.Run.ID, l["run"], "%v", l)
		}
	}
	require.Len(t, lines["notice"], 3)
	require.Len(t, lines["change begins"], 2)
	require.Len(t, lines["change ended"], 2)
	require.Len(t, lines["finding"], 3)
	require.Len(t, lines["exempt"], 1)
	require.Len(t, lines["run begins"], 1)
	require.Len(t, lines["run finished"], 1)
	outcomes := make(map[any]any)
	for _, l := range lines["finding"] {
		outcomes[l["token"]] = l["outcome"]
		require.NotEmpty(t, l["rules"])
	}
	require.Equal(t, map[any]any{oktatest.TokenID(1): "revoked", oktatest.TokenID(2): "quarantined",
		oktatest.TokenID(3): "held"}, outcomes)
	require.Equal(t, `dead-\x1b[31m\u202e[redacted]`, lines["change begins"][0]["name"])
	require.Equal(t, []any{"revoke", "revoked", true}, []any{lines["change ended"][0]["step"],
		lines["change ended"][0]["result"], lines["change ended"][0]["settled"]})
	require.NotContains(t, lines, "listed", "nothing is logged of every token")
}

func TestAChangeByHandIsLogged(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	r := tokensweep(t, w.org.URL(), "tokens", "quarantine", oktatest.TokenID(7), "--yes", "--reason", "a drill",
		"--policy", w.policy, "--state", w.state, "--log-level", "info", "--log-format", "json")
	require.Zero(t, r.code, r.stderr)
	var messages []any
	for scanner := bufio.NewScanner(strings.NewReader(r.stderr)); scanner.Scan(); {
		line := logLine{}
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &line), scanner.Text())
		require.NotEmpty(t, line["run"])
		messages = append(messages, line["msg"])
	}
	require.Equal(t, []any{"change begins", "change ended"}, messages)
}
