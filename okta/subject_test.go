package okta

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

const (
	zoneA, zoneB = "nzo1a2b3c4d5e6f7g8h9", "nzo9office00000000000"
)

// Somebody else's answer, as a cache mixes them up, is none: whoever reads one thing asks for a subject.
func TestAnAnswerAboutAnotherThingIsNone(t *testing.T) {
	tokenA, tokenB, userA, userB := oktatest.TokenID(1), oktatest.TokenID(2), oktatest.UserID(1), oktatest.UserID(2)
	role := func(of string) string {
		return `[{"type":"ORG_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"https://acme.okta.com/api/v1/users/` + userA + `"}}},` +
			`{"type":"USER_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"https://acme.okta.com/api/v1/users/` +
			of + `"}}}]`
	}
	object := func(id string) string { return `{"id":"` + id + `","name":"n","status":"ACTIVE"}` }
	for name, row := range map[string]struct {
		read         func(context.Context, *Client) error
		right, wrong string
		nameless     string // "" where an answer need not say what it is about
		want         string
	}{
		"a token": {func(ctx context.Context, c *Client) error { _, err := c.Token(ctx, tokenA); return err },
			object(tokenA), object(tokenB), `{"name":"n"}`, `it is about the token "` + tokenB + `"`},
		"what may be done with a token": {func(ctx context.Context, c *Client) error {
			_, err := c.Allowed(ctx, tokenA)
			return err
		},
			object(tokenA), object(tokenB), `{"_links":null}`, `it is about the token "` + tokenB + `"`},
		"a changed token": {func(ctx context.Context, c *Client) error {
			_, err := c.SetNetwork(ctx, Token{ID: tokenA, Name: Some("n")}, Condition{Connection: "ANYWHERE"})
			return err
		}, object(tokenA), object(tokenB), `{}`, `it is about the token "` + tokenB + `"`},
		"a user": {func(ctx context.Context, c *Client) error { _, err := c.User(ctx, userA); return err },
			object(userA), object(userB), `{"id":null,"status":"ACTIVE"}`, `it is about the user "` + userB + `"`},
		"roles": {func(ctx context.Context, c *Client) error { _, err := c.Roles(ctx, userA); return err },
			role(userA), role(userB), "", `it is about the user "` + userB + `"`},
		"a zone": {func(ctx context.Context, c *Client) error { _, err := c.Zone(ctx, zoneA); return err },
			object(zoneA), object(zoneB), `{"id":7,"status":"ACTIVE"}`, `it is about the zone "` + zoneB + `"`},
		"whose credential it is, asked twice": {func(ctx context.Context, c *Client) error {
			_, err := c.Me(ctx)
			return err
		},
			object(userA), object(userB), `{"status":"ACTIVE"}`, `it is about the user "` + userB + `"`},
		"which org it is, asked twice": {func(ctx context.Context, c *Client) error {
			_, err := c.Organization(ctx)
			return err
		},
			object(oktatest.OrgID(1)), object(oktatest.OrgID(2)), `{"pipeline":"idx"}`,
			`it is about the org "` + oktatest.OrgID(2) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.Start(oktatest.Config{Credential: canary})
			c := connect(t, org)
			answer := func(body string) error {
				org.ClearFaults()
				org.Fault(oktatest.Fault{Status: http.StatusOK, Body: body})
				return row.read(t.Context(), c)
			}
			require.NoError(t, answer(row.right))
			err := answer(row.wrong)
			require.ErrorContains(t, err, row.want)
			require.NotErrorIs(t, err, ErrNotFound)
			if row.nameless != "" {
				require.ErrorContains(t, answer(row.nameless), "malformed answer")
			}
			require.NoError(t, answer(row.right), "the first answer counts")
		})
	}
}

func TestWhoseCredentialItIsIsAUserOfOkta(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary})
	c := connect(t, org)
	org.Fault(oktatest.Fault{Status: http.StatusOK, Body: `{"id":"me"}`})
	_, err := c.Me(t.Context())
	require.ErrorContains(t, err, "user id \"me\"", "no token would have such an owner, and so none would be spared")
}

func TestAnOrgIsKnownByAnIDOfOktas(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary})
	c := connect(t, org)
	for _, id := range []string{"proxy", "00oa", "00u1a2b3c4d5e6f7g8h9"} {
		org.ClearFaults()
		org.Fault(oktatest.Fault{Status: http.StatusOK, Body: `{"id":"` + id + `"}`})
		_, err := c.Organization(t.Context())
		require.ErrorContains(t, err, `org id "`+id+`"`, "a state would be bound to what is no org")
	}
}

