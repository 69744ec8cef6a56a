package cli_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

func TestARunThatCanNeitherSettleNorListReportsItInEveryForm(t *testing.T) {
	w := newCommandWorld(t, oktatest.Fault{Method: http.MethodDelete, Times: 1, Hangup: true})
	require.Equal(t, audit.ActionFailed, w.run(matrixPolicy).code)
	w.org.ClearFaults()
	w.org.Fault(oktatest.Fault{Path: listing + "/" + oktatest.TokenID(1), Status: http.StatusInternalServerError})
	w.org.Fault(oktatest.Fault{Path: listing, Status: http.StatusInternalServerError})
	for _, form := range []string{"text", "markdown", "csv", "json"} {
		cmd := exec.Command("tokensweep", "run", "--enforce", "--policy", policyFile(t, matrixPolicy), "--state",
			w.state, "--output", form)
		cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, int(audit.ActionFailed), exit.ExitCode(), "%s: %s", form, out)
		require.Contains(t, string(out), "500 Internal Server Error", form)
	}
}

func TestCtrlCWhileTheListIsReadIsNoUnreachableOrg(t *testing.T) {
	w := newCommandWorld(t)
	cmd := exec.Command("tokensweep", "run", "--policy", policyFile(t, matrixPolicy), "--state", w.state)
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan *os.Process, 1)
	w.org.Fault(oktatest.Fault{Path: listing, Page: 2, Delay: time.Minute,
		Then: func() { _ = (<-started).Signal(syscall.SIGINT) }})
	require.NoError(t, cmd.Start())
	started <- cmd.Process
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, int(audit.Halted), exit.ExitCode(), out.String())
	require.Contains(t, out.String(), "the run was interrupted: listing incomplete: page 2")
}
