package oktatest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// wrongProofs are what no proof may be, for whatever it is.
func wrongProofs(s *oktatest.Server, c *clock, good claims) map[string][2]string {
	now := c.Now().Unix()
	rsaKey := appRSA()
	inHeader := func(jwk any) string {
		return forged(claims{"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}, good.with(claims{"jti": jti()}),
			func(string) []byte { return make([]byte, 64) })
	}
	fresh := func(m claims) string { return proofOf(good.with(claims{"jti": jti()}).with(m)) }
	return map[string][2]string{
		"another method": {fresh(claims{"htm": "PATCH"}), "'htm' claim in the DPoP proof JWT is invalid."},
		"the method in small letters": {fresh(claims{"htm": strings.ToLower(good["htm"].(string))}),
			"'htm' claim in the DPoP proof JWT is invalid."},
		"no method": {fresh(claims{"htm": nil}), "'htm' claim in the DPoP proof JWT is invalid."},
		"another path": {fresh(claims{"htu": s.URL() + "/api/v1/users"}),
			"'htu' claim in the DPoP proof JWT is invalid."},
		"the path with a query": {fresh(claims{"htu": good["htu"].(string) + "?limit=200"}),
			"'htu' claim in the DPoP proof JWT is invalid."},
		"the path with two slashes": {
			fresh(claims{"htu": strings.Replace(good["htu"].(string), s.URL(), s.URL()+"/", 1)}),
			"'htu' claim in the DPoP proof JWT is invalid."},
		"another host": {
			fresh(claims{"htu": strings.Replace(good["htu"].(string), "127.0.0.1", "127.0.0.2", 1)}),
			"'htu' claim in the DPoP proof JWT is invalid."},
		"no URL": {fresh(claims{"htu": nil}), "'htu' claim in the DPoP proof JWT is invalid."},
		"six minutes old": {fresh(claims{"iat": now - 360}),
			"The DPoP proof JWT is issued more than five minutes in the past."},
		"no time": {fresh(claims{"iat": nil}),
			"The DPoP proof JWT is issued more than five minutes in the past."},
		"from the future": {fresh(claims{"iat": now + 120}), "The DPoP proof JWT is issued in the future."},
		"no id":           {fresh(claims{"jti": nil}), "The DPoP proof JWT has no jti."},
		"another type": {
			signed(jose.ES256, proofKey(), (&jose.SignerOptions{EmbedJWK: true}).WithType("JWT"), good),
			"The 'typ' of the DPoP proof JWT is invalid."},
		"no type": {signed(jose.ES256, proofKey(), &jose.SignerOptions{EmbedJWK: true}, good),
			"The 'typ' of the DPoP proof JWT is invalid."},
		"no key": {signed(jose.ES256, proofKey(), (&jose.SignerOptions{}).WithType("dpop+jwt"),
			good), "The 'jwk' of the DPoP proof JWT is invalid."},
		"the key of another": {inHeader(jose.JSONWebKey{Key: newEC().Public()}),
			"The signature of the DPoP proof JWT is invalid."},
		"a private key": {inHeader(jose.JSONWebKey{Key: proofKey()}),
			"The DPoP proof is not a JWT that is signed with a supported algorithm."},
		"a symmetric key": {
			forged(claims{"alg": "HS256", "typ": "dpop+jwt", "jwk": claims{"kty": "oct", "k": "c2VjcmV0"}}, good,
				func(string) []byte { return nil }),
			"The DPoP proof is not a JWT that is signed with a supported algorithm."},
		"RSA-PSS": {signed(jose.PS256, rsaKey, dpop(), good),
			"The DPoP proof is not a JWT that is signed with a supported algorithm."},
		"no JWT": {
			"proof", "The DPoP proof is not a JWT that is signed with a supported algorithm."},
		"claims that make no sense": {fresh(claims{"iat": "now"}), "The claims of the DPoP proof JWT are malformed."},
	}
}

func TestEachWrongProofIsRefusedByTheTokenEndpoint(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{})
	nonce := nonceOf(t, s, c)
	good := proofClaims(s, c, "POST", tokenURL).with(claims{"nonce": nonce})
	for name, row := range wrongProofs(s, c, good) {
		res, body := post(t, s, form(assertion(s, c)), []string{row[0]}, nil)
		require.Equal(t, []any{400, "invalid_dpop_proof", row[1]}, []any{res.StatusCode, body["error"],
			body["error_description"]}, name)
	}
	refused := func(want string, proofs ...string) {
		t.Helper()
		res, body := post(t, s, form(assertion(s, c)), proofs, nil)
		require.Equal(t, []any{400, want}, []any{res.StatusCode, body["error"]}, "%v", body)
	}
	fresh := func(m claims) claims { return good.with(claims{"jti": jti()}).with(m) }
	refused("invalid_dpop_proof", proofOf(fresh(nil)), proofOf(fresh(nil)))
	refused("invalid_dpop_proof", signed(jose.ES256, appEC(), dpop(), fresh(nil)))
	refused("use_dpop_nonce", proofOf(fresh(claims{"nonce": nil})))
	refused("use_dpop_nonce", proofOf(fresh(claims{"nonce": "made-up"})))
	require.Empty(t, s.AccessTokens())

	once := proofOf(fresh(nil))
	res, _ := post(t, s, form(assertion(s, c)), []string{once}, nil)
	require.Equal(t, 200, res.StatusCode)
	refused("invalid_dpop_proof", once)
}

