package okta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/okta/oktatest"
)

func TestASecretPrintsInNoForm(t *testing.T) {
	s := NewSecret(canary)
	c := dial(t, Options{OrgURL: "https://acme.okta.com"})
	type nested struct {
		S Secret
		P *Secret
		M map[string]Secret
	}
	var out strings.Builder
	for _, v := range []any{s, &s, nested{s, &s, map[string]Secret{"k": s}}, []Secret{s}, c, *c, c.Reader, c.conn,
		Options{Token: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			_, _ = fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	j, err := json.Marshal(nested{S: s})
	require.NoError(t, err)
	y, err := yaml.Marshal(nested{S: s})
	require.NoError(t, err)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "n", nested{S: s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "n", nested{S: s})
	out.Write(j)
	out.Write(y)
	require.NotContains(t, out.String(), canary)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", canary))
	require.Contains(t, out.String(), redacted)
	require.True(t, Secret{}.IsZero())
	require.Empty(t, Secret{}.Reveal())
}

func TestASecretThatTheServerRepeatsIsRemovedFromErrors(t *testing.T) {
	other := "00QCjAl4MlV-WPXM_AbCdEfGhIjKlMnOp0HmjFx-vb"
	org := oktatest.Start(oktatest.Config{Credential: canary})
	c := connect(t, org)
	said := `{"errorCode":"E0000011","errorSummary":"token ` + canary + ` and ` + other +
		` are \u001b[31mbad\n","errorCauses":[{"errorSummary":"` + canary + `"}]}`
	org.Fault(oktatest.Fault{Status: 401, Body: said, Header: http.Header{"X-Okta-Request-Id": {canary}}})
	_, err := c.Me(t.Context())
	require.ErrorIs(t, err, ErrUnauthorized)
	require.NotContains(t, err.Error(), canary)
	require.NotContains(t, err.Error(), other)
	require.Contains(t, err.Error(), `token [redacted] and [redacted] are \x1b[31mbad\n`)
	require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), canary)
}

// sink is a second server: whatever reaches it is kept.
func sink(t *testing.T) (url string, received func() string) {
	t.Helper()
	var mu sync.Mutex
	var got bytes.Buffer
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.Write(&got)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return got.String()
	}
}

func TestNothingReachesAServerThatALinkNames(t *testing.T) {
	url, received := sink(t)
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(30, time.Now()), PageSize: 10})
	c := connect(t, org)
	org.Fault(oktatest.Fault{RewriteLink: func(link string) string { return strings.Replace(link, org.URL(), url, 1) }})
	tokens, err := collect(c.List(t.Context(), ListOptions{}))
	require.NoError(t, err)
	require.Len(t, tokens, 30, "the pages are asked of the org itself")
	require.Empty(t, received())
}

func TestNothingReachesAServerThatARedirectNames(t *testing.T) {
	url, received := sink(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		org := oktatest.Start(oktatest.Config{Credential: canary})
		c := connect(t, org)
		org.Fault(oktatest.Fault{Status: status,
			Header: http.Header{"Location": {url + "/api/v1/api-tokens?t=" + canary}}})
		id := oktatest.TokenID(1)
		_, listed := collect(c.List(t.Context(), ListOptions{}))
		_, read := c.Token(t.Context(), id)
		_, put := c.SetNetwork(t.Context(), Token{ID: id, Name: Some("x")}, Condition{Connection: "ANYWHERE"})
		for _, err := range []error{listed, read, put, c.Revoke(t.Context(), id), c.RevokeCurrent(t.Context())} {
			require.ErrorContains(t, err, fmt.Sprintf("%d %s, it redirects to %s, and redirects are not followed",
				status, http.StatusText(status), url))
			require.NotContains(t, err.Error(), canary)
		}
		require.Len(t, org.Requests(), 5)
	}
	require.Empty(t, received())
}

