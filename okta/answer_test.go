package okta

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// strangers are answers that are not Okta's, whatever their status is.
var strangers = map[string]oktatest.Fault{
	"a page of HTML":               {Proxy: true},
	"nothing":                      {Header: http.Header{"Content-Type": nil}, TruncateBody: -1},
	"a proxy's JSON":               {Body: `{"error":"forbidden","message":"no such route"}`},
	"JSON without a code":          {Body: `{"errorCode":"","errorSummary":"Not found"}`},
	"JSON with another's code":     {Body: `{"errorCode":"NOT_FOUND","errorSummary":"Not found"}`},
	"the beginning of Okta's JSON": {TruncateBody: 30},
	"a list":                       {Body: `[{"errorCode":"E0000007"}]`},
	"null":                         {Body: "null"},
	"another scheme's challenge": {Body: " ",
		Header: http.Header{"WWW-Authenticate": {`Basic realm="proxy", error="invalid_token"`}}},
	"an OAuth challenge to who didn't log in by OAuth": {Body: " ",
		Header: http.Header{"WWW-Authenticate": {`Bearer error="invalid_token"`}}},
}

var sentinels = []error{ErrNotFound, ErrUnauthorized, ErrForbidden}

func TestWhoeverAnswersInOktasPlaceSaysNothing(t *testing.T) {
	for name, fault := range strangers {
		t.Run(name, func(t *testing.T) {
			for _, fault.Status = range []int{301, 400, 401, 403, 404, 407, 408, 409, 410, 429, 500, 502} {
				inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
					token := org.Tokens()[0].ID
					org.Fault(fault)
					_, errToken := c.Token(t.Context(), token)
					_, errUser := c.User(t.Context(), oktatest.UserID(1))
					_, errZone := c.Zone(t.Context(), "nzo1a2b3c4d5e6f7g8h9")
					_, errMe := c.Me(t.Context())
					_, errList := collect(c.List(t.Context(), ListOptions{}))
					_, errPut := c.SetNetwork(t.Context(), Token{ID: token, Name: Some("a")},
						Condition{Connection: "ANYWHERE"})
					for _, err := range []error{errToken, errUser, errZone, errMe, errList, errPut,
						c.Revoke(t.Context(), token), c.RevokeCurrent(t.Context())} {
						require.Error(t, err)
						for _, sentinel := range sentinels {
							require.NotErrorIs(t, err, sentinel, "%d", fault.Status)
						}
						var e *Error
						require.ErrorAs(t, err, &e)
						require.True(t, e.Method == http.MethodGet || e.MayHaveActed(), "%v", err)
						require.True(t, strings.Contains(err.Error(), "this answer is not Okta's") ||
							fault.Status == 301, "%v", err)
					}
					_, there := org.Token(token)
					require.True(t, there)
				})
			}
		})
	}
}

