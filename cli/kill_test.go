package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

func TestARunThatIsKilledAtAnyRequestHarmsNothing(t *testing.T) {
	for name, acts := range map[string]bool{"before the org acts": false, "and the org acts": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, step := 1, 1
			if testing.Short() {
				step = 3
			}
			for killed := true; killed; n += step {
				t.Run(fmt.Sprint("at request ", n), func(t *testing.T) {
					w := newKillWorld(t)
					killed = w.killAt(n, acts)
					hung := len(w.changes())
					for range 2 {
						w.clean()
					}
					w.check()

					w.finished(min(hung, 1))
				})
				if t.Failed() {
					return
				}
			}
			require.Greater(t, n, 9, "the sweep has gone through a whole run")
		})
	}
}

// A pod that is killed is started again at once, and may be killed at the same place.
func TestRunsThatAreKilledAgainAndAgainHarmNothing(t *testing.T) {
	for n := 1; n <= 9; n++ {
		t.Run(fmt.Sprint("at request ", n), func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t)
			for range 3 {
				started := make(chan *process, 1)
				w.org.Fault(oktatest.Fault{Skip: n - 1, Times: 1, HangupAfter: true, Then: func() {
					p := <-started
					_ = p.cmd.Process.Kill()
					<-p.done
				}})
				p := w.start()
				started <- p
				if p.code() == 0 {
					w.report(p)
				}
				w.org.ClearFaults()
			}
			w.clean()
			w.clean()
			w.check()
		})
	}
}

func TestASecondRunAtTheSameTimeAsksNothing(t *testing.T) {
	for n := 1; n <= 7; n += 3 { // before, in and after the listing
		t.Run(fmt.Sprint("while the first waits for request ", n), func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t)
			arrived, free := make(chan struct{}), make(chan struct{})
			w.org.Fault(oktatest.Fault{Skip: n - 1, Times: 1, Then: func() { close(arrived); <-free }})
			first := w.start()
			<-arrived
			second := w.startWith("another") // to tell its requests from those of the first
			code := second.code()
			close(free)
			require.Equal(t, int(audit.Locked), code, "%s", second.stderr.String())
			which := 0
			for _, q := range w.org.Requests() {
				if q.Path == "/.well-known/okta-organization" { // which takes no credential, and is asked once in a run
					which++
					continue
				}
				require.Equal(t, "SSWS "+canary, q.Header.Get("Authorization"))
			}
			require.LessOrEqual(t, which, 1)
			require.Empty(t, second.stdout.String())
			require.Contains(t, second.stderr.String(), "another run holds the lock")

			require.Zero(t, first.code(), "%s", first.stderr.String())
			w.report(first)
			w.clean()
			w.check()
		})
	}
}

func TestATerminatedRunFinishesItsChangeAndBeginsNoOther(t *testing.T) {
	for name, lost := range map[string]bool{"and its answer comes": false, "and its answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t)
			started := make(chan *process, 1)
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, HangupAfter: lost,
				Delay: 300 * time.Millisecond, Then: func() {
					_ = (<-started).cmd.Process.Signal(syscall.SIGTERM)
				}})
			p := w.start()
			started <- p
			p.code()
			r := w.report(p)
			require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, w.changes(), "no other change is begun")
			outcomes := make(map[string]audit.Outcome)
			for _, f := range r.Findings {
				outcomes[f.Token.ID] = f.Outcome
			}
			require.Equal(t, audit.Revoked, outcomes[oktatest.TokenID(1)])
			require.Equal(t, audit.Held, outcomes[oktatest.TokenID(2)])
			all := w.records()
			last := all[len(all)-1]
			all = slices.DeleteFunc(all, func(r ledger.Record) bool {
				return r.Kind == ledger.Ended && r.Run == last.Run
			})
			before := all[len(all)-1]
			require.Equal(t, []any{ledger.Ended, p.code()}, []any{last.Kind, last.ExitCode},
				"the exit code is that of the ledger")
			require.Equal(t, []any{ledger.Outcome, ledger.ResultRevoked, true},
				[]any{before.Kind, before.Result, before.Settled})
			require.True(t, strings.HasPrefix(r.Ledger.Head, fmt.Sprint(before.Seq, ":")))

			w.clean()
			w.clean()
			w.check()
		})
	}
}

// Nobody reads on, as after head -1: the run goes to its end all the same, and has it on record.
func TestARunWhoseReaderIsGoneHasItsEndOnRecord(t *testing.T) {
	w := newKillWorld(t)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	p := w.prepare(canary)
	p.cmd.Stdout = write
	p.cmd.Stderr = &p.stderr
	require.Error(t, p.cmd.Run())
	require.NoError(t, write.Close())
	require.Equal(t, int(audit.Undelivered), p.cmd.ProcessState.ExitCode(), "%s", p.stderr.String())
	require.Contains(t, p.stderr.String(), "broken pipe")
	all := w.records()
	require.Equal(t, []any{ledger.Ended, int(audit.Undelivered)}, []any{all[len(all)-1].Kind, all[len(all)-1].ExitCode})
	w.clean()
	w.clean()
	w.check()
}

func TestARunThatIsTerminatedWhileItListsChangesNothing(t *testing.T) {
	w := newKillWorld(t)
	started := make(chan *process, 1)
	w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Delay: 300 * time.Millisecond, Then: func() {
		_ = (<-started).cmd.Process.Signal(syscall.SIGTERM)
	}})
	p := w.start()
	started <- p
	require.Equal(t, int(audit.Halted), p.code(), "%s", p.stderr.String())
	w.report(p)
	require.Empty(t, w.changes())
	all := w.records()
	require.Equal(t, ledger.Ended, all[len(all)-1].Kind)
	w.clean()
	w.clean()
	w.check()
}
