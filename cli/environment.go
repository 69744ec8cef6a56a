package cli

import (
	"errors"
	"os"
	"strings"

	"tokensweep/audit"
	"tokensweep/okta"
)

// environment looks up a variable, as os.LookupEnv does. Nothing else is read from outside: no home
// directory, no dot file.
type environment func(name string) (string, bool)

func (e environment) or(name, fallback string) string {
	if v, ok := e(name); ok && v != "" {
		return v
	}
	return fallback
}

// secret reads a secret from the variable name, or from the file that name_FILE names.
func (e environment) secret(name string) (okta.Secret, error) {
	s, err := e.optionalSecret(name)
	if err == nil && s.IsZero() {
		return s, &failure{
			code: audit.Usage, err: usage("%s is not set", name),
			hint: "set " + name + "_FILE to a file that holds it, or " + name + " to the token itself",
		}
	}
	return s, err
}

// optionalSecret is secret, but for one that may be missing: then it is zero.
func (e environment) optionalSecret(name string) (okta.Secret, error) {
	value, _ := e(name)
	file, _ := e(name + "_FILE")
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

// client makes the client for the org that the environment names.
func (e environment) client(o okta.Options) (*okta.Client, error) {
	if mode := e.or("OKTA_CLIENT_AUTHORIZATIONMODE", "SSWS"); mode != "SSWS" {
		return nil, usage("OKTA_CLIENT_AUTHORIZATIONMODE must be SSWS: this version logs in with an API token")
	}
	url, ok := e("OKTA_CLIENT_ORGURL")
	if !ok || url == "" {
		return nil, &failure{
			code: audit.Usage, err: usage("OKTA_CLIENT_ORGURL is not set"),
			hint: "set it to your org, such as https://acme.okta.com; tokensweep demo needs none",
		}
	}
	if _, err := okta.ParseOrgURL(url); err != nil {
		return nil, usage("OKTA_CLIENT_ORGURL: %w", err)
	}
	token, err := e.secret("OKTA_CLIENT_TOKEN")
	if err != nil {
		return nil, err
	}
	o.OrgURL, o.Token = url, token
	c, err := okta.New(o)
	if err != nil {
		return nil, usage("%w", err)
	}
	return c, nil
}
