package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// testKey is the private key of a service app that nobody has.
var testKey = func() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}()

// valuesWorld is an org that takes the right credential, and policies, with and without Slack.
type valuesWorld struct {
	t   *testing.T
	org *oktatest.Server
}

func newValuesWorld(t *testing.T) *valuesWorld {
	t.Helper()
	org := oktatest.Start(oktatest.Config{Credential: "00right"})
	t.Cleanup(org.Close)
	t.Chdir(t.TempDir())
	const rules = "version: 1\nrules: [{id: idle, when: {lastUsed: {olderThan: 21d}}, then: flag}]\n"
	w := &valuesWorld{t, org}
	w.write("policy.yaml", rules)
	w.write("slack.yaml", rules+"notify: {slack: {channel: C0SECURITY}}\n")
	return w
}

func (w *valuesWorld) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(name, []byte(text), 0o600))
}

// environment has a right value for each variable that the mode takes.
func (w *valuesWorld) environment(mode string) map[string]string {
	env := map[string]string{
		"OKTA_CLIENT_ORGURL": w.org.URL(), "OKTA_CLIENT_AUTHORIZATIONMODE": mode, "OKTA_CLIENT_TOKEN": "00right",
		"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": w.org.URL() + "/api/",
		"TOKENSWEEP_WEBHOOK_URL": w.org.URL() + "/hook", "TOKENSWEEP_WEBHOOK_SECRET": "right",
		"TOKENSWEEP_POLICY": "slack.yaml", "TOKENSWEEP_STATE": "state",
	}
	if mode == modeApp {
		env["OKTA_CLIENT_CLIENTID"] = "0oa1f3w86v9h8o1VZ1d7"
		env["OKTA_CLIENT_PRIVATEKEYID"], env["OKTA_CLIENT_SCOPES"] = "one", "okta.apiTokens.read"
		env["OKTA_CLIENT_PRIVATEKEY"] = testKey
	}
	return env
}

// run makes a run in this process.
func (w *valuesWorld) run(env map[string]string) (code int, said string) {
	return w.command(env, "run")
}

func (w *valuesWorld) command(env map[string]string, args ...string) (code int, said string) {
	var out bytes.Buffer
	code = Main(args, func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}, &out, &out)
	return code, out.String()
}

// around are what people and their tools leave around a value, by what is said of it.
var around = map[string]func(string) string{
	"ends in a line break":         func(s string) string { return s + "\r\n" },
	"begins with a line break":     func(s string) string { return "\n" + s },
	"ends in a blank":              func(s string) string { return s + "\u00a0" },
	"begins with a blank":          func(s string) string { return "\t" + s },
	"is blank":                     func(string) string { return " \n" },
	"is in quotes":                 func(s string) string { return `"` + s + `"` },
	"begins with a quotation mark": func(s string) string { return "'" + s },
	"ends in a quotation mark":     func(s string) string { return s + "\u201d" },
	"begins with a byte order":     func(s string) string { return "\ufeff" + s },
	"is UTF-16":                    func(s string) string { return "\xff\xfe" + s },
}

// What is around a value and no part of it is said by the variable's name, alike for all of them, before anything is
// sent to anybody.
func TestWhatIsAroundAValueIsSaidByItsVariable(t *testing.T) {
	w := newValuesWorld(t)
	names := append(fileVariables(), "https_proxy", "http_proxy", "no_proxy")
	for _, v := range Variables {
		names = append(names, v.Name)
	}
	for _, name := range names {
		for what, spoil := range around {
			mode := modeToken
			switch name {
			case "OKTA_CLIENT_CLIENTID", "OKTA_CLIENT_SCOPES":
				mode = modeApp
			}
			if strings.HasPrefix(name, "OKTA_CLIENT_PRIVATEKEY") {
				mode = modeApp
			}
			env := w.environment(mode)
			if name == "SLACK_WEBHOOK_URL" {
				delete(env, "SLACK_BOT_TOKEN")
			}
			value := env[name]
			if value == "" {
				value = "value"
			}
			if strings.HasSuffix(name, "_FILE") {
				delete(env, strings.TrimSuffix(name, "_FILE"))
			}
			env[name] = spoil(value)
			lines := name == "OKTA_CLIENT_PRIVATEKEY" // a text of lines has an end of its last one
			if lines && (strings.Contains(what, "blank") || strings.Contains(what, "line break")) {
				continue
			}
			code, said := w.run(env)
			require.Equal(t, 64, code, "%s %s: %s", name, what, said)
			require.Contains(t, said, "tokensweep: "+name+" "+what, "%s", said)
			require.Empty(t, w.org.Requests(), "%s %s", name, what)
		}
	}
}

