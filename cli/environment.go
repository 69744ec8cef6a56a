package cli

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"strings"
	"unicode"

	"tokensweep/okta"
)

// environment looks up a variable, as os.LookupEnv does. Nothing else is read from outside: no home
// directory, no dot file.
type environment func(name string) (string, bool)

// get is the value of a variable that the table has; "" if it is not set.
func (e environment) get(name string) string {
	if _, ok := variable(name); !ok {
		panic(name + " is not in the table of variables")
	}
	value, _ := e(name)
	return value
}

// or is get, with what holds where the variable is not set or empty.
func (e environment) or(name, fallback string) string { return cmp.Or(e.get(name), fallback) }

// secret reads a secret from the variable name, or from the file that name_FILE names.
func (e environment) secret(name string) (okta.Secret, error) {
	s, err := e.optionalSecret(name)
	if err == nil && s.IsZero() {
		return s, usageHint(
			"set "+name+"_FILE to a file that holds it, or "+name+" to the secret itself",
			"%s is not set",
			name,
		)
	}
	return s, err
}

// optionalSecret is secret, but for one that may be missing: then it is zero.
func (e environment) optionalSecret(name string) (okta.Secret, error) {
	if v, ok := variable(name); !ok || !v.Secret {
		panic(name + " is not among the variables that hold secrets")
	}
	value, file := e.get(name), e.get(name+"_FILE")
	switch {
	case value != "" && file != "":
		return okta.Secret{}, usage("%s and %s_FILE are both set: unset one of them", name, name)
	case value != "":
		return okta.NewSecret(value), nil
	case file == "":
		return okta.Secret{}, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		if path := (*os.PathError)(nil); errors.As(err, &path) {
			err = path.Err // the name may be the secret itself, put into the wrong variable
		}
		return okta.Secret{}, usage("reading the file that %s_FILE names: %w", name, err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return okta.Secret{}, usage("the file that %s_FILE names is empty", name)
	}
	return okta.NewSecret(text), nil
}

// The authorization modes, by the names of Okta's SDKs.
const (
	modeToken = "SSWS"
	modeApp   = "PrivateKey"
)

// isApp reports whether a service app logs in.
func (e environment) isApp() bool { return e.or("OKTA_CLIENT_AUTHORIZATIONMODE", modeToken) == modeApp }

// client makes the client for the org that the environment names. A service app asks for scopes, unless the environment
// has others.
func (e environment) client(o okta.Options, scopes okta.Scopes) (*okta.Client, error) {
	mode := e.or("OKTA_CLIENT_AUTHORIZATIONMODE", modeToken)
	if mode != modeToken && mode != modeApp {
		return nil, usage("OKTA_CLIENT_AUTHORIZATIONMODE must be SSWS (an API token) or PrivateKey (a service app)")
	}
	org := e.get("OKTA_CLIENT_ORGURL")
	if org == "" {
		return nil, usageHint("set it to your org, such as https://acme.okta.com; tokensweep demo needs none",
			"OKTA_CLIENT_ORGURL is not set")
	}
	if _, err := okta.ParseOrgURL(org); err != nil {
		return nil, usage("OKTA_CLIENT_ORGURL: %w", err)
	}
	o.OrgURL = org
	if err := e.checkProxy(); err != nil {
		return nil, err
	}
	var err error
	if mode == modeApp {
		o.App, err = e.serviceApp(scopes)
	} else {
		o.Token, err = e.secret("OKTA_CLIENT_TOKEN")
	}
	if err != nil {
		return nil, e.otherMode(mode, err)
	}
	c, err := okta.New(o)
	if err != nil {
		return nil, usage("%w", err)
	}
	return c, nil
}

// serviceApp reads the service app to log in as.
func (e environment) serviceApp(scopes okta.Scopes) (*okta.ServiceApp, error) {
	id := e.get("OKTA_CLIENT_CLIENTID")
	if id == "" {
		return nil, usageHint(
			"set it to the client id of the service app: Applications › Applications › the app › General",
			"OKTA_CLIENT_CLIENTID is not set",
		)
	}
	key, err := e.secret("OKTA_CLIENT_PRIVATEKEY")
	if err != nil {
		return nil, err
	}
	scopes.Instead = strings.FieldsFunc(e.get("OKTA_CLIENT_SCOPES"), func(r rune) bool {
		return r == ',' || unicode.IsSpace(r)
	})
	return &okta.ServiceApp{ClientID: id, Key: key, KeyID: e.get("OKTA_CLIENT_PRIVATEKEYID"), Scopes: scopes}, nil
}

// otherMode adds to the failure of a credential that isn't there that the one of the other mode is.
func (e environment) otherMode(mode string, err error) error {
	has := func(name string) bool { return e.get(name) != "" || e.get(name+"_FILE") != "" }
	var f *failure
	switch {
	case !errors.As(err, &f) || f.hint == "":
	case mode == modeToken && has("OKTA_CLIENT_PRIVATEKEY"):
		f.hint += "; or, since there is a private key, set OKTA_CLIENT_AUTHORIZATIONMODE to PrivateKey"
	case mode == modeApp && has("OKTA_CLIENT_TOKEN"):
		f.hint += "; or, since there is an API token, set OKTA_CLIENT_AUTHORIZATIONMODE to SSWS"
	}
	return err
}

// checkProxy refuses a proxy that net/http would silently do without. It may hold a password, and is not shown.
func (e environment) checkProxy() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		proxy := e.get(name)
		if _, err := url.Parse(proxy); err == nil {
			continue
		}
		if _, err := url.Parse("http://" + proxy); err != nil { // a host and a port are enough
			return usage("%s is not a URL: write it like http://proxy:3128, and what is special in a password as %%XX",
				name)
		}
	}
	return nil
}
