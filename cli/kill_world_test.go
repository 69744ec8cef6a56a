package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
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

const killPolicy = `version: 1
mode: enforce
limits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
exemptions: [{match: {name: dead-exempt}, reason: drill, owner: sre, until: 2099-12-31}]
rules:
  - {id: dead, when: {name: {matches: "^(dead-.*|own)$"}}, then: {revoke: 0d}}
  - {id: quiet, when: {name: {like: "quiet-*"}}, then: {quarantine: 0d}}
`

const killPerRun, killPerDay = 2, 3

// killDue are the tokens that may be changed, and the one change that may be made of each; the longest idle
// is the first.
var killDue = map[string]string{
	oktatest.TokenID(1): http.MethodDelete, oktatest.TokenID(2): http.MethodPut, oktatest.TokenID(3): http.MethodDelete,
}

// killWorld is an org, and processes that sweep it and share a state directory.
type killWorld struct {
	t             *testing.T
	org           *oktatest.Server
	policy, state string
	program       string
	env           []string // of all processes, besides the org's
	reports       []killReport
	settled       []string // notes of all reports
}

// killReport is what these tests read of a report.
type killReport struct {
	Run struct {
		ID       string
		ExitCode audit.ExitCode
	}
	Findings []struct {
		Token struct{ ID string }
		Step  string

		Outcome audit.Outcome
		Reason  string
	}
	Vanished []struct{ ID, Reason string }
	Notes    []string
	Ledger   struct{ Head string }
}

func newKillWorld(t *testing.T) *killWorld {
	t.Helper()
	today := time.Now()
	token := func(n int, name, client string) oktatest.Token {
		return oktatest.Token{ID: oktatest.TokenID(n), Name: name, ClientName: client, UserID: oktatest.UserID(1),
			Created: today.AddDate(-1, 0, 0), LastUsed: today.AddDate(0, 0, n-21)}
	}
	own := oktatest.Token{ID: oktatest.TokenID(9), Name: "own", UserID: oktatest.UserID(9),
		Created: today.AddDate(-1, 0, 0), LastUsed: today}
	w := &killWorld{t: t, program: "tokensweep", state: filepath.Join(t.TempDir(), "state"),
		policy: filepath.Join(t.TempDir(), "policy.yaml"), org: oktatest.Start(oktatest.Config{
			Credential: canary, Me: oktatest.UserID(9), OwnToken: own.ID,
			Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}},
			Tokens: []oktatest.Token{
				token(1, "dead-1", ""), token(2, "quiet-1", ""), token(3, "dead-2", ""),
				token(5, "dead-exempt", ""), token(6, "dead-agent", "Okta AD Agent"), token(7, "busy", ""), own,
			},
		})}
	t.Cleanup(w.org.Close)
	require.NoError(t, os.WriteFile(w.policy, []byte(killPolicy), 0o600))
	return w
}

// begunLastMonth makes a ledger that has a record of the month before, so that the next run begins a new segment.
func (w *killWorld) begunLastMonth() {
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return time.Now().AddDate(0, 0, -32) })
	require.NoError(w.t, err)
	_, err = l.Append(ledger.Record{Kind: ledger.Resume, Reason: "a drill is over"})
	require.NoError(w.t, err)
	require.NoError(w.t, l.Close())
}

// process is the program while it runs, and what it wrote. done is closed when it has ended.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	done           chan struct{}
	err            error // of Wait; valid once done is closed
}

// start starts an enforcing run.
func (w *killWorld) start() *process { return w.startWith(canary) }

func (w *killWorld) startWith(credential string) *process {
	p := w.prepare(credential)
	p.begin(w.t)
	return p
}

// prepare makes a process of an enforcing run that has not begun.
func (w *killWorld) prepare(credential string) *process {
	p := &process{cmd: exec.Command(w.program, "run", "--enforce", "--policy", w.policy, "--state", w.state, "--output",
		"json"), done: make(chan struct{})}
	p.cmd.Env = append([]string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + credential}, w.env...)
	return p
}

func (p *process) begin(t *testing.T) {
	t.Helper()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
}

// code waits for the end of the process and returns its exit code, -1 if a signal killed it.
func (p *process) code() int {
	<-p.done
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return 0
	case errors.As(p.err, &exit):
		return exit.ExitCode()
	}
	return -2 // it could not be waited for
}

// report takes in the report of a process that has written one.
func (w *killWorld) report(p *process) (r killReport) {
	w.t.Helper()
	require.NoError(w.t, json.Unmarshal(p.stdout.Bytes(), &r), "%s\n%s", p.stdout.String(), p.stderr.String())
	w.reports = append(w.reports, r)
	w.settled = append(w.settled, r.Notes...)
	for _, f := range r.Findings {
		token, there := w.org.Token(f.Token.ID)
		require.Equal(w.t, there, f.Outcome != audit.Revoked && f.Outcome != audit.Gone, "%s is reported as %s (%s)",
			f.Token.ID, f.Outcome, f.Reason)
		require.Equal(w.t, there && token.Network.Connection == "ZONE", f.Outcome == audit.Quarantined,
			"%s is reported as %s (%s)", f.Token.ID, f.Outcome, f.Reason)
	}
	return r
}

