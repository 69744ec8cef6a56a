package notify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// That nothing protects a token is no leave to act on it where an exemption may be in the way.
func TestExplainDoesNotCallATokenFreeThatMayBeExempt(t *testing.T) {
	p, err := rules.Parse("policy.yaml", []byte(`version: 1
exemptions: [{match: {name: dr-1}, reason: drill, owner: sre, until: 2099-12-31}]
rules: [{id: a, when: {id: {present: true}}, then: flag}]`))
	require.NoError(t, err)
	for want, name := range map[string]okta.Opt[string]{
		"it may be quarantined and revoked, where a rule says so":              okta.Some("ci"),
		"only an exemption spares it":                                          okta.Some("dr-1"),
		"whether it is exempt can't be told, and nothing is done to it before": {},
	} {
		token := okta.Token{ID: "00T1", Name: name}
		e := &audit.Explanation{At: now, Token: token, Trace: p.Trace(&token, now)}
		e.Trace.Protections = nil
		var b strings.Builder
		require.NoError(t, notify.ExplanationText(&b, e, notify.Style{}))
		require.Contains(t, strings.Join(strings.Fields(b.String()), " "), want)
	}
}