func TestOrgURLs(t *testing.T) {
	for in, want := range map[string]string{
		"https://acme.okta.com":            "https://acme.okta.com",
		"https://ACME.okta.com/":           "https://acme.okta.com",
		"https://acme.okta.com:443":        "https://acme.okta.com",
		"https://id.acme.example:8443//":   "https://id.acme.example:8443",
		"https://acme.oktapreview.com.":    "https://acme.oktapreview.com",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
		"http://[::1]:8080":                "http://[::1]:8080",
		"https://[2001:db8::1]":            "https://[2001:db8::1]",
		"http://localhost":                 "http://localhost",
		"https://admin-acme.okta.com":      "https://admin-acme.okta.com",
		"https://acme.okta-emea.com":       "https://acme.okta-emea.com",
		"HTTPS://acme.okta.com":            "https://acme.okta.com",
		"https://xn--bcher-kva.example":    "https://xn--bcher-kva.example",
		"https://acme.okta.com.eu.example": "https://acme.okta.com.eu.example",
		"https://login-admin.acme.example": "https://login-admin.acme.example",
		"https://acme-admin.example":       "https://acme-admin.example",
		"https://acme-admin.okta.com.de":   "https://acme-admin.okta.com.de",
		"https://acme.okta-gov.com":        "https://acme.okta-gov.com",
		"https://acme.okta.mil":            "https://acme.okta.mil",
		"https://acme.trex-govcloud.com":   "https://acme.trex-govcloud.com",
	} {
		got, err := ParseOrgURL(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String())
	}
	for in, want := range map[string]string{
		"":                                     "it is empty",
		"acme.okta.com":                        "it lacks the scheme https://",
		"https://":                             "it lacks the scheme https://",
		"http://acme.okta.com":                 "the scheme must be https",
		"http://127.0.0.1.evil.example":        "the scheme must be https",
		"ftp://acme.okta.com":                  "the scheme must be https",
		"https://acme-admin.okta.com":          "leave out -admin",
		"https://acme-admin.oktapreview.com":   "leave out -admin",
		"https://acme-admin.okta-emea.com":     "leave out -admin",
		"https://acme-admin.okta-gov.com":      "leave out -admin",
		"https://acme-admin.okta.mil":          "leave out -admin",
		"https://ACME-admin.trex-govcloud.com": "leave out -admin",
		"https://{yourOktaDomain}":             "it still holds a placeholder",
		"https://${ORG}.okta.com":              "it still holds a placeholder",
		"https://acme.okta.com.com":            "it ends in .com.com",
		"https://acme.okta.com/api/v1":         "leave out all that follows the host",
		"https://acme.okta.com?x":              "leave out all that follows the host",
		"https://acme.okta.com#x":              "leave out all that follows the host",
		"https://acme.okta.com?":               "leave out all that follows the host",
		"https://acme_inc!":                    "its host is no host name",
		"https://bücher.example":               "its host is no host name",
		"https:acme.okta.com":                  "it lacks the scheme https://",
		"https://user:pw@acme.okta.com":        "it must not hold a user name or password",
		"https://acme.okta.com:port":           "it is no URL",
		canary:                                 "it lacks the scheme https://",
		"https://acme.okta.com:" + canary:      "it is no URL",
		"https://acme.okta.com/\nx":            "it is no URL",
		"https://evil.example\\@acme.okta":     "it is no URL",
	} {
		_, err := ParseOrgURL(in)
		require.ErrorContains(t, err, want, in)
		require.NotContains(t, err.Error(), canary)
	}
}

func TestWhatAClientIsNotMadeOf(t *testing.T) {
	good := Options{OrgURL: "https://acme.okta.com", Token: NewSecret(canary)}
	for want, spoil := range map[string]func(*Options){
		"the API token is empty":      func(o *Options) { o.Token = Secret{} },
		"begins with SSWS":            func(o *Options) { o.Token = NewSecret("SSWS " + canary) },
		"the API token holds a space": func(o *Options) { o.Token = NewSecret(canary + "\n") },
		"bad org URL":                 func(o *Options) { o.OrgURL = "http://acme.okta.com" },
		"bad rate share 1.5: want more than 0 and at most 1": func(o *Options) { o.RateShare = 1.5 },
		"bad rate share -1": func(o *Options) { o.RateShare = -1 },
	} {
		o := good
		spoil(&o)
		_, err := New(o)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), canary)
	}
}

var badIDs = []string{
	"", "current", "me", ".", "..", "../users/00uabcdefghijklmnopq", "%2e%2e/users", "00Tabc",
	"00Tabcdefghijklmnopqr\n", "\n00Tabcdefghijklmnopqr",
	"00Tabcdefghijklmnopqrs", "00uabcdefghijklmnopqr", "00tabcdefghijklmnopqr", "00Tabcdefghijklmnop/r",
	"00Tabcdefghijklmnop?r", "00Tabcdefghijklmnopéé",
}

func TestOddIDsNeverReachTheWire(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary})
	c := connect(t, org)
	for _, id := range badIDs {
		_, read := c.Token(t.Context(), id)
		_, put := c.SetNetwork(t.Context(), Token{ID: id}, Condition{})
		for _, err := range []error{read, put, c.Revoke(t.Context(), id)} {
			require.ErrorIs(t, err, ErrBadID, "%q", id)
		}
	}
	for _, id := range append(badIDs, oktatest.TokenID(1)) {
		if id == "00uabcdefghijklmnopqr" {
			continue
		}
		_, user := c.User(t.Context(), id)
		_, roles := c.Roles(t.Context(), id)
		require.ErrorIs(t, user, ErrBadID, "%q", id)
		require.ErrorIs(t, roles, ErrBadID, "%q", id)
	}
	require.Empty(t, org.Requests())
}

// FuzzIDs looks for an id that is let through and isn't one.
func FuzzIDs(f *testing.F) {
	for _, id := range badIDs {
		f.Add(id)
	}
	f.Add("00Tabcdefghijklmnopq")
	f.Fuzz(func(t *testing.T, id string) {
		if err := CheckTokenID(id); err != nil {
			require.ErrorIs(t, err, ErrBadID)
			return
		}
		require.Len(t, id, 20)
		require.NotContains(t, id, "/")
	})
}

func TestASecretThatAListingRepeatsIsRemovedFromErrors(t *testing.T) {
	for name, fault := range map[string]oktatest.Fault{
		"in a link":  {Link: []string{`</api/v1/users?after=` + canary + `>; rel="next"`}},
		"in a key":   {Body: `[{"` + canary + `":1,"` + canary + `":2}]`},
		"in an id":   {Body: `[{"id":"` + canary + canary + canary + canary + `"}]`},
		"in garbage": {Body: canary},
	} {
		org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(3, time.Now())})
		c := connect(t, org)
		org.Fault(fault)
		_, err := collect(c.List(t.Context(), ListOptions{}))
		require.ErrorIs(t, err, ErrIncomplete, name)
		require.NotContains(t, err.Error(), canary[:20], name)
	}
	require.NotContains(t, CheckTokenID(canary).Error(), canary[:5])
}
