package audit_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// rule makes a policy that enforces, with one rule for idle tokens.
func rule(then string) string {
	return limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: " + then + "}]"
}

func TestNoDelayBeginsByAWrongClock(t *testing.T) {
	for name, halted := range map[string]bool{"the clock alone is wrong": false, "the brake is pulled too": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			wrong := func() time.Time { return w.clock.Add(-10 * day) }
			l, err := ledger.InDirectory(w.state).Open(wrong)
			require.NoError(t, err)
			if halted {
				require.NoError(t, ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", w.clock))
			}
			o := w.options(rule("{revoke: 3d}"), l)
			o.Now = wrong
			o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string,
				error) {
				return "test", nil
			}}
			require.Equal(t, audit.Halted, audit.Run(t.Context(), o).Code)
			require.NoError(t, l.Close())
			w.pass(time.Minute)
			require.NoError(t, ledger.InDirectory(w.state).ClearHalt())
			require.Equal(t, audit.Pending, only(t, w.enforce(rule("{revoke: 3d}"))).Outcome)
			require.Empty(t, w.changes())
		})
	}
}

func TestANoticeIsForWhatWasAnnouncedAndNothingElse(t *testing.T) {
	for name, row := range map[string][3]string{ // the policies on day 0, 3 and 4
		"another delay": {rule("{quarantine: 10d}"), rule("{revoke: 3d}"),
			rule("{revoke: 3d}")},
		// As in cloud-custodian#4097: what was told to be a week away is not done a day later.
		"a shorter delay": {rule("{revoke: 7d}"), rule("{revoke: 3d}"), rule("{revoke: 3d}")},
		"another condition": {rule("{revoke: 3d}"), strings.Replace(rule("{revoke: 3d}"), "14d",
			"13d", 1), strings.Replace(rule("{revoke: 3d}"), "14d", "13d", 1)},
		"harmless in between": {rule("{revoke: 3d}"), rule("flag"), rule("{revoke: 3d}")},
		"not judged in between, another matched": {rule("{revoke: 3d}"), limits + "rules: [{id: idle, when: " +
			"{lastUsed: {olderThan: 14d}, network.include: {contains: nzo1}}, then: {revoke: 3d}}, {id: other, when: " +
			"{name: idle-1}, then: {revoke: 9d}}]", rule("{revoke: 3d}")},
	} {
		w := newWorld(t, idleToken(1))
		for day, text := range row {
			r := w.enforce(text)
			require.NoError(t, r.Err, name)
			require.NotEqual(t, audit.Revoked, only(t, r).Outcome, "%s, step %d", name, day)
			w.pass(48 * time.Hour)
		}
		require.Empty(t, w.changes(), name)
	}
}

func TestAFindingSaysWhetherItsNoticeIsOfThisRun(t *testing.T) {
	w := newWorld(t, idleToken(1))
	for _, want := range []bool{true, false} {
		require.Equal(t, want, only(t, w.enforce(rule("{revoke: 3d}"))).Announced)
		w.pass(day)
	}
	require.False(t, only(t, w.dry(rule("{revoke: 3d}"))).Announced)
}

func TestAnAnnouncementSaysHowManyNoticesAreGivenWithIt(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	w.announceErr = os.ErrClosed
	w.enforce(rule("{revoke: 3d}"))
	w.announceErr = nil
	for _, want := range []int{2, 0, 0, 0} { // the second is the first that was heard, the last revokes
		w.enforce(rule("{revoke: 3d}"))
		require.Equal(t, want, w.announced.Notices)
		w.pass(day)
	}
	w.enforce(rule("flag"))
	require.Zero(t, w.announced.Notices)
}

func TestAnExemptionEndsANoticeThoughTheReportReachesNobody(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.enforce(rule("{revoke: 3d}"))
	w.pass(day)
	w.announceErr = os.ErrClosed
	w.enforce(rule("{revoke: 3d}") + "\nexemptions: [{match: {name: idle-1}, reason: r, owner: o, until: 2027-01-01}]")
	w.announceErr = nil
	w.pass(3 * day)
	require.Equal(t, audit.Pending, only(t, w.enforce(rule("{revoke: 3d}"))).Outcome)
}

