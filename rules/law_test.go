package rules

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"tokensweep/okta"
)

func opt[T any](values *rapid.Generator[T]) *rapid.Generator[okta.Opt[T]] {
	return rapid.Custom(func(t *rapid.T) okta.Opt[T] {
		switch rapid.IntRange(0, 4).Draw(t, "presence") {
		case 0:
			return okta.Opt[T]{}
		case 1:
			return okta.Unreadable[T]()
		default:
			return okta.Some(values.Draw(t, "value"))
		}
	})
}

var (
	someText = rapid.OneOf(rapid.SampledFrom([]string{"", "a", "dr-1", "Okta API", "ZONE"}), rapid.String())
	someTime = rapid.Custom(func(t *rapid.T) time.Time {
		return noon.Add(time.Duration(rapid.Int64Range(-40*365*24*3600, 40*24*3600).Draw(t, "seconds")) * time.Second)
	})
	someList  = rapid.SliceOfN(rapid.SampledFrom([]string{"nzo1", "nzo2", "nzo3"}), 0, 3)
	someToken = rapid.Custom(func(t *rapid.T) *okta.Token {
		return &okta.Token{
			ID: "00Tabc", Name: opt(someText).Draw(t, "name"), UserID: opt(someText).Draw(t, "userId"),
			ClientName: opt(someText).Draw(t, "clientName"), Created: opt(someTime).Draw(t, "created"),
			LastUpdated: opt(someTime).Draw(t, "lastUpdated"), ExpiresAt: opt(someTime).Draw(t, "expiresAt"),
			TokenWindow: opt(rapid.SampledFrom([]time.Duration{0, day, 30 * day})).Draw(t, "tokenWindow"),
			Network: opt(rapid.Custom(func(t *rapid.T) okta.Network {
				return okta.Network{Connection: opt(someText).Draw(t, "connection"),
					Include: opt(someList).Draw(t, "include"), Exclude: opt(someList).Draw(t, "exclude")}
			})).Draw(t, "network"),
		}
	})
	pastTimeLeaf = rapid.SampledFrom([]string{
		"{lastUsed: {olderThan: 21d}}", "{lastUsed: {newerThan: 7d}}", "{created: {before: 2026-01-01}}",
		"{created: {after: 2010-01-01}}", "{lastUpdated: {olderThan: 1h}}", "{lastUpdated: {newerThan: 9000d}}",
	})
	someLeaf = rapid.OneOf(pastTimeLeaf, rapid.SampledFrom([]string{
		"{name: {like: \"dr-*\"}}", "{name: {present: true}}", "{clientName: Okta API}", "{userId: {notIn: [a, b]}}",
		"{neverUsed: true}", "{tokenWindow: {longerThan: 1d}}", "{network.connection: {isNot: ZONE}}",
		"{network.include: {containsAny: [nzo1, nzo2]}}", "{network.exclude: {empty: true}}",
		"{expiresAt: {within: 7d}}",
		"{name: {matches: \"^a\"}}", "{lastUsed: {present: false}}",
	}))
)

func someCondition(depth int) *rapid.Generator[string] { return someConditionOf(someLeaf, depth) }

func someConditionOf(leaf *rapid.Generator[string], depth int) *rapid.Generator[string] {
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) string {
		part := someConditionOf(leaf, depth-1)
		switch rapid.IntRange(0, 3).Draw(t, "join") {
		case 0:
			return "{not: " + part.Draw(t, "part") + "}"
		case 1:
			return "{all: [" + strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), ", ") + "]}"
		case 2:
			return "{any: [" + strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), ", ") + "]}"
		default:
			return part.Draw(t, "part")
		}
	})
}

func evaluate(t *rapid.T, when string, token *okta.Token) truth {
	p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: "+when+", then: flag}]"))
	require.NoError(t, err)
	return p.Rules[0].when.eval(token, noon)
}

func TestLawsOfKleene(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someCondition(2).Draw(t, "a"), someCondition(2).Draw(t, "b")
		token := someToken.Draw(t, "token")
		is := func(when string) truth { return evaluate(t, when, token) }
		require.Equal(t, is(a), is("{not: {not: "+a+"}}"), "not not")
		require.Equal(t, is("{not: {all: ["+a+", "+b+"]}}"), is("{any: [{not: "+a+"}, {not: "+b+"}]}"),
			"De Morgan, all")
		require.Equal(t, is("{not: {any: ["+a+", "+b+"]}}"), is("{all: [{not: "+a+"}, {not: "+b+"}]}"),
			"De Morgan, any")
		require.Equal(t, is("{all: ["+a+", "+b+"]}"), is("{all: ["+b+", "+a+"]}"), "order")
		require.Equal(t, is(a), is("{any: ["+a+", {all: ["+a+", "+b+"]}]}"), "absorption")
	})
}

