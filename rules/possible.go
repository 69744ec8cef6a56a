package rules

import (
	"slices"
	"strings"
	"time"

	"tokensweep/okta"
)

// This file finds out whether a condition can be true of any token at all: it takes the condition apart into ways to
// be true, and looks in each for claims that exclude each other. It answers no only where that is certain.

// goal is a condition that is to be true or, if holds is false, false.
type goal struct {
	node  *node
	holds bool
}

// claim is one operator on one field that is to be true or false.
type claim struct {
	*leaf
	holds bool
}

// String is the claim as the policy could have it.
func (c claim) String() string {
	s := c.field.name + ": {" + c.op.name + ": " + c.argument() + "}"
	if !c.holds {
		return "not: {" + s + "}"
	}
	return s
}

// argument is the leaf's argument as the policy has it, printable.
func (l *leaf) argument() string {
	switch {
	case l.op.argument != trueOrFalse:
		return l.arg.text()
	case l.arg.yes:
		return "true"
	}
	return "false"
}

// conflict is why claims can't hold together.
type conflict struct {
	at    place // of the claim that came last
	holds bool  // what that claim is to be, true or false, and can't be
	why   string
}

// The steps after which one search, and all searches for one policy, give up. What they would have found is then
// taken to be possible.
const maxSteps, maxAllSteps = 2_000, 50_000

// search looks for a way to make goals come true together.
type search struct {
	now  time.Time
	only map[*node]int // for an alternative, the one part that may be chosen
	left int           // steps until the search gives up
	// found is the first conflict that was met.
	found *conflict
}

// prover makes searches.
type prover struct {
	now  time.Time
	left int // steps until no search is made any more
}

// possible reports whether all of the goals can be reached together, now or later. If not, the conflict says why.
func (p *prover) possible(only map[*node]int, goals ...goal) (bool, *conflict) {
	s := &search{now: p.now, only: only, left: min(maxSteps, p.left)}
	began := s.left
	can := s.reach(goals, nil)
	p.left -= began - max(0, s.left)
	return can, s.found
}

// reach tries to reach the goals, the first one first, under the claims that were made for earlier ones.
func (s *search) reach(goals []goal, claims []claim) bool {
	if s.left--; s.left < 0 || len(goals) == 0 {
		return true
	}
	g, rest := goals[0], goals[1:]
	with := func(parts ...goal) []goal { return slices.Concat(parts, rest) }
	switch {
	case g.node.join == joinLeaf:
		claims = append(slices.Clip(claims), claim{&g.node.leaf, g.holds})
		if why := s.excluded(claims); why != "" {
			if s.found == nil {
				s.found = &conflict{g.node.leaf.at, g.holds, why}
			}
			return false
		}
		return s.reach(rest, claims)
	case g.node.join == joinNot:
		return s.reach(with(goal{&g.node.parts[0], !g.holds}), claims)
	case !g.alternative():
		parts := make([]goal, len(g.node.parts))
		for i := range parts {
			parts[i] = goal{&g.node.parts[i], g.holds}
		}
		return s.reach(with(parts...), claims)
	}
	for i := range g.node.parts {
		if chosen, fixed := s.only[g.node]; fixed && chosen != i {
			continue
		}
		if s.reach(with(goal{&g.node.parts[i], g.holds}), claims) {
			return true
		}
	}
	return false
}

// alternative says that one part is enough.
func (g goal) alternative() bool { return (g.node.join == joinAny) == g.holds }

// alternatives calls f with each condition of which one part is enough, where the goal is to be reached.
func (g goal) alternatives(f func(goal)) {
	switch g.node.join {
	case joinLeaf:
		return
	case joinNot:
		goal{&g.node.parts[0], !g.holds}.alternatives(f)
		return
	}
	if g.alternative() {
		f(g)
	}
	for i := range g.node.parts {
		goal{&g.node.parts[i], g.holds}.alternatives(f)
	}
}

// leaves calls f with each claim of which the goal may make use.
func (g goal) leaves(f func(claim)) {
	if g.node.join == joinLeaf {
		f(claim{&g.node.leaf, g.holds})
		return
	}
	for i := range g.node.parts {
		goal{&g.node.parts[i], g.holds != (g.node.join == joinNot)}.leaves(f)
	}
}

// excluded says why the last of the claims can't hold together with the others, or "".
func (s *search) excluded(claims []claim) string {
	last := claims[len(claims)-1]
	var same []claim // of the same field
	for _, c := range claims {
		if c.field == last.field {
			same = append(same, c)
		}
	}
	if why := missing(same); why != "" {
		return why
	}
	switch last.field.kind() {
	case textKind:
		return noText(same)
	case spanKind:
		var v span
		for _, c := range same {
			v.add(c, s.now)
		}
		return v.empty()
	case listKind:
		return noList(same)
	default: // times and what is derived from them are bound to each other
		if why := noAnswer(same); why != "" {
			return why
		}
		return s.noTime(claims)
	}
}

