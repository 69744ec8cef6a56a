package okta

import (
	"context"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func TestHowLongARateLimitIsWaitedFor(t *testing.T) {
	now := time.Unix(1_757_607_710, 0)
	header := func(limit, reset string) http.Header {
		h := http.Header{"X-Rate-Limit-Limit": {limit}, "X-Rate-Limit-Remaining": {"0"}, "X-Rate-Limit-Reset": {reset}}
		return h
	}
	in := func(seconds int64) string { return strconv.FormatInt(now.Unix()+seconds, 10) }
	backoff := []time.Duration{backoffBase / 2, backoffBase}
	for _, row := range []struct {
		name   string
		header http.Header
		date   time.Time
		want   []time.Duration // shortest and longest
	}{
		{"until the reset by the clock of the answer's Date, and a second more", header("10", in(48)), now,
			[]time.Duration{49 * time.Second}},
		{"by the org's clock even where ours is a day behind", header("10", in(24*3600+48)), now.Add(24 * time.Hour),
			[]time.Duration{49 * time.Second}},
		{"a second at least, where the reset is past", header("10", in(-100)), now, []time.Duration{time.Second}},
		{"five minutes at most, where the reset is in ten years", header("10", in(10*365*24*3600)), now,
			[]time.Duration{5 * time.Minute}},
		{"the smaller of two resets", http.Header{"X-Rate-Limit-Limit": {"10"}, "X-Rate-Limit-Remaining": {"0"},
			"X-Rate-Limit-Reset": {in(90), in(30)}}, now, []time.Duration{31 * time.Second}},
		{"a backoff for the limit on concurrent requests", header("0", in(48)), now, backoff},
		{"a backoff without headers", nil, now, backoff},
		{"a backoff for a reset that is no number", header("10", "soon"), now, backoff},
		{"a backoff for a negative reset", header("10", "-5"), now, backoff},
		{"a backoff without a Date", header("10", in(48)), time.Time{}, backoff},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, oktatest.Config{Me: oktatest.UserID(1)}, func(t *testing.T, org *oktatest.Server, c *Client) {
				f := oktatest.Fault{Status: 429, Times: 1, Header: row.header, Date: row.date,
					NoDate: row.date.IsZero()}
				org.Fault(f)
				began := time.Now()
				_, err := c.Me(t.Context())
				require.NoError(t, err)
				waited := time.Since(began)
				require.GreaterOrEqual(t, waited, row.want[0])
				require.LessOrEqual(t, waited, row.want[len(row.want)-1])
				require.Len(t, org.Requests(), 2)
			})
		})
	}
}

func TestReadingGivesUpAfterFiveRetriesThatBackOff(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Status: 503})
		began := time.Now()
		_, err := c.Me(t.Context())
		require.ErrorContains(t, err, "503 Service Unavailable")
		require.ErrorContains(t, err, "gave up after 6 attempts")
		sent := org.Requests()
		require.Len(t, sent, 6)
		require.Equal(t, "5", sent[5].Header.Get("X-Okta-Retry-Count"))
		require.NotEmpty(t, sent[5].Header.Get("X-Okta-Retry-For"))
		shortest := (backoffBase + 2*backoffBase + 4*backoffBase + 8*backoffBase + 16*backoffBase) / 2
		require.GreaterOrEqual(t, time.Since(began), shortest)
		require.LessOrEqual(t, time.Since(began), 2*shortest)
	})
}

func TestReadingGivesUpAtItsDeadline(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Status: 429, Header: http.Header{
			"X-Rate-Limit-Limit": {"10"}, "X-Rate-Limit-Remaining": {"0"},
			"X-Rate-Limit-Reset": {strconv.FormatInt(time.Now().Unix()+200, 10)},
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := c.Me(ctx)
		require.ErrorContains(t, err, "the next attempt would come after the deadline")
		require.Less(t, time.Since(began), time.Second, "it says so at once")
	})
}

func TestABodyThatStopsComingIsGivenUp(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Page: 2, Times: 1, Drip: 2 * bodyStall})
		tokens, err := collect(c.List(t.Context(), ListOptions{}))
		require.NoError(t, err)
		require.Len(t, tokens, 30)
		require.Len(t, org.Requests(), 5, "three pages, the second and what was asked for in advance once more")
	})
}

