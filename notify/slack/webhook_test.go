package slack

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

func hook(t *testing.T, policy rules.Slack) (*slacktest.Server, *Webhook) {
	t.Helper()
	ws := slacktest.Start(slacktest.Config{Rules: slacktest.Rules{AllowedMentions: []string{"S0SECOPS1"}},
		WebhookChannel: channelID, Channels: []slacktest.Channel{
			{ID: channelID, Name: "security", Member: true}}})
	t.Cleanup(ws.Close)
	return ws, hookDelivery(t, ws, policy, outbox.Box{})
}

func hookDelivery(t *testing.T, ws *slacktest.Server, policy rules.Slack, o outbox.Box) *Webhook {
	t.Helper()
	w, err := NewWebhook(Config{Secret: okta.NewSecret(ws.WebhookURL()), Policy: &policy, Outbox: o, Pause: -1})
	require.NoError(t, err)
	return w
}

func TestAWebhookAnnouncesReportsAndCallsPeople(t *testing.T) {
	ws, w := hook(t, rules.Slack{On: rules.OnChanges, Mention: []string{"S0SECOPS1"}})
	r := testRun(audit.WouldRevoke)
	r.Mode, r.Before, r.Actions = rules.Enforce, true, 1
	via, err := w.Announce(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "slack webhook", via)

	r = testRun(audit.Failed)
	r.Mode, r.Acted, r.Code = rules.Enforce, true, audit.ActionFailed
	require.NoError(t, w.Report(t.Context(), r))
	messages := ws.Messages(channelID)
	require.Len(t, messages, 3)
	require.Contains(t, string(messages[2].Blocks)+messages[2].Text, "S0SECOPS1")
	require.Empty(t, ws.Complaints())
}

func TestAWebhookPostsOnlyWhatThePolicyWants(t *testing.T) {
	ws, w := hook(t, rules.Slack{On: rules.OnChanges})
	r := testRun(audit.Flagged)
	r.Changes = audit.Changes{Known: true, Ongoing: 1}
	require.NoError(t, w.Report(t.Context(), r))
	require.Empty(t, ws.Messages(channelID))
}

func TestWhatAWebhookAnswersAndWhatItMeans(t *testing.T) {
	for _, row := range []struct {
		name     string
		fault    slacktest.Fault
		says     string // of the error, "" if it is delivered
		maybe    bool
		requests int
	}{
		{name: "later, and then accepted", fault: slacktest.Fault{Times: 1, Status: 429,
			Header: http.Header{"Retry-After": {"1"}}}, requests: 2},
		{name: "blocks that it does not take", fault: slacktest.Fault{Times: 1, Error: "invalid_blocks"}, requests: 2},
		{name: "a webhook that is gone", fault: slacktest.Fault{Error: "no_service", Status: 404},
			says: "no_service; the webhook is gone", requests: 1},
		{name: "a bad URL", fault: slacktest.Fault{Error: "invalid_token", Status: 403},
			says: "check SLACK_WEBHOOK_URL", requests: 1},
		{name: "a server error", fault: slacktest.Fault{Status: 500}, says: "Slack answered 500", maybe: true,
			requests: 1},
		{name: "200 and not ok", fault: slacktest.Fault{Body: "fine"},
			says:  "the answer is not Slack's: 200 with something else",
			maybe: true, requests: 1},
		{name: "a page of HTML", fault: slacktest.Fault{HTML: true},
			says:  "the answer is not Slack's: 200 with a page of HTML",
			maybe: true, requests: 1},
		{name: "a redirect", fault: slacktest.Fault{Status: 302, Header: http.Header{"Location": {"/elsewhere"}}},
			says: "the answer is not Slack's: 302, a redirect to", maybe: true, requests: 1},
		{name: "a lost answer", fault: slacktest.Fault{HangupAfter: true}, says: "EOF", maybe: true, requests: 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			ws, w := hook(t, rules.Slack{On: rules.Always})
			row.fault.Method = slacktest.Webhook
			ws.Fault(row.fault)
			err := w.Report(t.Context(), testRun(audit.Flagged))
			require.Len(t, ws.Requests(), row.requests, "a message that may be there is not sent again")
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Error(), row.says)
			require.Equal(t, row.maybe, e.MayHavePosted)
			requireNoAddress(t, ws, err)
		})
	}
}

func TestNoErrorRepeatsTheWebhook(t *testing.T) {
	ws, w := hook(t, rules.Slack{On: rules.Always})
	ws.Close() // nobody answers
	requireNoAddress(t, ws, w.Report(t.Context(), testRun(audit.Flagged)))
	for _, address := range []string{"http://hooks.evil.example/services/T0/B0/fakeWebhookSecret",
		"https://h ooks/services/fakeWebhookSecret", "fakeWebhookSecret"} {
		_, err := NewWebhook(Config{Secret: okta.NewSecret(address), Policy: &rules.Slack{}})
		requireNoAddress(t, ws, err)
	}
}

func requireNoAddress(t *testing.T, ws *slacktest.Server, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, err.Error(), ws.WebhookURL())
	require.NotContains(t, err.Error(), "fakeWebhookSecret")
}
