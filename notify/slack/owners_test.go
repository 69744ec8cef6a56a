package slack

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

// withOwners is a report about tokens of n people, one of them new to each.
func withOwners(mode rules.Mode, n int) *audit.Report {
	r := testRun(audit.Flagged)
	r.Mode = mode
	finding := r.Findings[0]
	r.Findings = nil
	for i := range n {
		f, k := finding, *finding.Token
		f.Token = &k
		f.Token.ID, f.Token.UserID = fmt.Sprintf("00Towned%012d", i), okta.Some(fmt.Sprintf("00u%d", i))
		f.Token.Owner = &okta.Owner{Email: okta.Some(fmt.Sprintf("owner%d@acme.example", i)),
			Status: okta.Some("ACTIVE")}
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestOwnersAreToldOfTheirOwnTokensOnly(t *testing.T) {
	people := []slacktest.User{{ID: "U0OWNER0", Email: "owner0@acme.example", Name: "zero"},
		{ID: "U0OWNER1", Email: "Owner1@acme.example", Name: "one"}, {ID: "U0OWNER3", Email: "owner3@acme.example",
			Name: "three"}}
	w := fakeWorkspace(t, slacktest.Config{Users: people})
	r := withOwners(rules.Enforce, 5)
	r.Findings[0].Change, r.Findings[0].Announced = audit.Ongoing, true
	r.Findings[1].Change = audit.Ongoing                         // nothing about it has changed
	r.Findings[3].Token.Owner.Status = okta.Some("SUSPENDED")    // has an account
	r.Findings[4].Token.Owner = &okta.Owner{Unknown: "whatever"} // no address
	require.NoError(t, delivery(t, w, rules.Slack{On: rules.Always, Owners: true}, outbox.Box{}).Report(t.Context(), r))
	dms := w.DMs()
	require.Len(t, dms, 1)
	require.Equal(t, "U0OWNER0", dms[0].User)
	require.Len(t, dms[0].Messages, 1)
	require.Contains(t, string(dms[0].Messages[0].Blocks), "00Towned000000000000")
	require.NotContains(t, string(dms[0].Messages[0].Blocks), "00Towned000000000001")
	told := told(t, w)
	require.Contains(t, told, "owner0@acme.example")
	require.NotContains(t, told, "owner1@acme.example")
	require.Contains(t, told, "owner2@acme.example: no account in Slack has their e-mail address")
	require.Contains(t, told, "owner3@acme.example: they are SUSPENDED in Okta")
	require.Contains(t, told, "their e-mail address is not known")
	require.Empty(t, w.Complaints())
}

// told is the reply that says which owners were told.
func told(t *testing.T, w *slacktest.Server) string {
	t.Helper()
	for _, m := range w.Messages(channelID) {
		if m.ThreadTS != "" && m.Blocks != nil && m.Metadata != nil {
			var metadata struct {
				Payload map[string]any `json:"event_payload"`
			}
			require.NoError(t, json.Unmarshal(m.Metadata, &metadata))
			if metadata.Payload["part"] == "owners" {
				return string(m.Blocks)
			}
		}
	}
	return ""
}

func TestOwnersWhoAreNotTold(t *testing.T) {
	for _, row := range []struct {
		name   string
		owners bool
		mode   rules.Mode
		n      int
		config slacktest.Config
		fault  slacktest.Fault
		dms    int
		says   string
	}{
		{name: "the policy doesn't want it", mode: rules.Enforce, n: 2},
		{name: "a dry run", owners: true, mode: rules.DryRun, n: 2, says: "A dry run tells no owner"},
		{name: "more than the cap", owners: true, mode: rules.Enforce, n: 25, dms: 20,
			says: "owner24@acme.example: more than 20 owners in one run"},
		{name: "a missing scope", owners: true, mode: rules.Enforce, n: 2, config: slacktest.Config{
			Scopes: []string{"chat:write", "files:write"}}, says: "missing_scope (needed: users:read.email)"},
		{name: "a conversation that can't be opened", owners: true, mode: rules.Enforce, n: 1,
			fault: slacktest.Fault{Method: "conversations.open", Error: "user_disabled"},
			says:  "owner0@acme.example: opening a conversation with an owner: user_disabled"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for i := range row.n {
				row.config.Users = append(row.config.Users, slacktest.User{ID: fmt.Sprintf("U0OWNER%d", i),
					Email: fmt.Sprintf("owner%d@acme.example", i), Name: "x"})
			}
			w := fakeWorkspace(t, row.config)
			if row.fault.Method != "" {
				w.Fault(row.fault)
			}
			require.NoError(t, delivery(t, w, rules.Slack{On: rules.Always, Owners: row.owners}, outbox.Box{}).Report(
				t.Context(), withOwners(row.mode, row.n)))
			sent := 0
			for _, d := range w.DMs() {
				sent += len(d.Messages)
			}
			require.Equal(t, row.dms, sent)
			if row.says == "" {
				require.Empty(t, told(t, w))
			}
			require.Contains(t, told(t, w), row.says)
			require.Empty(t, w.Complaints())
		})
	}
}
