package audit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// lookedUp are the users that the org was asked for, each as often as it was.
func lookedUp(org *oktatest.Server) map[string]int {
	users := make(map[string]int)
	for _, r := range org.Requests() {
		if id, ok := strings.CutPrefix(r.Path, "/api/v1/users/"); ok && id != "me" && !strings.Contains(id, "/") {
			users[id]++
		}
	}
	return users
}

func ownedTokens() []oktatest.Token {
	var tokens []oktatest.Token
	for n := range 30 {
		k := oktatest.Token{ID: oktatest.TokenID(n + 1), Name: "busy", UserID: oktatest.UserID(1 + n%10),
			Created: ago(100), LastUsed: ago(1)}
		if n%3 == 0 && n%10 < 4 {
			k.Name = "idle"
			k.LastUsed = ago(25)
		}
		tokens = append(tokens, k)
	}
	return tokens
}

func TestOwnersAreLookedUpOnceAndOnlyWhereATokenNeedsIt(t *testing.T) {
	users := func(n int) (list []oktatest.User) {
		for i := range n {
			list = append(list, oktatest.User{ID: oktatest.UserID(1 + i), Login: "u", Roles: []string{"SUPER_ADMIN"}})
		}
		return list
	}
	t.Run("owners of findings, for the report", func(t *testing.T) {
		org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: ownedTokens(), Users: users(10)})
		r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: idle, when: "+
			"{lastUsed: {olderThan: 21d}}, then: flag}]")})
		require.NoError(t, r.Err)
		owners := make(map[string]int)
		for _, f := range r.Findings {
			owners[known(f.Token.UserID)] = 1
			require.Equal(t, okta.Some([]string{"SUPER_ADMIN"}), f.Token.Owner.Roles)
		}
		require.NotEmpty(t, owners)
		require.Equal(t, owners, lookedUp(org))
	})
	t.Run("owners that a rule asks about, unless the rest of it says no already", func(t *testing.T) {
		org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: ownedTokens(), Users: users(3)})
		r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: a, when: {name: idle, "+
			"owner.roles: {contains: SUPER_ADMIN}}, then: flag}]")})
		require.NoError(t, r.Err)
		idle := make(map[string]int)
		known, gone := 0, 0
		for _, k := range ownedTokens() {
			if k.Name == "idle" {
				idle[k.UserID] = 1
				if k.UserID == oktatest.UserID(4) {
					gone++
				} else {
					known++
				}
			}
		}
		require.Equal(t, idle, lookedUp(org))
		require.Equal(t, []int{known, gone}, []int{r.Count(audit.Flagged), r.Count(audit.Unknown)})
	})
	t.Run("nobody without findings", func(t *testing.T) {
		org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: ownedTokens(), Users: users(10)})
		r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: a, when: {name: x, "+
			"owner.roles: {contains: SUPER_ADMIN}}, then: flag}]")})
		require.NoError(t, r.Err)
		require.Empty(t, lookedUp(org))
	})
}

func TestAnOwnerThatCannotBeReadFailsNothing(t *testing.T) {
	idle := oktatest.Token{ID: oktatest.TokenID(1), Name: "idle", UserID: oktatest.UserID(1), Created: ago(100),
		LastUsed: ago(25)}
	text := `rules:
  - {id: idle, when: {lastUsed: {olderThan: 21d}}, then: flag}
  - {id: admin, when: {owner.roles: {contains: SUPER_ADMIN}}, then: {revoke: 0d}}`
	for name, row := range map[string]struct {
		fault oktatest.Fault
		want  string
		code  audit.ExitCode
	}{
		"403": {fault: oktatest.Fault{Status: 403},
			want: "owner.roles unknown: roles of the owner not readable: permission or scope okta.roles.read missing"},
		"404": {fault: oktatest.Fault{Status: 404},
			want: "owner.roles unknown: the owner does not exist any more"},
		"500": {fault: oktatest.Fault{Status: 500},
			want: "owner.roles unknown: owner not readable: GET /api/v1/users/"},
		"401 is the credential's end": {fault: oktatest.Fault{Status: 401}, code: audit.NoAccess},
	} {
		t.Run(name, func(t *testing.T) {
			org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: []oktatest.Token{idle}})
			row.fault.Method = http.MethodGet
			for _, path := range []string{"/api/v1/users/" + oktatest.UserID(1), "/api/v1/users/*/roles"} {
				row.fault.Path = path
				org.Fault(row.fault)
			}
			r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, text)})
			require.Equal(t, row.code, r.Code, "%v", r.Err)
			if row.code != audit.OK {
				return
			}
			require.Equal(t, audit.Flagged, r.Findings[0].Outcome)
			require.Contains(t, r.Findings[0].Unknown[0].Because()[0], row.want)
		})
	}
}

