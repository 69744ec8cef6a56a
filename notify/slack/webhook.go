package slack

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
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
)

// Webhook delivers the report of one run through an incoming webhook: messages without a thread that can't be
// changed later and say what they leave out
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
type Webhook struct {
	sender
	client *http.Client
}

// viaWebhook names the way in records, and webhookPlace is where it leads. The URL is a secret.
const viaWebhook = "slack webhook"

var webhookPlace = ledger.Place{Via: viaWebhook}

// NewWebhook makes the delivery of one run. It sends nothing. The URL in c.Secret is of https, or of plain http for a
// loopback address; no error repeats it.
func NewWebhook(c Config) (*Webhook, error) {
	if _, ok := outbox.ParseURL(c.Secret.Reveal()); !ok {
		return nil, errors.New("bad SLACK_WEBHOOK_URL: want https, or plain http for a loopback address")
	}
	return &Webhook{sender: newSender(c), client: outbox.NewClient(time.Minute)}, nil
}

// Announce posts what an enforcing run is about to do. Without an error Slack has accepted it. Of a run that changes
// and announces nothing there is the report alone, if the policy wants it.
func (w *Webhook) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	if outbox.Silent(r) {
		return viaWebhook, nil
	}
	if w.own, err = w.outbox.Announce(r.ID, webhookPlace, time.Now()); err != nil {
		return "", err
	}
	c := &content{Thread: Thread{Parent: OneMessage(r, w.options(Before))}, announcement: true}
	if err := w.deliver(ctx, w.own, c); err != nil {
		return "", err
	}
	w.own.Forget() // it can't be rewritten: the report is another message
	return viaWebhook, nil
}

// Report posts the report of a run, if the policy wants this one posted or its announcement was, and calls people in
// a second message if they are needed. What can't be posted now is kept in the outbox for the next run. Last, it
// posts what earlier runs left, unless ctx is done.
func (w *Webhook) Report(ctx context.Context, r *audit.Report) error {
	late, cancel := outbox.Gracefully(ctx)
	defer cancel()
	err := w.reportOwn(late, r)
	return errors.Join(err, w.catchUp(ctx, r, func(ctx context.Context, p *outbox.Parcel, c *content) error {
		if p.To.Via != viaWebhook {
			return fmt.Errorf("%w (%s), and there is only a webhook", outbox.ErrElsewhere, p.To.Via)
		}
		if c.Thread.Parent.Part == partParent { // an interrupted run: what was announced can't be rewritten
			p.Forget()
		}
		return w.deliver(ctx, p, c)
	}))
}

func (w *Webhook) reportOwn(ctx context.Context, r *audit.Report) error {
	if w.own == nil {
		if !w.wanted(r) {
			return nil
		}
		w.own = w.outbox.New(r.ID, webhookPlace, time.Now())
	}
	o := w.options(Final)
	c := &content{Thread: Thread{Parent: OneMessage(r, o)}, Mode: r.Mode, OrgURL: r.OrgURL}
	if alert, ok := Alert(r, o); ok {
		c.Alert, c.Lasting = &alert, lasting(r)
	}
	return w.own.Send(c, func() error { return w.deliver(ctx, w.own, c) })
}

// deliver posts what isn't posted yet. After a lost answer a message may come twice: it can't be looked for.
func (w *Webhook) deliver(ctx context.Context, p *outbox.Parcel, c *content) error {
	messages := []Message{c.Thread.Parent}
	if c.Alert != nil {
		messages = append(messages, *c.Alert)
	}
	for _, m := range messages {
		if has(p, c.key(m.Part)) {
			continue
		}
		if err := w.post(ctx, m); err != nil {
			return err
		}
		p.Accepted(c.key(m.Part), webhookPlace)
	}
	return p.Unrecorded()
}

func (w *Webhook) post(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	return w.withFallback(ctx, fmt.Sprintf("posting the report (%s) through the webhook", m.Part), m,
		func(m Message) error {
			return w.send(ctx, m)
		})
}

// send sends one message. slack-go's own function would put the URL into its errors and drop Slack's answer.
func (w *Webhook) send(ctx context.Context, m Message) error {
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
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout:
		return foreignAnswer(resp, answer, checkWebhook)
	}
	return slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
}

// isWord reports whether an answer is one of Slack's error words.
func isWord(s string) bool {
	return s != "" && len(s) < 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}
