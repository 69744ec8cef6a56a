package rules

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta"
)

func TestMistakesInPolicyTests(t *testing.T) {
	file := func(body string) string { return "asOf: 2026-11-23\ncases:\n  - name: a\n" + body }
	const fine = "    token: {name: x}\n    expect: {step: flag}\n"
	for name, row := range map[string]struct{ file, want string }{
		"an empty file": {"", "1:1: the file is empty: write cases: with at least one case"},
		"no cases": {"policy: policy.yaml\n",
			"1:1: the file has no cases: add cases: with at least one case"},
		"cases that are empty": {"cases: []\n", "1:1: cases is empty: write at least one case"},
		"a key that resembles another": {file(fine) + "asof: 2026-11-23\n",
			`6:1: unknown key "asof", did you mean "asOf"?`},
		"no time": {"cases:\n  - name: a\n" + fine,
			`2:1: the case "a" has no time: add asOf: 2026-11-23T09:00:00Z to it, or to the file`},
		"a time without its zone": {"asOf: 2026-11-23T09:00:00\ncases:\n  - name: a\n" + fine,
			`1:7: bad time "2026-11-23T09:00:00": write a date that exists, such as 2027-01-31, or a time with its ` +
				`zone, such as 2027-01-31T18:00:00Z`},
		"a case without a token": {file("    expect: {step: flag}\n"),
			"3:5: the case has no token: add token: {clientName: Okta API, created: 2025-01-01, lastUsed: 2026-11-01}"},
		"a case that expects nothing": {file("    token: {name: x}\n"),
			"3:5: the case has no expect: add expect: {step: flag}"},
		"expectations that are empty": {file("    token: {name: x}\n    expect: {}\n"),
			"5:13: expect is empty: write one of rules, unknown, step, outcome, severity, due, or leave it out"},
		"a step that is none": {file("    token: {name: x}\n    expect: {step: revok}\n"),
			`5:20: unknown step "revok", did you mean "revoke"?`},
		"an outcome of an enforcing run": {file("    token: {name: x}\n    expect: {outcome: revoked}\n"),
			`5:23: unknown outcome "revoked": write one of none, flagged, pending, would-quarantine, would-revoke, ` +
				`quarantined, protected, exempt, unknown`},
		"two ways to say the last use": {
			file("    token: {lastUsed: 2026-11-01, expiresAt: 2026-12-01}\n    expect: {step: flag}\n"),
			"4:23: lastUsed is derived from expiresAt: write one of the two"},
		"a name that is a number": {file("    token: {name: 7}\n    expect: {step: flag}\n"),
			`4:19: "7" is a number here, and text is wanted: write it in quotes, "7"`},
		"a field that tokens do not have": {file("    token: {owner: x}\n    expect: {step: flag}\n"),
			`4:13: unknown key "owner": write one of id, name, clientName, userId, created, lastUpdated, expiresAt, ` +
				`lastUsed, tokenWindow, network`},
		"an id that is null": {file("    token: {id: null}\n    expect: {step: flag}\n"),
			`4:13: "id" has no value: write it after the colon`},
		"a null that tokens do not have": {file("    token: {owner: null}\n    expect: {step: flag}\n"),
			`4:13: unknown key "owner": write one of id, name, clientName, userId, created, lastUpdated, expiresAt, ` +
				`lastUsed, tokenWindow, network`},
		"a token that is text": {file("    token: x\n    expect: {step: flag}\n"),
			"4:12: token must be a map with the keys id, name, clientName, userId, created, lastUpdated, expiresAt, " +
				"lastUsed, tokenWindow, network, and not text"},
		"a window in months": {file("    token: {tokenWindow: P1M}\n    expect: {step: flag}\n"),
			`4:26: bad duration "P1M": months and years have no fixed length, write days, such as P30D`},
		"notices that are a list": {file(fine + "    notified: [idle]\n"),
			"6:15: notified must be a map from rule to time, and not a list: write {idle: 2026-11-19T09:00:00Z}"},
		"roles that are text": {file(fine + "    owner: {roles: SUPER_ADMIN}\n"),
			"6:20: roles must be a list, and not text: write [a, b]"},
		"an anchor": {file("    token: &x {name: x}\n    expect: {step: flag}\n"),
			"4:12: anchors (&x) are not read: write each value where it is used"},
		"a rule that the policy hasn't": {file(fine + "    notified: {idel: 2026-11-19}\n"),
			`6:16: the policy has no rule "idel", did you mean "idle"?`},
		"an expected rule that it hasn't": {file("    token: {name: x}\n    expect: {rules: [idle, stale]}\n"),
			`5:28: the policy has no rule "stale": write one of idle`},
		"a quarantine that the policy lacks": {file(fine + "    quarantined: 2026-11-19\n"),
			`3:1: the case "a" has a token in quarantine, and the policy has none: remove quarantined`},
	} {
		t.Run(name, func(t *testing.T) {
			tests, err := ParseTests("tests.yaml", []byte(row.file))
			var mistakes Mistakes
			if tests != nil {
				p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: idle, when: {name: x}, then: flag}]"))
				require.NoError(t, err)
				mistakes = tests.Check(p)
			} else {
				require.ErrorAs(t, err, &mistakes)
			}
			require.Equal(t, []string{row.want}, found(mistakes))
		})
	}
}

