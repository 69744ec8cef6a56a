package okta

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable makes text from outside (a token's name, a client's, an error summary) safe to show on
// one line of a terminal, a log or a file: whatever does not print is shown as an escape, as Go would
// write it. That covers control characters, ANSI escapes, newlines, bidirectional overrides,
// zero-width characters and broken UTF-8. Printable text comes back as it is.
func Printable(s string) string {
	clean := true
	for i, r := range s {
		if !strconv.IsPrint(r) || (r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD")) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(s[:size])
		} else {
			q := strconv.Quote(s[:size])
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[size:]
	}
	return b.String()
}
