package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/rules"
)

// deliveryTimeout bounds the delivery of one report, and then that of all which earlier runs left.
const deliveryTimeout = 5 * time.Minute

// Config is what a delivery to Slack needs. Secret and Policy are required.
type Config struct {
	// Secret is the bot token, or the URL of the webhook.
	Secret okta.Secret
	// APIURL is another base URL than Slack's own, "" for Slack's; https, or plain http for a loopback address. A
	// webhook has no use for it.
	APIURL string
	// Policy says where reports go, and when.
	Policy *rules.Slack
	// Outbox remembers what is on its way.
	Outbox outbox.Box
	// Flags are those of Options.
	Flags string
	// Pause is the time between two messages: 0 means a second, which is Slack's own limit
	// (https://docs.slack.dev/apis/web-api/rate-limits), less than 0 none, for a workspace that has no limit.
	Pause time.Duration
}

// Bot delivers the report of one run to a channel: one message, details in its thread.
type Bot struct {
	sender

	api *slack.Client
	me  *slack.AuthTestResponse // once it was asked for
}

// NewBot makes the delivery of one run. It sends nothing.
func NewBot(c Config) (*Bot, error) {
	client := slackOnly{outbox.NewClient(time.Minute), checkWay}
	var options []slack.Option
	if c.APIURL != "" {
		u, ok := outbox.ParseURL(c.APIURL)
		if !ok {
			return nil, errors.New("bad SLACK_API_URL: want https, or plain http for a loopback address")
		}
		if u.Path == "" || u.Path[len(u.Path)-1] != '/' {
			u.Path += "/"
		}
		options = append(options, slack.OptionAPIURL(u.String()))
		client.advice = checkAPIURL
	}
	options = append(options, slack.OptionHTTPClient(client))
	return &Bot{api: slack.New(c.Secret.Reveal(), options...), sender: newSender(c)}, nil
}

// channel is the policy's channel.
func (s *Bot) channel() ledger.Place {
	return ledger.Place{Via: "slack " + s.policy.Channel, Name: s.policy.Channel}
}

// channelOf is the channel to which a parcel goes: one of another kind of delivery comes to the policy's.
func (s *Bot) channelOf(p *outbox.Parcel) string {
	return cmp.Or(p.To.Name, channelInWords(p.To.Via), s.policy.Channel)
}

// Announce posts what an enforcing run is about to do, with all that it announces in the thread. It
// returns how the notice went. Without an error Slack has accepted all of it. Of a run that changes and announces
// nothing there is the report alone, if the policy wants it.
func (s *Bot) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	if outbox.Silent(r) {
		return s.channel().Via, nil
	}
	if s.own, err = s.outbox.Announce(r.ID, s.channel(), time.Now()); err != nil {
		return "", err
	}
	c := &content{Thread: Report(r, s.options(Before)), announcement: true}
	if err := s.deliver(ctx, s.own, c); err != nil {
		return "", err
	}
	at, _ := s.own.Part(partParent)
	return at.Via, nil
}

// Report posts the report of a run, if the policy wants this one posted. That of a
// run whose announcement was posted always is: the announcement is rewritten with what came of it, and people are
// called if they are needed. What can't be posted now is kept in the outbox for the next run. Last, it posts what
// earlier runs left, unless ctx is done.
func (s *Bot) Report(ctx context.Context, r *audit.Report) error {
	late, cancel := outbox.Gracefully(ctx)
	defer cancel()
	err := s.reportOwn(late, r)
	return errors.Join(err, s.catchUp(ctx, r, s.deliver))
}

func (s *Bot) reportOwn(ctx context.Context, r *audit.Report) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	if s.own == nil {
		if !s.wanted(r) {
			return nil
		}
		s.own = s.outbox.New(r.ID, s.channel(), time.Now())
	}
	o := s.options(Final)
	c := &content{Thread: Report(r, o), Owners: s.owners(ctx, r, o), Mode: r.Mode, OrgURL: r.OrgURL}
	if alert, ok := Alert(r, o); ok {
		c.Alert, c.Lasting = &alert, lasting(r)
	}
	return s.own.Send(c, func() error { return s.deliver(ctx, s.own, c) })
}

// deliver posts what isn't posted yet of a report: the message in the channel, then what goes into its thread,
// what goes to owners, and the call for people last.
func (s *Bot) deliver(ctx context.Context, p *outbox.Parcel, c *content) error {
	if err := s.postParent(ctx, p, c); err != nil {
		return err
	}
	for _, m := range c.Thread.Replies {
		if err := s.reply(ctx, p, c, m); err != nil {
			return err
		}
	}
	for _, f := range c.Thread.Files {
		if err := s.upload(ctx, p, c, f); err != nil {
			return err
		}
	}
	if err := s.tellOwners(ctx, p, c); err != nil {
		return err
	}
	if c.Alert != nil {
		if err := s.reply(ctx, p, c, *c.Alert); err != nil {
			return err
		}
	}
	return p.Unrecorded()
}

