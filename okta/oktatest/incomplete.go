package oktatest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Incomplete is an org whose list of tokens can't be read to a provable end.
type Incomplete struct {
	// Name says what is wrong, as the name of a test.
	Name string
	// Fault is what goes wrong; the zero Fault, which changes nothing, where Tokens alone do.
	Fault Fault
	// Tokens are what the org must hold, on pages of one. Nil where any three pages of ten will do.
	Tokens []Token
}

// Config gives the org: 30 tokens on three pages of ten, or the tokens of i.
func (i Incomplete) Config(credential string, now func() time.Time) Config {
	if i.Tokens != nil {
		return Config{Credential: credential, Now: now, Tokens: i.Tokens, PageSize: 1}
	}
	return Config{Credential: credential, Now: now, Tokens: Many(30, now()), PageSize: 10}
}

// IncompleteListings is every kind of list that a client must refuse: broken, cut, malformed, endless,
// going in circles, leading elsewhere, or contradicting itself. The tests of the client, of the audit
// and of the command run through all of them.
func IncompleteListings() []Incomplete {
	const one = `{"id":"00Taaaaaaaaaaaaaaaa1","name":"one"}`
	shown := func(raws ...string) (tokens []Token) {
		for i, raw := range raws {
			tokens = append(tokens, Token{ID: TokenID(1_000_000 + i), Name: strconv.Itoa(i), Raw: json.RawMessage(raw)})
		}
		return tokens
	}
	next := func(to string) Fault { return Fault{Page: 2, RewriteLink: func(string) string { return to }} }
	link := func(lines ...string) Fault { return Fault{Page: 2, Link: lines} }
	return []Incomplete{
		{Name: "a body cut off on the way", Fault: Fault{Page: 2, CutBody: 700}},
		{Name: "a body cut off before its first byte", Fault: Fault{Page: 2, CutBody: -1}},
		{Name: "the last chunk missing", Fault: Fault{Page: 3, Chunked: true, CutBody: 700}},
		{Name: "a body that ends early with the right length", Fault: Fault{Page: 2, TruncateBody: 700}},
		{Name: "an empty body", Fault: Fault{Page: 2, TruncateBody: -1}},
		{Name: "null", Fault: Fault{Page: 2, Body: "null"}},
		{Name: "an object", Fault: Fault{Page: 2, Body: `{"tokens":[]}`}},
		{Name: "a page of HTML", Fault: Fault{Page: 1, Body: "<html>Sign in</html>"}},
		{Name: "something behind the array", Fault: Fault{Page: 2, Append: "[]"}},
		{Name: "an array of numbers", Fault: Fault{Page: 2, Body: "[1,2]"}},
		{Name: "a token without an id", Fault: Fault{Page: 2, Body: `[{"name":"x"}]`}},
		{Name: "a token whose id is null", Fault: Fault{Page: 2, Body: `[{"id":null}]`}},
		{Name: "a token whose id is a number", Fault: Fault{Page: 2, Body: `[{"id":7}]`}},
		{Name: "a key twice in a token",
			Fault: Fault{Page: 2, Body: `[{"id":"00Taaaaaaaaaaaaaaaa1","id":"00Taaaaaaaaaaaaaaaa2"}]`}},
		{Name: "a token of more than a mebibyte", Fault: Fault{Page: 2, Body: `[{"id":"` + strings.Repeat("x", 2<<20) +
			`"}]`}},
		{Name: "spaces without end", Fault: Fault{Page: 3, Endless: true}},
		{Name: "a link back to the first page", Fault: next("http://127.0.0.1/api/v1/api-tokens?limit=200")},
		{Name: "the same cursor for ever", Fault: Fault{RewriteLink: circle("")}},
		{Name: "the same cursor among other parameters", Fault: Fault{RewriteLink: circle("&x=")}},
		{Name: "a link to another path", Fault: next("http://127.0.0.1/api/v1/users?after=x")},
		{Name: "a link to a path that only looks the same", Fault: next("http://127.0.0.1/api/v1/api-tokens/?after=x")},
		{Name: "a link that climbs", Fault: next("/api/v1/api-tokens/../users?after=x")},
		{Name: "a link without a query", Fault: next("/api/v1/api-tokens")},
		{Name: "a Link header that does not parse", Fault: link(`/api/v1/api-tokens?after=x; rel="next"`)},
		{Name: "a Link header cut in the middle", Fault: link(`</api/v1/api-tokens?after=x>; rel="ne`)},
		{Name: "a link without a relation", Fault: link(`</api/v1/api-tokens?after=x>`)},
		{Name: "a link with an unknown relation", Fault: link(`</api/v1/api-tokens?after=x>; rel='next'`)},
		{Name: "only the first Link line of each answer", Fault: Fault{FirstLink: true}},
		{Name: "two different next pages", Fault: link(`</api/v1/api-tokens?after=x>; rel="next"`,
			`</api/v1/api-tokens?after=y>; rel="next"`)},
		{Name: "a page that repeats earlier tokens only", Fault: Fault{Page: 3, Body: "[" + one + "]"},
			Tokens: shown(one, `{"id":"00Taaaaaaaaaaaaaaaa2"}`, `{"id":"00Taaaaaaaaaaaaaaaa3"}`)},
		{Name: "a token twice with different content",
			Tokens: shown(one, `{"id":"00Taaaaaaaaaaaaaaaa1","name":"two"}`)},
		{Name: "a token twice, with null and with an empty text",
			Tokens: shown(`{"id":"00Taaaaaaaaaaaaaaaa1","name":null}`, `{"id":"00Taaaaaaaaaaaaaaaa1","name":""}`)},
		{Name: "an unknown cursor", Fault: Fault{Page: 2, Status: http.StatusBadRequest}},
		{Name: "a server error", Fault: Fault{Page: 2, Status: http.StatusInternalServerError}},
		{Name: "an org that stays unavailable", Fault: Fault{Page: 2, Status: http.StatusServiceUnavailable}},
		{Name: "connections that break", Fault: Fault{Page: 2, Hangup: true}},
		{Name: "a redirect", Fault: Fault{Page: 2, Status: http.StatusFound,
			Header: http.Header{"Location": {"https://acme.okta.com/login?token=x"}}}},
		{Name: "an answer without content", Fault: Fault{Page: 2, Status: http.StatusNoContent}},
	}
}

// circle makes every link lead to the second page, told apart by another parameter if there is one.
func circle(parameter string) func(string) string {
	second, n := "", 0
	return func(target string) string {
		if n++; second == "" {
			second = target
			return target
		}
		if parameter == "" {
			return second
		}
		return second + parameter + strconv.Itoa(n)
	}
}
