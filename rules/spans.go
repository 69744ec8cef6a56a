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

const (
	usedLately   = "Okta itself ends a token that was not used for 30 days, so write less than that"
	endsTheToken = "Okta ends the token then, and lists it no more"
	endsSoon     = "Okta ends a token at most 30 days after its last use"
	pastOnly     = "it can't lie in the future"
)

// noTime looks for times that satisfy all claims, and each other: a token is used no earlier than it is created, and
// lastUpdated is no earlier than lastUsed.
func (s *search) noTime(claims []claim) string {
	ages := make(map[string]*span)
	for i := range fields {
		f := &fields[i]
		if f.kind() != timeKind {
			continue
		}
		age := &span{}
		switch {
		case f.past:
			age.atLeast(&bound{nature: pastOnly})
		case f.name == "expiresAt":
			age.atLeast(&bound{length: -window, nature: endsSoon})
			age.atMost(&bound{open: true, nature: endsTheToken})
		}
		ages[f.name] = age
	}
	created, used, updated := ages["created"], ages["lastUsed"], ages["lastUpdated"]
	used.atMost(&bound{length: window, open: true, nature: usedLately})
	updated.atMost(&bound{length: window, open: true, nature: usedLately})
	earliest, latest := dates{}, dates{}
	never := false
	for _, c := range claims {
		never = never || c.field.name == "neverUsed" && c.op.kind == yesNoKind && c.arg.yes == c.holds
		if c.op.kind != timeKind {
			continue
		}
		ages[c.field.name].add(c, s.now)
		if why := between(c, earliest, latest); why != "" {
			return why
		}
	}
	used.atMost(created.most)
	updated.atMost(used.most)
	if never { // then its last use is its creation
		used.atLeast(created.least)
	}
	for i := range fields { // in the order of the table, so that the reason is always the same
		if age := ages[fields[i].name]; age != nil {
			if why := age.empty(); why != "" {
				return why
			}
		}
	}
	return ""
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
