package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// misplaced are credentials as people have them at hand, by what they are. Nothing that is written may have the word
// canary in it, in whatever letters, and so no part of them.
var misplaced = map[string]string{
	"an Okta token":        "00canaryCANARYcanaryCANARYcanaryCANARY0000",
	"a bot token":          "xoxb-123456789012-1234567890123-canaryCANARYcanaryCANARY",
	"an app token":         "xapp-1-A0CANARY012-1234567890123-canarycanarycanary",
	"a webhook":            "https://hooks.slack.com/services/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",
	"the end of one":       "services/T0CANARY1/B0CANARY2/canaryCANARYcanaryCANARY",
	"an access key of AWS": "AKIACANARYCANARY1234",
	"a secret key of AWS":  "canary7MDENG/bPxRfiCYEXAMPLEKEYcanary+0z",
	"a private key": "-----BEGIN PRIVATE " +
		"KEY-----\nMIIcanaryCANARYcanaryCANARYcanaryCANARYcanaryCANARYcanaryCANARY00\n-----END PRIVATE KEY-----",
	"a private key as JWK":        `{"kty":"EC","crv":"P-256","d":"canaryCANARYcanaryCANARYcanaryCANARYcanary0"}`,
	"a signed token":              "eyJhbGciOiJSUzI1NiJ9.canaryCANARYcanary.canaryCANARYcanary",
	"a password in a URL":         "http://bot:canary@pushgateway.example:9091",
	"a user in a URL":             "http://canaryCANARY@pushgateway.example:9091/x",
	"the same, which is no URL":   "http://bot:canary%zz@[pushgateway.example:9091",
	"a query":                     "https://pushgateway.example:9091/metrics?sig=canaryCANARY",
	"a query of what is no URL":   "https://pushgateway.example:port/?sig=canaryCANARY",
	"a proxy without its scheme":  "bot:canary@proxy.example:3128",
	"an Okta token in some words": "use 00canaryCANARYcanaryCANARYcanaryCANARY0000, please",
}

// attempt runs a command in this process and fails if it repeats a credential.
func attempt(t *testing.T, what string, env map[string]string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = Main(args, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &out, &out)
	require.NotContains(t, strings.ToLower(out.String()), "canary", "%s: %q", what, args)
	return code, out.String()
}

// everyCommand calls f for each command, with the words that call it.
func everyCommand(t *testing.T, f func(words []string, c *cobra.Command)) {
	t.Helper()
	var visit func(*cobra.Command, []string)
	visit = func(c *cobra.Command, words []string) {
		f(words, c)
		for _, sub := range c.Commands() {
			visit(sub, append(words[:len(words):len(words)], sub.Name()))
		}
	}
	root := (&app{env: func(string) (string, bool) { return "", false }, summary: &summary{}}).root()
	root.InitDefaultHelpCmd()
	visit(root, nil)
}

func TestNoFlagOrArgumentRepeatsACredential(t *testing.T) {
	t.Chdir(t.TempDir())
	n := 0
	everyCommand(t, func(words []string, c *cobra.Command) {
		try := func(more ...string) {
			n++
			for what, secret := range misplaced {
				args := append([]string{}, words...)
				for _, m := range more {
					args = append(args, strings.ReplaceAll(m, "SECRET", secret))
				}
				code, said := attempt(t, what, nil, args...)
				if c.Runnable() && c.Name() != "demo" && okta.HoldsSecret(secret) && c.Name() != "help" {
					require.NotZero(t, code, "%q: %s", args, said)
				}
			}
		}
		try("SECRET")
		try("SECRET", "SECRET")
		try("--SECRET")
		try("-SECRET")
		try("--=SECRET")
		c.Flags().AddFlagSet(c.InheritedFlags())
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" || c.Name() == "demo" && f.Name == "slack-out" { // it would be written
				try("--" + f.Name + "=SECRET")
				return
			}
			try("--"+f.Name, "SECRET")
			try("--"+f.Name, "SECRET", "--bogus")
		})
	})
	require.Greater(t, n, 200)
}

