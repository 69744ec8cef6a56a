package oktatest_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// listed follows the links of a list and returns the ids of each page.
func listed(t *testing.T, s *oktatest.Server, target string) (pages [][]string) {
	t.Helper()
	for target != "" {
		a := ask(t, s, "GET", target, "")
		require.Equal(t, 200, a.status, a.body)
		var list []struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(a.body), &list))
		ids := []string{}
		for _, item := range list {
			ids = append(ids, item.ID)
		}
		pages = append(pages, ids)
		require.Contains(t, a.header["Link"][0], `rel="self"`)
		target = next(t, a)
	}
	return pages
}

func TestUsersAndZonesAreListedInPages(t *testing.T) {
	s := start(t, oktatest.Config{
		Users: []oktatest.User{{ID: "00u3", Login: "c"}, {ID: "00u1", Login: "a"},
			{ID: "00u4", Status: "DEPROVISIONED"}, {ID: "00u2", Login: "b", Status: "SUSPENDED"}},
		Zones: []oktatest.Zone{{ID: "nzo2", Name: "b"}, {ID: "nzo3", Name: "c"},
			{ID: "nzo1", Name: "a", Status: "INACTIVE"}},
	})
	for target, want := range map[string][][]string{
		"/api/v1/users":           {{"00u1", "00u2", "00u3"}}, // as documented, without those who are deprovisioned
		"/api/v1/users?limit=2":   {{"00u1", "00u2"}, {"00u3"}},
		"/api/v1/users?limit=1":   {{"00u1"}, {"00u2"}, {"00u3"}},
		"/api/v1/users?limit=3":   {{"00u1", "00u2", "00u3"}},
		"/api/v1/users?limit=200": {{"00u1", "00u2", "00u3"}},
		"/api/v1/zones":           {{"nzo1", "nzo2", "nzo3"}},
		"/api/v1/zones?limit=-1":  {{"nzo1", "nzo2", "nzo3"}}, // the documented default
		"/api/v1/zones?limit=2":   {{"nzo1", "nzo2"}, {"nzo3"}},
	} {
		require.Equal(t, want, listed(t, s, target), target)
	}

	first := ask(t, s, "GET", "/api/v1/users?limit=1", "")
	require.True(t, s.RemoveUser("00u1"))
	s.SetUser(oktatest.User{ID: "00u15"})
	require.Equal(t, [][]string{{"00u15"}, {"00u2"}, {"00u3"}}, listed(t, s, next(t, first)), "a cursor stays good")

	empty := start(t, oktatest.Config{})
	require.Equal(t, [][]string{{}}, listed(t, empty, "/api/v1/users"))
	require.Equal(t, [][]string{{}}, listed(t, empty, "/api/v1/zones"))
}

func TestWhatIsListedIsWhatIsReadOneByOne(t *testing.T) {
	s := start(t, oktatest.Config{
		Users: []oktatest.User{{ID: "00u1", Login: "a@acme.example", Roles: []string{"CUSTOM"}}},
		Zones: []oktatest.Zone{{ID: "nzo1", Name: "office", Gateways: []string{"198.51.100.0/24"}}}})
	for list, id := range map[string]string{"/api/v1/users": "/00u1", "/api/v1/zones": "/nzo1"} {
		var of []map[string]any
		var alone map[string]any
		require.NoError(t, json.Unmarshal([]byte(ask(t, s, "GET", list, "").body), &of))
		require.NoError(t, json.Unmarshal([]byte(ask(t, s, "GET", list+id, "").body), &alone))
		self := func(o map[string]any) any { return o["_links"].(map[string]any)["self"] }
		require.Equal(t, self(alone), self(of[0]), "the links of a user in a list are fewer")
		delete(of[0], "_links")
		delete(alone, "_links")
		require.Equal(t, alone, of[0])
	}
}

