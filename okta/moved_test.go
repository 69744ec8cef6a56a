package okta

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// moving is an org of 31 tokens on pages of ten, whose cursors count tokens, in which something happens each time
// before the second page is sent.
func moving(t *testing.T, times int, then func(org *oktatest.Server, nth int),
	f func(t *testing.T, org *oktatest.Server, l *Listing)) {
	t.Helper()
	inBubble(t, oktatest.Config{Tokens: oktatest.Many(31, time.Now()), Offsets: true},
		func(t *testing.T, org *oktatest.Server, c *Client) {
			n := 0
			org.Fault(oktatest.Fault{Page: 2, Times: times, Then: func() { n++; then(org, n) }})
			f(t, org, c.List(t.Context(), ListOptions{}))
		})
}

// toTheEnd moves the first token of the list to its end.
func toTheEnd(org *oktatest.Server, nth int) {
	org.Update(org.Tokens()[0].ID, func(t *oktatest.Token) { t.Place = "~" + string(rune('a'+nth)) })
}

func ids(tokens []Token) (ids []string) {
	for _, t := range tokens {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestAListThatMovedIsReadAgainUntilItHoldsStill(t *testing.T) {
	for times := 1; times < maxListReadings; times++ {
		moving(t, times, toTheEnd, func(t *testing.T, _ *oktatest.Server, l *Listing) {
			tokens, err := collect(l)
			require.NoError(t, err)
			require.Len(t, ids(tokens), 31,
				"a token that moved to the end pushed another past the reader, the first time")
			require.Equal(t, []int{31, 4, 0, times + 1}, []int{l.Tokens, l.Pages, l.Duplicates, l.Readings})
		})
	}
}

func TestAListThatNeverHoldsStillIsIncomplete(t *testing.T) {
	moving(t, 0, toTheEnd, func(t *testing.T, org *oktatest.Server, l *Listing) {
		_, err := collect(l)
		require.ErrorIs(t, err, ErrIncomplete)
		require.EqualError(t, err, "listing incomplete: page 4, after 30 tokens: the list moved each of 3 times that "+
			"it was read: a page brought nothing but tokens of earlier pages: run again")
		require.Len(t, org.Requests(), 12, "a bound")
	})
}

// TestAListThatMovesAndBringsTheSameTokensTwiceIsWhole: two tokens change places with each reading, and none is passed
// over.
func TestAListThatMovesAndBringsTheSameTokensTwiceIsWhole(t *testing.T) {
	same := `{"id":"00Taaaaaaaaaaaaaaaa1","name":"one"}`
	inBubble(t, oktatest.Config{PageSize: 2, Tokens: []oktatest.Token{odd(1, "1", same),
		odd(2, "2", `{"id":"00Taaaaaaaaaaaaaaaa2"}`), odd(3, "3", same), odd(4, "4", `{"id":"00Taaaaaaaaaaaaaaaa4"}`)}},
		func(t *testing.T, _ *oktatest.Server, c *Client) {
			l := c.List(t.Context(), ListOptions{})
			tokens, err := collect(l)
			require.NoError(t, err)
			require.Equal(t, []string{"00Taaaaaaaaaaaaaaaa1", "00Taaaaaaaaaaaaaaaa2", "00Taaaaaaaaaaaaaaaa4"},
				ids(tokens))
			require.Equal(t, []int{3, 2, 1, 2}, []int{l.Tokens, l.Pages, l.Duplicates, l.Readings})
		})
}

// TestATokenThatIsUsedWhileTheListMovesIsReadAgain: it comes in two forms once, and the reading after that counts.
func TestATokenThatIsUsedWhileTheListMovesIsReadAgain(t *testing.T) {
	moving(t, 1, func(org *oktatest.Server, nth int) {
		org.Use(org.Tokens()[0].ID)
		toTheEnd(org, nth)
	}, func(t *testing.T, _ *oktatest.Server, l *Listing) {
		tokens, err := collect(l)
		require.NoError(t, err)
		require.Len(t, ids(tokens), 31)
		require.Equal(t, 2, l.Readings)
	})
}

// TestTwoReadingsThatDifferDoNotAgree: in each, another token is missing.
func TestTwoReadingsThatDifferDoNotAgree(t *testing.T) {
	pages := [][]string{{"ab", "ac"}, {"ab", "ad"}, {"ab", "ac"}}
	reading, n := -1, 0
	org := &answering{answer: func(r *http.Request) (string, http.Header) {
		header := http.Header{}
		if n = 1; !r.URL.Query().Has("after") {
			reading, n = reading+1, 0
			header.Set("Link", `</api/v1/api-tokens?after=x>; rel="next"`)
		}
		var tokens []string
		for _, name := range pages[reading][n] {
			tokens = append(tokens, fmt.Sprintf(`{"id":"00Taaaaaaaaaaaaaaaa%c"}`, name))
		}
		return "[" + strings.Join(tokens, ",") + "]", header
	}}
	l := org.client(t).List(t.Context(), ListOptions{})
	_, err := collect(l)
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "tokens that came twice: 1, and the reading before it brought others")
	require.Equal(t, 3, l.Readings)
}
