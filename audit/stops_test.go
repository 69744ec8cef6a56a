package audit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

func TestWhatKeepsARunFromEnforcing(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(w *world)
		policy  string
		code    audit.ExitCode
		is      error
	}{
		"the policy says dry-run": {policy: strings.Replace(nowPolicy, "mode: enforce", "mode: dry-run", 1),
			code: audit.Usage, is: audit.ErrRefused},
		"the owner can't be read": {prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/users/me", Status: 403})
		}, code: audit.Usage, is: audit.ErrRefused},
		"the zone does not exist": {prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/zones/*", Status: 404})
		}, code: audit.Usage, is: audit.ErrRefused},
		"the zone is inactive": {prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/zones/*", Body: `{"id":"` + zoneID + `","status":"INACTIVE"}`})
		}, code: audit.Usage, is: audit.ErrRefused},
		"it is halted": {prepare: func(w *world) {
			require.NoError(w.t, ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", w.clock))
		}, code: audit.Halted},
		"it is halted by an unreadable note": {prepare: func(w *world) {
			require.NoError(w.t, os.Mkdir(filepath.Join(w.state, "halt"), 0o700))
		}, code: audit.Halted},
		"the announcement fails": {prepare: func(w *world) { w.announceErr = errors.New("no route to Slack") },
			code: audit.Undelivered},
		"the list is incomplete": {prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Body: "{}"})
		}, code: audit.Incomplete, is: okta.ErrIncomplete},
		"the org is not the ledger's": {prepare: func(w *world) {
			l, err := ledger.InDirectory(w.state).Open(time.Now)
			require.NoError(w.t, err)
			_, err = l.Append(ledger.Record{Kind: ledger.Begun, Org: "https://other.okta.com"})
			require.NoError(w.t, errors.Join(err, l.Close()))
		}, code: audit.Usage, is: audit.ErrWrongOrg},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			if name != "the org is not the ledger's" {
				l := w.open() // makes the directory
				require.NoError(t, l.Close())
			}
			if row.prepare != nil {
				row.prepare(w)
			}
			text := row.policy
			if text == "" {
				text = nowPolicy
			}
			r := w.enforce(text)
			require.Error(t, r.Err)
			require.Equal(t, row.code, r.Code, "%v", r.Err)
			if row.is != nil {
				require.ErrorIs(t, r.Err, row.is)
			}
			require.Empty(t, w.changes())
			for _, f := range r.Findings {
				require.Equal(t, audit.Held, f.Outcome)
			}
		})
	}
}

func TestTheBrakeStopsARunThatIsUnderWay(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2), idleToken(3))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: func() {
		require.NoError(t, ledger.InDirectory(w.state).SetHalt("stop", "kim", w.clock))
	}})
	r := w.enforce(nowPolicy)
	require.Equal(t, audit.Halted, r.Code)
	require.Equal(t, 1, r.Count(audit.Revoked))
	require.Equal(t, 2, r.Count(audit.Held))
	require.Len(t, w.changes(), 1)
	require.NoError(t, ledger.InDirectory(w.state).ClearHalt())
	require.Equal(t, 2, w.enforce(nowPolicy).Count(audit.Revoked))
}

func TestASignalEndsTheActingAfterTheChangeInFlight(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	ctx, cancel := context.WithCancel(t.Context())
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: cancel, Delay: 50 * time.Millisecond})
	l := w.open()
	r := w.enforceOn(ctx, nowPolicy, "", l)
	require.NoError(t, l.Close())
	require.Equal(t, 1, r.Count(audit.Revoked), "%v", r.Findings)
	require.Equal(t, "the run was interrupted", r.Findings[1].Reason)
	require.Len(t, w.changes(), 1)
	last := w.records()
	require.Equal(t, ledger.Ended, last[len(last)-1].Kind)
}

func TestTheClocksMustAgree(t *testing.T) {
	w := newWorld(t, idleToken(1))
	l := w.open()
	o := w.options(nowPolicy, l)
	o.Now = func() time.Time { return w.clock.Add(6 * time.Minute) }
	o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
		return "test", nil
	}}
	r := audit.Run(t.Context(), o)
	require.NoError(t, l.Close())
	require.Equal(t, audit.Halted, r.Code)
	require.Empty(t, w.changes())
}

func TestAListThatLostHalfOfItsTokensIsNotActedOn(t *testing.T) {
	var tokens []oktatest.Token
	for n := range 9 {
		tokens = append(tokens, oktatest.Token{ID: oktatest.TokenID(n + 10), Name: fmt.Sprint("busy", n),
			UserID: oktatest.UserID(1), Created: ago(100), LastUsed: ago(1)})
	}
	w := newWorld(t, append(tokens, idleToken(1))...)
	require.NoError(t, w.enforce(strings.Replace(nowPolicy, "revoke: 0d", "revoke: 7d", 1)).Err)
	for _, k := range tokens[:7] {
		w.org.Remove(k.ID)
	}
	w.pass(10 * time.Minute)
	r := w.enforce(nowPolicy)
	require.Equal(t, audit.Incomplete, r.Code)
	require.Empty(t, w.changes())
	w.pass(50 * time.Minute)
	require.Equal(t, audit.Incomplete, w.enforce(nowPolicy).Code, "a second listing too soon after the first")
	w.pass(11 * time.Minute)
	r = w.enforce(nowPolicy)
	require.NoError(t, r.Err)
	require.Len(t, w.changes(), 1)
}