// A file may have an end of its last line. What else is around the value in it is said, by the variable's name too.
func TestWhatIsAroundAValueInAFileIsSaid(t *testing.T) {
	w := newValuesWorld(t)
	for what, spoil := range around {
		env := w.environment(modeToken)
		delete(env, "OKTA_CLIENT_TOKEN")
		env["OKTA_CLIENT_TOKEN_FILE"] = "okta/token.txt"
		require.NoError(t, os.MkdirAll("okta", 0o700))
		w.write("okta/token.txt", spoil("00right"))
		env["TOKENSWEEP_POLICY"] = "policy.yaml"
		env["TOKENSWEEP_WEBHOOK_URL"], env["TOKENSWEEP_WEBHOOK_SECRET"] = "", ""
		code, said := w.run(env)
		switch {
		case what == "is blank":
			require.Contains(t, said, `the file "okta/token.txt" that OKTA_CLIENT_TOKEN_FILE names is empty`)
		case strings.Contains(what, "blank"), strings.Contains(what, "line break"):
			require.Zero(t, code, said)
			continue
		default:
			require.Contains(t, said, `the file "okta/token.txt" that OKTA_CLIENT_TOKEN_FILE names `+what)
		}
		require.Equal(t, 64, code, said)
	}
}

// A credential that can't be used names its variable, or the file in which it was given; only a variable can hold the
// name of a file by mistake.
func TestABadCredentialNamesItsVariable(t *testing.T) {
	w := newValuesWorld(t)
	base64d := base64.StdEncoding.EncodeToString([]byte(testKey))
	const isBase64 = "it is the base64 of a key: decode it, as with base64 -d"
	const noKey = "the private key of the service app can't be used: it is neither PEM"
	for _, c := range []struct{ mode, name, value, says string }{
		{modeToken, "OKTA_CLIENT_TOKEN", "00ri ght", "the API token holds a space"},
		{modeToken, "OKTA_CLIENT_TOKEN", "SSWS 00right", "begins with SSWS, which is not a part of it: leave that out"},
		{modeApp, "OKTA_CLIENT_PRIVATEKEY", base64d, isBase64},
		{modeApp, "OKTA_CLIENT_PRIVATEKEY", base64d[:76] + "\n" + base64d[76:], isBase64},
		{modeApp, "OKTA_CLIENT_PRIVATEKEY", "keys/key.pem", noKey},
		{modeApp, "OKTA_CLIENT_CLIENTID", "my app", "the client id of the service app is none"},
		{modeToken, "SLACK_BOT_TOKEN", "xoxb-1\nx", "holds a space, a line break"},
		{modeToken, "SLACK_BOT_TOKEN", "https://hooks.slack.com/services/T1/B1/x", "into SLACK_WEBHOOK_URL"},
	} {
		env := w.environment(c.mode)
		env[c.name] = c.value
		code, said := w.run(env)
		require.Equal(t, 64, code, said)
		require.Contains(t, said, "tokensweep: "+c.name)
		require.Contains(t, said, c.says)
		require.Equal(t, c.value == "keys/key.pem", strings.Contains(said, "the name of a file"), said)
		require.NotContains(t, said, c.value)
		if v, _ := variable(c.name); !v.Secret {
			continue
		}
		w.write("given", c.value)
		delete(env, c.name)
		env[c.name+"_FILE"] = "given"
		code, said = w.run(env)
		require.Equal(t, 64, code, said)
		require.Contains(t, said, "tokensweep: the file that "+c.name+"_FILE names")
		require.Contains(t, said, c.says)
		require.NotContains(t, said, "the name of a file")
	}
	require.Empty(t, w.org.Requests())
	env := w.environment(modeApp)
	env["OKTA_CLIENT_PRIVATEKEY"] = "\n" + strings.ReplaceAll(testKey, "\n", "\r\n") + "\n "
	_, said := w.run(env)
	require.Contains(t, said, "logging in as the service app", "a key in a text of lines is read")
}

