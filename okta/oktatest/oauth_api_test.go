package oktatest_test

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// callAPI asks the API with an access token.
func callAPI(t *testing.T, s *oktatest.Server, method, path, authorization string, proofs ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(`{"name":"a"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", authorization)
	req.Header["Dpop"] = proofs
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	return read(t, res, s.URL())
}

func ath(token string) string {
	sum := sha256.Sum256([]byte(token))
	return part(sum[:])
}

func TestEachWrongProofIsRefusedByTheAPI(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{})
	token := accessToken(t, s, c)
	good := proofClaims(s, c, "GET", tokensPath).with(claims{"ath": ath(token)})
	fresh := func(m claims) claims { return good.with(claims{"jti": jti()}).with(m) }
	wrong := wrongProofs(s, c, good)
	wrong["no hash of the token"] = [2]string{proofOf(fresh(claims{"ath": nil})),
		"'ath' claim in the DPoP proof JWT is invalid."}
	wrong["the hash of another token"] = [2]string{proofOf(fresh(claims{"ath": ath("x")})),
		"'ath' claim in the DPoP proof JWT is invalid."}
	wrong["another key than the token is bound to"] = [2]string{signed(jose.ES256, newEC(), dpop(), fresh(nil)),
		"The DPoP proof JWT is signed with another key than the access token is bound to."}
	for name, row := range wrong {
		got := callAPI(t, s, "GET", tokensPath+"?limit=1", "DPoP "+token, row[0])
		require.Equal(t, 400, got.status, name)
		require.Empty(t, got.body, "the body of such an answer is empty")
		require.Equal(t, fmt.Sprintf(
			`DPoP algs="RS256 RS384 RS512 ES256 ES384 ES512", authorization_uri="%[1]s/oauth2/v1/authorize", `+
				`realm="%[1]s", scope="okta.apiTokens.read", error="invalid_dpop_proof", error_description="%[2]s", `+
				`resource="%[3]s"`,
			s.URL(), row[1], tokensPath), got.header.Get("WWW-Authenticate"), name)
	}
	require.Equal(t, 400, callAPI(t, s, "GET", tokensPath, "DPoP "+token).status, "no proof")
	once := proofOf(fresh(nil))
	require.Equal(t, 200, callAPI(t, s, "GET", tokensPath, "DPoP "+token, once).status)
	again := callAPI(t, s, "GET", tokensPath, "DPoP "+token, once)
	require.Contains(t, again.header.Get("WWW-Authenticate"), "The DPoP proof JWT has already been used.")
	require.Equal(t, 401, callAPI(t, s, "GET", tokensPath, "Bearer "+token, proofOf(fresh(nil))).status, "it is bound")
}

// So it was with real orgs: okta-sdk-golang#554, terraform-provider-okta#2392.
func TestAProofIsUsedUpByARequestThatIsOverTheRateLimit(t *testing.T) {
	for name, limited := range map[string]func(*oktatest.Server, *clock, func() int){
		"a fault": func(s *oktatest.Server, _ *clock, _ func() int) {
			s.Fault(oktatest.Fault{Status: http.StatusTooManyRequests, Times: 1})
		},
		"the limit itself": func(_ *oktatest.Server, c *clock, other func() int) {
			for other() != http.StatusTooManyRequests {
				c.Sleep(time.Second)
			}
		},
	} {
		s, c := appOrg(t, oktatest.OAuth{}, oktatest.RateLimit{Limit: 3})
		token := accessToken(t, s, c)
		fresh := func() string {
			return proofOf(proofClaims(s, c, "GET", tokensPath).with(claims{"ath": ath(token)}))
		}
		get := func(proof string) answered { return callAPI(t, s, "GET", tokensPath, "DPoP "+token, proof) }
		limited(s, c, func() int { return get(fresh()).status })
		proof := fresh()
		require.Equal(t, http.StatusTooManyRequests, get(proof).status, name)
		c.Sleep(time.Minute)
		again := get(proof)
		require.Equal(t, http.StatusBadRequest, again.status, name)
		require.Contains(t, again.header.Get("WWW-Authenticate"), "The DPoP proof JWT has already been used.", name)
		require.Equal(t, http.StatusOK, get(fresh()).status, name)
	}
}

func TestTheAPICanWantANonceToo(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{APINonce: true})
	token := accessToken(t, s, c)
	try := func(nonce any) answered {
		return callAPI(t, s, "GET", tokensPath, "DPoP "+token,
			proofOf(proofClaims(s, c, "GET", tokensPath).with(claims{"ath": ath(token), "nonce": nonce})))
	}
	got := try(nil)
	require.Equal(t, 400, got.status)
	require.Contains(t, got.header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
	require.Equal(t, 200, try(got.header.Get("DPoP-Nonce")).status)
}

func TestAnAccessTokenIsGoodForAnHourAndItsScopes(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{
		Apps: []oktatest.App{{ClientID: appID, Keys: []oktatest.AppKey{{ID: "ec", Public: appEC().Public()}},
			Scopes: []string{"okta.apiTokens.read"}}}})
	_, body := post(t, s, form(assertion(s, c)), nil, nil)
	bearer := "Bearer " + body["access_token"].(string)
	one := tokensPath + "/" + oktatest.TokenID(1)
	require.Equal(t, 200, callAPI(t, s, "GET", tokensPath, bearer).status)
	require.Equal(t, 200, callAPI(t, s, "GET", one, bearer).status)
	for _, denied := range [][2]string{{"DELETE", one}, {"PUT", one}, {"GET", "/api/v1/users/" + oktatest.UserID(1)},
		{"GET", "/api/v1/users/" + oktatest.UserID(1) + "/roles"}, {"GET", "/api/v1/zones/nzo1"}} {
		got := callAPI(t, s, denied[0], denied[1], bearer)
		require.Equal(t, 403, got.status, denied)
		require.Empty(t, got.body)
		require.Contains(t, got.header.Get("WWW-Authenticate"),
			`error="insufficient_scope", error_description="The access token provided does not contain the required `+
				`scopes."`)
	}
	require.Len(t, s.Tokens(), 1)

	s.SetApp(oktatest.App{ClientID: appID, Keys: []oktatest.AppKey{{ID: "ec", Public: appEC().Public()}},
		Scopes: []string{"okta.apiTokens.manage", "okta.users.read"}})
	_, body = post(t, s, form(assertion(s, c)), nil, nil)
	manager := "Bearer " + body["access_token"].(string)
	require.Equal(t, 403, callAPI(t, s, "DELETE", tokensPath+"/current", manager).status, "which takes an API token")
	require.Equal(t, 404, callAPI(t, s, "GET", "/api/v1/users/me", manager).status, "an app is no user")
	require.Equal(t, 200, callAPI(t, s, "GET", tokensPath, manager).status, "managing includes reading")
	require.Equal(t, 204, callAPI(t, s, "DELETE", one, manager).status)

	c.Sleep(59 * time.Minute)
	require.Equal(t, 200, callAPI(t, s, "GET", tokensPath, bearer).status)
	c.Sleep(time.Minute)
	got := callAPI(t, s, "GET", tokensPath, bearer)
	require.Equal(t, 401, got.status)
	require.Contains(t, got.body, "E0000011")
	require.Contains(t, got.header.Get("WWW-Authenticate"),
		`error="invalid_token", error_description="The access token has expired."`)
	for _, wrong := range []string{"Bearer made-up", "DPoP " + strings.TrimPrefix(manager, "Bearer "), "Basic YTpi"} {
		require.Equal(t, 401, callAPI(t, s, "GET", tokensPath, wrong).status)
	}
}

