package okta

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func TestWhichOrgItIsIsAskedWithoutACredential(t *testing.T) {
	org := oktatest.Start(oktatest.Config{ID: oktatest.OrgID(7)})
	o, err := connect(t, org).Organization(t.Context())
	require.NoError(t, err)
	require.Equal(t, Organization{ID: oktatest.OrgID(7), Pipeline: Some("idx")}, o)
	require.NotContains(t, org.Requests()[0].Header, "Authorization")

	for body, want := range map[string]string{
		"<html>Sign in</html>": "a page of HTML",
		"{}":                   "it names no org",
		`{"id":null}`:          "it names no org",
		"[]":                   "want an object",
		`{"id":"a","id":"b"}`:  "twice",
	} {
		org.ClearFaults()
		org.Fault(oktatest.Fault{Body: body})
		_, err := dial(t, Options{OrgURL: org.URL()}).Organization(t.Context())
		require.ErrorContains(t, err, want)
	}
}

func TestWhatMayBeDoneWithATokenIsInItsHints(t *testing.T) {
	c, _ := replay(t, "get-api-token-in-zone.http")
	methods, err := c.Allowed(t.Context(), "00T1gtr35t8ZbfBfV1d7")
	require.NoError(t, err)
	require.Equal(t, Some([]string{"GET", "DELETE"}), methods)

	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(1, time.Now())})
	c = connect(t, org)
	id := org.Tokens()[0].ID
	for body, want := range map[string]Opt[[]string]{
		`{`:                      {},
		`{"_links":null,`:        {},
		`{"_links":{"self":{}},`: {},
		`{"_links":{"self":{"hints":{"allow":["GET"]}},"user":{"hints":{"allow":["PUT"]}}},`: Some([]string{"GET"}),
		`{"_links":{"self":{"hints":{"allow":"GET"}}},`:                                      Unreadable[[]string](),
	} {
		org.ClearFaults()
		org.Fault(oktatest.Fault{Body: body + `"id":"` + id + `"}`})
		methods, err := c.Allowed(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, methods, body)
	}
	_, err = c.Allowed(t.Context(), "current")
	require.ErrorIs(t, err, ErrBadID)
}

func TestTheBudgetIsWhatTheAnswersTold(t *testing.T) {
	inBubble(t, oktatest.Config{RateLimit: oktatest.RateLimit{Limit: 100}},
		func(t *testing.T, org *oktatest.Server, c *Client) {
			c.conn.pace.share = 0.25
			_, ok := c.Budget()
			require.False(t, ok)
			_, err := c.Token(t.Context(), org.Tokens()[0].ID)
			require.NoError(t, err)
			b, ok := c.Budget()
			require.True(t, ok)
			require.Equal(t, []int{100, 99, 25}, []int{b.Limit, b.Remaining, b.Ours})
			require.InDelta(t, 60, time.Until(b.Resets).Seconds(), 2)
			time.Sleep(2 * time.Minute)
			b, _ = c.Budget()
			require.Equal(t, 100, b.Remaining, "another window has begun")
			require.Equal(t, http.MethodGet, org.Requests()[0].Method)
		})
}
