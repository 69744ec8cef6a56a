package audit_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
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

// These tests run the job as a service app, with proofs of possession.

const clientID = "0oa1fk000000000001d7"

func newKey(t *testing.T, kind string) (private okta.Secret, public crypto.PublicKey) {
	t.Helper()
	var key crypto.Signer
	var err error
	if kind == "RSA" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return okta.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), key.Public()
}

// appWorld is a world in which a service app with the granted scopes does the job. Before each run, ask says what is
// asked for.
type appWorld struct {
	*world
	public crypto.PublicKey
	key    okta.Secret
}

func newAppWorld(t *testing.T, kind string, granted []string, tokens ...oktatest.Token) *appWorld {
	w := &appWorld{world: newWorld(t, tokens...)}
	w.key, w.public = newKey(t, kind)
	w.grant(granted...)
	return w
}

func (w *appWorld) grant(scopes ...string) {
	w.org.SetApp(oktatest.App{ClientID: clientID, Keys: []oktatest.AppKey{{ID: "one", Public: w.public}},
		Scopes: scopes, DPoP: true})
}

func (w *appWorld) ask(s okta.Scopes) {
	w.app = &okta.ServiceApp{ClientID: clientID, Key: w.key, Scopes: s}
}

func (w *appWorld) dry(text string) *audit.Report {
	w.ask(audit.Scopes(policy(w.t, text), false))
	return w.world.dry(text)
}

func (w *appWorld) enforce(text string) *audit.Report {
	w.ask(audit.Scopes(policy(w.t, text), true))
	return w.world.enforce(text)
}

var (
	toRead    = []string{okta.ScopeRead, okta.ScopeUsers, okta.ScopeRoles}
	toEnforce = []string{okta.ScopeManage, okta.ScopeZones, okta.ScopeUsers, okta.ScopeRoles}
)

func TestAServiceAppDoesTheWholeJob(t *testing.T) {
	for _, kind := range []string{"RSA", "EC"} {
		t.Run(kind, func(t *testing.T) {
			w := newAppWorld(t, kind, toRead, idleToken(1), idleToken(2))
			w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim@acme.example",
				Roles: []string{"ORG_ADMIN"}})
			text := limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}, owner.roles: {contains: " +
				"ORG_ADMIN}}, then: {quarantine: 1d, revoke: 3d}}]"
			r := w.dry(text)
			require.NoError(t, r.Err)
			requireNothingSaid(t, r)
			require.Equal(t, 2, r.Count(audit.Pending))
			require.Equal(t, okta.Some("kim@acme.example"), r.Findings[0].Token.Owner.Login)

			w.grant(toEnforce...)
			require.NoError(t, w.enforce(text).Err)
			w.pass(day)
			r = w.enforce(text)
			require.Equal(t, 2, r.Count(audit.Quarantined), "%v %v", r.Err, r.Notes)
			w.pass(2 * day)
			r = w.enforce(text)
			require.NoError(t, r.Err)
			require.Equal(t, 2, r.Count(audit.Revoked), "%v", r.Notes)
			require.Len(t, w.changes(), 4)
			for _, req := range w.org.Requests() {
				require.NotEqual(t, "/api/v1/users/me", req.Path, "an app is no user")
				require.NotContains(t, req.Header.Get("Authorization"), "SSWS")
			}
		})
	}
}

func TestNoTokenIsSparedAsTheOneOfAServiceApp(t *testing.T) {
	busy := idleToken(1)
	busy.Created, busy.LastUsed = ago(100), now // as the token of a run looks
	w := newAppWorld(t, "EC", toEnforce, busy)
	r := w.enforce(limits + "rules: [{id: x, when: {name: idle-1}, then: {revoke: 0d}}]")
	require.Equal(t, audit.Revoked, only(t, r).Outcome, "%v", r.Findings)
	requireNothingSaid(t, r)
}

