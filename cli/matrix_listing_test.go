package cli_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// everyList are the commands that list an org, and judge or show what they read.
func everyList(t *testing.T) [][]string {
	policy := []string{"--policy", policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]")}
	id := oktatest.TokenID(1)
	return [][]string{
		{"tokens", "list"}, append([]string{"run"}, policy...), append([]string{"doctor"}, policy...), append([]string{"validate", "--org"}, policy...),
		append([]string{"simulate"}, policy...), append([]string{"explain", id, "--days", "7"}, policy...),
	}
}

func linkTakenAway(t *testing.T) {
	taken := oktatest.Fault{Path: listing, FirstLink: true}
	commandTrial(t, taken).nothingDone(t, audit.Incomplete, "takes Link lines away")
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9), PageSize: 200, Tokens: oktatest.Many(300, time.Now())})
	t.Cleanup(org.Close)
	for _, args := range everyList(t) {
		r := tokensweep(t, org.URL(), args...)
		require.Zero(t, r.code, "%v: %s", args, r.stderr)
	}
	org.Fault(taken)
	for _, args := range everyList(t) {
		r := tokensweep(t, org.URL(), args...)
		require.EqualValues(t, audit.Incomplete, r.code, "%v: %s", args, r.stderr)
		require.Contains(t, r.stdout+r.stderr, "takes Link lines away. Let it pass all of them", "%v", args)
	}
	// An org that doesn't page has no links that could be taken away.
	whole := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9), Tokens: oktatest.Many(300, time.Now())})
	t.Cleanup(whole.Close)
	whole.Fault(taken)
	for _, args := range everyList(t) {
		r := tokensweep(t, whole.URL(), args...)
		require.Zero(t, r.code, "%v: %s", args, r.stderr)
	}
}
