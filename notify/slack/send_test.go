package slack

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

const (
	canary    = "xoxb-canary-CANARY-canary"
	channelID = "C0SECURITY"
)

// workspace starts a fake workspace and makes the delivery of one run to it.
func workspace(t *testing.T, policy rules.Slack) (*slacktest.Server, *Bot) {
	t.Helper()
	w := fakeWorkspace(t, slacktest.Config{})
	return w, delivery(t, w, policy, outbox.Box{})
}

// fakeWorkspace starts a workspace with a channel and, unless c has others, no people.
func fakeWorkspace(t *testing.T, c slacktest.Config) *slacktest.Server {
	t.Helper()
	c.Rules, c.BotToken = slacktest.Rules{AllowedMentions: []string{"S0SECOPS1", channelID}}, canary
	c.Channels = []slacktest.Channel{{ID: channelID, Name: "security", Member: true}}
	w := slacktest.Start(c)
	t.Cleanup(w.Close)
	return w
}

// delivery is that of one run.
func delivery(t *testing.T, w *slacktest.Server, policy rules.Slack, o outbox.Box) *Bot {
	t.Helper()
	policy.Channel = channelID
	s, err := NewBot(Config{Secret: okta.NewSecret(canary), APIURL: w.URL(), Policy: &policy, Outbox: o,
		Pause: -1})
	require.NoError(t, err)
	return s
}

func testRun(outcome audit.Outcome) *audit.Report {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	used := okta.Some(at.Add(-25 * 24 * time.Hour))
	p, err := rules.Parse("policy.yaml", []byte("version: 1\nlimits: {perRun: 9, perDay: 9, stopAbove: {count: 9, "+
		"percent: 100}}\nrules: [{id: idle, severity: high, when: {lastUsed: {olderThan: 21d}}, then: {revoke: 0d}}]"))
	if err != nil {
		panic(err) // the policy above is at fault
	}
	k := okta.Token{ID: "00Tabcdefghijklmnopq", Name: okta.Some("deploy <!channel>"), ExpiresAt: used,
		TokenWindow: okta.Some(time.Duration(0))}
	return &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: rules.DryRun, Started: at, Finished: at, AsOf: at,
		OrgURL: "https://acme.okta.com", PolicyFile: "policy.yaml",
		PolicyDigest: "sha256:00", Digest: "sha256:11", Tokens: 10, Pages: 1, Complete: true,
		Changes: audit.Changes{New: 1, Known: true},
		Findings: []audit.Finding{{
			Token: &k, Severity: rules.High, Matched: p.Evaluate(&k, at).Matched, Step: rules.Revoke, Outcome: outcome,
			At: at, Due: at, Change: audit.New,
		}},
	}
}

func sentMethods(w *slacktest.Server) (list []string) {
	for _, r := range w.Requests() {
		list = append(list, r.Method)
	}
	return list
}

func TestADryRunIsPostedWithItsDetailsInTheThread(t *testing.T) {
	w, s := workspace(t, rules.Slack{On: rules.Always})
	require.NoError(t, s.Report(t.Context(), testRun(audit.WouldRevoke)))
	messages := w.Messages(channelID)
	require.Empty(t, messages[0].ThreadTS)
	require.Contains(t, messages[0].Text, "Nothing was changed")
	for _, m := range messages[1:] {
		require.Equal(t, messages[0].TS, m.ThreadTS)
	}
	names := make(map[string]bool)
	for _, f := range w.Files() {
		names[f.Name] = true
		require.Equal(t, messages[0].TS, f.ThreadTS)
	}
	require.Equal(t, map[string]bool{"findings.csv": true, "report.json": true}, names)
	require.Empty(t, w.Complaints())
}

func TestAnEnforcingRunAnnouncesAndThenRewrites(t *testing.T) {
	w, s := workspace(t, rules.Slack{On: rules.OnChanges, Mention: []string{"S0SECOPS1"}})
	r := testRun(audit.WouldRevoke)
	r.Mode, r.Before, r.Actions = rules.Enforce, true, 1
	via, err := s.Announce(t.Context(), r)
	require.NoError(t, err)
	announced, before := len(w.Messages(channelID)), w.Messages(channelID)[0].Text
	require.Equal(t, "slack "+channelID+" "+w.Messages(channelID)[0].TS, via)

	r = testRun(audit.Failed)
	r.Mode, r.Acted, r.Code = rules.Enforce, true, audit.ActionFailed
	r.Findings[0].Done, r.Findings[0].Reason = true, "the answer was lost"
	require.NoError(t, s.Report(t.Context(), r))
	messages := w.Messages(channelID)
	require.NotEqual(t, before, messages[0].Text)
	require.Greater(t, len(messages), announced)
	last := messages[len(messages)-1]
	require.True(t, last.Broadcast, "people are called in a new reply, since an edit notifies nobody")
	require.Contains(t, string(last.Blocks)+last.Text, "S0SECOPS1")
	require.Equal(t, 1, strings.Count(strings.Join(sentMethods(w), " "), "chat.update"))
	require.Empty(t, w.Complaints())
}