// requireNothingSaid checks that no note is about the credential.
func requireNothingSaid(t *testing.T, r *audit.Report) {
	t.Helper()
	notes := strings.Join(r.Notes, "\n")
	require.NotContains(t, notes, "service app")
	require.NotContains(t, notes, "token that this run uses")
}

func TestAServiceAppHasNoTokenToRevoke(t *testing.T) {
	w := newAppWorld(t, "EC", toEnforce)
	w.ask(audit.HandScopes(policy(t, nowPolicy), false, false))
	_, _, err := w.byHand(nowPolicy, func(h audit.Hand, ctx context.Context, _ string) (audit.Outcome, string, error) {
		return h.RevokeCurrent(ctx)
	}, "")
	require.ErrorIs(t, err, audit.ErrRefused)
	require.ErrorContains(t, err, "has no API token of its own")
	require.Empty(t, w.changes())
	require.Empty(t, w.kinds(ledger.Intent))
}

func TestAServiceAppAsksForLoginsWhereTheyAreShown(t *testing.T) {
	p := policy(t, nowPolicy)
	require.Empty(t, audit.HandScopes(p, false, false).Optional)
	require.Equal(t, []string{okta.ScopeUsers}, audit.HandScopes(p, false, true).Optional)
}

func TestAServiceAppChangesByHand(t *testing.T) {
	w := newAppWorld(t, "EC", toEnforce, idleToken(1))
	w.ask(audit.HandScopes(policy(t, nowPolicy), true, false))
	for _, step := range []struct {
		do   verb
		want audit.Outcome
	}{{audit.Hand.Quarantine, audit.Quarantined}, {audit.Hand.Restore, audit.Restored},
		{audit.Hand.Revoke, audit.Revoked}} {
		outcome, reason, err := w.byHand(nowPolicy, step.do, oktatest.TokenID(1))
		require.NoError(t, err)
		require.Equal(t, step.want, outcome, reason)
	}
}

func TestWhatMissingScopesLeaveOut(t *testing.T) {
	asking := "rules: [{id: admin, when: {owner.roles: {contains: ORG_ADMIN}}, then: flag}, {id: idle, when: " +
		"{lastUsed: {olderThan: 14d}}, then: flag}]"
	w := newAppWorld(t, "EC", []string{okta.ScopeRead}, idleToken(1))
	w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim@acme.example", Roles: []string{"ORG_ADMIN"}})
	r := w.dry(asking)
	require.NoError(t, r.Err)
	require.Equal(t, audit.OK, r.Code)
	require.Subset(t, r.Notes, []string{
		"the service app lacks the scope okta.users.read: owners are not looked up, and what rules ask about them is " +
			"unknown (Applications › Applications › the app › Okta API Scopes)",
		"the service app lacks the scope okta.roles.read: the roles of owners are not looked up, and what rules ask " +
			"about them is unknown (Applications › Applications › the app › Okta API Scopes)",
	})
	f := r.Findings[len(r.Findings)-1]
	for _, found := range r.Findings {
		if found.Token.ID == oktatest.TokenID(1) {
			f = found
		}
	}
	require.Equal(t, "owner not readable: scope okta.users.read missing", f.Token.Owner.Unknown)
	require.Equal(t, []string{"owner.roles unknown: roles of the owner not readable: scope okta.roles.read missing"},
		f.Unknown[0].Because())
	require.Empty(t, lookedUp(w.org), "nothing is asked that would be refused")
}

func TestARunWithoutTheScopesThatItNeedsNamesThem(t *testing.T) {
	for name, row := range map[string]struct {
		granted []string
		enforce bool
		lacks   string
	}{
		"nothing at all":                    {nil, false, "the scope okta.apiTokens.read"},
		"a dry run without a right to list": {[]string{okta.ScopeUsers}, false, "the scope okta.apiTokens.read"},
		"an enforcing run with rights to read": {toRead, true,
			"the scopes okta.apiTokens.manage and okta.networkZones.read"},
		"an enforcing run that can't see a zone": {[]string{okta.ScopeManage, okta.ScopeUsers}, true,
			"the scope okta.networkZones.read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newAppWorld(t, "EC", row.granted, idleToken(1))
			r := w.dry
			if row.enforce {
				r = w.enforce
			}
			report := r(nowPolicy)
			require.Equal(t, audit.NoAccess, report.Code)
			require.ErrorContains(t, report.Err, "the service app "+clientID+" was not granted "+row.lacks+
				": grant it in the admin console, Applications")
			require.False(t, report.Complete)
			require.Empty(t, w.changes())
		})
	}
}

