package audit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// Okta may show a use late, so that which of an owner's tokens is the one in use can't be told by last use.
func TestEveryTokenOfTheOwnerOfTheTokenInUseIsSpared(t *testing.T) {
	all := limits + "rules: [{id: all, when: {created: {olderThan: 1d}}, then: {revoke: 0d}}]"
	sibling := func(n int, used time.Time) oktatest.Token {
		return oktatest.Token{ID: oktatest.TokenID(n), Name: "sibling", UserID: oktatest.UserID(9), Created: ago(300),
			LastUsed: used}
	}
	w := newWorld(t, sibling(1, now), sibling(2, now.Add(-10*time.Minute)), sibling(3, ago(20)), idleToken(4))
	r := w.enforce(all)
	require.NoError(t, r.Err)
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(4)}, w.changes())
	for _, f := range r.Findings {
		if known(f.Token.UserID) == oktatest.UserID(9) {
			require.Equal(t, audit.Protected, f.Outcome)
			require.Equal(t, "it may be the token that this run uses: same owner", f.Reason)
		}
	}
	require.NotContains(t, strings.Join(r.Notes, "\n"), "is not on the list")
}

func TestByHandEveryTokenOfTheOwnerIsSparedUnlessItIsMeant(t *testing.T) {
	for name, do := range map[string]verb{"revoke": audit.Hand.Revoke, "quarantine": audit.Hand.Quarantine} {
		t.Run(name, func(t *testing.T) {
			idle := busyToken(1)
			idle.UserID, idle.LastUsed = oktatest.UserID(9), ago(20)
			w := newWorld(t, idle)
			_, _, err := w.byHand(idlePolicy, do, idle.ID)
			require.ErrorIs(t, err, audit.ErrRefused)
			require.ErrorContains(t, err,
				"it may be the token that this run uses: same owner (if it is meant all the same: --own-token-too)")
			require.Empty(t, w.changes())

			_, _, err = w.byHand(idlePolicy, ownToo(do), idle.ID)
			require.NoError(t, err)
			require.Len(t, w.changes(), 1)

			_, _, err = w.byHand(idlePolicy+"\nexemptions: [{match: {name: busy}, reason: drill, owner: sre, until: "+
				"2027-01-01}]", ownToo(do), idle.ID)
			require.Error(t, err, "all other guards hold")
			require.Len(t, w.changes(), 1)
		})
	}
}

func TestAServiceAppHasNoTokensToSpare(t *testing.T) {
	of := idleToken(1)
	of.UserID = oktatest.UserID(9)
	w := newAppWorld(t, "EC", toEnforce, of)
	r := w.enforce(nowPolicy)
	require.NoError(t, r.Err)
	require.Equal(t, audit.Revoked, only(t, r).Outcome)
}

// ownToo makes a change by hand although the token may be the one in use.
func ownToo(do verb) verb {
	return func(h audit.Hand, ctx context.Context, id string) (audit.Outcome, string, error) {
		h.OwnTokenToo = true
		return do(h, ctx, id)
	}
}
