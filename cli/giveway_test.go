package cli_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// busyPhases are places at which a run may be held up for long, and its ledger with it.
func busyPhases() map[string]oktatest.Fault {
	reset := strconv.FormatInt(time.Now().Add(50*time.Second).Unix(), 10)
	return map[string]oktatest.Fault{
		"it looks at the quarantine": {Path: "/api/v1/zones/*", Delay: time.Hour},
		"it lists":                   {Path: "/api/v1/api-tokens", Delay: time.Hour},
		"it looks owners up":         {Path: "/api/v1/users/00u*", Delay: time.Hour},
		"it waits for the rate limit": {Path: "/api/v1/api-tokens", Status: http.StatusTooManyRequests,
			Header: http.Header{"X-Rate-Limit-Limit": {"100"}, "X-Rate-Limit-Remaining": {"0"},
				"X-Rate-Limit-Reset": {reset}}},
		"it reads a token before it acts": {Method: http.MethodGet, Path: "/api/v1/api-tokens/*", Delay: time.Hour},
	}
}

// hand gives a command that a person would, and returns its exit code and what it wrote.
func (w *killWorld) hand(args ...string) (code int, said string) {
	w.t.Helper()
	cmd := exec.Command(w.program, append(args, "--state", w.state)...)
	cmd.Env = append([]string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}, w.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its code says how it went
	return cmd.ProcessState.ExitCode(), out.String()
}

// ended waits for a process that was asked to end.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		require.Fail(t, "it goes on and on")
	}
	return p.code()
}

// busy starts a run that is held up, and returns when it is.
func (w *killWorld) busy(fault oktatest.Fault, enforce bool) *process {
	w.t.Helper()
	reached := make(chan struct{})
	fault.Times, fault.Then = 1, func() { close(reached) }
	w.org.Fault(fault)
	p := w.prepare(canary)
	if !enforce {
		p.cmd.Args = slices.DeleteFunc(p.cmd.Args, func(arg string) bool { return arg == "--enforce" })
	}
	p.begin(w.t)
	<-reached
	return p
}

// Whatever a run is busy with, a change by hand gets in within seconds: the run gives way, and what it left is done by
// the next.
func TestAChangeByHandGoesFirst(t *testing.T) {
	for phase, fault := range busyPhases() {
		for _, enforce := range []bool{true, false} {
			if !enforce && (phase == "it looks at the quarantine" || phase == "it reads a token before it acts") {
				continue
			}
			t.Run(phase+", enforcing "+strconv.FormatBool(enforce), func(t *testing.T) {
				t.Parallel()
				w := newKillWorld(t)
				p := w.busy(fault, enforce)
				code, said := w.hand("tokens", "restore", oktatest.TokenID(2), "--yes", "--reason", "it was ours",
					"--policy", w.policy)
				require.Equal(t, int(audit.Usage), code, "%s", said)
				require.Contains(t, said, "another run uses "+w.state+", and gives way")
				require.Contains(t, said, "the ledger knows no quarantine", "it had the ledger")
				require.Equal(t, int(audit.Halted), p.ended(t), "%s", p.stderr.String())
				require.Contains(t, p.stdout.String(), "somebody waits to change something by hand")
				require.Empty(t, w.changes())
				w.org.ClearFaults()
				w.clean()
				w.clean()
				w.check()
			})
		}
	}
}

// The brake ends an enforcing run that began without it, and halt itself waits for nothing.
func TestTheBrakeEndsARunThatIsBusy(t *testing.T) {
	for phase, fault := range busyPhases() {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t)
			p := w.busy(fault, true)
			code, said := w.hand("halt", "--reason", "deploys fail")
			require.Zero(t, code, "%s", said)
			require.Equal(t, int(audit.Halted), p.ended(t), "%s", p.stderr.String())
			require.Contains(t, p.stdout.String(), "deploys fail")
			require.Empty(t, w.changes())
			code, said = w.hand("resume")
			require.Zero(t, code, "%s", said)
			w.org.ClearFaults()
			w.clean()
			w.clean()
			w.check()
		})
	}
}

// Who is not there any more is not waited for.
func TestARunDoesNotGiveWayToOneWhoIsGone(t *testing.T) {
	w := newKillWorld(t)
	p := w.busy(oktatest.Fault{Path: "/api/v1/api-tokens", Delay: 300 * time.Millisecond}, true)
	waiter := exec.Command(w.program, "tokens", "restore", oktatest.TokenID(2), "--yes", "--reason", "it was ours",
		"--policy", w.policy, "--state", w.state)
	waiter.Env = p.cmd.Env
	require.NoError(t, waiter.Start())
	require.NoError(t, waiter.Process.Kill())
	_ = waiter.Wait()
	require.Contains(t, []int{0, int(audit.Halted)}, p.ended(t), "%s", p.stderr.String())
	require.False(t, ledger.InDirectory(w.state).Awaited())
	w.clean()
	w.clean()
	w.check()
}
