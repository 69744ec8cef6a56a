package rules

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// glob is a compiled pattern: the runes of the text, and two marks that no text holds.
type glob []rune

const (
	anyRun  rune = -1 // * in the pattern
	anyRune rune = -2 // ?
)

// compileGlob reads a pattern for a whole text: * stands for any run of characters (also none), ? for
// exactly one, and a backslash takes the meaning from the next character. [ and { have a meaning in
// other languages, so that they must have a backslash too, rather than silently match nothing.
func compileGlob(pattern string) (glob, error) {
	if pattern == "" {
		return nil, errors.New("it is empty and would match only empty text")
	}
	if utf8.RuneCountInString(pattern) > maxPattern {
		return nil, fmt.Errorf("it is longer than %d characters", maxPattern)
	}
	var g glob
	escaped := false
	for _, c := range pattern {
		switch {
		case escaped:
			g, escaped = append(g, c), false
		case c == '\\':
			escaped = true
		case c == '*' && len(g) > 0 && g[len(g)-1] == anyRun:
		case c == '*':
			g = append(g, anyRun)
		case c == '?':
			g = append(g, anyRune)
		case c == '[' || c == '{':
			return nil, fmt.Errorf(`%c is not a pattern here, write \%c for the character itself, or use matches`, c, c)
		default:
			g = append(g, c)
		}
	}
	if escaped {
		return nil, errors.New(`it ends in a backslash, write \\ for the character itself`)
	}
	return g, nil
}

// match reports whether the pattern fits the whole text. It allocates nothing, and after a mismatch
// goes back to the last * only, so that the time is at most the length of the text times that of the
// pattern.
func (g glob) match(s string) bool {
	at, in := 0, 0       // in g and in s
	star, retry := -1, 0 // the last *, and where in s its run ends so far
	for in < len(s) {
		c, size := utf8.DecodeRuneInString(s[in:])
		switch {
		case at < len(g) && g[at] == anyRun:
			star, retry = at, in
			at++
		case at < len(g) && (g[at] == anyRune || (g[at] == c && (c != utf8.RuneError || size > 1))):
			at++
			in += size
		case star >= 0:
			_, size = utf8.DecodeRuneInString(s[retry:])
			retry += size
			at, in = star+1, retry
		default:
			return false
		}
	}
	for at < len(g) && g[at] == anyRun {
		at++
	}
	return at == len(g)
}

func matchesAny(globs []glob, s string) bool {
	for _, g := range globs {
		if g.match(s) {
			return true
		}
	}
	return false
}
