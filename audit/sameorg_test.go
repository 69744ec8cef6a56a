package audit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// moveTo gives the org another URL, at which that other one answers.
func (w *world) moveTo(org *oktatest.Server) {
	s := httptest.NewServer(org.Handler())
	w.t.Cleanup(s.Close)
	w.url = s.URL
}

// another is an org like that of w, with another id.
func (w *world) another() *oktatest.Server {
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9), Tokens: w.org.Tokens(),
		Now: func() time.Time { return w.clock }, Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}}})
	w.t.Cleanup(org.Close)
	return org
}

// withoutID takes the id of the org out of what a run leaves: a version before this one wrote none.
func (w *world) withoutID(text string) {
	w.org.Fault(oktatest.Fault{Path: whichOrg, Status: 404})
	require.NoError(w.t, w.dry(text).Err)
	w.org.ClearFaults()
}

func TestAnOrgThatGetsAnotherURLKeepsItsState(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	text := strings.Replace(idlePolicy, "quarantine: 3d, ", "", 1)
	text = strings.Replace(text, "perDay: 5", "perDay: 1", 1)
	announced := w.enforce(text)
	require.NoError(t, announced.Err)
	require.Equal(t, 2, announced.Count(audit.Pending))
	w.pass(7 * day)
	require.Equal(t, 1, w.enforce(text).Count(audit.Revoked), "perDay is 1")

	was := w.org.URL()
	w.moveTo(w.org)
	w.pass(time.Hour)
	r := w.enforce(text)
	require.NoError(t, r.Err)
	require.Equal(t, w.url, r.OrgURL)
	f := only(t, r)
	require.Equal(t, audit.Held, f.Outcome, "what was announced at the old URL is due, and spent there is spent")
	require.Contains(t, f.Reason, "perDay allows 1 in 24 hours, of which 1 are spent")
	moved := "the org's URL was " + was + " in the run before, and is " + w.url
	require.Contains(t, strings.Join(r.Notes, "\n"), moved)

	w.pass(day)
	r = w.enforce(text)
	require.Equal(t, audit.Revoked, only(t, r).Outcome, r.Err)
	require.NotContains(t, strings.Join(r.Notes, "\n"), moved, "it is said once")

	w.url = ""
	r = w.dry(text)
	require.NoError(t, r.Err, "both are URLs of the org")
	require.Contains(t, strings.Join(r.Notes, "\n"), "and is "+was)
}

func TestAPlanThatWasReviewedHoldsAtTheNewURL(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.enforce(nowPolicy)
	plan := w.dry(nowPolicy)
	w.moveTo(w.org)
	r := w.enforcePlan(nowPolicy, plan.Digest)
	require.NoError(t, r.Err)
	require.NotEqual(t, plan.Digest, r.Digest, "a digest is of a URL too")
}

