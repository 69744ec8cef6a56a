package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// cutOffPolicy quarantines and later revokes, with more lines.
func cutOffPolicy(more string) string {
	return limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 0d, revoke: 7d}}]\n" +
		more
}

func TestEveryOutcomeSaysThatTheTokenIsInQuarantine(t *testing.T) {
	exempting := "exemptions: [{match: {name: %s}, reason: r, owner: o, until: 2027-01-01}]"
	for name, row := range map[string]struct {
		policy  string // the second run's
		outcome audit.Outcome
		spared  bool
		plain   bool // it is no finding
	}{
		"pending":     {policy: cutOffPolicy(""), outcome: audit.Pending},
		"quarantined": {policy: strings.Replace(cutOffPolicy(""), ", revoke: 7d", "", 1), outcome: audit.Quarantined},
		"exempt": {policy: cutOffPolicy(strings.Replace(exempting, "%s", "idle-1", 1)), outcome: audit.Exempt,
			spared: true},
		"flagged": {policy: strings.Replace(cutOffPolicy(""), "{quarantine: 0d, revoke: 7d}", "flag", 1),
			outcome: audit.Flagged, spared: true},
		"protected": {policy: cutOffPolicy("protect: {actOnClients: [Another]}"), outcome: audit.Protected,
			spared: true},
		"unknown": {policy: cutOffPolicy("exemptions: [{match: {network.include: {contains: nzo1}}, reason: r, " +
			"owner: o, until: 2027-01-01}]"), outcome: audit.Unknown},
		"held":       {policy: strings.Replace(cutOffPolicy(""), "revoke: 7d", "revoke: 0d", 1), outcome: audit.Held},
		"no finding": {policy: strings.Replace(cutOffPolicy(""), "14d", "20d", 1), plain: true, spared: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			require.Equal(t, audit.Quarantined, only(t, w.enforce(cutOffPolicy(""))).Outcome)
			since := w.clock
			w.pass(time.Hour)
			text := row.policy
			if row.outcome == audit.Held {
				text = strings.Replace(text, "perRun: 3", "perRun: 0", 1)
			}
			r := w.enforce(text)
			require.NoError(t, r.Err)
			var q *audit.Quarantine
			if row.plain {
				require.Empty(t, r.Findings)
				require.Len(t, r.InQuarantine, 1)
				q = r.InQuarantine[0].Quarantine
				require.Contains(t, strings.Join(r.Notes, "\n"), q.String())
			} else {
				f := only(t, r)
				require.Equal(t, row.outcome, f.Outcome, f.Reason)
				require.Empty(t, r.InQuarantine)
				q = f.Quarantine
				require.Contains(t, strings.Join(f.Why(), "; "), q.String())
			}
			require.True(t, q.CutOff())
			require.True(t, q.Since.Equal(since))
			require.Equal(t, row.spared, q.Spared)
			says := "quarantined since 2026-11-24T09:00:00Z: nobody can use it, and Okta ends it for that on " +
				"2026-12-09T09:00:00Z"
			if row.spared {
				says += "; the policy spares it by now, and to give back what it had: tokensweep tokens restore " +
					oktatest.TokenID(1)
			}
			require.Equal(t, says, q.String())
		})
	}
}

func TestWhatARunDidToATokenSaysWhetherItIsInQuarantine(t *testing.T) {
	w := newWorld(t, idleToken(1))
	f := only(t, w.enforce(cutOffPolicy("")))
	require.True(t, f.Quarantine.CutOff(), "since just now")
	w.pass(8 * day)
	f = only(t, w.enforce(cutOffPolicy("")))
	require.Equal(t, audit.Revoked, f.Outcome)
	require.Nil(t, f.Quarantine, "it is there no more")
}

func TestAQuarantineByHandIsWantedWhateverTheRulesSay(t *testing.T) {
	w := newWorld(t, busyToken(1))
	_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, oktatest.TokenID(1))
	require.NoError(t, err)
	r := w.dry(idlePolicy)
	require.Len(t, r.InQuarantine, 1)
	require.False(t, r.InQuarantine[0].Spared)
	require.Contains(t, strings.Join(r.Notes, "\n"),
		"it is in our quarantine: quarantined since 2026-11-24T09:00:00Z by hand: nobody can use it")
	busy := strings.Replace(idlePolicy, "14d", "1h", 1) + "\nexemptions: [{match: {name: busy}, reason: r, owner: o, " +
		"until: 2027-01-01}, {match: {name: own}, reason: r, owner: o, until: 2027-01-01}]"
	for _, f := range w.dry(busy).Findings {
		require.Equal(t, audit.Exempt, f.Outcome)
		require.Equal(t, f.Token.Name == okta.Some("busy"), f.Quarantine != nil && f.Quarantine.Spared)
	}
}
