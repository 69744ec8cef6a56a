package rules

// Source is what has to be read to know a field of a token. The zero value is none.
type Source uint8

const (
	// Tokens is the token itself, which every listing has.
	Tokens Source = iota + 1
	// Owners is the token's owner and their roles. Each owner is a request, and roles are another.
	Owners
	// Zones are the org's network zones. No field is of one yet; the zone of a quarantine is.
	Zones
)

// Reads reports whether the policy can't be judged, or carried out, without a source: a rule or an exemption asks about
// a field of it, or it is Zones and there is a quarantine. What a policy reads has to be looked up, and looked up again
// before a token is changed.
func (p *Policy) Reads(s Source) bool {
	if s == Tokens || s == Zones && p.QuarantineZone != "" {
		return true
	}
	for _, r := range p.Rules {
		if r.when.readsFrom(s) {
			return true
		}
	}
	for _, e := range p.Exemptions {
		if e.Reads(s) {
			return true
		}
	}
	return false
}

// Reads reports whether the exemption asks about a field of a source.
func (e *Exemption) Reads(s Source) bool { return e.match.readsFrom(s) }

// readsFrom reports whether the condition asks about a field of a source.
func (n *node) readsFrom(s Source) bool {
	if n.join == joinLeaf {
		return n.leaf.field.source == s
	}
	for i := range n.parts {
		if n.parts[i].readsFrom(s) {
			return true
		}
	}
	return false
}

// effect is what becomes of a field when the token is used. The zero value is nothing.
type effect uint8

const (
	// movedByEach is a field that every use gives another value.
	movedByEach effect = iota + 1
	// endedByFirst is a yes/no that the first use makes no, for good.
	endedByFirst
)
