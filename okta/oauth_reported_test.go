package okta

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// What stopped users of other programs, as they told in public: the thread stands beside each.

// okta-sdk-nodejs#453: with a slash behind the org's address the URL in a proof was not the one that was asked for.
func TestASlashBehindTheAddressSpoilsNoProof(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1//", "http://LOCALHOST/",
		"http://localhost:80/"} {
		synctest.Test(t, func(t *testing.T) {
			org := oktatest.New(oktatest.Config{OAuth: oktatest.OAuth{Apps: apps(true, allScopes...), APINonce: true},
				Tokens: oktatest.Many(30, time.Now()), PageSize: 10})
			defer org.Close()
			c, err := New(Options{OrgURL: address, Dial: org.Dial, App: &ServiceApp{ClientID: clientID, KeyID: "ec",
				Key: NewSecret(pkcs8(ecKey())), Scopes: Scopes{Needed: []string{ScopeManage}}}})
			require.NoError(t, err)
			defer c.conn.reads.CloseIdleConnections()
			tokens, err := collect(c.List(t.Context(), ListOptions{}))
			require.NoError(t, err, address)
			require.Len(t, tokens, 30)
			require.NoError(t, c.Revoke(t.Context(), tokens[0].ID))
		})
	}
}

// ai-platform-engineering#2023, requests_oauth2client#97: the answer to a nonce that had changed was never reached.
func TestNoncesOfBothSidesMayChangeWhileAListIsRead(t *testing.T) {
	o := oktatest.OAuth{APINonce: true, NonceLife: 2 * time.Second, TokenLife: 10 * time.Minute}
	asApp(t, oktatest.Config{OAuth: o, PageSize: 1}, nil, func(t *testing.T, org *oktatest.Server, c *Client) {
		for page := range 30 { // each so much later than the one before that a nonce of before is of no use
			org.Fault(oktatest.Fault{Page: page + 1, Delay: 25 * time.Second, Times: 1})
		}
		tokens, err := collect(c.List(t.Context(), ListOptions{}))
		require.NoError(t, err)
		require.Len(t, tokens, 30)
		require.Greater(t, len(org.AccessTokens()), 1, "it logs in again meanwhile")
	})
}