// A filter that a fake ignores lets a test pass that no org would: what isn't done is refused.
func TestWhatAListDoesNotKnowIsRefused(t *testing.T) {
	s := start(t, oktatest.Config{PageSize: 1, Tokens: named("a", "b"),
		Users: []oktatest.User{{ID: "00u1"}, {ID: "00u2"}},
		Zones: []oktatest.Zone{{ID: "nzo1"}, {ID: "nzo2"}}})
	refused := func(target, code string, says ...string) {
		t.Helper()
		got := ask(t, s, "GET", target, "")
		require.Equal(t, 400, got.status, target)
		for _, word := range append(says, code) {
			require.Contains(t, got.body, word, target)
		}
	}
	for _, name := range []string{"search", "filter", "q", "sortBy", "sortOrder", "fields", "expand", "other"} {
		for _, list := range []string{"/api/v1/users", "/api/v1/zones"} {
			refused(list+"?limit=1&"+name+"=x", "E0000001", name+": oktatest lists all, by limit and after")
		}
	}
	for _, limit := range []string{"0", "-2", "201", "x", ""} {
		refused("/api/v1/users?limit="+limit, "E0000001", "limit must be between 1 and 200")
		refused("/api/v1/zones?limit="+limit, "E0000001", "limit must be between 1 and 200")
	}
	refused("/api/v1/users?limit=-1", "E0000001")
	after := func(target string) string {
		return "after=" + must(url.Parse(next(t, ask(t, s, "GET", target, "")))).Query().Get("after")
	}
	for _, foreign := range []string{after("/api/v1/zones?limit=1"), after("/api/v1/api-tokens"), "after=x"} {
		refused("/api/v1/users?"+foreign, "E0000029")
	}
	refused("/api/v1/zones?"+after("/api/v1/users?limit=1"), "E0000029")
	for _, list := range []string{"/api/v1/users", "/api/v1/zones"} {
		require.Equal(t, 405, ask(t, s, "POST", list, "{}").status)
	}
}

func TestAListNeedsItsScope(t *testing.T) {
	for path, scope := range map[string]string{
		"/api/v1/users": "okta.users", "/api/v1/zones": "okta.networkZones",
	} {
		for granted, want := range map[string]int{scope + ".read": 200, scope + ".manage": 200,
			"okta.apiTokens.manage": 403, "okta.roles.read": 403} {
			s, c := appOrg(t, oktatest.OAuth{Apps: []oktatest.App{{ClientID: appID, Scopes: []string{granted},
				Keys: []oktatest.AppKey{{ID: "ec", Public: appEC().Public()}}}}})
			f := form(assertion(s, c))
			f.Set("scope", granted)
			_, body := post(t, s, f, nil, nil)
			got := callAPI(t, s, "GET", path, "Bearer "+body["access_token"].(string))
			require.Equal(t, want, got.status, "%s with %s", path, granted)
		}
	}
	none := oktatest.Start(oktatest.Config{})
	defer none.Close()
	require.Equal(t, 401, ask(t, none, "GET", "/api/v1/users", "").status)
}

func TestListsCountAgainstLimitsAndFaultsStrikeTheirPages(t *testing.T) {
	clock := newClock()
	s := start(t, oktatest.Config{Now: clock.Now, RateLimit: oktatest.RateLimit{Limit: 3},
		Users: []oktatest.User{{ID: "00u1"}, {ID: "00u2"}}, Zones: []oktatest.Zone{{ID: "nzo1"}, {ID: "nzo2"}}})
	for _, list := range []string{"/api/v1/users", "/api/v1/zones"} {
		for left := 2; left >= 0; left-- {
			require.Equal(t, strconv.Itoa(left), ask(t, s, "GET", list, "").header.Get("X-Rate-Limit-Remaining"), list)
		}
		require.Equal(t, 429, ask(t, s, "GET", list, "").status)
	}
	clock.Sleep(time.Minute)
	s.Fault(oktatest.Fault{Page: 2, Status: 500})
	for _, list := range []string{"/api/v1/users?limit=1", "/api/v1/zones?limit=1"} {
		first := ask(t, s, "GET", list, "")
		require.Equal(t, 200, first.status)
		require.Equal(t, 500, ask(t, s, "GET", next(t, first), "").status)
	}
}
