package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta"
)

// noon is the instant at which the tests judge.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func ago(d time.Duration) okta.Opt[time.Time] { return okta.Some(noon.Add(-d)) }

// whole is a token of which every field is known.
func whole() *okta.Token {
	return &okta.Token{
		ID:          "00Tabcdefg1234567890",
		Name:        okta.Some("ci deploy"),
		UserID:      okta.Some("00u1"),
		ClientName:  okta.Some("Okta API"),
		Created:     ago(100 * day),
		LastUpdated: ago(day),
		ExpiresAt:   ago(-20 * day), // so that it was last used 10 days ago
		TokenWindow: okta.Some(30 * day),
		Network: okta.Some(okta.Network{
			Connection: okta.Some("ZONE"),
			Include:    okta.Some([]string{"nzo1", "nzo2"}),
			Exclude:    okta.Some([]string{}),
		}),
	}
}

func policyWith(t testing.TB, when string, more ...string) *Policy {
	p, err := Parse("policy.yaml", []byte("version: 1\n"+strings.Join(more, "\n")+
		"\nrules:\n  - id: a-rule\n    when: "+when+"\n    then: flag\n"))
	require.NoError(t, err)
	return p
}

// judge returns what a condition is of a token, and the sentences.
func judge(t testing.TB, when string, token *okta.Token) (truth, []string) {
	v := policyWith(t, when).Evaluate(token, noon)
	switch {
	case len(v.Matched) == 1:
		return isTrue, v.Matched[0].Because()
	case len(v.Unknown) == 1:
		return isUnknown, v.Unknown[0].Because()
	default:
		return isFalse, nil
	}
}

