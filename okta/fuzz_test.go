package okta

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// answering is an org in memory that gives each path an answer, and remembers what it was asked.
type answering struct {
	answer func(*http.Request) (body string, header http.Header)
	asked  []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r)
	body, header := a.answer(r)
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		Request: r}, nil
}

func (a *answering) client(t *testing.T) *Client {
	t.Helper()
	return dial(t, Options{OrgURL: "https://acme.okta.com", RateShare: 1, Transport: a})
}

// FuzzPages looks for two pages whose end is believed though they are not all there, and for a page that is taken for
// something else than encoding/json takes it for.
func FuzzPages(f *testing.F) {
	const one, two = `{"id":"00Taaaaaaaaaaaaaaaa1","name":"one"}`, `{"id":"00Taaaaaaaaaaaaaaaa2"}`
	next := `</api/v1/api-tokens?after=x>; rel="next"`
	for _, seed := range [][3]string{
		{"[" + one + "]", next, "[" + two + "]"}, {"[" + one + "," + two + "]", "", ""}, {"[]", next, "[]"},
		{"[" + one + "]", next, "[" + one + "]"},
		{"null", "", ""}, {"[" + one + "] [", "", ""}, {"[" + one, next, "]"}, {`[{"id":"a","id":"b"}]`, "", ""},
		{"{}", "", ""}, {`[{"id":7}]`, "", ""},
		{"[" + one + "]", `<https://evil.example/api/v1/api-tokens?after=x>; rel=next`, "[" + two + "]"},
		{"[" + one + "]", `<`, "[]"}, {" \t[\n" + one + " , " + two + "]\r\n", next, "<html>"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	for _, i := range oktatest.IncompleteListings() {
		f.Add(i.Fault.Body, strings.Join(i.Fault.Link, ", "), "["+one+"]")
	}
	f.Fuzz(func(t *testing.T, first, link, second string) {
		org := &answering{answer: func(r *http.Request) (string, http.Header) {
			if q := r.URL.RawQuery; q == "limit=200" || q == "limit=1" {
				return first, http.Header{"Link": {link}}
			}
			return second, http.Header{}
		}}
		listing := org.client(t).List(t.Context(), ListOptions{})
		tokens, err := collect(listing)
		for _, r := range org.asked {
			require.Equal(t, "https://acme.okta.com"+listPath, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
		}
		if err != nil {
			require.ErrorIs(t, err, ErrIncomplete)
			return
		}
		ids := make(map[string]bool)
		idsOf(t, first, ids)
		if listing.Pages > 1 {
			idsOf(t, second, ids)
		}
		query, linkErr := nextQuery([]string{link})
		require.NoError(t, linkErr)
		require.Equal(t, query != "", listing.Pages > 1, "a next page is read, and no other")
		require.Len(t, tokens, len(ids))
		for _, k := range tokens {
			require.True(t, ids[k.ID], k.ID)
		}
	})
}

// idsOf reads the ids of a page as encoding/json does.
func idsOf(t *testing.T, page string, ids map[string]bool) {
	t.Helper()
	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(page), &all), "%q", page)
	for _, k := range all {
		id, ok := k["id"].(string)
		require.True(t, ok, "%v", k)
		ids[id] = true
	}
}

// FuzzAnswers looks for an answer about one thing that is taken for one about another, or for more than it says.
func FuzzAnswers(f *testing.F) {
	id := oktatest.TokenID(1)
	for _, s := range []string{
		`{"id":"` + id + `"}`, `{"id":"00Tanother0000000000"}`, `{}`, `null`, `[]`, ``, `{"id":"` + id + `"}{}`,
		`[{"type":"SUPER_ADMIN","status":"ACTIVE"}]`,
		`{"id":"00u1","status":"ACTIVE","lastLogin":null,"profile":{"login":"a","email":3}}`, `{"profile":null}`,
		`{"profile":[]}`, `{"id":"` + id + `","network":{"connection":"ZONE","include":[null]}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := (&answering{answer: func(*http.Request) (string, http.Header) { return body, http.Header{} }}).client(t)
		token, err := c.Token(t.Context(), id)
		require.True(t, err != nil || token.ID == id)
		var whole any
		valid := json.Unmarshal([]byte(body), &whole) == nil
		user, err := c.Me(t.Context())
		require.True(t, err != nil || valid)
		if object, ok := whole.(map[string]any); err == nil && ok {
			said, _ := object["id"].(string)
			require.Equal(t, said, user.ID)
		}
		roles, err := c.Roles(t.Context(), oktatest.UserID(1))
		if list, ok := whole.([]any); err == nil {
			require.True(t, ok && valid)
			require.Len(t, roles, len(list))
		}
		_, err = c.Zone(t.Context(), "nzo1a2b3c4d5e6f7g8h9")
		require.True(t, err != nil || valid)
		var failed *Error
		require.True(t, err == nil || errors.As(err, &failed))
	})
}

var onWire = regexp.MustCompile(
	`^https://acme\.okta\.com/api/v1/(api-tokens/00T[0-9A-Za-z]{17}|users/00u[0-9A-Za-z]{17}(/roles)?|zones/nzo[0-9A-Za-z]{17})$`)

// FuzzURLs looks for an id or a cursor that leads to another URL than it should.
func FuzzURLs(f *testing.F) {
	for _, id := range append(badIDs, oktatest.TokenID(1), oktatest.UserID(1), "nzo1a2b3c4d5e6f7g8h9") {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, text string) {
		org := &answering{answer: func(*http.Request) (string, http.Header) { return "[]", http.Header{} }}
		c := org.client(t)
		ctx := t.Context()
		_, _ = c.Token(ctx, text)
		_ = c.Revoke(ctx, text)
		_, _ = c.SetNetwork(ctx, Token{ID: text}, Condition{})
		_, _ = c.Owner(ctx, text)
		_, _ = c.Roles(ctx, text)
		_, _ = c.Zone(ctx, text)
		for _, r := range org.asked {
			require.Regexp(t, onWire, r.URL.String())
		}
		sent := len(org.asked)
		_, err := collect(c.List(ctx, ListOptions{After: text, Q: text}))
		require.NoError(t, err)
		u := org.asked[sent].URL
		require.Equal(t, "https://acme.okta.com"+listPath, u.Scheme+"://"+u.Host+u.Path)
		values, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		require.Equal(t, []string{text, text}, []string{values.Get("after"), values.Get("q")})
	})
}

// FuzzOrgURL looks for an org's URL that is let through and would send the credential elsewhere, or in clear.
func FuzzOrgURL(f *testing.F) {
	for _, s := range []string{
		"https://acme.okta.com", "https://ACME.okta.com:443/", "http://127.0.0.1:8080", "http://[::1]",
		"http://localhost.evil.example", "https://acme-admin.okta.com",
		"https://user@acme.okta.com", "https://acme.okta.com/x", "https://{yourOktaDomain}", "https:acme.okta.com",
		"//acme.okta.com", "https://acme.okta.com.com", "https://[fe80::1%25en0]", "https://a\\b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseOrgURL(text)
		if err != nil {
			require.Nil(t, u)
			if len(text) >= 20 {
				require.NotContains(t, err.Error(), text, "it may be a credential")
			}
			return
		}
		require.True(t, u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname()), u)
		require.Equal(t, url.URL{Scheme: u.Scheme, Host: u.Host}, *u)
		again, err := ParseOrgURL(u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
	})
}

// FuzzRateLimit looks for headers that make the client wait without end, or not at all where it should.
func FuzzRateLimit(f *testing.F) {
	date := "Tue, 24 Nov 2026 09:00:00 GMT"
	for _, seed := range [][4]string{
		{"200", "10", "1795510860", date}, {"0", "0", "0", date}, {"-1", "5", "x", ""},
		{"200", "-3", "99999999999999", date}, {"1", "1", "1", "yesterday"},
		{"9223372036854775807", "9223372036854775807", "9223372036854775807", date},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, limit, remaining, reset, date string) {
		header := http.Header{"X-Rate-Limit-Limit": {limit}, "X-Rate-Limit-Remaining": {remaining},
			"X-Rate-Limit-Reset": {reset}, "Date": {date}}
		advice := adviceOf(&http.Response{StatusCode: http.StatusTooManyRequests, Header: header})
		require.True(t, advice.allowed)
		require.True(t, advice.after == 0 || advice.after >= minRateWait && advice.after <= maxRateWait, advice.after)
		p := pacer{share: 0.5}
		for range 5 {
			wait := p.reserve("/api/v1", time.Now())
			require.LessOrEqual(t, wait, maxRateWait)
			if wait > 0 {
				return
			}
			p.release(listPath, header, new(clock))
		}
	})
}

// FuzzDurations looks for a duration of ISO 8601 that is read as another one, or as less than nothing.
func FuzzDurations(f *testing.F) {
	for _, s := range []string{"P30D", "PT5M", "P1W", "P", "PT", "-P1D", "P1Y", "P1.5D", "P999999999D", "PT1H30M",
		"P1DT", "p1d", "P1D1D", "PT1M1H"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			require.Zero(t, d)
			return
		}
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.Regexp(t, `^P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?$`, text)
	})
}
