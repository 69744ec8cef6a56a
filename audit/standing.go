package audit

import (
	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// standing is where a token stands with us, by what the ledger tells of it and by its own network condition. It is
// worked out once for each reading of the token, and holds until its condition or what the ledger tells changes.
type standing struct {
	// record is the quarantine of ours that the token is in, or was in when it was last seen; nil if the ledger tells
	// of none.
	record *ledger.Quarantine
	// in says that it is in our quarantine; nil if it isn't.
	in *Quarantine
	// lifted says that somebody took it out of our quarantine, and that this is not on record yet.
	lifted bool
	// givenBack says that a person wants it in use: it was lifted, or restored, and nothing has been announced since.
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

// quarantineRecord is the quarantine on record or else the last that was begun, if the token's condition is the one
// that it was to have. What is on record of its outcome doesn't count then: a request may arrive after the reading that
// was to settle it, and older versions believed a proxy.
func (d *decider) quarantineRecord(t *okta.Token) *ledger.Quarantine {
	if q, known := d.past.Quarantined[t.ID]; known {
		return &q
	}
	if q, known := d.past.Attempted[t.ID]; known && sameCondition(t.Network, q.After) {
		return &q
	}
	return nil
}

// inQuarantine says that the token is in our quarantine; nil if it isn't. Each call returns another value, since
// whether the policy spares the token is noted in it.
func (st standing) inQuarantine() *Quarantine {
	if st.in == nil {
		return nil
	}
	in := *st.in
	return &in
}

// view is the token as rules see it. Our own quarantine moves lastUpdated and the network condition; as long as both
// are what we made them, rules see them as they were before, so that a quarantine makes no token look fresh, and none
// look mended.
func (st standing) view(t okta.Token) okta.Token {
	q := st.record
	if q == nil {
		return t
	}
	if at, ok := t.LastUpdated.Get(); ok && at.Equal(q.After.LastUpdated) {
		t.LastUpdated = timeOf(q.Before.LastUpdated)
	}
	if sameCondition(t.Network, q.After) {
		t.Network = networkOf(q.Before)
	}
	return t
}
