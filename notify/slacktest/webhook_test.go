package slacktest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

func hook(t *testing.T, url, body string) (int, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestTheWebhookAnswersPlainText(t *testing.T) {
	ws, _ := workspace(t)
	for _, c := range []struct {
		url, body string
		status    int
		want      string
	}{
		{ws.WebhookURL(), `{"text":"a"}`, 200, "ok"},
		{ws.WebhookURL(), `x`, 400, "invalid_payload"},
		{ws.WebhookURL(), `{}`, 400, "no_text"},
		{ws.WebhookURL(), `{"blocks":[{"type":"poem"}]}`, 400, "invalid_blocks"},
		{ws.WebhookURL() + "x", `{"text":"a"}`, 404, "no_service"},
	} {
		status, got := hook(t, c.url, c.body)
		require.Equal(t, c.status, status, c.body)
		require.Equal(t, c.want, got)
	}
	require.NoError(t, slack.PostWebhook(ws.WebhookURL(), &slack.WebhookMessage{Text: "b"}))
	m := ws.Messages("C0SEC")
	require.Len(t, m, 2)
	require.True(t, m[0].Webhook)
	require.Len(t, ws.Complaints(), 4, "unfurl_links and unfurl_media, twice")

	ws, _ = workspace(t, func(c *slacktest.Config) { c.WebhookChannel = "C0OLD" })
	status, got := hook(t, ws.WebhookURL(), `{"text":"a"}`)
	require.Equal(t, 410, status)
	require.Equal(t, "channel_is_archived", got)
	ws, _ = workspace(t, func(c *slacktest.Config) { c.WebhookChannel = "C0NONE" })
	_, got = hook(t, ws.WebhookURL(), `{"text":"a"}`)
	require.Equal(t, "channel_not_found", got)
}

func TestTheWebhookCanFailToo(t *testing.T) {
	ws, _ := workspace(t)
	ws.Fault(slacktest.Fault{Method: slacktest.Webhook, Status: 403, Error: "invalid_token", Times: 1})
	status, got := hook(t, ws.WebhookURL(), `{"text":"a"}`)
	require.Equal(t, 403, status)
	require.Equal(t, "invalid_token", got)
	ws.Fault(slacktest.Fault{Method: slacktest.Webhook, HangupAfter: true, Times: 1})
	_, err := http.Post(ws.WebhookURL(), "application/json", strings.NewReader(`{"text":"a"}`))
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, ws.Messages("C0SEC"), 1)
}
