package oktatest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// These tests are a client of their own, written by the specifications, so that they can be wrong on purpose.

const (
	appID    = "0oa1fk000000000001d7"
	tokenURL = "/oauth2/v1/token"
)

var (
	appRSA   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	appEC    = sync.OnceValue(newEC)
	proofKey = sync.OnceValue(newEC)
)

func newEC() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type claims map[string]any

// with is a copy with other values; nil takes a claim away.
func (c claims) with(more claims) claims {
	c = maps.Clone(c)
	for k, v := range more {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func signed(algorithm jose.SignatureAlgorithm, key any, o *jose.SignerOptions, c claims) string {
	s := must(jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o))
	return must(must(s.Sign(must(json.Marshal(c)))).CompactSerialize())
}

// forged is a JWT that is put together by hand.
func forged(header, c claims, signature func(input string) []byte) string {
	input := part(must(json.Marshal(header))) + "." + part(must(json.Marshal(c)))
	return input + "." + part(signature(input))
}

func part(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jti() string { return part(must(io.ReadAll(io.LimitReader(rand.Reader, 16)))) }

// appOrg is an org with one service app and a clock of its own.
func appOrg(t *testing.T, o oktatest.OAuth, limit ...oktatest.RateLimit) (*oktatest.Server, *clock) {
	t.Helper()
	c := newClock()
	limit = append(limit, oktatest.RateLimit{})
	if o.Apps == nil {
		o.Apps = []oktatest.App{{ClientID: appID, Keys: []oktatest.AppKey{{ID: "rsa", Public: appRSA().Public()},
			{ID: "ec", Public: appEC().Public()}}, DPoP: true, Scopes: []string{"okta.apiTokens.manage",
			"okta.users.read"}}}
	}
	return start(t, oktatest.Config{OAuth: o, Now: c.Now, PageSize: 1, RateLimit: limit[0], Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "a"}}, Me: oktatest.UserID(1)}), c
}

func assertionClaims(s *oktatest.Server, c *clock) claims {
	now := c.Now().Unix()
	return claims{"iss": appID, "sub": appID, "aud": s.URL() + tokenURL, "iat": now, "exp": now + 300, "jti": jti()}
}

func assertion(s *oktatest.Server, c *clock) string {
	return signed(jose.ES256, jose.JSONWebKey{Key: appEC(), KeyID: "ec"}, nil, assertionClaims(s, c))
}

func proofClaims(s *oktatest.Server, c *clock, method, path string) claims {
	return claims{"htm": method, "htu": s.URL() + path, "iat": c.Now().Unix(), "jti": jti()}
}

