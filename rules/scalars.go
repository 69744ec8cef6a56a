package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxPattern is the longest glob or expression, in characters: long enough for every name, short
// enough that matching stays fast.
const maxPattern = 1000

// maxCount is the greatest limit: more tokens than any org has.
const maxCount = 1_000_000

// text reads a text. A number, a date or a truth value is refused rather than converted, since YAML
// has changed it already: 0123 is the number 83 and 1.10 is 1.1.
func (r *reader) text(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", r.wrongKind(n, "want text here, and not %s", kindOf(n))
	}
	if n.Tag != textTag && n.Style&yaml.TaggedStyle == 0 {
		r.wrong(n, "%s is %s here, and text is wanted: write it in quotes, %q", quote(n.Value), kindOf(n), cut(n.Value))
		return "", false
	}
	return n.Value, true
}

// words reads a text that must say something.
func (r *reader) words(n *yaml.Node, what string) (string, bool) {
	s, ok := r.text(n)
	if ok && strings.TrimSpace(s) == "" {
		r.wrong(n, "%s is empty: write it in words", what)
		return "", false
	}
	return s, ok
}

// shaped reads a text that must have the form of an expression.
func (r *reader) shaped(n *yaml.Node, form *regexp.Regexp, what, instead string) (string, bool) {
	s, ok := r.text(n)
	if ok && !form.MatchString(s) {
		r.wrong(n, "bad %s %s: %s", what, quote(s), instead)
		return "", false
	}
	return s, ok
}

// oneOf reads one of a few words.
func (r *reader) oneOf(n *yaml.Node, what string, known []string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		return "", r.wrongKind(n, "%s must be one of %s, and not %s", what, strings.Join(known, ", "), kindOf(n))
	}
	for _, k := range known {
		if n.Value == k {
			return k, true
		}
	}
	r.wrong(n, "unknown %s %s%s", what, quote(n.Value), suggest(n.Value, known))
	return "", false
}

// yesNo reads true or false, the only two spellings that YAML 1.1 and 1.2 agree on.
func (r *reader) yesNo(n *yaml.Node) (yes, ok bool) {
	if n.Kind != yaml.ScalarNode {
		return false, r.wrongKind(n, "want true or false here, and not %s", kindOf(n))
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 || (n.Value != "true" && n.Value != "false") {
		r.wrong(n, "want true or false here, without quotes, and not %s", quote(n.Value))
		return false, false
	}
	return n.Value == "true", true
}

var (
	plainNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	padded      = regexp.MustCompile(`^0[0-9]+$`)
	negative    = regexp.MustCompile(`^-[0-9.]+`)
	fractional  = regexp.MustCompile(`^[0-9]*\.[0-9]*$`)
)

// count reads a plain decimal number from 0 to most; 0 if it is none. YAML would also read 010 as 8, 1_000 as 1000 and
// 1e1 as 10.
func (r *reader) count(n *yaml.Node, what string, most int) int {
	if n.Kind != yaml.ScalarNode {
		r.wrongKind(n, "%s must be a number, and not %s", what, kindOf(n))
		return 0
	}
	v, err := strconv.Atoi(n.Value)
	instead := fmt.Sprintf("write a whole number from 0 to %d in plain digits", most)
	switch {
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && plainNumber.MatchString(n.Value):
		instead = "write the number without quotes"
	case negative.MatchString(n.Value):
		instead = "it can't be negative, " + instead
	case fractional.MatchString(n.Value):
		instead = "it can't be a fraction, " + instead
	case padded.MatchString(n.Value):
		instead = "a leading zero makes it octal, " + instead
	case plainNumber.MatchString(n.Value) && (err != nil || v > most):
		instead = "it is too large, " + instead
	case plainNumber.MatchString(n.Value):
		return v
	}
	r.wrong(n, "bad %s %s: %s", what, quote(n.Value), instead)
	return 0
}

// span reads a length of time. Zero is allowed only where it means something.
func (r *reader) span(n *yaml.Node, what string, zero bool) (time.Duration, bool) {
	if n.Kind != yaml.ScalarNode {
		return 0, r.wrongKind(n, "%s must be a duration such as 21d, and not %s", what, kindOf(n))
	}
	d, err := parseDuration(n.Value)
	if err != nil {
		r.wrong(n, "bad duration %s: %v", quote(n.Value), err)
		return 0, false
	}
	if d == 0 && !zero {
		r.wrong(n, "bad duration %s: %s must be longer than nothing", quote(n.Value), what)
		return 0, false
	}
	return d, true
}

const day = 24 * time.Hour

// instant reads a date, which means its first moment in UTC, or a time with its zone.
func (r *reader) instant(n *yaml.Node, what string) (at time.Time, isDate, ok bool) {
	if n.Kind != yaml.ScalarNode {
		return at, false, r.wrongKind(n, "%s must be a date such as 2027-01-31, and not %s", what, kindOf(n))
	}
	if at, err := time.Parse(time.DateOnly, n.Value); err == nil {
		return at, true, true
	}
	if at, err := time.Parse(time.RFC3339, n.Value); err == nil {
		return at.UTC(), false, true
	}
	r.wrong(n, "bad time %s: write a date that exists, such as 2027-01-31, or a time with its zone, such as "+
		"2027-01-31T18:00:00Z", quote(n.Value))
	return at, false, false
}
