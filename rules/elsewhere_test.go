package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A file may be nothing but unknown keys: where one belongs is looked up, and not searched for in the grammar.
func TestWhereAKeyBelongsIsCheapToSay(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(10, func() { elsewhere("the policy", "k1") }))
}

// A policy's keys are where elsewhere says, and the key of a policy itself is nowhere else.
func TestWhereAKeyBelongs(t *testing.T) {
	for _, row := range []struct{ what, key, want string }{
		{"the policy", "perRun", ": it belongs to limits, write limits: {perRun: …}"},
		{"the policy", "percent", ": it belongs to limits.stopAbove, write limits: {stopAbove: {percent: …}}"},
		{"the policy", "severity", ": it belongs to a rule, below rules"},
		{"the policy", "revoke", ": it belongs to a rule, below rules, in its then"},
		{"the policy", "reason", ": it belongs to an exemption, below exemptions"},
		{"the rule", "quarantine", ": it belongs to then, write then: {quarantine: …}"},
		{"the rule", "owner.status", ": it belongs to when, write when: {owner.status: …}"},
		{"the rule", "name", ""},
		{"the exemption", "perRun", ""},
		{"schedule", "mode", ""},
	} {
		require.Equal(t, row.want, elsewhere(row.what, row.key), "%s in %s", row.key, row.what)
	}
}
