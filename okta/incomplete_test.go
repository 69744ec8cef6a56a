package okta

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func is(err, target error) bool { return errors.Is(err, target) }

// inBubble runs f against an org of 30 tokens on three pages, in memory and on a fake clock, so that
// waits take no time.
func inBubble(t *testing.T, cfg oktatest.Config, f func(t *testing.T, org *oktatest.Server, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Credential = canary
		if cfg.Tokens == nil {
			cfg.Tokens = oktatest.Many(30, time.Now())
		}
		if cfg.PageSize == 0 {
			cfg.PageSize = 10
		}
		org := oktatest.New(cfg)
		defer org.Close()
		c := dial(t, Options{OrgURL: "http://127.0.0.1", Dial: org.Dial, RateShare: 1})
		defer c.conn.reads.CloseIdleConnections()
		f(t, org, c)
	})
}

// odd makes a token that shows itself as raw, at the place of name in the list.
func odd(n int, name, raw string) oktatest.Token {
	return oktatest.Token{ID: oktatest.TokenID(1_000_000 + n), Name: name, Raw: json.RawMessage(raw)}
}

func TestWhatMakesAListingIncomplete(t *testing.T) {
	want := map[string]string{
		"a body cut off on the way": "page 2, after 11 tokens: GET /api/v1/api-tokens: reading " +
			"the page: unexpected EOF; gave up after 6 attempts",
		"a body cut off before its first byte": "page 2, after 10 tokens: GET /api/v1/api-tokens: reading " +
			"the page: unexpected EOF; gave up after 6 attempts",
		"the last chunk missing": "page 3, after 21 tokens: GET /api/v1/api-tokens: reading " +
			"the page: unexpected EOF; gave up after 6 attempts",
		"a body that ends early with the right length": "page 2, after 11 tokens: malformed answer: it ends before " +
			"the JSON array does",
		"an empty body": "page 2, after 10 tokens: malformed answer: it ends " +
			"before the JSON array does",
		"null": "page 2, after 10 tokens: malformed answer: want a JSON " +
			"array, found another JSON value",
		"an object": "page 2, after 10 tokens: malformed answer: want a JSON " +
			"array, found another JSON value",
		"a page of HTML": "page 1, after 0 tokens: malformed answer: want a JSON " +
			"array: invalid character '<' looking for beginning of value",
		"something behind the array": "page 2, after 20 tokens: malformed answer: something " +
			"follows the JSON array",
		"an array of numbers": `page 2, after 10 tokens: malformed answer: want an object, found "1"`,
		"a token without an id": "page 2, after 10 tokens: malformed answer: a token " +
			"without an id",
		"a token whose id is null": "page 2, after 10 tokens: malformed answer: a token " +
			"without an id",
		"a token whose id is a number": "page 2, after 10 tokens: malformed answer: a token " +
			"without an id",
		"a key twice in a token": `page 2, after 10 tokens: malformed answer: an object has the key "id" twice`,
		"a token of more than a mebibyte": "page 2, after 10 tokens: GET /api/v1/api-tokens: reading " +
			"the page: answer too large: a token of more than 1048576 bytes",
		"spaces without end": "page 3, after 30 tokens: GET /api/v1/api-tokens: reading " +
			"the page: answer too large: a token of more than 1048576 bytes",
		"a link back to the first page": "page 3, after 20 tokens: the link to this page leads " +
			"back to one that was read already",
		"the same cursor among other parameters": "page 3, after 20 tokens: the link to this page leads " +
			"back to one that was read already",
		"a link to another path": `page 2, after 10 tokens: next page ` +
			`"http://127.0.0.1/api/v1/users?after=x": the path is not /api/v1/api-tokens`,
		"a link to a path that only looks the same": `page 2, after 10 tokens: next page ` +
			`"http://127.0.0.1/api/v1/api-tokens/?after=x": the path is not /api/v1/api-tokens`,
		"a link that climbs": `page 2, after 10 tokens: next page ` +
			`"/api/v1/api-tokens/../users?after=x": the path is not /api/v1/api-tokens`,
		"a link without a query": `page 2, after 10 tokens: next page "/api/v1/api-tokens": it has no ` +
			`query, so it would begin again at page 1`,
		"a Link header that does not parse": `page 2, after 10 tokens: link header "/api/v1/api-tokens?after=x; ` +
			`rel=\"next\"": a link must begin with <`,
		"a Link header cut in the middle": `page 2, after 10 tokens: link header "</api/v1/api-tokens?after=x>; ` +
			`rel=\"ne": a quoted value without its closing quote`,
		"a link without a relation": "page 2, after 10 tokens: link header " +
			"\"</api/v1/api-tokens?after=x>\": a link whose relation [] is not understood could be the one to the " +
			"next page",
		"a link with an unknown relation": "page 2, after 10 tokens: link header " +
			"\"</api/v1/api-tokens?after=x>; rel='next'\": a link whose relation [\"'next'\"] is not understood " +
			"could be the one to the next page",
		"only the first Link line of each answer": "page 1, after 10 tokens: asked for all, the org gave 10 " +
			"tokens and no link to more; asked for one, it gave one and no link to the others",
		"two different next pages": "page 2, after 10 tokens: two different links to a next page",
		"a page that repeats earlier tokens only": "page 3, after 2 tokens: the list moved each of 3 times " +
			"that it was read: a page brought nothing but tokens of earlier pages: run again",
		"a token twice with different content": "page 2, after 1 tokens: the list moved each of 3 times " +
			"that it was read: the token 00Taaaaaaaaaaaaaaaa1 came twice with different content, as if it was used " +
			"or changed meanwhile: run again",
		"a token twice, with null and with an empty text": "page 2, after 1 tokens: the list moved each of 3 times " +
			"that it was read: the token 00Taaaaaaaaaaaaaaaa1 came twice with different content, as if it was used " +
			"or changed meanwhile: run again",
		"an unknown cursor": "page 2, after 10 tokens: GET /api/v1/api-tokens: 400 Bad Request",
		"a server error": "page 2, after 10 tokens: GET /api/v1/api-tokens: 500 Internal Server " +
			"Error, E0000009",
		"an org that stays unavailable": "page 2, after 10 tokens: GET /api/v1/api-tokens: 503 Service Unavailable",
		"connections that break": "page 2, after 10 tokens: GET /api/v1/api-tokens: EOF; gave up after 6 " +
			"attempts",
		"a redirect": "page 2, after 10 tokens: GET /api/v1/api-tokens: 302 Found, it redirects to " +
			"https://acme.okta.com, and redirects are not followed",
		"an answer without content": "page 2, after 10 tokens: GET /api/v1/api-tokens: 204 No Content",
		"the same cursor for ever": "page 3, after 20 tokens: the link to this page leads back to one that was read " +
			"already",
	}
	rows := oktatest.IncompleteListings()
	require.Len(t, want, len(rows))
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			inBubble(t, oktatest.Config{Tokens: row.Tokens, PageSize: min(len(row.Tokens), 1)},
				func(t *testing.T, org *oktatest.Server, c *Client) {
					org.Fault(row.Fault)
					_, err := collect(c.List(t.Context(), ListOptions{}))
					require.ErrorIs(t, err, ErrIncomplete)
					require.ErrorContains(t, err, "listing incomplete: "+want[row.Name])
					require.NotContains(t, err.Error(), canary)
				})
		})
	}
}