// missing says why a field can't be both missing and something else. All operators but present are unknown then.
func missing(same []claim) string {
	var absent, there *claim
	for i := range same {
		c := &same[i]
		if c.op.kind == anyKind && c.arg.yes != c.holds {
			absent = c
		} else {
			there = c
		}
	}
	switch {
	case absent != nil && there != nil:
		return together(*absent, *there)
	case absent != nil && absent.field.always:
		return "a token always has an " + absent.field.name
	}
	return ""
}

// together is the reason that two claims exclude each other.
func together(a, b claim) string {
	return a.String() + " and " + b.String() + " can't both hold"
}

// noText looks for a text that satisfies all claims.
func noText(same []claim) string {
	for _, c := range same { // where only a few texts are allowed, they are tried out
		words := c.allowed()
		var bars *claim
		for _, w := range words {
			i := slices.IndexFunc(same, func(o claim) bool { return o.op.kind == textKind && o.fits(w) != o.holds })
			if i < 0 {
				bars = nil
				break
			}
			bars = &same[i]
		}
		if bars != nil {
			return together(c, *bars)
		}
	}
	last := same[len(same)-1]
	if last.like(false) && slices.Contains(last.arg.words, "*") {
		return "every " + last.field.name + " is like *"
	}
	for _, c := range same {
		for _, pair := range [][2]claim{{c, last}, {last, c}} {
			a, b := pair[0], pair[1]
			if a.like(true) && b.like(false) && !slices.ContainsFunc(a.arg.words, func(w string) bool {
				return !slices.Contains(b.arg.words, w)
			}) ||
				a.matches(true) && b.matches(false) && slices.Equal(a.arg.words, b.arg.words) {
				return together(a, b)
			}
		}
	}
	return ""
}

// allowed are the only texts that the claim lets pass; nil if it lets others pass too.
func (c claim) allowed() []string {
	plain := func(glob string) bool { return !strings.ContainsAny(glob, `*?\`) }
	switch name := c.op.name; {
	case (name == "is" || name == "in") && c.holds, (name == "isNot" || name == "notIn") && !c.holds,
		c.like(true) && !slices.ContainsFunc(c.arg.words, func(glob string) bool { return !plain(glob) }):
		return c.arg.words
	}
	return nil
}

// like says that the claim is one on globs, of which one (or, not holding, none) must fit.
func (c claim) like(holds bool) bool {
	return c.op.name == "like" && c.holds == holds || c.op.name == "notLike" && c.holds != holds
}

func (c claim) matches(holds bool) bool {
	return c.op.name == "matches" && c.holds == holds || c.op.name == "notMatches" && c.holds != holds
}

// noList looks for items that must be in a list and must not.
func noList(same []claim) string {
	wants := func(c claim, names ...string) bool { return slices.Contains(names, c.op.name) && c.holds }
	bars := func(c claim) bool {
		return c.op.name == "containsNone" && c.holds || (c.op.name == "contains" || c.op.name == "containsAny") &&
			!c.holds
	}
	isEmpty := func(c claim, empty bool) bool { return c.op.name == "empty" && (c.arg.yes == c.holds) == empty }
	last := same[len(same)-1]
	for _, c := range same {
		for _, pair := range [][2]claim{{c, last}, {last, c}} {
			a, b := pair[0], pair[1]
			in := func(w string) bool { return slices.Contains(b.arg.words, w) }
			switch {
			case wants(a, "contains", "containsAll") && bars(b) && slices.ContainsFunc(a.arg.words, in),
				wants(a, "containsAny") && bars(b) && !slices.ContainsFunc(a.arg.words, func(w string) bool {
					return !in(w)
				}),
				wants(a, "contains", "containsAll", "containsAny") && isEmpty(b, true),
				isEmpty(a, false) && isEmpty(b, true):
				return together(a, b)
			}
		}
	}
	return ""
}

// noAnswer looks for a yes/no that must be both.
func noAnswer(same []claim) string {
	for _, c := range same {
		if c.op.kind == yesNoKind && same[0].op.kind == yesNoKind &&
			(c.arg.yes == c.holds) != (same[0].arg.yes == same[0].holds) {
			return together(same[0], c)
		}
	}
	return ""
}

// window is how long Okta lets a token live that is not used.
const window = okta.DefaultTokenWindow