func TestWhenAReportIsPosted(t *testing.T) {
	quiet := func(r *audit.Report) { r.Changes = audit.Changes{Ongoing: 1, Known: true} }
	for name, row := range map[string]struct {
		on     rules.Occasion
		change func(*audit.Report)
		last   time.Duration // since the last post
		want   bool
	}{
		"always":                     {on: rules.Always, change: quiet, want: true},
		"changes, and there is one":  {on: rules.OnChanges, change: func(*audit.Report) {}, want: true},
		"changes, and there is none": {on: rules.OnChanges, change: quiet},
		"changes, and one that was there moved": {on: rules.OnChanges, change: func(r *audit.Report) {
			quiet(r)
			r.Changes.Moved = 1
		}, want: true},
		"changes, which can't be told": {on: rules.OnChanges, change: func(r *audit.Report) {
			r.Changes = audit.Changes{}
		}, want: true},
		"findings, and there is one": {on: rules.OnFindings, change: quiet, want: true},
		"findings, and there is none": {on: rules.OnFindings, change: func(r *audit.Report) {
			quiet(r)
			r.Findings = nil
		}},
		"a failure": {on: rules.OnFindings, change: func(r *audit.Report) {
			quiet(r)
			r.Findings,
				r.Err = nil, errors.New("x")
		}, want: true},
		"nothing new, but a sign of life": {on: rules.OnChanges, change: quiet, last: 8 * 24 * time.Hour, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := testRun(audit.Flagged)
			row.change(r)
			w := fakeWorkspace(t, slacktest.Config{})
			box := newOutbox(t, r.Finished.Add(-max(row.last, time.Hour)))
			_, err := box.Ledger.Append(ledger.Record{Kind: ledger.Posted, Of: "an earlier run", Part: "parent"})
			require.NoError(t, err)
			s := delivery(t, w, rules.Slack{On: row.on, Heartbeat: 7 * 24 * time.Hour}, box)
			require.NoError(t, s.Report(t.Context(), r))
			require.Equal(t, row.want, len(w.Messages(channelID)) > 0)
		})
	}
}

func TestWhatSlackAnswersAndWhatItMeans(t *testing.T) {
	for _, row := range []struct {
		name      string
		fault     slacktest.Fault
		says      string
		maybe     bool
		requests  int // of chat.postMessage for the first message
		delivered bool
	}{
		{name: "not in the channel", fault: slacktest.Fault{Error: "not_in_channel"},
			says: "not_in_channel; invite the app into the channel", requests: 1},
		{name: "a bad token", fault: slacktest.Fault{Error: "invalid_auth"}, says: "check SLACK_BOT_TOKEN",
			requests: 1},
		{name: "an error that isn't known", fault: slacktest.Fault{Error: "brand_new_error"}, says: "brand_new_error",
			requests: 1},
		{name: "later, and then accepted", fault: slacktest.Fault{Times: 1, Status: 429,
			Header: http.Header{"Retry-After": {"1"}}}, requests: 2, delivered: true},
		{name: "blocks that it does not take", fault: slacktest.Fault{Times: 1, Error: "invalid_blocks"}, requests: 2,
			delivered: true},
		// It is looked for, is not there, and is sent once more.
		{name: "an outcome that isn't known", fault: slacktest.Fault{Error: "fatal_error"}, says: "fatal_error",
			maybe: true, requests: 2},
		{name: "a server error", fault: slacktest.Fault{Status: 500}, says: "Slack answered 500", maybe: true,
			requests: 2},
		{name: "a lost request", fault: slacktest.Fault{Hangup: true}, says: "EOF", maybe: true, requests: 2},
		{name: "a page of HTML", fault: slacktest.Fault{HTML: true},
			says:  "the answer is not Slack's: 200 with a page of HTML",
			maybe: true, requests: 2},
		{name: "a server error, once", fault: slacktest.Fault{Times: 1, Status: 500}, requests: 2, delivered: true},
		// It is looked for, and is there.
		{name: "a lost answer", fault: slacktest.Fault{HangupAfter: true}, requests: 1, delivered: true},
		{name: "no ts", fault: slacktest.Fault{NoTS: true}, requests: 1, delivered: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, s := workspace(t, rules.Slack{On: rules.Always})
			row.fault.Method = "chat.postMessage"
			w.Fault(row.fault)
			r := testRun(audit.Flagged)
			err := s.Report(t.Context(), r)
			parents := 0
			for _, req := range w.Requests() {
				if req.Method == "chat.postMessage" && strings.Contains(string(req.Body), "parent") {
					parents++
				}
			}
			require.Equal(t, row.requests, parents, "a message that is there is not sent again")
			if row.delivered {
				require.NoError(t, err)
				require.Equal(t, 1, postedParts(t, w)["parent"])
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Error(), row.says)
			require.Contains(t, e.Error(), "posting the report (parent) to "+channelID)
			require.Equal(t, row.maybe, e.MayHavePosted)
			require.NotContains(t, e.Error(), canary)
		})
	}
}

func TestWhereSlackMayBe(t *testing.T) {
	for url, ok := range map[string]bool{
		"": true, "https://slack-gov.com/api/": true, "http://127.0.0.1:80/api": true,
		"http://evil.example/api/": false, "https://user:pw@slack.com/": false, "nonsense": false,
	} {
		_, err := NewBot(Config{Secret: okta.NewSecret(canary), APIURL: url, Policy: &rules.Slack{}})
		require.Equal(t, ok, err == nil, url)
	}
}
