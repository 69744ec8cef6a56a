package oktatest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"tokensweep/okta/oktatest"
)

// clock is a clock to be moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: at("2026-03-01T12:00:00Z")} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// wire is a token as a client sees it.
type wire struct {
	ID, Name, UserID, ClientName, TokenWindow string
	ExpiresAt, Created, LastUpdated           time.Time
}

func tokensOf(t *testing.T, a answered) (list []wire) {
	t.Helper()
	require.Equal(t, 200, a.status, a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &list))
	return list
}

func names(list []wire) (names []string) {
	for _, w := range list {
		names = append(names, w.Name)
	}
	return names
}

func named(names ...string) (list []oktatest.Token) {
	for i, name := range names {
		list = append(list, oktatest.Token{ID: oktatest.TokenID(i), Name: name})
	}
	return list
}

func TestOrderIsByNameWithoutCase(t *testing.T) {
	s := start(t, oktatest.Config{Tokens: named("b", "A", "D", "C", "e")})
	got := names(tokensOf(t, ask(t, s, "GET", tokensPath, "")))
	require.Equal(t, []string{"A", "b", "C", "D", "e"}, got)
	s.Add(oktatest.Token{ID: "00Tx", Name: "bb"})
	require.True(t, s.Update(oktatest.TokenID(3), func(tok *oktatest.Token) { tok.Name = "0"; tok.ID = "ignored" }))
	got = names(tokensOf(t, ask(t, s, "GET", tokensPath, "")))
	require.Equal(t, []string{"0", "A", "b", "bb", "D", "e"}, got)
	var local []string
	for _, tok := range s.Tokens() {
		local = append(local, tok.Name)
	}
	require.Equal(t, got, local)
}

// Of two tokens with one id the later counts, whether few or many are added.
func TestAddReplaces(t *testing.T) {
	for _, n := range []int{10, 1000} {
		tokens := append(oktatest.Many(n, time.Now()), oktatest.Token{ID: oktatest.TokenID(3), Name: "later"})
		s := start(t, oktatest.Config{Tokens: tokens})
		for range 2 {
			require.Len(t, s.Tokens(), n)
			got, ok := s.Token(oktatest.TokenID(3))
			require.True(t, ok)
			require.Equal(t, "later", got.Name)
			s.Add(tokens...)
		}
	}
}

func TestDeletingWhilePaging(t *testing.T) {
	s := start(t, oktatest.Config{PageSize: 2, Tokens: named("a", "b", "c", "d", "e", "f", "g")})
	one := ask(t, s, "GET", tokensPath, "")
	require.Equal(t, []string{"a", "b"}, names(tokensOf(t, one)))
	for _, i := range []int{0, 1, 2} { // what was seen, the very token that the cursor names, and what comes next
		require.Equal(t, 204, ask(t, s, "DELETE", tokensPath+"/"+oktatest.TokenID(i), "").status)
	}
	two := ask(t, s, "GET", next(t, one), "")
	require.Equal(t, []string{"d", "e"}, names(tokensOf(t, two)))
	s.Add(oktatest.Token{ID: "00Tnew1", Name: "aa"}, oktatest.Token{ID: "00Tnew2", Name: "h"})
	three := ask(t, s, "GET", next(t, two), "")
	require.Equal(t, []string{"f", "g"}, names(tokensOf(t, three)))
	four := ask(t, s, "GET", next(t, three), "")
	require.Equal(t, []string{"h"}, names(tokensOf(t, four)))
	require.Empty(t, next(t, four))

	for i := range 7 {
		s.Remove(oktatest.TokenID(i))
	}
	require.Equal(t, []string{"h"}, names(tokensOf(t, ask(t, s, "GET", next(t, two), ""))), "an old cursor stays good")
}

func TestPageSizeAndLimit(t *testing.T) {
	s := start(t, oktatest.Config{PageSize: 100, Tokens: oktatest.Many(150, time.Now())})
	for limit, want := range map[string]int{"": 20, "?limit=1": 1, "?limit=100": 100, "?limit=200": 100} {
		require.Len(t, tokensOf(t, ask(t, s, "GET", tokensPath+limit, "")), want, limit)
	}
	for _, limit := range []string{"0", "-1", "201", "x", ""} {
		got := ask(t, s, "GET", tokensPath+"?limit="+limit, "")
		require.Equal(t, 400, got.status)
		require.Contains(t, got.body, `"E0000001"`)
	}
	require.Len(t, tokensOf(t, ask(t, s, "GET", tokensPath+"/", "")), 150, "the whole list")
}

