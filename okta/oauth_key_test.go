package okta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// rsaKey and ecKey are made once: RSA keys take their time.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) string { return inPEM("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

func inJWK(key any, kid, alg, use string) string {
	return string(must(jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use}.MarshalJSON()))
}

func TestKeysThatAreTaken(t *testing.T) {
	sec1 := inPEM("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey())))
	p384, p521 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	for name, row := range map[string]struct {
		text, keyID string
		algorithm   jose.SignatureAlgorithm
		kid         string
	}{
		"RSA in PKCS#1": {
			text: inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), algorithm: jose.RS256},
		"RSA in PKCS#8": {text: pkcs8(rsaKey()), algorithm: jose.RS256},
		"RSA as a JWK": {text: inJWK(rsaKey(), "one", "", ""), algorithm: jose.RS256,
			kid: "one"},
		"RSA as a JWK that says how it signs": {text: inJWK(rsaKey(), "", "RS512", "sig"), algorithm: jose.RS512},
		"EC in SEC 1":                         {text: sec1, algorithm: jose.ES256},
		"EC in SEC 1 behind its parameters": {
			text: inPEM("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + sec1, algorithm: jose.ES256},
		"EC in PKCS#8": {text: pkcs8(ecKey()), keyID: "mine", algorithm: jose.ES256, kid: "mine"},
		"EC as a JWK":  {text: inJWK(ecKey(), "two", "ES256", ""), algorithm: jose.ES256, kid: "two"},
		"EC on P-384":  {text: pkcs8(p384), algorithm: jose.ES384},
		"EC on P-521":  {text: pkcs8(p521), algorithm: jose.ES512},
		"an id that is given wins over the JWK's": {text: inJWK(ecKey(), "two", "", ""), keyID: "mine",
			algorithm: jose.ES256, kid: "mine"},
		"line breaks as they are in variables": {text: strings.ReplaceAll(pkcs8(ecKey()), "\n", `\n`),
			algorithm: jose.ES256},
		"line breaks of Windows": {text: strings.ReplaceAll(pkcs8(ecKey()), "\n", "\r\n"), algorithm: jose.ES256},
		"space around it":        {text: "\n  " + inJWK(ecKey(), "", "", "") + "\n", algorithm: jose.ES256},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := parseKey(NewSecret(row.text), row.keyID)
			require.NoError(t, err)
			require.Equal(t, row.algorithm, key.Algorithm)
			require.Equal(t, row.kid, key.Key.(jose.JSONWebKey).KeyID)
		})
	}
}

// withMember changes one member of a JWK; nil takes it away.
func withMember(t *testing.T, jwk, name string, value any) string {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(jwk), &m))
	m[name] = value
	if value == nil {
		delete(m, name)
	}
	return string(must(json.Marshal(m)))
}

