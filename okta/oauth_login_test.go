package okta

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func TestWhichScopesAreAskedForAndWhatTheirRefusalMeans(t *testing.T) {
	needed, optional := []string{ScopeRead}, []string{ScopeUsers, ScopeRoles}
	unknown := oktatest.Fault{Path: tokenPath, Times: 1, Status: 400,
		Body: `{"error":"invalid_scope","error_description":"One or more scopes are not configured for the ` +
			`authorization server resource."}`}
	for _, row := range []struct {
		name    string
		scopes  Scopes
		granted []string
		fault   oktatest.Fault
		asked   []string // of each request to the token endpoint
		want    Login
		lacks   []string
		says    string
	}{
		{
			name: "everything is granted", scopes: Scopes{Needed: needed, Optional: optional},
			granted: []string{ScopeRead, ScopeUsers, ScopeRoles, ScopeManage},
			asked:   []string{"okta.apiTokens.read okta.users.read okta.roles.read"},
			want:    Login{Granted: []string{ScopeRead, ScopeUsers, ScopeRoles}},
		},
		{
			name: "an optional scope is not granted", scopes: Scopes{Needed: needed, Optional: optional},
			granted: []string{ScopeRead, ScopeUsers},
			asked:   []string{"okta.apiTokens.read okta.users.read okta.roles.read"},
			want:    Login{Granted: []string{ScopeRead, ScopeUsers}, Refused: []string{ScopeRoles}},
		},
		{
			name: "one that nobody asked for counts", scopes: Scopes{Needed: needed, Optional: optional,
				Instead: []string{ScopeManage}}, granted: []string{ScopeManage, ScopeUsers},
			asked: []string{"okta.apiTokens.manage"}, want: Login{Granted: []string{ScopeManage}, Refused: optional},
		},
		{
			name:   "a server that refuses all for one of them is asked for what is needed",
			scopes: Scopes{Needed: needed, Optional: optional}, granted: []string{ScopeUsers}, fault: unknown,
			asked: []string{"okta.apiTokens.read okta.users.read okta.roles.read", "okta.apiTokens.read",
				"okta.apiTokens.manage okta.users.read okta.roles.read"},
			lacks: needed, says: "was not granted the scope okta.apiTokens.read",
		},
		{
			name: "manage alone is granted, and includes read", scopes: Scopes{Needed: needed, Optional: optional},
			granted: []string{ScopeManage},
			asked: []string{"okta.apiTokens.read okta.users.read okta.roles.read", "okta.apiTokens.read",
				"okta.apiTokens.manage okta.users.read okta.roles.read"},
			want: Login{Granted: []string{ScopeManage}, Refused: optional},
		},
		{
			name: "the same where optional ones are granted", scopes: Scopes{Needed: needed, Optional: optional},
			granted: []string{ScopeManage, ScopeUsers},
			asked: []string{"okta.apiTokens.read okta.users.read okta.roles.read",
				"okta.apiTokens.manage okta.users.read okta.roles.read"},
			want: Login{Granted: []string{ScopeManage, ScopeUsers}, Refused: []string{ScopeRoles}},
		},
		{
			name: "and that may be enough", scopes: Scopes{Needed: needed, Optional: optional}, granted: needed,
			fault: unknown,
			asked: []string{"okta.apiTokens.read okta.users.read okta.roles.read", "okta.apiTokens.read"},
			want:  Login{Granted: needed, Refused: optional},
		},
		{
			name: "what is needed is not granted", scopes: Scopes{Needed: []string{ScopeManage, ScopeZones},
				Optional: optional}, granted: []string{ScopeUsers, ScopeManage},
			asked: []string{"okta.apiTokens.manage okta.networkZones.read okta.users.read okta.roles.read"},
			lacks: []string{ScopeZones},
			says: "the service app 0oa1f3w86v9h8o1VZ1d7 was not granted the scope okta.networkZones.read: grant it " +
				"in the admin console, Applications › Applications › the app › Okta API Scopes",
		},
		{
			name: "nothing at all is granted", scopes: Scopes{Needed: []string{ScopeManage, ScopeZones}},
			granted: []string{ScopeRoles},
			asked:   []string{"okta.apiTokens.manage okta.networkZones.read"}, lacks: []string{ScopeManage, ScopeZones},
			says: "was not granted the scopes okta.apiTokens.manage and okta.networkZones.read: grant it",
		},
		{
			name: "what is needed was not asked for", scopes: Scopes{Needed: []string{ScopeManage},
				Instead: []string{ScopeRead}}, granted: allScopes, asked: []string{"okta.apiTokens.read"},
			lacks: []string{ScopeManage}, says: "consent_required",
		},
		{
			name: "the same, of an app that has what was asked for", scopes: Scopes{Needed: []string{ScopeManage},
				Instead: []string{ScopeRead}}, granted: []string{ScopeRead, ScopeManage},
			asked: []string{"okta.apiTokens.read"}, lacks: []string{ScopeManage},
			says: "needs the scope okta.apiTokens.manage, which the list of scopes to ask for does not have",
		},
		{
			name:   "a list of scopes with a wrong one is not second-guessed",
			scopes: Scopes{Needed: needed, Instead: []string{ScopeRead, "okta.apitokens.read"}}, granted: allScopes,
			asked: []string{"okta.apiTokens.read okta.apitokens.read"}, lacks: needed, says: "invalid_scope",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			asApp(t, oktatest.Config{OAuth: oktatest.OAuth{Apps: apps(false, row.granted...)}}, func(o *ServiceApp) {
				o.Scopes = row.scopes
			}, func(t *testing.T, org *oktatest.Server, c *Client) {
				if row.fault.Path != "" {
					org.Fault(row.fault)
				}
				login, err := c.Login(t.Context())
				var sent []string
				for _, r := range org.Requests() {
					form, err := url.ParseQuery(string(r.Body))
					require.NoError(t, err)
					sent = append(sent, form.Get("scope"))
				}
				require.Equal(t, row.asked, sent)
				if row.lacks == nil {
					require.NoError(t, err)
					row.want.ClientID, row.want.Algorithm, row.want.KeyID = clientID, "ES256", "ec"
					require.Equal(t, row.want, login)
					return
				}
				var lacks *ScopeError
				require.ErrorAs(t, err, &lacks)
				require.Equal(t, row.lacks, lacks.Missing)
				require.ErrorIs(t, err, ErrForbidden)
				require.ErrorContains(t, err, row.says)
				_, err = collect(c.List(t.Context(), ListOptions{}))
				require.ErrorIs(t, err, ErrForbidden, "requests fail for the same reason")
			})
		})
	}
}