func dpop() *jose.SignerOptions { return (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt") }

func proofOf(c claims) string { return signed(jose.ES256, proofKey(), dpop(), c) }

func form(assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {"okta.apiTokens.read okta.apiTokens.manage okta.users.read"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
}

// post asks the token endpoint; change may spoil the request.
func post(t *testing.T, s *oktatest.Server, f url.Values, proofs []string, change func(*http.Request)) (*http.Response,
	map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+tokenURL,
		strings.NewReader(f.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["Dpop"] = proofs
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	var body map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&body))
	return res, body
}

// nonceOf asks for the nonce in force.
func nonceOf(t *testing.T, s *oktatest.Server, c *clock) string {
	t.Helper()
	res, body := post(t, s, form(assertion(s, c)), []string{proofOf(proofClaims(s, c, "POST", tokenURL))}, nil)
	require.Equal(t, []any{400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof."},
		[]any{res.StatusCode, body["error"], body["error_description"]})
	nonce := res.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, nonce)
	return nonce
}

// accessToken logs in as it should be done.
func accessToken(t *testing.T, s *oktatest.Server, c *clock) string {
	t.Helper()
	res, body := post(t, s, form(assertion(s, c)),
		[]string{proofOf(proofClaims(s, c, "POST", tokenURL).with(claims{"nonce": nonceOf(t, s, c)}))}, nil)
	require.Equal(t, 200, res.StatusCode, body)
	require.Equal(t, []any{"DPoP", 3600.0, "okta.apiTokens.manage okta.users.read"},
		[]any{body["token_type"], body["expires_in"], body["scope"]})
	return body["access_token"].(string)
}

func TestTheWayToAnAccessTokenIsTheDocumentedOne(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{TokenPrefix: "marked-"})
	res, body := post(t, s, form(assertion(s, c)), nil, nil)
	require.Equal(t, []any{400, "invalid_dpop_proof", "The DPoP proof JWT header is missing."},
		[]any{res.StatusCode, body["error"], body["error_description"]})
	token := accessToken(t, s, c)
	require.True(t, strings.HasPrefix(token, "marked-"))
	require.Equal(t, []string{token}, s.AccessTokens())
}

func TestEachWrongAssertionIsRefused(t *testing.T) {
	hmacWith := func(key []byte) func(string) []byte {
		return func(input string) []byte {
			h := hmac.New(sha256.New, key)
			_, _ = h.Write([]byte(input))
			return h.Sum(nil)
		}
	}
	public := must(json.Marshal(jose.JSONWebKey{Key: appEC().Public()}))
	for name, row := range map[string]struct {
		make func(s *oktatest.Server, c *clock, good claims) string
		want string
	}{
		"of no app": {more(claims{"iss": "0oa1fk000000000009d7", "sub": "0oa1fk000000000009d7"}),
			"Invalid value for 'client_id' parameter."},
		"without an issuer": {more(claims{"iss": nil}), "Invalid value for 'client_id' parameter."},
		"of another subject": {more(claims{"sub": "0oa1fk000000000009d7"}),
			"The subject of the client_assertion must be its issuer."},
		"without a subject": {more(claims{"sub": nil}), "The subject of the client_assertion must be its issuer."},
		"for the org": {func(s *oktatest.Server, _ *clock, good claims) string {
			return ecSigned(good.with(claims{"aud": s.URL()}))
		}, "The audience claim for client_assertion must be the endpoint invoked for the request."},
		"for another server": {func(s *oktatest.Server, _ *clock, good claims) string {
			return ecSigned(good.with(claims{"aud": s.URL() + "/oauth2/default/v1/token"}))
		}, "The audience claim for client_assertion must be the endpoint invoked for the request."},
		"for the endpoint with a slash": {func(s *oktatest.Server, _ *clock, good claims) string {
			return ecSigned(good.with(claims{"aud": s.URL() + tokenURL + "/"}))
		}, "The audience claim for client_assertion must be the endpoint invoked for the request."},
		"for nobody": {more(claims{"aud": nil}),
			"The audience claim for client_assertion must be the endpoint invoked for the request."},
		"expired": {func(_ *oktatest.Server, c *clock, good claims) string {
			return ecSigned(good.with(claims{"exp": c.Now().Unix()}))
		}, "The client_assertion token is expired."},
		"without an end": {more(claims{"exp": nil}), "The client_assertion token is expired."},
		"good for two hours": {func(_ *oktatest.Server, c *clock, good claims) string {
			return ecSigned(good.with(claims{"exp": c.Now().Unix() + 7200}))
		}, "The client_assertion token has an expiration too far into the future."},
		"issued in the future": {func(_ *oktatest.Server, c *clock, good claims) string {
			return ecSigned(good.with(claims{"iat": c.Now().Unix() + 120}))
		}, "The client_assertion token is issued in the future."},
		"with a time that is a text": {more(claims{"exp": "tomorrow"}),
			"The claims of the client_assertion are malformed."},
		"without an id": {more(claims{"jti": nil}), "The client_assertion token has no jti."},
		"without a kid, with two keys": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return signed(jose.ES256, appEC(), nil, good)
		}, "The client_assertion JWT kid is invalid."},
		"with an unknown kid": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return signed(jose.ES256, jose.JSONWebKey{Key: appEC(), KeyID: "x"}, nil, good)
		}, "The client_assertion JWT kid is invalid."},
		"with the kid of another key": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return signed(jose.ES256, jose.JSONWebKey{Key: appEC(), KeyID: "rsa"}, nil, good)
		}, "The client_assertion signature is invalid."},
		"with a strange key": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return signed(jose.ES256, jose.JSONWebKey{Key: newEC(), KeyID: "ec"}, nil, good)
		}, "The client_assertion signature is invalid."},
		"changed after it was signed": {func(_ *oktatest.Server, _ *clock, good claims) string {
			p := strings.Split(ecSigned(good), ".")
			return p[0] + "." + part(must(json.Marshal(good.with(claims{"exp": 1})))) + "." + p[2]
		}, "The client_assertion signature is invalid."},
		"unsigned": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return forged(claims{"alg": "none"}, good, func(string) []byte { return nil })
		}, "The client_assertion is not a JWT that is signed with a supported algorithm."},
		"signed with the public key as MAC": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return forged(claims{"alg": "HS256", "kid": "ec"}, good, hmacWith(public))
		}, "The client_assertion is not a JWT that is signed with a supported algorithm."},
		"signed with RSA-PSS": {func(_ *oktatest.Server, _ *clock, good claims) string {
			return signed(jose.PS256, jose.JSONWebKey{Key: appRSA(), KeyID: "rsa"}, nil, good)
		}, "The client_assertion is not a JWT that is signed with a supported algorithm."},
		"no JWT": {func(*oktatest.Server, *clock, claims) string { return "secret" },
			"The client_assertion is not a JWT that is signed with a supported algorithm."},
		"nothing": {func(*oktatest.Server, *clock, claims) string { return "" },
			"The client_assertion is not a JWT that is signed with a supported algorithm."},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := appOrg(t, oktatest.OAuth{})
			res, body := post(t, s, form(row.make(s, c, assertionClaims(s, c))), nil, nil)
			require.Equal(t, []any{401, "invalid_client", row.want}, []any{res.StatusCode, body["error"],
				body["error_description"]})
			require.Empty(t, s.AccessTokens())
		})
	}
}

