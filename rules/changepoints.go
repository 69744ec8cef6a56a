package rules

import (
	"slices"
	"time"

	"tokensweep/okta"
)

// ChangePoints are the instants after from, up to and with to, at which the verdict on a token may become another one
// if the token stays as it is: between two of them it is the same. They are in order, each once.
func (p *Policy) ChangePoints(t *okta.Token, from, to time.Time) []time.Time {
	var all []time.Time
	for _, rule := range p.Rules {
		all = rule.when.changePoints(all, t)
	}
	for _, e := range p.Exemptions {
		all = append(e.match.changePoints(all, t), e.Until)
	}
	if made, ok := t.Created.Get(); ok {
		all = append(all, made, made.Add(p.Protect.NewerThan))
	}
	all = slices.DeleteFunc(all, func(at time.Time) bool { return !at.After(from) || at.After(to) })
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// changePoints adds the instants at which a part of the condition may come out otherwise.
func (n *node) changePoints(all []time.Time, t *okta.Token) []time.Time {
	for i := range n.parts {
		all = n.parts[i].changePoints(all, t)
	}
	if n.join != joinLeaf {
		return all
	}
	switch l := &n.leaf; l.field.kind() {
	case timeKind:
		if at, ok := l.field.time(t).Get(); ok {
			// Whatever the operator: an end of what it lets pass lies here, and is in it or not.
			for _, d := range []time.Duration{0, l.arg.limit, -l.arg.limit} {
				all = append(all, at.Add(d), at.Add(d+1))
			}
		}
	case yesNoKind: // the times that it compares must be real
		for _, name := range l.field.compares {
			if at, ok := fieldNamed(name).time(t).Get(); ok {
				all = append(all, at)
			}
		}
	}
	return all
}