func TestAListingOfTooManyPagesIsIncomplete(t *testing.T) {
	inBubble(t, oktatest.Config{PageSize: 1, Tokens: oktatest.Many(maxPages+1, time.Now())},
		func(t *testing.T, org *oktatest.Server, c *Client) {
			_, err := collect(c.List(t.Context(), ListOptions{}))
			require.ErrorIs(t, err, ErrIncomplete)
			require.ErrorContains(t, err, "page 10001, after 10000 tokens: there are more than 10000 pages")
			require.Len(t, org.Requests(), maxPages)
		})
}

func TestWhatAListingSurvives(t *testing.T) {
	twin := `{"id":"00Taaaaaaaaaaaaaaaa1","name":"one"}`
	for _, row := range []struct {
		name              string
		faults            []oktatest.Fault
		tokens            []oktatest.Token
		want, duplicates  int
		pages, maxRequest int
	}{
		{name: "nothing wrong", want: 30, pages: 3, maxRequest: 3},
		{name: "a body cut once in the middle of a page", faults: []oktatest.Fault{{Page: 2, CutBody: 2000, Times: 1}},
			want: 30, pages: 3, maxRequest: 5},
		{name: "a body cut on every page", faults: []oktatest.Fault{{Page: 1, CutBody: 2000, Times: 2},
			{Page: 2, CutBody: 2000, Times: 2}, {Page: 3, CutBody: 2000, Times: 2}}, want: 30, pages: 3,
			maxRequest: 12},
		{name: "a broken connection, then 503, then 504", faults: []oktatest.Fault{{Page: 2, Hangup: true, Times: 1},
			{Page: 2, Status: 503, Times: 1}, {Page: 2, Status: 504, Times: 1}}, want: 30, pages: 3, maxRequest: 6},
		{name: "links that name the org's admin host", faults: []oktatest.Fault{
			{RewriteLink: func(s string) string {
				return strings.Replace(s, "http://127.0.0.1", "https://acme-admin.okta.com", 1)
			}}}, want: 30, pages: 3, maxRequest: 3},
		{name: "a token that comes again with the same content", tokens: []oktatest.Token{odd(1, "1", twin),
			odd(2, "2", `{"id":"00Taaaaaaaaaaaaaaaa2"}`), odd(3, "3",
				`{"name":"one", "id":"00Taaaaaaaaaaaaaaaa1", "new":[{"x":"}"}]}`),
			odd(4, "4", `{"id":"00Taaaaaaaaaaaaaaaa4"}`)}, want: 3, duplicates: 1, pages: 2, maxRequest: 4},
		{name: "an empty page with a next one", faults: []oktatest.Fault{{Page: 2, Body: "[]"}}, want: 20, pages: 3,
			maxRequest: 3},
		{name: "ids of another form", tokens: []oktatest.Token{odd(1, "1", `{"id":"agent/7"}`)}, want: 1, pages: 1,
			maxRequest: 1},
		{name: "no Date header", faults: []oktatest.Fault{{NoDate: true}}, want: 30, pages: 3, maxRequest: 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := oktatest.Config{Tokens: row.tokens}
			if row.tokens != nil {
				cfg.PageSize = 2
			}
			inBubble(t, cfg, func(t *testing.T, org *oktatest.Server, c *Client) {
				for _, f := range row.faults {
					org.Fault(f)
				}
				l := c.List(t.Context(), ListOptions{})
				tokens, err := collect(l)
				require.NoError(t, err)
				require.Len(t, tokens, row.want)
				require.Equal(t, []int{row.want, row.pages, row.duplicates}, []int{l.Tokens, l.Pages, l.Duplicates})
				require.LessOrEqual(t, len(org.Requests()), row.maxRequest)
			})
		})
	}
}

func TestAPageThatChangedWhileItWasReadAgainIsFollowedByItsNewLink(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		last := org.Tokens()[9]
		org.Fault(oktatest.Fault{Page: 1, CutBody: 2000, Times: 1})
		org.Fault(oktatest.Fault{Page: 1, Times: 1, Then: func() { org.Remove(last.ID) }})
		tokens, err := collect(c.List(t.Context(), ListOptions{}))
		require.NoError(t, err)
		require.Len(t, tokens, 29, "every token that is still there, once")
	})
}

func TestAListingEndsWithItsContext(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(30, time.Now()), PageSize: 10})
	c := connect(t, org)
	ctx, cancel := contextWithCancel(t)
	org.Fault(oktatest.Fault{Page: 2, Then: cancel, Delay: time.Hour})
	_, err := collect(c.List(ctx, ListOptions{}))
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "context canceled")
}