func TestWhatOktaSays(t *testing.T) {
	const token = "00T1f3w86v9h8o1VZ1d7"
	for _, row := range []struct {
		name     string
		status   int
		body     string
		is       error
		mayActed bool // of a change with that answer
	}{
		{name: "no such token", status: 404, body: oktatest.ErrorBody("E0000007", "Not found: Resource not found: "+
			token+" (Token)"), is: ErrNotFound, mayActed: true},
		{name: "no such token, in other words", status: 404, body: oktatest.ErrorBody("E0000007",
			"Ressource nicht gefunden"), is: ErrNotFound, mayActed: true},
		{name: "no such path", status: 404, body: oktatest.ErrorBody("E0000008", "The requested path was not found"),
			mayActed: true},
		{name: "another token is not there", status: 404, body: oktatest.ErrorBody("E0000007",
			"Not found: Resource not found: 00T1f3w86v9h8o1VZ1d8 (Token)"), mayActed: true},
		{name: "that with another status", status: 400, body: oktatest.ErrorBody("E0000007",
			"Not found: Resource not found: "+token+" (Token)")},
		{name: "a bad token", status: 401, body: oktatest.ErrorBody("E0000011", "Invalid token provided"),
			is: ErrUnauthorized},
		{name: "a feature that the org lacks", status: 401, body: oktatest.ErrorBody("E0000015",
			"You do not have permission to access the feature"), is: ErrForbidden},
		{name: "no permission", status: 403, body: oktatest.ErrorBody("E0000006", "You do not have permission"),
			is: ErrForbidden},
		{name: "a bad request", status: 400, body: oktatest.ErrorBody("E0000001", "Api validation failed")},
		{name: "one too many", status: 429, body: oktatest.ErrorBody("E0000047", "API call exceeded rate limit")},
		{name: "an error of the server", status: 500, body: oktatest.ErrorBody("E0000009", "Internal Server Error"),
			mayActed: true},
		{name: "read only", status: 503, body: oktatest.ErrorBody("E0000010", "Service is in read only mode"),
			mayActed: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
				org.Fault(oktatest.Fault{Status: row.status, Body: row.body})
				_, err := c.Token(t.Context(), token)
				for _, sentinel := range sentinels {
					require.Equal(t, is(row.is, sentinel), is(err, sentinel), "%v: %v", sentinel, err)
				}
				err = c.Revoke(t.Context(), token)
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, row.mayActed, e.MayHaveActed())
				_, err = collect(c.List(t.Context(), ListOptions{}))
				require.NotErrorIs(t, err, ErrNotFound, "a list is always there")
			})
		})
	}
}

// A proxy that fails for a moment is asked again, where that can help.
func TestAReadingThatAProxyGaveUpIsTriedAgain(t *testing.T) {
	for _, status := range []int{408, 502, 503, 504} {
		inBubble(t, oktatest.Config{}, func(t *testing.T, org *oktatest.Server, c *Client) {
			org.Fault(oktatest.Fault{Status: status, Proxy: true, Times: 2})
			_, err := c.Token(t.Context(), org.Tokens()[0].ID)
			require.NoError(t, err)
			require.Len(t, org.Requests(), 3)
		})
	}
}

func TestTheClockOfAProxyIsNotTheOrgs(t *testing.T) {
	inBubble(t, oktatest.Config{Me: oktatest.UserID(9)}, func(t *testing.T, org *oktatest.Server, c *Client) {
		_, err := c.Me(t.Context())
		require.NoError(t, err)
		org.Fault(oktatest.Fault{Status: 403, Proxy: true, Date: time.Now().Add(-time.Hour)})
		_, err = c.Me(t.Context())
		require.Error(t, err)
		offset, ok := c.ClockOffset()
		require.True(t, ok)
		require.Less(t, offset.Abs(), 2*time.Second)
	})
}

func TestAProxyEndsNoLogin(t *testing.T) {
	for _, status := range []int{400, 401, 403} {
		for name, fault := range map[string]oktatest.Fault{
			"a page": {Proxy: true}, "a proxy's JSON": {Body: `{"error":"forbidden"}`}, "nothing": {TruncateBody: -1},
		} {
			t.Run(name, func(t *testing.T) {
				asApp(t, oktatest.Config{}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
					fault.Path, fault.Status = tokenPath, status
					org.Fault(fault)
					_, err := c.Login(t.Context())
					var failed *LoginError
					require.ErrorAs(t, err, &failed)
					require.False(t, failed.Refused)
					require.False(t, errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden), "%v", err)

					// Nor does it end an access token that there is.
					org.ClearFaults()
					_, err = c.Login(t.Context())
					require.NoError(t, err)
					fault.Path, fault.Times = "/api/v1/users/*", 1
					org.Fault(fault)
					org.ResetRequests()
					_, err = c.User(t.Context(), oktatest.UserID(1))
					require.Error(t, err)
					require.Len(t, org.Requests(), 1, "no new login, and not asked again")
				})
			})
		}
	}
}
