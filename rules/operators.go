package rules

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// operator is one way to ask: a row of the table below, for fields of one kind. The same name may have
// a row for several kinds. Exactly one of the compilers is set, the one for its kind.
type operator struct {
	name     string
	kind     kind
	argument *form
	doc      string // for the reference, the schema and messages

	// yes and no are the sentences about a field for which the operator is true and false. In them
	// {value} is the field's value, {arg} the argument, {age} how old a time is and {ahead} how far
	// ahead it lies. A sentence starts after the field's name.
	yes, no string

	text  compiler[predicate[string]]
	time  compiler[timePredicate]
	span  compiler[predicate[time.Duration]]
	list  compiler[predicate[[]string]]
	yesNo compiler[predicate[bool]]
	state compiler[predicate[okta.Presence]]
	// negated turns the test around: isNot is compiled as is.
	negated bool
	// ahead is set for an operator that no past time can satisfy, back for one that no time ahead can.
	ahead, back bool
}

// test judges a value that is there. It must not allocate.
type predicate[T any] func(value T) bool

// compiler reads an operator's argument and makes what judges by it. The name is for messages. It
// returns false after it noted a mistake.
type compiler[J any] func(r *reader, name string, arg *yaml.Node) (J, argument, bool)

// timePredicate judges a time that is there and real.
type timePredicate func(at, now time.Time) bool

// argument is the argument that a condition gives to its operator.
type argument struct {
	words  []string      // as the policy has it; nil for true and false
	places []place       // of each word in the file
	list   bool          // it is a list
	limit  time.Duration // of an operator that compares with a length of time
	at     time.Time     // of one that compares with a fixed time
	yes    bool          // of one that takes true or false
}

// text is the argument as sentences have it, printable.
func (a *argument) text() string {
	if a.list {
		return unquotedList(a.words)
	}
	return unquoted(strings.Join(a.words, ""))
}

// reversed says that the argument is false, so that the sentences for yes and no change places.
func (l *leaf) reversed() bool { return l.op.argument == trueOrFalse && !l.arg.yes }

var operators = []operator{
	{name: "is", kind: textKind, argument: oneText, doc: "the very text; capitals count",
		yes: "is {arg}", no: "{value} is not {arg}", text: equals},
	{name: "isNot", kind: textKind, argument: oneText, doc: "any other text",
		yes: "{value} is not {arg}", no: "is {arg}", text: equals, negated: true},
	{name: "in", kind: textKind, argument: someTexts, doc: "one of the texts; capitals count",
		yes: "{value} is in {arg}", no: "{value} is not in {arg}", text: among},
	{name: "notIn", kind: textKind, argument: someTexts, doc: "none of the texts",
		yes: "{value} is not in {arg}", no: "{value} is in {arg}", text: among, negated: true},
	{name: "like", kind: textKind, argument: someGlobs, doc: "one of the globs fits the whole text",
		yes: "{value} is like {arg}", no: "{value} is not like {arg}", text: like},
	{name: "notLike", kind: textKind, argument: someGlobs, doc: "none of the globs fits the whole text",
		yes: "{value} is not like {arg}", no: "{value} is like {arg}", text: like, negated: true},
	{name: "matches", kind: textKind, argument: expression,
		doc: "the expression fits a part of the text; anchored only where ^ and $ are written",
		yes: "{value} matches {arg}", no: "{value} does not match {arg}", text: matches},
	{name: "notMatches", kind: textKind, argument: expression, doc: "the expression fits no part of the text",
		yes: "{value} does not match {arg}", no: "{value} matches {arg}", text: matches, negated: true},

	{name: "olderThan", kind: timeKind, argument: someDuration, doc: "more than this long ago",
		yes: "{value} is {age} (> {arg})", no: "{value} is {age} (<= {arg})",
		time: sinceNow(func(age, limit time.Duration) bool { return age > limit })},
	{name: "newerThan", kind: timeKind, argument: someDuration, doc: "less than this long ago", back: true,
		yes: "{value} is {age} (< {arg})", no: "{value} is {age} (>= {arg})",
		time: sinceNow(func(age, limit time.Duration) bool { return age < limit })},
	{name: "before", kind: timeKind, argument: someInstant, doc: "earlier than this; a date is its first moment in UTC",
		yes: "{value} is before {arg}", no: "{value} is not before {arg}",
		time: fixed(time.Time.Before)},
	{name: "after", kind: timeKind, argument: someInstant, doc: "later than this; a date is its first moment in UTC",
		yes: "{value} is after {arg}", no: "{value} is not after {arg}",
		time: fixed(time.Time.After)},
	{name: "within", kind: timeKind, argument: someDuration, doc: "from now to this far ahead, both included",
		ahead: true,
		yes:   "{value} is {ahead} (within {arg})", no: "{value} is {ahead} (not within {arg})",
		time: sinceNow(func(age, limit time.Duration) bool { return age <= 0 && -age <= limit })},

	{name: "longerThan", kind: spanKind, argument: someDuration, doc: "more than this",
		yes: "{value} is longer than {arg}", no: "{value} is not longer than {arg}",
		span: compared(func(v, limit time.Duration) bool { return v > limit })},
	{name: "shorterThan", kind: spanKind, argument: someDuration, doc: "less than this",
		yes: "{value} is shorter than {arg}", no: "{value} is not shorter than {arg}",
		span: compared(func(v, limit time.Duration) bool { return v < limit })},

	{name: "contains", kind: listKind, argument: oneText, doc: "this item is in the list",
		yes: "{value} contains {arg}", no: "{value} does not contain {arg}", list: containsOne},
	{name: "containsAny", kind: listKind, argument: someTexts, doc: "at least one of these is in the list",
		yes: "{value} contains one of {arg}", no: "{value} contains none of {arg}", list: containing(overlap)},
	{name: "containsAll", kind: listKind, argument: someTexts, doc: "every one of these is in the list",
		yes: "{value} contains all of {arg}", no: "{value} does not contain all of {arg}", list: containing(covers)},
	{name: "containsNone", kind: listKind, argument: someTexts, doc: "none of these is in the list",
		yes: "{value} contains none of {arg}", no: "{value} contains one of {arg}", list: containing(overlap),
		negated: true},
	{name: "empty", kind: listKind, argument: trueOrFalse, doc: "the list is there and has no items",
		yes: "is empty", no: "{value} is not empty", list: isEmpty},

	{name: "is", kind: yesNoKind, argument: trueOrFalse, doc: "it is so, or not",
		yes: "is true", no: "is false", yesNo: isSo},

	{name: "present", kind: anyKind, argument: trueOrFalse,
		doc: "the field is there; the one operator that a missing field can satisfy",
		yes: "is present", no: "is missing", state: isPresent},
}

