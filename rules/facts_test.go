package rules

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/okta"
)

func TestFactsChangeWithTheFieldsThatARuleReadsAndNoOthers(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(`version: 1
rules:
  - {id: idle, when: {lastUsed: {olderThan: 21d}, not: {name: {like: "dr-*"}}}, then: flag}
  - {id: net, when: {any: [{network.include: {contains: nzo1}}, {neverUsed: true}]}, then: flag}`))
	require.NoError(t, err)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	base := okta.Token{
		ID: "00T1", Name: okta.Some("a"), ClientName: okta.Some("Okta API"), Created: okta.Some(at),
		LastUpdated: okta.Some(at), ExpiresAt: okta.Some(at.Add(40 * 24 * time.Hour)),
		Network: okta.Some(okta.Network{Include: okta.Some([]string{"nzo1", "nzo2"})}),
	}
	zones := func(ids ...string) func(*okta.Token) {
		return func(k *okta.Token) { k.Network = okta.Some(okta.Network{Include: okta.Some(ids)}) }
	}
	for name, row := range map[string]struct {
		change    func(*okta.Token)
		idle, net bool
	}{
		"nothing":                      {func(*okta.Token) {}, false, false},
		"the client, which none reads": {func(k *okta.Token) { k.ClientName = okta.Some("x") }, false, false},
		"an edit": {func(k *okta.Token) { k.LastUpdated = okta.Some(at.Add(time.Hour)) }, false,
			false},
		"a use": {func(k *okta.Token) { k.ExpiresAt = okta.Some(at.Add(41 * 24 * time.Hour)) }, true,
			false},
		"the name":           {func(k *okta.Token) { k.Name = okta.Some("b") }, true, false},
		"the name missing":   {func(k *okta.Token) { k.Name = okta.Opt[string]{} }, true, false},
		"the name empty":     {func(k *okta.Token) { k.Name = okta.Some("") }, true, false},
		"the order of zones": {zones("nzo2", "nzo1"), false, false},
		"a zone twice":       {zones("nzo1", "nzo2", "nzo1"), false, false},
		"a zone more":        {zones("nzo1", "nzo2", "nzo3"), false, true},
		"a zone less":        {zones("nzo1"), false, true},
		"no zone":            {zones(), false, true},
		"two zones in one":   {zones(`nzo1" "nzo2`), false, true},
		"the first use": {func(k *okta.Token) {
			k.Created, k.ExpiresAt = okta.Some(at.Add(time.Hour)), okta.Some(at.Add(30*24*time.Hour+time.Hour))
		}, true, true},
	} {
		changed := base
		row.change(&changed)
		require.Equal(t, row.idle, p.Rules[0].Facts(&base) != p.Rules[0].Facts(&changed), name)
		require.Equal(t, row.net, p.Rules[1].Facts(&base) != p.Rules[1].Facts(&changed), name)
	}
	require.NotEqual(t, p.Rules[0].Facts(&base), p.Rules[1].Facts(&base))
}

func TestFactsAreOfTheSetOfRolesAndLeaveTheTokenAsItIs(t *testing.T) {
	p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {owner.roles: {containsAny: "+
		"[SUPER_ADMIN]}}, then: flag}]"))
	require.NoError(t, err)
	of := func(roles ...string) *okta.Token {
		return &okta.Token{ID: "00T1", Owner: &okta.Owner{Roles: okta.Some(roles)}}
	}
	rapid.Check(t, func(t *rapid.T) {
		roles := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"SUPER_ADMIN", "ORG_ADMIN", "APP_ADMIN", ""}),
			rapid.ID[string]).Draw(t, "roles")
		again := rapid.Permutation(slices.Concat(roles, roles[:len(roles)/2])).Draw(t, "again")
		as := slices.Clone(again)
		require.Equal(t, p.Rules[0].Facts(of(roles...)), p.Rules[0].Facts(of(again...)))
		require.Equal(t, as, again)
		require.NotEqual(t, p.Rules[0].Facts(of(roles...)), p.Rules[0].Facts(of(append(again, "REPORT_ADMIN")...)))
	})
}

// Which characters print is a matter of Unicode's tables, of which each Go has its own: a fact that depends on them
// would make notices void with a new release.
func TestFactsAreTextThatEveryGoWritesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := someToken.Draw(t, "token")
		token.Owner = &okta.Owner{Login: opt(someText).Draw(t, "login"),
			Roles: opt(rapid.SliceOfN(someText, 0, 3)).Draw(t, "roles")}
		for i := range fields {
			require.Regexp(t, `^[ -~]*\n$`, fields[i].fact(token))
		}
	})
}