// clean makes a run to the end.
func (w *killWorld) clean() {
	w.t.Helper()
	already := len(w.changes())
	p := w.start()
	require.Zero(w.t, p.code(), "%s", p.stderr.String())
	require.LessOrEqual(w.t, len(w.changes())-already, killPerRun, "perRun")
	w.report(p)
}

// changes are the changes that the org received.
func (w *killWorld) changes() (list []string) {
	for _, q := range w.org.Requests() {
		if q.Method != http.MethodGet {
			list = append(list, q.Method+" "+filepath.Base(q.Path))
		}
	}
	return list
}

func (w *killWorld) records() (all []ledger.Record) {
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error { all = append(all, r); return nil })
	if torn := new(ledger.TornError); !errors.As(err, &torn) {
		require.NoError(w.t, err)
	}
	return all
}

// check checks what must hold of all runs together.
func (w *killWorld) check() {
	t := w.t
	t.Helper()
	settled := make(map[uint64]string)
	intents := make(map[string][]ledger.Record)
	open := make(map[uint64]bool)
	begun := 0
	for _, r := range w.records() {
		switch r.Kind {
		case ledger.Intent:
			for _, earlier := range intents[r.Token] {
				require.Equal(t, ledger.ResultFailed, settled[earlier.Seq], "a second intent for %s", r.Token)
			}
			intents[r.Token], open[r.Seq] = append(intents[r.Token], r), true
			begun++
		case ledger.Outcome:
			if r.Settled {
				settled[r.Ref] = r.Result
				delete(open, r.Ref)
			}
		}
	}
	require.Empty(t, open, "every intent is settled after a clean run")
	require.LessOrEqual(t, begun, killPerDay)
	require.LessOrEqual(t, len(w.changes()), killPerDay, "perDay, whatever became of the runs")

	step := map[string]string{http.MethodDelete: ledger.StepRevoke, http.MethodPut: ledger.StepQuarantine}
	count := make(map[string]int)
	for _, change := range w.changes() {
		method, id, _ := strings.Cut(change, " ")
		count[id]++
		require.Equal(t, killDue[id], method, "%s: only what is due is changed", change)
		require.GreaterOrEqual(t, len(intents[id]), count[id], "%s has an intent of its own", change)
		require.Equal(t, step[method], intents[id][count[id]-1].Step)
		require.True(t, w.told(id, step[method]), "no report tells of %s", change)
	}
}

// finished checks that everything that was due is done. A change that never reached its end costs one of perDay, and
// there may be so many of them; nothing else is lost.
func (w *killWorld) finished(hung int) {
	w.t.Helper()
	lost := 0
	for _, r := range w.records() {
		if r.Kind == ledger.Outcome && r.Result == ledger.ResultFailed {
			lost++
		}
	}
	require.LessOrEqual(w.t, lost, hung)
	done := 0
	for id, method := range killDue {
		token, there := w.org.Token(id)
		if method == http.MethodDelete && !there || method == http.MethodPut && token.Network.Connection == "ZONE" {
			done++
		}
	}
	require.Equal(w.t, killPerDay-lost, done, "all that was due")
}

// told says whether a report that was written tells of a change.
func (w *killWorld) told(id, step string) bool {
	for _, r := range w.reports {
		for _, f := range r.Findings {
			if f.Token.ID == id && (f.Outcome == audit.Revoked || f.Outcome == audit.Quarantined) {
				return true
			}
		}
		for _, v := range r.Vanished {
			if v.ID == id && strings.HasPrefix(v.Reason, "revoked by tokensweep") {
				return true
			}
		}
	}
	return strings.Contains(strings.Join(w.settled, "\n"), "the "+step+" of the token "+id)
}

// killAt makes a run that is killed when its nth request arrives, and reports whether it got that far.
func (w *killWorld) killAt(n int, acts bool) (killed bool) {
	started := make(chan *process, 1)
	w.org.Fault(oktatest.Fault{Skip: n - 1, Times: 1, Hangup: !acts, HangupAfter: acts, Then: func() {
		p := <-started
		_ = p.cmd.Process.Kill()
		<-p.done // nothing that the process would still do comes after this
	}})
	p := w.start()
	started <- p
	killed = p.code() == -1
	w.org.ClearFaults()
	if !killed {
		require.Zero(w.t, p.code(), "%s", p.stderr.String())
		w.report(p)
	}
	require.LessOrEqual(w.t, len(w.changes()), killPerRun, "perRun")
	return killed
}