func TestACaseHasTheTokenThatItSays(t *testing.T) {
	tests, err := ParseTests("tests.yaml", []byte(`policy: p.yaml
asOf: 2026-11-23
cases:
  - name: whole
    asOf: 2026-11-24T08:00:00+01:00
    token:
      id: 00Tabcdefg1234567890
      name: ci
      clientName: Okta API
      userId: 00u1
      created: 2026-01-01
      lastUpdated: 2026-11-03T00:00:00.5Z
      tokenWindow: P7D
      lastUsed: 2026-11-02
      network: {connection: ZONE, include: [nzo1], exclude: []}
    owner: {login: a, email: b, status: ACTIVE, lastLogin: 2026-11-01, roles: [X]}
    notified: {idle: 2026-11-19}
    quarantined: 2026-11-20
    expect: {rules: [a, b], unknown: [], step: none, outcome: exempt, severity: high, due: 2026-12-01}
  - name: bare
    token: {expiresAt: 2026-12-01}
    owner: {}
    expect: {step: flag}
  - name: nulls
    token: {name: null, network: ~, created: null, userId: }
    expect: {step: flag}
`))
	require.NoError(t, err)
	require.Equal(t, "p.yaml", tests.Policy)
	c := tests.Cases[0]
	require.Equal(t, at("2026-11-24T07:00:00Z"), c.AsOf)
	require.Equal(t, okta.Token{
		ID: "00Tabcdefg1234567890", Name: okta.Some("ci"), ClientName: okta.Some("Okta API"), UserID: okta.Some("00u1"),
		Created: okta.Some(at("2026-01-01T00:00:00Z")), LastUpdated: okta.Some(at("2026-11-03T00:00:00.5Z")),
		ExpiresAt:   okta.Some(at("2026-11-09T00:00:00Z")),
		TokenWindow: okta.Some(7 * day), Network: okta.Some(okta.Network{Connection: okta.Some("ZONE"),
			Include: okta.Some([]string{"nzo1"}), Exclude: okta.Some([]string{})}),
		Owner: &okta.Owner{Login: okta.Some("a"), Email: okta.Some("b"), Status: okta.Some("ACTIVE"),
			LastLogin: okta.Some(at("2026-11-01T00:00:00Z")), Roles: okta.Some([]string{"X"})},
	}, c.Token)
	require.Equal(t, map[string]time.Time{"idle": at("2026-11-19T00:00:00Z")}, c.Notified)
	require.Equal(t, at("2026-11-20T00:00:00Z"), c.Quarantined)
	require.Equal(t, Expect{
		Rules: okta.Some([]string{"a", "b"}), Unknown: okta.Some([]string{}), Step: okta.Some(Step(0)),
		Outcome:  okta.Some("exempt"),
		Severity: okta.Some(High), Due: okta.Some(at("2026-12-01T00:00:00Z")),
	}, c.Expect)
	bare := tests.Cases[1]
	require.Equal(t, at("2026-11-23T00:00:00Z"), bare.AsOf)
	require.Equal(t, okta.Token{
		ID: exampleID, Name: okta.Some("example"), ExpiresAt: okta.Some(at("2026-12-01T00:00:00Z")),
		Owner: &okta.Owner{}, Network: okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
	}, bare.Token)
	require.Equal(t, Expect{Step: okta.Some(Flag)}, bare.Expect)
	require.Equal(t, okta.Token{ID: exampleID}, tests.Cases[2].Token)
}

func FuzzParseTests(f *testing.F) {
	f.Add([]byte("asOf: 2026-11-23\ncases: [{name: a, token: {name: x, network: {include: [a]}}, owner: {roles: " +
		"[b]}, notified: {a: 2026-11-01}, expect: {rules: [a]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tests, err := ParseTests("tests.yaml", data)
		require.NotEqual(t, tests == nil, err == nil)
		if err == nil {
			require.NotEmpty(t, tests.Cases)
			return
		}
		for _, m := range err.(Mistakes) { //nolint:errorlint // ParseTests promises the very type
			require.Positive(t, m.Line)
			require.Equal(t, okta.Printable(m.Message), m.Message)
		}
	})
}

// A field that policy tests can't give can't be tested in a policy. What is worked out from others needs no key.
func TestPolicyTestsCanGiveEveryField(t *testing.T) {
	given := make(map[string]bool)
	for i := range exampleKeys {
		given[exampleKeys[i].name] = true
	}
	for i := range networkKeys {
		given["network."+networkKeys[i].name] = true
	}
	for _, k := range ownerKeys() {
		given["owner."+k.name] = true
	}
	for i := range fields {
		if f := &fields[i]; len(f.compares) == 0 {
			require.True(t, given[f.name], "%s has no key in policy tests", f.name)
		}
	}
}