func TestAReviewedPlanHoldsForWhatWasReviewed(t *testing.T) {
	other := strings.Replace(nowPolicy, "id: idle", "id: other", 1)
	t.Run("under the same policy", func(t *testing.T) {
		w := newWorld(t, idleToken(1))
		plan := w.dry(nowPolicy).Digest
		r := w.enforcePlan(other, plan)
		require.ErrorIs(t, r.Err, audit.ErrRefused)
		require.ErrorContains(t, r.Err, "was made by another policy")
		require.Empty(t, w.changes())
	})
	t.Run("about the same token", func(t *testing.T) {
		w := newWorld(t, idleToken(1))
		plan := w.dry(nowPolicy).Digest
		w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Name, k.UserID = "renamed", oktatest.UserID(5) })
		f := only(t, w.enforcePlan(nowPolicy, plan))
		require.Equal(t, audit.Held, f.Outcome)
		require.Contains(t, f.Reason, "it is not as it was when the plan")
	})
	t.Run("and no longer than a day after the review, however often it was tried", func(t *testing.T) {
		w := newWorld(t, idleToken(1))
		plan := w.dry(nowPolicy).Digest
		w.announceErr = os.ErrClosed
		for range 3 {
			w.pass(20 * time.Hour)
			w.enforcePlan(nowPolicy, plan)
		}
		w.announceErr = nil
		require.ErrorIs(t, w.enforcePlan(nowPolicy, plan).Err, audit.ErrRefused)
		require.Empty(t, w.changes())
	})
	t.Run("and not above stopAbove, which looks at all that is due", func(t *testing.T) {
		w := newWorld(t, idleToken(1))
		text := strings.Replace(nowPolicy, "count: 10", "count: 2", 1)
		plan := w.dry(text).Digest
		w.org.Add(idleToken(2), idleToken(3))
		r := w.enforcePlan(text, plan)
		require.Equal(t, audit.StopAbove, r.Code)
		require.Empty(t, w.changes())
	})
}

func TestTheOwnTokenIsSparedThoughOktaIsSlowToNoteItsUse(t *testing.T) {
	own := oktatest.Token{ID: oktatest.TokenID(50), Name: "own", UserID: oktatest.UserID(9), Created: ago(300),
		LastUsed: ago(20)}
	org, _ := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: []oktatest.Token{own, idleToken(1)}})
	_, reader := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: org.Tokens()})
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, nowPolicy)})
	for _, f := range r.Findings {
		want := map[string]audit.Outcome{"own": audit.Protected, "idle-1": audit.WouldRevoke}[known(f.Token.Name)]
		require.Equal(t, want, f.Outcome, f.Reason)
	}
	require.Len(t, r.Findings, 2)
}

func TestAnOwnerIsReadAgainBeforeActing(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim", Status: "SUSPENDED"})
	w.atAnnounce = func() { w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim", Status: "ACTIVE"}) }
	f := only(t, w.enforce(limits+"rules: [{id: left, when: {owner.status: {is: SUSPENDED}}, then: {revoke: 0d}}]"))
	require.Equal(t, audit.Changed, f.Outcome, f.Reason)
	require.Empty(t, w.changes())
}

func TestAShrunkenListIsNotBelievedSoonerBecauseTheLastOneIsLost(t *testing.T) {
	var tokens []oktatest.Token
	for n := range 9 {
		tokens = append(tokens, oktatest.Token{ID: oktatest.TokenID(n + 10), Name: "busy", UserID: oktatest.UserID(1),
			Created: ago(100), LastUsed: ago(1)})
	}
	w := newWorld(t, append(tokens, idleToken(1))...)
	require.NoError(t, w.dry(nowPolicy).Err)
	for _, k := range tokens[:8] {
		w.org.Remove(k.ID)
	}
	require.NoError(t, os.Remove(filepath.Join(w.state, "inventory.jsonl")))
	for range 2 {
		require.Equal(t, audit.Incomplete, w.enforce(nowPolicy).Code)
	}
	l := w.open()
	findings := len(l.State().Findings)
	require.NoError(t, l.Close())
	require.Equal(t, 1, findings, "nothing is resolved by a list that is not believed")
	w.pass(61 * time.Minute)
	require.NoError(t, w.enforce(nowPolicy).Err)
	require.Len(t, w.changes(), 1)
}

func TestARunAsOfAnotherTimeRemembersNothing(t *testing.T) {
	w := newWorld(t, idleToken(1))
	require.NoError(t, w.enforce(rule("{revoke: 3d}")).Err)
	before := w.records()
	l := w.open()
	o := w.options(rule("{revoke: 3d}"), l)
	o.AsOf = now.Add(4 * day)
	r := audit.Run(t.Context(), o)
	require.NoError(t, l.Close())
	require.NoError(t, r.Err)
	require.Equal(t, audit.WouldRevoke, only(t, r).Outcome, "it sees the notice")
	require.Equal(t, before, w.records())
}

func TestAQuarantinedTokenThatComesBackIsStillKnown(t *testing.T) {
	w := newWorld(t, idleToken(1))
	text := rule("{quarantine: 0d}")
	require.Equal(t, audit.Quarantined, only(t, w.enforce(text)).Outcome)
	away, _ := w.org.Token(oktatest.TokenID(1))
	w.org.Remove(away.ID)
	w.pass(time.Hour)
	require.NoError(t, w.enforce(text).Err)
	w.org.Add(away)
	w.pass(time.Hour)
	require.Equal(t, "quarantined since 2026-11-24T09:00:00Z", only(t, w.enforce(text)).Reason)

	// It was mended, and no rule matches it any more: that it is cut off is not passed over.
	r := w.enforce(strings.Replace(text, "14d", "25d", 1))
	require.Empty(t, r.Findings)
	require.Contains(t, strings.Join(r.Notes, "\n"), "no rule matches the token "+away.ID+" (\"idle-1\") any more, "+
		"and it is in our quarantine: quarantined since 2026-11-24T09:00:00Z: nobody can use it")
}

func TestATokenWhoseNetworkIsNotKnownIsNotQuarantined(t *testing.T) {
	k := idleToken(1)
	k.Omit = []string{"network"}
	w := newWorld(t, k)
	f := only(t, w.enforce(rule("{quarantine: 0d}")))
	require.Equal(t, audit.Unknown, f.Outcome)
	require.Equal(t, "its network condition is not known, so that a quarantine could not be undone", f.Reason)
	require.Empty(t, w.changes())
}

func TestTheReportCountsWhatThisRunDid(t *testing.T) {
	w := newWorld(t, idleToken(1))
	text := rule("{quarantine: 0d}")
	w.enforce(text)
	w.org.Add(idleToken(2))
	w.pass(time.Hour)
	r := w.enforce(text)
	require.Equal(t, 2, r.Count(audit.Quarantined))
	require.Equal(t, 1, r.Done(audit.Quarantined))
	require.Equal(t, 1, r.Actions)
	require.Equal(t, 1, w.announced.Actions)
}

func TestAnExemptionThatSavesAKnownFindingIsRecordedOnce(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.enforce(rule("{revoke: 3d}"))
	for range 3 {
		w.enforce(rule("{revoke: 3d}") + "\nexemptions: [{match: {name: idle-1}, reason: drill, owner: o, until: " +
			"2027-01-01}]")
	}
	n := 0
	for _, r := range w.records() {
		if r.Kind == ledger.Exempted {
			n++
			require.Contains(t, r.Reason, "drill")
		}
	}
	require.Equal(t, 1, n)
}

func TestWhatCanNeverBeKnownIsSaid(t *testing.T) {
	id := oktatest.TokenID(1)
	w := newWorld(t, idleToken(1))
	w.org.Fault(oktatest.Fault{Method: http.MethodPut, HangupAfter: true, Times: 1})
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + id, Skip: 1, Times: 1,
		Status: 500})
	require.Equal(t, audit.Failed, only(t, w.enforce(rule("{quarantine: 0d}"))).Outcome)
	w.org.Update(id, func(k *oktatest.Token) {
		k.Network = oktatest.Network{Connection: "ZONE", Include: []string{"nzo7other0zone0000000"}}
	})
	r := w.enforce(rule("{quarantine: 0d}"))
	require.Contains(t, strings.Join(r.Notes, "\n"),
		"its network condition is neither the one before nor the one after")

	// An outcome that can't be read now keeps the run from being called good.
	w = newWorld(t, idleToken(1))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Hangup: true, Times: 1})
	require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + id, Status: 500})
	r = w.enforce(nowPolicy)
	require.Equal(t, audit.ActionFailed, r.Code)
	require.Equal(t, audit.Held, only(t, r).Outcome)
}