func TestADryRunThatHoldsMoreThanItNeedsIsTold(t *testing.T) {
	w := newAppWorld(t, "EC", toEnforce, idleToken(1))
	w.ask(okta.Scopes{Needed: []string{okta.ScopeRead}, Instead: toEnforce})
	r := w.world.dry(nowPolicy)
	require.NoError(t, r.Err)
	const note = "this dry run holds the scope okta.apiTokens.manage, which it does not need: okta.apiTokens.read " +
		"will do"
	require.Contains(t, r.Notes, note)
	r = w.dry(nowPolicy)
	require.NoError(t, r.Err, "the right to change includes that to read")
	require.Contains(t, r.Notes, note, "and is all that the app was granted")
	w.grant(append([]string{okta.ScopeRead}, toEnforce...)...)
	r = w.dry(nowPolicy)
	require.NoError(t, r.Err)
	require.NotContains(t, r.Notes, note, "by itself it doesn't ask for it")
}

func TestAnAppThatIsEndedInTheMiddleOfARunEndsIt(t *testing.T) {
	w := newAppWorld(t, "EC", toEnforce, idleToken(1), idleToken(2))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: func() {
		w.org.RemoveApp(clientID)
		w.org.EndAccessTokens()
	}})
	r := w.enforce(nowPolicy)
	require.Equal(t, audit.NoAccess, r.Code)
	require.Zero(t, r.Count(audit.Revoked))
	require.Len(t, w.changes(), 1, "the second is not tried: %v", w.changes())
	require.Equal(t, []int{1, 1}, []int{r.Count(audit.Failed), r.Count(audit.Held)})

	w.grant(toEnforce...)
	w.org.ClearFaults()
	w.pass(time.Hour)
	r = w.enforce(nowPolicy)
	require.NoError(t, r.Err)
	require.Equal(t, 2, r.Count(audit.Revoked), "%v", r.Notes)
}

