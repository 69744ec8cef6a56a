package rules

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/okta"
)

// said is what of a verdict can change with time but for the wording of sentences.
func said(p *Policy, t *okta.Token, now time.Time) (words []string) {
	v := p.Evaluate(t, now)
	for _, m := range v.Matched {
		words = append(words, m.Rule.ID)
	}
	for _, m := range v.Unknown {
		words = append(words, m.Rule.ID+"?")
	}
	if v.Exemption != nil {
		words = append(words, v.Exemption.Reason)
	}
	if len(v.Matched)+len(v.Unknown) > 0 && len(p.Guards(t, now).Protections) > 0 {
		words = append(words, "protected")
	}
	return words
}

func TestAVerdictChangesAtItsTurnsAndAtNoOtherTime(t *testing.T) {
	changes := 0
	law := func(t *rapid.T) {
		until := noon.Add(time.Duration(rapid.IntRange(-40, 40).Draw(t, "until")) * day).Format(time.DateOnly)
		p, err := Parse("policy.yaml", []byte("version: 1\nexemptions: [{match: "+someCondition(1).Draw(t, "match")+
			", reason: r, owner: o, until: "+until+"}]\n"+
			"rules: [{id: a, when: "+someCondition(2).Draw(t, "when")+", then: flag}, {id: b, when: "+
			someCondition(1).Draw(t, "other")+", then: flag}]"))
		require.NoError(t, err)
		token := rapid.OneOf(someToken, liveToken).Draw(t, "token")
		to := noon.Add(60 * day)
		points := p.ChangePoints(token, noon, to)
		require.True(t, slices.IsSortedFunc(points, time.Time.Compare))
		at, says := noon, said(p, token, noon)
		for _, next := range append(points, to) {
			require.True(t, next.After(noon) && !next.After(to))
			between := at.Add(time.Duration(rapid.Int64Range(0, max(0, int64(next.Sub(at))-1)).Draw(t, "between")))
			for _, between := range []time.Time{between, next.Add(-1)} {
				require.Equal(t, says, said(p, token, between), "%s", between)
			}
			if now := said(p, token, next); !slices.Equal(now, says) {
				changes++
				says = now
			}
			at = next
		}
	}
	for round := 0; round < 10 && changes == 0; round++ { // few are drawn, fewer with -short
		rapid.Check(t, law)
	}
	require.Positive(t, changes, "else this shows nothing")
}