func TestOperators(t *testing.T) {
	used := func(d time.Duration) func(*okta.Token) {
		return func(t *okta.Token) { t.ExpiresAt = okta.Some(noon.Add(30*day - d)) }
	}
	expires := func(in time.Duration) func(*okta.Token) {
		return func(t *okta.Token) { t.ExpiresAt = okta.Some(noon.Add(in)) }
	}
	created := func(s string) func(*okta.Token) {
		return func(t *okta.Token) { t.Created = okta.Some(at(s)) }
	}
	named := func(s string) func(*okta.Token) {
		return func(t *okta.Token) { t.Name = okta.Some(s) }
	}
	same := func(*okta.Token) {}
	tests := []struct {
		name  string
		when  string
		token func(*okta.Token)
		want  truth
		says  string // of the condition, or of its negation where it is false
	}{
		{"older by a second", "lastUsed: {olderThan: 21d}", used(21*day + time.Second), isTrue,
			"lastUsed 2026-11-02T11:59:59Z is 21d1s old (> 21d)"},
		{"older by days", "lastUsed: {olderThan: 21d}", used(24*day + 6*time.Hour), isTrue,
			"lastUsed 2026-10-30T06:00:00Z is 24d old (> 21d)"},
		{"exactly as old", "lastUsed: {olderThan: 21d}", used(21 * day), isFalse,
			"lastUsed 2026-11-02T12:00:00Z is 21d old (<= 21d)"},
		{"not so old", "lastUsed: {olderThan: P3W}", used(0), isFalse,
			"lastUsed 2026-11-23T12:00:00Z is 0s old (<= P3W)"},
		{"newer by a second", "lastUsed: {newerThan: 21d}", used(21*day - time.Second), isTrue,
			"lastUsed 2026-11-02T12:00:01Z is 20d old (< 21d)"},
		{"exactly as new", "lastUsed: {newerThan: 21d}", used(21 * day), isFalse,
			"lastUsed 2026-11-02T12:00:00Z is 21d old (>= 21d)"},
		{"in the future by a second", "lastUsed: {newerThan: 21d}", used(-time.Second), isUnknown,
			"lastUsed unknown: 2026-11-23T12:00:01Z lies in the future"},
		{"older than a duration, in the future", "expiresAt: {olderThan: 1h}", expires(time.Second), isFalse,
			"expiresAt 2026-11-23T12:00:01Z is -1s old (<= 1h)"},
		{"within, at its end", "expiresAt: {within: 7d}", expires(7 * day), isTrue,
			"expiresAt 2026-11-30T12:00:00Z is 7d ahead (within 7d)"},
		{"within, now", "expiresAt: {within: 7d}", expires(0), isTrue,
			"expiresAt 2026-11-23T12:00:00Z is 0s ahead (within 7d)"},
		{"after the end of within", "expiresAt: {within: 7d}", expires(7*day + time.Second), isFalse,
			"expiresAt 2026-11-30T12:00:01Z is 7d1s ahead (not within 7d)"},
		{"before the start of within", "expiresAt: {within: 7d}", expires(-time.Second), isFalse,
			"expiresAt 2026-11-23T11:59:59Z is 1s past (not within 7d)"},
		{"before a date", "created: {before: 2026-01-01}", created("2025-12-31T23:59:59Z"), isTrue,
			"created 2025-12-31T23:59:59Z is before 2026-01-01"},
		{"at the start of a date, before", "created: {before: 2026-01-01}", created("2026-01-01T00:00:00Z"), isFalse,
			"created 2026-01-01T00:00:00Z is not before 2026-01-01"},
		{"at the start of a date, after", "created: {after: 2026-01-01}", created("2026-01-01T00:00:00Z"), isFalse,
			"created 2026-01-01T00:00:00Z is not after 2026-01-01"},
		{"after a time in another zone", "created: {after: 2026-01-01T00:00:00+02:00}", created("2025-12-31T22:00:01Z"),
			isTrue, "created 2025-12-31T22:00:01Z is after 2026-01-01T00:00:00+02:00"},
		{"the first real time", "created: {before: 2026-01-01}", created("2000-01-01T00:00:00Z"), isTrue,
			"created 2000-01-01T00:00:00Z is before 2026-01-01"},
		{"the last unreal time", "created: {before: 2026-01-01}", created("1999-12-31T23:59:59Z"), isUnknown,
			"created unknown: 1999-12-31T23:59:59Z is before 2000, which is not a real time"},
		{"an end before 2000", "expiresAt: {olderThan: 1d}", func(t *okta.Token) {
			t.ExpiresAt = okta.Some(time.Time{})
		}, isUnknown, "expiresAt unknown: 0001-01-01T00:00:00Z is before 2000, which is not a real time"},

		{"longer", "tokenWindow: {longerThan: 30d}", func(t *okta.Token) { t.TokenWindow = okta.Some(30*day + 1) },
			isTrue, "tokenWindow 30d0.000000001s is longer than 30d"},
		{"exactly as long", "tokenWindow: {longerThan: 30d}", same, isFalse, "tokenWindow 30d is not longer than 30d"},
		{"shorter", "tokenWindow: {shorterThan: 31d}", same, isTrue, "tokenWindow 30d is shorter than 31d"},
		{"exactly as short", "tokenWindow: {shorterThan: 30d}", same, isFalse,
			"tokenWindow 30d is not shorter than 30d"},

		{"is", "network.connection: {is: ZONE}", same, isTrue, "network.connection is ZONE"},
		{"is something else", "network.connection: ANYWHERE", same, isFalse,
			`network.connection "ZONE" is not ANYWHERE`},
		{"is, but for capitals", "clientName: {is: okta api}", same, isFalse, `clientName "Okta API" is not okta api`},
		{"isNot", "name: {isNot: x}", same, isTrue, `name "ci deploy" is not x`},
		{"isNot of the same", "name: {isNot: ci deploy}", same, isFalse, "name is ci deploy"},
		{"in", "clientName: [Okta API, Terraform Provider]", same, isTrue,
			`clientName "Okta API" is in [Okta API, Terraform Provider]`},
		{"not in", "clientName: {in: [Terraform Provider]}", same, isFalse,
			`clientName "Okta API" is not in [Terraform Provider]`},
		{"notIn", "clientName: {notIn: [a, b, c, d, e, f, g]}", same, isTrue,
			`clientName "Okta API" is not in [a, b, c, d, e, and 2 more]`},
		{"notIn of the same", "clientName: {notIn: [Okta API]}", same, isFalse,
			`clientName "Okta API" is in [Okta API]`},
		{"like", `name: {like: "ci ?ep*"}`, same, isTrue, `name "ci deploy" is like ci ?ep*`},
		{"like any of two", `name: {like: ["x*", "*oy"]}`, same, isTrue, `name "ci deploy" is like [x*, *oy]`},
		{"like a part only", `name: {like: "ci"}`, same, isFalse, `name "ci deploy" is not like ci`},
		{"notLike", `name: {notLike: "dr-*"}`, same, isTrue, `name "ci deploy" is not like dr-*`},
		{"notLike one of two", `name: {notLike: ["dr-*", "ci*"]}`, same, isFalse,
			`name "ci deploy" is like [dr-*, ci*]`},
		{"matches a part", `name: {matches: "dep"}`, same, isTrue, `name "ci deploy" matches dep`},
		{"does not match at the start", `name: {matches: "^dep"}`, same, isFalse,
			`name "ci deploy" does not match ^dep`},
		{"notMatches", `name: {notMatches: "^dep"}`, same, isTrue, `name "ci deploy" does not match ^dep`},
		{"notMatches what does", `name: {notMatches: "oy$"}`, same, isFalse, `name "ci deploy" matches oy$`},
		{"an empty name is a name", `name: {is: ""}`, named(""), isTrue, "name is "},

		{"contains", "network.include: {contains: nzo1}", same, isTrue,
			`network.include ["nzo1", "nzo2"] contains nzo1`},
		{"contains something else", "network.include: {contains: nzo}", same, isFalse,
			`network.include ["nzo1", "nzo2"] does not contain nzo`},
		{"containsAny", "network.include: {containsAny: [x, nzo2]}", same, isTrue,
			`network.include ["nzo1", "nzo2"] contains one of [x, nzo2]`},
		{"containsAny of others", "network.include: {containsAny: [x, y]}", same, isFalse,
			`network.include ["nzo1", "nzo2"] contains none of [x, y]`},
		{"containsAll", "network.include: {containsAll: [nzo2, nzo1]}", same, isTrue,
			`network.include ["nzo1", "nzo2"] contains all of [nzo2, nzo1]`},
		{"containsAll but one", "network.include: {containsAll: [nzo1, x]}", same, isFalse,
			`network.include ["nzo1", "nzo2"] does not contain all of [nzo1, x]`},
		{"containsNone", "network.include: {containsNone: [x]}", same, isTrue,
			`network.include ["nzo1", "nzo2"] contains none of [x]`},
		{"containsNone of one that is", "network.include: {containsNone: [nzo1]}", same, isFalse,
			`network.include ["nzo1", "nzo2"] contains one of [nzo1]`},
		{"empty", "network.exclude: {empty: true}", same, isTrue, "network.exclude is empty"},
		{"not empty, of an empty one", "network.exclude: {empty: false}", same, isFalse, "network.exclude is empty"},
		{"not empty", "network.include: {empty: false}", same, isTrue, `network.include ["nzo1", "nzo2"] is not empty`},
		{"a missing list is not empty", "network.include: {empty: true}", func(t *okta.Token) {
			t.Network = okta.Some(okta.Network{})
		}, isUnknown, "network.include unknown: it is missing"},

		{"used", "neverUsed: false", same, isTrue, "neverUsed is false"},
		{"never used", "neverUsed: true", func(t *okta.Token) { t.Created = t.LastUsed() }, isTrue,
			"neverUsed is true"},
		{"used, asked for never", "neverUsed: {is: true}", same, isFalse, "neverUsed is false"},
		{"never used in the future", "neverUsed: true", func(t *okta.Token) {
			t.ExpiresAt, t.Created = ago(-40*day),
				ago(-10*day)
		}, isUnknown, "neverUsed unknown: lastUsed 2026-12-03T12:00:00Z lies in the future"},
		{"never used without creation", "neverUsed: true", func(t *okta.Token) { t.Created = okta.Opt[time.Time]{} },
			isUnknown, "neverUsed unknown: created is missing"},

		{"present", "name: {present: true}", same, isTrue, "name is present"},
		{"not present", "name: {present: false}", func(t *okta.Token) { t.Name = okta.Opt[string]{} }, isTrue,
			"name is missing"},
		{"present, of a missing one", "name: {present: true}", func(t *okta.Token) { t.Name = okta.Opt[string]{} },
			isFalse, "name is missing"},
		{"present, of a malformed one", "created: {present: true}", func(t *okta.Token) {
			t.Created = okta.Unreadable[time.Time]()
		}, isUnknown, "created unknown: it is malformed"},
		{"present, of a derived one", "lastUsed: {present: false}", func(t *okta.Token) {
			t.ExpiresAt = okta.Opt[time.Time]{}
		}, isTrue, "lastUsed is missing"},
		{"a missing end", "lastUsed: {olderThan: 1d}", func(t *okta.Token) { t.ExpiresAt = okta.Opt[time.Time]{} },
			isUnknown, "lastUsed unknown: expiresAt is missing"},
		{"a missing window is thirty days", "lastUsed: {olderThan: 9d}", func(t *okta.Token) {
			t.TokenWindow = okta.Opt[time.Duration]{}
		}, isTrue, "lastUsed 2026-11-13T12:00:00Z is 10d old (> 9d)"},
		{"a malformed window", "lastUsed: {olderThan: 1d}", func(t *okta.Token) {
			t.TokenWindow = okta.Unreadable[time.Duration]()
		}, isUnknown, "lastUsed unknown: tokenWindow is malformed"},
		{"a malformed network", "network.connection: ANYWHERE", func(t *okta.Token) {
			t.Network = okta.Unreadable[okta.Network]()
		}, isUnknown, "network.connection unknown: it is malformed"},
		{"a missing text is not another text", "name: {isNot: x}", func(t *okta.Token) { t.Name = okta.Opt[string]{} },
			isUnknown, "name unknown: it is missing"},

		{"a name that breaks lines", "name: {isNot: x}", named("a\x1b[31m\n\u202eb"), isTrue,
			`name "a\x1b[31m\n\u202eb" is not x`},
		{"a name that looks like a sentence", "name: {isNot: x}", named(`" {arg} {value}`), isTrue,
			`name "\" {arg} {value}" is not x`},
		{"a name that is too long", "name: {isNot: x}", named(strings.Repeat("ä", 81)), isTrue, `name "` +
			strings.Repeat("ä", 80) + `"… is not x`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token := whole()
			test.token(token)
			got, says := judge(t, "{"+test.when+"}", token)
			require.Equal(t, test.want, got)
			negated, saysNot := judge(t, "{not: {"+test.when+"}}", token)
			require.Equal(t, -test.want, negated)
			if test.want == isFalse {
				says = saysNot
			}
			require.Equal(t, []string{test.says}, says)
		})
	}
}

