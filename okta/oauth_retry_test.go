package okta

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func TestReadingIsTriedAgainWithNewProofsWhateverComesBetween(t *testing.T) {
	for name, row := range map[string]struct {
		fault oktatest.Fault
		want  []string // of requests to the API
	}{
		"a rate limit": {fault: oktatest.Fault{Status: 429, Times: 2},
			want: []string{"GET 429", "GET 429", "GET 200"}},
		"an org that is unavailable": {fault: oktatest.Fault{Status: 503, Times: 1},
			want: []string{"GET 503", "GET 200"}},
		"a lost answer, which uses a proof up": {fault: oktatest.Fault{HangupAfter: true, Times: 1}},
		"a proof that is refused": {fault: oktatest.Fault{Status: 400, Body: " ",
			Header: http.Header{"Www-Authenticate": {
				`DPoP error="invalid_dpop_proof", error_description="The DPoP proof JWT has already been used."`}},
			Times: 1}, want: []string{"GET 400", "GET 200"}},
		"an access token that was revoked": {fault: oktatest.Fault{Times: 1}, want: []string{"GET 401", "token 400",
			"token 200", "GET 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
				id := org.Tokens()[0].ID
				_, err := c.Token(t.Context(), id)
				require.NoError(t, err)
				org.ResetRequests()
				row.fault.Path = listPath + "/*"
				if row.fault.Status == 0 && !row.fault.HangupAfter {
					row.fault.Then = func() { org.EndAccessTokens(); org.ChangeNonce() }
				}
				org.Fault(row.fault)
				_, err = c.Token(t.Context(), id)
				require.NoError(t, err, "%v", asked(org))
				if row.want != nil {
					require.Equal(t, row.want, asked(org))
				}
			})
		})
	}
}

// The access token is good all the same: ending it would cost a login for each owner whose roles are asked for.
func TestAFeatureThatTheOrgLacksEndsNoAccessToken(t *testing.T) {
	asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		id := org.Tokens()[0].ID
		_, err := c.Token(t.Context(), id)
		require.NoError(t, err)
		org.ResetRequests()
		org.Fault(oktatest.Fault{Path: listPath + "/*", Status: 401, Times: 1, Body: oktatest.ErrorBody("E0000015",
			"You do not have permission to access the feature you are requesting")})
		_, err = c.Token(t.Context(), id)
		require.ErrorIs(t, err, ErrForbidden)
		require.NotErrorIs(t, err, ErrUnauthorized)
		_, err = c.Token(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, []string{"GET 401", "GET 200"}, asked(org))
	})
}

func TestLoggingInIsTriedAgainAsReadingIs(t *testing.T) {
	for name, row := range map[string]struct {
		fault oktatest.Fault
		waits time.Duration
		want  []string
	}{
		"a rate limit": {fault: oktatest.Fault{Status: 429, Skip: 1, Times: 1,
			Header: http.Header{"X-Rate-Limit-Limit": {"10"}, "X-Rate-Limit-Remaining": {"0"},
				"X-Rate-Limit-Reset": {"946684830"}}}, waits: 20 * time.Second, want: []string{"token 400", "token 429",
			"token 400", "token 200", "GET 200"}},
		"an org that is unavailable": {fault: oktatest.Fault{Status: 503, Times: 2}, waits: 500 * time.Millisecond,
			want: []string{"token 503", "token 503", "token 400", "token 400", "token 200", "GET 200"}},
		"a lost answer": {fault: oktatest.Fault{HangupAfter: true, Skip: 2, Times: 1},
			want: []string{"token 400", "token 400", "token 0", "token 200", "GET 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
				row.fault.Path = tokenPath
				org.Fault(row.fault)
				began := time.Now()
				_, err := c.Token(t.Context(), org.Tokens()[0].ID)
				require.NoError(t, err)
				require.Equal(t, row.want, asked(org))
				require.GreaterOrEqual(t, time.Since(began), row.waits)
			})
		})
	}
}

func TestTheClockOfTheOrgCounts(t *testing.T) {
	for _, ahead := range []time.Duration{-26 * time.Hour, -6 * time.Minute, 6 * time.Minute, 26 * time.Hour} {
		for _, dpop := range []bool{false, true} {
			asApp(t, oktatest.Config{
				OAuth: oktatest.OAuth{Apps: apps(dpop, allScopes...)}, Now: func() time.Time {
					return time.Now().Add(ahead)
				},
			}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
				_, err := c.Token(t.Context(), org.Tokens()[0].ID)
				require.NoError(t, err, "%v %v", ahead, asked(org))
			})
		}
	}
}

func TestOneLogsInWhileOthersWait(t *testing.T) {
	asApp(t, oktatest.Config{Latency: time.Second}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		id := org.Tokens()[0].ID
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := c.Token(t.Context(), id)
				require.NoError(t, err)
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		_, err := c.Token(ctx, id)
		require.ErrorIs(t, err, context.DeadlineExceeded, "whoever waits can give up")
		all.Wait()
		require.Len(t, org.AccessTokens(), 1)
	})
}

func TestWhileOktaIsInTroubleAnAccessTokenIsUsedToItsEnd(t *testing.T) {
	asApp(t, oktatest.Config{OAuth: oktatest.OAuth{TokenLife: time.Hour}}, nil,
		func(t *testing.T, org *oktatest.Server, c *Client) {
			id := org.Tokens()[0].ID
			_, err := c.Token(t.Context(), id)
			require.NoError(t, err)
			org.Fault(oktatest.Fault{Path: tokenPath, Status: 503})
			time.Sleep(56 * time.Minute)
			for range 3 {
				_, err = c.Token(t.Context(), id)
				require.NoError(t, err, "the access token holds for four minutes more")
			}
			require.Equal(t, []string{"GET 200", "GET 200", "GET 200"}, asked(org)[len(asked(org))-3:],
				"and it isn't tried again for each request")
			time.Sleep(4 * time.Minute)
			_, err = c.Token(t.Context(), id)
			require.ErrorContains(t, err, "logging in as the service app "+clientID+
				": POST /oauth2/v1/token: 503 Service Unavailable")
			require.NotErrorIs(t, err, ErrUnauthorized)
			org.ClearFaults()
			_, err = c.Token(t.Context(), id)
			require.NoError(t, err)
		})
}