func TestWhatAnOwnerLacksAScopeForIsNotAskedFor(t *testing.T) {
	id := oktatest.UserID(1)
	user := oktatest.User{ID: id, Login: "kim@acme.example", Roles: []string{"SUPER_ADMIN"}}
	for name, row := range map[string]struct {
		granted []string
		want    Owner
		sent    int
	}{
		"both": {[]string{ScopeRead, ScopeUsers, ScopeRoles},
			Owner{Login: Some(user.Login), Email: Some(user.Login), Status: Some("ACTIVE"), Roles: Some(user.Roles)},
			2},
		"no users": {[]string{ScopeRead, ScopeRoles},
			Owner{Unknown: "owner not readable: scope okta.users.read missing", Roles: Some(user.Roles)}, 1},
		"no roles": {[]string{ScopeRead, ScopeUsers}, Owner{Login: Some(user.Login), Email: Some(user.Login),
			Status: Some("ACTIVE"), RolesUnknown: "roles of the owner not readable: scope okta.roles.read missing"}, 1},
		"neither": {[]string{ScopeRead}, Owner{Unknown: "owner not readable: scope okta.users.read missing",
			RolesUnknown: "roles of the owner not readable: scope okta.roles.read missing"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{Users: []oktatest.User{user},
				OAuth: oktatest.OAuth{Apps: apps(false, row.granted...)}}, func(o *ServiceApp) {
				o.Scopes.Needed = []string{ScopeRead}
			}, func(t *testing.T, org *oktatest.Server, c *Client) {
				_, err := c.Login(t.Context())
				require.NoError(t, err)
				org.ResetRequests()
				o, err := c.Owner(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, &row.want, o)
				require.Len(t, org.Requests(), row.sent)
			})
		})
	}
}

