package audit_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

func TestAnIncompleteListingJudgesNothing(t *testing.T) {
	all := policy(t, "rules: [{id: x, when: {id: {present: true}}, then: flag}]")
	for _, row := range oktatest.IncompleteListings() {
		t.Run(row.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // retries wait on its clock
				cfg := row.Config(canary, time.Now)
				cfg.Me = oktatest.UserID(9)
				org := oktatest.New(cfg)
				defer org.Close()
				org.Fault(row.Fault)
				c, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Dial: org.Dial,
					Token: okta.NewSecret(canary)})
				require.NoError(t, err)
				r := audit.Run(t.Context(), audit.Options{Org: c.Reader, Policy: all})
				requireNothingJudged(t, r, audit.Incomplete)
				org.Close()
				synctest.Wait()
			})
		})
	}
}

func requireNothingJudged(t *testing.T, r *audit.Report, code audit.ExitCode) {
	t.Helper()
	require.Error(t, r.Err)
	require.Equal(t, code, r.Code)
	require.False(t, r.Complete)
	require.Empty(t, r.Findings)
	require.Empty(t, r.Digest)
}

func TestALostCredentialJudgesNothing(t *testing.T) {
	for name, fault := range map[string]oktatest.Fault{
		"permission lost half way":       {Page: 2, Status: http.StatusForbidden},
		"the token revoked half way":     {Page: 2, Status: http.StatusUnauthorized},
		"the token refused at the start": {Path: "/api/v1/users/me", Status: http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			org, reader := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: oktatest.Many(30, now),
				PageSize: 10})
			org.Fault(fault)
			r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: x, when: {id: "+
				"{present: true}}, then: flag}]")})
			requireNothingJudged(t, r, audit.NoAccess)
		})
	}
}

// A listing is drafted in the state directory once there is one to be remembered: not before it is known whose
// credential it is, and not where another instant is judged. Nothing stays of it, whatever comes of the run.
func TestAListingIsDraftedOnlyToBeRemembered(t *testing.T) {
	for name, row := range map[string]struct {
		at     string // the request while which drafts are counted
		status int
		asOf   bool
		want   int
	}{
		"a dry run":          {at: listPath, want: 1},
		"a list that fails":  {at: listPath, status: 403, want: 1},
		"before the list":    {at: "/api/v1/users/me"},
		"a credential is no": {at: "/api/v1/users/me", status: 401},
		"another instant":    {at: listPath, asOf: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			drafts := func() int {
				found, err := filepath.Glob(filepath.Join(w.state, ".inventory.jsonl.*"))
				require.NoError(t, err)
				return len(found)
			}
			seen := -1
			w.org.Fault(oktatest.Fault{Path: row.at, Status: row.status, Times: 1, Then: func() { seen = drafts() }})
			w.connect()
			l := w.open()
			o := w.options(idlePolicy, l)
			if row.asOf {
				o.AsOf = w.clock.Add(day)
			}
			r := audit.Run(t.Context(), o)
			require.NoError(t, l.Close())
			require.Equal(t, row.status == 0, r.Err == nil, "%v", r.Err)
			require.Equal(t, row.want, seen)
			require.Zero(t, drafts())
		})
	}
}
