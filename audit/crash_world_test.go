package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// In the world of these tests two tokens are to be revoked at once and two to be quarantined at once, in
// turns; one has delays; one is exempt, one is an agent's, and one is the run's own.
const crashPolicy = `mode: enforce
limits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
exemptions: [{match: {name: dead-exempt}, reason: drill, owner: sre, until: 2027-12-31}]
rules:
  - {id: dead, when: {name: {matches: "^(dead-.*|own)$"}}, then: {revoke: 0d}}
  - {id: quiet, when: {name: {like: "quiet-*"}}, then: {quarantine: 0d}}
  - {id: later, when: {name: {like: "later-*"}}, then: {quarantine: 3d, revoke: 7d}}
`

const crashPerRun, crashPerDay = 2, 3

// crashDue are the tokens that may be changed, and the one change that may be made of each.
var crashDue = map[string]string{
	oktatest.TokenID(1): http.MethodDelete, oktatest.TokenID(2): http.MethodPut,
	oktatest.TokenID(3): http.MethodDelete, oktatest.TokenID(4): http.MethodPut,
}

// crashWorld is a world whose ledger is on a disk that fails on demand.
type crashWorld struct {
	*world
	disk *ledgertest.Disk
	// believed is set while the disk has lost what an fsync was to write, and nobody can know: then what a
	// reader sees counts as what is durable.
	believed bool
	now      *witness    // the disk as the run under way uses it
	refused  ledger.Kind // the kind of the first record that is not written; "" for none

	mu      sync.Mutex
	wrong   []string        // what was wrong when a change arrived
	reports []*audit.Report // that were delivered
}

// witness is a disk that remembers whether it has failed the process that uses it.
type witness struct {
	ledger.Disk
	failed  atomic.Bool
	refused ledger.Kind
}

func (w *witness) note(err error) error {
	if err != nil {
		w.failed.Store(true)
	}
	return err
}

func (w *witness) Write(p []byte) error {
	if w.refused != "" && bytes.Contains(p, []byte(`"kind":"`+string(w.refused)+`"`)) {
		return w.note(errIO)
	}
	return w.note(w.Disk.Write(p))
}

func (w *witness) Sync() error { return w.note(w.Disk.Sync()) }

func (w *witness) Seal(first uint64, begin func(io.Writer) error) error {
	return w.note(w.Disk.Seal(first, begin))
}

func (w *witness) SetAside(name string, p []byte) error {
	return w.note(w.Disk.SetAside(name, p))
}

func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	token := func(n int, name string, client string) oktatest.Token {
		return oktatest.Token{ID: oktatest.TokenID(n), Name: name, ClientName: client, UserID: oktatest.UserID(1),
			Created: ago(300), LastUsed: ago(21 - float64(n))}
	}
	c := &crashWorld{disk: new(ledgertest.Disk), world: newWorld(t,
		token(1, "dead-1", ""), token(2, "quiet-1", ""), token(3, "dead-2", ""), token(4, "quiet-2", ""),
		token(5, "later-1", ""), token(6, "dead-exempt", ""), token(7, "dead-agent", "Okta AD Agent"),
		token(8, "busy", ""))}
	require.NoError(t, os.Mkdir(c.state, 0o700))
	return c
}

// goWrong makes the org fail, and look at the disk whenever a change arrives.
func (c *crashWorld) goWrong(faults ...oktatest.Fault) {
	c.org.ClearFaults()
	for _, f := range append(faults, oktatest.Fault{Method: http.MethodDelete},
		oktatest.Fault{Method: http.MethodPut}) {
		if f.Method != http.MethodGet {
			f.Then = c.arrived
		}
		c.org.Fault(f)
	}
}