// The conditions of the three truth values, of the token of whole with no name.
var threeValues = map[truth]string{
	isTrue:    "{id: 00Tabcdefg1234567890}",
	isUnknown: "{name: x}",
	isFalse:   "{id: x}",
}

func TestConditionsFollowKleene(t *testing.T) {
	token := whole()
	token.Name = okta.Opt[string]{}
	values := []truth{isFalse, isUnknown, isTrue}
	and := [3][3]truth{{-1, -1, -1}, {-1, 0, 0}, {-1, 0, 1}}
	or := [3][3]truth{{-1, 0, 1}, {0, 0, 1}, {1, 1, 1}}
	for i, a := range values {
		got, _ := judge(t, "{not: "+threeValues[a]+"}", token)
		require.Equal(t, [3]truth{1, 0, -1}[i], got, "not %d", a)
		for j, b := range values {
			got, _ := judge(t, fmt.Sprintf("{all: [%s, %s]}", threeValues[a], threeValues[b]), token)
			require.Equal(t, and[i][j], got, "%d and %d", a, b)
			got, _ = judge(t, fmt.Sprintf("{any: [%s, %s]}", threeValues[a], threeValues[b]), token)
			require.Equal(t, or[i][j], got, "%d or %d", a, b)
		}
	}
}

func TestSentencesNameThePartsThatDecide(t *testing.T) {
	token := whole()
	token.UserID = okta.Opt[string]{}
	tests := []struct {
		name, when string
		want       truth
		says       []string
	}{
		{"all that is true, each part", "{name: ci deploy, network.connection: ZONE}", isTrue,
			[]string{"name is ci deploy", "network.connection is ZONE"}},
		{"any that is true, the true parts", "{any: [{name: x}, {network.connection: ZONE}, {userId: x}]}", isTrue,
			[]string{"network.connection is ZONE"}},
		{"not of all, the false parts", "{not: {name: x, network.connection: ZONE}}", isTrue,
			[]string{`name "ci deploy" is not x`}},
		{"not of any, each part", "{not: {any: [{name: x}, {name: y}]}}", isTrue, []string{`name "ci deploy" is not x`,
			`name "ci deploy" is not y`}},
		{"all that is unknown, the unknown parts", "{name: ci deploy, userId: {is: x, isNot: y}}", isUnknown,
			[]string{"userId unknown: it is missing"}},
		{"not of not", "{not: {not: {name: ci deploy}}}", isTrue, []string{"name is ci deploy"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, says := judge(t, test.when, token)
			require.Equal(t, test.want, got)
			require.Equal(t, test.says, says)
		})
	}
}

