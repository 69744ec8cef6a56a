package rules

import "time"

// bound is one end of a span, and where it comes from.
type bound struct {
	length time.Duration
	open   bool   // the end itself is not in the span
	from   *claim // nil for one that is in the nature of things
	nature string // what that is
}

// span is the lengths that claims leave: of a duration, or of the age of a time (negative for one that is ahead).
// The zero value is all lengths.
type span struct{ least, most *bound }

// atLeast and atMost make the span smaller.
func (s *span) atLeast(b *bound) {
	if b != nil && (s.least == nil || b.length > s.least.length || b.length == s.least.length && b.open) {
		s.least = b
	}
}

func (s *span) atMost(b *bound) {
	if b != nil && (s.most == nil || b.length < s.most.length || b.length == s.most.length && b.open) {
		s.most = b
	}
}

// add makes the span smaller by a claim, as far as its operator compares lengths or dates. A date after which the time
// must lie says nothing of ages: later tokens can still satisfy it.
func (s *span) add(c claim, now time.Time) {
	switch c.op.name {
	case "olderThan", "longerThan":
		if c.holds {
			s.atLeast(&bound{length: c.arg.limit, open: true, from: &c})
		} else {
			s.atMost(&bound{length: c.arg.limit, from: &c})
		}
	case "newerThan", "shorterThan":
		if c.holds {
			s.atMost(&bound{length: c.arg.limit, open: true, from: &c})
		} else {
			s.atLeast(&bound{length: c.arg.limit, from: &c})
		}
	case "within":
		if c.holds {
			s.atLeast(&bound{length: -c.arg.limit, from: &c})
			s.atMost(&bound{from: &c})
		} else if c.arg.limit >= window {
			s.atMost(&bound{length: -c.arg.limit, open: true, from: &c})
		}
	case "before":
		if c.holds {
			s.atLeast(&bound{length: now.Sub(c.arg.at), open: true, from: &c})
		}
	case "after":
		if !c.holds {
			s.atLeast(&bound{length: now.Sub(c.arg.at), from: &c})
		}
	}
}

// empty says why the span has no length at all, or "".
func (s *span) empty() string {
	a, b := s.least, s.most
	if a == nil || b == nil || a.length < b.length || a.length == b.length && !a.open && !b.open {
		return ""
	}
	switch {
	case a.from == nil && b.from == nil:
		return ""
	case a.from == nil:
		return a.nature
	case b.from == nil:
		return b.nature
	}
	return together(*a.from, *b.from)
}

// The bounds that times have by nature.
var (
	pastOnly   = &bound{nature: "it can't lie in the future"}
	usedLately = &bound{length: window, open: true,
		nature: "Okta itself ends a token that was not used for 30 days, so write less than that"}
	endsSoon = &bound{length: -window, nature: "Okta ends a token at most 30 days after its last use"}
	notEnded = &bound{open: true, nature: "Okta ends the token then, and lists it no more"}
)

// noTime looks for times that satisfy all claims, and each other.
func (s *search) noTime(claims []claim) string {
	a := ages{}
	for i := range fields {
		if f := &fields[i]; f.kind() == timeKind {
			age := f.byNature
			if f.past {
				age.atLeast(pastOnly)
			}
			a[f] = &age
		}
	}
	earliest, latest := dates{}, dates{}
	var same []*field // whose two times are the same
	for _, c := range claims {
		if c.op.kind == yesNoKind && c.arg.yes == c.holds && c.field.compares != nil {
			same = append(same, c.field)
		}
		if c.op.kind != timeKind {
			continue
		}
		a[c.field].add(c, s.now)
		if why := between(c, earliest, latest); why != "" {
			return why
		}
	}
	for f := range a {
		a.bindSince(f)
	}
	for _, f := range same {
		first, second := fieldNamed(f.compares[0]), fieldNamed(f.compares[1])
		a[second].atLeast(a[first].least)
	}
	for i := range fields { // in the order of the table, so that the reason is always the same
		if age := a[&fields[i]]; age != nil {
			if why := age.empty(); why != "" {
				return why
			}
		}
	}
	return ""
}

// ages are what is left of the ages of times, by field.
type ages map[*field]*span

// bindSince makes a time no older than the one that it is never before, which may be bound in the same way.
func (a ages) bindSince(f *field) {
	if f.since == "" {
		return
	}
	earlier := fieldNamed(f.since)
	a.bindSince(earlier)
	a[f].atMost(a[earlier].most)
}

// dates are claims that bound a field by a date, by field.
type dates map[*field]claim

// between notes a claim on dates, and says why it leaves no date between the earliest and the latest, or "".
func between(c claim, earliest, latest dates) string {
	const before, after = "before", "after"
	switch name := c.op.name; {
	case name != before && name != after:
		return ""
	case (name == after) == c.holds:
		if was, ok := earliest[c.field]; !ok || c.arg.at.After(was.arg.at) {
			earliest[c.field] = c
		}
	default:
		if was, ok := latest[c.field]; !ok || c.arg.at.Before(was.arg.at) {
			latest[c.field] = c
		}
	}
	a, first := earliest[c.field]
	b, last := latest[c.field]
	if first && last && (a.arg.at.After(b.arg.at) || a.arg.at.Equal(b.arg.at) && (a.holds || b.holds)) {
		return together(a, b)
	}
	return ""
}