// What is refused is refused before anything is sent that takes a credential to a URL that the ledger doesn't know,
// and nothing is written or changed.
func TestAnotherOrgsStateIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(*world)
		says    string
		sameURL bool
	}{
		"another org at another URL": {func(w *world) {
			require.NoError(w.t, w.dry(idlePolicy).Err)
			w.moveTo(w.another())
		}, "and the ledger's is ", false},
		"another org at the same URL": {func(w *world) {
			s := httptest.NewServer(w.org.Handler())
			w.t.Cleanup(s.Close)
			w.url = s.URL
			require.NoError(w.t, w.dry(idlePolicy).Err)
			s.Config.Handler = w.another().Handler()
		}, "so that it is another or was made anew: give each org a state directory of its own", true},
		"a state of a version that recorded no id": {func(w *world) {
			w.withoutID(idlePolicy)
			w.moveTo(w.org)
		}, "make one dry run at the URL before with this version", false},
		"no list was ever read": {func(w *world) {
			w.org.Fault(oktatest.Fault{Path: listPath, Status: 403})
			require.Error(w.t, w.dry(idlePolicy).Err)
			w.org.ClearFaults()
			w.moveTo(w.another())
		}, "the directory can be deleted", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			row.prepare(w)
			before := len(w.records())
			for what, run := range map[string]func() error{
				"a dry run":        func() error { return w.dry(idlePolicy).Err },
				"an enforcing run": func() error { return w.enforce(idlePolicy).Err },
				"by hand": func() error {
					_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(1))
					return err
				},
				"another instant": func() error {
					w.connect()
					l := w.open()
					defer func() { _ = l.Close() }()
					o := w.options(idlePolicy, l)
					o.AsOf = w.clock.Add(day)
					return audit.Run(t.Context(), o).Err
				},
			} {
				w.org.ResetRequests()
				err := run()
				require.ErrorIs(t, err, audit.ErrWrongOrg, what)
				require.Equal(t, audit.Usage, audit.CodeOf(err))
				require.ErrorContains(t, err, row.says, what)
				require.Len(t, w.records(), before, what)
				require.Empty(t, w.changes())
				for _, r := range w.org.Requests() {
					require.True(t, row.sameURL || r.Header.Get("Authorization") == "", r.Path)
				}
			}
			w.connect()
			past := w.past()
			_, err := audit.Explain(t.Context(), w.options(idlePolicy, nil), past, oktatest.TokenID(1))
			require.Equal(t, !row.sameURL, err != nil, "%v", err)
			if err != nil {
				require.ErrorContains(t, err, "wrong org: the ledger is of http://")
			}
			_, err = audit.Simulate(t.Context(), w.options(idlePolicy, nil),
				audit.SimulateOptions{Length: day, Past: past})
			require.Equal(t, !row.sameURL, err != nil, "%v", err)
			_, err = w.resetClock()
			require.ErrorIs(t, err, audit.ErrWrongOrg)
		})
	}
}

// Where the id can't be read at another URL, nothing says that the org is another: the code is that of what went wrong,
// as for any other reading, so that a Job is tried again. Nothing is recorded, no credential is sent.
func TestAnIDThatCannotBeReadAtAnotherURLEndsAsAnyReadingDoes(t *testing.T) {
	for name, row := range map[string]struct {
		fault  oktatest.Fault
		signal bool
		code   audit.ExitCode
		says   string
	}{
		"404":          {fault: oktatest.Fault{Status: 404}, code: audit.Incomplete, says: "404 Not Found"},
		"500":          {fault: oktatest.Fault{Status: 500}, code: audit.Incomplete, says: "500 Internal Server Error"},
		"a proxy":      {fault: oktatest.Fault{Status: 403, Proxy: true}, code: audit.Incomplete, says: "not Okta's"},
		"a login page": {fault: oktatest.Fault{Status: 200, Body: "<html>"}, code: audit.Incomplete, says: "HTML"},
		"a signal":     {signal: true, code: audit.Halted, says: "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			require.NoError(t, w.dry(idlePolicy).Err)
			w.moveTo(w.org)
			w.connect()
			before := len(w.records())
			w.org.ResetRequests()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			row.fault.Path = whichOrg
			if row.signal {
				row.fault.Then, row.fault.Hangup = stop, true
			}
			w.org.Fault(row.fault)

			l := w.open()
			r := audit.Run(ctx, w.options(idlePolicy, l))
			require.NoError(t, l.Close())
			require.NotErrorIs(t, r.Err, audit.ErrWrongOrg)
			require.Equal(t, row.code, r.Code, r.Err)
			require.ErrorContains(t, r.Err, "and OKTA_CLIENT_ORGURL is "+w.url)
			require.ErrorContains(t, r.Err, row.says)
			require.Len(t, w.records(), before)
			for _, sent := range w.org.Requests() {
				require.Empty(t, sent.Header.Get("Authorization"), sent.Path)
			}
			if row.signal {
				return
			}
			_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(1))
			require.Equal(t, row.code, audit.CodeOf(err), err)
			checks, id := audit.CheckOrg(t.Context(), audit.OrgCheck{
				Org: w.client.Reader, Policy: policy(t, idlePolicy),
			})
			require.Equal(t, row.code, audit.Worst(append(checks, audit.CheckState(audit.StateCheck{
				Store: ledger.InDirectory(w.state), OrgURL: w.url, OrgID: id,
				Now: func() time.Time { return w.clock },
			})...)), "doctor says what a run would")
		})
	}
}

