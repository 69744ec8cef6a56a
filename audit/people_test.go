package audit_test

import (
	"errors"
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

// These tests are about what people do while the job goes on.

const stagedPolicy = limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 1d, revoke: " +
	"3d}}]"

// inQuarantine is a world in which the idle token was quarantined a day ago, and its revocation is due.
func inQuarantine(t *testing.T) *world {
	w := newWorld(t, idleToken(1))
	w.enforce(stagedPolicy)
	w.pass(day)
	require.Equal(t, audit.Quarantined, w.enforce(stagedPolicy).Findings[0].Outcome)
	w.pass(2 * day)
	return w
}

// giveBack takes the token out of quarantine, as a person does in the admin console.
func giveBack(w *world) {
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) {
		k.Network, k.LastUpdated = oktatest.Network{},
			w.clock
	})
}

func TestATokenGivenBackBetweenTheListAndItsTurnIsLeftAlone(t *testing.T) {
	w := inQuarantine(t)
	w.atAnnounce = func() { giveBack(w) }
	r := w.enforce(stagedPolicy)
	require.Equal(t, audit.Changed, r.Findings[0].Outcome, r.Findings[0].Reason)
	require.Len(t, w.changes(), 1)
}

func TestATokenGivenBackBeforeItsQuarantineWasSettledIsAnnouncedAnew(t *testing.T) {
	text := limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 0d}}]"
	for name, row := range map[string]struct {
		done    bool // the quarantine whose answer was lost
		between func(*world)
		want    audit.Outcome
	}{
		"given back": {true, giveBack, audit.Pending},
		"put into another network": {true, func(w *world) {
			w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) {
				k.Network, k.LastUpdated = oktatest.Network{Connection: "ZONE",
					Include: []string{"nzo9office00000000000"}}, w.clock
			})
		}, audit.Pending},
		"left alone":                   {true, func(*world) {}, audit.Quarantined},
		"not done, and nobody came by": {false, func(*world) {}, audit.Quarantined},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(oktatest.Fault{Method: http.MethodPut, Hangup: !row.done, HangupAfter: row.done, Times: 1})
			w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + oktatest.TokenID(1),
				Skip: 1, Times: 1, Status: 500})
			require.Equal(t, audit.Failed, w.enforce(text).Findings[0].Outcome)
			w.pass(time.Hour)
			row.between(w)
			r := w.enforce(text)
			require.Equal(t, row.want, r.Findings[0].Outcome, r.Notes)
			w.pass(time.Hour)
			require.Equal(t, audit.Quarantined, w.enforce(text).Findings[0].Outcome, "now it was told")
		})
	}
}

func TestADryRunPlansNothingForATokenThatWasGivenBack(t *testing.T) {
	w := inQuarantine(t)
	giveBack(w)
	require.Equal(t, audit.Pending, w.dry(stagedPolicy).Findings[0].Outcome)
}

func TestAQuarantineWhoseConditionIsNotAnsweredOnceIsNotForgotten(t *testing.T) {
	w := inQuarantine(t)
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Omit = []string{"network"} })
	r := w.enforce(stagedPolicy)
	require.Equal(t, audit.Unknown, r.Findings[0].Outcome)
	require.Contains(t, r.Findings[0].Reason, "network condition is not known")
	_, _, err := w.byHand(stagedPolicy, audit.Hand.Restore, oktatest.TokenID(1))
	require.ErrorContains(t, err, "is not known")

	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Omit = nil })
	outcome, reason, err := w.byHand(stagedPolicy, audit.Hand.Restore, oktatest.TokenID(1))
	require.NoError(t, err)
	require.Equal(t, audit.Restored, outcome, reason)
}

func TestATokenThatWasGivenBackIsAnnouncedByEachRuleAnew(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.enforce(limits + "rules: [{id: q, when: {name: {is: idle-1}}, then: {quarantine: 0d}}]")
	giveBack(w)
	both := limits + `rules:
  - {id: slow, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 5d}}
  - {id: later, when: {lastUsed: {olderThan: 17d}}, then: {revoke: 0d}}`
	w.enforce(both)
	w.pass(3 * day)
	require.NotEqual(t, audit.Revoked, w.enforce(both).Findings[0].Outcome)
	w.pass(time.Hour)
	require.Equal(t, audit.Revoked, w.enforce(both).Findings[0].Outcome, "now it was told")
}

