package okta

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionLife is how long a client assertion is good for. Okta takes up to an hour.
const assertionLife = 5 * time.Minute

// assertion proves who the service app is, for one request to the token endpoint at audience
// (https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/#create-and-sign-the-jwt).
// Okta takes each only once, refused requests included.
func (a *app) assertion(audience string, now time.Time) (string, error) {
	return sign(a.identity, map[string]any{
		"iss": a.id, "sub": a.id, "aud": audience, "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
		"jti": newJTI(),
	})
}

// proof shows that the sender holds the key that an access token is bound to or is to be bound to, for one
// request: RFC 9449, section 4.2 (https://www.rfc-editor.org/rfc/rfc9449#section-4.2). url is the one that is
// requested, without its query. token and nonce may be "".
func (a *app) proof(method, url, token, nonce string, now time.Time) (string, error) {
	claims := map[string]any{"htm": method, "htu": url, "iat": now.Unix(), "jti": newJTI()}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return sign(a.possession, claims)
}

// newProver makes a key of its own for proofs. It lives as long as the client, and nothing else ever has it.
func newProver() (jose.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for proofs of possession: %w", err)
	}
	o := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, o)
}

func sign(signer jose.Signer, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return signed.CompactSerialize()
}

// newJTI makes an id that no other assertion or proof has.
func newJTI() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
