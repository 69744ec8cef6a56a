package cli

import (
	"slices"
	"strings"
)

// Variable is an environment variable that the program reads.
type Variable struct {
	// Name is its name. A secret may also be given as a file: the variable Name_FILE names it.
	Name string
	// Meaning says in Markdown what it is for, and what it is by default.
	Meaning string
	// Secret says that the value is a credential. It is shown nowhere.
	Secret bool
	// Foreign says that others define what it means, and that a library reads it: Go's own, so far.
	Foreign bool
	// Lines says that the value is a text of lines, of which the last has its end. Blanks around it are no part of it.
	Lines bool
}

// Variables are all environment variables that the program reads. docs/environment.md is made from them.
var Variables = []Variable{
	{
		Name:    "OKTA_CLIENT_ORGURL",
		Meaning: "the org, such as https://acme.okta.com; plain http for loopback addresses only",
	},
	{Name: "OKTA_CLIENT_AUTHORIZATIONMODE", Meaning: "`SSWS`, the default: an API token; `PrivateKey`: a service app"},
	{Name: "OKTA_CLIENT_TOKEN", Secret: true, Meaning: "the API token (SSWS)"},
	{Name: "OKTA_CLIENT_CLIENTID", Meaning: "the client id of the service app (PrivateKey)"},
	{
		Name:    "OKTA_CLIENT_PRIVATEKEY",
		Secret:  true,
		Lines:   true,
		Meaning: "its private key: PEM (PKCS#1, PKCS#8 or SEC 1; `\\n` may stand for line breaks) or JWK, RSA or EC",
	},
	{
		Name:    "OKTA_CLIENT_PRIVATEKEYID",
		Meaning: "the id of that key, if the app has several; the kid of a JWK is taken by itself",
	},
	{
		Name:    "OKTA_CLIENT_SCOPES",
		Meaning: "scopes to ask for instead of those that a run needs, parted by spaces or commas",
	},
	{Name: "SLACK_BOT_TOKEN", Secret: true, Meaning: "the token of the Slack app, where the policy has `notify.slack`"},
	{
		Name: "SLACK_WEBHOOK_URL", Secret: true,
		Meaning: "an incoming webhook instead of a token, which wins; `channel` is the webhook's then",
	},
	{
		Name:    "SLACK_API_URL",
		Meaning: "another base URL than Slack's: GovSlack, tests; plain http for loopback addresses only",
	},
	{
		Name: "TOKENSWEEP_WEBHOOK_URL", Secret: true,
		Meaning: "where reports are posted as signed JSON, as [webhook.md](webhook.md) says: https, or plain http " +
			"for loopback addresses; it takes the next",
	},
	{Name: "TOKENSWEEP_WEBHOOK_SECRET", Secret: true, Meaning: "the key of the signatures"},
	{Name: "TOKENSWEEP_POLICY", Meaning: "the policy file, where `--policy` is not given; by default `policy.yaml`"},
	{Name: "TOKENSWEEP_STATE", Meaning: "the state directory, where `--state` is not given; by default `./state`"},
	{Name: "HTTPS_PROXY", Foreign: true, Meaning: "the proxy for https; it may hold a password, and is not shown"},
	{Name: "HTTP_PROXY", Foreign: true, Meaning: "the proxy for http"},
	{Name: "NO_PROXY", Foreign: true, Meaning: "the hosts to reach without a proxy, parted by commas"},
	{
		Name:    "SSL_CERT_FILE",
		Foreign: true,
		Meaning: "a file of certificates of authorities to trust besides those in the system's directories, as PEM",
	},
	{
		Name: "SSL_CERT_DIR", Foreign: true,
		Meaning: "directories of such files, parted by colons, instead of the system's",
	},
}

// variable returns the row of a name: a variable's, or the one by which a secret is given as a file. Proxies are often
// named in small letters.
func variable(name string) (v Variable, ok bool) {
	name = strings.ToUpper(name)
	i := slices.IndexFunc(
		Variables,
		func(v Variable) bool { return v.Name == name || v.Secret && v.Name+"_FILE" == name },
	)
	if i < 0 {
		return v, false
	}
	return Variables[i], true
}

// fileVariables are the variables that name a file which is read.
func fileVariables() (names []string) {
	for _, v := range Variables {
		switch {
		case v.Secret:
			names = append(names, v.Name+"_FILE")
		case strings.HasSuffix(v.Name, "_FILE"):
			names = append(names, v.Name)
		}
	}
	return names
}
