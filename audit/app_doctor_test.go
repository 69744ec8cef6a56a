package audit_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// examine looks at a healthy org as a service app does.
func examine(t *testing.T, app oktatest.App, kind string, enforce bool,
	change func(*okta.ServiceApp, *oktatest.Server)) map[string]audit.Check {
	t.Helper()
	key, public := newKey(t, kind)
	cfg := healthy()
	onRealClock(&cfg, 0)
	app.ClientID, app.Keys = clientID, []oktatest.AppKey{{ID: "one", Public: public}}
	cfg.OAuth.Apps = []oktatest.App{app}
	org := oktatest.Start(cfg)
	t.Cleanup(org.Close)
	p := policy(t, doctorPolicy)
	o := &okta.ServiceApp{ClientID: clientID, Key: key, KeyID: "one", Scopes: audit.DoctorScopes(p, enforce)}
	if change != nil {
		change(o, org)
	}
	c, err := okta.New(okta.Options{OrgURL: org.URL(), App: o})
	require.NoError(t, err)
	checks, _ := audit.CheckOrg(t.Context(), audit.OrgCheck{Org: c.Reader, Policy: p, Enforce: enforce})
	found := byName(t, checks)
	require.Len(t, found, 10)
	for _, r := range org.Requests() {
		require.True(t, r.Method == http.MethodGet || r.Path == "/oauth2/v1/token")
	}
	return found
}

func TestAServiceAppPassesEveryCheck(t *testing.T) {
	for _, kind := range []string{"RSA", "EC"} {
		for enforce, scopes := range map[bool][]string{false: append([]string{okta.ScopeZones}, toRead...),
			true: toEnforce} {
			for name, c := range examine(t, oktatest.App{DPoP: true, Scopes: scopes}, kind, enforce, nil) {
				require.Equal(t, audit.Good, c.Status, "%s %+v", name, c)
			}
		}
	}
}

func TestWhatDoctorSaysOfAServiceApp(t *testing.T) {
	all := append([]string{okta.ScopeRead}, toEnforce...)
	for _, row := range []struct {
		name    string
		app     oktatest.App
		enforce bool
		change  func(*okta.ServiceApp, *oktatest.Server)
		check   string
		status  audit.Status
		code    audit.ExitCode
		detail  string
	}{
		{name: "an app without proofs of possession", app: oktatest.App{Scopes: all}, check: "identity",
			status: audit.Warning, detail: "the service app " + clientID + ", key one ES256, without proofs"},
		{name: "who it is", app: oktatest.App{DPoP: true, Scopes: all}, check: "identity", status: audit.Good,
			detail: "the service app " + clientID + ", key one ES256, with proofs of possession (DPoP)"},
		{name: "a key that Okta doesn't know", app: oktatest.App{DPoP: true, Scopes: all},
			change: func(o *okta.ServiceApp, _ *oktatest.Server) { o.KeyID = "two" }, check: "identity",
			status: audit.Failure, code: audit.NoAccess, detail: "The client_assertion JWT kid is invalid."},
		{name: "no scope at all", app: oktatest.App{DPoP: true}, check: "scopes", status: audit.Failure,
			code:   audit.NoAccess,
			detail: "was not granted the scope okta.apiTokens.read: grant it in the admin console"},
		{name: "and what comes after that", app: oktatest.App{DPoP: true}, check: "listing", status: audit.Skipped,
			detail: "not looked at"},
		{name: "scopes to read, to enforce", app: oktatest.App{DPoP: true, Scopes: toRead}, enforce: true,
			check: "scopes", status: audit.Failure, code: audit.NoAccess,
			detail: "okta.apiTokens.manage is missing, which the run needs (granted: okta.apiTokens.read " +
				"okta.users.read okta.roles.read)"},
		{name: "which still lists", app: oktatest.App{DPoP: true, Scopes: toRead}, enforce: true, check: "listing",
			status: audit.Good, detail: "tokens 2"},
		{name: "and can't change anything", app: oktatest.App{DPoP: true, Scopes: toRead}, enforce: true,
			check: "change", status: audit.Failure, code: audit.NoAccess,
			detail: "without the scope okta.apiTokens.manage"},
		{name: "nor see the zone", app: oktatest.App{DPoP: true, Scopes: toRead}, enforce: true, check: "zone",
			status: audit.Failure, code: audit.NoAccess, detail: "insufficient_scope"},
		{name: "no scope for zones, to enforce",
			app:     oktatest.App{DPoP: true, Scopes: []string{okta.ScopeManage, okta.ScopeUsers, okta.ScopeRoles}},
			enforce: true, check: "scopes", status: audit.Failure, code: audit.NoAccess,
			detail: "okta.networkZones.read is missing"},
		{name: "no scope for owners", app: oktatest.App{DPoP: true, Scopes: []string{okta.ScopeRead, okta.ScopeZones}},
			check: "scopes", status: audit.Warning, detail: "okta.users.read okta.roles.read missing"},
		{name: "which leaves them out",
			app: oktatest.App{DPoP: true, Scopes: []string{okta.ScopeRead, okta.ScopeZones}}, check: "owners",
			status: audit.Warning, detail: "owner not readable: scope okta.users.read missing; roles of the owner " +
				"not readable: scope okta.roles.read missing"},
		{name: "more than a dry run needs", app: oktatest.App{DPoP: true, Scopes: all},
			change: func(o *okta.ServiceApp, _ *oktatest.Server) { o.Scopes.Instead = all }, check: "scopes",
			status: audit.Warning, detail: "okta.apiTokens.manage is granted, which a dry run does not need"},
		{name: "a dry run", app: oktatest.App{DPoP: true, Scopes: all}, check: "change", status: audit.Good,
			detail: "does not ask for the scope okta.apiTokens.manage"},
		{name: "an enforcing run", app: oktatest.App{DPoP: true, Scopes: all}, enforce: true, check: "change",
			status: audit.Good, detail: "okta allows this credential to revoke tokens"},
		{name: "an admin role that is missing", app: oktatest.App{DPoP: true, Scopes: all},
			change: func(_ *okta.ServiceApp, org *oktatest.Server) {
				org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Status: 403})
			}, check: "listing", status: audit.Failure, code: audit.NoAccess,
			detail: "besides its scopes the service app needs an admin role"},
		{name: "no token that must be spared", app: oktatest.App{DPoP: true, Scopes: all}, check: "own token",
			status: audit.Good, detail: "a service app has none"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := examine(t, row.app, "EC", row.enforce, row.change)[row.check]
			require.Equal(t, row.status, c.Status, "%+v", c)
			require.Equal(t, row.code, c.Code)
			require.Contains(t, c.Detail, row.detail)
		})
	}
}
