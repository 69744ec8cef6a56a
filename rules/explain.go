package rules

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// Sentences are for people: in the report, in Slack, in the ledger. Texts that come from Okta are
// quoted and cut in them, so that a token's name can't forge a line or turn the writing direction.

const (
	maxText  = 80 // characters of one text
	maxItems = 5  // items of one list
)

// because appends the sentences that explain why the condition is what it is: those of the parts that
// are what the whole is. For all that is true these are all parts, for any the true ones; under not
// the sentence of a leaf that is false says so. Each sentence comes once.
func (n *node) because(said []string, t *okta.Token, now time.Time) []string {
	if n.join == joinLeaf {
		if s := n.leaf.sentence(t, now); !slices.Contains(said, s) {
			said = append(said, s)
		}
		return said
	}
	whole := n.eval(t, now)
	for i := range n.parts {
		part := &n.parts[i]
		if n.join == joinNot || part.eval(t, now) == whole {
			said = part.because(said, t, now)
		}
	}
	return said
}

// sentence says what the field is, as far as the operator asks.
func (l *leaf) sentence(t *okta.Token, now time.Time) string {
	verdict := l.judge(t, now)
	if verdict == isUnknown {
		return l.field.doubt(t, now)
	}
	form := l.op.no
	if (verdict == isTrue) != l.reversed() {
		form = l.op.yes
	}
	age, ahead := l.distance(t, now)
	return l.field.name + " " + strings.NewReplacer(
		"{value}", l.field.value(t, now), "{arg}", l.arg.text(), "{age}", age, "{ahead}", ahead,
	).Replace(form)
}

// distance says how old a time is and how far ahead, which is "" of one that is not known.
func (l *leaf) distance(t *okta.Token, now time.Time) (age, ahead string) {
	if l.field.time == nil {
		return "", ""
	}
	at, known := l.field.time(t).Get()
	if !known {
		return "", ""
	}
	d := now.Sub(at)
	age = signedLength(d, l.arg.limit) + " old"
	if ahead = signedLength(-d, l.arg.limit) + " ahead"; d > 0 {
		ahead = signedLength(d, l.arg.limit) + " past"
	}
	return age, ahead
}

// signedLength is coarse for lengths that may be negative.
func signedLength(d, limit time.Duration) string {
	if d < 0 {
		return formatDuration(d.Truncate(time.Second))
	}
	return coarse(d, limit)
}

// value is the field as sentences show it; "" where there is none.
func (f *field) value(t *okta.Token, now time.Time) string {
	switch f.kind() {
	case textKind:
		return textIf(f.text(t), quote)
	case timeKind:
		return textIf(f.time(t), formatTime)
	case spanKind:
		return textIf(f.span(t), formatDuration)
	case listKind:
		return textIf(f.list(t), quotedList)
	default:
		return textIf(f.yesNo(t, now), strconv.FormatBool)
	}
}

// textIf shows a value that is known; one that isn't is "".
func textIf[T any](o okta.Opt[T], show func(T) string) string {
	if v, known := o.Get(); known {
		return show(v)
	}
	return ""
}

// presence says whether the field can be used at all.
func (f *field) presence(t *okta.Token, now time.Time) okta.Presence {
	switch f.kind() {
	case textKind:
		return f.text(t).Presence()
	case timeKind:
		return f.time(t).Presence()
	case spanKind:
		return f.span(t).Presence()
	case listKind:
		return f.list(t).Presence()
	default:
		return f.yesNo(t, now).Presence()
	}
}

// doubt is the sentence that says why the field can't be judged.
func (f *field) doubt(t *okta.Token, now time.Time) string {
	return f.name + " unknown: " + f.why(t, now)
}

// why says why the field can't be judged.
func (f *field) why(t *okta.Token, now time.Time) string {
	why := ""
	if f.blame != nil {
		why = okta.Printable(f.blame(t, now))
	}
	if why == "" && f.time != nil {
		if at, ok := f.time(t).Get(); ok {
			why = implausible(at, now, f.past)
		}
	}
	if why == "" {
		why = "it is " + f.presence(t, now).String()
	}
	return why
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// quote makes a text safe to show, on one line and not too long. What was cut off is marked after the
// closing quote.
func quote(s string) string {
	c := cut(s)
	if len(c) < len(s) {
		return strconv.Quote(c) + "…"
	}
	return strconv.Quote(c)
}

// cut is the start of a text, as much as one sentence may show of it.
func cut(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxText {
			return s[:i]
		}
	}
	return s
}

func quotedList(items []string) string { return bracketed(items, quote) }

// unquoted is a text of the policy's own, which needs no quotes.
func unquoted(s string) string {
	if c := cut(s); len(c) < len(s) {
		return okta.Printable(c) + "…"
	}
	return okta.Printable(s)
}

func unquotedList(items []string) string { return bracketed(items, unquoted) }

func bracketed(items []string, show func(string) string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == maxItems && len(items) > maxItems+1 {
			fmt.Fprintf(&b, "and %d more", len(items)-i)
			break
		}
		b.WriteString(show(s))
	}
	b.WriteByte(']')
	return b.String()
}

// quoted shows a node inside advice.
func quoted(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && utf8.RuneCountInString(n.Value) < maxText {
		return unquoted(n.Value)
	}
	return "a, b"
}

// reason is what the regexp package found, without the expression.
func reason(err error) string {
	var s *syntax.Error
	if errors.As(err, &s) {
		return s.Code.String()
	}
	return err.Error()
}
