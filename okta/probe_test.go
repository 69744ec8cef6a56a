package okta

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// TestAListWhoseLinkWasTakenAwayIsIncomplete asks orgs of both shapes through appliances that do something to Link
// headers.
func TestAListWhoseLinkWasTakenAwayIsIncomplete(t *testing.T) {
	const unpaged = -1
	none := oktatest.Fault{Header: http.Header{"Link": nil}}
	for _, row := range []struct {
		name             string
		tokens, pageSize int
		fault            oktatest.Fault
		requests         []string
		incomplete       bool
	}{
		{name: "an org that doesn't page", tokens: 30, pageSize: unpaged, requests: []string{"limit=200", "limit=1"}},
		{name: "an org that doesn't page, behind an appliance", tokens: 30, pageSize: unpaged, fault: none,
			requests: []string{"limit=200", "limit=1"}},
		{name: "an org that pages, and has less than a page", tokens: 30, pageSize: 200,
			requests: []string{"limit=200", "limit=1"}},
		{name: "an org that pages, and has more", tokens: 30, pageSize: 15, requests: []string{"limit=200", "after"}},
		{name: "one token", tokens: 1, pageSize: 200, requests: []string{"limit=200"}},
		{name: "no token", tokens: 0, pageSize: 200, requests: []string{"limit=200"}},
		{name: "more than a page, and only the first line comes through", tokens: 300, pageSize: 200,
			fault: oktatest.Fault{FirstLink: true}, requests: []string{"limit=200", "limit=1"}, incomplete: true},
		{name: "more than a page, and no line comes through", tokens: 300, pageSize: 200, fault: none,
			requests: []string{"limit=200", "limit=1"}, incomplete: true},
		{name: "less than a page, and no line comes through, which can't be told from more", tokens: 30, pageSize: 200,
			fault: none, requests: []string{"limit=200", "limit=1"}, incomplete: true},
		{name: "nothing where there was something", tokens: 30, pageSize: 200,
			fault: oktatest.Fault{Skip: 1, Body: "[]", Header: none.Header}, requests: []string{"limit=200", "limit=1"},
			incomplete: true},
		{name: "nonsense", tokens: 30, pageSize: 200, fault: oktatest.Fault{Skip: 1, Body: "{}"},
			requests: []string{"limit=200", "limit=1"}, incomplete: true},
		{name: "a page that breaks off", tokens: 30, pageSize: unpaged, fault: oktatest.Fault{Skip: 1, Times: 2,
			CutBody: 40}, requests: []string{"limit=200", "limit=1", "limit=1", "limit=1"}},
		{name: "a second that is not available", tokens: 30, pageSize: 200, fault: oktatest.Fault{Skip: 1, Times: 1,
			Status: 503}, requests: []string{"limit=200", "limit=1", "limit=1"}},
		{name: "a second that fails", tokens: 30, pageSize: 200, fault: oktatest.Fault{Skip: 1, Status: 500},
			requests: []string{"limit=200", "limit=1"}, incomplete: true},
		{name: "a second that leads elsewhere", tokens: 30, pageSize: 200,
			fault:    oktatest.Fault{Skip: 1, Link: []string{`</api/v1/users?after=x>; rel="next"`}},
			requests: []string{"limit=200", "limit=1"}, incomplete: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := oktatest.Config{Tokens: oktatest.Many(row.tokens, time.Now()), PageSize: row.pageSize}
			inBubble(t, cfg, func(t *testing.T, org *oktatest.Server, c *Client) {
				org.Fault(row.fault)
				tokens, err := collect(c.List(t.Context(), ListOptions{}))
				var asked []string
				for _, r := range org.Requests() {
					query := r.Query
					if strings.Contains(query, "after=") {
						query = "after"
					}
					asked = append(asked, query)
				}
				require.Equal(t, row.requests, asked)
				if row.incomplete {
					require.ErrorIs(t, err, ErrIncomplete)
					return
				}
				require.NoError(t, err)
				require.Len(t, tokens, row.tokens)
			})
		})
	}
}

func TestAListWhoseLinkWasTakenAwaySaysWhatToDo(t *testing.T) {
	inBubble(t, oktatest.Config{PageSize: 10}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{FirstLink: true})
		_, err := collect(c.List(t.Context(), ListOptions{}))
		require.EqualError(t, err, "listing incomplete: page 1, after 10 tokens: asked for all, the org gave 10 "+
			"tokens and no link to more; asked for one, it gave one and no link to the others: "+
			"something between here and Okta, such as a proxy that keeps one line of each header, takes Link lines "+
			"away. Let it pass all of them, or go around it (NO_PROXY)")
	})
}

// TestTheProofThatAnOrgDoesNotPageReadsNoMoreThanItNeeds: the rest of a list of megabytes is not fetched twice.
func TestTheProofThatAnOrgDoesNotPageReadsNoMoreThanItNeeds(t *testing.T) {
	body := "[" + strings.Repeat(`{"id":"00Taaaaaaaaaaaaaaaa1"},`, 1000) + "]"
	org := &answering{answer: func(r *http.Request) (string, http.Header) {
		if strings.Contains(r.URL.RawQuery, "limit=200") {
			return `[{"id":"00Taaaaaaaaaaaaaaaa1"},{"id":"00Taaaaaaaaaaaaaaaa2"}]`, http.Header{}
		}
		return body, http.Header{} // which is no JSON as a whole
	}}
	tokens, err := collect(org.client(t).List(t.Context(), ListOptions{}))
	require.NoError(t, err)
	require.Len(t, tokens, 2)
	require.Len(t, org.asked, 2)
}

func TestTheProofKeepsTheOptionsOfTheList(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(30, time.Now()), PageSize: 200})
	c := connect(t, org)
	for i, row := range []struct {
		options ListOptions
		asked   string
	}{
		{ListOptions{Q: "x&y"}, "limit=1&q=x%26y"},
		{ListOptions{Limit: 50}, "limit=1"},
	} {
		_, err := collect(c.List(t.Context(), row.options))
		require.NoError(t, err)
		require.Equal(t, row.asked, org.Requests()[2*i+1].Query, fmt.Sprint(i))
	}
	_, err := collect(c.List(t.Context(), ListOptions{Limit: 1}))
	require.NoError(t, err)
	require.Equal(t, "limit=1", org.Requests()[4].Query, "such a list asks so itself: its first page has a link")
	require.Contains(t, org.Requests()[5].Query, "after=")
}
