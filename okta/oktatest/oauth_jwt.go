package oktatest

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// client finds the app that an assertion is of, and verifies it: RFC 7523, section 3, and
// https://developer.okta.com/docs/api/openapi/okta-oauth/guides/client-auth/. An assertion is used up by any
// request that it was good for, also one that is refused for another reason.
func (c *call) client(assertion string, now time.Time) (App, *refusal) {
	signed, err := jose.ParseSignedCompact(assertion, algorithms)
	if err != nil {
		return App{}, badClient("The client_assertion is not a JWT that is signed with a supported algorithm.")
	}
	var claims struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
	}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims) != nil {
		return App{}, badClient("The claims of the client_assertion are malformed.")
	}
	c.auth.mu.Lock()
	app, ok := c.auth.apps[claims.Iss]
	c.auth.mu.Unlock()
	if !ok {
		return App{}, badClient("Invalid value for 'client_id' parameter.")
	}
	key, ok := app.key(signed.Signatures[0].Protected.KeyID)
	if !ok {
		return App{}, badClient("The client_assertion JWT kid is invalid.")
	}
	if _, err := signed.Verify(key.Public); err != nil {
		return App{}, badClient("The client_assertion signature is invalid.")
	}
	exp := time.Unix(claims.Exp, 0)
	switch {
	case claims.Sub != claims.Iss:
		return App{}, badClient("The subject of the client_assertion must be its issuer.")
	case claims.Aud != c.base+tokenEndpoint:
		return App{}, badClient("The audience claim for client_assertion must be the endpoint invoked for the request.")
	case claims.Exp == 0 || !now.Before(exp):
		return App{}, badClient("The client_assertion token is expired.")
	case exp.Sub(now) > time.Hour+leeway:
		return App{}, badClient("The client_assertion token has an expiration too far into the future.")
	case time.Unix(claims.Iat, 0).Sub(now) > leeway:
		return App{}, badClient("The client_assertion token is issued in the future.")
	case claims.Jti == "":
		return App{}, badClient("The client_assertion token has no jti.")
	case !c.auth.once("assertion "+app.ClientID, claims.Jti):
		return App{}, badClient("The client_assertion token has already been used.")
	}
	return app, nil
}

// leeway is how far a clock may be ahead of the org's.
const leeway = time.Minute

// key is the key with this id; without an id, the only one there is.
func (a App) key(id string) (AppKey, bool) {
	for _, k := range a.Keys {
		if k.ID == id || (id == "" && len(a.Keys) == 1) {
			return k, true
		}
	}
	return AppKey{}, false
}

// proof is a proof of possession that was verified by itself.
type proof struct {
	Jti, Htm, Htu, Ath, Nonce string
	Iat                       int64
	thumbprint                string
}

// proofLife is how old a proof may be.
const proofLife = 5 * time.Minute

// proof verifies the proof of a request: RFC 9449, section 4.3. Otherwise why says what is wrong with it; these are
// Okta's words where they are known.
func (c *call) proof(now time.Time) (p proof, why string) {
	lines := c.req.Header.Values("DPoP")
	switch len(lines) {
	case 0:
		return p, "The DPoP proof JWT header is missing."
	case 1:
	default:
		return p, "There is more than one DPoP proof JWT header."
	}
	signed, err := jose.ParseSignedCompact(lines[0], algorithms)
	if err != nil { // so go-jose also refuses a key that is private
		return p, "The DPoP proof is not a JWT that is signed with a supported algorithm."
	}
	header := signed.Signatures[0].Protected
	key := header.JSONWebKey
	if header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" {
		return p, "The 'typ' of the DPoP proof JWT is invalid."
	}
	if key == nil || !key.Valid() {
		return p, "The 'jwk' of the DPoP proof JWT is invalid."
	}
	payload, err := signed.Verify(key.Key)
	if err != nil {
		return p, "The signature of the DPoP proof JWT is invalid."
	}
	if json.Unmarshal(payload, &p) != nil {
		return p, "The claims of the DPoP proof JWT are malformed."
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return p, "The 'jwk' of the DPoP proof JWT is invalid."
	}
	p.thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	age := now.Sub(time.Unix(p.Iat, 0))
	switch {
	case p.Htm != c.req.Method:
		return p, "'htm' claim in the DPoP proof JWT is invalid."
	case p.Htu != c.base+c.req.URL.EscapedPath():
		return p, "'htu' claim in the DPoP proof JWT is invalid."
	case age > proofLife:
		return p, "The DPoP proof JWT is issued more than five minutes in the past."
	case age < -leeway:
		return p, "The DPoP proof JWT is issued in the future."
	case p.Jti == "":
		return p, "The DPoP proof JWT has no jti."
	case !c.auth.once("proof "+p.thumbprint, p.Jti):
		return p, "The DPoP proof JWT has already been used."
	}
	return p, ""
}

// isKeyOf reports whether the proof is signed with a key of the app, which must be another one: "Don't use the same
// key" (https://developer.okta.com/docs/guides/dpop/oktaresourceserver/main/).
func (p proof) isKeyOf(app App) bool {
	for _, k := range app.Keys {
		sum, err := (&jose.JSONWebKey{Key: k.Public}).Thumbprint(crypto.SHA256)
		if err == nil && base64.RawURLEncoding.EncodeToString(sum) == p.thumbprint {
			return true
		}
	}
	return false
}

// hashOf is what a proof for the API must have as ath.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