func TestWhatAnAppIsToldThatMayNotDoSomething(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{Apps: apps(true, ScopeRead)}}, func(o *ServiceApp) {
		o.Scopes.Needed = []string{ScopeRead}
	}, func(t *testing.T, org *oktatest.Server, c *Client) {
		err := c.Revoke(t.Context(), org.Tokens()[0].ID)
		require.ErrorIs(t, err, ErrForbidden)
		require.ErrorContains(t, err, "403 Forbidden, insufficient_scope, The access token provided does not contain "+
			"the required scopes. (scope okta.apiTokens.manage)")
		require.Len(t, org.Tokens(), 30, "Okta itself refuses a change by a dry run")
		org.Fault(oktatest.Fault{Path: listPath, Status: 403})
		_, err = collect(c.List(t.Context(), ListOptions{}))
		require.ErrorContains(t, err, "E0000006, You do not have permission to perform the requested action: besides "+
			"its scopes the service app needs an admin role that permits this")
	})
}

func TestAnAppThatIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*ServiceApp)
		spoil  func(*oktatest.Server)
		want   string
	}{
		"an unknown client id": {change: func(o *ServiceApp) { o.ClientID = "0oa1f3w86v9h8o1VZ1d8" },
			want: "401 Unauthorized, invalid_client, Invalid value for 'client_id' parameter."},
		"a key that is not there": {change: func(o *ServiceApp) { o.KeyID = "old" },
			want: "invalid_client, The client_assertion JWT kid is invalid."},
		"another key": {change: func(o *ServiceApp) { o.KeyID = "rsa" },
			want: "invalid_client, The client_assertion signature is invalid."},
		"an app that was ended": {spoil: func(org *oktatest.Server) { org.RemoveApp(clientID) },
			want: "invalid_client"},
		"a proof that is never good": {spoil: func(org *oktatest.Server) {
			org.Fault(oktatest.Fault{Path: tokenPath, Status: 400,
				Body: `{"error":"invalid_dpop_proof","error_description":"no"}`})
		}, want: "400 Bad Request, invalid_dpop_proof, no"},
		"a nonce that is never good": {spoil: func(org *oktatest.Server) {
			org.Fault(oktatest.Fault{Path: tokenPath, Then: org.ChangeNonce})
		}, want: "400 Bad Request, use_dpop_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{}, row.change, func(t *testing.T, org *oktatest.Server, c *Client) {
				if row.spoil != nil {
					row.spoil(org)
				}
				began := time.Now()
				_, err := c.Token(t.Context(), oktatest.TokenID(1))
				require.ErrorIs(t, err, ErrUnauthorized)
				require.ErrorContains(t, err, "GET /api/v1/api-tokens/"+oktatest.TokenID(1)+
					": logging in as the service app ")
				require.ErrorContains(t, err, row.want)
				require.LessOrEqual(t, len(org.Requests()), 2+maxChallenges)
				require.Less(t, time.Since(began), time.Second, "it is not tried again")
			})
		})
	}
}

