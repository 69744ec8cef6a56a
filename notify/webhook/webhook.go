// Package webhook delivers reports to a plain signed webhook: for mail gateways, chats other than Slack, automation.
//
// The body is JSON: the report's summary and what is news in it ([notify.News]). docs/webhook.md says to those who
// receive it how to verify what they get.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
)

// Channel names the channel in records, and how a notice went in them. The URL is a secret.
const Channel = "webhook"

// place is where all reports go.
var place = ledger.Place{Via: Channel}

const (
	// maxBody is how long a body is at most, in bytes, unless a single finding is longer.
	maxBody = 256 << 10
	// answerTimeout is how long a receiver may take to accept a part.
	answerTimeout = 10 * time.Second
	// maxTries is how often a part is sent in one run.
	maxTries = 3
	// deliveryTimeout bounds the delivery of one report, and then that of all which earlier runs left.
	deliveryTimeout = 2 * time.Minute
)

// Config is what a delivery to a webhook needs. URL and Secret are required.
type Config struct {
	// URL is of https, or of plain http for a loopback address. It is a secret, since it may hold a key.
	URL okta.Secret
	// Secret is the key of the signatures.
	Secret okta.Secret
	// Outbox remembers what is on its way.
	Outbox outbox.Box
}

// Webhook delivers the report of one run.
type Webhook struct {
	url, secret okta.Secret
	outbox      outbox.Box
	client      *http.Client
	own         *outbox.Parcel // the report of this run, once it is begun
}

// New makes the delivery of one run. It sends nothing. No error repeats a secret.
func New(c Config) (*Webhook, error) {
	if _, ok := outbox.ParseURL(c.URL.Reveal()); !ok {
		return nil, errors.New("bad TOKENSWEEP_WEBHOOK_URL: want https, or plain http for a loopback address")
	}
	if c.Secret.IsZero() {
		return nil, errors.New("TOKENSWEEP_WEBHOOK_URL is set, and TOKENSWEEP_WEBHOOK_SECRET is not: " +
			"receivers could not tell who sent a report")
	}
	c.Outbox.Channel = Channel
	return &Webhook{url: c.URL, secret: c.Secret, outbox: c.Outbox, client: outbox.NewClient(answerTimeout)}, nil
}

// content is all that is to be delivered of one report. Its JSON is kept in the outbox.
type content struct {
	Parts []part `json:"parts"`
}

// part is one request. Its name and its body are the same on every try.
type part struct {
	Name string          `json:"name"`
	Body json.RawMessage `json:"body"`
}

func contentOf(r *audit.Report, e notify.Event) (*content, error) {
	bodies, err := notify.News(r, e, maxBody)
	if err != nil {
		return nil, err
	}
	c := &content{}
	for i, body := range bodies {
		c.Parts = append(c.Parts, part{Name: fmt.Sprintf("%s-%d", e, i+1), Body: body})
	}
	return c, nil
}

// Begun reports whether anything of this run was to be delivered.
func (w *Webhook) Begun() bool { return w.own != nil }

// Announce delivers what an enforcing run is about to do, if that is anything. Without an error the receiver has
// accepted it.
func (w *Webhook) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	if outbox.Silent(r) {
		return Channel, nil
	}
	c, err := contentOf(r, notify.Announcement)
	if err != nil {
		return "", err
	}
	if w.own, err = w.outbox.Announce(r.ID, place, time.Now()); err != nil {
		return "", err
	}
	return Channel, w.deliver(ctx, w.own, c)
}

// Report delivers the report of a run, and then what earlier runs left, unless ctx is done. What can't be delivered now
// is kept in the outbox for the next run.
func (w *Webhook) Report(ctx context.Context, r *audit.Report) error {
	late, cancel := outbox.Gracefully(ctx)
	defer cancel()
	err := w.reportOwn(late, r)
	ctx, cancelLeft := context.WithTimeout(ctx, deliveryTimeout)
	defer cancelLeft()
	return errors.Join(err, w.outbox.CatchUp(ctx, r, w.deliverLeft))
}

func (w *Webhook) reportOwn(ctx context.Context, r *audit.Report) error {
	c, err := contentOf(r, notify.Final)
	if err != nil {
		return err
	}
	if w.own == nil {
		w.own = w.outbox.New(r.ID, place, time.Now())
	}
	return w.own.Send(c, func() error { return w.deliver(ctx, w.own, c) })
}

// deliverLeft delivers what an earlier run left. What is known of one that died is kept first: a delivery says the same
// on every try, whatever is found out in between.
func (w *Webhook) deliverLeft(ctx context.Context, p *outbox.Parcel, left outbox.Left) error {
	if left.Interrupted != nil {
		c, err := contentOf(left.Interrupted, notify.Interrupted)
		if err != nil {
			return err
		}
		return errors.Join(p.Keep(c), w.deliver(ctx, p, c))
	}
	c := &content{}
	if err := json.Unmarshal(left.Content, c); err != nil {
		return fmt.Errorf("%w: another version wrote it: %w", ledger.ErrNoParcel, err)
	}
	return w.deliver(ctx, p, c)
}

// deliver sends the parts that are not accepted yet, in their order.
func (w *Webhook) deliver(ctx context.Context, p *outbox.Parcel, c *content) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	for _, m := range c.Parts {
		if _, accepted := p.Part(m.Name); accepted {
			continue
		}
		err := outbox.Retry(ctx, maxTries, func() error { return w.post(ctx, p.Run+"/"+m.Name, m.Body) })
		if err != nil {
			return fmt.Errorf("delivering the report (%s) to the webhook: %w", m.Name, err)
		}
		p.Accepted(m.Name, place)
	}
	return p.Unrecorded()
}
