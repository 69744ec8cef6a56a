package rules

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/okta"
)

// liveToken is a token as Okta lists them: used no earlier than created and at most 30 days ago, not updated before
// that.
var liveToken = rapid.Custom(func(t *rapid.T) *okta.Token {
	token := someToken.Draw(t, "token")
	idle := time.Duration(rapid.Int64Range(0, int64(window/time.Second)-1).Draw(t, "idle")) * time.Second
	since := func(d time.Duration, label string) time.Duration {
		return d + time.Duration(rapid.Int64Range(0, 400*24*3600).Draw(t, label))*time.Second
	}
	token.ExpiresAt, token.TokenWindow = ago(idle-window), okta.Some(window)
	if rapid.Bool().Draw(t, "unused") {
		token.Created = ago(idle)
	} else {
		token.Created = ago(since(idle, "age"))
	}
	token.LastUpdated = ago(time.Duration(rapid.Int64Range(0, int64(idle/time.Second)).Draw(t, "edited")) * time.Second)
	return token
})

func TestWhatLintCallsImpossibleIsTrueOfNoToken(t *testing.T) {
	impossible := 0
	law := func(t *rapid.T) {
		p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: "+someCondition(2).Draw(t, "when")+
			", then: flag}]"))
		require.NoError(t, err)
		when := &p.Rules[0].when
		holds := rapid.Bool().Draw(t, "holds")
		can, why := (&prover{noon, maxAllSteps}).possible(nil, goal{when, holds})
		if can {
			return
		}
		impossible++
		require.NotEmpty(t, why.why)
		require.NotZero(t, why.at)
		for range 5 {
			got := when.eval(liveToken.Draw(t, "token"), noon)
			require.NotEqual(t, truthOf(holds), got)
		}
	}
	for round := 0; round < 10 && impossible == 0; round++ { // few are drawn, fewer with -short
		rapid.Check(t, law)
	}
	require.Positive(t, impossible, "else this shows nothing")
}

func TestLintKnowsTheInventory(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(`version: 1
limits: {perRun: 3, perDay: 50, stopAbove: {count: 100, percent: 20}}
exemptions:
  - {match: {name: dr-1}, reason: drill, owner: sre, until: 2026-11-22}
  - {match: {name: dr-2}, reason: drill, owner: sre, until: 2027-11-22}
  - {match: {owner.login: dr}, reason: drill, owner: sre, until: 2027-11-22}
  - {match: {name: dr-3}, reason: drill, owner: sre, until: 2027-11-22}
rules: [{id: a, when: {name: {like: "*-1"}}, then: flag}]`))
	require.NoError(t, err)
	require.Equal(t, []string{`4:5: the exemption ("drill", sre, until 2026-11-22) has ended: remove it, or renew it`},
		found(p.Lint(noon, nil)))
	require.Equal(t, []string{
		"2:29: perDay is 50, and the org has 40 tokens: it limits nothing, write what a bad day may cost",
		"2:52: count is 100, and the org has 40 tokens: it limits nothing, write what a bad day may cost",
		`4:5: the exemption ("drill", sre, until 2026-11-22) has ended, and tokens that it matches are exempt no ` +
			`more (2): remove it, or renew it`,
		`5:5: the exemption ("drill", sre, until 2027-11-22) matches no token: remove it`,
	}, found(p.Lint(noon, &Survey{Tokens: 40, Exemptions: map[*Exemption]Reach{p.Exemptions[0]: {Matched: 2},
		p.Exemptions[3]: {Matched: 1, Unknown: 7}}})))
}

// An exemption that can't be judged holds tokens back: to remove it would let them go.
func TestAnExemptionThatCantBeJudgedIsNotCalledUseless(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(`version: 1
exemptions:
  - {match: {name: dr-1}, reason: drill, owner: sre, until: 2027-11-22}
  - {match: {owner.login: dr}, reason: drill, owner: sre, until: 2027-11-22}
rules: [{id: a, when: {lastUsed: {olderThan: 14d}}, then: flag}]`))
	require.NoError(t, err)
	said := found(p.Lint(noon, &Survey{Tokens: 40, Exemptions: map[*Exemption]Reach{p.Exemptions[0]: {Unknown: 3},
		p.Exemptions[1]: {Unknown: 1}}}))
	require.Len(t, said, 2)
	for i, n := range []string{"3:5: the exemption", "4:5: the exemption"} {
		require.Contains(t, said[i], n)
		require.Contains(t, said[i], "could not be judged for any of the tokens that it may cover (")
		require.Contains(t, said[i], "keep it")
	}
}

func TestThePoliciesThatWeShipRaiseNoDoubt(t *testing.T) {
	for _, file := range []string{"../policy.example.yaml", "../deploy/base/policy.yaml",
		"../deploy/examples/second-org/policy.yaml"} {
		p, err := Load(file)
		require.NoError(t, err)
		require.Empty(t, p.Lint(noon, nil))
		// Nobody wants to hear of an end on a weekend: https://github.com/spinnaker/swabbie/pull/144.
		for _, at := range p.Schedule.Upcoming(noon, 50) {
			require.Contains(t, []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday}, at.Weekday())
		}
	}
}

// Thirty choices of three alternatives are more than can be tried before the tests' own time is over: without the limit
// on its steps the search would not come back.
func TestLintGivesUpRatherThanSearchForEver(t *testing.T) {
	when := ""
	for range 30 {
		when += "{any: [{name: {like: a*}}, {name: {like: b*}}, {name: {like: c*}}]}, "
	}
	p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {all: ["+when+
		"{id: {present: false}}]}, then: flag}]"))
	require.NoError(t, err)
	require.Empty(t, p.Lint(noon, nil))
}