func TestATokenWithoutARealPastTimeSatisfiesNoTimeOperator(t *testing.T) {
	unreal := rapid.OneOf(
		rapid.Just(okta.Opt[time.Time]{}), rapid.Just(okta.Unreadable[time.Time]()), rapid.Just(okta.Some(time.Time{})),
		rapid.Map(rapid.Int64Range(1, 1<<40), func(s int64) okta.Opt[time.Time] {
			return ago(-31*day - time.Duration(s%(1<<32))*time.Second)
		}),
		rapid.Map(rapid.Int64Range(1, 1<<31), func(s int64) okta.Opt[time.Time] {
			return okta.Some(oldestTime.Add(-time.Duration(s) * time.Second))
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		token := someToken.Draw(t, "token")
		token.TokenWindow = okta.Opt[time.Duration]{}
		token.Created, token.LastUpdated, token.ExpiresAt = unreal.Draw(t, "created"), unreal.Draw(t, "lastUpdated"),
			unreal.Draw(t, "expiresAt")
		when := pastTimeLeaf.Draw(t, "when")
		require.Equal(t, isUnknown, evaluate(t, when, token))
		require.Equal(t, isUnknown, evaluate(t, "{not: "+when+"}", token))
	})
}

func TestTheOrderOfRulesChangesNoMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := someToken.Draw(t, "token")
		var list []string
		for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
			list = append(list, "{id: rule-"+string(rune('a'+i))+", when: "+someCondition(2).Draw(t, "when")+
				", then: flag}")
		}
		verdict := func(list []string) (matched, unknown map[string][]string) {
			p, err := Parse("policy.yaml", []byte("version: 1\nrules: ["+strings.Join(list, ", ")+"]"))
			require.NoError(t, err)
			v := p.Evaluate(token, noon)
			return byID(t, v.Matched), byID(t, v.Unknown)
		}
		matched, unknown := verdict(list)
		again, unknownAgain := verdict(rapid.Permutation(list).Draw(t, "order"))
		require.Equal(t, matched, again)
		require.Equal(t, unknown, unknownAgain)
	})
}

// byID also checks that a match explains itself in printable sentences, none twice.
func byID(t *rapid.T, matches []Match) map[string][]string {
	m := map[string][]string{}
	for _, match := range matches {
		require.NotEmpty(t, match.Because())
		for i, s := range match.Because() {
			require.Equal(t, okta.Printable(s), s)
			require.NotContains(t, match.Because()[:i], s)
		}
		m[match.Rule.ID] = match.Because()
	}
	return m
}

func TestAnExemptionRemovesNoProtectionAndNoMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := someToken.Draw(t, "token")
		rule := "\nrules: [{id: a, when: " + someCondition(2).Draw(t, "when") + ", then: flag}]"
		without, err := Parse("policy.yaml", []byte("version: 1"+rule))
		require.NoError(t, err)
		with, err := Parse("policy.yaml", []byte("version: 1\nexemptions: [{match: "+someCondition(1).Draw(t, "match")+
			", reason: r, owner: o, until: 2027-01-31}]"+rule))
		require.NoError(t, err)
		a, b := without.Evaluate(token, noon), with.Evaluate(token, noon)
		require.Equal(t, a.Protections, b.Protections)
		require.Equal(t, byID(t, a.Matched), byID(t, b.Matched))
		require.Equal(t, byID(t, a.Unknown), byID(t, b.Unknown))
	})
}

func TestDurationsComeBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<33).Draw(t, "seconds")) * time.Second
		got, err := parseDuration(formatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d, got)
	})
}

// A simpler and slower matcher, to compare with.
func slowMatch(pattern, s []rune) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	if pattern[0] == '*' {
		return slowMatch(pattern[1:], s) || (len(s) > 0 && slowMatch(pattern, s[1:]))
	}
	return len(s) > 0 && (pattern[0] == '?' || pattern[0] == s[0]) && slowMatch(pattern[1:], s[1:])
}

