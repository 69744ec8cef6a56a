package oktatest_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"tokensweep/okta/oktatest"
)

// recordedHost is the org's URL in the recordings.
const recordedHost = "https://acme.okta.com"

// answered is an answer with what differs from org to org made equal.
type answered struct {
	status int
	header http.Header
	body   string
}

var randomIDs = regexp.MustCompile(`"oae[0-9A-Za-z_-]{22}"|"ra1[0-9A-Za-z]{17}"|"IFIFAX2BIRGUSTQ"`)

func neutral(s, host string) string {
	return randomIDs.ReplaceAllString(strings.ReplaceAll(s, host, recordedHost), `"random"`)
}

func read(t *testing.T, res *http.Response, host string) answered {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	for i, line := range res.Header["Link"] {
		res.Header["Link"][i] = neutral(line, host)
	}
	return answered{res.StatusCode, res.Header, neutral(string(body), host)}
}

func recorded(t *testing.T, name string) answered {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", name))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	res, err := http.ReadResponse(bufio.NewReader(f), nil)
	require.NoError(t, err)
	return read(t, res, recordedHost)
}

// ask sends a request with the credential "secret".
func ask(t *testing.T, s *oktatest.Server, method, target, body string) answered {
	t.Helper()
	res, err := send(t, s, method, target, body)
	require.NoError(t, err)
	return read(t, res, s.URL())
}

func send(t *testing.T, s *oktatest.Server, method, target, body string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+target, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "SSWS secret")
	return http.DefaultClient.Do(req)
}