func TestChangesAreSentOnce(t *testing.T) {
	id := oktatest.Many(1, time.Now())[0].ID
	for name, fault := range map[string]oktatest.Fault{
		"over the rate limit":        {Status: 429},
		"unavailable":                {Status: 503},
		"a timeout of the gateway":   {Status: 504},
		"a lost answer":              {HangupAfter: true},
		"a connection that breaks":   {Hangup: true},
		"another status of success":  {Status: 200, Body: "{}"},
		"accepted, to be done later": {Status: 202},
		"a redirect":                 {Status: 307, Header: http.Header{"Location": {"/api/v1/api-tokens/" + id}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
				token, err := c.Token(t.Context(), id)
				require.NoError(t, err)
				org.ResetRequests()
				org.Fault(fault)
				require.Error(t, c.Revoke(t.Context(), id))
				require.Error(t, c.RevokeCurrent(t.Context()))
				if fault.Status != http.StatusOK {
					_, err = c.SetNetwork(t.Context(), token, Condition{Connection: "ANYWHERE"})
					require.Error(t, err)
				}
				for i, r := range org.Requests() {
					require.Less(t, i, 3, "one request for each call")
					require.NotContains(t, r.Header, "Idempotency-Key", "net/http would send it again")
				}
			})
		})
	}
}

func TestALostAnswerToAChangeIsMarkedAsUnknown(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		id := org.Tokens()[0].ID
		org.Fault(oktatest.Fault{Method: http.MethodDelete, HangupAfter: true})
		err := c.Revoke(t.Context(), id)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.True(t, e.MayHaveActed())
		_, err = c.Token(t.Context(), id)
		require.ErrorIs(t, err, ErrNotFound, "it had happened")
	})
}

func TestPacingMeetsNo429(t *testing.T) {
	for _, row := range []struct {
		name    string
		share   float64
		pages   int
		atLeast time.Duration
		atMost  time.Duration
	}{
		{"the whole budget: 25 pages at 10 in 5 s take two full windows", 1, 25, 10 * time.Second, 13 * time.Second},
		{"half of it: 25 pages at 5 in 5 s take four full windows", 0.5, 25, 20 * time.Second, 25 * time.Second},
		{"a share of less than one request still goes on, with two in a window", 0.01, 6, 10 * time.Second,
			13 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, oktatest.Config{
				Tokens: oktatest.Many(row.pages, time.Now()), PageSize: 1,
				RateLimit: oktatest.RateLimit{Limit: 10, Window: 5 * time.Second},
			}, func(t *testing.T, org *oktatest.Server, c *Client) {
				c.conn.pace.share = row.share
				var waits int
				c.conn.trace = func(e Event) {
					if !e.Until.IsZero() {
						require.True(t, e.RateLimit)
						waits++
					}
				}
				began := time.Now()
				tokens, err := collect(c.List(t.Context(), ListOptions{}))
				require.NoError(t, err)
				require.Len(t, tokens, row.pages)
				for _, r := range org.Requests() {
					require.Equal(t, http.StatusOK, r.Status)
				}
				require.Positive(t, waits, "waits are told of")
				require.GreaterOrEqual(t, time.Since(began), row.atLeast)
				require.LessOrEqual(t, time.Since(began), row.atMost)
			})
		})
	}
}

func TestPacingLeavesWhatOthersUseAlone(t *testing.T) {
	inBubble(t, oktatest.Config{
		PageSize: 1, RateLimit: oktatest.RateLimit{Limit: 20, Window: 10 * time.Second},
	}, func(t *testing.T, org *oktatest.Server, c *Client) {
		c.conn.pace.share = 0.5
		_, err := collect(c.List(t.Context(), ListOptions{}))
		require.NoError(t, err)
		perWindow := make(map[int64]int)
		first := org.Requests()[0].At.Unix()
		for _, r := range org.Requests() {
			perWindow[(r.At.Unix()-first)/10]++
		}
		for window, n := range perWindow {
			require.LessOrEqual(t, n, 10, "window %d", window)
		}
		require.Len(t, perWindow, 3)
	})
}

