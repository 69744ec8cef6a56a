package okta

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// Nonces that are good for one use (RFC 9449, section 8.2): each answer brings the one for the next request.
func TestANonceThatIsGoodForOneUseIsUsedOnce(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{NonceOnce: true}}, nil,
		func(t *testing.T, org *oktatest.Server, c *Client) {
			tokens, err := collect(c.List(t.Context(), ListOptions{}))
			require.NoError(t, err)
			require.Len(t, tokens, 30)
			for _, token := range tokens[:5] {
				_, err := c.Token(t.Context(), token.ID)
				require.NoError(t, err)
				require.NoError(t, c.Revoke(t.Context(), token.ID))
			}
			list := asked(org)
			require.Equal(t, []string{"token 400", "token 400", "token 200", "GET 400", "GET 200", "GET 200", "GET 200",
				"GET 200", "DELETE 204", "GET 200", "DELETE 204"}, list[:11])
			require.NotContains(t, list[4:], "GET 400", "after the first no request is refused")
			used := make(map[any]bool)
			for _, r := range org.Requests()[2:] {
				nonce := claimsOf(t, r.Header.Get("DPoP"))["nonce"]
				require.False(t, used[nonce] && nonce != nil, "a nonce is used once")
				used[nonce] = true
			}
		})
}

// Pages and owners are read at the same time, and none of these requests takes another's nonce for good.
func TestRequestsAtTheSameTimeDoNotFailForEachOthersNonces(t *testing.T) {
	for _, latency := range []time.Duration{0, time.Second} {
		asApp(t, oktatest.Config{
			OAuth: oktatest.OAuth{NonceOnce: true}, Latency: latency, Users: []oktatest.User{
				{ID: oktatest.UserID(1), Login: "kim"}},
		}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
			var all sync.WaitGroup
			all.Go(func() {
				tokens, err := collect(c.List(t.Context(), ListOptions{}))
				require.NoError(t, err)
				require.Len(t, tokens, 30)
			})
			for range 8 {
				all.Go(func() {
					for range 5 {
						o, err := c.Owner(t.Context(), oktatest.UserID(1))
						require.NoError(t, err)
						require.Empty(t, o.Unknown+o.RolesUnknown)
					}
				})
			}
			all.Wait()
			require.Less(t, len(slices.DeleteFunc(asked(org), func(s string) bool { return s != "GET 400" })), 30, "%v",
				asked(org))
		})
	}
}

func TestAFewChallengesOfAReadingAreAnsweredAndOneOfAChange(t *testing.T) {
	for name, row := range map[string]struct {
		times int
		do    func(t *testing.T, c *Client, id string) error
		want  []string
		fails bool
	}{
		"four of a reading": {4, func(t *testing.T, c *Client, id string) error {
			_, err := c.Token(t.Context(), id)
			return err
		},
			[]string{"GET 400", "GET 400", "GET 400", "GET 400", "GET 200"}, false},
		"five of a reading": {5, func(t *testing.T, c *Client, id string) error {
			_, err := c.Token(t.Context(), id)
			return err
		},
			[]string{"GET 400", "GET 400", "GET 400", "GET 400", "GET 400"}, true},
		"one of a change": {1, func(t *testing.T, c *Client, id string) error { return c.Revoke(t.Context(), id) },
			[]string{"DELETE 400", "DELETE 204"}, false},
		"two of a change": {2, func(t *testing.T, c *Client, id string) error { return c.Revoke(t.Context(), id) },
			[]string{"DELETE 400", "DELETE 400"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{OAuth: oktatest.OAuth{NonceOnce: true}}, nil,
				func(t *testing.T, org *oktatest.Server, c *Client) {
					id := org.Tokens()[0].ID
					_, err := c.Token(t.Context(), id)
					require.NoError(t, err)
					org.ResetRequests()
					org.Fault(oktatest.Fault{Path: listPath + "/*", Times: row.times, Then: org.ChangeNonce})
					err = row.do(t, c, id)
					require.Equal(t, row.want, asked(org))
					if !row.fails {
						require.NoError(t, err)
						return
					}
					require.ErrorContains(t, err, "use_dpop_nonce")
					org.ClearFaults()
					_, err = c.Token(t.Context(), id)
					require.NoError(t, err, "the next request has a nonce of its own")
				})
		})
	}
}

// A server may skip "the proof is missing" and ask for the nonce at once (RFC 9449, section 8).
func TestATokenRequestThatIsToldANonceBeforeItSentAProofIsAnswered(t *testing.T) {
	for _, once := range []bool{false, true} {
		asApp(t, oktatest.Config{OAuth: oktatest.OAuth{NonceFirst: true, NonceOnce: once}}, nil,
			func(t *testing.T, org *oktatest.Server, c *Client) {
				login, err := c.Login(t.Context())
				require.NoError(t, err)
				require.True(t, login.Bound)
				require.Equal(t, []string{"token 400", "token 200"}, asked(org))
				time.Sleep(56 * time.Minute)
				_, err = c.Login(t.Context())
				require.NoError(t, err)
				require.Equal(t, []string{"token 400", "token 200", "token 200"}, asked(org), "and the next one knows")
			})
	}
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		org.Fault(oktatest.Fault{Path: tokenPath, Times: 1, Status: http.StatusBadRequest,
			Body: `{"error":"use_dpop_nonce"}`})
		_, err := c.Login(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"token 400", "token 400", "token 200"}, asked(org),
			"without a nonce it says at least that a proof is wanted")
	})
}

func TestALoginAnswersAFewChallengesAndNoMore(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{NonceOnce: true}}, nil,
		func(t *testing.T, org *oktatest.Server, c *Client) {
			org.Fault(oktatest.Fault{Path: tokenPath, Then: org.ChangeNonce})
			_, err := c.Login(t.Context())
			require.ErrorIs(t, err, ErrUnauthorized)
			require.Equal(t, []string{"token 400", "token 400", "token 400", "token 400", "token 400", "token 400"},
				asked(org))
		})
}
