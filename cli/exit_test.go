package cli_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// exitWorld is where a command is to end with a code: an org, a policy and a state directory.
type exitWorld struct {
	*commandWorld
	policy string
	env    []string // besides the org and its credential
	stdout *os.File // nil for a pipe
}

func TestEveryExitCodeIsReached(t *testing.T) {
	idle := "  - {id: idle, severity: high, when: {lastUsed: {olderThan: 1d}}, then: {revoke: 0d}}\n"
	enforce := "mode: enforce\nlimits: {perRun: 9, perDay: 9, stopAbove: {count: 90, percent: 100}}\nrules:\n" + idle
	reached := make(map[audit.ExitCode]bool)
	for _, row := range []struct {
		code    audit.ExitCode
		prepare func(*testing.T, *exitWorld)
		command string
		says    string // how standard error ends
	}{
		{audit.OK, nil, "run", ""},
		{audit.Findings, nil, "run --fail-on high", ""},
		{audit.ActionFailed, func(_ *testing.T, w *exitWorld) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: http.StatusInternalServerError})
		}, "run --enforce", "STOPPED: the run stopped acting"},
		{audit.StopAbove, func(_ *testing.T, w *exitWorld) {
			w.policy = strings.Replace(w.policy, "count: 90", "count: 1", 1)
		}, "run --enforce", "stopAbove"},
		{audit.Incomplete, func(_ *testing.T, w *exitWorld) {
			w.org.Fault(oktatest.Fault{Path: listing, Page: 2, Body: "no page"})
		}, "run", "tokensweep: nothing was changed; if it happens again, this says whether it is the network, the " +
			"org or the program: --log-level debug\n"},
		{audit.NoLedger, func(t *testing.T, w *exitWorld) {
			require.NoError(t, os.Mkdir(w.state, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(w.state, "ledger.jsonl"), []byte("no record\n"), 0o600))
		}, "run", "tokensweep: nothing was changed; tokensweep ledger verify names the first bad record. Keep the " +
			"directory as evidence and restore a copy\n"},
		{audit.Locked, func(t *testing.T, w *exitWorld) {
			l, err := ledger.InDirectory(w.state).Open(time.Now)
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, "run", "tokensweep: wait until the other run has ended; if there is none, another machine or container " +
			"holds the directory\n"},
		{audit.NoAccess, func(_ *testing.T, w *exitWorld) { w.env = []string{"OKTA_CLIENT_TOKEN=00wrong"} }, "run",
			"it may be wrong, revoked or unused for 30 days, or its owner deactivated\n"},
		{audit.Halted, func(t *testing.T, w *exitWorld) {
			require.NoError(t, os.Mkdir(w.state, 0o700))
			require.NoError(t, ledger.InDirectory(w.state).SetHalt("fire", "kim", time.Now()))
		}, "run --enforce", ": fire (tokensweep resume ends it)\n"},
		{audit.Undelivered, func(t *testing.T, w *exitWorld) {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Skip("there is no /dev/full")
			}
			t.Cleanup(func() { _ = full.Close() })
			w.stdout = full
		}, "run", "writing the result: write /dev/stdout: no space left on device\n"},
		{audit.Usage, nil, "run --output jsn", "tokensweep: see tokensweep run --help\n"},
		{audit.BadPolicy, func(_ *testing.T, w *exitWorld) { w.policy = "rulez: []\n" }, "run",
			"did you mean \"rules\"?"},
	} {
		t.Run(fmt.Sprint(int(row.code)), func(t *testing.T) {
			w := &exitWorld{commandWorld: newCommandWorld(t), policy: enforce}
			if row.prepare != nil {
				row.prepare(t, w)
			}
			args := append(strings.Fields(row.command), "--policy", policyFile(t, w.policy), "--state", w.state)
			cmd := exec.Command("tokensweep", args...)
			cmd.Env = append([]string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}, w.env...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if w.stdout != nil {
				cmd.Stdout = w.stdout
			}
			_ = cmd.Run() // the exit code tells
			require.Equal(t, int(row.code), cmd.ProcessState.ExitCode(), "%s%s", &stdout, &stderr)
			require.Contains(t, stdout.String()+stderr.String(), row.says)
			reached[row.code] = true
		})
	}
	for _, e := range audit.Exits {
		require.True(t, reached[e.Code] || e.Code == audit.Undelivered, "nothing here ends with %d", e.Code)
	}
}
