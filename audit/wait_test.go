package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// Owners have a rate limit of their own. Here others have used it up for most of a minute when an owner is read again
// before a change: what happens meanwhile must not be passed over.
func TestWhatHappensWhileAnOwnerIsWaitedFor(t *testing.T) {
	for _, what := range []struct {
		name    string
		happens func(org *oktatest.Server, state string) error
		outcome audit.Outcome
		code    audit.ExitCode
		refusal string // of the same by hand, "" if it is made
	}{
		{"the token is used", func(org *oktatest.Server, _ string) error { org.Use(oktatest.TokenID(1)); return nil },
			audit.Changed, audit.OK, ""},
		{"it becomes that of an agent", func(org *oktatest.Server, _ string) error {
			org.Update(oktatest.TokenID(1), func(t *oktatest.Token) { t.ClientName = "Okta AD Agent" })
			return nil
		}, audit.Changed, audit.OK, "Okta AD Agent"},
		{"the brake is pulled", func(_ *oktatest.Server, state string) error {
			return ledger.InDirectory(state).SetHalt("stop", "kim", time.Now())
		}, audit.Held, audit.Halted, "halted by kim"},
	} {
		t.Run(what.name, func(t *testing.T) {
			happened := make(chan error, 1)
			happens := func(org *oktatest.Server, state string) { happened <- what.happens(org, state) }
			slowOwner(t, happens, func(t *testing.T, w *slowWorld) {
				r := audit.Run(t.Context(), audit.Options{
					Org: w.client.Reader, Policy: policy(t, ownedPolicy), Ledger: w.ledger,
					Enforce: &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string,
						error) {
						w.slow()
						return "here", nil
					}},
				})
				require.Len(t, happened, 1)
				require.NoError(t, <-happened)
				f := only(t, r)
				require.Equal(t, what.outcome, f.Outcome, f.Reason)
				require.Equal(t, what.code, r.Code, "%v", r.Err)
				require.Len(t, w.org.Tokens(), 2)
			})
			slowOwner(t, happens, func(t *testing.T, w *slowWorld) {
				w.slow()
				h := audit.Hand{Org: w.client, Policy: policy(t, ownedPolicy), Ledger: w.ledger,
					Reason: "ticket 7"}
				_, _, err := h.Revoke(t.Context(), oktatest.TokenID(1))
				require.Len(t, happened, 1)
				require.NoError(t, <-happened)
				if what.refusal == "" {
					require.NoError(t, err)
					require.Len(t, w.org.Tokens(), 1)
					return
				}
				require.ErrorContains(t, err, what.refusal)
				require.Len(t, w.org.Tokens(), 2)
			})
		})
	}
}

// Others use more than their half of the rate limit just when a token is read again: the change waits for the next
// window, and is made of what the token is then.
func TestAChangeWaitsForTheRateLimitThatItsReadingTells(t *testing.T) {
	usedUp := oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + oktatest.TokenID(1), Times: 1,
		Header: http.Header{"X-Rate-Limit-Remaining": {"290"}}}
	reads := func(org *oktatest.Server) (n int) {
		for _, q := range org.Requests() {
			if q.Method == http.MethodGet && strings.HasSuffix(q.Path, oktatest.TokenID(1)) {
				n++
			}
		}
		return n
	}
	nobody := func(*oktatest.Server, string) {}
	slowOwner(t, nobody, func(t *testing.T, w *slowWorld) {
		r := audit.Run(t.Context(), audit.Options{
			Org: w.client.Reader, Policy: policy(t, nowPolicy), Ledger: w.ledger,
			Enforce: &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
				w.org.Fault(usedUp)
				return "here", nil
			}},
		})
		require.NoError(t, r.Err)
		require.Equal(t, audit.Revoked, only(t, r).Outcome, only(t, r).Reason)
		require.Equal(t, 3, reads(w.org), "before and after the wait, and to make sure that it is gone")
	})
	slowOwner(t, nobody, func(t *testing.T, w *slowWorld) {
		w.org.Fault(usedUp)
		h := audit.Hand{Org: w.client, Policy: policy(t, nowPolicy), Ledger: w.ledger,
			Reason: "ticket 7"}
		outcome, reason, err := h.Revoke(t.Context(), oktatest.TokenID(1))
		require.NoError(t, err)
		require.Equal(t, audit.Revoked, outcome, reason)
		require.Equal(t, 3, reads(w.org))
	})
	slowOwner(t, nobody,
		func(t *testing.T, w *slowWorld) { // of the token in use, which is not read, after a run that read others
			w.org.Fault(usedUp)
			_, err := w.client.Token(t.Context(), oktatest.TokenID(1))
			require.NoError(t, err)
			h := audit.Hand{Org: w.client, Policy: policy(t, nowPolicy), Ledger: w.ledger,
				Reason: "ticket 7"}
			outcome, reason, err := h.RevokeCurrent(t.Context())
			require.NoError(t, err)
			require.Equal(t, audit.Revoked, outcome, reason)
		})
}

const ownedPolicy = limits + "rules: [{id: left, when: {lastUsed: {olderThan: 14d}, owner.status: {is: SUSPENDED}}, " +
	"then: {revoke: 0d}}]"

// slowWorld is an org and a state directory.
type slowWorld struct {
	org    *oktatest.Server
	client *okta.Client
	ledger *ledger.Ledger
	state  string
	slow   func()
}

// slowOwner plays f in a bubble. From slow on, the next reading of the owner of the one idle token waits for 55
// seconds; happens is called in the middle of them.
func slowOwner(t *testing.T, happens func(*oktatest.Server, string), f func(*testing.T, *slowWorld)) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * 365 * day) // rules take no time before 2000 for a real one
		today := time.Now()
		token := func(n int, unused time.Duration) oktatest.Token {
			return oktatest.Token{ID: oktatest.TokenID(n), Name: fmt.Sprint("token-", n), UserID: oktatest.UserID(n),
				Created: today.AddDate(-1, 0, 0), LastUsed: today.Add(-unused)}
		}
		org := oktatest.New(oktatest.Config{
			Credential: canary, Me: oktatest.UserID(9), OwnToken: oktatest.TokenID(9), Tokens: []oktatest.Token{
				token(1, 15*day), token(9, 0)}, RateLimit: oktatest.RateLimit{Limit: 600, Window: time.Minute},
			Users: []oktatest.User{{ID: oktatest.UserID(1), Login: "kim", Status: "SUSPENDED"}},
			Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}},
		})
		defer synctest.Wait()
		defer org.Close()
		client, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Token: okta.NewSecret(canary), RateShare: 0.5,
			Transport: org.Transport()})
		require.NoError(t, err)
		l, err := ledger.InDirectory(state).Open(time.Now)
		require.NoError(t, err)
		f(t, &slowWorld{org, client, l, state, func() {
			reset := fmt.Sprint(time.Now().Add(55 * time.Second).Unix())
			org.Fault(oktatest.Fault{
				Path: "/api/v1/users/" + oktatest.UserID(1), Status: http.StatusTooManyRequests, Times: 1,
				Header: http.Header{"X-Rate-Limit-Limit": {"100"}, "X-Rate-Limit-Remaining": {"0"},
					"X-Rate-Limit-Reset": {reset}},
				Then: func() { time.AfterFunc(30*time.Second, func() { happens(org, state) }) },
			})
		}})
		require.NoError(t, l.Close())
	})
}
