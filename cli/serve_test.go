package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/slacktest"
	"tokensweep/okta/oktatest"
)

func TestAServiceRunsWhenAskedAndShowsHowItWent(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	require.Regexp(t, `^20\d\d-02-29T00:00:00Z$`, s.seen[0]["next"])
	status, body := s.get("/healthz")
	require.Equal(t, "200 ok\n", fmt.Sprint(status, " ", body))
	status, body = s.get("/readyz")
	require.Equal(t, "200 ok\n", fmt.Sprint(status, " ", body))
	require.NotContains(t, s.metrics(), "tokensweep_last_run_timestamp_seconds", "there was none")
	require.Positive(t, s.metrics()["tokensweep_next_run_timestamp_seconds"])

	began := time.Now().Unix()
	s.signal(syscall.SIGHUP)
	r := s.report()
	require.Equal(t, audit.OK, r.Run.ExitCode)
	s.await("idle")
	s.now()
	got := s.metrics()
	require.Equal(t, 6, got["tokensweep_tokens client=Okta API"])
	require.Equal(t, 1, got["tokensweep_tokens client=Okta AD Agent"])
	require.Equal(t, 1, got["tokensweep_findings outcome=would-revoke rule=dead"])
	require.Equal(t, 1, got["tokensweep_findings outcome=held rule=dead"], "perRun")
	require.Equal(t, 1, got["tokensweep_findings outcome=would-quarantine rule=quiet"])
	require.Equal(t, 2, got["tokensweep_runs_total exit_code=0"])
	require.Zero(t, got["tokensweep_last_run_exit_code"])
	require.GreaterOrEqual(t, got["tokensweep_last_success_timestamp_seconds"], int(began))
	require.GreaterOrEqual(t, got["tokensweep_last_run_timestamp_seconds"],
		got["tokensweep_last_success_timestamp_seconds"])
	require.Contains(t, got, "tokensweep_last_run_duration_seconds")
	asked := 0
	for key, n := range got {
		if strings.HasPrefix(key, "tokensweep_okta_requests_total ") {
			asked += n
		}
	}
	require.Len(t, w.org.Requests(), asked)
	require.Equal(t, len(w.records()), got["tokensweep_ledger_head_sequence"])

	// Between two runs nothing keeps the ledger.
	out, err := exec.Command("tokensweep", "halt", "--state", w.state, "--reason", "a drill").CombinedOutput()
	require.NoError(t, err)
	require.NotContains(t, string(out), "no record")
	require.Equal(t, ledger.Halt, w.records()[len(w.records())-1].Kind)

	s.signal(syscall.SIGTERM)
	code, rest := s.end()
	require.Equal(t, []any{0, ""}, []any{code, rest})
}

func TestAServiceThatEnforcesDoesWhatARunDoes(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve("--enforce")
	w.settled = append(w.settled, s.now().Notes...)
	got := s.metrics()
	require.Equal(t, 1, got["tokensweep_actions_total result=revoked step=revoke"])
	require.Equal(t, 1, got["tokensweep_actions_total result=quarantined step=quarantine"])
	require.Len(t, w.changes(), 2)

	// Another process finds the ledger free, and the next run what it did.
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
	p := w.start()
	require.Zero(t, p.code(), p.stderr.String())
}

// phases are the places where a signal may come.
func TestSIGTERMEndsAServiceInAnyPhaseWithTheReport(t *testing.T) {
	for name, row := range map[string]struct {
		fault   oktatest.Fault
		changes int
		code    audit.ExitCode // of the run
	}{
		"while it asks who it is":    {oktatest.Fault{Path: "/api/v1/users/me"}, 0, audit.Halted},
		"while it lists":             {oktatest.Fault{Path: "/api/v1/api-tokens"}, 0, audit.Halted},
		"while it looks an owner up": {oktatest.Fault{Path: "/api/v1/users/00u*"}, 0, audit.Halted},
		"while it reads a token anew": {oktatest.Fault{Path: "/api/v1/api-tokens/00T*",
			Method: http.MethodGet}, 0, audit.Halted},
		"while it acts": {oktatest.Fault{Method: http.MethodDelete}, 1, audit.Halted},
		"while it acts, and the answer is lost": {oktatest.Fault{Method: http.MethodDelete, HangupAfter: true}, 1,
			audit.Halted},
		"while it makes sure of what it has done": {oktatest.Fault{Path: "/api/v1/api-tokens/00T*",
			Method: http.MethodGet, Skip: 1}, 1, audit.Halted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newServeWorld(t)
			s := w.serve("--enforce")
			row.fault.Times, row.fault.Delay = 1, 300*time.Millisecond
			row.fault.Then = func() { _ = s.cmd.Process.Signal(syscall.SIGTERM) }
			w.org.Fault(row.fault)
			r := s.now()
			code, rest := s.end()
			require.Equal(t, []any{0, ""}, []any{code, rest})
			require.Len(t, w.changes(), row.changes)
			require.Equal(t, row.code, r.Run.ExitCode, "%v", r)
			all := w.records()
			require.Equal(t, ledger.Ended, all[len(all)-1].Kind)
			require.NotEmpty(t, s.logged("stopped"))

			w.settled = append(w.settled, r.Notes...)
			w.reports = append(w.reports, r)
			w.clean()
			w.clean()
			w.check()
		})
	}
}

