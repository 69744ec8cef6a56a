package notify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

const slackPolicy = `version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: admin, severity: critical, description: Used by nobody for a month., when: {lastUsed: {olderThan: 26d}}, then: {quarantine: 3d}, advice: Use an OAuth app.}
  - {id: idle, severity: high, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d}, advice: "Ask <!channel> at https://evil.example *now*."}
  - {id: client, severity: low, when: {clientName: {notIn: [Okta API]}}, then: flag, advice: Use an OAuth app.}
`

// slackReport is a report with n findings, hostile names among them.
func slackReport(tb testing.TB, n int, mode rules.Mode) *audit.Report {
	tb.Helper()
	p, err := rules.Parse("policy.yaml", []byte(slackPolicy))
	require.NoError(tb, err)
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: mode, Started: now, Finished: now.Add(1500 * time.Millisecond), AsOf: now,
		OrgURL:     "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyMode: rules.Enforce, PolicyDigest: "sha256:" +
			strings.Repeat("0123456789abcdef", 4), Digest: "sha256:" + strings.Repeat("fedcba9876543210", 4),
		Tokens: n + 40, Pages: 3, Complete: true, Head: ledger.Head{Seq: 17, Hash: "0123456789ab"},
	}
	for _, severity := range []rules.Severity{rules.Critical, rules.High, rules.Low} {
		for i := range n {
			used := []int{28, 20, 1}[i%3]
			if severity != []rules.Severity{rules.Critical, rules.High, rules.Low}[i%3] {
				continue
			}
			name := fmt.Sprintf("ci-deploy-%d", i)
			if i%4 == 1 {
				name = hostile[i/4%len(hostile)]
			}
			k := token(i, name, "Okta Script", 300, used)
			k.Owner = &okta.Owner{Login: okta.Some(fmt.Sprintf("ana.%d@acme.example", i%7)),
				Status: okta.Some("ACTIVE"), Roles: okta.Some([]string{})}
			if i%5 == 1 {
				k.Owner.Login = okta.Some("<@U123> *eve* " + hostile[i/5%len(hostile)])
			}
			v := p.Evaluate(&k, now)
			f := audit.Finding{Token: k, Matched: v.Matched, Unknown: v.Unknown, Severity: severity, At: now,
				Step: rules.Flag, Outcome: audit.Flagged, Change: audit.Ongoing}
			if i%6 == 0 {
				f.Change, f.Fresh = audit.New, []*rules.Rule{v.Matched[0].Rule}
			}
			switch {
			case severity == rules.Low && i%2 == 0:
				f.Outcome, f.Step, f.Reason = []audit.Outcome{audit.Protected, audit.Exempt, audit.Unknown}[i/6%3],
					rules.Quarantine, "why not: <http://evil.example|see>"
			case severity == rules.Critical:
				f.Outcome, f.Step, f.Due = audit.WouldQuarantine, rules.Quarantine, now
			case severity == rules.High:
				f.Outcome, f.Step, f.Due = audit.Pending, rules.Quarantine, now.Add(72*time.Hour)
			}
			r.Findings = append(r.Findings, f)
		}
	}
	if n > 0 {
		r.Changes = audit.Changes{New: n / 6, Ongoing: n - n/6, Resolved: 3, Known: true}
		r.Vanished = []audit.Vanished{{ID: "00Tgone", Name: "<!here> gone", Reason: "revoked by hand: <@U1>"}}
		r.Notes = []string{"a note with `code` and <!channel>"}
	}
	return r
}

// act makes the report that of a run that acted.
func act(r *audit.Report) *audit.Report {
	r.Acted = true
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != audit.WouldQuarantine {
			continue
		}
		switch {
		case i%5 == 3:
			f.Outcome, f.Reason = audit.Failed, "Okta answered 403 E0000006: <!channel>"
			r.Code = audit.ActionFailed
		case i > 20:
			f.Outcome, f.Reason = audit.Held, "perRun allows 20"
		default:
			f.Outcome, f.Done = audit.Quarantined, true
		}
	}
	return r
}

var slackOptions = notify.SlackOptions{
	Mention: []string{"S0SECOPS1", "U012AB3CD", "<!channel>", "everyone"},
	Trend:   []notify.TrendPoint{{now.AddDate(0, 0, -2), 40, 4}, {now.AddDate(0, 0, -1), 41, 5}, {now, 37, 3}},
}

func with(stage notify.SlackStage) notify.SlackOptions {
	o := slackOptions
	o.Stage = stage
	return o
}

// all are all messages that a report gives, and what they become when Slack refuses them.
func all(tb testing.TB, r *audit.Report, o notify.SlackOptions) []notify.SlackMessage {
	tb.Helper()
	t := notify.SlackReport(r, o)
	out := append([]notify.SlackMessage{t.Parent, notify.SlackWebhook(r, o)}, t.Replies...)
	if m, ok := notify.SlackAlert(r, o); ok {
		out = append(out, m)
	}
	owners := make(map[string]bool)
	for _, f := range r.Findings {
		id, _ := f.Token.UserID.Get()
		if owners[id] {
			continue
		}
		owners[id] = true
		if m, ok := notify.SlackOwner(r, id, o); ok {
			out = append(out, m)
		}
	}
	for _, m := range out {
		steps := 0
		for {
			plainer, ok := notify.SlackPlainer(m)
			if !ok {
				require.Empty(tb, m.Blocks)
				break
			}
			steps++
			require.Less(tb, steps, 5)
			out = append(out, plainer)
			m = plainer
		}
	}
	return out
}

func payload(tb testing.TB, m notify.SlackMessage) []byte {
	tb.Helper()
	raw, err := json.Marshal(m)
	require.NoError(tb, err)
	return raw
}
