package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

const (
	orgID      = "00o1a2b3c4d5e6f7g8h9"
	otherOrgID = "00o9z8y7x6w5v4u3t2s1"
	elsewhere  = "https://login.acme.com"
)

// A run is of the org of those before by its id, where that is known of both, and else by its URL.
func TestAnOrgIsKnownByItsIDAndElseByItsURL(t *testing.T) {
	begun := func(url, id string) ledger.Record { return ledger.Record{Kind: ledger.Begun, Org: url, Name: id} }
	for name, row := range map[string]struct {
		before []ledger.Record
		run    ledger.Record
		other  bool
	}{
		"the first run":                {nil, begun(org, ""), false},
		"the same":                     {[]ledger.Record{begun(org, orgID)}, begun(org, orgID), false},
		"the same, of a state without": {[]ledger.Record{begun(org, "")}, begun(org, orgID), false},
		"the same, which tells no id":  {[]ledger.Record{begun(org, orgID)}, begun(org, ""), false},
		"another URL of the same":      {[]ledger.Record{begun(org, orgID)}, begun(elsewhere, orgID), false},
		"the new URL, which tells no id": {[]ledger.Record{begun(org, orgID), begun(elsewhere, orgID)},
			begun(elsewhere, ""), false},
		"the old URL, once it was changed": {[]ledger.Record{begun(org, orgID), begun(elsewhere, orgID)},
			begun(org, ""), true},
		"the old URL, and the id": {[]ledger.Record{begun(org, orgID), begun(elsewhere, orgID)}, begun(org, orgID),
			false},
		"an id that was told once is kept": {[]ledger.Record{begun(org, orgID), begun(org, "")},
			begun(elsewhere, orgID), false},
		"another URL, of a state without": {[]ledger.Record{begun(org, "")}, begun(elsewhere, orgID), true},
		"another URL, which tells no id":  {[]ledger.Record{begun(org, orgID)}, begun(elsewhere, ""), true},
		"another URL and id":              {[]ledger.Record{begun(org, orgID)}, begun(elsewhere, otherOrgID), true},
		"another id at the URL":           {[]ledger.Record{begun(org, orgID)}, begun(org, otherOrgID), true},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := ledger.Store{}.OpenOn(new(ledgertest.Disk), clock())
			require.NoError(t, err)
			for _, r := range row.before {
				append1(t, l, r)
			}
			_, err = l.Append(row.run)
			if row.other {
				require.ErrorIs(t, err, ledger.ErrOtherOrg)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.run.Org, l.State().Org)
		})
	}
}
