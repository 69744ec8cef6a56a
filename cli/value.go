package cli

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokensweep/okta"
)

// Values come from secrets made with echo, from files of variables, from editors and from word processors. What these
// put around a value is no part of it, and what comes of it fails far from its cause. So it is refused where the value
// is read, by the name of its variable and before anything is sent.

// clutter says what is around a value and no part of it, and what to do; "" for nothing.
func clutter(value string) (what, advice string) {
	const (
		alone  = "give the value alone"
		quotes = "leave the quotes out: what sets the variable takes them as a part of the value"
	)
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	switch {
	case value == "":
		return "", ""
	case strings.TrimFunc(value, isBlank) == "":
		return "is blank", alone
	case strings.HasPrefix(value, "\xff\xfe"), strings.HasPrefix(value, "\xfe\xff"):
		return "is UTF-16", "save it as UTF-8, without a byte order mark"
	case first == byteOrderMark:
		return "begins with a byte order mark", "save it as UTF-8 without one"
	case last == byteOrderMark:
		return "ends in a byte order mark", "save it as UTF-8 without one"
	case last == '\n' || last == '\r':
		return "ends in a line break", "printf %s writes a value without one, and so does echo -n"
	case first == '\n' || first == '\r':
		return "begins with a line break", alone
	case isBlank(first):
		return "begins with a blank", alone
	case isBlank(last):
		return "ends in a blank", alone
	case strings.ContainsRune(quoteMarks, first) && strings.ContainsRune(quoteMarks, last):
		return "is in quotes", quotes
	case strings.ContainsRune(quoteMarks, first):
		return "begins with a quotation mark", quotes
	case strings.ContainsRune(quoteMarks, last):
		return "ends in a quotation mark", quotes
	}
	return "", ""
}

const (
	byteOrderMark = '\ufeff'
	// quoteMarks are those of shells, of configuration files and of word processors.
	quoteMarks = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
)

// isBlank reports whether a character shows as nothing.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && r != byteOrderMark
}

// wordPath are names of files made of words: no credential that a machine made looks like that.
var wordPath = regexp.MustCompile(
	`^(~|\.{0,2})(/\.{0,2})?[A-Za-z]?[a-z]{1,20}\d{0,3}([/._-]+[A-Za-z]?[a-z]{1,20}\d{0,3})*$`)

// showable returns a file's name in quotes, or "" where it may be a secret that was put into the wrong variable. What
// has a folder or an ending, and for the rest words, can be none.
func showable(name string) string {
	if strings.ContainsAny(name, "/.") && wordPath.MatchString(name) && !okta.HoldsSecret(name) {
		return `"` + name + `"`
	}
	return ""
}