func operatorFor(name string, k kind) *operator {
	for i := range operators {
		if o := &operators[i]; o.name == name && (o.kind == k || o.kind == anyKind) {
			return o
		}
	}
	return nil
}

// fits reports whether the operator may be asked of the field.
func (o *operator) fits(f *field) bool {
	return (o.kind == f.kind() || o.kind == anyKind) && (!o.ahead || !f.past) && (!o.back || f.past)
}

// operatorsOf are the names of the operators that may be asked of a field.
func operatorsOf(f *field) (names []string) {
	for i := range operators {
		if operators[i].fits(f) {
			names = append(names, operators[i].name)
		}
	}
	return names
}

// oneText reads the argument of operators that take a single text.
func (r *reader) oneText(name string, n *yaml.Node, list string) (string, bool) {
	if n.Kind == yaml.SequenceNode {
		r.wrong(n, "%s takes one text, and not a list: use %s", name, list)
		return "", false
	}
	return r.text(n)
}

// texts reads the argument of operators that take a list of texts.
func (r *reader) texts(name string, n *yaml.Node) ([]string, bool) {
	items, ok := r.list(n, name, "["+quoted(n)+"]")
	if ok && len(items) == 0 {
		r.wrong(n, "%s is empty: write at least one text", name)
		return nil, false
	}
	all := make([]string, 0, len(items))
	for _, item := range items {
		s, good := r.text(item)
		ok = ok && good
		all = append(all, s)
	}
	return all, ok
}

// globs reads a glob or a list of globs, and returns them compiled and as written.
func (r *reader) globs(name string, n *yaml.Node) ([]glob, []string, bool) {
	items, ok := []*yaml.Node{n}, true
	if n.Kind == yaml.SequenceNode {
		items, ok = r.list(n, name, "a list of globs")
		if ok && len(items) == 0 {
			r.wrong(n, "%s is empty: write at least one glob", name)
			return nil, nil, false
		}
	}
	var globs []glob
	var written []string
	for _, item := range items {
		s, good := r.text(item)
		if good {
			g, err := compileGlob(s)
			if err != nil {
				r.wrong(item, "bad glob %s: %v", quote(s), err)
				good = false
			}
			globs, written = append(globs, g), append(written, s)
		}
		ok = ok && good
	}
	return globs, written, ok
}

