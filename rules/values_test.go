package rules

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta"
)

// doubtsOf are the warnings about a condition, as a rule's and as an exemption's.
func doubtsOf(t *testing.T, condition string, seen *Survey) (of []string) {
	t.Helper()
	p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {id: {present: true}}, then: "+
		"flag}]\nexemptions:\n- {match: "+condition+", reason: r, owner: o, until: 2027-01-31}"))
	require.NoError(t, err)
	l := &linter{Policy: p, seen: seen}
	l.values(&p.Exemptions[0].match)
	for _, m := range l.mistakes {
		of = append(of, m.Message)
		at := strings.TrimLeft(("- {match: " + condition)[m.Column-1:], `"`)
		require.Equal(t, 4, m.Line)
		require.Contains(t, m.Message, at[:strings.IndexAny(at, `",]}`)], "what it is about stands there")
	}
	said := found(l.mistakes)
	l.mistakes = nil
	p, err = Parse("policy.yaml", []byte("version: 1\nrules:\n\n- {when:  "+condition+", id: a, then: flag}"))
	require.NoError(t, err)
	l.values(&p.Rules[0].when)
	require.Equal(t, said, found(l.mistakes), "rules and exemptions are looked at alike")
	return of
}

func TestWhatLooksRightAndMatchesNothingIsDoubted(t *testing.T) {
	org := &Survey{Clients: map[string]int{"Okta API": 3, "Terraform Provider": 1, "": 1}}
	for condition, want := range map[string][]string{
		`{name: "dr-*"}`: {
			`is takes "dr-*" as it stands, and not as a pattern: write name: {like: "dr-*"} for the pattern, or ` +
				`{like: "dr-\\*"} if the text has that very character`},
		`{name: {isNot: "what?"}}`: {
			`isNot takes "what?" as it stands, and not as a pattern: write name: {notLike: "what?"} for the pattern, ` +
				`or {notLike: "what\\?"} if the text has that very character`},
		`{name: [ci, "dr-*"]}`: {
			`in takes "dr-*" as it stands, and not as a pattern: write name: {like: "dr-*"} for the pattern, or ` +
				`{like: "dr-\\*"} if the text has that very character`},
		`{not: {clientName: {notIn: [Okta API, "Terraform*"]}}}`: {
			`notIn takes "Terraform*" as it stands, and not as a pattern: write clientName: {notLike: "Terraform*"} ` +
				`for the pattern, or {notLike: "Terraform\\*"} if the text has that very character`},
		`{any: [{owner.status: active}, {owner.status: {is: Password reset}}]}`: {
			`Okta has no owner.status "active", as far as is known, did you mean "ACTIVE"?`,
			`Okta has no owner.status "Password reset", as far as is known, did you mean "RECOVERY"?`,
		},
		`{owner.status: Deactivated}`: {
			`Okta has no owner.status "Deactivated", as far as is known, did you mean "DEPROVISIONED"?`},
		`{owner.status: xyz}`: {
			`Okta has no owner.status "xyz", as far as is known: write one of STAGED, PROVISIONED, ACTIVE, RECOVERY, ` +
				`PASSWORD_EXPIRED, LOCKED_OUT, SUSPENDED, DEPROVISIONED`},
		`{owner.status: {like: "act*"}}`: {
			`the glob "act*" fits no owner.status of Okta's, as far as is known: STAGED, PROVISIONED, ACTIVE, ` +
				`RECOVERY, PASSWORD_EXPIRED, LOCKED_OUT, SUSPENDED, DEPROVISIONED`},
		`{owner.status: {notLike: active}}`: {
			`Okta has no owner.status "active", as far as is known, did you mean "ACTIVE"?`},
		`{network.connection: {matches: "^any"}}`: {
			`the expression ^any fits no network.connection of Okta's, as far as is known: ANYWHERE, ZONE`},
		`{network.connection: {notMatches: "^any"}}`: {
			`the expression ^any fits no network.connection of Okta's, as far as is known: ANYWHERE, ZONE`},
		`{network.connection: Any IP}`: {
			`Okta has no network.connection "Any IP", as far as is known, did you mean "ANYWHERE"?`},
		`{owner.roles: {containsNone: [Super Administrator, ORG_ADMIN]}}`: {
			`Okta has no owner.roles "Super Administrator", as far as is known, did you mean "SUPER_ADMIN"?`},
		`{owner.roles: {contains: Group Administrator}}`: {
			`Okta has no owner.roles "Group Administrator", as far as is known, did you mean "USER_ADMIN"?`},
		`{network.include: {contains: Office}}`: {
			`network.include "Office" is no id of Okta's, which begins with nzo: write the id`},
		`{userId: anna@acme.example}`: {
			`userId "anna@acme.example" is no id of Okta's, which begins with 00u: write the id`},
		`{clientName: okta api}`: {
			`no token has the clientName "okta api", as far as is known, and capitals count: did you mean "Okta API"?`},
		`{clientName: {in: [terraform provider]}}`: {
			`no token has the clientName "terraform provider", as far as is known, and capitals count: did you mean ` +
				`"Terraform Provider"?`},

		`{name: {like: "dr-*"}}`: nil, `{name: {like: "what\\?"}}`: nil, `{name: {matches: "^dr-.*$"}}`: nil,
		`{name: [ci, dr-1]}`:                         nil,
		`{owner.status: {in: [ACTIVE, LOCKED_OUT]}}`: nil, `{owner.status: {like: "*"}}`: nil,
		`{owner.status: {matches: "^(SUSP|DEPR)"}}`:           nil,
		`{owner.roles: {containsAny: [SUPER_ADMIN, CUSTOM]}}`: nil, `{owner.roles: {empty: true}}`: nil,
		`{network.connection: {present: false}}`: nil,
		`{clientName: Okta API}`:                 nil, `{clientName: Another Client}`: nil,
		`{clientName: {like: "okta*"}}`:                            nil,
		`{network.exclude: {containsAll: [nzo1a2b3c4d5e6f7g8h9]}}`: nil, `{owner.login: anna@acme.example}`: nil,
	} {
		require.Equal(t, want, doubtsOf(t, condition, org), condition)
	}
	require.Nil(t, doubtsOf(t, "{clientName: terraform provider}", nil), "nobody has listed the org")
}