func TestABadKeyIsRefusedAtStartWithWhatIsWrongAndNothingOfIt(t *testing.T) {
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	public := inPEM("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(&ecKey().PublicKey)))
	mixed := withMember(t, inJWK(ecKey(), "", "", ""), "d", base64.RawURLEncoding.EncodeToString(must(other.Bytes())))
	whole := pkcs8(rsaKey())
	t.Setenv("GODEBUG", "rsa1024min=0")
	short := must(rsa.GenerateKey(rand.Reader, 1024))
	for name, row := range map[string]struct{ text, want string }{
		"nothing":     {"", "it is empty"},
		"only spaces": {" \n ", "it is empty"},
		"an SSWS token": {
			canary, "it is neither PEM (-----BEGIN …) nor a JWK ({…})"},
		"the name of a file": {"/run/secrets/key.pem", "it is neither PEM (-----BEGIN …) nor a JWK ({…})"},
		"base64 without its lines": {base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(rsaKey())),
			"neither PEM"},
		"cut PEM":        {whole[:len(whole)/2], "its PEM is damaged"},
		"damaged base64": {strings.Replace(whole, "MII", "M!!", 1), "its PEM is damaged"},
		"cut in its middle": {inPEM("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey()))[:700]),
			"it is cut, or was converted wrongly"},
		"the wrong first line": {inPEM("RSA PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey()))),
			"it is cut, or was converted wrongly"},
		"parameters alone": {inPEM("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}),
			"its PEM is damaged"},
		"a public key":     {public, "the private key is needed"},
		"a certificate":    {inPEM("CERTIFICATE", []byte{1}), "the private key is needed"},
		"an OpenSSH key":   {inPEM("OPENSSH PRIVATE KEY", []byte{1}), "something else than a private key"},
		"two keys":         {whole + whole, "give one key alone"},
		"an encrypted key": {inPEM("ENCRYPTED PRIVATE KEY", []byte{1}), "decrypt it"},
		"a key encrypted the old way": {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: " +
			"AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "decrypt it"},
		"an Ed25519 key": {pkcs8(ed), "neither an RSA nor an EC key"},
		"an RSA key that is too short": {inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(short)),
			"an RSA key of 1024 bits: make one of 2048 or more"},
		"an EC key on a small curve": {pkcs8(p224), "P-256, P-384 and P-521"},
		"a JWK that is no JSON":      {`{"kty":"RSA",` + canary, "no valid JSON"},
		"a JWK set":                  {`{"keys":[` + inJWK(ecKey(), "", "", "") + `]}`, "a set of keys"},
		"a public JWK":               {inJWK(&ecKey().PublicKey, "", "", ""), "it is a public key"},
		"a symmetric JWK":            {`{"kty":"oct","k":"` + canary + `"}`, "neither RSA nor EC"},
		"an Ed25519 JWK":             {inJWK(ed, "", "", ""), "neither RSA nor EC"},
		"a JWK for encryption":       {inJWK(ecKey(), "", "", "enc"), `its "use" is not sig`},
		"a JWK with a wrong algorithm": {inJWK(rsaKey(), "", "ES256", ""),
			`its "alg" does not go with its kind of key`},
		"a JWK with HMAC": {inJWK(rsaKey(), "", "HS256", ""),
			`its "alg" does not go with its kind of key`},
		"a JWK without its primes": {withMember(t, inJWK(rsaKey(), "", "", ""), "p", nil),
			"its parts are missing"},
		"a JWK without its curve": {withMember(t, inJWK(ecKey(), "", "", ""), "crv", nil),
			"its parts are missing"},
		"a JWK of another public part": {mixed, "don't belong together"},
		"a JWK with a point off curve": {withMember(t, inJWK(ecKey(), "", "", ""), "x",
			base64.RawURLEncoding.EncodeToString(make([]byte, 32))), "its parts are missing or don't fit together"},
		"a JWK with a number for a key": {`{"kty":"EC","crv":"P-256","d":7}`, "its parts are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			o := appOptions(row.text)
			_, err := New(o)
			require.ErrorContains(t, err, "the private key of the service app can't be used: ")
			require.ErrorContains(t, err, row.want)
			requireNothingOf(t, row.text, fmt.Sprintf("%v %+v %#v", err, err, err))
		})
	}
}

// requireNothingOf checks that a text shows no piece of a secret: no run of letters and digits of it that is long
// enough to be more than a word.
func requireNothingOf(t *testing.T, secret, text string) {
	t.Helper()
	for _, word := range strings.FieldsFunc(secret, func(r rune) bool {
		return !strings.ContainsRune(base64Letters, r)
	}) {
		for i := 0; i+10 <= len(word); i++ {
			if strings.Contains(text, word[i:i+10]) {
				t.Fatal("a piece of the secret is shown") // require would show it again
			}
		}
	}
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func appOptions(key string) Options {
	return Options{OrgURL: "https://acme.okta.com", RateShare: 1, App: &ServiceApp{ClientID: clientID,
		Key: NewSecret(key), Scopes: Scopes{Needed: []string{ScopeRead}}}}
}

const clientID = "0oa1f3w86v9h8o1VZ1d7"

func TestWhatAServiceAppIsNotMadeOf(t *testing.T) {
	for want, spoil := range map[string]func(*ServiceApp){
		"the client id of the service app is empty":   func(a *ServiceApp) { a.ClientID = "" },
		"the client id of the service app is none":    func(a *ServiceApp) { a.ClientID = "0oa 1" },
		"the client id of the service app is none: O": func(a *ServiceApp) { a.ClientID = pkcs8(ecKey()) },
		"a service app needs scopes to ask for":       func(a *ServiceApp) { a.Scopes = Scopes{} },
	} {
		o := appOptions(pkcs8(ecKey()))
		spoil(o.App)
		_, err := New(o)
		require.ErrorContains(t, err, want)
		requireNothingOf(t, pkcs8(ecKey()), err.Error())
	}
}

func TestAKeyPrintsInNoForm(t *testing.T) {
	for _, key := range []string{pkcs8(rsaKey()), inJWK(ecKey(), "two", "", "")} {
		o := appOptions(key)
		c, err := New(o)
		require.NoError(t, err)
		var out strings.Builder
		for _, v := range []any{o, o.App, *o.App, c, *c, c.Reader, c.conn, c.conn.app} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				_, _ = fmt.Fprintf(&out, verb+"\n", v)
			}
		}
		requireNothingOf(t, key, out.String())
		require.Contains(t, out.String(), redacted)
		number, err := ecKey().Bytes()
		require.NoError(t, err)
		require.NotContains(t, out.String(), new(big.Int).SetBytes(number).String())
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range slices.Collect(maps.Values(map[string]string{
		"a": pkcs8(ecKey()), "b": inJWK(ecKey(), "x", "ES256", "sig"), "c": `{"keys":[]}`,
		"d": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
	})) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseKey(NewSecret(text), "")
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.Implements(t, (*crypto.Signer)(nil), key.Key.(jose.JSONWebKey).Key)
	})
}
