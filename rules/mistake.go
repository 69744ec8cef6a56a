package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// Mistake is one thing that is wrong with a policy file, and what to write instead.
type Mistake struct {
	// File is the name of the file as it was given to Load or Parse.
	File string
	// Line and Column count from 1; columns count characters.
	Line, Column int
	// Message is one line of lower-case text. What it quotes from the file is safe to print.
	Message string
}

// String is the mistake as file:line:column: message, the form that editors can jump to.
func (m Mistake) String() string {
	return okta.Scrub(fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message))
}

// Mistakes is everything that is wrong with a file, in the order of the file. It is the error of Load and Parse, and
// then never empty; Lint returns warnings in the same form.
type Mistakes []Mistake

// place is where something stands in a file; line and column count from 1.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{max(n.Line, 1), max(n.Column, 1)} }

// Error is one line per mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// sort puts the mistakes in the order of the file. Those at the same place keep their order.
func (m Mistakes) sort() {
	slices.SortStableFunc(m, func(a, b Mistake) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
