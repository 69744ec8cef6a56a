package audit_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

const zoneID = "nzo1a2b3c4d5e6f7g8h9"

// world is an org, a state directory, and a clock that both share.
type world struct {
	t      *testing.T
	org    *oktatest.Server
	url    string // where the org is looked for, "" for its own
	client *okta.Client
	clock  time.Time
	state  string
	// announced is what was announced by the last run; announceErr fails the next announcement.
	announced   *audit.Report
	announceErr error
	deliverErr  error
	atAnnounce  func()
	app         *okta.ServiceApp // to log in as, instead of with an API token
}

func newWorld(t *testing.T, tokens ...oktatest.Token) *world {
	t.Helper()
	w := &world{t: t, clock: now, state: filepath.Join(t.TempDir(), "state")}
	own := oktatest.Token{ID: oktatest.TokenID(999), Name: "own", UserID: oktatest.UserID(9), Created: ago(1000),
		LastUsed: now}
	w.org = oktatest.Start(oktatest.Config{
		Credential: canary, Me: oktatest.UserID(9), OwnToken: own.ID, Tokens: append(tokens, own), PageSize: 10,
		Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}}, Now: func() time.Time { return w.clock },
	})
	t.Cleanup(w.org.Close)
	w.connect()
	return w
}

// connect makes a client, as each process has one of its own.
func (w *world) connect() {
	c, err := okta.New(okta.Options{OrgURL: cmp.Or(w.url, w.org.URL()), Token: okta.NewSecret(canary), RateShare: 1,
		App: w.app})
	require.NoError(w.t, err)
	w.client = c
}

func (w *world) open() *ledger.Ledger {
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return w.clock })
	require.NoError(w.t, err)
	return l
}

func (w *world) options(text string, l *ledger.Ledger) audit.Options {
	return audit.Options{
		Org: w.client.Reader, Policy: policy(w.t, text), Ledger: l, Now: func() time.Time {
			return w.clock
		},
		Deliver: func(*audit.Report) error { return w.deliverErr },
	}
}

// dry makes a dry run.
func (w *world) dry(text string) *audit.Report {
	w.connect()
	l := w.open()
	defer func() { _ = l.Close() }()
	return w.dryOn(text, l)
}

func (w *world) dryOn(text string, l *ledger.Ledger) *audit.Report {
	return audit.Run(w.t.Context(), w.options(text, l))
}

// enforce makes an enforcing run.
func (w *world) enforce(text string) *audit.Report { return w.enforcePlan(text, "") }

func (w *world) enforcePlan(text, plan string) *audit.Report {
	w.connect()
	l := w.open()
	defer func() { _ = l.Close() }()
	return w.enforceOn(w.t.Context(), text, plan, l)
}

func (w *world) enforceOn(ctx context.Context, text, plan string, l *ledger.Ledger) *audit.Report {
	o := w.options(text, l)
	w.announced = nil
	o.Enforce = &audit.Enforcement{Org: w.client, Plan: plan, Announce: func(_ context.Context, r *audit.Report) (
		string, error) {
		if w.atAnnounce != nil {
			w.atAnnounce()
		}
		if w.announceErr != nil {
			return "", w.announceErr
		}
		copied := *r
		copied.Findings = append([]audit.Finding{}, r.Findings...)
		w.announced = &copied
		return "test", nil
	}}
	return audit.Run(ctx, o)
}

// changes are the requests that changed something, as METHOD and the token's id.
func (w *world) changes() (list []string) {
	for _, r := range w.org.Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			list = append(list, r.Method+" "+filepath.Base(r.Path))
		}
	}
	return list
}

func (w *world) pass(d time.Duration) { w.clock = w.clock.Add(d) }

func (w *world) records() (all []ledger.Record) {
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error { all = append(all, r); return nil })
	require.NoError(w.t, err)
	return all
}

// only is the one finding of a report.
func only(t *testing.T, r *audit.Report) audit.Finding {
	t.Helper()
	require.Len(t, r.Findings, 1, "%v %v", r.Err, r.Notes)
	return r.Findings[0]
}

const limits = "mode: enforce\nlimits: {perRun: 3, perDay: 5, stopAbove: {count: 10, percent: 90}}\n" + zone

const idlePolicy = limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d, revoke: " +
	"7d}}]"

func idleToken(n int) oktatest.Token {
	return oktatest.Token{ID: oktatest.TokenID(n), Name: fmt.Sprintf("idle-%d", n), UserID: oktatest.UserID(1),
		Created: ago(300), LastUsed: ago(15)}
}

const day = 24 * time.Hour

// known is the value of a field that must be known, or the zero one.
func known[T any](o okta.Opt[T]) T {
	v, _ := o.Get()
	return v
}
