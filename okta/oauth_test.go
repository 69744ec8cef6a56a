package okta

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// apps are one service app with an RSA key and an EC key.
func apps(dpop bool, scopes ...string) []oktatest.App {
	return []oktatest.App{{
		ClientID: clientID, DPoP: dpop, Scopes: scopes,
		Keys: []oktatest.AppKey{{ID: "rsa", Public: rsaKey().Public()}, {ID: "ec", Public: ecKey().Public()}},
	}}
}

var allScopes = []string{ScopeManage, ScopeUsers, ScopeRoles, ScopeZones}

// asApp runs f in a bubble of testing/synctest, with an org and a client that logs in as a service app.
func asApp(t *testing.T, cfg oktatest.Config, change func(*ServiceApp),
	f func(t *testing.T, org *oktatest.Server, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.OAuth.Apps == nil {
			cfg.OAuth.Apps = apps(true, allScopes...)
		}
		if cfg.Tokens == nil {
			cfg.Tokens = oktatest.Many(30, time.Now())
		}
		if cfg.PageSize == 0 {
			cfg.PageSize = 10
		}
		cfg.OAuth.TokenPrefix = canary
		org := oktatest.New(cfg)
		defer org.Close()
		o := ServiceApp{ClientID: clientID, Key: NewSecret(pkcs8(ecKey())), KeyID: "ec",
			Scopes: Scopes{Needed: []string{ScopeManage}, Optional: []string{ScopeUsers, ScopeRoles}}}
		if change != nil {
			change(&o)
		}
		c, err := New(Options{OrgURL: "http://127.0.0.1", Dial: org.Dial, RateShare: 1, App: &o})
		require.NoError(t, err)
		defer c.conn.reads.CloseIdleConnections()
		f(t, org, c)
	})
}

// asked are the requests as METHOD STATUS, those to the token endpoint as token STATUS.
func asked(org *oktatest.Server) (list []string) {
	for _, r := range org.Requests() {
		what := r.Method
		if r.Path == tokenPath {
			what = "token"
		}
		list = append(list, fmt.Sprintf("%s %d", what, r.Status))
	}
	return list
}

// claimsOf reads the claims of a JWT without verifying it.
func claimsOf(t *testing.T, jwt string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

func TestWhetherProofsAreNeededIsFoundOut(t *testing.T) {
	for _, row := range []struct {
		name string
		dpop bool
		want []string
	}{
		{"an app that needs them", true, []string{"token 400", "token 400", "token 200", "GET 200", "GET 200",
			"GET 200", "DELETE 204"}},
		{"one that does not", false, []string{"token 200", "GET 200", "GET 200", "GET 200", "DELETE 204"}},
	} {
		for _, key := range []struct {
			name, text, id, algorithm string
		}{
			{"RSA", pkcs8(rsaKey()), "rsa", "RS256"},
			{"EC", inJWK(ecKey(), "ec", "", ""), "", "ES256"},
		} {
			t.Run(row.name+", with the key "+key.name, func(t *testing.T) {
				asApp(t, oktatest.Config{OAuth: oktatest.OAuth{Apps: apps(row.dpop, allScopes...)}},
					func(o *ServiceApp) {
						o.Key, o.KeyID = NewSecret(key.text), key.id
					}, func(t *testing.T, org *oktatest.Server, c *Client) {
						tokens, err := collect(c.List(t.Context(), ListOptions{}))
						require.NoError(t, err)
						require.Len(t, tokens, 30)
						require.NoError(t, c.Revoke(t.Context(), tokens[0].ID))
						require.Equal(t, row.want, asked(org))
						login, err := c.Login(t.Context())
						require.NoError(t, err)
						kid := "rsa"
						if key.name == "EC" {
							kid = "ec"
						}
						require.Equal(t, Login{ClientID: clientID, Algorithm: key.algorithm, KeyID: kid,
							Granted: []string{ScopeManage, ScopeUsers, ScopeRoles}, Bound: row.dpop}, login)
						require.Len(t, org.Requests(), len(row.want), "a login that holds sends nothing")
					})
			})
		}
	}
}

func TestWhatIsInAssertionsAndProofs(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{APINonce: true}}, nil,
		func(t *testing.T, org *oktatest.Server, c *Client) {
			_, err := collect(c.List(t.Context(), ListOptions{}))
			require.NoError(t, err)
			ids := make(map[any]bool)
			for i, r := range org.Requests() {
				if r.Path == tokenPath {
					form, err := url.ParseQuery(string(r.Body))
					require.NoError(t, err)
					require.Equal(t, "okta.apiTokens.manage okta.users.read okta.roles.read", form.Get("scope"))
					require.Empty(t, r.Header.Get("Authorization"))
					a := claimsOf(t, form.Get("client_assertion"))
					require.Equal(t, []any{clientID, clientID, "http://127.0.0.1" + tokenPath, 300.0},
						[]any{a["iss"], a["sub"], a["aud"], a["exp"].(float64) - a["iat"].(float64)})
					require.False(t, ids[a["jti"]], "each attempt has an assertion of its own")
					ids[a["jti"]] = true
				}
				require.Equal(t, i == 0, r.Header.Get("DPoP") == "", "no proof before one is asked for")
				if i == 0 {
					continue
				}
				p := claimsOf(t, r.Header.Get("DPoP"))
				require.Equal(t, []any{r.Method, "http://127.0.0.1" + r.Path}, []any{p["htm"], p["htu"]},
					"the URL is without its query")
				require.Equal(t, r.Path == tokenPath, p["ath"] == nil)
				require.False(t, ids[p["jti"]], "each attempt has a proof of its own")
				ids[p["jti"]] = true
			}
			require.Equal(t, []string{"token 400", "token 400", "token 200", "GET 400", "GET 200", "GET 200",
				"GET 200"}, asked(org))
		})
}