// What a token is really called can be asked for: the warning says how, and that is not warned of.
func TestANameWithAStarCanStillBeAskedFor(t *testing.T) {
	for _, name := range []string{"what?", "dr-*", `a\b*`, "[x]*{y}"} {
		p, err := Parse("policy.yaml", fmt.Appendf(nil, "version: 1\nrules: [{id: a, when: {name: {like: %q}}, then: "+
			"flag}]", escapeGlob(name)))
		require.NoError(t, err)
		require.Empty(t, p.Lint(noon, nil))
		require.Equal(t, isTrue, p.Rules[0].when.eval(&okta.Token{Name: okta.Some(name)}, noon))
		require.Equal(t, isFalse, p.Rules[0].when.eval(&okta.Token{Name: okta.Some("dr-1")}, noon))
	}
}

func TestLintSaysWhatLooksRightAndMatchesNothing(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(`version: 1
protect: {actOnClients: [okta api]}
exemptions:
  - {match: {name: "dr-*"}, reason: drill, owner: sre, until: 2027-01-31}
rules: [{id: a, when: {owner.status: {is: active}}, then: flag}]`))
	require.NoError(t, err)
	require.Equal(t, []string{
		`2:25: no token has the clientName "okta api", as far as is known, and capitals count: did you mean "Okta API"?`,
		`4:20: is takes "dr-*" as it stands, and not as a pattern: write name: {like: "dr-*"} for the pattern, or ` +
			`{like: "dr-\\*"} if the text has that very character`,
		`5:43: Okta has no owner.status "active", as far as is known, did you mean "ACTIVE"?`,
	}, found(p.Lint(noon, nil)))
}

// In policy tests tokens have values and no patterns.
func TestPolicyTestsAreDoubtedWhereTheirTokensCantBe(t *testing.T) {
	tests, err := ParseTests("tests.yaml", []byte(`asOf: 2026-11-23
cases:
  - name: a
    token: {name: "dr-*", clientName: okta api, network: {connection: anywhere, include: [Office]}}
    owner: {status: Active, roles: [SUPER_ADMIN, Super Admin]}
    expect: {step: none}`))
	require.NoError(t, err)
	require.Equal(t, []string{
		`4:39: no token has the clientName "okta api", as far as is known, and capitals count: did you mean "Okta API"?`,
		`4:71: Okta has no network.connection "anywhere", as far as is known, did you mean "ANYWHERE"?`,
		`4:91: network.include "Office" is no id of Okta's, which begins with nzo: write the id`,
		`5:21: Okta has no owner.status "Active", as far as is known, did you mean "ACTIVE"?`,
		`5:50: Okta has no owner.roles "Super Admin", as far as is known, did you mean "SUPER_ADMIN"?`,
	}, found(tests.Doubts))
}

func TestNothingThatWeShipIsDoubted(t *testing.T) {
	policies := []string{"../policy.example.yaml", "../cli/demo.yaml", "../deploy/examples/second-org/policy.yaml"}
	shipped, err := filepath.Glob("../deploy/*/policy*.yaml")
	require.NoError(t, err)
	for _, file := range append(policies, shipped...) {
		p, err := Load(file)
		require.NoError(t, err)
		for _, m := range p.Lint(noon, nil) { // the demo shows other warnings
			require.NotContains(t, m.Message, "as far as is known", file)
			require.NotContains(t, m.Message, "as it stands", file)
		}
	}
	for _, file := range []string{"../cli/testdata/demo.tests.yaml", "../deploy/policy.example.tests.yaml"} {
		tests, err := LoadTests(file)
		require.NoError(t, err)
		require.Empty(t, tests.Doubts)
	}
}
