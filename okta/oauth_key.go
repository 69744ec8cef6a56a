package okta

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// minRSABits is the shortest RSA key that go-jose and Okta take.
const minRSABits = 2048

// parseKey reads the private key of a service app: PEM (PKCS#1, PKCS#8 or SEC 1), in which a literal \n counts
// as a line break, since environment variables have it so, or a JWK. keyID is the id of the key, "" for that of
// the JWK. The errors say what is wrong and show nothing of the text, not even what a parser has stumbled
// over: whatever is in that variable may be a secret.
func parseKey(text Secret, keyID string) (key jose.SigningKey, err error) {
	s := strings.TrimSpace(text.Reveal())
	jwk := jose.JSONWebKey{}
	switch {
	case s == "":
		return key, errors.New("it is empty")
	case s[0] == '{':
		jwk, err = parseJWK([]byte(s))
	case strings.Contains(s, "-----BEGIN"):
		jwk.Key, err = parsePEM([]byte(strings.ReplaceAll(s, `\n`, "\n")))
	default:
		err = noKey(s)
	}
	if err != nil {
		return key, err
	}
	if keyID != "" {
		jwk.KeyID = keyID
	}
	algorithm, err := algorithmFor(jwk)
	if err != nil {
		return key, err
	}
	key = jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: jwk.Key, KeyID: jwk.KeyID}}
	return key, tryKey(key, jwk)
}

// CheckKey refuses what can be no private key of a service app. The errors say why, and show nothing of the text.
func CheckKey(key Secret) error {
	if _, err := parseKey(key, ""); err != nil {
		return fmt.Errorf("the private key of the service app can't be used: %w", err)
	}
	return nil
}

// noKey says what a text is that doesn't begin as a key does.
func noKey(s string) error {
	base := strings.Join(strings.Fields(s), "")
	if raw, err := base64.StdEncoding.DecodeString(base); err == nil &&
		(bytes.Contains(raw, []byte("-----BEGIN")) || bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))) {
		return errors.New("it is the base64 of a key: decode it, as with base64 -d")
	}
	return errors.New("it is neither PEM (-----BEGIN …) nor a JWK ({…})")
}

func parsePEM(text []byte) (crypto.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" { // openssl ecparam -genkey writes it before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("its PEM is damaged: it must have the lines -----BEGIN … PRIVATE KEY----- and " +
			"-----END … PRIVATE KEY----- and base64 between them")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("something follows the first key: give one key alone")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("it is encrypted with a passphrase: decrypt it, as with openssl pkey -in key.pem -out " +
			"plain.pem")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, errors.New("it is a public key or a certificate: the private key is needed")
	default:
		return nil, errors.New("its PEM holds something else than a private key")
	}
	if err != nil { // which may quote the key
		return nil, errors.New("what its PEM holds is not the key that its first line says: it is cut, or was " +
			"converted wrongly")
	}
	return key, nil
}

func parseJWK(text []byte) (jwk jose.JSONWebKey, err error) {
	var head struct {
		Kty, Use string
		D        json.RawMessage
		Keys     []json.RawMessage
	}
	if json.Unmarshal(text, &head) != nil {
		return jwk, errors.New("it looks like a JWK and is no valid JSON")
	}
	switch {
	case head.Keys != nil:
		return jwk, errors.New("it is a set of keys: give the one private key that is in it")
	case head.Kty != "RSA" && head.Kty != "EC":
		return jwk, errors.New(`its "kty" is neither RSA nor EC, which are what Okta takes`)
	case head.D == nil:
		return jwk, errors.New("it is a public key: the private key is needed")
	case head.Use != "" && head.Use != "sig":
		return jwk, errors.New(`its "use" is not sig`)
	}
	if jwk.UnmarshalJSON(text) != nil || !jwk.Valid() {
		return jwk, errors.New("its parts are missing or don't fit together: an RSA key has n, e, d, p and q, an EC " +
			"key has crv, x, y and d")
	}
	return jwk, nil
}

// algorithms are what Okta takes for each kind of key, the one that is used first
// (https://developer.okta.com/docs/api/openapi/okta-oauth/guides/client-auth/).
var (
	rsaAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512}
	ecAlgorithms  = map[elliptic.Curve]jose.SignatureAlgorithm{elliptic.P256(): jose.ES256, elliptic.P384(): jose.ES384,
		elliptic.P521(): jose.ES512}
)

// algorithmFor is how the key signs: by its kind, unless a JWK says otherwise.
func algorithmFor(jwk jose.JSONWebKey) (jose.SignatureAlgorithm, error) {
	var may []jose.SignatureAlgorithm
	switch key := jwk.Key.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return "", fmt.Errorf("it is an RSA key of %d bits: make one of %d or more", bits, minRSABits)
		}
		may = rsaAlgorithms
	case *ecdsa.PrivateKey:
		a, ok := ecAlgorithms[key.Curve]
		if !ok {
			return "", errors.New("it is an EC key on a curve that Okta does not take: P-256, P-384 and P-521 are")
		}
		may = []jose.SignatureAlgorithm{a}
	default:
		return "", errors.New("it is neither an RSA nor an EC key, which are what Okta takes")
	}
	said := jose.SignatureAlgorithm(jwk.Algorithm)
	switch {
	case said == "":
		return may[0], nil
	case slices.Contains(may, said):
		return said, nil
	}
	return "", errors.New(`its "alg" does not go with its kind of key`)
}

// tryKey signs something: the parts of a key may each be right and not belong together.
func tryKey(key jose.SigningKey, jwk jose.JSONWebKey) error {
	signer, err := jose.NewSigner(key, nil)
	if err == nil {
		var signed *jose.JSONWebSignature
		if signed, err = signer.Sign([]byte("{}")); err == nil {
			_, err = signed.Verify(jwk.Public().Key)
		}
	}
	if err != nil { // which may quote the key
		return errors.New("its private and its public part don't belong together")
	}
	return nil
}