func TestARefusedLookUpEndsTheListing(t *testing.T) {
	var idle []oktatest.Token
	for n := range 3 {
		idle = append(idle, oktatest.Token{ID: oktatest.TokenID(n + 1), Name: "idle", UserID: oktatest.UserID(1),
			Created: ago(100), LastUsed: ago(25)})
	}
	org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: idle, PageSize: 1})
	org.Fault(oktatest.Fault{Path: "/api/v1/users/" + oktatest.UserID(1), Status: 401})
	org.Fault(oktatest.Fault{Method: http.MethodGet, Page: 3, Delay: time.Hour})
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: idle, when: {lastUsed: "+
		"{olderThan: 21d}}, then: flag}]")})
	require.ErrorIs(t, r.Err, okta.ErrUnauthorized)
	require.Equal(t, audit.NoAccess, r.Code)
	require.Empty(t, r.Findings)
}

func TestARuleAboutOwnersActsWithWhatIsKnownOfThem(t *testing.T) {
	text := limits + "rules: [{id: left, when: {owner.status: {is: SUSPENDED}}, then: {revoke: 0d}}]"
	for status, want := range map[string]int{"SUSPENDED": 1, "ACTIVE": 0} {
		w := newWorld(t, idleToken(1))
		w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim", Status: status})
		r := w.enforce(text)
		require.NoError(t, r.Err)
		require.Equal(t, want, r.Count(audit.Revoked), status)
		require.Len(t, w.changes(), want)
	}
}

// What can't be read is not a role: a rule that spares administrators can't be judged then, and nothing is done.
func TestARoleThatIsNotKnownInFullSparesItsToken(t *testing.T) {
	text := limits + "rules: [{id: common, when: {name: {like: \"idle-*\"}, owner.roles: {containsNone: " +
		"[SUPER_ADMIN]}}, then: {revoke: 0d}}]"
	kim := oktatest.UserID(1)
	for name, row := range map[string]struct {
		path, body, says string
		step             audit.Outcome
	}{
		"another role":                {body: `[{"type":"ORG_ADMIN","status":"ACTIVE"}]`, step: audit.Revoked},
		"a role that is not in force": {body: `[{"type":"SUPER_ADMIN","status":"INACTIVE"}]`, step: audit.Revoked},
		"a role without a type":       {body: `[{"status":"ACTIVE"}]`, step: audit.Unknown, says: "it has no type"},
		"a type that is null": {body: `[{"type":null,"status":"ACTIVE"}]`, step: audit.Unknown,
			says: "it has no type"},
		"a type that is no text": {body: `[{"type":["SUPER_ADMIN"],"status":"ACTIVE"}]`, step: audit.Unknown,
			says: "it has no type"},
		"a role without a status": {body: `[{"type":"SUPER_ADMIN"}]`, step: audit.Unknown,
			says: "neither ACTIVE nor INACTIVE"},
		"a status of the future": {body: `[{"type":"SUPER_ADMIN","status":"ELIGIBLE"}]`, step: audit.Unknown,
			says: "neither ACTIVE nor INACTIVE"},
		"somebody else's roles": {
			body: `[{"type":"ORG_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"/api/v1/users/` +
				oktatest.UserID(2) + `"}}}]`, step: audit.Unknown, says: "it is about the user"},
		"an answer about somebody else": {path: "/api/v1/users/" + kim, body: `{"id":"` + oktatest.UserID(2) +
			`","status":"ACTIVE"}`, step: audit.Unknown, says: "it is about the user"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.SetUser(oktatest.User{ID: kim, Login: "kim", Roles: []string{"SUPER_ADMIN"}})
			if row.path == "" {
				row.path = "/api/v1/users/" + kim + "/roles"
			}
			w.org.Fault(oktatest.Fault{Path: row.path, Body: row.body})
			r := w.enforce(text)
			f := only(t, r)
			require.Equal(t, row.step, f.Outcome, f.Reason)
			require.Contains(t, f.Reason, row.says)
			require.Equal(t, row.step == audit.Revoked, len(w.changes()) == 1)
		})
	}
}

func TestCustomRolesAndThoseGivenThroughGroupsCount(t *testing.T) {
	text := limits + "rules: [{id: helpers, when: {owner.roles: {containsAny: [CUSTOM, ORG_ADMIN]}}, " +
		"then: {revoke: 0d}}]"
	group := "00g1ousb3XCr9Dkr20g4"
	for name, row := range map[string]struct {
		roles []oktatest.Role
		want  int
	}{
		"a custom role":                   {[]oktatest.Role{{Type: "CUSTOM"}}, 1},
		"one through a group":             {[]oktatest.Role{{Type: "CUSTOM", Group: group}}, 1},
		"a standard role through a group": {[]oktatest.Role{{Type: "ORG_ADMIN", Group: group}}, 1},
		"a custom role out of force":      {[]oktatest.Role{{Type: "CUSTOM", Status: "INACTIVE"}}, 0},
		"another":                         {[]oktatest.Role{{Type: "WORKFLOWS_ADMIN"}}, 0},
	} {
		w := newWorld(t, idleToken(1))
		w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim", Assigned: row.roles})
		r := w.enforce(text)
		require.NoError(t, r.Err, name)
		require.Equal(t, row.want, r.Count(audit.Revoked), name)
		require.Len(t, w.changes(), row.want, name)
	}
}
