package slack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/rules"
)

// statusOf are the statuses of checks, by name.
func statusOf(checks []audit.Check) map[string]audit.Status {
	out := make(map[string]audit.Status)
	for _, c := range checks {
		out[c.Name] = c.Status
	}
	return out
}

func TestWhatDoctorSaysOfSlack(t *testing.T) {
	every := []string{"chat:write", "files:write", "groups:history", "metadata.message:read"}
	for _, row := range []struct {
		name   string
		owners bool
		config slacktest.Config
		fault  slacktest.Fault
		want   map[string]audit.Status
		says   string
		code   audit.ExitCode
	}{
		{name: "all is well", config: slacktest.Config{Scopes: append([]string{"channels:history"}, every...)},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Good,
				"slack channel": audit.Good, "slack message": audit.Good},
			says: "the app @tokensweep of the workspace acme"},
		{name: "the token is refused", fault: slacktest.Fault{Method: "auth.test", Error: "invalid_auth"},
			want: map[string]audit.Status{"slack token": audit.Failure}, says: "check SLACK_BOT_TOKEN",
			code: audit.Undelivered},
		{name: "Slack is not there", fault: slacktest.Fault{Hangup: true},
			want: map[string]audit.Status{"slack token": audit.Failure}, says: "EOF", code: audit.Undelivered},
		{name: "a scope that is needed", config: slacktest.Config{Scopes: []string{"chat:write", "channels:history",
			"metadata.message:read"}},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Failure,
				"slack channel": audit.Good, "slack message": audit.Good}, says: "files:write is missing",
			code: audit.Undelivered},
		{name: "no scope to read with", config: slacktest.Config{Scopes: []string{"chat:write", "files:write"}},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Warning,
				"slack channel": audit.Skipped, "slack message": audit.Good}, says: "may come twice"},
		{name: "scopes for owners", owners: true, config: slacktest.Config{Scopes: append([]string{"channels:history"},
			every...)},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Warning,
				"slack channel": audit.Good, "slack message": audit.Good}, says: "owners get no direct messages"},
		{name: "not in the channel", fault: slacktest.Fault{Method: "conversations.history", Error: "not_in_channel"},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Good,
				"slack channel": audit.Failure, "slack message": audit.Good}, says: "/invite @tokensweep",
			code: audit.Undelivered},
		{name: "it can't post", fault: slacktest.Fault{Method: "chat.postMessage", Error: "is_archived"},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Good,
				"slack channel": audit.Good, "slack message": audit.Failure}, says: "name another one",
			code: audit.Undelivered},
		{name: "it can't delete", fault: slacktest.Fault{Method: "chat.delete", Error: "cant_delete_message"},
			want: map[string]audit.Status{"slack token": audit.Good, "slack scopes": audit.Good,
				"slack channel": audit.Good, "slack message": audit.Warning}, says: "delete it by hand"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := fakeWorkspace(t, row.config)
			if row.fault.Method != "" || row.fault.Hangup {
				w.Fault(row.fault)
			}
			checks := delivery(t, w, rules.Slack{Owners: row.owners}, outbox.Box{}).Check(t.Context())
			require.Equal(t, row.want, statusOf(checks))
			require.Equal(t, row.code, audit.Worst(checks))
			said := ""
			for _, c := range checks {
				said += c.Detail + "; " + c.Advice + "\n"
			}
			require.Contains(t, said, row.says)
			require.NotContains(t, said, canary)
			for _, m := range w.Messages(channelID) {
				require.True(t, m.Deleted || row.fault.Method == "chat.delete", "nothing stays")
			}
			require.Empty(t, w.Complaints())
		})
	}
}

func TestWhatDoctorSaysOfAWebhook(t *testing.T) {
	for name, row := range map[string]struct {
		fault slacktest.Fault
		want  audit.Status
		says  string
	}{
		"it is there": {want: audit.Good},
		"it is gone": {fault: slacktest.Fault{Method: slacktest.Webhook, Error: "no_service",
			Status: 404}, want: audit.Failure, says: "the webhook is gone"},
		"it takes anything": {fault: slacktest.Fault{Method: slacktest.Webhook, Body: "ok"},
			want: audit.Failure, says: "no webhook of Slack's"},
		"the connection is cut instead": {fault: slacktest.Fault{Method: slacktest.Webhook, Hangup: true},
			want: audit.Failure, says: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			ws, w := hook(t, rules.Slack{})
			if row.fault.Method != "" {
				ws.Fault(row.fault)
			}
			checks := w.Check(t.Context())
			require.Equal(t, row.want, checks[0].Status)
			require.Contains(t, checks[0].Detail+checks[0].Advice, row.says)
			require.NotContains(t, checks[0].Detail, "/services/")
			require.Empty(t, ws.Messages(channelID), "nothing is posted")
		})
	}
}
