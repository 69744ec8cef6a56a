package audit

import (
	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// standing is the state of a token in our records and in Okta: whether it is in our quarantine, was taken out of it, or
// was given back. It is worked out once each time the token is read, and holds until its network condition or the
// records change.
type standing struct {
	// record is our quarantine of the token; nil if the ledger has none.
	record *ledger.Quarantine
	// in says that it is in our quarantine; nil if it isn't.
	in *Quarantine
	// lifted says that somebody took it out of our quarantine, and that this is not on record yet.
	lifted bool
	// givenBack says that a person wants it in use: it was lifted or restored, and no notice was delivered since.
	givenBack bool
}

// standing says where a token stands.
func (d *decider) standing(t *okta.Token) standing {
	st := standing{record: d.quarantineRecord(t)}
	st.in = d.quarantine(t, st.record)
	if q, recorded := d.past.Quarantined[t.ID]; recorded {
		st.lifted = conditionKnown(t.Network) && !sameCondition(t.Network, q.After)
	}
	_, released := d.past.Released[t.ID]
	st.givenBack = st.lifted || released
	return st
}

// quarantineRecord is the quarantine on record. If there is none, it is the last one that was begun, provided that the
// token has the network condition that it was to get. The recorded outcome of that one does not count: the request may
// have arrived after the reading that settled it, and older versions believed a proxy.
func (d *decider) quarantineRecord(t *okta.Token) *ledger.Quarantine {
	q, known := d.past.Quarantined[t.ID]
	if !known {
		if q, known = d.past.Attempted[t.ID]; !known || !sameCondition(t.Network, q.After) {
			return nil
		}
	}
	record := q // only where there is one does it take memory
	return &record
}

// inQuarantine says that the token is in our quarantine; nil if it isn't. Each call returns a copy, because decide
// notes in it whether the policy spares the token.
func (st standing) inQuarantine() *Quarantine {
	if st.in == nil {
		return nil
	}
	in := *st.in
	return &in
}

// view is the token as rules see it. Our own quarantine changes lastUpdated and the network condition. While both are
// what we set, rules see the values from before. So a quarantine makes no token look recently used, and none look
// fixed.
func (st standing) view(t *okta.Token) *okta.Token {
	q := st.record
	if q == nil {
		return t
	}
	view := *t
	if at, ok := t.LastUpdated.Get(); ok && at.Equal(q.After.LastUpdated) {
		view.LastUpdated = timeOf(q.Before.LastUpdated)
	}
	if sameCondition(t.Network, q.After) {
		view.Network = networkOf(q.Before)
	}
	return &view
}
