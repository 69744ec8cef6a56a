package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// Tests is a file of policy tests: examples of tokens, and what a policy is to make of them.
type Tests struct {
	// File is the name of the file as it was given.
	File string
	// Policy is the name of the policy file as it was written, relative to the test file; "" if the file names none.
	Policy string
	// Cases are in the order of the file. There is at least one.
	Cases []*Case
	// Doubts are warnings: values of tokens that Okta is not known to have.
	Doubts Mistakes
}

// Case is one example.
type Case struct {
	// Name is what the case shows, in words.
	Name string
	// Line is where it starts in the file.
	Line int
	// AsOf is the instant at which it is judged.
	AsOf time.Time
	// Token is the token, with its owner if the case has one.
	Token okta.Token
	// Notified is when a notice of a rule was delivered, by the rule's id. It is for the token as it is.
	Notified map[string]time.Time
	// Quarantined is since when tokensweep has it in quarantine; zero if it hasn't. Token is as it was before.
	Quarantined time.Time
	// Expect is what is to come of it.
	Expect Expect

	ids []named // rules that the case names
}

// Expect is what a case expects. What is missing is not looked at.
type Expect struct {
	// Rules are the ids of all rules that match, Unknown of all that can't be judged, in any order.
	Rules, Unknown okta.Opt[[]string]
	// Step is what is done now: 0 is nothing, Flag is a report and no more.
	Step okta.Opt[Step]
	// Outcome is the word of a report's outcome, or none.
	Outcome okta.Opt[string]
	// Severity is that of the finding; 0 is none.
	Severity okta.Opt[Severity]
	// Due is when the step is due that Outcome is about.
	Due okta.Opt[time.Time]
}

// none is the word for no finding, no step and no severity.
const none = "none"

// ExpectedOutcomes are the words that Expect.Outcome can have: what can come of a single token in a dry run, and none.
var ExpectedOutcomes = []string{none, "flagged", "pending", "would-quarantine", "would-revoke", "quarantined",
	"protected", "exempt", "unknown"}

// named is a rule's id and where it stands.
type named struct {
	place
	id string
}

// testsFile is the file while it is read.
type testsFile struct {
	Tests
	asOf time.Time // of cases that have none of their own
}

var testsKeys = []key[testsFile]{
	{name: "policy", doc: "the policy file, relative to this one",
		read: func(r *reader, _, v *yaml.Node, t *testsFile) { t.Policy, _ = r.words(v, "policy") }},
	{name: "asOf", doc: "when the cases are judged", read: func(r *reader, _, v *yaml.Node, t *testsFile) {
		t.asOf, _, _ = r.instant(v, "asOf")
	}},
	{name: "cases", must: "cases: with at least one case", doc: "the examples",
		read: func(r *reader, k, v *yaml.Node, t *testsFile) {
			items, ok := r.list(v, "cases", "- name: and so on")
			if ok && len(items) == 0 {
				r.wrong(k, "cases is empty: write at least one case")
			}
			for _, item := range items {
				c := &Case{Line: item.Line, Token: okta.Token{ID: exampleID}}
				readMap(r, item, item, "the case", caseKeys, c)
				t.Cases = append(t.Cases, c)
			}
		}},
}

// exampleID is the id of a token in a case that gives none.
const exampleID = "00Texample0000000000"

var caseKeys = []key[Case]{
	{name: "name", must: "name: with what the case shows", doc: "what it shows",
		read: func(r *reader, _, v *yaml.Node, c *Case) { c.Name, _ = r.words(v, "name") }},
	{name: "asOf", doc: "when it is judged, if not when the others are",
		read: func(r *reader, _, v *yaml.Node, c *Case) { c.AsOf, _, _ = r.instant(v, "asOf") }},
	{name: "token", must: "token: {clientName: Okta API, created: 2025-01-01, lastUsed: 2026-11-01}",
		doc: "the token, as Okta's API shows it", read: (*reader).exampleToken},
	{name: "owner", doc: "the owner; without it, nothing is known of one",
		read: func(r *reader, k, v *yaml.Node, c *Case) {
			c.Token.Owner = &okta.Owner{}
			if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
				return // somebody of whom nothing is known but that they were looked up
			}
			readMap(r, k, v, "owner", ownerKeys(), c.Token.Owner)
		}},
	{name: "notified", doc: "rules, and when their notice was delivered",
		read: func(r *reader, _, v *yaml.Node, c *Case) {
			if v.Kind != yaml.MappingNode {
				r.wrongKind(v, "notified must be a map from rule to time, and not %s: write {idle: "+
					"2026-11-19T09:00:00Z}", kindOf(v))
				return
			}
			c.Notified = make(map[string]time.Time)
			for rule, at := range r.entries(v) {
				c.ids = append(c.ids, named{placeOf(rule), rule.Value})
				c.Notified[rule.Value], _, _ = r.instant(at, "notified")
			}
		}},
	{name: "quarantined", doc: "since when tokensweep has it in quarantine; token is as it was before",
		read: func(r *reader, _, v *yaml.Node, c *Case) {
			c.Quarantined, _, _ = r.instant(v, "quarantined")
		}},
	{name: "expect", must: "expect: {step: flag}", doc: "what is to come of it",
		read: func(r *reader, k, v *yaml.Node, c *Case) {
			readMap(r, k, v, "expect", expectKeys, c)
		}},
}

