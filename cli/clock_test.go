package cli_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// clockWorld is a commandWorld whose org shows another time than this machine: it is this machine's clock that is
// wrong, by so much.
type clockWorld struct {
	*commandWorld
	wrong time.Duration
}

func newClockWorld(t *testing.T) *clockWorld {
	t.Helper()
	w := &clockWorld{commandWorld: newCommandWorld(t)}
	cfg := matrixOrg(time.Now())
	cfg.Now = func() time.Time { return time.Now().Add(-w.wrong) }
	w.org = oktatest.Start(cfg)
	t.Cleanup(w.org.Close)
	return w
}

// do runs a command, and returns its exit code and all that it wrote.
func (w *clockWorld) do(args ...string) (audit.ExitCode, string) {
	w.t.Helper()
	cmd := exec.Command("tokensweep", append(args, "--state", w.state)...)
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary, "TOKENSWEEP_POLICY=" +
		policyFile(w.t, matrixPolicy)}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		require.ErrorAs(w.t, err, new(*exec.ExitError))
	}
	w.t.Logf("%v exits %d\n%s", args, cmd.ProcessState.ExitCode(), out.String())
	return audit.ExitCode(cmd.ProcessState.ExitCode()), out.String()
}

// records are those of the ledger, by kind.
func (w *clockWorld) records() map[ledger.Kind][]ledger.Record {
	w.t.Helper()
	all := make(map[ledger.Kind][]ledger.Record)
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error {
		all[r.Kind] = append(all[r.Kind], r)
		return nil
	})
	require.NoError(w.t, err)
	return all
}

// write writes records by a clock of its own, as a build before v1 did that did not doubt its clock.
func (w *clockWorld) write(clock time.Time, records ...ledger.Record) {
	w.t.Helper()
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return clock })
	require.NoError(w.t, err)
	for _, r := range records {
		_, err := l.Append(r)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, l.Close())
}

// Whatever was done while the clock was wrong, afterwards all is well.
func TestNothingThatWasDoneByAWrongClockStopsLaterRuns(t *testing.T) {
	for name, row := range map[string]struct {
		args []string
		code audit.ExitCode
	}{
		"a dry run":        {[]string{"run"}, audit.OK},
		"an enforcing run": {[]string{"run", "--enforce"}, audit.Halted},
		"a quarantine": {[]string{"tokens", "quarantine", oktatest.TokenID(2), "--yes", "--reason", "drill"},
			audit.Halted},
		"a restoration": {[]string{"tokens", "restore", oktatest.TokenID(2), "--yes", "--reason", "drill"},
			audit.Usage},
		"the token in use":  {[]string{"run", "--revoke-own-token-after", "--as-of", "2026-01-01"}, audit.OK},
		"halt, then resume": {[]string{"halt", "--reason", "drill"}, audit.OK},
	} {
		for _, wrong := range []time.Duration{400 * 24 * time.Hour, -5 * 24 * time.Hour} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newClockWorld(t)
				w.write(time.Now().Add(-time.Hour), ledger.Record{Kind: ledger.Begun, Org: w.org.URL(),
					Mode: ledger.ModeDryRun})
				w.wrong = wrong
				code, _ := w.do(row.args...)
				require.Equal(t, row.code, code)
				w.wrong = 0
				if name == "the token in use" {
					return // it is gone
				}
				if name == "halt, then resume" {
					w.wrong = wrong
					code, _ = w.do("resume")
					require.Equal(t, audit.OK, code)
					w.wrong = 0
				}
				for _, kind := range []ledger.Kind{ledger.Listed, ledger.Planned, ledger.Noticed, ledger.Intent} {
					require.Empty(t, w.records()[kind])
				}
				w.run(matrixPolicy).done(t, allDone...)
			})
		}
	}
}

// A ledger of an earlier build that has records of the future is told of with what ends it, and what it knows stays.
func TestALedgerWithRecordsOfTheFutureHasAWayOut(t *testing.T) {
	t.Parallel()
	w := newClockWorld(t)
	w.run(matrixPolicy).done(t, allDone...) // one is in quarantine, and two of the three changes of a day are spent
	future := time.Now().Add(400 * 24 * time.Hour)
	w.write(future, ledger.Record{Kind: ledger.Begun, Org: w.org.URL(), Mode: ledger.ModeDryRun, Run: "wrong"},
		ledger.Record{Kind: ledger.Planned, Plan: "sha256:00", Mode: ledger.ModeDryRun, Run: "wrong"},
		ledger.Record{Kind: ledger.Ended, Run: "wrong"})

	o := w.run(matrixPolicy)
	o.nothingDone(t, audit.Halted, "tokensweep ledger reset-clock")
	require.Equal(t, "held", o.of["dead-2"])
	code, text := w.do("doctor", "--enforce")
	require.Equal(t, audit.Halted, code)
	require.Contains(t, text, "tokensweep ledger reset-clock")
	code, _ = w.do("run", "--enforce", "--plan", "sha256:00")
	require.Equal(t, audit.Usage, code, "a plan of the future is none")

	before := len(w.records()[ledger.ClockReset])
	for _, args := range [][]string{{"--yes"}, {"--reason", "a node ran ahead"}} { // no reason; nobody to ask
		code, _ = w.do(append([]string{"ledger", "reset-clock"}, args...)...)
		require.Equal(t, audit.Usage, code)
	}
	reset := []string{"ledger", "reset-clock", "--yes", "--reason", "a node ran ahead"}
	w.wrong = -24 * time.Hour
	code, text = w.do(reset...)
	require.Equal(t, audit.Halted, code)
	require.Contains(t, text, "set the clock of this machine")
	w.wrong = 0
	require.Len(t, w.records()[ledger.ClockReset], before, "nothing was written")

	code, _ = w.do(reset...)
	require.Equal(t, audit.OK, code)
	require.Len(t, w.records()[ledger.ClockReset], before+1)
	code, text = w.do(reset...)
	require.Equal(t, audit.OK, code)
	require.Contains(t, text, "nothing was written")
	o = w.run(matrixPolicy)
	o.done(t, "DELETE "+oktatest.TokenID(3)) // the one that perDay has left
	require.Equal(t, "quarantined", o.of["quiet-1"])
	code, _ = w.do("tokens", "restore", oktatest.TokenID(2), "--yes", "--reason", "it was ours")
	require.Equal(t, audit.OK, code)
	require.Contains(t, changesOf(w.org), http.MethodPut+" "+oktatest.TokenID(2))
}
