package audit

import (
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// conditionOf is what the ledger keeps of a token before and after a change: its network condition, empty unless all of
// it is known, and lastUpdated, zero unless it is known.
func conditionOf(t *okta.Token) ledger.Condition {
	n, _ := okta.ConditionOf(t.Network)
	at, _ := t.LastUpdated.Get()
	return ledger.Condition{Connection: n.Connection, Include: n.Include, Exclude: n.Exclude, LastUpdated: at}
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

// irreversible says why a quarantine of a token could not be undone exactly; "" if it could.
func irreversible(t *okta.Token) string {
	if !conditionKnown(t.Network) {
		return "its network condition is not known, so that a quarantine could not be undone"
	}
	if err := t.CheckWritable(); err != nil {
		return err.Error()
	}
	return ""
}

// conditionKnown reports whether Okta told the whole network condition.
func conditionKnown(network okta.Opt[okta.Network]) bool {
	_, known := okta.ConditionOf(network)
	return known
}

// sameCondition compares network conditions. One that is not known in full equals none. Their lists are sets: Okta
// promises no order, and an empty list is the same as no list.
func sameCondition(network okta.Opt[okta.Network], c ledger.Condition) bool {
	n, known := okta.ConditionOf(network)
	return known && n.Connection == c.Connection && sameSet(n.Include, c.Include) && sameSet(n.Exclude, c.Exclude)
}

// sameSet compares two lists without regard to their order and to repetitions.
func sameSet(a, b []string) bool {
	sorted := func(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
	return slices.Equal(sorted(a), sorted(b))
}
