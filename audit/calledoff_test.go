package audit_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

func TestWhatWasAnnouncedAndDoesNotComeIsToldOnce(t *testing.T) {
	exempt := idlePolicy + "\nexemptions: [{match: {name: idle-1}, reason: r, owner: o, until: 2027-01-01}]"
	for name, row := range map[string]struct {
		policy string
		change func(*world)
		why    string
	}{
		"by an exemption": {policy: exempt,
			why: `it is exempt now: exemption at policy.yaml:6 ("r", o, until 2027-01-01)`},
		"by a changed rule": {policy: strings.Replace(idlePolicy, "revoke: 7d", "revoke: 9d", 1),
			why: "the rule, or the values that it reads, have changed"},
		"by a harmless one": {policy: strings.Replace(idlePolicy, "{quarantine: 3d, revoke: 7d}", "flag", 1),
			why: "it is flagged now"},
		"by a use": {policy: idlePolicy, change: func(w *world) { w.org.Use(oktatest.TokenID(1)) },
			why: "the rule does not match it any more, or does no more than flag"},
		"by vanishing": {policy: idlePolicy, change: func(w *world) { w.org.Remove(oktatest.TokenID(1)) },
			why: "the token is no longer listed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1), idleToken(2))
			require.Empty(t, w.enforce(idlePolicy).CalledOff)
			announced := w.clock
			w.pass(day)
			if row.change != nil {
				row.change(w)
			}
			dry := w.dry(row.policy)
			r := w.enforce(row.policy)
			require.NoError(t, r.Err)
			require.Len(t, ofFirst(r.CalledOff), 1)
			c := ofFirst(r.CalledOff)[0]
			require.Equal(t, []any{"idle", okta.Some("idle-1"), row.why}, []any{c.Rule, c.Token.Name, c.Why})
			require.True(t, c.Announced.Equal(announced))
			require.Equal(t, []audit.StepDue{{Step: rules.Quarantine, Due: announced.Add(3 * day)},
				{Step: rules.Revoke, Due: announced.Add(7 * day)}}, c.Steps)
			require.Equal(t, w.clock, c.Ended)
			require.False(t, c.OwnerTold, "there is no Slack")

			require.Len(t, ofFirst(dry.CalledOff), 1, "a dry run says what would be called off")
			require.Zero(t, ofFirst(dry.CalledOff)[0].Ended)
			w.pass(time.Hour)
			require.Empty(t, w.enforce(row.policy).CalledOff, "told once")
			require.Empty(t, w.dry(row.policy).CalledOff)
		})
	}
}

// ofFirst are those about the first token.
func ofFirst(all []audit.CalledOff) (some []audit.CalledOff) {
	for _, c := range all {
		if c.Token.ID == oktatest.TokenID(1) {
			some = append(some, c)
		}
	}
	return some
}

func TestWhatWasCalledOffIsToldByTheNextRunIfNobodyHeard(t *testing.T) {
	w := newWorld(t, idleToken(1))
	w.enforce(idlePolicy)
	w.pass(day)
	exempt := idlePolicy + "\nexemptions: [{match: {name: idle-1}, reason: r, owner: o, until: 2027-01-01}]"
	w.deliverErr = os.ErrClosed
	require.Len(t, w.enforce(exempt).CalledOff, 1)
	w.deliverErr = nil
	w.dry(exempt)
	require.Len(t, w.enforce(exempt).CalledOff, 1, "a dry run tells no owner, so that it does not count")
	require.Empty(t, w.enforce(exempt).CalledOff)
}

func TestWhatAPersonCallsOffIsToldByTheNextRun(t *testing.T) {
	for name, row := range map[string]struct {
		do  verb
		why string
	}{
		"restored": {audit.Hand.Restore, "undone by hand"},
		"revoked":  {audit.Hand.Revoke, "revoked by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1), idleToken(2))
			text := cutOffPolicy("")
			w.enforce(text)
			w.pass(time.Hour)
			_, _, err := w.byHand(text, row.do, oktatest.TokenID(1))
			require.NoError(t, err)
			w.pass(time.Hour)
			r := w.enforce(text)
			require.Len(t, r.CalledOff, 1)
			require.Contains(t, r.CalledOff[0].Why, row.why)
			require.Equal(t, rules.Revoke, r.CalledOff[0].Steps[len(r.CalledOff[0].Steps)-1].Step)
		})
	}
}

func TestAnOwnerWhoWasToldHearsThatItWasCalledOff(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "kim@acme.example"})
	w.enforce(idlePolicy)
	w.pass(day)
	l := w.open()
	_, err := l.Append(ledger.Record{Kind: ledger.Posted, Of: "a run", Part: ledger.OwnerPart + oktatest.UserID(1)})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	w.org.Use(oktatest.TokenID(1))
	r := w.enforce(idlePolicy)
	require.Len(t, r.CalledOff, 1)
	require.True(t, r.CalledOff[0].OwnerTold)
	require.Equal(t, okta.Some("kim@acme.example"), r.CalledOff[0].Token.Owner.Login)
}

func TestANoticeOfAnEarlierVersionIsCalledOffWithoutItsSteps(t *testing.T) {
	past := ledger.State{}
	past.Apply(ledger.Record{Kind: ledger.Noticed, Seq: 1, Time: now, Token: "t", Rule: "r", Facts: "f"})
	past.Apply(ledger.Record{Kind: ledger.Voided, Seq: 2, Time: now.Add(time.Hour), Token: "t", Rule: "r",
		Reason: "why"})
	require.Len(t, past.Recalled, 1)
	require.Nil(t, past.Recalled[0].Ahead)
	past.Apply(ledger.Record{Kind: ledger.Ended, Seq: 3})
	require.Len(t, past.Recalled, 1)
	past.Apply(ledger.Record{Kind: ledger.Ended, Seq: 4, Told: 2})
	require.Empty(t, past.Recalled)
}