func equals(r *reader, name string, n *yaml.Node) (predicate[string], argument, bool) {
	want, ok := r.oneText(name, n, "in for a list")
	return func(v string) bool { return v == want }, argument{words: []string{want}}, ok
}

func among(r *reader, name string, n *yaml.Node) (predicate[string], argument, bool) {
	want, ok := r.texts(name, n)
	return func(v string) bool { return slices.Contains(want, v) }, argument{words: want, list: true}, ok
}

func like(r *reader, name string, n *yaml.Node) (predicate[string], argument, bool) {
	globs, written, ok := r.globs(name, n)
	return func(v string) bool { return matchesAny(globs, v) }, argument{words: written, list: len(written) != 1}, ok
}

func matches(r *reader, name string, n *yaml.Node) (predicate[string], argument, bool) {
	s, ok := r.oneText(name, n, "a|b in the expression")
	if !ok {
		return nil, argument{}, false
	}
	switch {
	case s == "":
		r.wrong(n, "bad expression: it is empty and would match every text, use present: true for that")
		return nil, argument{}, false
	case utf8.RuneCountInString(s) > maxPattern:
		r.wrong(n, "bad expression: it is longer than %d characters, split it with any", maxPattern)
		return nil, argument{}, false
	}
	e, err := regexp.Compile(s)
	if err != nil {
		r.wrong(n, "bad expression %s: %s, write RE2 (https://github.com/google/re2/wiki/Syntax)", quote(s),
			okta.Printable(reason(err)))
		return nil, argument{}, false
	}
	return e.MatchString, argument{words: []string{s}}, true
}

func sinceNow(holds func(age, limit time.Duration) bool) compiler[timePredicate] {
	return func(r *reader, name string, n *yaml.Node) (timePredicate, argument, bool) {
		limit, ok := r.span(n, name, false)
		return func(at, now time.Time) bool { return holds(now.Sub(at), limit) }, argument{words: []string{n.Value},
			limit: limit}, ok
	}
}

func fixed(holds func(at, limit time.Time) bool) compiler[timePredicate] {
	return func(r *reader, name string, n *yaml.Node) (timePredicate, argument, bool) {
		limit, _, ok := r.instant(n, name)
		return func(at, _ time.Time) bool { return holds(at, limit) }, argument{words: []string{n.Value}, at: limit}, ok
	}
}

func compared(holds func(v, limit time.Duration) bool) compiler[predicate[time.Duration]] {
	return func(r *reader, name string, n *yaml.Node) (predicate[time.Duration], argument, bool) {
		limit, ok := r.span(n, name, false)
		return func(v time.Duration) bool { return holds(v, limit) }, argument{words: []string{n.Value}, limit: limit},
			ok
	}
}

func containsOne(r *reader, name string, n *yaml.Node) (predicate[[]string], argument, bool) {
	want, ok := r.oneText(name, n, "containsAny or containsAll for a list")
	return func(v []string) bool { return slices.Contains(v, want) }, argument{words: []string{want}}, ok
}

func containing(holds func(list, wanted []string) bool) compiler[predicate[[]string]] {
	return func(r *reader, name string, n *yaml.Node) (predicate[[]string], argument, bool) {
		want, ok := r.texts(name, n)
		return func(v []string) bool { return holds(v, want) }, argument{words: want, list: true}, ok
	}
}

func overlap(list, wanted []string) bool {
	for _, w := range wanted {
		if slices.Contains(list, w) {
			return true
		}
	}
	return false
}

func covers(list, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}

func isEmpty(r *reader, _ string, n *yaml.Node) (predicate[[]string], argument, bool) {
	want, ok := r.yesNo(n)
	return func(v []string) bool { return (len(v) == 0) == want }, argument{yes: want}, ok
}

func isSo(r *reader, _ string, n *yaml.Node) (predicate[bool], argument, bool) {
	want, ok := r.yesNo(n)
	return func(v bool) bool { return v == want }, argument{yes: want}, ok
}

func isPresent(r *reader, _ string, n *yaml.Node) (predicate[okta.Presence], argument, bool) {
	want, ok := r.yesNo(n)
	return func(p okta.Presence) bool { return (p == okta.Known) == want }, argument{yes: want}, ok
}