func TestAppsAndTokensCanEnd(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{TokenLife: time.Minute})
	s.SetApp(oktatest.App{ClientID: appID, Keys: []oktatest.AppKey{{ID: "ec", Public: appEC().Public()}},
		Scopes: []string{"okta.apiTokens.read"}})
	_, body := post(t, s, form(assertion(s, c)), nil, nil)
	require.InDelta(t, 60, body["expires_in"], 0)
	bearer := "Bearer " + body["access_token"].(string)
	require.True(t, s.RemoveApp(appID))
	require.False(t, s.RemoveApp(appID))
	res, body := post(t, s, form(assertion(s, c)), nil, nil)
	require.Equal(t, []any{401, "Invalid value for 'client_id' parameter."},
		[]any{res.StatusCode, body["error_description"]})
	require.Equal(t, 200, callAPI(t, s, "GET", tokensPath, bearer).status)
	s.EndAccessTokens()
	require.Equal(t, 401, callAPI(t, s, "GET", tokensPath, bearer).status)
}

// The thumbprint and the hash are those of the examples in RFC 9449, sections 6 and 7.1.
func TestWhatATokenIsBoundByIsWhatRFC9449Says(t *testing.T) {
	var key jose.JSONWebKey
	require.NoError(t, key.UnmarshalJSON(
		[]byte(
			`{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`)))
	require.Equal(t, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", part(must(key.Thumbprint(crypto.SHA256))))
	require.Equal(t, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", ath("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"))
}