// RFC 9449, section 7.1, has this access token and its hash.
func TestAProofBindsTheAccessToken(t *testing.T) {
	c, err := New(appOptions(pkcs8(ecKey())))
	require.NoError(t, err)
	proof, err := c.conn.app.proof("GET", "https://resource.example.org/protectedresource",
		"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", "", time.Unix(1562262618, 0))
	require.NoError(t, err)
	claims := claimsOf(t, proof)
	require.Equal(t, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", claims["ath"])
	require.InDelta(t, 1562262618, claims["iat"], 0)
	require.NotContains(t, claims, "nonce")

	other, err := New(appOptions(pkcs8(ecKey())))
	require.NoError(t, err)
	again, err := other.conn.app.proof("GET", "https://x", "", "", time.Now())
	require.NoError(t, err)
	require.NotEqual(t, strings.Split(proof, ".")[0], strings.Split(again, ".")[0], "each client has a key of its own")
}

func TestTokensAreRenewedBeforeTheyEndAlsoInTheMiddleOfAListing(t *testing.T) {
	asApp(t, oktatest.Config{
		Tokens: oktatest.Many(60, time.Now()), PageSize: 1, RateLimit: oktatest.RateLimit{Limit: 10,
			Window: time.Minute},
		OAuth: oktatest.OAuth{TokenLife: 2 * time.Minute, NonceLife: time.Minute, APINonce: true},
	}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		began := time.Now()
		tokens, err := collect(c.List(t.Context(), ListOptions{}))
		require.NoError(t, err)
		require.Len(t, tokens, 60)
		require.Greater(t, time.Since(began), 4*time.Minute, "so that several tokens and nonces have ended")
		require.GreaterOrEqual(t, len(org.AccessTokens()), 3)
		refused := 0
		for _, r := range org.Requests() {
			require.NotEqual(t, http.StatusUnauthorized, r.Status, "no request is refused for a token that has ended")
			if r.Path != tokenPath && r.Status == http.StatusBadRequest {
				refused++
			}
		}
		require.LessOrEqual(t, refused, 1, "a new nonce comes with an answer before the old one ends")
	})
}

func TestAnAccessTokenIsRenewedFiveMinutesBeforeItEnds(t *testing.T) {
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		id := org.Tokens()[0].ID
		for _, step := range []struct {
			passes time.Duration
			tokens int
		}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}, {54 * time.Minute, 2}} {
			time.Sleep(step.passes)
			_, err := c.Token(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, org.AccessTokens(), step.tokens)
		}
		time.Sleep(2 * time.Minute)
		_, err := c.Await(t.Context())
		require.NoError(t, err)
		require.Len(t, org.AccessTokens(), 3, "before a change, too")
	})
}

