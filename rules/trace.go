package rules

import (
	"strings"
	"time"

	"tokensweep/okta"
)

// Trace is all that a policy says of one token at one instant, with every condition that led to it. It is Evaluate in
// full: the same conditions, judged by the same code.
type Trace struct {
	// Fields are all fields of the language, in the order of the reference.
	Fields []Seen
	// Rules and Exemptions are all of the policy's, in the order of the file.
	Rules      []RuleTrace
	Exemptions []ExemptionTrace
	// Protections are sentences that say why the token may only be flagged; none if it may be acted on.
	Protections []string
}

// Seen is one field of a token as conditions see it. All texts are safe to print.
type Seen struct {
	// Name is the field's name.
	Name string
	// Presence says whether conditions can use it; of a time or a derived field that is not plausible it is malformed.
	Presence okta.Presence
	// Value is what it is, "" if it is not known; Note is why it isn't, or how old a time is, where a derived field
	// comes from, and what is odd about it.
	Value, Note string
}

// RuleTrace is how a rule came out.
type RuleTrace struct {
	Rule *Rule
	When Condition
}

// ExemptionTrace is how an exemption came out. One that has ended spares nothing, however it came out.
type ExemptionTrace struct {
	Exemption *Exemption
	Match     Condition
}

// Condition is how a condition came out. All texts are safe to print.
type Condition struct {
	// Asked is what was asked, as the policy could have it: one operator on one field, or all, any or not, which
	// have Parts.
	Asked string
	// Actual is what the field is, or why that isn't known; "" where there are parts.
	Actual string
	// Result is true, false or unknown.
	Result string
	// Parts are the conditions in all, any and not.
	Parts []Condition
}

// Trace judges a token at the instant now in full.
func (p *Policy) Trace(t *okta.Token, now time.Time) Trace {
	tr := Trace{Protections: p.Protect.protections(t, now)}
	for i := range fields {
		tr.Fields = append(tr.Fields, fields[i].seen(t, now))
	}
	for _, rule := range p.Rules {
		tr.Rules = append(tr.Rules, RuleTrace{rule, rule.when.trace(t, now)})
	}
	for _, e := range p.Exemptions {
		tr.Exemptions = append(tr.Exemptions, ExemptionTrace{e, e.match.trace(t, now)})
	}
	return tr
}

// String is the word for people.
func (v truth) String() string {
	return [...]string{"false", "unknown", "true"}[v-isFalse]
}

func (n *node) trace(t *okta.Token, now time.Time) Condition {
	o := Condition{Result: n.eval(t, now).String()}
	if n.join == joinLeaf {
		o.Asked = claim{&n.leaf, true}.String()
		seen := n.leaf.field.seen(t, now)
		o.Actual = seen.Value
		switch {
		case seen.Value == "":
			o.Actual = seen.Note
		case n.leaf.field.kind() == timeKind:
			o.Actual += ", " + n.leaf.field.age(t, now)
		}
		return o
	}
	o.Asked = [...]string{joinAll: "all", joinAny: "any", joinNot: "not"}[n.join]
	for i := range n.parts {
		o.Parts = append(o.Parts, n.parts[i].trace(t, now))
	}
	return o
}

// seen is the field as conditions see it.
func (f *field) seen(t *okta.Token, now time.Time) Seen {
	s := Seen{Name: f.name, Presence: f.presence(t, now)}
	if f.kind() == timeKind {
		if at, known := f.time(t).Get(); known && !plausible(at, now, f.past) {
			s.Presence = okta.Malformed
		}
	}
	if s.Presence != okta.Known {
		s.Note = f.why(t, now)
		return s
	}
	s.Value = okta.Printable(f.value(t, now))
	if f.kind() == timeKind {
		s.Note = f.age(t, now)
	}
	if f.remark != nil {
		s.Note = strings.TrimPrefix(strings.TrimSuffix(s.Note+"; "+f.remark(t), "; "), "; ")
	}
	return s
}

// age says how old a time is, or how far ahead.
func (f *field) age(t *okta.Token, now time.Time) string {
	at, known := f.time(t).Get()
	d := now.Sub(at)
	switch {
	case !known:
		return ""
	case d < 0:
		return coarse(-d, 0) + " ahead"
	}
	return coarse(d, 0) + " old"
}