func TestExemptions(t *testing.T) {
	const three = `exemptions:
  - {match: {name: "ci deploy"}, reason: old, owner: me, until: 2026-11-22}
  - {match: {userId: 00u1}, reason: "dr\u202e drill", owner: sre@acme.example, until: 2026-11-23}
  - {match: {name: {like: "ci*"}}, reason: later, owner: me, until: 2027-01-31}`
	p := policyWith(t, "{neverUsed: false}", three)

	v := p.Evaluate(whole(), noon)
	require.Equal(t, p.Exemptions, v.Exemptions)
	require.Equal(t, p.Exemptions[1], v.Exemption)
	require.Equal(t, `exemption at policy.yaml:4 ("dr\u202e drill", sre@acme.example, until 2026-11-23)`,
		v.Exemption.String())
	require.Empty(t, v.Doubts)

	midnight := at("2026-11-24T00:00:00Z")
	require.False(t, v.Exemption.Ended(midnight.Add(-1)))
	require.True(t, v.Exemption.Ended(midnight))
	require.Equal(t, p.Exemptions[2], p.Evaluate(whole(), midnight).Exemption)

	nameless := whole()
	nameless.Name = okta.Opt[string]{}
	v = p.Evaluate(nameless, midnight)
	require.Nil(t, v.Exemption)
	require.Equal(t, p.Exemptions[1:2], v.Exemptions)
	require.Equal(t,
		[]string{
			`exemption at policy.yaml:5 ("later", me, until 2027-01-31) can't be judged: name unknown: it is missing`},
		v.Doubts)
}

