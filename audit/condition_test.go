package audit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

func TestNetworkConditionsAreTheSameByWhatIsInThem(t *testing.T) {
	zones := func(connection string, include, exclude []string) okta.Opt[okta.Network] {
		return okta.Some(okta.Network{Connection: okta.Some(connection), Include: okta.Some(include),
			Exclude: okta.Some(exclude)})
	}
	kept := ledger.Condition{Connection: "ZONE", Include: []string{"a", "b"}, Exclude: []string{"c", "d"}}
	for _, row := range []struct {
		name    string
		network okta.Opt[okta.Network]
		kept    ledger.Condition
		same    bool
	}{
		{"as it was", zones("ZONE", []string{"a", "b"}, []string{"c", "d"}), kept, true},
		{"in another order", zones("ZONE", []string{"b", "a"}, []string{"d", "c"}), kept, true},
		{"a zone named twice", zones("ZONE", []string{"a", "b", "a"}, []string{"c", "d"}), kept, true},
		{"a zone more to come from", zones("ZONE", []string{"a", "b", "e"}, []string{"c", "d"}), kept, false},
		{"a zone less to come from", zones("ZONE", []string{"a", "a"}, []string{"c", "d"}), kept, false},
		{"another zone to come from", zones("ZONE", []string{"a", "e"}, []string{"c", "d"}), kept, false},
		{"another zone that is barred", zones("ZONE", []string{"a", "b"}, []string{"c", "e"}), kept, false},
		{"no zone that is barred", zones("ZONE", []string{"a", "b"}, nil), kept, false},
		{"the lists the other way round", zones("ZONE", []string{"c", "d"}, []string{"a", "b"}), kept, false},
		{"another connection", zones("ANYWHERE", []string{"a", "b"}, []string{"c", "d"}), kept, false},
		{"empty lists, and none", zones("ANYWHERE", []string{}, []string{}), ledger.Condition{Connection: "ANYWHERE"},
			true},
		{"no lists, and empty ones", okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
			ledger.Condition{Connection: "ANYWHERE", Include: []string{}}, true},
		{"zones to come from that can't all be read",
			okta.Some(okta.Network{Connection: okta.Some("ZONE"), Include: okta.Some(kept.Include),
				Exclude: okta.Unreadable[[]string]()}), ledger.Condition{Connection: "ZONE", Include: kept.Include},
			false},
		{"a network that is missing", okta.Opt[okta.Network]{}, ledger.Condition{}, false},
		{"a network that can't be read", okta.Unreadable[okta.Network](), ledger.Condition{}, false},
	} {
		require.Equal(t, row.same, sameCondition(row.network, row.kept), row.name)
	}
}
