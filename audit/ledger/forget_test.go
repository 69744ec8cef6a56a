package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// A state must not grow with the age of its ledger, and must not forget what a run may still need.
func TestAStateForgetsWhatIsNoLongerInForce(t *testing.T) {
	const day = 24 * time.Hour
	s, seq := &ledger.State{}, uint64(0)
	apply := func(after time.Duration, r ledger.Record) uint64 {
		seq++
		r.Seq, r.Time = seq, start.Add(after)
		s.Apply(r)
		return seq
	}
	change := func(token, step, result string) {
		intent := ledger.Record{Kind: ledger.Intent, Token: token, Step: step, By: ledger.ByRun}
		if step == ledger.StepQuarantine {
			intent.Before = &ledger.Condition{Connection: "ANYWHERE"}
			intent.After = &ledger.Condition{Connection: "ZONE"}
		}
		ref := apply(0, intent)
		apply(0, ledger.Record{Kind: ledger.Outcome, Ref: ref, Token: token, Settled: true, Result: result})
	}
	for _, token := range []string{"00Trevoked", "00Tquarantined"} {
		change(token, ledger.StepQuarantine, ledger.ResultQuarantined)
	}
	change("00Trevoked", ledger.StepRevoke, ledger.ResultRevoked)
	apply(0, ledger.Record{Kind: ledger.Planned, Plan: "sha256:old", Mode: ledger.ModeDryRun})

	apply(14*day, ledger.Record{Kind: ledger.Planned, Plan: "sha256:next", Mode: ledger.ModeDryRun})
	require.Len(t, s.Plans, 2, "both are good for up to 14 days")
	apply(16*day, ledger.Record{Kind: ledger.Planned, Plan: "sha256:new", Mode: ledger.ModeDryRun})
	require.NotContains(t, s.Plans, "sha256:old")
	require.Len(t, s.Plans, 2)

	apply(34*day, ledger.Record{Kind: ledger.Listed})
	require.Contains(t, s.Revoked, "00Trevoked", "lists may lag behind")
	apply(36*day, ledger.Record{Kind: ledger.Listed, Believed: "sha256:the one before"})
	require.Contains(t, s.Revoked, "00Trevoked", "the list is too small to believe")
	require.Len(t, s.Attempted, 2)
	apply(36*day, ledger.Record{Kind: ledger.Listed})
	require.Empty(t, s.Revoked)
	require.NotContains(t, s.Attempted, "00Trevoked", "one that is gone can't be in quarantine")
	require.Contains(t, s.Attempted, "00Tquarantined")
	require.Contains(t, s.Quarantined, "00Tquarantined")
}