// arrived is called when the org has received a change and not yet acted.
func (c *crashWorld) arrived() {
	all := c.org.Requests()
	id, step := filepath.Base(all[len(all)-1].Path), stepOf(all[len(all)-1].Method)
	content := c.disk.Durable()
	if c.believed {
		content = c.disk.Bytes()
	}
	state, err := stateOf(content)
	intent, open := state.OpenFor(id)
	several := 0
	for _, other := range state.Open {
		if other.Token == id {
			several++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.now.failed.Load():
		c.wrong = append(c.wrong, fmt.Sprintf("%s of %s after a failed write or fsync", step, id))
	case err != nil:
		c.wrong = append(c.wrong, fmt.Sprintf("%s of %s on a bad ledger: %v", step, id, err))
	case !open || intent.Step != step || several != 1:
		c.wrong = append(c.wrong, fmt.Sprintf("%s of %s without one open intent that is durable: %v", step, id,
			state.Open))
	}
}

func stepOf(method string) string {
	if method == http.MethodDelete {
		return ledger.StepRevoke
	}
	return ledger.StepQuarantine
}

// stateOf is what a ledger amounts to; the error is not about a torn last line.
func stateOf(content []byte) (s ledger.State, err error) {
	_, err = ledger.ReadFrom(bytes.NewReader(content), func(r ledger.Record) error { s.Apply(r); return nil })
	if torn := new(ledger.TornError); errors.As(err, &torn) {
		err = nil
	}
	return s, err
}

// run makes an enforcing run as a process of its own, and checks what must hold of any. It returns nil if
// the ledger could not be opened. killed says that nobody gets to see the report.
func (c *crashWorld) run(killed bool) *audit.Report {
	t := c.t
	client, err := okta.New(okta.Options{OrgURL: c.org.URL(), Token: okta.NewSecret(canary), RateShare: 1,
		Dial: c.org.Dial})
	require.NoError(t, err)
	c.client = client
	c.now = &witness{Disk: c.disk, refused: c.refused}
	already, requests := len(c.changes()), len(c.org.Requests())
	l, err := ledger.InDirectory(c.state).OpenOn(c.now, func() time.Time { return c.clock })
	if err != nil {
		require.Equal(t, audit.NoLedger, audit.CodeOf(err), "%v", err)
		require.Len(t, c.org.Requests(), requests, "nothing is asked without a ledger")
		return nil
	}
	open := l.State().OpenSeqs()
	intents := make([]ledger.Record, 0, len(open))
	for _, seq := range open {
		intents = append(intents, l.State().Open[seq])
	}
	r := c.enforceOn(t.Context(), crashPolicy, "", l)
	require.NoError(t, l.Close())
	if !killed {
		c.reports = append(c.reports, r)
	}

	require.Empty(t, c.wrong)
	require.LessOrEqual(t, len(c.changes())-already, crashPerRun, "perRun")
	if c.now.failed.Load() {
		require.Equal(t, audit.NoLedger, r.Code, "%v", r.Err)
		require.ErrorIs(t, r.Err, ledger.ErrPoisoned)
	} else {
		for _, i := range intents {
			require.Contains(t, strings.Join(r.Notes, "\n"),
				fmt.Sprintf("settled by reading: the %s of the token %s that run %s began", i.Step, i.Token, i.Run))
		}
	}
	c.honest(r)
	return r
}

// honest checks a report against the org.
func (c *crashWorld) honest(r *audit.Report) {
	t := c.t
	for _, f := range r.Findings {
		token, there := c.org.Token(f.Token.ID)
		cutOff := there && token.Network.Connection == "ZONE"
		switch f.Outcome {
		case audit.Revoked, audit.Gone:
			require.False(t, there, "%s is reported as %s", f.Token.ID, f.Outcome)
		case audit.Quarantined:
			require.True(t, cutOff, "%s is reported as quarantined", f.Token.ID)
		case audit.Failed: // what was done, though that could not be recorded; or nobody knows yet
			known := !strings.HasPrefix(f.Reason, "unknown, but") && !strings.Contains(f.Reason, "the answer was lost")
			require.Equal(t, !there && known, strings.HasPrefix(f.Reason, "revoked, but"), f.Reason)
			require.Equal(t, cutOff && known, strings.HasPrefix(f.Reason, "quarantined, but"), f.Reason)
		default:
			require.True(t, there, "%s is gone and reported as %s (%s)", f.Token.ID, f.Outcome, f.Reason)
			require.False(t, cutOff, "%s is in quarantine and reported as %s (%s)", f.Token.ID, f.Outcome, f.Reason)
		}
	}
}

// recover makes clean runs until all is done that is due, and checks what must hold of all runs together.
func (c *crashWorld) recover() {
	t := c.t
	c.goWrong()
	for _, wait := range []time.Duration{time.Hour, 25 * time.Hour, 25 * time.Hour, 0} {
		c.pass(wait)
		r := c.run(false)
		require.NotNil(t, r)
		require.NoError(t, r.Err)
		require.Equal(t, audit.OK, r.Code)
		if r.Actions == 0 && r.Count(audit.Held) == 0 && c.allDone() {
			break
		}
	}
	require.True(t, c.allDone(), "a due token is acted on in the end: %v", c.changes())

	state, err := stateOf(c.disk.Bytes())
	require.NoError(t, err)
	require.Empty(t, state.Open, "every intent is settled")
	c.checkHistory()
	c.checkLedger()
	c.checkReports()
}

func (c *crashWorld) allDone() bool {
	for id, method := range crashDue {
		token, there := c.org.Token(id)
		if method == http.MethodDelete && there || method == http.MethodPut && token.Network.Connection != "ZONE" {
			return false
		}
	}
	return true
}

// checkHistory checks what the org has seen.
func (c *crashWorld) checkHistory() {
	var at []time.Time
	for _, q := range c.org.Requests() {
		if q.Method == http.MethodGet {
			continue
		}
		require.Equal(c.t, crashDue[filepath.Base(q.Path)], q.Method, "%s %s: only what is due is changed", q.Method,
			q.Path)
		at = append(at, q.At)
	}
	for i := range at {
		if i >= crashPerDay {
			require.GreaterOrEqual(c.t, at[i].Sub(at[i-crashPerDay]), day, "perDay: %v", c.changes())
		}
	}
}

// checkLedger checks that the changes which the org saw, in their order, are in the ledger, that none is
// begun while another of the same token is open, and that a second one comes only after the first was found
// not to have been done.
func (c *crashWorld) checkLedger() {
	t := c.t
	sent := c.changes()
	settled := make(map[uint64]string)
	intents := make(map[string][]ledger.Record)
	_, err := ledger.ReadFrom(bytes.NewReader(c.disk.Bytes()), func(r ledger.Record) error {
		switch r.Kind {
		case ledger.Intent:
			for _, earlier := range intents[r.Token] {
				require.Equal(t, ledger.ResultFailed, settled[earlier.Seq], "a second intent for %s", r.Token)
			}
			intents[r.Token] = append(intents[r.Token], r)
		case ledger.Outcome:
			if r.Settled {
				settled[r.Ref] = r.Result
			}
		}
		return nil
	})
	require.NoError(t, err)
	count := make(map[string]int)
	for _, change := range sent {
		method, id, _ := strings.Cut(change, " ")
		count[id]++
		require.GreaterOrEqual(t, len(intents[id]), count[id], "%s has an intent of its own", change)
		last := intents[id][len(intents[id])-1]
		require.Equal(t, stepOf(method), last.Step)
		require.Equal(t, map[string]string{http.MethodDelete: ledger.ResultRevoked,
			http.MethodPut: ledger.ResultQuarantined}[method], settled[last.Seq], change)
	}
}

// checkReports checks that every token which was changed is in a report that somebody got to see.
func (c *crashWorld) checkReports() {
	for id, method := range crashDue {
		told := false
		for _, r := range c.reports {
			for _, f := range r.Findings {
				told = told || f.Token.ID == id && (f.Outcome == audit.Revoked || f.Outcome == audit.Quarantined)
			}
			for _, v := range r.Vanished {
				told = told || v.ID == id && strings.HasPrefix(v.Reason, "revoked by tokensweep")
			}
			told = told || strings.Contains(strings.Join(r.Notes, "\n"), fmt.Sprintf("the %s of the token %s",
				stepOf(method), id))
		}
		require.True(c.t, told, "no report tells of %s", id)
	}
}