func TestOnlyTheRulesThatAskForAStepAreOnRecordForIt(t *testing.T) {
	w := newWorld(t, idleToken(1))
	text := limits + "rules: [{id: slow, when: {name: idle-1}, then: {quarantine: 9d}}, {id: fast, when: {name: " +
		"idle-1}, then: {quarantine: 0d}}, {id: soft, when: {name: idle-1}, then: flag}]"
	require.Equal(t, audit.Quarantined, only(t, w.enforce(text)).Outcome)
	for _, r := range w.records() {
		if r.Kind == ledger.Intent {
			require.Equal(t, []string{"fast"}, r.Rules)
		}
	}
}

func TestOfTwoRulesThatAreDueTheEarlierIsShownWhateverTheirOrder(t *testing.T) {
	early := "{id: early, when: {name: idle-1}, then: {quarantine: 1d}}"
	late := "{id: late, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 2d}}"
	for name, order := range map[string]string{"early first": early + ", " + late, "late first": late + ", " + early} {
		w := newWorld(t, idleToken(1))
		text := limits + "rules: [" + order + "]"
		require.Equal(t, audit.Pending, only(t, w.enforce(text)).Outcome)
		w.pass(3 * day)
		f := only(t, w.dry(text))
		require.Equal(t, []any{audit.WouldQuarantine, now.Add(day)}, []any{f.Outcome, f.Due}, name)
	}
}

// Clocks that part while the plan is announced keep the run from acting, as those do that differed before.
func TestClocksThatPartDuringTheAnnouncementHoldAll(t *testing.T) {
	for name, then := range map[string]string{"what is due": "{revoke: 0d}", "a notice": "{revoke: 3d}"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			l := w.open()
			defer func() { require.NoError(t, l.Close()) }()
			var apart time.Duration
			o := w.options(rule(then), l)
			o.Now = func() time.Time { return w.clock.Add(apart) }
			o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string,
				error) {
				apart = -10 * day
				return "test", nil
			}}
			r := audit.Run(t.Context(), o)
			require.Equal(t, audit.Halted, r.Code, "%v", r.Err)
			require.ErrorContains(t, r.Err, "the org's clock and ours disagree")
			require.Empty(t, l.State().Notices)
			require.Empty(t, w.changes())
			if then == "{revoke: 0d}" {
				require.Equal(t, audit.Held, only(t, r).Outcome)
				require.Contains(t, only(t, r).Reason, "the org's clock and ours disagree")
			}
		})
	}
}