func TestRolesAreKnownInFullOrNotAtAll(t *testing.T) {
	id := oktatest.UserID(1)
	for body, want := range map[string]string{
		`[{"type":"SUPER_ADMIN","status":"ACTIVE"},{"type":"ORG_ADMIN","status":"INACTIVE"}]`: "",
		`[]`: "",
		`[{"type":"ORG_ADMIN","status":"ACTIVE"},{"status":"ACTIVE"}]`: "role number 2: malformed answer: it has no type",
		`[{"type":null,"status":"ACTIVE"}]`:                            "role number 1: malformed answer: it has no type",
		`[{"type":7,"status":"ACTIVE"}]`:                               "it has no type",
		`[{"type":"","status":"ACTIVE"}]`:                              "it has no type",
		`[{"type":["SUPER_ADMIN"],"status":"ACTIVE"}]`:                 "it has no type",
		`[{"status":"INACTIVE"}]`:                                      "it has no type",
		`[{"type":"SUPER_ADMIN"}]`:                                     "SUPER_ADMIN is neither ACTIVE nor INACTIVE",
		`[{"type":"SUPER_ADMIN","status":null}]`:                       "SUPER_ADMIN is neither ACTIVE nor INACTIVE",
		`[{"type":"SUPER_ADMIN","status":true}]`:                       "SUPER_ADMIN is neither ACTIVE nor INACTIVE",
		`[{"type":"SUPER_ADMIN","status":"active"}]`:                   "SUPER_ADMIN is neither ACTIVE nor INACTIVE",
		`[{"type":"SUPER_ADMIN","status":"PENDING"}]`:                  "SUPER_ADMIN is neither ACTIVE nor INACTIVE",
		`[null]`:        "want an object",
		`["ORG_ADMIN"]`: "want an object",
		`{"type":"SUPER_ADMIN","status":"ACTIVE"}`: "want a JSON array",
		`null`: "want a JSON array",
		`[{"type":"USER_ADMIN","type":"SUPER_ADMIN","status":"ACTIVE"}]`: "twice",
	} {
		org := oktatest.Start(oktatest.Config{Credential: canary, Users: []oktatest.User{{ID: id, Login: "kim"}}})
		c := connect(t, org)
		org.Fault(oktatest.Fault{Path: userPath + "*/roles", Body: body})
		o, err := c.Owner(t.Context(), id)
		require.NoError(t, err)
		if want == "" {
			require.Empty(t, o.RolesUnknown, body)
			require.Equal(t, Known, o.Roles.Presence(), body)
			continue
		}
		require.Equal(t, Some("kim"), o.Login)
		require.Equal(t, Missing, o.Roles.Presence(), body)
		require.True(t, strings.HasPrefix(o.RolesUnknown, "roles of the owner not readable: GET "+userPath+id+
			"/roles: "), o.RolesUnknown)
		require.Contains(t, o.RolesUnknown, want, body)
	}
}

func TestANetworkConditionIsKnownInFullOrNotAtAll(t *testing.T) {
	for raw, want := range map[string]*Condition{
		`{"connection":"ANYWHERE"}`:                                  {Connection: "ANYWHERE"},
		`{"connection":"ANYWHERE","include":null,"exclude":[]}`:      {Connection: "ANYWHERE", Exclude: []string{}},
		`{"connection":"ZONE","include":["a","b"]}`:                  {Connection: "ZONE", Include: []string{"a", "b"}},
		`{"connection":"ZONE","exclude":["a"],"_links":null}`:        {Connection: "ZONE", Exclude: []string{"a"}},
		`{"connection":"SOMEWHERE"}`:                                 {Connection: "SOMEWHERE"},
		`{}`:                                                         nil,
		`null`:                                                       nil,
		`"ANYWHERE"`:                                                 nil,
		`{"connection":null}`:                                        nil,
		`{"connection":""}`:                                          nil,
		`{"connection":["ANYWHERE"]}`:                                nil,
		`{"connection":"ZONE"}`:                                      nil,
		`{"connection":"ZONE","include":[]}`:                         nil,
		`{"connection":"ZONE","include":null}`:                       nil,
		`{"connection":"ZONE","include":[null]}`:                     nil,
		`{"connection":"ZONE","include":["a",7]}`:                    nil,
		`{"connection":"ZONE","include":"a"}`:                        nil,
		`{"connection":"ZONE","include":["a"],"exclude":["b",null]}`: nil,
		`{"connection":"ZONE","include":[null],"exclude":["b"]}`:     nil,
		`{"connection":"ANYWHERE","include":[null]}`:                 nil,
		`{"connection":"ZONE","include":["a"],"only":["b"]}`:         nil, // what isn't known can't be given back
	} {
		token, err := parseToken([]byte(`{"id":"x","network":` + raw + `}`))
		require.NoError(t, err)
		got, known := ConditionOf(token.Network)
		require.Equal(t, want != nil, known, raw)
		if known {
			require.Equal(t, *want, got, raw)
		}
	}
}

func TestAnOwnerWhoseIDIsNoneIsNotKnown(t *testing.T) {
	for raw, want := range map[string]Opt[string]{
		`"` + oktatest.UserID(1) + `"`:  Some(oktatest.UserID(1)),
		`null`:                          {},
		`""`:                            Unreadable[string](),
		`"kim"`:                         Unreadable[string](),
		`"` + oktatest.TokenID(1) + `"`: Unreadable[string](),
		`7`:                             Unreadable[string](),
	} {
		token, err := parseToken([]byte(`{"id":"x","userId":` + raw + `}`))
		require.NoError(t, err)
		require.Equal(t, want, token.UserID, raw)
	}
}

func TestAMissingFieldHasWhatOktaSaysItMeansAndAMalformedOneHasNot(t *testing.T) {
	require.Equal(t, Some(time.Hour), Opt[time.Duration]{}.IfMissing(time.Hour))
	require.Equal(t, Some(time.Minute), Some(time.Minute).IfMissing(time.Hour))
	require.Equal(t, Unreadable[time.Duration](), Unreadable[time.Duration]().IfMissing(time.Hour))
}