func ecSigned(c claims) string {
	return signed(jose.ES256, jose.JSONWebKey{Key: appEC(), KeyID: "ec"}, nil, c)
}

func more(c claims) func(*oktatest.Server, *clock, claims) string {
	return func(_ *oktatest.Server, _ *clock, good claims) string { return ecSigned(good.with(c)) }
}

func TestAnAssertionIsUsedUpByARefusalToo(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{})
	one := assertion(s, c)
	res, _ := post(t, s, form(one), nil, nil)
	require.Equal(t, 400, res.StatusCode, "the proof is missing")
	res, body := post(t, s, form(one), []string{proofOf(proofClaims(s, c, "POST", tokenURL))}, nil)
	require.Equal(t, []any{401, "The client_assertion token has already been used."},
		[]any{res.StatusCode, body["error_description"]})
}

func TestAnAssertionWithTheRSAKeyAndOneOfASingleKeyWithoutAKidAreGood(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{
		Apps: []oktatest.App{{ClientID: appID, Keys: []oktatest.AppKey{{ID: "rsa", Public: appRSA().Public()}},
			Scopes: []string{"okta.apiTokens.read"}}}})
	for _, key := range []any{appRSA(), jose.JSONWebKey{Key: appRSA(), KeyID: "rsa"}} {
		res, body := post(t, s, form(signed(jose.RS256, key, nil, assertionClaims(s, c))), nil, nil)
		require.Equal(t, []any{200, "Bearer", "okta.apiTokens.read"}, []any{res.StatusCode, body["token_type"],
			body["scope"]}, "%v", body)
	}
}

func TestEachWrongRequestForATokenIsRefused(t *testing.T) {
	set := func(name string, values ...string) func(url.Values) { return func(f url.Values) { f[name] = values } }
	for name, row := range map[string]struct {
		form   func(url.Values)
		change func(*http.Request)
		status int
		code   string
	}{
		"another grant": {form: set("grant_type", "password"), status: 400,
			code: "unsupported_grant_type"},
		"no grant": {form: set("grant_type"), status: 400, code: "unsupported_grant_type"},
		"another kind of assertion": {
			form: set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), status: 400,
			code: "invalid_request"},
		"a parameter twice": {form: set("scope", "okta.users.read", "okta.users.read"), status: 400,
			code: "invalid_request"},
		"no scope": {form: set("scope", ""), status: 400, code: "invalid_scope"},
		"an unknown scope": {form: set("scope", "okta.apiTokens.read okta.everything"), status: 400,
			code: "invalid_scope"},
		"scopes with a comma": {form: set("scope", "okta.apiTokens.read,okta.users.read"), status: 400,
			code: "invalid_scope"},
		"none of the scopes that it has": {form: set("scope", "okta.roles.read okta.logs.read"), status: 400,
			code: "consent_required"},
		"JSON": {change: func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
		}, status: 400, code: "invalid_request"},
		"parameters in the URL": {change: func(r *http.Request) {
			r.URL.RawQuery = "scope=okta.users.read"
		}, status: 400, code: "invalid_request"},
		"two kinds of credentials": {change: func(r *http.Request) { r.SetBasicAuth("a", "b") }, status: 400,
			code: "invalid_request"},
		"two kinds of credentials, of ours": {change: func(r *http.Request) {
			r.Header.Set("Authorization", "SSWS secret")
		}, status: 400, code: "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := appOrg(t, oktatest.OAuth{})
			app := oktatest.App{ClientID: appID, Keys: []oktatest.AppKey{{ID: "ec", Public: appEC().Public()}},
				Scopes: []string{"okta.apiTokens.read"}}
			s.SetApp(app)
			f := form(assertion(s, c))
			if row.form != nil {
				row.form(f)
			}
			res, body := post(t, s, f, nil, row.change)
			require.Equal(t, []any{row.status, row.code}, []any{res.StatusCode, body["error"]}, "%v", body)
			require.Empty(t, s.AccessTokens())
		})
	}
	s, _ := appOrg(t, oktatest.OAuth{})
	require.Equal(t, 405, ask(t, s, "GET", tokenURL, "").status)
}