// A run of the org at its URL does without its id.
func TestAnIDThatCannotBeReadIsNotNeeded(t *testing.T) {
	for name, f := range map[string]oktatest.Fault{
		"404":             {Path: whichOrg, Status: 404},
		"500":             {Path: whichOrg, Status: 500},
		"HTML":            {Path: whichOrg, Status: 200, Body: "<html>Sign in</html>"},
		"no id of Okta's": {Path: whichOrg, Status: 200, Body: `{"id":"gateway"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			require.NoError(t, w.dry(idlePolicy).Err)
			id := w.records()[0].Name
			require.Regexp(t, "^00o", id)
			w.org.Fault(f)
			r := w.dry(idlePolicy)
			require.NoError(t, r.Err)
			require.NotContains(t, strings.Join(r.Notes, "\n"), "URL")
			w.org.ClearFaults()
			w.moveTo(w.org)
			require.NoError(t, w.dry(idlePolicy).Err, "what was known stays known")
			require.Equal(t, id, w.past().OrgID)
		})
	}
}

// An older state learns the id from the next run.
func TestAnOlderStateLearnsTheIDOfItsOrg(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.withoutID(idlePolicy)
	require.Empty(t, w.records()[0].Name)
	require.NoError(t, w.dry(idlePolicy).Err)
	w.moveTo(w.org)
	require.NoError(t, w.enforce(idlePolicy).Err)
}

// Whoever looks at the state from the new URL goes on as well.
func TestCommandsThatOnlyLookGoOnAtTheNewURL(t *testing.T) {
	w := newWorld(t, idleToken(1))
	require.NoError(t, w.dry(idlePolicy).Err)
	w.moveTo(w.org)
	w.connect()
	past := w.past()
	_, err := audit.Explain(t.Context(), w.options(idlePolicy, nil), past, oktatest.TokenID(1))
	require.NoError(t, err)
	_, err = audit.Simulate(t.Context(), w.options(idlePolicy, nil), audit.SimulateOptions{Length: day, Past: past})
	require.NoError(t, err)
	h, err := audit.ReadHistory(ledger.InDirectory(w.state), w.clock)
	require.NoError(t, err)
	require.NoError(t, audit.RightOrg(t.Context(), w.client.Reader, policy(t, idlePolicy),
		ledger.InDirectory(w.state), h))
	_, err = w.resetClock()
	require.NoError(t, err)
	_, _, err = w.byHand(idlePolicy, audit.Hand.Quarantine, oktatest.TokenID(1))
	require.NoError(t, err)
	require.Equal(t, w.url, w.past().Org)
}

// A run asks once, after it is known that the credential is taken, and without it.
func TestARunAsksOnceWhichOrgItIs(t *testing.T) {
	w := newWorld(t, idleToken(1))
	require.NoError(t, w.dry(idlePolicy).Err)
	asked := 0
	for _, r := range w.org.Requests() {
		if r.Path == whichOrg {
			asked++
			require.Equal(t, http.MethodGet, r.Method)
			require.Empty(t, r.Header.Get("Authorization"))
		}
	}
	require.Equal(t, 1, asked)
	w.org.ResetRequests()
	o := w.options(idlePolicy, nil)
	require.NoError(t, audit.Run(t.Context(), o).Err)
	for _, r := range w.org.Requests() {
		require.NotEqual(t, whichOrg, r.Path, "without a state there is nothing to compare")
	}
}
