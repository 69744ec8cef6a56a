package rules

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reference is the part of docs/policy.md that the tables of fields and operators make.
func reference() string {
	var b strings.Builder
	b.WriteString("| field | type | what it is |\n|---|---|---|\n")
	for i := range fields {
		f := &fields[i]
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.kind().word(), f.doc)
	}
	b.WriteString("\n| operator | for | argument | meaning |\n|---|---|---|---|\n")
	for i := range operators {
		o := &operators[i]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.name, domain(o), o.argument.words, o.doc)
	}
	return b.String()
}

// domain says of what an operator may be asked: all fields of its kind, or the few that it fits.
func domain(o *operator) string {
	var fit, not []string
	for i := range fields {
		switch f := &fields[i]; {
		case o.fits(f):
			fit = append(fit, "`"+f.name+"`")
		case f.kind() == o.kind:
			not = append(not, "`"+f.name+"`")
		}
	}
	switch {
	case len(not) == 0:
		return o.kind.word()
	case len(fit) < len(not):
		return strings.Join(fit, ", ")
	}
	return o.kind.word() + ", but not " + strings.Join(not, ", ")
}

// docs/policy.md has the reference between two marks; -update writes it there.
func TestPolicyReferenceFollowsTheTables(t *testing.T) {
	const file, begin, end = "../docs/policy.md", "<!-- reference: written by go test ./rules -update -->\n\n",
		"\n<!-- end of the reference -->\n"
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	require.True(t, found)
	inside, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		inside = reference()
		require.NoError(t, os.WriteFile(file, []byte(before+begin+inside+end+after), 0o644))
	}
	require.Equal(t, reference(), inside)
}

// namesOf are the names of the fields of a kind.
func namesOf(k kind) (names []string) {
	for i := range fields {
		if fields[i].kind() == k {
			names = append(names, fields[i].name)
		}
	}
	return names
}

// The documentation of the package has a line for the fields of each kind, which -update writes, and names their
// operators below it.
func TestThePackageDocumentationFollowsTheTables(t *testing.T) {
	const file = "doc.go"
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	doc := string(raw)
	if *update {
		for k := textKind; k < anyKind; k++ {
			line := regexp.MustCompile(`(?m)^//\t` + k.word() + ` +[a-z].*$`)
			doc = line.ReplaceAllLiteralString(doc, fmt.Sprintf("//\t%-11s %s", k.word(),
				strings.Join(namesOf(k), ", ")))
		}
		require.NoError(t, os.WriteFile(file, []byte(doc), 0o644))
	}
	for k := textKind; k <= anyKind; k++ {
		head := fmt.Sprintf("//\t%-11s %s\n", k.word(), strings.Join(namesOf(k), ", "))
		if k == anyKind {
			head = "//\tall fields  "
		}
		_, below, found := strings.Cut(doc, head)
		require.True(t, found, "doc.go lacks the line %q", head)
		block, _, _ := strings.Cut(below, "//\n")
		for _, o := range operators {
			if o.kind == k {
				require.Regexp(t, `\b`+o.name+`\b`, block, "%s for %s", o.name, k)
			}
		}
	}
}

// What the table says of uses is what Okta does: lint builds on it.
func TestTheTableKnowsWhatAUseMoves(t *testing.T) {
	token := whole()
	token.Created, token.LastUpdated, token.ExpiresAt = ago(10*day), ago(10*day), ago(-20*day) // never used
	moved := func(at time.Time) (names []string) {
		before := *token
		token.Use(at)
		for i := range fields {
			if f := &fields[i]; f.fact(&before) != f.fact(token) {
				names = append(names, f.name)
			}
		}
		return names
	}
	var first, each []string
	for i := range fields {
		if f := &fields[i]; f.onUse != 0 {
			first = append(first, f.name)
			if f.onUse == movedByEach {
				each = append(each, f.name)
			}
		}
	}
	require.Equal(t, first, moved(noon))
	require.Equal(t, each, moved(noon.Add(time.Hour)))
}

// A field or an operator is one row; the row must be whole.
func TestTheTablesAreWhole(t *testing.T) {
	for i := range fields {
		f := &fields[i]
		getters := 0
		for _, set := range []bool{f.text != nil, f.time != nil, f.span != nil, f.list != nil, f.yesNo != nil} {
			if set {
				getters++
			}
		}
		require.Equal(t, 1, getters, f.name)
		require.NotEmpty(t, f.doc, f.name)
		require.NotZero(t, f.source, f.name)
		require.Equal(t, f.kind() == yesNoKind, f.compares != nil, f.name)
		require.True(t, f.onUse != endedByFirst || f.kind() == yesNoKind, f.name)
		for _, other := range append(f.compares, f.since) {
			require.True(t, other == "" || fieldNamed(other).kind() == timeKind, "%s needs the time %s", f.name, other)
		}
	}
	seen := map[string]bool{}
	for _, o := range operators {
		require.NotEmpty(t, o.argument, o.name)
		require.NotEmpty(t, o.doc, o.name)
		require.NotEmpty(t, o.yes, o.name)
		require.NotEmpty(t, o.no, o.name)
		set := map[kind]bool{textKind: o.text != nil, timeKind: o.time != nil, spanKind: o.span != nil,
			listKind: o.list != nil, yesNoKind: o.yesNo != nil, anyKind: o.state != nil}
		for k, is := range set {
			require.Equal(t, k == o.kind, is, "%s for %s", o.name, k)
		}
		row := o.name + " for " + o.kind.String()
		require.False(t, seen[row], row)
		seen[row] = true
	}
}