func TestNoVariableRepeatsACredential(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: "00right"})
	t.Cleanup(org.Close)
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("policy.yaml", []byte("version: 1\nrules: [{id: idle, when: {lastUsed: "+
		"{olderThan: 21d}}, then: flag}]\n"), 0o600))
	require.NoError(t, os.WriteFile("slack.yaml", []byte("version: 1\nrules: [{id: idle, when: {lastUsed: "+
		"{olderThan: 21d}}, then: flag}]\nnotify: {slack: {channel: C0SECURITY}}\n"), 0o600))
	names := fileVariables()
	for _, v := range Variables {
		names = append(names, v.Name)
	}
	for _, name := range names {
		for what, secret := range misplaced {
			for _, mode := range []string{modeToken, modeApp} {
				env := map[string]string{"OKTA_CLIENT_ORGURL": org.URL(), "OKTA_CLIENT_AUTHORIZATIONMODE": mode,
					"SLACK_API_URL": org.URL() + "/api/"}
				if mode == modeToken {
					env["OKTA_CLIENT_TOKEN"], env["SLACK_BOT_TOKEN"] = "00wrong", "xoxb-wrong"
				} else {
					env["OKTA_CLIENT_CLIENTID"], env["OKTA_CLIENT_PRIVATEKEY"] = "0oa1", "no key"
				}
				if strings.HasSuffix(name, "_FILE") {
					delete(env, strings.TrimSuffix(name, "_FILE"))
				}
				commands := [][]string{{"run", "--enforce"}, {"tokens", "list"}, {"ledger", "verify"},
					{"halt", "--reason", "x"}, {"run", "--help"}}
				if strings.HasPrefix(name, "SLACK") {
					commands = [][]string{{"serve", "--policy", "slack.yaml"}, {"doctor", "--policy", "slack.yaml"}}
				}
				if strings.HasPrefix(name, "TOKENSWEEP_WEBHOOK") {
					commands = [][]string{{"serve"}, {"doctor"}}
					env["TOKENSWEEP_WEBHOOK_URL"], env["TOKENSWEEP_WEBHOOK_SECRET"] = org.URL()+"/hook", "right"
					delete(env, strings.TrimSuffix(name, "_FILE"))
					if mode == modeToken && strings.Contains(name, "SECRET") { // a run that delivers
						env["OKTA_CLIENT_TOKEN"], commands = "00right", append(commands, []string{"run"})
					}
				}
				env[name] = secret
				for _, args := range commands {
					_, _ = attempt(t, fmt.Sprint(what, " in ", name), env, args...)
				}
			}
		}
	}
}

// everyScalar calls f for each text of a YAML document, keys too, with the document in which a credential is in its
// place.
func everyScalar(t *testing.T, text []byte, secret string, f func(changed []byte)) {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &doc))
	var visit func(*yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			was := *n
			n.SetString(secret)
			changed, err := yaml.Marshal(&doc)
			require.NoError(t, err)
			*n = was
			f(changed)
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	visit(&doc)
}

func TestNoPolicyRepeatsACredential(t *testing.T) {
	example, err := os.ReadFile("../policy.example.yaml")
	require.NoError(t, err)
	tests := []byte("policy: policy.yaml\nasOf: 2026-11-23\ncases:\n  - {name: one, token: {id: " +
		"00Tabcdefg1234567890, clientName: Okta API, created: 2025-01-01}, owner: {status: ACTIVE, roles: " +
		"[ORG_ADMIN]},\n" +
		"     notified: {idle: 2026-11-19T09:00:00Z}, expect: {rules: [idle], step: none, outcome: none, severity: " +
		"none}}\n")
	dir := t.TempDir()
	policy, cases := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "policy.tests.yaml")
	for what, secret := range misplaced {
		if testing.Short() && !strings.Contains(what, "token") && !strings.Contains(what, "URL") {
			continue
		}
		n := 0
		refused := func(code int, said string) {
			n++
			if okta.HoldsSecret(secret) {
				require.Equal(t, 65, code, "%s: %s", what, said)
				require.Contains(t, said, "this looks like a credential", what)
			}
		}
		everyScalar(t, example, secret, func(changed []byte) {
			require.NoError(t, os.WriteFile(policy, changed, 0o600))
			refused(attempt(t, what, nil, "validate", "--policy", policy))
		})
		for _, broken := range []string{"rules: [SECRET", "SECRET", "SECRET: SECRET: SECRET", "rules: *SECRET",
			"rules: &SECRET x", "!SECRET x", "a: \"SECRET\\z\"", "%SECRET\n---\nx"} {
			require.NoError(t, os.WriteFile(policy, []byte(strings.ReplaceAll(broken, "SECRET", secret)), 0o600))
			code, _ := attempt(t, what, nil, "validate", "--policy", policy)
			require.Equal(t, 65, code)
		}
		require.NoError(t, os.WriteFile(policy, example, 0o600))
		if !okta.HoldsSecret(secret) { // a URL with a query may be a case's name, and is shown as that
			continue
		}
		everyScalar(t, tests, secret, func(changed []byte) {
			require.NoError(t, os.WriteFile(cases, changed, 0o600))
			refused(attempt(t, what, nil, "test", cases))
		})
		require.Greater(t, n, 100)
	}
}
