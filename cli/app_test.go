package cli_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// appRun runs the program as a service app, with the key in the environment as variables have it, and searches all that
// it writes for the key, the access tokens, the assertions and the proofs.
func appRun(t *testing.T, address string, org *oktatest.Server, key, dir string, args ...string) (stdout, stderr string,
	code int) {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command("tokensweep", append(args, "--state", filepath.Join(dir, "state"), "--log-level", "debug",
		"--log-format", "json")...)
	p.cmd.Env = []string{
		"OKTA_CLIENT_ORGURL=" + address, "OKTA_CLIENT_AUTHORIZATIONMODE=PrivateKey", "OKTA_CLIENT_CLIENTID=" + clientID,
		"OKTA_CLIENT_PRIVATEKEY=" + strings.ReplaceAll(key, "\n", `\n`),
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.err = p.cmd.Run()
	close(p.done)
	secrets := append(pieces(key), canary)
	for _, r := range org.Requests() {
		form, err := url.ParseQuery(string(r.Body))
		require.NoError(t, err)
		for _, jwt := range []string{form.Get("client_assertion"), r.Header.Get("DPoP")} {
			if jwt != "" {
				secrets = append(secrets, jwt[len(jwt)-40:])
			}
		}
	}
	for _, token := range org.AccessTokens() {
		secrets = append(secrets, token[len(token)-40:])
	}
	written := map[string]string{"standard output": p.stdout.String(), "standard error": p.stderr.String()}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var raw []byte
			raw, err = os.ReadFile(path)
			written[path] = string(raw)
		}
		return err
	}))
	for where, text := range written {
		if shows(text, secrets) {
			t.Fatalf("%s shows a secret", where) // require would show it again
		}
	}
	return p.stdout.String(), p.stderr.String(), p.code()
}

func TestTheWholeJobAsAServiceAppWhateverComesBetweenAndNoSecretIsShown(t *testing.T) {
	for kind, forms := range map[string][]string{"RSA": {"text", "json"}, "EC": {"csv"}, "JWK": {"markdown"}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // most of the time they wait before they try again
			w := newKillWorld(t)
			key, public := newKey(kind)
			grant := func(scopes ...string) {
				w.org.SetApp(oktatest.App{ClientID: clientID, DPoP: true,
					Keys: []oktatest.AppKey{{ID: "one", Public: public}}, Scopes: scopes})
			}
			between := func() {
				// The access token ends and the nonces change, the API is over its limit once, and an answer is lost.
				w.org.ClearFaults()
				w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1,
					Then: func() { w.org.EndAccessTokens(); w.org.ChangeNonce() }})
				w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Times: 1, Status: http.StatusTooManyRequests})
				w.org.Fault(oktatest.Fault{Path: "/oauth2/v1/token", Skip: 2, Times: 1,
					Status: http.StatusTooManyRequests})
				w.org.Fault(oktatest.Fault{Path: "/oauth2/v1/token", Skip: 1, Times: 1, HangupAfter: true})
			}
			dir := t.TempDir()
			grant("okta.apiTokens.read", "okta.users.read", "okta.roles.read")
			for _, form := range forms {
				between()
				out, errs, code := appRun(t, w.org.URL(), w.org, key, dir, "run", "--policy", w.policy, "--output",
					form, "--output-file", filepath.Join(dir, form))
				require.Zero(t, code, "%s%s", out, errs)
			}
			grant("okta.apiTokens.manage", "okta.networkZones.read", "okta.users.read", "okta.roles.read")
			between()
			out, errs, code := appRun(t, w.org.URL(), w.org, key, dir, "run", "--enforce", "--policy", w.policy)
			require.Zero(t, code, "%s%s", out, errs)
			require.Contains(t, out, "Changed: 1 revoked, 1 quarantined, 0 failed.")
			statuses := make(map[int]bool)
			for _, r := range w.org.Requests() {
				statuses[r.Status] = true
			}
			for _, status := range []int{0, 200, 204, 400, 401, 429} {
				require.True(t, statuses[status], "%d came between", status)
			}

			w.org.ClearFaults()
			_, _, code = appRun(t, w.org.URL(), w.org, key, dir, "doctor", "--enforce", "--policy", w.policy)
			require.Zero(t, code)
			w.org.RemoveApp(clientID)
			out, errs, code = appRun(t, w.org.URL(), w.org, key, dir, "run", "--policy", w.policy)
			require.Equal(t, 25, code, "%s%s", out, errs)
			require.Contains(t, out, "401 Unauthorized, invalid_client")
			_, _, code = appRun(t, w.org.URL(), w.org, key, dir, "doctor", "--policy", w.policy)
			require.Equal(t, 25, code)
		})
	}
}

func TestAServerThatRepeatsWhatItIsSentMakesNoCommandShowIt(t *testing.T) {
	key, public := newKey("EC")
	for _, path := range []string{"/api/v1/api-tokens", "/oauth2/v1/token"} {
		org := oktatest.Start(oktatest.Config{OAuth: oktatest.OAuth{TokenPrefix: canary, Apps: []oktatest.App{{
			ClientID: clientID, DPoP: true, Keys: []oktatest.AppKey{{ID: "one", Public: public}},
			Scopes: []string{"okta.apiTokens.read"},
		}}}})
		defer org.Close()
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				org.Handler().ServeHTTP(w, r)
				return
			}
			body, _ := io.ReadAll(r.Body) // what could be read is repeated
			said := fmt.Sprintf("%s %s %s", r.Header.Get("Authorization"), r.Header.Get("DPoP"), body)
			w.Header().Set("X-Okta-Request-Id", said)
			w.Header().Set("WWW-Authenticate", `DPoP error="`+said+`", error_description="`+said+`"`)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, oktatest.ErrorBody("E0000006", said, said))
		}))
		defer front.Close()
		policy := policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]")
		for _, form := range []string{"text", "json", "csv", "markdown"} {
			out, errs, code := appRun(t, front.URL, org, key, t.TempDir(), "run", "--policy", policy, "--output", form)
			require.Equal(t, 25, code, "%s%s", out, errs)
			require.Contains(t, out+errs, "[redacted]")
		}
		_, _, code := appRun(t, front.URL, org, key, t.TempDir(), "doctor", "--policy", policy)
		require.Equal(t, 25, code)
	}
}
