package cli_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/rogpeppe/go-internal/testscript"

	"tokensweep/okta/oktatest"
)

const clientID = "0oa1fk000000000001d7"

// newKey makes a private key: RSA or EC as PEM, or JWK.
func newKey(kind string) (private string, public crypto.PublicKey) {
	var key crypto.Signer
	var err error
	if kind == "RSA" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		panic(err)
	}
	if kind == "JWK" {
		text, err := jose.JSONWebKey{Key: key, KeyID: "one"}.MarshalJSON()
		if err != nil {
			panic(err)
		}
		return string(text), key.Public()
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), key.Public()
}

// loginAsApp adds a service app to the last org, and has the commands that follow log in as it:
// app RSA|EC|JWK [dpop=no] SCOPE….
func loginAsApp(ts *testscript.TestScript, _ bool, args []string) {
	private, public := newKey(args[0])
	app := oktatest.App{ClientID: clientID, DPoP: true, Keys: []oktatest.AppKey{{ID: "one", Public: public}}}
	for _, arg := range args[1:] {
		if arg == "dpop=no" {
			app.DPoP = false
			continue
		}
		app.Scopes = append(app.Scopes, arg)
	}
	org, _ := orgs.Load(ts)
	org.(*oktatest.Server).SetApp(app)
	ts.Check(os.WriteFile(ts.MkAbs("key"), []byte(private), 0o600))
	ts.Setenv("OKTA_CLIENT_TOKEN", "")
	ts.Setenv("OKTA_CLIENT_AUTHORIZATIONMODE", "PrivateKey")
	ts.Setenv("OKTA_CLIENT_CLIENTID", clientID)
	ts.Setenv("OKTA_CLIENT_PRIVATEKEY_FILE", ts.MkAbs("key"))
}

// secretsOfProcess are what this process must not show: the canary, with which access tokens begin too, and the private
// key of the environment.
func secretsOfProcess() []string {
	key := os.Getenv("OKTA_CLIENT_PRIVATEKEY")
	if file := os.Getenv("OKTA_CLIENT_PRIVATEKEY_FILE"); file != "" {
		raw, _ := os.ReadFile(file) // one that isn't there shows nothing
		key += "\n" + string(raw)
	}
	return append(pieces(key), canary)
}

// pieces are parts of a key that are long enough not to be words.
func pieces(key string) (list []string) {
	const enough = 16
	for _, word := range strings.FieldsFunc(key, func(r rune) bool {
		return strings.ContainsRune("\"{}:,\\ \r\n-_", r)
	}) {
		for ; len(word) >= enough; word = word[enough:] {
			list = append(list, word[:enough])
		}
	}
	return list
}

// shows reports whether a text holds one of the secrets.
func shows(text string, secrets []string) bool {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