func TestSIGTERMEndsAnIdleServiceAtOnce(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	s.signal(syscall.SIGTERM)
	code, rest := s.end()
	require.Equal(t, []any{0, ""}, []any{code, rest})
	require.Empty(t, w.org.Requests())
}

func TestSIGTERMLetsAServiceFinishTheReportThatItWrites(t *testing.T) {
	t.Parallel()
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1),
		Tokens: oktatest.Many(2000, time.Now())})
	defer org.Close()
	s := startService(t, org, policyFile(t, never+"rules: [{id: all, when: {id: {present: true}}, then: flag}]"),
		filepath.Join(t.TempDir(), "state"), nil)
	s.signal(syscall.SIGUSR1)
	_, err := s.stdout.Peek(1) // the rest is more than fits into the pipe
	require.NoError(t, err)
	s.signal(syscall.SIGTERM)
	r := s.report()
	require.Len(t, r.Findings, 2000)
	require.Equal(t, audit.OK, r.Run.ExitCode)
	code, rest := s.end()
	require.Equal(t, []any{0, ""}, []any{code, rest})
}

func TestSIGTERMLetsAServiceFinishTheReportThatItPosts(t *testing.T) {
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newSlackWorld(t)
			raw, err := os.ReadFile(w.policy)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(w.policy, append(raw, never...), 0o600))
			args := []string{}
			if method == "chat.update" {
				args = append(args, "--enforce") // what was announced is rewritten
			}
			s := startService(t, w.org, w.policy, w.state, []string{"SLACK_BOT_TOKEN=" + slackCanary, "SLACK_API_URL=" +
				w.workspace.URL()}, args...)
			w.workspace.Fault(slacktest.Fault{Method: method, Times: 1, Delay: 300 * time.Millisecond,
				Then: func() { _ = s.cmd.Process.Signal(syscall.SIGTERM) }})
			require.Equal(t, audit.OK, s.now().Run.ExitCode)
			code, rest := s.end()
			require.Equal(t, []any{0, ""}, []any{code, rest})
			require.NotEmpty(t, w.workspace.Messages("C0SECURITY"))
			require.Empty(t, w.workspace.Complaints())
			all := w.records()
			require.Equal(t, []any{ledger.Ended, 0, false}, []any{all[len(all)-1].Kind, all[len(all)-1].ExitCode,
				all[len(all)-1].Unread})
		})
	}
}

func TestDeliveriesToSlackAreCounted(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	raw, err := os.ReadFile(w.policy)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.policy, append(raw, never...), 0o600))
	s := startService(t, w.org, w.policy, w.state, []string{"SLACK_BOT_TOKEN=" + slackCanary, "SLACK_API_URL=" +
		w.workspace.URL()}, "--enforce")
	w.workspace.Fault(slacktest.Fault{Method: "chat.postMessage", Times: 1, Error: "channel_not_found"})
	require.Equal(t, audit.Undelivered, s.now().Run.ExitCode)
	require.EqualValues(t, 27, s.logged("run failed")[0]["exitCode"])
	got := s.metrics()
	require.Equal(t, []int{0, 1}, []int{got["tokensweep_slack_deliveries_total message=announcement result=ok"],
		got["tokensweep_slack_deliveries_total message=announcement result=failed"]})
	require.Equal(t, 27, got["tokensweep_last_run_exit_code"])
	s.now()
	got = s.metrics()
	require.Equal(t, 1, got["tokensweep_slack_deliveries_total message=announcement result=ok"])
	require.Positive(t, got["tokensweep_slack_deliveries_total message=report result=ok"])
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
}

