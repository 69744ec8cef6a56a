package rules

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// truth is the value of a condition. The order is Kleene's: and is the least of the parts, or the
// greatest, not the negative.
type truth int8

const (
	isFalse   truth = -1
	isUnknown truth = 0
	isTrue    truth = 1
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// node is a compiled condition: a leaf, or all, any or not with parts. The tree has the shape of the
// file, so that it can be explained as it was written.
type node struct {
	join   join
	parts  []node // of all and any: at least one; of not: exactly one
	listed bool   // all and any: written as a list, and not as a map in which everything must hold
	leaf   leaf   // of a leaf
}

type join uint8

const (
	joinLeaf join = iota
	joinAll
	joinAny
	joinNot
)

// leaf is one operator applied to one field.
type leaf struct {
	field *field
	op    *operator
	arg   argument
	judge func(t *okta.Token, now time.Time) truth
	fits  predicate[string] // whether the operator is true of a text; nil for other kinds
	at    place             // of the operator in the file
}

// maxNesting is how deep all, any and not may nest.
const maxNesting = 32

// condition reads a map of fields, all, any and not, which must all hold. The key is for messages.
func (r *reader) condition(at, n *yaml.Node, depth int) (node, bool) {
	const form = "write for example {lastUsed: {olderThan: 21d}}"
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == nullTag:
		r.wrong(at, "%s has no condition: %s", quote(at.Value), r.orComment(n, form))
		return node{}, false
	case n.Kind != yaml.MappingNode:
		return node{}, r.wrongKind(n, "a condition must be a map, and not %s: %s", kindOf(n), form)
	case len(n.Content) == 0:
		r.wrong(n, "the condition is empty and would match every token: %s", form)
		return node{}, false
	case depth > maxNesting:
		r.wrong(n, "conditions nest deeper than %d levels here: write flatter ones", maxNesting)
		return node{}, false
	}
	var parts []node
	ok := true
	for k, v := range r.entries(n) {
		part, good := r.entry(k, v, depth)
		parts = append(parts, part)
		ok = ok && good
	}
	return joined(parts), ok && len(parts) > 0
}

// joined is the conjunction of parts; one part stands for itself.
func joined(parts []node) node {
	if len(parts) == 1 {
		return parts[0]
	}
	return node{join: joinAll, parts: parts}
}

// entry reads one entry of a condition.
func (r *reader) entry(k, v *yaml.Node, depth int) (node, bool) {
	switch k.Value {
	case "all":
		return r.conditions(k, v, joinAll, depth)
	case "any":
		return r.conditions(k, v, joinAny, depth)
	case "not":
		part, ok := r.condition(k, v, depth+1)
		return node{join: joinNot, parts: []node{part}}, ok
	}
	f := fieldNamed(k.Value)
	if f == nil {
		r.wrong(k, "%s", unknownField(k.Value))
		return node{}, false
	}
	if !r.filled(k, v, nil) {
		return node{}, false
	}
	return r.fieldCondition(f, v)
}

// conditions reads the list of conditions under all or any.
func (r *reader) conditions(k, v *yaml.Node, how join, depth int) (node, bool) {
	if !r.filled(k, v, nil) {
		return node{}, false
	}
	const form = "- lastUsed: {olderThan: 21d}"
	items, ok := r.list(v, k.Value, "a list of conditions, each as "+form)
	if ok && len(items) == 0 {
		r.wrong(v, "%s is empty: write at least one condition, as %s", k.Value, form)
		return node{}, false
	}
	n := node{join: how, listed: true, parts: make([]node, 0, len(items))}
	for _, item := range items {
		part, good := r.condition(item, item, depth+1)
		n.parts = append(n.parts, part)
		ok = ok && good
	}
	return n, ok
}

// unknownField is the message about a name that is no field.
func unknownField(name string) string {
	known := append(fieldNames(), "all", "any", "not")
	var inside []string
	for _, f := range known {
		if strings.HasPrefix(f, name+".") {
			inside = append(inside, f)
		}
	}
	if len(inside) > 0 {
		return fmt.Sprintf("%s is not one field: write one of %s", quote(name), strings.Join(inside, ", "))
	}
	return fmt.Sprintf("unknown field %s%s", quote(name), suggest(name, known))
}

// fieldCondition reads what is asked of one field: operators, which must all hold, or the short forms
// of is (a scalar) and in (a list).
func (r *reader) fieldCondition(f *field, v *yaml.Node) (node, bool) {
	switch v.Kind {
	case yaml.ScalarNode:
		return r.short(f, "is", v)
	case yaml.SequenceNode:
		return r.short(f, "in", v)
	case yaml.AliasNode:
		return node{}, false
	}
	if len(v.Content) == 0 {
		r.wrong(v, "the condition on %s is empty: %s", f.name, useOf(f))
		return node{}, false
	}
	var parts []node
	ok := true
	for name, arg := range r.entries(v) {
		part, good := r.operation(f, name, arg)
		parts = append(parts, part)
		ok = ok && good
	}
	return joined(parts), ok && len(parts) > 0
}