func TestProtections(t *testing.T) {
	tests := []struct {
		name    string
		protect string
		token   func(*okta.Token)
		want    []string
	}{
		{"an old token of people has none", "", func(*okta.Token) {}, nil},
		{"an agent", "", func(t *okta.Token) { t.ClientName = okta.Some("Okta AD Agent") },
			[]string{`client "Okta AD Agent" is not in protect.actOnClients`}},
		{"a client that a glob names", "protect: {actOnClients: [Okta API, Terraform*]}", func(t *okta.Token) {
			t.ClientName = okta.Some("Terraform Provider")
		}, nil},
		{"an empty list protects all", "protect: {actOnClients: []}", func(*okta.Token) {},
			[]string{`client "Okta API" is not in protect.actOnClients`}},
		{"no client", "", func(t *okta.Token) { t.ClientName = okta.Opt[string]{} },
			[]string{"clientName is missing, so the client can't be found in protect.actOnClients"}},
		{"young", "", func(t *okta.Token) { t.Created = ago(3*time.Hour + time.Minute) },
			[]string{"created 3h ago (protect.newerThan 24h)"}},
		{"young by a second", "", func(t *okta.Token) { t.Created = ago(day - time.Second) },
			[]string{"created 23h ago (protect.newerThan 24h)"}},
		{"exactly old enough", "", func(t *okta.Token) { t.Created = ago(day) }, nil},
		{"no creation", "", func(t *okta.Token) { t.Created = okta.Opt[time.Time]{} },
			[]string{"created is missing, so its age can't be compared with protect.newerThan"}},
		{"a malformed creation", "", func(t *okta.Token) { t.Created = okta.Unreadable[time.Time]() },
			[]string{"created is malformed, so its age can't be compared with protect.newerThan"}},
		{"made in the future", "protect: {newerThan: 0s}", func(t *okta.Token) { t.Created = ago(-1) },
			[]string{"created 2026-11-23T12:00:00Z lies in the future, so its age can't be compared with " +
				"protect.newerThan"}},
		{"made just now, with no protection", "protect: {newerThan: 0s}", func(t *okta.Token) { t.Created = ago(0) },
			nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token := whole()
			test.token(token)
			require.Equal(t, test.want, policyWith(t, "{id: {like: \"*\"}}", test.protect).Evaluate(token,
				noon).Protections)
		})
	}
}