// The clock of this test is that of testing/synctest: listing takes minutes, since the rate limit is small, and the
// access tokens and nonces last for less than that.
func TestTokensAndNoncesEndInTheMiddleOfEnforcing(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	for _, kind := range []string{"RSA", "EC"} {
		key, public := newKey(t, kind)
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(3 * 365 * day) // its clock starts in 2000, and tokens have a past
			today := time.Now()
			tokens := oktatest.Many(60, today.Add(-time.Hour))
			for i := range tokens {
				tokens[i].LastUsed, tokens[i].ClientName = today.Add(-time.Hour), "Okta AD Agent"
			}
			for n := range 3 {
				tokens[n] = oktatest.Token{ID: oktatest.TokenID(1000 + n), Name: "dead", UserID: oktatest.UserID(1),
					Created: today.AddDate(-1, 0, 0), LastUsed: today.AddDate(0, 0, -20)}
			}
			org := oktatest.New(oktatest.Config{
				Tokens: tokens, PageSize: 2, RateLimit: oktatest.RateLimit{Limit: 8},
				Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}},
				OAuth: oktatest.OAuth{
					Apps: []oktatest.App{{ClientID: clientID, Keys: []oktatest.AppKey{{ID: "one", Public: public}},
						Scopes: toEnforce, DPoP: true}},
					TokenLife: 90 * time.Second, NonceLife: 40 * time.Second, APINonce: true, TokenPrefix: canary,
				},
			})
			defer func() {
				org.Close()
				synctest.Wait()
			}()
			org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens", Page: 7, Times: 1,
				Status: 429})
			org.Fault(oktatest.Fault{Path: "/oauth2/v1/token", Skip: 4, Times: 1, Status: 429})
			org.Fault(oktatest.Fault{Method: http.MethodDelete, Skip: 1, Times: 1, Then: org.ChangeNonce})
			p := policy(t, limits+"rules: [{id: dead, when: {name: dead}, then: {revoke: 0d}}]")
			client, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Dial: org.Dial, RateShare: 1,
				App: &okta.ServiceApp{ClientID: clientID, Key: key, Scopes: audit.Scopes(p, true)}})
			require.NoError(t, err)
			l, err := ledger.InDirectory(state + kind).Open(time.Now)
			require.NoError(t, err)
			defer func() { require.NoError(t, l.Close()) }()
			r := audit.Run(t.Context(), audit.Options{
				Org: client.Reader, Policy: p, Ledger: l, Now: time.Now,
				Enforce: &audit.Enforcement{Org: client, Announce: func(context.Context, *audit.Report) (string,
					error) {
					return "test", nil
				}},
			})
			require.NoError(t, r.Err)
			require.Equal(t, 3, r.Count(audit.Revoked), "%v %v", r.Notes, r.Findings)
			require.Equal(t, 60, r.Tokens)

			require.Greater(t, time.Since(today), 4*time.Minute)
			require.Greater(t, len(org.AccessTokens()), 3)
			var deletes []string
			for _, req := range org.Requests() {
				require.NotEqual(t, http.StatusUnauthorized, req.Status)
				if req.Method == http.MethodDelete {
					deletes = append(deletes, http.StatusText(req.Status))
				}
			}
			require.Equal(t, "No Content, Bad Request, No Content, No Content", strings.Join(deletes, ", "),
				"only the nonce challenge was answered by sending it again")
		})
	}
}

func TestAnAppThatIsEndedBeforeTheFirstChangeHoldsAll(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	key, public := newKey(t, "EC")
	synctest.Test(t, func(t *testing.T) { // the announcement takes longer than the access token lasts
		time.Sleep(3 * 365 * day)
		dead := oktatest.Token{ID: oktatest.TokenID(1), Name: "dead", UserID: oktatest.UserID(1),
			Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now().AddDate(0, 0, -20)}
		org := oktatest.New(oktatest.Config{
			Tokens: []oktatest.Token{dead, {ID: oktatest.TokenID(2), Created: time.Now().AddDate(-1, 0, 0),
				LastUsed: time.Now()}}, Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}},
			OAuth: oktatest.OAuth{Apps: []oktatest.App{
				{ClientID: clientID, Keys: []oktatest.AppKey{{ID: "one", Public: public}}, Scopes: toEnforce,
					DPoP: true}}},
		})
		defer func() {
			org.Close()
			synctest.Wait()
		}()
		p := policy(t, limits+"rules: [{id: dead, when: {name: dead}, then: {revoke: 0d}}]")
		client, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Dial: org.Dial, RateShare: 1,
			App: &okta.ServiceApp{ClientID: clientID, Key: key, Scopes: audit.Scopes(p, true)}})
		require.NoError(t, err)
		l, err := ledger.InDirectory(state).Open(time.Now)
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		r := audit.Run(t.Context(), audit.Options{
			Org: client.Reader, Policy: p, Ledger: l, Now: time.Now,
			Enforce: &audit.Enforcement{Org: client, Announce: func(context.Context, *audit.Report) (string, error) {
				org.RemoveApp(clientID)
				time.Sleep(time.Hour)
				return "test", nil
			}},
		})
		require.Equal(t, audit.NoAccess, r.Code, "%v %v", r.Err, r.Notes)
		require.Equal(t, audit.Held, r.Findings[0].Outcome)
		require.Contains(t, r.Findings[0].Reason, "logging in as the service app "+clientID)
		require.Len(t, org.Tokens(), 2)
		require.Zero(t, l.State().IntentsSince(time.Now().Add(-day)))
	})
}