// ownerKeys are the fields that an owner has, without what stands before the dot.
func ownerKeys() (keys []key[okta.Owner]) {
	for i := range fields {
		f := &fields[i]
		if f.ofOwner == nil {
			continue
		}
		_, name, _ := strings.Cut(f.name, ".")
		read := func(r *reader, _, v *yaml.Node, o *okta.Owner) {
			switch part := f.ofOwner(o).(type) {
			case *okta.Opt[string]:
				*part = given(r.text(v))
				r.doubted(f.name, v)
			case *okta.Opt[time.Time]:
				*part = r.someTime(v, name)
			case *okta.Opt[[]string]:
				*part = r.someList(v, name)
				r.doubted(f.name, v.Content...)
			}
		}
		keys = append(keys, key[okta.Owner]{name: name, doc: f.doc, read: read})
	}
	return keys
}

var expectKeys = []key[Case]{
	{name: "rules", doc: "ids of all rules that match", read: func(r *reader, _, v *yaml.Node, c *Case) {
		c.Expect.Rules = r.ruleIDs(v, "rules", c)
	}},
	{name: "unknown", doc: "ids of all rules that can't be judged", read: func(r *reader, _, v *yaml.Node, c *Case) {
		c.Expect.Unknown = r.ruleIDs(v, "unknown", c)
	}},
	{name: "step", doc: "what is done now: none, flag, quarantine, revoke",
		read: func(r *reader, _, v *yaml.Node, c *Case) {
			if word, ok := r.oneOf(v, "step", append([]string{none}, stepNames...)); ok {
				c.Expect.Step = okta.Some(stepNamed(word))
			}
		}},
	{name: "outcome", doc: "the outcome that a report would have, or none",
		read: func(r *reader, _, v *yaml.Node, c *Case) {
			if word, ok := r.oneOf(v, "outcome", ExpectedOutcomes); ok {
				c.Expect.Outcome = okta.Some(word)
			}
		}},
	{name: "severity", doc: "the severity of the finding, or none", read: func(r *reader, _, v *yaml.Node, c *Case) {
		if word, ok := r.oneOf(v, "severity", append([]string{none}, severityNames...)); ok {
			severity, _ := ParseSeverity(word) // none is the zero value
			c.Expect.Severity = okta.Some(severity)
		}
	}},
	{name: "due", doc: "when the step is due", read: func(r *reader, _, v *yaml.Node, c *Case) {
		c.Expect.Due = r.someTime(v, "due")
	}},
}

// LoadTests reads and checks a file of policy tests, as Load does a policy.
func LoadTests(file string) (*Tests, error) {
	data, err := readFile(file, "the policy tests")
	if err != nil {
		return nil, err
	}
	return ParseTests(file, data)
}

// ParseTests is LoadTests on the content of a file. The error is a Mistakes.
func ParseTests(file string, data []byte) (*Tests, error) {
	r := &reader{file: file, places: make(map[string]place), least: "cases: with at least one case"}
	t := &testsFile{Tests: Tests{File: file}}
	if doc := r.document(data); doc != nil {
		r.hideSecrets(doc)
		r.vet(doc, 0)
		readMap(r, &yaml.Node{Line: 1, Column: 1}, doc, "the file", testsKeys, t)
		for _, c := range t.Cases {
			if c.AsOf.IsZero() {
				c.AsOf = t.asOf
			}
			if c.AsOf.IsZero() && len(r.mistakes) == 0 {
				r.wrongAt(c.Line, 1, "the case %s has no time: add asOf: 2026-11-23T09:00:00Z to it, or to the file",
					quote(c.Name))
			}
		}
	}
	if len(r.mistakes) > 0 {
		r.mistakes.sort()
		return nil, r.mistakes
	}
	r.doubts.sort()
	t.Doubts = r.doubts
	return &t.Tests, nil
}

// Check says which rules the tests name that the policy does not have, and where. It returns nothing if it has all.
func (t *Tests) Check(p *Policy) Mistakes {
	var known []string
	for _, rule := range p.Rules {
		known = append(known, rule.ID)
	}
	var mistakes Mistakes
	wrong := func(at place, format string, args ...any) {
		mistakes = append(mistakes, Mistake{t.File, at.line, at.column, fmt.Sprintf(format, args...)})
	}
	for _, c := range t.Cases {
		for _, n := range c.ids {
			if !slices.Contains(known, n.id) {
				wrong(n.place, "the policy has no rule %s%s", quote(n.id), suggest(n.id, known))
			}
		}
		if !c.Quarantined.IsZero() && p.QuarantineZone == "" {
			wrong(place{c.Line, 1},
				"the case %s has a token in quarantine, and the policy has none: remove quarantined", quote(c.Name))
		}
	}
	mistakes.sort()
	return mistakes
}