// A login that fails while a token or a change is asked for must not look like an answer about these.
func TestALoginThatFailsSaysNothingAboutWhatWasAskedFor(t *testing.T) {
	for status, unauthorized := range map[int]bool{400: true, 401: true, 404: false, 500: false, 503: false} {
		asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
			id := org.Tokens()[0].ID
			org.Fault(oktatest.Fault{Path: tokenPath, Status: status})
			_, err := c.Token(t.Context(), id)
			require.NotErrorIs(t, err, ErrNotFound, "the token may well be there")
			require.Equal(t, unauthorized, is(ErrUnauthorized, err) || is(err, ErrUnauthorized), "%v", err)
			err = c.Revoke(t.Context(), id)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotErrorIs(t, err, ErrNotFound)
			require.False(t, e.MayHaveActed(), "the change was not sent")
			_, err = c.Await(t.Context())
			require.Error(t, err)
			for _, r := range org.Requests() {
				require.Equal(t, tokenPath, r.Path)
			}
		})
	}
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, _ *oktatest.Server, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Login(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestAnAnswerToALoginThatMakesNoSense(t *testing.T) {
	for body, want := range map[string]string{
		"<html>" + canary:                              "want a JSON object with an access token",
		`{"access_token":7}`:                           "want a JSON object with an access token",
		`{"token_type":"Bearer","expires_in":3600}`:    "it holds no access token",
		`{"access_token":"a b","token_type":"Bearer"}`: "it holds no access token",
		`{"access_token":"` + canary +
			`","token_type":"MAC","expires_in":3600}`: `its access token is of the type "MAC"`,
		`{"access_token":"` + canary +
			`","token_type":"DPoP","expires_in":3600}`: `its access token is of the type "DPoP"`,
		`{"access_token":"` + canary +
			`","token_type":"Bearer"}`: "its access token has ended already",
		`{"access_token":"` + canary +
			`","token_type":"Bearer","expires_in":-1}`: "its access token has ended already",
		`{"access_token":"` + canary +
			`","token_type":"Bearer","expires_in":"1h"}`: "want a JSON object with an access token",
	} {
		asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
			org.Fault(oktatest.Fault{Path: tokenPath, Body: body, Status: 200})
			_, err := c.Login(t.Context())
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), canary)
			require.Len(t, org.Requests(), 1, "asking again would not help")
		})
	}
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Path: tokenPath, Status: 200,
			Body: `{"access_token":"x","token_type":"bearer","expires_in":1e300}`})
		login, err := c.Login(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{ScopeManage, ScopeUsers, ScopeRoles}, login.Granted, "RFC 6749: what was asked for")
	})
}

func TestAnAccessTokenThatTheServerRepeatsIsRemovedFromErrors(t *testing.T) {
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		id := org.Tokens()[0].ID
		_, err := c.Token(t.Context(), id)
		require.NoError(t, err)
		first := org.AccessTokens()[0]
		require.True(t, strings.HasPrefix(first, canary))
		time.Sleep(2 * time.Hour)
		_, err = c.Token(t.Context(), id)
		require.NoError(t, err)
		second := org.AccessTokens()[1]
		sent := org.Requests()[0]
		form, err := url.ParseQuery(string(sent.Body))
		require.NoError(t, err)
		for _, secret := range []string{first, second, form.Get("client_assertion"),
			org.Requests()[1].Header.Get("DPoP")} {
			org.ClearFaults()
			org.Fault(oktatest.Fault{Status: 403, Body: oktatest.ErrorBody("E0000006", "you sent "+secret, secret),
				Header: http.Header{"X-Okta-Request-Id": {secret}, "Www-Authenticate": {`Bearer error="` + secret +
					`", error_description="` + secret + `"`}}})
			_, err = c.Token(t.Context(), id)
			require.Error(t, err)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
				if strings.Contains(text, secret[:60]) || strings.Contains(text, secret[20:]) {
					t.Fatal("a secret is shown") // require would show it again
				}
			}
			require.ErrorContains(t, err, "you sent [redacted]")
		}
	})
}
