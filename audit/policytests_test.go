package audit_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/rules"
)

// Policy tests have the words of reports.
func TestWhatATestCanExpectIsAnOutcome(t *testing.T) {
	for _, word := range rules.ExpectedOutcomes {
		require.True(t, word == "none" || slices.Contains(audit.Outcomes, audit.Outcome(word)), word)
	}
}
