package slack

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

// What users of other tools reported (cases/public-reports.md), and what is good here.

// trymbill/cypress-slack-video-upload-action#96, yutachaos/kube-job-notifier#136: such words without help.
func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	for _, word := range []string{
		"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_in_channel",
		"is_archived", "channel_not_found", "missing_scope", "restricted_action", "not_allowed_token_type",
	} {
		w, s := workspace(t, rules.Slack{On: rules.Always})
		w.Fault(slacktest.Fault{Method: "chat.postMessage", Error: word})
		err := s.Report(t.Context(), testRun(audit.Flagged))
		var e *Error
		require.ErrorAs(t, err, &e, word)
		require.Equal(t, word, e.Said)
		require.NotEmpty(t, e.Advice, word)
		require.False(t, e.MayHavePosted, word)
		require.Equal(t, []string{"chat.postMessage"}, sentMethods(w), "%s: to try it again does no good", word)
	}
}

func TestEveryRefusalOfAWebhookSaysWhatToDo(t *testing.T) {
	for word, status := range map[string]int{
		"no_service": 404, "no_active_hooks": 404, "action_prohibited": 403, "invalid_token": 403,
		"posting_to_general_channel_denied": 403, "channel_is_archived": 410,
	} {
		w, s := reportedWebhook(t)
		w.Fault(slacktest.Fault{Method: slacktest.Webhook, Error: word, Status: status})
		var e *Error
		require.ErrorAs(t, s.Report(t.Context(), testRun(audit.Flagged)), &e, word)
		require.Equal(t, word, e.Said)
		require.NotEmpty(t, e.Advice, word)
		require.Len(t, w.Requests(), 1, word)
	}
}

func reportedWebhook(t *testing.T) (*slacktest.Server, *Webhook) {
	t.Helper()
	w := fakeWorkspace(t, slacktest.Config{})
	s, err := NewWebhook(Config{
		Secret: okta.NewSecret(w.WebhookURL()), Policy: &rules.Slack{Channel: channelID, On: rules.Always}, Pause: -1,
	})
	require.NoError(t, err)
	return w, s
}

// prometheus/alertmanager#2111: a 429 is given up, and the message lost. Where the header is missing it is waited for
// as well: here there is no time to.
func TestTooManyRequestsWithoutAHeaderIsNoRefusal(t *testing.T) {
	limited := slacktest.Fault{Status: 429, Body: `{"ok":false,"error":"ratelimited","retry_after":3}`}
	for _, status := range []int{429, 200} {
		limited.Status = status
		w, s := workspace(t, rules.Slack{On: rules.Always})
		w.Fault(limited)
		hooked, hook := reportedWebhook(t)
		hooked.Fault(slacktest.Fault{Status: 429, Body: "rate_limited"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		m := Message{Text: "text"}
		for _, err := range []error{
			s.withRetries(ctx, "posting", func() error {
				_, err := s.send(ctx, channelID, "", m)
				return err
			}),
			hook.withRetries(ctx, "posting", func() error { return hook.send(ctx, m) }),
		} {
			var e *Error
			require.ErrorIs(t, err, outbox.ErrNoTime)
			require.ErrorAs(t, err, &e)
			require.False(t, e.MayHavePosted)
		}
		cancel()
		require.Len(t, w.Requests(), 1)
		require.Len(t, hooked.Requests(), 1)
	}
}
