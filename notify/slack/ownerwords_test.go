package slack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/slack"
	"tokensweep/okta"
	"tokensweep/rules"
)

const ownerPolicy = `version: 1
limits: {perRun: 1, perDay: 1, stopAbove: {count: 1, percent: 1}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
protect: {actOnClients: [Okta API]}
rules:
  - id: idle
    description: not used for three weeks
    when: {lastUsed: {olderThan: 21d}}
    then: {quarantine: 3d, revoke: 7d}
  - id: anywhere
    description: may be used from any network
    when: {network.connection: ANYWHERE}
    then: {revoke: 5d}
`

// ownedRun is a run with one finding of rules of ownerPolicy.
func ownedRun(t *testing.T, outcome audit.Outcome, step rules.Step, ids ...string) *audit.Report {
	t.Helper()
	p, err := rules.Parse("policy.yaml", []byte(ownerPolicy))
	require.NoError(t, err)
	token := okta.Token{
		ID: "00Tabcdefghijklmnopq", Name: okta.Some("deploy"), UserID: okta.Some("00uowner"),
		Created: okta.Some(now.Add(-1000 * time.Hour)), ExpiresAt: okta.Some(now.Add(5 * 24 * time.Hour)),
		LastUpdated: okta.Some(now.Add(-25 * 24 * time.Hour)), TokenWindow: okta.Some(30 * 24 * time.Hour),
		Network: okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
	}
	f := audit.Finding{
		Token: &token, At: now, Severity: rules.High, Step: step, Outcome: outcome, Due: now.Add(72 * time.Hour),
		Change: audit.New,
	}
	for _, m := range p.Evaluate(&token, now).Matched {
		for _, id := range ids {
			if m.Rule.ID == id {
				f.Matched = append(f.Matched, m)
			}
		}
	}
	require.Len(t, f.Matched, len(ids))
	return &audit.Report{
		ID: "run-1", Mode: rules.Enforce, AsOf: now, OrgURL: "https://acme.okta.com", Complete: true, Tokens: 1,
		Findings: []audit.Finding{f}, Changes: audit.Changes{Known: true, New: 1},
	}
}

func TestWhatAnOwnerIsToldInPlainWords(t *testing.T) {
	for name, row := range map[string]struct {
		outcome audit.Outcome
		step    rules.Step
		rules   []string
		change  func(*audit.Finding)
		says    []string
		not     []string
	}{
		"it will be cut off, unless it is used": {
			outcome: audit.Pending, step: rules.Quarantine, rules: []string{"idle"},
			says: []string{
				"On 2026-11-27 09:00 UTC it is cut off: nobody can use it, until an administrator gives it back",
				"on 2026-12-01 09:00 UTC it is ended for good, and can't be given back",
				"To keep it, use it before then: one request with it is enough",
				"Okta itself ends it on 2026-11-29 09:00 UTC unless it is used before",
				"not used for three weeks (rule idle): lastUsed ",
			},
			not: []string{"pending", "quarantine in 3d"},
		},
		"using it does not help": {
			outcome: audit.Pending, step: rules.Revoke, rules: []string{"anywhere"},
			says: []string{
				"On 2026-11-27 09:00 UTC it is ended for good, and can't be given back",
				"have the reason mended before then; that it is used does not do",
				"may be used from any network (rule anywhere): network.connection is ANYWHERE",
			},
			not: []string{"use it before then"},
		},
		"using it helps with one rule alone": {
			outcome: audit.Pending, step: rules.Quarantine, rules: []string{"idle", "anywhere"},
			says: []string{"have the reason mended before then"}, not: []string{"use it before then"},
		},
		"it is cut off": {
			outcome: audit.Quarantined, step: rules.Quarantine, rules: []string{"idle"},
			change: func(f *audit.Finding) {
				f.Done, f.Quarantine = true, &audit.Quarantine{Since: now}
			},
			says: []string{
				"It is cut off: nobody can use it", "To get it back, ask before it is ended",
				"Okta itself ends it on 2026-11-29 09:00 UTC, since it can't be used",
			},
		},
		"it is ended": {
			outcome: audit.Revoked, step: rules.Revoke, rules: []string{"idle"},
			change: func(f *audit.Finding) { f.Done = true },
			says:   []string{"It was ended for good. What still needs access takes a new token"},
			not:    []string{"Okta itself ends it", "To keep it"},
		},
		"it is only reported": {
			outcome: audit.Flagged, step: rules.Flag, rules: []string{"anywhere"},
			says: []string{"Nothing is done to it by itself, and somebody should look at it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := ownedRun(t, row.outcome, row.step, row.rules...)
			if row.change != nil {
				row.change(&r.Findings[0])
			}
			o := slack.Options{Mention: []string{"S0SECOPS1"}, Channel: "C0SECURITY"}
			m, ok := slack.OwnerMessage(r, "00uowner", o)
			require.True(t, ok)
			raw := unescaped(t, payload(t, m))
			for _, s := range append(row.says, "ask <!subteam^S0SECOPS1>, or in <#C0SECURITY>.") {
				require.Contains(t, raw, s)
			}
			for _, s := range row.not {
				require.NotContains(t, raw, s)
			}
		})
	}
}

func TestWhomAnOwnerMayAsk(t *testing.T) {
	r := ownedRun(t, audit.Flagged, rules.Flag, "idle")
	for want, o := range map[string]slack.Options{
		"ask the administrators of your Okta org.": {Channel: "<!channel>", Mention: []string{"<!here>"}},
		"ask in <#C0SECURITY>.":                    {Channel: "C0SECURITY"},
		"ask <@U012AB3CD>.":                        {Mention: []string{"U012AB3CD"}},
	} {
		m, ok := slack.OwnerMessage(r, "00uowner", o)
		require.True(t, ok)
		require.Contains(t, unescaped(t, payload(t, m)), want)
	}
}

// unescaped is JSON with < and > as they are read.
func unescaped(t *testing.T, raw []byte) string {
	t.Helper()
	require.True(t, json.Valid(raw))
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw))
}
