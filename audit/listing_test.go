package audit_test

import (
	"net/http"
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
