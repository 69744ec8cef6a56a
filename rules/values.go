package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// knownValue is a value of a field that Okta is known to have.
type knownValue struct {
	word    string // as its API has it
	console string // as its admin console words it
}

// values are what Okta has for a field, as far as that is known. It may have others by now: what is not here is worth
// a warning and no more.
type values struct {
	known []knownValue
	// open is set where others are as good: then only another spelling of a known one is doubted.
	open bool
	// prefix is how every value begins, if they are ids.
	prefix string
}

// Sources: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/ (network), …/tag/User/
// (status) and …/tag/RoleAssignmentAUser/ (type), and the words of the admin console for them.
var (
	connections = &values{known: []knownValue{{"ANYWHERE", "Any IP"}, {"ZONE", "In any of the following zones"}}}
	statuses    = &values{known: []knownValue{
		{"STAGED", "Staged"}, {"PROVISIONED", "Pending user action"}, {"ACTIVE", "Active"},
		{"RECOVERY", "Password reset"},
		{"PASSWORD_EXPIRED", "Password expired"}, {"LOCKED_OUT", "Locked out"}, {"SUSPENDED", "Suspended"},
		{"DEPROVISIONED", "Deactivated"},
	}}
	roleTypes = &values{known: []knownValue{
		{"SUPER_ADMIN", "Super Administrator"}, {"ORG_ADMIN", "Organization Administrator"},
		{"APP_ADMIN", "Application Administrator"},
		{"USER_ADMIN", "Group Administrator"}, {"GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"},
		{"HELP_DESK_ADMIN", "Help Desk Administrator"},
		{"READ_ONLY_ADMIN", "Read-Only Administrator"}, {"REPORT_ADMIN", "Report Administrator"},
		{"MOBILE_ADMIN", "Mobile Administrator"},
		{"API_ACCESS_MANAGEMENT_ADMIN", "API Access Management Administrator"},
		{"ACCESS_CERTIFICATIONS_ADMIN", "Access Certifications Administrator"},
		{"ACCESS_REQUESTS_ADMIN", "Access Requests Administrator"}, {"WORKFLOWS_ADMIN", "Workflows Administrator"},
		{"CUSTOM", "Custom"},
	}}
	clients  = &values{known: []knownValue{{"Okta API", ""}}, open: true}
	tokenIDs = &values{prefix: "00T", open: true}
	userIDs  = &values{prefix: "00u", open: true}
	zoneIDs  = &values{prefix: "nzo", open: true}
)

func (v *values) words() []string {
	words := make([]string, len(v.known))
	for i := range v.known {
		words[i] = v.known[i].word
	}
	return words
}

// reference says in words which values are known, for who writes a policy; "" where anything is as good.
func (v *values) reference() string {
	if v == nil || v.open {
		return ""
	}
	return "; known are " + strings.Join(v.words(), ", ")
}

// unlikely says why no token is likely to have the text s in the field, and what to write instead; "" if nothing speaks
// against it. also are values that are known besides.
func (f *field) unlikely(s string, also []string) string {
	v := f.values
	if v == nil {
		return ""
	}
	words := append(v.words(), also...)
	switch {
	case slices.Contains(words, s):
		return ""
	case v.prefix != "" && !strings.HasPrefix(s, v.prefix):
		return fmt.Sprintf("%s %s is no id of Okta's, which begins with %s: write the id", f.name, quote(s), v.prefix)
	case v.open:
		for _, w := range words {
			if plain(w) == plain(s) {
				return fmt.Sprintf("no token has the %s %s, as far as is known, and capitals count: did you mean %q?",
					f.name, quote(s), w)
			}
		}
		return ""
	}
	instead := Nearest(s, words)
	for _, k := range v.known {
		if instead == "" && Nearest(s, []string{k.console}) != "" {
			instead = k.word
		}
	}
	for _, k := range v.known { // the very words of the admin console
		if k.console != "" && plain(k.console) == plain(s) {
			instead = k.word
		}
	}
	if instead != "" {
		return fmt.Sprintf("Okta has no %s %s, as far as is known, did you mean %q?", f.name, quote(s), instead)
	}
	return fmt.Sprintf("Okta has no %s %s, as far as is known: write one of %s", f.name, quote(s),
		strings.Join(v.words(), ", "))
}