func start(t *testing.T, cfg oktatest.Config) *oktatest.Server {
	t.Helper()
	cfg.Credential = "secret"
	s := oktatest.Start(cfg)
	t.Cleanup(s.Close)
	return s
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// clockOf stands still at the date of an answer.
func clockOf(t *testing.T, a answered) func() time.Time {
	t.Helper()
	date, err := http.ParseTime(a.header.Get("Date"))
	require.NoError(t, err)
	return func() time.Time { return date }
}

// sameAs holds an answer to the recorded one: status, body, and every header that is recorded, with the
// same value where it is not bound to the moment.
func sameAs(t *testing.T, want, got answered) {
	t.Helper()
	require.Equal(t, want.status, got.status)
	if want.body == "" {
		require.Empty(t, got.body)
	} else {
		require.JSONEq(t, want.body, got.body)
		require.Equal(t, order(want.body), order(got.body), "keys come in the recorded order")
	}
	for name, values := range want.header {
		require.Contains(t, got.header, name)
		switch name {
		case "Date", "Content-Type", "Cache-Control":
			require.Equal(t, values, got.header[name], name)
		case "X-Okta-Request-Id":
			require.Regexp(t, `^[0-9a-f]{32}$`, values[0])
			require.Regexp(t, `^[0-9a-f]{32}$`, got.header[name][0])
		case "Etag":
			require.Regexp(t, `^W/"[0-9a-f]{64}"$`, values[0])
			require.Regexp(t, `^W/"[0-9a-f]{64}"$`, got.header[name][0])
		}
	}
}

// order is the keys of a JSON text in the order of the text, up to _links, which is a set.
func order(body string) []string {
	body, _, _ = strings.Cut(body, `"_links"`)
	return regexp.MustCompile(`"\w+":`).FindAllString(body, -1)
}

// recordedTokens are the tokens of list-api-tokens.http.
func recordedTokens() []oktatest.Token {
	return []oktatest.Token{
		{ID: "00T1f3w86v9h8o1VZ1d7", Name: "terraform", UserID: "00uq3v4l71WsFPInE1d7",
			Created: at("2025-09-16T05:34:42Z")},
		{ID: "00T1fgddrrL0btPWo1d7", Name: "ci-runner", UserID: "00ule6lkthEwcYeFf1d7",
			Created: at("2025-09-25T08:14:13Z"), LastUsed: at("2025-09-29T07:14:41Z")},
		{ID: "00T1f314nqiabS6Xc1d7", Name: "reporting", UserID: "00ule6luybqelXTRp1d7",
			Created: at("2025-09-15T11:29:08Z"), LastUsed: at("2025-09-23T09:55:22Z")},
		{ID: "00T18g1a8zqneolDb1d7", Name: "scim-sync", UserID: "00uk71r2v7VpYogMi1d7",
			Created: at("2025-02-06T15:22:26Z"), LastUsed: at("2025-09-26T07:39:35Z")},
	}
}

// zoned is the token of get-api-token-in-zone.http: never used, edited once.
func zoned() oktatest.Token {
	return oktatest.Token{
		ID: "00T1gtr35t8ZbfBfV1d7", Name: "api-token-test-token", UserID: "00unkw1sfbTw08c0g1d7",
		Created: at("2025-11-02T14:47:13Z"), LastUpdated: at("2025-11-06T08:22:21Z"),
		Network: oktatest.Network{Connection: "ZONE", Exclude: []string{"nzonkw1sfwwiH9Hxt1d7"}},
	}
}

const limited = 300

func TestAnswersAreTheRecordedOnes(t *testing.T) {
	for _, c := range []struct {
		file, method, target, body string
		org                        oktatest.Config
	}{
		{file: "get-api-token.http", target: "/api/v1/api-tokens/00T1f3w86v9h8o1VZ1d7",
			org: oktatest.Config{Tokens: recordedTokens(), OwnToken: "00T1fgddrrL0btPWo1d7"}},
		{file: "get-api-token-unknown-id.http", target: "/api/v1/api-tokens/00Tinvalid1234567890"},
		{file: "get-api-token-unknown-id.http", method: "DELETE", target: "/api/v1/api-tokens/00Tinvalid1234567890"},
		{file: "get-api-token-in-zone.http", target: "/api/v1/api-tokens/00T1gtr35t8ZbfBfV1d7",
			org: oktatest.Config{Tokens: []oktatest.Token{zoned()}}},
		{file: "put-api-token-network.http", method: "PUT", target: "/api/v1/api-tokens/00T1gtr35t8ZbfBfV1d7",
			body: `{"name":"api-token-test-token","clientName":"Okta API","userId":"00unkw1sfbTw08c0g1d7",` +
				`"created":"2025-11-02T14:47:13Z","network":{"connection":"ANYWHERE"}}`,
			org: oktatest.Config{Tokens: []oktatest.Token{zoned()}}},
		{file: "delete-api-token.http", method: "DELETE", target: "/api/v1/api-tokens/00T1gtr35t8ZbfBfV1d7",
			org: oktatest.Config{Tokens: []oktatest.Token{zoned()}}},
		{file: "bad-cursor.http", target: "/api/v1/api-tokens?after=unknown&limit=1",
			org: oktatest.Config{PageSize: 200}},
		{file: "get-user.http", target: "/api/v1/users/00ukwqslr2M51MyjG1d7",
			org: oktatest.Config{Users: []oktatest.User{{
				ID: "00ukwqslr2M51MyjG1d7", Login: "testAcc-436654283@example.com", FirstName: "TestAcc",
				LastName: "Smith", Status: "PROVISIONED", Created: at("2025-03-13T23:26:17Z")}}}},
		{file: "get-user-roles.http", target: "/api/v1/users/00ukwqslr2M51MyjG1d7/roles",
			org: oktatest.Config{Users: []oktatest.User{{
				ID: "00ukwqslr2M51MyjG1d7", Login: "a@example.com", Created: at("2025-03-13T23:26:18Z"),
				Roles: []string{"APP_ADMIN", "SUPER_ADMIN"}}}}},
	} {
		t.Run(c.method+c.file, func(t *testing.T) {
			want := recorded(t, c.file)
			c.org.Now = clockOf(t, want)
			c.org.RateLimit = oktatest.RateLimit{Limit: limited}
			s := start(t, c.org)
			sameAs(t, want, ask(t, s, c.method, c.target, c.body))
		})
	}
}

// The names in the recording were changed afterwards, so its order is not that of its names: the tokens
// are compared one by one.
func TestListIsTheRecordedOne(t *testing.T) {
	want := recorded(t, "list-api-tokens.http")
	s := start(t, oktatest.Config{
		Tokens: recordedTokens(), OwnToken: "00T1fgddrrL0btPWo1d7", Now: clockOf(t, want),
		RateLimit: oktatest.RateLimit{Limit: limited},
	})
	byID := func(body string) map[string]json.RawMessage {
		var list []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(body), &list))
		m := map[string]json.RawMessage{}
		for _, item := range list {
			var id struct{ ID string }
			require.NoError(t, json.Unmarshal(item, &id))
			m[id.ID] = item
		}
		require.Len(t, m, len(list))
		return m
	}
	for _, target := range []string{
		"/api/v1/api-tokens?limit=2", "/api/v1/api-tokens", "/api/v1/api-tokens/", "/api/v1/api-tokens?q=nothing",
		"/api/v1/api-tokens?limit=0&after=unknown",
	} {
		got := ask(t, s, "GET", target, "")
		require.Equal(t, byID(want.body), byID(got.body), target)
		require.NotContains(t, got.header, "Link", target)
		want, got := want, got
		want.body, got.body = "", ""
		sameAs(t, want, got)
	}
}