func TestGlobsMatchAsASimplerMatcherDoes(t *testing.T) {
	letters := rapid.SampledFrom([]rune("abä*?"))
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(letters, 1, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(letters, 0, 10, -1).Draw(t, "text")
		g, err := compileGlob(pattern)
		require.NoError(t, err)
		require.Equal(t, slowMatch([]rune(pattern), []rune(s)), g.match(s))
	})
}

// A policy that is accepted survives being printed and read again.
func requireSurvives(t testing.TB, p *Policy) {
	t.Helper()
	printed := p.YAML()
	again, err := Parse("printed.yaml", printed)
	require.NoError(t, err, "%s", printed)
	require.Equal(t, string(printed), string(again.YAML()))
	for _, token := range []*okta.Token{whole(), {ID: "00T"}, {ID: "00T", Name: okta.Some("dr-1"),
		ExpiresAt: ago(-time.Hour), Created: ago(90 * day)}} {
		want, got := p.Trace(token, noon), again.Trace(token, noon)
		for i := range want.Rules {
			require.Equal(t, want.Rules[i].Rule.ID, got.Rules[i].Rule.ID)
			require.Equal(t, want.Rules[i].When.Result, got.Rules[i].When.Result)
		}
		for i := range want.Exemptions {
			require.Equal(t, want.Exemptions[i].Match.Result, got.Exemptions[i].Match.Result)
		}
		require.Equal(t, want.Protections, got.Protections)
	}
	about := func(p *Policy) []any {
		list := []any{p.Org, p.Mode, p.Limits, p.Protect, p.QuarantineZone, p.Notify, len(p.Rules), len(p.Exemptions)}
		if p.Schedule != nil {
			list = append(list, p.Schedule.Next(noon))
		}
		for _, r := range p.Rules {
			list = append(list, r.ID, r.Description, r.Severity, r.Steps, r.Advice)
		}
		for _, e := range p.Exemptions {
			list = append(list, e.Reason, e.Owner, e.Until)
		}
		return list
	}
	require.Equal(t, about(p), about(again))
}

func TestPoliciesSurviveBeingPrinted(t *testing.T) {
	files, err := filepath.Glob("testdata/[gl]*.yaml") // good and lint
	require.NoError(t, err)
	for _, file := range append(files, "../policy.example.yaml", "../cli/demo.yaml") {
		t.Run(file, func(t *testing.T) {
			p, err := Load(file)
			require.NoError(t, err)
			requireSurvives(t, p)
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
		quoted := func(name string) string {
			n := yaml.Node{Kind: yaml.ScalarNode, Tag: textTag, Style: yaml.DoubleQuotedStyle,
				Value: text.Draw(rt, name)}
			out, err := yaml.Marshal(&n)
			require.NoError(rt, err)
			return strings.TrimSpace(string(out))
		}
		p, err := Parse("policy.yaml", []byte("version: 1\nexemptions: [{match: {name: "+quoted("name")+"}, reason: "+
			quoted("reason")+", owner: o, until: 2027-01-31}]\n"+
			"rules: [{id: a, description: "+quoted("description")+", when: "+someCondition(3).Draw(rt, "when")+
			", then: flag}]"))
		if err == nil {
			requireSurvives(t, p)
		}
	})
}

// FuzzParse looks for a policy that panics, is half accepted, or is refused without a place and a printable reason.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	for _, file := range append(files, "../policy.example.yaml") {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	s := compiled(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("policy.yaml", data)
		if err == nil {
			require.NotEmpty(t, p.Rules)
			p.Evaluate(whole(), noon)
			p.Evaluate(&okta.Token{ID: "00T"}, noon)
			requireSurvives(t, p)
			for _, m := range p.Lint(noon, &Survey{Tokens: 3}) {
				require.Equal(t, okta.Printable(m.Message), m.Message)
			}
			var doc yaml.Node
			require.NoError(t, yaml.Unmarshal(data, &doc))
			require.NoError(t, s.Validate(value(&doc)), "the schema refuses what the parser takes")
			return
		}
		require.Nil(t, p)
		require.Equal(t, reflect.TypeFor[Mistakes](), reflect.TypeOf(err))
		require.Error(t, err)
		for _, m := range err.(Mistakes) { //nolint:errorlint // Parse promises the very type
			require.Positive(t, m.Line)
			require.Positive(t, m.Column)
			require.Equal(t, okta.Printable(m.Message), m.Message)
		}
	})
}