func TestCursorsOfOthersAreUnknown(t *testing.T) {
	s := start(t, oktatest.Config{PageSize: 1, Tokens: named("a", "b")})
	u, err := url.Parse(next(t, ask(t, s, "GET", tokensPath, "")))
	require.NoError(t, err)
	good := u.Query().Get("after")
	for _, bad := range []string{"x", "AAAA", "AAAAAA", oktatest.TokenID(0), good[1:], good + "AAAA", "%00",
		strings.ToUpper(good)} {
		got := ask(t, s, "GET", tokensPath+"?after="+bad, "")
		require.Equal(t, 400, got.status, bad)
		require.Contains(t, got.body, `"E0000029"`)
	}
}

func TestUseMovesTimesOnceAMinute(t *testing.T) {
	clock := newClock()
	id := oktatest.TokenID(0)
	s := start(t, oktatest.Config{Now: clock.Now, Me: oktatest.UserID(7), OwnToken: id, Tokens: []oktatest.Token{
		{ID: id, Name: "own", Created: clock.Now().AddDate(0, 0, -1)},
	}})
	used := clock.Now()
	for _, step := range []struct {
		wait  time.Duration
		moves bool
	}{{0, true}, {34 * time.Second, false}, {26 * time.Second, true}, {72 * time.Second, true}} {
		clock.Sleep(step.wait)
		if step.moves {
			used = clock.Now()
		}
		got := tokensOf(t, ask(t, s, "GET", tokensPath, ""))[0]
		require.Equal(t, used, got.LastUpdated)
		require.Equal(t, used.AddDate(0, 0, 30), got.ExpiresAt)
		require.Equal(t, oktatest.UserID(7), got.UserID, "the own token belongs to Me")
	}
	require.False(t, s.Use("00Tother"))

	require.Equal(t, 204, ask(t, s, "DELETE", tokensPath+"/current", "").status)
	require.Equal(t, 401, ask(t, s, "GET", tokensPath, "").status, "a revoked token is not accepted")
}

func TestExpiredTokensVanish(t *testing.T) {
	clock := newClock()
	s := start(t, oktatest.Config{Now: clock.Now, PageSize: 1, Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(0), Name: "a", Window: "PT5M"},
		{ID: oktatest.TokenID(1), Name: "b", Window: "P1W"},
		{ID: oktatest.TokenID(2), Name: "c", Window: "garbage"},
		{ID: oktatest.TokenID(3), Name: "d", Raw: json.RawMessage(`{"id":"odd"}`)},
		{ID: oktatest.TokenID(4), Name: "e", Window: "PT1H1M1S"},
	}})
	all := func() (list []string) {
		for at := tokensPath; at != ""; {
			a := ask(t, s, "GET", at, "")
			list = append(list, names(tokensOf(t, a))...)
			at = next(t, a)
		}
		return list
	}
	require.Equal(t, []string{"a", "b", "c", "", "e"}, all())
	clock.Sleep(5*time.Minute - time.Second)
	require.Len(t, all(), 5)
	clock.Sleep(time.Second)
	require.Equal(t, []string{"b", "c", "", "e"}, all())
	require.Equal(t, 404, ask(t, s, "GET", tokensPath+"/"+oktatest.TokenID(0), "").status)
	require.Equal(t, 404, ask(t, s, "DELETE", tokensPath+"/"+oktatest.TokenID(0), "").status)
	clock.Sleep(time.Hour)
	require.Equal(t, []string{"b", "c", ""}, all(), "no link to a page of expired ones")
	clock.Sleep(30 * 24 * time.Hour)
	require.Equal(t, []string{""}, all())
	require.Len(t, s.Tokens(), 1)
}

func TestPutIsChecked(t *testing.T) {
	s := start(t, oktatest.Config{Tokens: named("a")})
	path := tokensPath + "/" + oktatest.TokenID(0)
	for body, code := range map[string]string{
		`{`:  "E0000003",
		`{}`: "E0000001",
		`{"name":"a","network":{"include":["x"]}}`: "E0000001",
	} {
		got := ask(t, s, "PUT", path, body)
		require.Equal(t, 400, got.status)
		require.Contains(t, got.body, code)
	}
	require.Equal(t, 404, ask(t, s, "PUT", tokensPath+"/"+oktatest.TokenID(9), `{"name":"a"}`).status)
	require.Equal(t, 200, ask(t, s, "PUT", path, `{"name":"other","userId":"00uother"}`).status)
	got, _ := s.Token(oktatest.TokenID(0))
	require.Equal(t, "a", got.Name, "only the network can change")
	require.Empty(t, got.UserID)
}

