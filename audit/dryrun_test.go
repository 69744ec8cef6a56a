package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
)

// As in cloud-custodian#2316 and #1215: what a dry run counts is what the next enforcing run does.
func TestADryRunFindsWhatAnEnforcingRunThenDoes(t *testing.T) {
	would := map[audit.Outcome]audit.Outcome{audit.WouldRevoke: audit.Revoked, audit.WouldQuarantine: audit.Quarantined}
	text := idlePolicy + "\nexemptions: [{match: {name: idle-2}, reason: r, owner: o, until: 2027-01-01}]"
	w := newWorld(t, idleToken(1), idleToken(2), idleToken(3), busyToken(4))
	agent := idleToken(5)
	agent.ClientName = "Okta AD Agent"
	w.org.Add(agent)
	seen := make(map[audit.Outcome]int)
	for range 12 {
		dry, real := w.dry(text), w.enforce(text)
		require.NoError(t, dry.Err)
		require.NoError(t, real.Err)
		require.Len(t, real.Findings, len(dry.Findings))
		for i, f := range dry.Findings {
			did := real.Findings[i]
			want := f.Outcome
			if acts, ok := would[want]; ok {
				want = acts
			}
			require.Equal(t, []any{f.Token.ID, want, f.Step}, []any{did.Token.ID, did.Outcome, did.Step}, f.Reason)
			seen[f.Outcome]++
		}
		w.pass(day)
	}
	for _, outcome := range []audit.Outcome{audit.Pending, audit.WouldQuarantine, audit.WouldRevoke, audit.Exempt,
		audit.Protected} {
		require.Positive(t, seen[outcome], outcome)
	}
}