func (r *reader) short(f *field, name string, v *yaml.Node) (node, bool) {
	o := operatorFor(name, f.kind())
	if o == nil {
		r.wrong(v, "%s needs an operator: %s", f.name, useOf(f))
		return node{}, false
	}
	return r.compile(f, o, v, v)
}

// operation reads one operator and its argument.
func (r *reader) operation(f *field, name, arg *yaml.Node) (node, bool) {
	o := operatorFor(name.Value, f.kind())
	switch {
	case o != nil:
	case operatorKinds(name.Value) != "":
		r.wrong(name, "%s is for %s, and %s is not: %s", name.Value, operatorKinds(name.Value), f.name, useOf(f))
		return node{}, false
	default:
		r.wrong(name, "unknown operator %s%s", quote(name.Value), suggest(name.Value, operatorsOf(f)))
		return node{}, false
	}
	if !o.fits(f) {
		if o.ahead {
			r.wrong(name, "%s looks ahead, and %s is always in the past: use newerThan", o.name, f.name)
		} else {
			r.wrong(name, "%s looks back, and %s lies ahead: use within", o.name, f.name)
		}
		return node{}, false
	}
	if arg.Kind == yaml.AliasNode || arg.Tag == nullTag {
		return node{}, r.wrongKind(arg, "%s has no argument: %s", o.name, r.orComment(arg, "write "+o.argument.words))
	}
	return r.compile(f, o, name, arg)
}

// operatorKinds names what an operator is for, or "" if there is none of this name.
func operatorKinds(name string) string {
	var kinds []string
	for i := range operators {
		if operators[i].name == name {
			kinds = append(kinds, operators[i].kind.String())
		}
	}
	return strings.Join(kinds, " and ")
}

// useOf says what may be asked of a field.
func useOf(f *field) string {
	names := operatorsOf(f)
	return fmt.Sprintf("write %s: {%s: …}, with one of %s", f.name, names[0], strings.Join(names, ", "))
}

// compile makes a leaf of a field, an operator and its argument.
func (r *reader) compile(f *field, o *operator, at, arg *yaml.Node) (node, bool) {
	l := leaf{field: f, op: o, at: placeOf(at)}
	ok := false
	switch o.kind {
	case textKind:
		var holds predicate[string]
		holds, l.arg, ok = o.text(r, o.name, arg)
		l.fits = func(v string) bool { return holds(v) != o.negated }
		l.judge = judging(f.text, holds, o.negated)
	case spanKind:
		var holds predicate[time.Duration]
		holds, l.arg, ok = o.span(r, o.name, arg)
		l.judge = judging(f.span, holds, o.negated)
	case listKind:
		var holds predicate[[]string]
		holds, l.arg, ok = o.list(r, o.name, arg)
		l.judge = judging(f.list, holds, o.negated)
	case timeKind:
		var holds timePredicate
		holds, l.arg, ok = o.time(r, o.name, arg)
		l.judge = judgingTime(f, holds)
	case yesNoKind:
		var holds predicate[bool]
		holds, l.arg, ok = o.yesNo(r, o.name, arg)
		l.judge = judgingYesNo(f.yesNo, holds)
	case anyKind:
		var holds predicate[okta.Presence]
		holds, l.arg, ok = o.state(r, o.name, arg)
		l.judge = judgingPresence(f, holds)
	}
	l.arg.places = placesOf(arg)
	return node{leaf: l}, ok
}

// placesOf are the places of the items of a list, or of what is none.
func placesOf(n *yaml.Node) (all []place) {
	if n.Kind != yaml.SequenceNode {
		return []place{placeOf(n)}
	}
	for _, item := range n.Content {
		all = append(all, placeOf(item))
	}
	return all
}

func judging[T any](get func(*okta.Token) okta.Opt[T], holds predicate[T], negated bool) func(*okta.Token,
	time.Time) truth {
	return func(t *okta.Token, _ time.Time) truth {
		v, ok := get(t).Get()
		if !ok {
			return isUnknown
		}
		return truthOf(holds(v) != negated)
	}
}

func judgingTime(f *field, holds timePredicate) func(*okta.Token, time.Time) truth {
	get, past := f.time, f.past
	return func(t *okta.Token, now time.Time) truth {
		at, ok := get(t).Get()
		if !ok || !plausible(at, now, past) {
			return isUnknown
		}
		return truthOf(holds(at, now))
	}
}

func judgingYesNo(get func(*okta.Token, time.Time) okta.Opt[bool], holds predicate[bool]) func(
	*okta.Token, time.Time) truth {
	return func(t *okta.Token, now time.Time) truth {
		v, ok := get(t, now).Get()
		if !ok {
			return isUnknown
		}
		return truthOf(holds(v))
	}
}

// judgingPresence asks whether a field is there. A malformed one is neither there nor missing.
func judgingPresence(f *field, holds predicate[okta.Presence]) func(*okta.Token, time.Time) truth {
	return func(t *okta.Token, now time.Time) truth {
		p := f.presence(t, now)
		if p == okta.Malformed {
			return isUnknown
		}
		return truthOf(holds(p))
	}
}