func TestABrokenPolicyIsReportedAndTheServiceGoesOn(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	w.become([]byte("version: 1\nrulez: []\n"))
	s.signal(syscall.SIGUSR1)
	s.await("idle")
	line := s.logged("run failed")[0]
	require.EqualValues(t, 65, line["exitCode"])
	require.Contains(t, line["error"], `policy.yaml:2:1: unknown key "rulez"`)
	require.NotEmpty(t, line["run"])
	require.Contains(t, s.logged("the policy can't be used: the schedule in force stays")[0]["error"], "rulez")
	got := s.metrics()
	require.Equal(t, []int{0, 65, 1}, []int{got["tokensweep_policy_valid"], got["tokensweep_last_run_exit_code"],
		got["tokensweep_runs_total exit_code=65"]})
	require.Positive(t, got["tokensweep_next_run_timestamp_seconds"])
	status, _ := s.get("/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, w.org.Requests(), "by a policy that is not valid nothing is judged")

	w.become([]byte(killPolicy + "schedule: {cron: \"0 9 * * *\", timezone: Europe/Berlin}\n"))
	require.Equal(t, audit.OK, s.now().Run.ExitCode)
	line = s.logged("schedule changed")[0]
	require.Equal(t, []any{"0 9 * * *", "Europe/Berlin"}, []any{line["cron"], line["timezone"]})
	require.Equal(t, 1, s.metrics()["tokensweep_policy_valid"])
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code, "%v", s.seen)
}

func TestARunThatWasMissedIsMadeUpForAtTheStart(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	w.become([]byte(killPolicy + "schedule: {cron: \"@daily\"}\n"))
	past := time.Now().AddDate(0, 0, -3)
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return past })
	require.NoError(t, err)
	for _, r := range []ledger.Record{{Kind: ledger.Begun, Run: "early", Org: w.org.URL(), Mode: ledger.ModeDryRun},
		{Kind: ledger.Ended, Run: "early"}} {
		_, err := l.Append(r)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())

	s := w.serve()
	r := s.report()
	require.Contains(t, strings.Join(r.Notes, "\n"), "this run makes up for the one that was due at "+
		past.UTC().AddDate(0, 0, 1).Format("2006-01-02")+"T00:00:00Z, when nothing ran")
	s.await("idle")
	s.signal(syscall.SIGTERM)
	code, rest := s.end()
	require.Equal(t, []any{0, ""}, []any{code, rest}, "one is enough")
	require.Equal(t, "catch-up", s.logged("run is due")[0]["cause"])

	s = w.serve() // and it is not missed any more
	require.Equal(t, 0, s.metrics()["tokensweep_last_run_exit_code"])
	require.Contains(t, s.metrics(), "tokensweep_last_success_timestamp_seconds",
		"what the ledger knows is shown from the start")
	s.signal(syscall.SIGTERM)
	_, rest = s.end()
	require.Empty(t, rest)
	require.Empty(t, s.logged("run is due"))
}

func TestARunThatIsSkippedIsCountedAndReported(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	arrived, free := make(chan struct{}), make(chan struct{})
	w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Then: func() { close(arrived); <-free }})
	s.signal(syscall.SIGUSR1)
	<-arrived
	s.signal(syscall.SIGUSR1)
	s.await("run is skipped: another is under way")
	require.Equal(t, 1, s.metrics()["tokensweep_runs_skipped_total"])
	close(free)
	s.report()
	s.await("idle")
	require.Contains(t, strings.Join(s.now().Notes, "\n"), "(asked) was skipped, since another was under way")
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
}

// The program tokensweep-panics panics when it writes its first report.
func TestARunThatPanicsIsRecordedAndTheServiceGoesOn(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := startServiceOf(t, "tokensweep-panics", w.org, w.policy, w.state, nil)
	s.signal(syscall.SIGUSR1)
	line := s.await("run panicked")
	require.Equal(t, "panic: no more paper", line["error"])
	require.Contains(t, line["stack"], "run.go")
	s.await("idle")
	got := s.metrics()
	require.Equal(t, []int{1, 2}, []int{got["tokensweep_runs_panicked_total"], got["tokensweep_last_run_exit_code"]})
	r := s.now()
	require.Equal(t, audit.OK, r.Run.ExitCode, "the ledger is free again")
	require.Contains(t, strings.Join(r.Notes, "\n"), "a run before this one ended by a panic: no more paper")
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
}

func TestAServiceWhoseLedgerIsLockedFailsThatRunAlone(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	l, err := ledger.InDirectory(w.state).Open(time.Now)
	require.NoError(t, err)
	s.signal(syscall.SIGUSR1)
	require.EqualValues(t, 24, s.await("run failed")["exitCode"])
	require.NoError(t, l.Close())
	s.await("idle")
	require.Equal(t, audit.OK, s.now().Run.ExitCode)
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
}

func TestAnAddressThatIsTakenIsSaid(t *testing.T) {
	t.Parallel()
	w := newServeWorld(t)
	s := w.serve()
	second := exec.Command("tokensweep", "serve", "--policy", w.policy, "--state", w.state, "--listen",
		strings.TrimPrefix(s.url, "http://"))
	second.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}
	out, _ := second.CombinedOutput() // the exit code says it
	require.Equal(t, 64, second.ProcessState.ExitCode(), "%s", out)
	require.Contains(t, string(out), "tokensweep: --listen: listen tcp 127.0.0.1:")
	s.signal(syscall.SIGTERM)
	code, _ := s.end()
	require.Zero(t, code)
}
