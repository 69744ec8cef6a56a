package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// codes is where an exit code is read.
type codes struct {
	process  int
	report   int // that of the JSON; -1 where there is none
	final    bool
	recorded int // that of the last record of the run's end
}

// endOf runs once with JSON and a state directory of its own, and says which codes it told.
func endOf(t *testing.T, org *oktatest.Server, env map[string]string, args ...string) (codes, result) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	all := map[string]string{"OKTA_CLIENT_ORGURL": org.URL(), "OKTA_CLIENT_TOKEN": canary}
	for k, v := range env {
		all[k] = v
	}
	args = append([]string{"run", "--state", state, "--output", "json", "--policy", policyFile(t, idlePolicy)}, args...)
	var stdout, stderr strings.Builder
	got := codes{report: -1}
	lookup := func(name string) (string, bool) { v, ok := all[name]; return v, ok }
	got.process = cli.Main(args, lookup, &stdout, &stderr)
	said := result{got.process, stdout.String(), stderr.String()}
	if said.stdout != "" {
		var r struct {
			Run struct {
				ExitCode int
				Final    *bool
			}
		}
		require.NoError(t, json.Unmarshal([]byte(said.stdout), &r), said.stdout)
		require.NotNil(t, r.Run.Final)
		got.report, got.final = r.Run.ExitCode, *r.Run.Final
	}
	got.recorded = recordedCode(t, state)
	return got, said
}

// recordedCode is the exit code of the last end of a run that is on record.
func recordedCode(t *testing.T, state string) int {
	t.Helper()
	code := -1
	_, err := ledger.InDirectory(state).Read(func(r ledger.Record) error {
		switch r.Kind {
		case ledger.Begun:
			code = -1
		case ledger.Ended:
			code = r.ExitCode
		}
		return nil
	})
	require.NoError(t, err)
	return code
}

// answering is a server that gives one answer to everything.
func answering(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestReportLedgerAndProcessTellOneExitCode(t *testing.T) {
	hook := func(status int) map[string]string {
		return map[string]string{"TOKENSWEEP_WEBHOOK_URL": answering(t, status), "TOKENSWEEP_WEBHOOK_SECRET": "key"}
	}
	dir := t.TempDir()
	for name, row := range map[string]struct {
		env  map[string]string
		args []string
		gone string // is removed while the run lists
		code int
		says string
	}{
		"a good run":              {},
		"a finding that counts":   {args: []string{"--fail-on", "low"}, code: 10},
		"a webhook that takes it": {env: hook(204)},
		"a webhook that doesn't":  {env: hook(404), code: 27, says: "the receiver answered 404"},
		"a Pushgateway that refuses": {args: []string{"--pushgateway", answering(t, 500)}, code: 27,
			says: "pushing the metrics: unexpected status code 500"},
		"a webhook and a Pushgateway that refuse": {env: hook(404), args: []string{"--pushgateway", answering(t, 500)},
			code: 27, says: "pushing the metrics: unexpected status code 500"},
		"a place of the metrics that goes away": {gone: filepath.Join(dir, "metrics"), code: 27,
			args: []string{"--metrics-file", filepath.Join(dir, "metrics", "x.prom")},
			says: "writing the metrics: --metrics-file " + filepath.Join(dir, "metrics", "x.prom") + ": no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			org := newMetricsOrg(t)
			if row.gone != "" {
				require.NoError(t, os.MkdirAll(row.gone, 0o700))
				org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1,
					Then: func() { _ = os.RemoveAll(row.gone) }})
			}
			got, said := endOf(t, org, row.env, row.args...)
			require.Equal(t, codes{process: row.code, report: row.code, final: true, recorded: row.code}, got,
				said.stderr)
			require.Contains(t, said.stderr, row.says)
			require.LessOrEqual(t, strings.Count(said.stderr, "pushing the metrics"), 1)
		})
	}
}

// A report that could not be written tells nobody a code; the record does.
func TestAReportThatIsNotWrittenIsOnRecordAsSuch(t *testing.T) {
	for _, form := range []string{"json", "ndjson", "text", "csv"} {
		org, dir, state := newMetricsOrg(t), t.TempDir(), filepath.Join(t.TempDir(), "state")
		place, prom := filepath.Join(dir, "place"), filepath.Join(dir, "x.prom")
		require.NoError(t, os.Mkdir(place, 0o700))
		org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Then: func() { _ = os.RemoveAll(place) }})
		r := tokensweep(t, org.URL(), "run", "--state", state, "--output", form, "--output-file",
			filepath.Join(place, "report"), "--metrics-file", prom, "--policy", policyFile(t, idlePolicy))
		require.Equal(t, 27, r.code, form)
		require.Contains(t, r.stderr, "writing the result: --output-file "+filepath.Join(place, "report")+
			": no such file or directory", "%s: the file that was named, not a temporary one", form)
		require.Equal(t, 27, recordedCode(t, state), form)
		text, err := os.ReadFile(prom)
		require.NoError(t, err)
		require.Regexp(t, `(?m)^tokensweep_last_run_exit_code\{.*\} 27$`, string(text), form)
	}
}

// What is still to be done when the report is written can change the code, and the report says that.
func TestAReportBeforeTheOwnTokenIsRevokedIsNotFinal(t *testing.T) {
	org := newMetricsOrg(t)
	org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens/current", Status: 403})
	got, said := endOf(t, org, nil, "--revoke-own-token-after")
	require.NotZero(t, got.process, said.stderr)
	require.Zero(t, got.report)
	require.False(t, got.final)
}

func TestOutputsThatCannotBeWrittenAreFoundOutAtTheStart(t *testing.T) {
	for _, flag := range []string{"--output-file", "--metrics-file", "--summary-file"} {
		org := newMetricsOrg(t)
		file := filepath.Join(t.TempDir(), "none", "x")
		r := tokensweep(t, org.URL(), "run", "--state", "", flag, file, "--policy", policyFile(t, idlePolicy))
		require.Equal(t, 64, r.code, flag)
		require.Equal(t, "tokensweep: "+flag+" "+file+": no such file or directory\n", r.stderr)
		require.Empty(t, org.Requests(), "%s: nothing was asked", flag)
	}
}
