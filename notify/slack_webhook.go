package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Webhook delivers the report of one run through an incoming webhook: messages without a thread that can't be
// changed later and say what they leave out
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
type Webhook struct {
	sender
	client    *http.Client
	announced bool
}

// viaWebhook names the way in records. The URL is a secret.
const viaWebhook = "slack webhook"

// NewWebhook makes the delivery of one run. It sends nothing. The URL is of https, or of plain http for a
// loopback address; no error repeats it. last is that of NewSlack.
func NewWebhook(address okta.Secret, policy *rules.Slack, last time.Time) (*Webhook, error) {
	if _, ok := slackURL(address.Reveal()); !ok {
		return nil, errors.New("bad SLACK_WEBHOOK_URL: want https, or plain http for a loopback address")
	}
	return &Webhook{sender: newSender(address, policy, last), client: slackHTTP()}, nil
}

// Announce posts what an enforcing run is about to do. Without an error Slack has accepted it.
func (w *Webhook) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	if err := w.post(ctx, SlackWebhook(r, w.options(SlackBefore))); err != nil {
		return "", err
	}
	w.announced = true
	return viaWebhook, nil
}

// Report posts the report of a run, if the policy wants this one posted or it was announced, and calls people in
// a second message if they are needed.
func (w *Webhook) Report(ctx context.Context, r *audit.Report) (posted string, err error) {
	if !w.announced && !w.wanted(r) {
		return "", nil
	}
	ctx = context.WithoutCancel(ctx)
	o := w.options(SlackFinal)
	if err := w.post(ctx, SlackWebhook(r, o)); err != nil {
		return "", err
	}
	if alert, ok := SlackAlert(r, o); ok {
		if err := w.post(ctx, alert); err != nil {
			return "", err
		}
	}
	return viaWebhook, nil
}

func (w *Webhook) post(ctx context.Context, m SlackMessage) error {
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	return w.plainly(ctx, fmt.Sprintf("posting the report (%s) through the webhook", m.Part), m, func(m SlackMessage) error {
		return w.send(ctx, m)
	})
}

// send sends one message. slack-go's own function would put the URL into its errors and drop Slack's answer.
func (w *Webhook) send(ctx context.Context, m SlackMessage) error {
	off := false
	payload := slack.WebhookMessage{Text: m.Text, Parse: "none", UnfurlLinks: &off, UnfurlMedia: &off}
	if len(m.Blocks) > 0 {
		payload.Blocks = &slack.Blocks{BlockSet: m.Blocks}
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.secret.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("bad SLACK_WEBHOOK_URL")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if sent := (*url.Error)(nil); errors.As(err, &sent) {
		return sent.Err // without the URL
	} else if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	word := strings.TrimSpace(string(answer))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusOK && word == "ok":
		return nil
	case resp.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 where it is no number
		return &slack.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second}
	case resp.StatusCode >= 400 && resp.StatusCode < 500 && isWord(word):
		return slack.SlackErrorResponse{Err: word}
	}
	return slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
}

// isWord reports whether an answer is one of Slack's error words.
func isWord(s string) bool {
	return s != "" && len(s) < 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}