func TestANonceThatEndsInTheMiddleOfARunIsAnswered(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{APINonce: true}}, nil,
		func(t *testing.T, org *oktatest.Server, c *Client) {
			id := org.Tokens()[0].ID
			_, err := c.Token(t.Context(), id)
			require.NoError(t, err)
			org.ResetRequests()
			org.ChangeNonce()
			_, err = c.Token(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, []string{"GET 400", "GET 200"}, asked(org))

			org.ResetRequests()
			org.Fault(oktatest.Fault{Then: org.ChangeNonce})
			_, err = c.Token(t.Context(), id)
			require.ErrorContains(t, err, "400 Bad Request, use_dpop_nonce")
			require.Equal(t, []string{"GET 400", "GET 400", "GET 400", "GET 400", "GET 400"}, asked(org),
				"four times, and no more")
		})
}

func TestAChangeIsSentAgainAfterANonceChallengeAndNothingElse(t *testing.T) {
	for name, row := range map[string]struct {
		fault oktatest.Fault
		want  []string
		gone  bool
	}{
		"the challenge of the API": {fault: oktatest.Fault{}, want: []string{"DELETE 400", "DELETE 204"}, gone: true},
		"the challenge as RFC 9449 has it, a 401": {
			fault: oktatest.Fault{Status: 401, Times: 1,
				Header: http.Header{
					"Www-Authenticate": {
						`DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"`}, "Dpop-Nonce": {"x"}}},
			want: []string{"DELETE 401", "DELETE 400"},
		},
		"a challenge without a nonce": {fault: oktatest.Fault{Status: 400, Body: " ",
			Header: http.Header{"Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}}, want: []string{"DELETE 400"}},
		"a challenge with the status of a 500": {fault: oktatest.Fault{Status: 500, Act: true, Body: " ",
			Header: http.Header{"Www-Authenticate": {`DPoP error="use_dpop_nonce"`}, "Dpop-Nonce": {"x"}}},
			want: []string{"DELETE 500"}, gone: true},
		"a proof that is refused": {fault: oktatest.Fault{Status: 400, Body: " ",
			Header: http.Header{"Www-Authenticate": {`DPoP error="invalid_dpop_proof"`}}},
			want: []string{"DELETE 400"}},
		"an access token that is refused": {fault: oktatest.Fault{Status: 401}, want: []string{"DELETE 401"}},
		"no permission":                   {fault: oktatest.Fault{Status: 403}, want: []string{"DELETE 403"}},
		"a rate limit":                    {fault: oktatest.Fault{Status: 429}, want: []string{"DELETE 429"}},
		"a lost answer":                   {fault: oktatest.Fault{HangupAfter: true}, want: []string{"DELETE 0"}},
		"a lost request":                  {fault: oktatest.Fault{Hangup: true}, want: []string{"DELETE 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{OAuth: oktatest.OAuth{APINonce: true}}, nil,
				func(t *testing.T, org *oktatest.Server, c *Client) {
					id := org.Tokens()[0].ID
					_, err := c.Token(t.Context(), id)
					require.NoError(t, err)
					org.ResetRequests()
					if org.Fault(row.fault); row.fault.Status == 0 && !row.fault.Hangup && !row.fault.HangupAfter {
						org.ChangeNonce()
					}
					err = c.Revoke(t.Context(), id)
					require.Equal(t, row.want[len(row.want)-1] == "DELETE 204", err == nil, "%v", err)
					var e *Error
					if err != nil {
						require.ErrorAs(t, err, &e)
						require.Equal(t, strings.HasSuffix(row.want[0], " 0") || strings.HasSuffix(row.want[0], " 500"),
							e.MayHaveActed(), "%v", err)
					}
					list := asked(org)
					require.Equal(t, row.want, list)
					_, there := org.Token(id)
					require.Equal(t, row.gone || row.fault.HangupAfter, !there)
				})
		})
	}
}