func TestWaitsForARateLimitAreToldFromOthers(t *testing.T) {
	for status, limited := range map[int]bool{http.StatusTooManyRequests: true, http.StatusServiceUnavailable: false} {
		inBubble(t, oktatest.Config{Me: oktatest.UserID(1)}, func(t *testing.T, org *oktatest.Server, c *Client) {
			org.Fault(oktatest.Fault{Status: status, Times: 1})
			var waits []bool
			c.conn.trace = func(e Event) {
				if !e.Until.IsZero() {
					waits = append(waits, e.RateLimit)
				}
			}
			_, err := c.Me(t.Context())
			require.NoError(t, err)
			require.Equal(t, []bool{limited}, waits, "after %d", status)
		})
	}
}

func TestTimeoutsOfTheNetworkAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := oktatest.New(oktatest.Config{Credential: canary, Me: oktatest.UserID(1)})
		defer org.Close()
		dials := 0
		c := dial(t, Options{OrgURL: "http://127.0.0.1", Dial: func(ctx context.Context, network, addr string) (
			net.Conn, error) {
			if dials++; dials == 1 {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
			}
			return org.Dial(ctx, network, addr)
		}})
		defer c.conn.reads.CloseIdleConnections()
		_, err := c.Me(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, dials)

		org.Fault(oktatest.Fault{Times: 1, Delay: time.Hour}) // longer than the client waits for headers
		_, err = c.Me(t.Context())
		require.NoError(t, err)
	})
}

func TestARefusedAnswerWhoseBodyStallsIsTriedAgainSoon(t *testing.T) {
	inBubble(t, oktatest.Config{Me: oktatest.UserID(1)}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Status: 503, Times: 1, Body: "{}", Drip: time.Hour})
		began := time.Now()
		_, err := c.Me(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

func TestAChangeDoesNotWaitForItsTurnAndAwaitDoes(t *testing.T) {
	inBubble(t, oktatest.Config{RateLimit: oktatest.RateLimit{Limit: 4, Window: time.Minute}, Latency: 2 * time.Second},
		func(t *testing.T, org *oktatest.Server, c *Client) {
			c.conn.pace.share = 0.5
			id := org.Tokens()[0].ID
			for range 2 { // what may be sent in this window
				_, err := c.Token(t.Context(), id)
				require.NoError(t, err)
			}
			began := time.Now()
			err := c.Revoke(t.Context(), id)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.False(t, e.MayHaveActed(), "it was never sent")
			require.Less(t, time.Since(began), time.Second)

			waited, err := c.Await(t.Context())
			require.NoError(t, err)
			require.True(t, waited)
			require.Greater(t, time.Since(began), 30*time.Second)
			_, err = c.Token(t.Context(), id)
			require.NoError(t, err)
			require.NoError(t, c.Revoke(t.Context(), id), "there was room for both")

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = c.Await(ctx)
			require.ErrorIs(t, err, context.Canceled)
		})
}

func TestWhichAnswersLeaveAChangeUnknown(t *testing.T) {
	for status, unknown := range map[int]bool{
		400: false, 401: false, 403: false, 405: false, 429: false, // Okta refuses it
		404: true, 500: true, 503: true, // Okta says so, and it may have been done all the same
		200: true, 202: true, 302: true, 408: true, 409: true, 410: true, 502: true,
		504: true, // without a word of Okta's
	} {
		inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
			org.Fault(oktatest.Fault{Status: status})
			var e *Error
			require.ErrorAs(t, c.Revoke(t.Context(), org.Tokens()[0].ID), &e)
			require.Equal(t, unknown, e.MayHaveActed(), "%d", status)
		})
	}
}

func TestAPageThatIsReadAgainMayShowATokenThatWasUsedSince(t *testing.T) {
	inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Page: 1, CutBody: 2000, Times: 1})
		org.Fault(oktatest.Fault{Page: 1, Times: 1, Then: func() { org.Use(org.Tokens()[0].ID) }})
		l := c.List(t.Context(), ListOptions{})
		tokens, err := collect(l)
		require.NoError(t, err)
		require.Len(t, tokens, 30)
		require.Zero(t, l.Duplicates)
		_, err = collect(l)
		require.ErrorContains(t, err, "this listing was read before")
	})
}
