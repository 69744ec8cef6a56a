package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

var lawNow = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// someTokens are tokens of a live org, of which any field may be missing.
var someTokens = rapid.Custom(func(t *rapid.T) (list []okta.Token) {
	for i := range rapid.IntRange(1, 12).Draw(t, "tokens") {
		idle := time.Duration(rapid.IntRange(0, 29*24).Draw(t, "idle")) * time.Hour
		k := okta.Token{
			ID: fmt.Sprintf("00T%017d", i), Name: okta.Some(rapid.SampledFrom([]string{"ci", "dr-1", "dr-2", "wiki"}).
				Draw(t, "name")),
			ClientName: okta.Some(rapid.SampledFrom([]string{"Okta API", "Okta API", "Okta AD Agent"}).Draw(t,
				"client")),
			Created:   okta.Some(lawNow.Add(-idle - time.Duration(rapid.IntRange(0, 3000).Draw(t, "age"))*time.Hour)),
			ExpiresAt: okta.Some(lawNow.Add(okta.DefaultTokenWindow - idle)), LastUpdated: okta.Some(lawNow.Add(-idle)),
			Network: okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
		}
		switch rapid.IntRange(0, 9).Draw(t, "missing") {
		case 0:
			k.Name = okta.Opt[string]{}
		case 1:
			k.ExpiresAt = okta.Opt[time.Time]{}
		case 2:
			k.Network = okta.Opt[okta.Network]{}
		}
		list = append(list, k)
	}
	return list
})

var someRules = rapid.Custom(func(t *rapid.T) (list []string) {
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		when := rapid.SampledFrom([]string{"lastUsed: {olderThan: 7d}", "lastUsed: {olderThan: 21d}",
			"name: {like: dr-*}", "created: {olderThan: 60d}", "not: {name: ci}"}).Draw(t, "when")
		then := rapid.SampledFrom([]string{"flag", "{quarantine: 0d}", "{quarantine: 2d, revoke: 4d}", "{revoke: 0d}",
			"{quarantine: 0d, revoke: 1d}"}).Draw(t, "then")
		severity := rapid.SampledFrom([]string{"low", "high"}).Draw(t, "severity")
		list = append(list, fmt.Sprintf("{id: r%d, severity: %s, when: {%s}, then: %s}", i, severity, when, then))
	}
	return list
})

// planned is what a dry run decides about tokens, without an org.
func planned(t *rapid.T, tokens []okta.Token, list []string, more string, limits bool) *Report {
	p, err := rules.Parse("policy.yaml", []byte("version: 1\nquarantine: {zone: nzo1a2b3c4d5e6f7g8h9}\nlimits: "+
		"{perRun: 3, perDay: 5, stopAbove: {count: 6, percent: 80}}\n"+more+"\nrules: ["+strings.Join(list, ", ")+"]"))
	require.NoError(t, err)
	d := decider{policy: p, past: &ledger.State{}}
	r := &Report{Tokens: len(tokens)}
	for _, k := range tokens {
		if f, _, ok := d.decide(&k, d.standing(&k), "", lawNow); ok {
			r.Findings = append(r.Findings, f)
		}
	}
	sortFindings(r.Findings)
	if limits {
		r.stopAbove(p.Limits)
		r.limit(p.Limits, 1)
	}
	return r
}

// decisions are what was decided about each token, in the order of the report.
func decisions(r *Report) (list []string) {
	for _, f := range r.Findings {
		ids := f.ruleIDs()
		slices.Sort(ids)
		list = append(list, fmt.Sprint(f.Token.ID, f.Severity, f.Step, f.Outcome, f.Due, ids, len(f.Unknown)))
	}
	return list
}

func TestTheOrderOfTokensAndOfRulesChangesNoDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, list := someTokens.Draw(t, "org"), someRules.Draw(t, "policy")
		first := planned(t, tokens, list, "", true)
		shuffled := planned(t, rapid.Permutation(tokens).Draw(t, "order of tokens"), list, "", true)
		require.Equal(t, decisions(first), decisions(shuffled))
		require.Equal(t, digest(first), digest(shuffled))
		require.Equal(t, decisions(first),
			decisions(planned(t, tokens, rapid.Permutation(list).Draw(t, "order of rules"), "", true)))
	})
}

// Limits are left out: who is exempt leaves its place to the next.
func TestAnExemptionNeverAddsAnAction(t *testing.T) {
	removed := 0
	law := func(t *rapid.T) {
		tokens, list := someTokens.Draw(t, "org"), someRules.Draw(t, "policy")
		match := rapid.SampledFrom([]string{"name: {like: dr-*}", "name: ci", "created: {olderThan: 90d}",
			"lastUsed: {newerThan: 20d}"}).Draw(t, "match")
		until := rapid.SampledFrom([]string{"2026-11-23", "2026-11-24", "2027-01-31"}).Draw(t, "until")
		without := planned(t, tokens, list, "", false)
		with := planned(t, tokens, list, "exemptions: [{match: {"+match+"}, reason: r, owner: o, until: "+until+"}]",
			false)
		due := make(map[string]rules.Step)
		for _, f := range without.due() {
			due[f.Token.ID] = f.Step
		}
		for _, f := range with.due() {
			require.LessOrEqual(t, f.Step, due[f.Token.ID], "%s", f.Token.ID)
		}
		removed += len(without.due()) - len(with.due())
	}
	for round := 0; round < 10 && removed == 0; round++ { // few are drawn, fewer with -short
		rapid.Check(t, law)
	}
	require.Positive(t, removed, "else this shows nothing")
}