func TestNoncesAreTakenForThreeLivesAndRenewed(t *testing.T) {
	s, c := appOrg(t, oktatest.OAuth{})
	try := func(nonce string) (int, string) {
		res, _ := post(t, s, form(assertion(s, c)),
			[]string{proofOf(proofClaims(s, c, "POST", tokenURL).with(claims{"nonce": nonce}))}, nil)
		return res.StatusCode, res.Header.Get("DPoP-Nonce")
	}
	first := nonceOf(t, s, c)
	c.Sleep(23 * time.Hour)
	require.Equal(t, first, nonceOf(t, s, c))
	c.Sleep(time.Hour)
	second := nonceOf(t, s, c)
	require.NotEqual(t, first, second)
	status, told := try(first)
	require.Equal(t, []any{200, second}, []any{status, told}, "the old one still works, and the answer has the new one")
	c.Sleep(48 * time.Hour)
	status, _ = try(first)
	require.Equal(t, 400, status)
	status, _ = try(second)
	require.Equal(t, 200, status)
	s.ChangeNonce()
	status, told = try(second)
	require.Equal(t, 400, status)
	status, _ = try(told)
	require.Equal(t, 200, status)
}

// Okta's documentation wants another key for proofs; its own Node SDK uses the app's.
func TestAProofWithAKeyOfTheAppIsTakenIfTheOrgIsToldTo(t *testing.T) {
	for name, row := range map[string]struct {
		o    oktatest.OAuth
		want int
	}{
		"by default":     {oktatest.OAuth{}, 400},
		"with a switch":  {oktatest.OAuth{ProofsByAppKey: true}, 200},
		"and the others": {oktatest.OAuth{ProofsByAppKey: true, NonceOnce: true, APINonce: true}, 200},
	} {
		s, c := appOrg(t, row.o)
		own := func(m claims) string { return signed(jose.ES256, appEC(), dpop(), m) }
		atLogin := proofClaims(s, c, "POST", tokenURL).with(claims{"nonce": nonceOf(t, s, c)})
		res, body := post(t, s, form(assertion(s, c)), []string{own(atLogin)}, nil)
		require.Equal(t, row.want, res.StatusCode, name)
		if row.want != 200 {
			require.Equal(t, "The DPoP proof JWT is signed with a key of the client.", body["error_description"])
			continue
		}
		token := body["access_token"].(string)
		atAPI := func(sign func(claims) string, nonce any) answered {
			return callAPI(t, s, "GET", tokensPath, "DPoP "+token,
				sign(proofClaims(s, c, "GET", tokensPath).with(claims{"ath": ath(token), "nonce": nonce})))
		}
		nonce := atAPI(own, nil).header.Get("DPoP-Nonce") // "" where none is wanted
		require.Equal(t, 200, atAPI(own, nonce).status, name)
		require.Equal(t, 400, atAPI(proofOf, nonce).status, "the token is bound to the key of its proof")
	}
}
