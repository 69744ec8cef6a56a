package audit

import (
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// conditionOf is what the ledger keeps of a token before and after a change: its network condition and
// lastUpdated. What is missing is empty there.
func conditionOf(t *okta.Token) ledger.Condition {
	n := t.Network.Or(okta.Network{})
	return ledger.Condition{
		Connection: n.Connection.Or(""), Include: n.Include.Or(nil), Exclude: n.Exclude.Or(nil),
		LastUpdated: t.LastUpdated.Or(time.Time{}),
	}
}

// zoneCondition lets a token be used from one zone only.
func zoneCondition(zone string) ledger.Condition {
	return ledger.Condition{Connection: "ZONE", Include: []string{zone}}
}

// networkOf is the network condition that the ledger kept.
func networkOf(c ledger.Condition) okta.Opt[okta.Network] {
	if c.Connection == "" {
		return okta.Opt[okta.Network]{}
	}
	n := okta.Network{Connection: okta.Some(c.Connection)}
	if len(c.Include) > 0 {
		n.Include = okta.Some(c.Include)
	}
	if len(c.Exclude) > 0 {
		n.Exclude = okta.Some(c.Exclude)
	}
	return okta.Some(n)
}

func timeOf(t time.Time) okta.Opt[time.Time] {
	if t.IsZero() {
		return okta.Opt[time.Time]{}
	}
	return okta.Some(t)
}

// conditionKnown reports whether Okta said from where a token can be used: a connection, and with zones at least
// one of the two lists.
func conditionKnown(network okta.Opt[okta.Network]) bool {
	n := network.Or(okta.Network{})
	return n.Connection.Or("") != "" &&
		(n.Connection.Or("") != "ZONE" || len(n.Include.Or(nil)) > 0 || len(n.Exclude.Or(nil)) > 0)
}

// sameCondition compares networks alone. Their lists are sets: Okta promises no order, and an empty list is the same as
// none.
func sameCondition(network okta.Opt[okta.Network], c ledger.Condition) bool {
	n, ok := network.Get()
	return ok && n.Connection.Or("") == c.Connection &&
		sameSet(n.Include.Or(nil), c.Include) && sameSet(n.Exclude.Or(nil), c.Exclude)
}