func TestRateLimitedIsTheRecordedOne(t *testing.T) {
	want := recorded(t, "rate-limited.http")
	now := clockOf(t, want)().Add(-12 * time.Second) // the recorded reset is 48 s ahead
	s := start(t, oktatest.Config{
		Now:       func() time.Time { return now },
		RateLimit: oktatest.RateLimit{Limit: 10, Window: time.Minute},
	})
	for range 10 {
		require.Equal(t, 200, ask(t, s, "GET", "/api/v1/api-tokens", "").status)
	}
	now = now.Add(12 * time.Second)
	got := ask(t, s, "GET", "/api/v1/api-tokens", "")
	sameAs(t, want, got)
	for _, name := range []string{"X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"} {
		require.Equal(t, want.header[name], got.header[name], name)
	}
	require.NotContains(t, got.header, "Retry-After")
}

// The recorded 401 is that of a session call. A bad SSWS token is documented to have another code.
func TestUnauthorized(t *testing.T) {
	want := recorded(t, "unauthorized.http")
	s := start(t, oktatest.Config{Now: clockOf(t, want), RateLimit: oktatest.RateLimit{Limit: limited}})

	s.Fault(oktatest.Fault{Status: 401, Times: 1, Body: oktatest.ErrorBody("E0000004", "Authentication failed")})
	sameAs(t, want, ask(t, s, "GET", "/api/v1/api-tokens", ""))

	want.body = strings.NewReplacer("E0000004", "E0000011", "Authentication failed", "Invalid token provided").Replace(
		want.body)
	for _, auth := range [][]string{nil, {"SSWS other"}, {"secret"}, {"Bearer secret"},
		{"SSWS secret", "SSWS secret"}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/v1/users/me", nil)
		require.NoError(t, err)
		req.Header["Authorization"] = auth
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		sameAs(t, want, read(t, res, s.URL()))
	}
}

func TestLinksAreTheRecordedOnes(t *testing.T) {
	apps := func(lines []string) []string {
		after := regexp.MustCompile(`after=[0-9A-Za-z_-]+`)
		var out []string
		for _, line := range lines {
			out = append(out, after.ReplaceAllString(strings.ReplaceAll(line, "/apps", "/api-tokens"), "after=cursor"))
		}
		return out
	}
	want := recorded(t, "page-with-next.http")
	s := start(t, oktatest.Config{Tokens: recordedTokens(), PageSize: 200,
		Now: clockOf(t, recorded(t, "get-api-token.http"))})
	got := ask(t, s, "GET", "/api/v1/api-tokens?limit=2", "")
	require.Len(t, want.header["Link"], 2, "two lines, self before next")
	require.Equal(t, apps(want.header["Link"]), apps(got.header["Link"]))

	want = recorded(t, "last-page-empty.http")
	s = start(t, oktatest.Config{PageSize: 200, Now: clockOf(t, want), RateLimit: oktatest.RateLimit{Limit: limited}})
	got = ask(t, s, "GET", "/api/v1/api-tokens?limit=1&q=PaginationTestAppOnly", "")
	sameAs(t, want, got)
	require.Equal(t, apps(want.header["Link"]), apps(got.header["Link"]))
}

func TestHandlerElsewhere(t *testing.T) {
	s := oktatest.New(oktatest.Config{Credential: "secret", Tokens: []oktatest.Token{{ID: oktatest.TokenID(0)}}})
	defer s.Close()
	front := httptest.NewTLSServer(s.Handler())
	defer front.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/api/v1/api-tokens", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "SSWS secret")
	res, err := front.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `"href":"`+front.URL+"/api/v1/api-tokens/"+oktatest.TokenID(0)+`"`)
}
