package ledger_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// A build that doesn't know a field refuses the ledger, and then nobody can go back to it. A field that is new here is
// written only when a feature that needs it is used, which CHANGELOG and docs/upgrade.md name; .ci/rollback tries it.
func TestEveryFieldThatAnEarlierBuildRefusesIsNamedHere(t *testing.T) {
	earlier := strings.Fields("seq time kind run org mode policy token name rule step rules plan facts via of part " +
		"ref result settled reason by before after actions count snapshot believed exitCode counts unread " +
		"critical file")
	later := map[string]string{
		"ahead":   "the notice of an enforcing run",
		"owner":   "the notice of an enforcing run",
		"told":    "the end of a run that called notices off",
		"doubted": "a run while clocks disagree",
		"channel": "a delivery to the webhook",
		"state":   "a segment after the first one",
	}
	record := reflect.TypeFor[ledger.Record]()
	for i := range record.NumField() {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		if name == "-" || slices.Contains(earlier, name) {
			continue
		}
		require.Contains(t, later, name, "d5d33e8 doesn't know it")
	}
}