// values warns of texts in a condition that no token is likely to have: they look right, and match nothing.
func (l *linter) values(n *node) {
	for i := range n.parts {
		l.values(&n.parts[i])
	}
	if n.join != joinLeaf {
		return
	}
	leaf := &n.leaf
	switch leaf.op.argument {
	case oneText, someTexts:
		for i, w := range leaf.arg.words {
			why := leaf.noPattern(w)
			if why == "" {
				why = leaf.field.unlikely(w, l.also(leaf.field))
			}
			if why != "" {
				l.warn(leaf.arg.places[i], "%s", why)
			}
		}
	case someGlobs:
		for i, w := range leaf.arg.words {
			l.pattern(leaf, leaf.arg.places[i], w)
		}
	case expression:
		fits := func(word string) bool { return leaf.fits(word) != leaf.op.negated }
		if v := leaf.field.values; v != nil && !v.open && !slices.ContainsFunc(v.words(), fits) {
			l.warn(leaf.arg.places[0], "the expression %s fits no %s of Okta's, as far as is known: %s",
				leaf.arg.text(), leaf.field.name, strings.Join(v.words(), ", "))
		}
	}
}

// also are the values of a field that the listing had besides those that are known.
func (l *linter) also(f *field) (names []string) {
	if l.seen == nil || f.listed == nil {
		return nil
	}
	for name := range f.listed(l.seen) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// pattern warns of a glob that fits no known value.
func (l *linter) pattern(leaf *leaf, at place, written string) {
	g, err := compileGlob(written)
	v := leaf.field.values
	switch {
	case err != nil || v == nil: // the parser has refused it
	case !slices.ContainsFunc(g, func(c rune) bool { return c < 0 }):
		if why := leaf.field.unlikely(string(g), l.also(leaf.field)); why != "" {
			l.warn(at, "%s", why)
		}
	case !v.open && !slices.ContainsFunc(v.words(), g.match):
		l.warn(at, "the glob %s fits no %s of Okta's, as far as is known: %s", quote(written), leaf.field.name,
			strings.Join(v.words(), ", "))
	}
}

// clientValues warns of clients in protect.actOnClients that no token is likely to have.
func (l *linter) clientValues() {
	client := &leaf{field: fieldNamed("clientName")}
	for _, written := range l.Protect.ActOnClients {
		l.pattern(client, l.places["protect.actOnClients"], written)
	}
}

// noPattern says that an operator takes a text as it stands which looks like a pattern, and what to write instead; ""
// if it doesn't look like one.
func (l *leaf) noPattern(w string) string {
	if !strings.ContainsAny(w, "*?") || l.op.kind != textKind {
		return ""
	}
	like := "like"
	if l.op.negated {
		like = "notLike"
	}
	return fmt.Sprintf("%s takes %s as it stands, and not as a pattern: write %s: {%s: %s} for the pattern, or {%s: "+
		"%s} if the text has that very character",
		l.op.name, quote(w), l.field.name, like, quote(w), like, quote(escapeGlob(w)))
}

// escapeGlob is the glob that fits the text s alone.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`).Replace(s)
}

// doubted notes where a policy test has a token with a value that Okta is not known to have.
func (r *reader) doubted(field string, nodes ...*yaml.Node) {
	for _, n := range nodes {
		if why := fieldNamed(field).unlikely(n.Value, nil); why != "" {
			r.doubts = append(r.doubts, Mistake{r.file, max(n.Line, 1), max(n.Column, 1), why})
		}
	}
}
