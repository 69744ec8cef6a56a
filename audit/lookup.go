package audit

import (
	"context"
	"maps"
	"slices"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// lookup is the one place that asks an org about anything but its tokens: owners with their roles, and what zones
// contain. What rules read of that, and what must be read again before a change, follows from the table of fields
// (rules.Policy.Reads).
type lookup struct {
	org    *okta.Reader
	policy *rules.Policy
	owners *ownerLookup // nil where owners are not looked up in the background
	zones  zoneContents // what was read of zones so far
}

func newLookup(org *okta.Reader, policy *rules.Policy) *lookup {
	return &lookup{org: org, policy: policy, zones: make(zoneContents)}
}

// begin lets owners be looked up in the background, until end is called. The context that it returns ends with ctx, or
// when a look-up refuses the credential.
func (l *lookup) begin(ctx context.Context) (_ context.Context, end func()) {
	l.owners = newOwnerLookup(ctx, l.org.Owner)
	return l.owners.ctx, l.owners.cancel
}

// request has what is not known of a token looked up in the background. Owners are in every report, whether rules read
// them or not.
func (l *lookup) request(t *okta.Token) { l.owners.request(t) }

// wait returns when all that was requested is looked up. Its errors are those of ownerLookup.wait.
func (l *lookup) wait() error { return l.owners.wait() }

// stop ends what was begun. Its error is that of ownerLookup.stop.
func (l *lookup) stop() error { return l.owners.stop() }

// known is the owner of a token as far as it was looked up; nil if it wasn't.
func (l *lookup) known(t *okta.Token) *okta.Owner {
	if l.owners == nil {
		return nil
	}
	return l.owners.get(t)
}

// owner reads the owner of a token now; nil if the token names none.
func (l *lookup) owner(ctx context.Context, t *okta.Token) (*okta.Owner, error) {
	id, known := t.UserID.Get()
	if !known {
		return nil, nil
	}
	return l.org.Owner(ctx, id)
}

// again reads before a change what the policy reads of a token besides the token; for the rest what is known will do.
func (l *lookup) again(ctx context.Context, t *okta.Token) (*okta.Owner, error) {
	if !l.policy.Reads(rules.Owners) {
		return l.known(t), nil
	}
	return l.owner(ctx, t)
}

// quarantineZone makes sure that the policy's zone is one to put tokens in. The note, if not "", says who could use
// them there. Its error is that of checkZone.
func (l *lookup) quarantineZone(ctx context.Context) (note string, err error) {
	zone := l.policy.QuarantineZone
	contents, err := checkZone(ctx, l.org, zone)
	if err != nil {
		return "", err
	}
	if l.zones[zone] = contents; contents != "" {
		note = zoneOpen(zone, contents)
	}
	return note, nil
}

// readZones finds out what the zones contain that tokens are in by our quarantines. The policy may name another zone by
// now, and what was a good zone then may be none any more. What can't be read stays unknown.
func (l *lookup) readZones(ctx context.Context, quarantined map[string]ledger.Quarantine) {
	ask := make(map[string]bool)
	for _, q := range quarantined {
		for _, zone := range q.After.Include {
			ask[zone] = true
		}
	}
	if zone := l.policy.QuarantineZone; zone != "" && len(ask) > 0 {
		ask[zone] = true
	}
	for _, zone := range slices.Sorted(maps.Keys(ask)) {
		if _, read := l.zones[zone]; read {
			continue
		}
		if contents, err := checkZone(ctx, l.org, zone); err == nil {
			l.zones[zone] = contents
		}
	}
}
