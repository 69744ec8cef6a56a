package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// commonPolicy revokes what is not an administrator's, and quarantines quiet-….
const commonPolicy = `mode: enforce
limits: {perRun: 5, perDay: 5, stopAbove: {count: 10, percent: 90}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: common, when: {name: dead-1, owner.roles: {containsNone: [SUPER_ADMIN]}}, then: {revoke: 0d}}
  - {id: quiet, when: {name: {like: "quiet-*"}}, then: {quarantine: 0d}}
`

// owned is a command world in which the owner of all tokens but the own is known.
func owned(t *testing.T, faults ...oktatest.Fault) *commandWorld {
	t.Helper()
	w := newCommandWorld(t, faults...)
	w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim@acme.example", Roles: []string{"USER_ADMIN"}})
	return w
}

func halfKnown(t *testing.T) {
	owned(t).run(commonPolicy).done(t, allDone...)
	for _, roles := range []string{
		`[{"type":"USER_ADMIN","status":"ACTIVE"},{"status":"ACTIVE"}]`, `[{"type":"USER_ADMIN"}]`,
		`[{"type":null,"status":"ACTIVE"}]`, `[{"type":"USER_ADMIN","status":"SOON"}]`, `[null]`,
	} {
		o := owned(t, oktatest.Fault{Path: "/api/v1/users/*/roles", Body: roles}).run(commonPolicy)
		o.done(t, allDone[1:]...)
		require.Equal(t, "unknown", o.of["dead-1"], "%s\n%s", roles, o.text)
		require.Contains(t, o.text, "roles of the owner not readable")
	}
	for _, spoiled := range []map[string]string{
		{"network": `{"connection":"ZONE","include":["nzo9office00000000000",null]}`},
		{"network": `{"connection":"ZONE","include":[7],"exclude":["nzo9office00000000000"]}`},
		{"network": `{"connection":"ANYWHERE","exclude":"nzo9office00000000000"}`}, {"name": `["quiet-1"]`},
	} {
		w := owned(t)
		w.org.Update(oktatest.TokenID(2), func(k *oktatest.Token) { k.Instead = spoiled })
		o := w.run(strings.Replace(commonPolicy, "name: {like: \"quiet-*\"}", "id: "+oktatest.TokenID(2), 1))
		o.done(t, allDone[:1]...)
		require.Contains(t, o.text, `"outcome": "unknown"`)
	}
}

func mixedUp(t *testing.T) {
	other := oktatest.UserID(2)
	for _, f := range []oktatest.Fault{
		{Path: "/api/v1/users/" + oktatest.UserID(1), Body: `{"id":"` + other + `","status":"ACTIVE"}`},
		{Path: "/api/v1/users/*/roles",
			Body: `[{"type":"USER_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"/api/v1/users/` + other +
				`"}}}]`},
	} {
		o := owned(t, f).run(commonPolicy)
		o.done(t, allDone[1:]...)
		require.Equal(t, "unknown", o.of["dead-1"], o.text)
		require.Contains(t, o.text, "it is about the user")
	}
	o := owned(t, oktatest.Fault{Path: "/api/v1/zones/*", Body: `{"id":"nzo9office00000000000","status":"ACTIVE"}`}).
		run(commonPolicy)
	o.nothingDone(t, audit.Incomplete, "it is about the zone")
	o = owned(t, oktatest.Fault{Path: "/api/v1/users/me", Body: `{"id":"me","status":"ACTIVE"}`}).run(commonPolicy)
	o.nothingDone(t, audit.Incomplete, "malformed answer")
	o = owned(t, oktatest.Fault{Method: "GET", Path: listing + "/*", Body: `{"id":"` + oktatest.TokenID(7) +
		`","name":"dead-1"}`}).run(commonPolicy)
	require.Equal(t, audit.ActionFailed, o.code, o.text)
	require.Empty(t, o.changes)
	require.Contains(t, o.text, "it is about the token")
}

func nonces(t *testing.T) {
	private, public := newKey("EC")
	for _, first := range []bool{false, true} {
		w := newCommandWorld(t)
		cfg := matrixOrg(time.Now())
		cfg.Users = []oktatest.User{{ID: oktatest.UserID(1), Login: "kim@acme.example"}}
		cfg.OAuth = oktatest.OAuth{NonceOnce: true, NonceFirst: first, Apps: []oktatest.App{{
			ClientID: clientID, DPoP: true, Keys: []oktatest.AppKey{{ID: "one", Public: public}},
			Scopes: []string{"okta.apiTokens.manage", "okta.users.read", "okta.roles.read", "okta.networkZones.read"},
		}}}
		w.org = oktatest.Start(cfg)
		t.Cleanup(w.org.Close)
		w.env = []string{"OKTA_CLIENT_TOKEN=", "OKTA_CLIENT_AUTHORIZATIONMODE=PrivateKey", "OKTA_CLIENT_CLIENTID=" +
			clientID, "OKTA_CLIENT_PRIVATEKEY=" + private}
		o := w.run(matrixPolicy)
		o.done(t, allDone...)
		require.NotContains(t, o.text, "not readable")
	}
}
