package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// These laws are about the third truth value: whatever counts or advises must not take what could not be judged for
// what is false.

// hazyOrg is an org in which any field of a token may be missing.
var hazyOrg = rapid.Custom(func(t *rapid.T) (list []oktatest.Token) {
	for i := range rapid.IntRange(1, 6).Draw(t, "tokens") {
		k := oktatest.Token{
			ID: oktatest.TokenID(i + 1), Name: rapid.SampledFrom([]string{"ci", "dr-1", "wiki"}).Draw(t, "name"),
			UserID:  oktatest.UserID(1 + i%2),
			Created: ago(300), LastUsed: ago(float64(rapid.IntRange(1, 28).Draw(t, "idle"))),
		}
		if field := rapid.SampledFrom([]string{"", "", "name", "clientName", "expiresAt", "network", "userId"}).Draw(t,
			"missing"); field != "" {
			k.Omit = []string{field}
		}
		list = append(list, k)
	}
	return list
})

// hazyPolicy are the exemptions and rules of a policy about such an org.
var hazyPolicy = rapid.Custom(func(t *rapid.T) (p [2][]string) {
	for range rapid.IntRange(0, 3).Draw(t, "exemptions") {
		match := rapid.SampledFrom([]string{
			"name: dr-1", "name: {like: dr-*}", "clientName: Other", "not: {clientName: Okta API}",
			"network.connection: ZONE", "owner.login: nobody", "owner.status: ACTIVE",
		}).Draw(t, "match")
		until := rapid.SampledFrom([]string{"2026-11-23", "2027-01-31"}).Draw(t, "until")
		p[0] = append(p[0], fmt.Sprintf("{match: {%s}, reason: drill, owner: sre, until: %s}", match, until))
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		when := rapid.SampledFrom([]string{"lastUsed: {olderThan: 14d}", "name: {like: dr-*}",
			"created: {olderThan: 60d}"}).Draw(t, "when")
		then := rapid.SampledFrom([]string{"flag", "{quarantine: 1d, revoke: 2d}", "{revoke: 0d}"}).Draw(t, "then")
		p[1] = append(p[1], fmt.Sprintf("{id: r%d, when: {%s}, then: %s}", i, when, then))
	}
	return p
})

func hazyText(p [2][]string) string {
	return zone + "exemptions: [" + strings.Join(p[0], ", ") + "]\nrules: [" + strings.Join(p[1], ", ") + "]"
}

// hazy asks a policy of an org: what a run reports, and what a survey counts.
func hazy(t *rapid.T, tokens []oktatest.Token, text string) (*audit.Report, *rules.Survey, *rules.Policy) {
	org := oktatest.New(oktatest.Config{
		Credential: canary, Me: oktatest.UserID(9), Tokens: tokens, Now: func() time.Time { return now },
		Users: []oktatest.User{{ID: oktatest.UserID(1), Login: "a@acme.example"}},
	})
	defer org.Close()
	client, err := okta.New(okta.Options{OrgURL: orgURL, Token: okta.NewSecret(canary), RateShare: 1,
		Transport: org.Transport()})
	require.NoError(t, err)
	p, err := rules.Parse("policy.yaml", []byte("version: 1\n"+text))
	require.NoError(t, err)
	o := audit.Options{Org: client.Reader, Policy: p, Now: func() time.Time { return now }}
	r := audit.Run(t.Context(), o)
	require.NoError(t, r.Err)
	c, err := audit.Survey(t.Context(), o)
	require.NoError(t, err)
	return r, c, p
}

func TestLawsOfWhatCouldNotBeJudged(t *testing.T) {
	useless, hidden, unknown := 0, 0, 0
	law := func(t *rapid.T) {
		tokens, parts := hazyOrg.Draw(t, "org"), hazyPolicy.Draw(t, "policy")
		r, survey, p := hazy(t, tokens, hazyText(parts))

		want := make(map[*rules.Rule]rules.Reach)
		for i := range r.Findings {
			f := &r.Findings[i]
			count := func(m rules.Match, judged bool) {
				tally := want[m.Rule]
				switch {
				case f.Outcome == audit.Exempt:
					tally.Exempt++
				case !judged || f.Outcome == audit.Unknown:
					tally.Unknown++
					unknown++
				default:
					tally.Matched++
				}
				want[m.Rule] = tally
			}
			for _, m := range f.Matched {
				count(m, true)
			}
			for _, m := range f.Unknown {
				count(m, false)
			}
			for _, x := range p.Trace(f.Token, f.At).Exemptions {
				if x.Match.Result == "unknown" && !x.Exemption.Ended(f.At) && f.Outcome != audit.Exempt {
					hidden++
					require.Contains(t, f.Reason, x.Exemption.String(), "%s: %s", f.Token.ID, f.Outcome)
				}
			}
		}
		require.Equal(t, want, survey.Rules, "a survey counts what a run reports")

		for i, e := range p.Exemptions {
			for _, doubt := range p.Lint(now, survey) {
				if doubt.Line != e.Line || doubt.Column != columnOf(parts[0], i) ||
					!strings.Contains(doubt.Message, "matches no token: remove it") {
					continue
				}
				useless++
				without := [2][]string{append(append([]string{}, parts[0][:i]...), parts[0][i+1:]...), parts[1]}
				again, _, _ := hazy(t, tokens, hazyText(without))
				require.Equal(t, decisions(r), decisions(again), "%v, and without it", doubt)
			}
		}
	}
	for round := 0; round < 10 && min(useless, hidden, unknown) == 0; round++ { // few are drawn, fewer with -short
		rapid.Check(t, law)
	}
	require.Positive(t, useless, "else this shows nothing")
	require.Positive(t, hidden, "else this shows nothing")
	require.Positive(t, unknown, "else this shows nothing")
}

// columnOf is the column of the exemption n in the line of hazyText that has them all.
func columnOf(list []string, n int) int {
	column := len("exemptions: [") + 1
	for _, e := range list[:n] {
		column += len(e) + len(", ")
	}
	return column
}
