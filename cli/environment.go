package cli

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"tokensweep/audit"
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

// read is get for a value that is about to be used. It refuses one with something around it that is no part of it. What
// is around a text of several lines is left out.
func (e environment) read(name string) (string, error) {
	value := e.get(name)
	if v, _ := variable(name); v.Lines && strings.EqualFold(v.Name, name) {
		value = strings.TrimFunc(value, isBlank)
	}
	if what, advice := clutter(value); what != "" {
		return "", usageHint(advice, "%s %s", name, what)
	}
	return value, nil
}

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
	value, err := e.read(name)
	if err != nil {
		return okta.Secret{}, err
	}
	file, err := e.read(name + "_FILE")
	switch {
	case err != nil:
		return okta.Secret{}, err
	case value != "" && file != "":
		return okta.Secret{}, usage("%s and %s_FILE are both set: unset one of them", name, name)
	case value != "":
		return okta.NewSecret(value), nil
	case file == "":
		return okta.Secret{}, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return okta.Secret{}, unreadable(name+"_FILE", file, err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return okta.Secret{}, usage("%s is empty", e.holder(name))
	}
	if what, advice := clutter(text); what != "" {
		return okta.Secret{}, usageHint(advice, "%s %s", e.holder(name), what)
	}
	return okta.NewSecret(text), nil
}

// holder says where a secret is: in its variable, or in the file that its other variable names.
func (e environment) holder(name string) string {
	file := e.get(name + "_FILE")
	if file == "" {
		return name
	}
	if shown := showable(file); shown != "" {
		return "the file " + shown + " that " + name + "_FILE names"
	}
	return "the file that " + name + "_FILE names"
}

// unreadable is why a file that a variable names could not be read. Its name may be a secret that was put into the
// wrong variable: then it is not told.
func unreadable(variable, file string, err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	what := "file"
	if shown := showable(file); shown != "" {
		what += " " + shown
	}
	return usage("reading the %s that %s names: %w", what, variable, err)
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
	mode, err := e.read("OKTA_CLIENT_AUTHORIZATIONMODE")
	if err != nil {
		return nil, err
	}
	if mode = cmp.Or(mode, modeToken); mode != modeToken && mode != modeApp {
		return nil, usage("OKTA_CLIENT_AUTHORIZATIONMODE must be SSWS (an API token) or PrivateKey (a service app)")
	}
	org, err := e.read("OKTA_CLIENT_ORGURL")
	switch {
	case err != nil:
		return nil, err
	case org == "":
		return nil, usageHint("set it to your org, such as https://acme.okta.com; tokensweep demo needs none",
			"OKTA_CLIENT_ORGURL is not set")
	}
	if _, err := okta.ParseOrgURL(org); err != nil {
		return nil, usage("OKTA_CLIENT_ORGURL: %w", err)
	}
	o.OrgURL = org
	if err := errors.Join(e.checkProxy(), e.checkCertificates()); err != nil {
		return nil, err
	}
	if mode == modeApp {
		o.App, err = e.serviceApp(scopes)
	} else {
		o.Token, err = e.apiToken()
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

// apiToken reads the API token.
func (e environment) apiToken() (okta.Secret, error) {
	const name = "OKTA_CLIENT_TOKEN"
	token, err := e.secret(name)
	if err != nil {
		return token, err
	}
	if err := okta.CheckToken(token); err != nil {
		return token, usage("%s: %w", e.holder(name), err)
	}
	return token, nil
}

// serviceApp reads the service app to log in as.
func (e environment) serviceApp(scopes okta.Scopes) (*okta.ServiceApp, error) {
	id, err := e.read("OKTA_CLIENT_CLIENTID")
	switch {
	case err != nil:
		return nil, err
	case id == "":
		return nil, usageHint(
			"set it to the client id of the service app: Applications › Applications › the app › General",
			"OKTA_CLIENT_CLIENTID is not set",
		)
	}
	if err := okta.CheckClientID(id); err != nil {
		return nil, usage("OKTA_CLIENT_CLIENTID: %w", err)
	}
	keyID, err := e.read("OKTA_CLIENT_PRIVATEKEYID")
	if err != nil {
		return nil, err
	}
	list, err := e.read("OKTA_CLIENT_SCOPES")
	if err != nil {
		return nil, err
	}
	scopes.Instead = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	const name = "OKTA_CLIENT_PRIVATEKEY"
	key, err := e.secret(name)
	if err != nil {
		return nil, err
	}
	if err := okta.CheckKey(key); err != nil {
		f := &failure{code: audit.Usage, err: fmt.Errorf("%s: %w", e.holder(name), err)}
		if showable(e.get(name)) != "" {
			f.hint = "it looks like the name of a file: that goes into " + name + "_FILE"
		}
		return nil, f
	}
	return &okta.ServiceApp{ClientID: id, Key: key, KeyID: keyID, Scopes: scopes}, nil
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
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if _, err := e.read(name); err != nil {
			return err
		}
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		proxy, err := e.read(name)
		if err != nil {
			return err
		}
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

// checkCertificates refuses certificates that crypto/x509 would silently do without: then it trusts none of those that
// the variables were to add, and says so of every server.
func (e environment) checkCertificates() error {
	const one, many = "SSL_CERT_FILE", "SSL_CERT_DIR"
	file, err := e.read(one)
	if err != nil {
		return err
	}
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return unreadable(one, file, err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(raw) {
			return usage("the file that %s names holds no certificate as PEM (-----BEGIN CERTIFICATE-----)", one)
		}
	}
	dirs, err := e.read(many)
	if err != nil {
		return err
	}
	for _, dir := range filepath.SplitList(dirs) {
		if _, err := os.ReadDir(dir); err != nil {
			return unreadable(many, dir, err)
		}
	}
	return nil
}