func TestOddTokens(t *testing.T) {
	s := start(t, oktatest.Config{Tokens: []oktatest.Token{
		{ID: "1", Name: "tab\t\"é\"<&>\xff", UserID: "00u1", ClientName: "Agent",
			Omit: []string{"lastUpdated", "_links", "id"}},
		{ID: "2", Name: "z", Omit: []string{
			"id", "name", "clientName", "tokenWindow", "network", "expiresAt", "created", "lastUpdated", "_links"}},
	}})
	got := ask(t, s, "GET", tokensPath, "")
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.body), &list))
	require.Equal(t, "tab\t\"é\"<&>\uFFFD", list[0]["name"])
	require.Contains(t, got.body, "<&>")
	require.Equal(t, "Agent", list[0]["clientName"])
	for _, key := range []string{"id", "lastUpdated", "_links"} {
		require.NotContains(t, list[0], key)
	}
	require.Empty(t, list[1])
}

func TestPathsAndMethods(t *testing.T) {
	me := oktatest.UserID(0)
	s := start(t, oktatest.Config{Me: me, Tokens: named("a"), Zones: []oktatest.Zone{{ID: "nzo1", Name: "office"}}})
	for _, c := range []struct {
		method, target string
		status         int
		want           string
	}{
		{"GET", "/api/v1/users/me", 200, `"id":"` + me + `"`},
		{"GET", "/api/v1/users/me/roles", 200, `"type":"SUPER_ADMIN"`},
		{"GET", "/api/v1/zones/nzo1", 200, `"name":"office"`},
		{"GET", "/.well-known/okta-organization", 200, `"pipeline":"idx"`},
		{"GET", "/api/v1/users/00uno", 404, "Not found: Resource not found: 00uno (User)"},
		{"GET", "/api/v1/users/00uno/roles", 404, "E0000007"},
		{"GET", "/api/v1/zones/nzo2", 404, "E0000007"},
		{"GET", "/api/v1/api-tokens/current", 404, "E0000007"},
		{"GET", "/api/v1/api-tokens/a%2Fb", 404, "a/b (Token)"},
		{"GET", "/api/v1/api-tokens/a/b", 404, "E0000008"},
		{"GET", "/api/v1/api-tokens//", 404, "E0000008"},
		{"GET", "/api/v1/api-tokens/../users/me", 404, "E0000008"},
		{"GET", "//api/v1/api-tokens", 404, "E0000008"},
		{"GET", "/", 404, "E0000008"},
		{"POST", "/api/v1/api-tokens", 405, "E0000022"},
		{"DELETE", "/api/v1/api-tokens/", 405, "E0000022"},
		{"POST", "/api/v1/api-tokens/" + oktatest.TokenID(0), 405, "E0000022"},
		{"DELETE", "/api/v1/users/me", 405, "E0000022"},
		{"DELETE", "/api/v1/api-tokens/current", 404, "E0000007"},
	} {
		got := ask(t, s, c.method, c.target, "")
		require.Equal(t, c.status, got.status, c.target)
		require.Contains(t, got.body, c.want, c.target)
		require.Equal(t, []string{"application/json"}, got.header["Content-Type"])
		require.NotEmpty(t, got.header.Get("X-Okta-Request-Id"))
	}
	require.Len(t, s.Tokens(), 1)

	none := oktatest.Start(oktatest.Config{})
	defer none.Close()
	res, err := http.Get(none.URL() + "/.well-known/okta-organization")
	require.NoError(t, err)
	which := read(t, res, none.URL())
	require.Equal(t, 200, which.status, "needs no credential")
	id := regexp.MustCompile(`"id":"00o[0-9A-Za-z]{17}"`)
	require.Regexp(t, id, which.body)
	another := ask(t, s, "GET", "/.well-known/okta-organization", "").body
	require.NotEqual(t, id.FindString(which.body), id.FindString(another), "each has its own")
	require.Equal(t, 401, ask(t, none, "GET", tokensPath, "").status, "an org without a credential accepts none")
}

func TestUsers(t *testing.T) {
	s := start(t, oktatest.Config{})
	s.SetUser(oktatest.User{ID: "00u1", Login: "a@example.com", Status: "SUSPENDED",
		LastLogin: at("2026-01-02T03:04:05Z")})
	got := ask(t, s, "GET", "/api/v1/users/00u1", "")
	require.Contains(t, got.body, `"lastLogin":"2026-01-02T03:04:05.000Z"`)
	require.Contains(t, got.body, `"status":"SUSPENDED"`)
	require.Contains(t, got.body, `"email":"a@example.com"`)
	require.Equal(t, "[]", ask(t, s, "GET", "/api/v1/users/00u1/roles", "").body)
	require.True(t, s.RemoveUser("00u1"))
	require.False(t, s.RemoveUser("00u1"))
	require.Equal(t, 404, ask(t, s, "GET", "/api/v1/users/00u1", "").status)
}