// A file that isn't there is named, unless its name may be the secret itself.
func TestAMissingFileIsNamedIfItCanBeNoSecret(t *testing.T) {
	w := newValuesWorld(t)
	ask := func(name, file string) string {
		env := w.environment(modeToken)
		delete(env, strings.TrimSuffix(name, "_FILE"))
		env[name] = file
		code, said := w.run(env)
		require.Equal(t, 64, code, said)
		require.Contains(t, said, "that "+name+" names: no such file")
		return said
	}
	for _, file := range []string{"/run/secrets/okta/token", "token.txt", "./okta-token",
		"/var/run/secrets/..data/token", "../keys/key2.pem", "/home/anna/Okta_Token", "secrets/okta"} {
		for _, name := range []string{"OKTA_CLIENT_TOKEN_FILE", "SSL_CERT_FILE", "TOKENSWEEP_WEBHOOK_SECRET_FILE"} {
			require.Contains(t, ask(name, file), `reading the file "`+file+`" that `)
		}
	}
	for what, secret := range misplaced {
		require.NotContains(t, strings.ToLower(ask("OKTA_CLIENT_TOKEN_FILE", secret)), "canary", what)
	}
	for _, secret := range []string{"hunter2", "correct-horse", "q0w9e8r7/t6y5u4i3", "/9j/4AAQSkZJRgABAQ",
		"a1b2c3d4.e5f6", "aGVsbG8gd29ybGQ/Zm9vYmFy+x"} {
		require.NotContains(t, ask("TOKENSWEEP_WEBHOOK_SECRET_FILE", secret), secret)
	}
}

// A file or a folder of certificates that crypto/x509 would do without in silence is said by its variable.
func TestCertificatesThatNobodyReadsAreSaid(t *testing.T) {
	w := newValuesWorld(t)
	w.write("ca.pem", "no certificate")
	for name, says := range map[string]string{
		"SSL_CERT_FILE": "the file that SSL_CERT_FILE names holds no certificate",
		"SSL_CERT_DIR":  `reading the file "ca.pem" that SSL_CERT_DIR names: not a directory`,
	} {
		env := w.environment(modeToken)
		env[name] = "ca.pem"
		code, said := w.run(env)
		require.Equal(t, 64, code, said)
		require.Contains(t, said, says)
	}
	require.Empty(t, w.org.Requests())
}

// A directory that the variable names is not blamed on the flag.
func TestAMissingStateIsBlamedOnWhatNamesIt(t *testing.T) {
	w := newValuesWorld(t)
	for _, args := range [][]string{{"explain", "00T1f3w86v9h8o1VZ1d7"}, {"resume"}} {
		for _, c := range []struct {
			variable string
			flags    []string
			says     string
		}{
			{"elsewhere", nil, "correct TOKENSWEEP_STATE, which names it, or unset it"},
			{"elsewhere", []string{"--state", "nowhere"}, "correct --state, or leave it out"},
			{"", []string{"--state", "nowhere"}, "correct --state, or leave it out"},
		} {
			env := w.environment(modeToken)
			env["TOKENSWEEP_STATE"], env["TOKENSWEEP_POLICY"] = c.variable, "policy.yaml"
			code, said := w.command(env, append(args, c.flags...)...)
			require.NotZero(t, code)
			require.Contains(t, said, c.says)
			if c.flags == nil {
				require.NotContains(t, said, "--state")
			}
		}
	}
}