func TestAReviewedPlanIsNotThatOfALaterDryRunAboutAnotherToken(t *testing.T) {
	text := limits + "rules: [{id: gone, when: {clientName: {is: Okta API}, name: {like: '*-1'}}, then: {revoke: 0d}}]"
	w := newWorld(t, idleToken(1))
	plan := w.dry(text).Digest
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) {
		k.Name, k.UserID = "prod-payments-1",
			oktatest.UserID(5)
	})
	w.pass(time.Hour)
	require.NotEqual(t, plan, w.dry(text).Digest)
	require.Equal(t, audit.Held, w.enforcePlan(text, plan).Findings[0].Outcome)
	require.Empty(t, w.changes())
}

func TestWhatAReportThatReachedNobodySaysIsToldByTheNext(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Path: "/api/v1/api-tokens/" + oktatest.TokenID(1),
		Status: 400, Times: 1})
	w.deliverErr = errors.New("broken pipe")
	require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code, "which needs a person sooner than the delivery")
	w.deliverErr = nil
	w.pass(time.Minute)
	require.Contains(t, strings.Join(w.dry(nowPolicy).Notes, "\n"), "did not come to report")
}

func TestNoticesOfTokensMissingFromAListTooSmallToBelieveHold(t *testing.T) {
	var tokens []oktatest.Token
	for n := range 6 {
		tokens = append(tokens, idleToken(n+1))
	}
	w := newWorld(t, tokens...)
	w.enforce(stagedPolicy)
	w.pass(time.Hour)
	for n := range 5 {
		w.org.Remove(oktatest.TokenID(n + 2))
	}
	require.Equal(t, audit.Incomplete, w.enforce(stagedPolicy).Code)
	require.Empty(t, w.kinds("void"))
}

func TestWhileAnOutcomeIsNotKnownNothingElseIsChanged(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	path := "/api/v1/api-tokens/" + oktatest.TokenID(2)
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Path: path, Times: 1, Hangup: true})
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: path, Skip: 1, Status: 400})
	require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
	changes := w.changes()
	w.pass(time.Hour)
	require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
	require.Equal(t, changes, w.changes())
	_, _, err := w.byHand(nowPolicy, audit.Hand.Revoke, oktatest.TokenID(1))
	require.ErrorContains(t, err, "nothing else is changed before")
}

func TestAChangeByHandWaitsForTheRateLimitBeforeItIsOnRecord(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) { // waiting is on its clock
		time.Sleep(3 * 365 * day) // its clock starts in 2000, and tokens have a past
		today := time.Now()
		token := func(n int, used time.Time) oktatest.Token {
			return oktatest.Token{ID: oktatest.TokenID(n), UserID: oktatest.UserID(n), Created: today.AddDate(-1, 0, 0),
				LastUsed: used}
		}
		org := oktatest.New(oktatest.Config{
			Credential: canary, Me: oktatest.UserID(9), OwnToken: oktatest.TokenID(9), RateLimit: oktatest.RateLimit{
				Limit: 20},
			Tokens: []oktatest.Token{token(1, today.AddDate(0, 0, -20)), token(9, today)},
		})
		defer func() {
			org.Close()
			synctest.Wait()
		}()
		connect := func(share float64) *okta.Client {
			c, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Dial: org.Dial, Token: okta.NewSecret(canary),
				RateShare: share})
			require.NoError(t, err)
			return c
		}
		others := connect(1)
		for range 12 {
			_, err := others.Token(t.Context(), oktatest.TokenID(9))
			require.NoError(t, err)
		}
		l, err := ledger.InDirectory(state).Open(time.Now)
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		h := audit.Hand{Org: connect(0.5), Policy: policy(t, nowPolicy), Ledger: l, Reason: "leaked",
			Now: time.Now}
		outcome, reason, err := h.Revoke(t.Context(), oktatest.TokenID(1))
		require.NoError(t, err)
		require.Equal(t, audit.Revoked, outcome, reason)
		require.Equal(t, 1, l.State().IntentsSince(time.Now().Add(-time.Hour)))
	})
}