// postParent posts the message in the channel. One that is there already, or may be, is rewritten; if somebody deleted
// it, all of the report is posted anew.
func (s *Bot) postParent(ctx context.Context, p *outbox.Parcel, c *content) error {
	ts := parent(p)
	if ts == "" && p.Doubtful {
		var err error
		if ts, err = s.find(ctx, p, c.Thread.Parent.Part, ""); err != nil && !isRefused(err) {
			return err
		}
	}
	if ts != "" {
		err := s.rewrite(ctx, p, ts, c.Thread.Parent)
		if err == nil && parent(p) == "" {
			p.Accepted(partParent, s.where(p, ts))
		}
		if err == nil || !isGone(err) {
			return err
		}
		p.Forget()
	}
	ts, err := s.post(ctx, p, c.Thread.Parent, "")
	if err == nil {
		p.Accepted(partParent, s.where(p, ts))
	}
	return err
}

// where is the place of a message, or of what hangs on it.
func (s *Bot) where(p *outbox.Parcel, ts string) ledger.Place { return placeOf(s.channelOf(p), ts) }

func placeOf(channel, ts string) ledger.Place {
	return ledger.Place{Via: "slack " + channel + " " + ts, Name: ts}
}

// reply posts a message to the thread, unless it is there.
func (s *Bot) reply(ctx context.Context, p *outbox.Parcel, c *content, m Message) (err error) {
	if has(p, c.key(m.Part)) {
		return nil
	}
	ts := ""
	if p.Doubtful {
		if ts, err = s.find(ctx, p, m.Part, parent(p)); err != nil && !isRefused(err) {
			return err
		}
	}
	if ts == "" {
		if ts, err = s.post(ctx, p, m, parent(p)); err != nil {
			return err
		}
	}
	p.Accepted(c.key(m.Part), s.where(p, ts))
	return nil
}

// post posts a message to the channel, or to a thread. If the answer is lost, the message is looked for, and
// posted once more only if it can't be found.
func (s *Bot) post(ctx context.Context, p *outbox.Parcel, m Message, thread string) (ts string, err error) {
	for again := false; ; again = true {
		err = s.withFallback(ctx, fmt.Sprintf("posting the report (%s) to %s", m.Part, s.channelOf(p)), m,
			func(m Message) error {
				ts, err = s.send(ctx, s.channelOf(p), thread, m)
				return err
			})
		var e *Error
		if !errors.As(err, &e) || !e.MayHavePosted {
			return ts, err
		}
		if p.Doubtful = true; again {
			return "", err
		}
		if okta.Sleep(ctx, 2*s.pause) != nil {
			return "", err
		}
		found, lookErr := s.find(ctx, p, m.Part, thread)
		switch {
		case found != "":
			return found, nil
		case lookErr != nil && !isRefused(lookErr):
			return "", err
		}
	}
}

// errNoThread is a thread whose first message is gone: Slack posts its replies to the channel
// (https://docs.slack.dev/reference/methods/chat.postMessage).
var errNoThread = errors.New("the first message of the thread was deleted")

func (s *Bot) send(ctx context.Context, channel, thread string, m Message) (ts string, err error) {
	options := messageOptions(m)
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
		if m.Broadcast {
			options = append(options, slack.MsgOptionBroadcast())
		}
	}
	_, ts, posted, err := s.api.PostMessageWithResponseContext(ctx, channel, options...)
	switch {
	case err != nil:
		return "", err
	case ts == "":
		return "", errors.New("the answer has no ts, so that nobody knows whether the message is there")
	case thread != "" && posted.ThreadTimestamp != thread:
		_, _, err = s.api.DeleteMessageContext(ctx, channel, ts)
		return "", errors.Join(errNoThread, err)
	}
	return ts, nil
}

// messageOptions is what a message says, and that Slack shall parse and unfold nothing.
func messageOptions(m Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionMetadata(m.Metadata),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// rewrite replaces a message. To do so twice does no harm.
func (s *Bot) rewrite(ctx context.Context, p *outbox.Parcel, ts string, m Message) error {
	return s.withFallback(ctx, "rewriting the report in "+s.channelOf(p), m, func(m Message) error {
		_, _, _, err := s.api.UpdateMessageContext(ctx, s.channelOf(p), ts, messageOptions(m)...)
		return err
	})
}

// isGone reports whether a message can't be rewritten any more.
func isGone(err error) bool {
	var said slack.SlackErrorResponse
	return errors.As(err, &said) && slices.Contains([]string{"message_not_found", "cant_update_message",
		"edit_window_closed"}, said.Err)
}

// isRefused reports whether Slack has understood a request and said no for good.
func isRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.class == classRefused
}
