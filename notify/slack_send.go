package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// slackTimeout bounds the delivery of one report, and then that of all which earlier runs left.
const slackTimeout = 5 * time.Minute

// SlackConfig is what a delivery to Slack needs. Secret and Policy are required.
type SlackConfig struct {
	// Secret is the bot token, or the URL of the webhook.
	Secret okta.Secret
	// APIURL is another base URL than Slack's own, "" for Slack's; https, or plain http for a loopback address. A
	// webhook has no use for it.
	APIURL string
	// Policy says where reports go, and when.
	Policy *rules.Slack
	// Outbox remembers what is on its way.
	Outbox Outbox
	// Flags are those of SlackOptions.
	Flags string
	// Pause is the time between two messages: 0 means a second, which is Slack's own limit
	// (https://docs.slack.dev/apis/web-api/rate-limits), less than 0 none, for a workspace that has no limit.
	Pause time.Duration
}

// Slack delivers the report of one run to a channel: one message, details in its thread.
type Slack struct {
	sender

	api *slack.Client
	me  *slack.AuthTestResponse // once it was asked for
}

// NewSlack makes the delivery of one run. It sends nothing.
func NewSlack(c SlackConfig) (*Slack, error) {
	options := []slack.Option{slack.OptionHTTPClient(slackHTTP())}
	if c.APIURL != "" {
		u, ok := slackURL(c.APIURL)
		if !ok {
			return nil, errors.New("bad SLACK_API_URL: want https, or plain http for a loopback address")
		}
		if u.Path == "" || u.Path[len(u.Path)-1] != '/' {
			u.Path += "/"
		}
		options = append(options, slack.OptionAPIURL(u.String()))
	}
	return &Slack{api: slack.New(c.Secret.Reveal(), options...), sender: newSender(c)}, nil
}

// viaSlack begins how records name a channel.
const viaSlack = "slack "

// channelOf is the channel to which a parcel goes: one of another kind of delivery comes to the policy's.
func (s *Slack) channelOf(p *parcel) string {
	if channel, ok := strings.CutPrefix(p.via, viaSlack); ok && p.via != viaWebhook {
		return channel
	}
	return s.policy.Channel
}

// Announce posts what an enforcing run is about to do, with all that it announces in the thread. It
// returns how the notice went. Without an error Slack has accepted all of it. Of a run that changes and announces
// nothing there is the report alone, if the policy wants it.
func (s *Slack) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	if silent(r) {
		return viaSlack + s.policy.Channel, nil
	}
	if s.own, err = s.outbox.announce(r.ID, viaSlack+s.policy.Channel, time.Now()); err != nil {
		return "", err
	}
	c := &slackContent{Thread: SlackReport(r, s.options(SlackBefore)), announcement: true}
	if err := s.deliver(ctx, s.own, c); err != nil {
		return "", err
	}
	return s.own.parts[partParent], nil
}

// Report posts the report of a run, if the policy wants this one posted. That of a
// run whose announcement was posted always is: the announcement is rewritten with what came of it, and people are
// called if they are needed. What can't be posted now is kept in the outbox for the next run. Last, it posts what
// earlier runs left, unless ctx is done.
func (s *Slack) Report(ctx context.Context, r *audit.Report) error {
	late, cancel := gracefully(ctx)
	defer cancel()
	err := s.reportOwn(late, r)
	return errors.Join(err, s.catchUp(ctx, r, s.deliver))
}

func (s *Slack) reportOwn(ctx context.Context, r *audit.Report) error {
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	if s.own == nil {
		if !s.wanted(r) {
			return nil
		}
		s.own = s.outbox.newParcel(r.ID, viaSlack+s.policy.Channel, time.Now())
	}
	o := s.options(SlackFinal)
	c := &slackContent{Thread: SlackReport(r, o), Owners: s.owners(ctx, r, o), Mode: r.Mode, OrgURL: r.OrgURL}
	if alert, ok := SlackAlert(r, o); ok {
		c.Alert, c.Lasting = &alert, lasting(r)
	}
	return s.own.send(c, func() error { return s.deliver(ctx, s.own, c) })
}

// deliver posts what isn't posted yet of a report: the message in the channel, then what goes into its thread,
// what goes to owners, and the call for people last.
func (s *Slack) deliver(ctx context.Context, p *parcel, c *slackContent) error {
	if err := s.lead(ctx, p, c); err != nil {
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
	return p.unrecorded
}

// lead posts the message in the channel. One that is there already, or may be, is rewritten; if somebody deleted
// it, all of the report is posted anew.
func (s *Slack) lead(ctx context.Context, p *parcel, c *slackContent) error {
	ts := p.parent()
	if ts == "" && p.doubtful {
		var err error
		if ts, err = s.find(ctx, p, c.Thread.Parent.Part, ""); err != nil && !refusedBySlack(err) {
			return err
		}
	}
	if ts != "" {
		err := s.rewrite(ctx, p, ts, c.Thread.Parent)
		if err == nil && p.parent() == "" {
			p.accepted(partParent, s.where(p, ts))
		}
		if err == nil || !goneFromSlack(err) {
			return err
		}
		clear(p.parts)
	}
	ts, err := s.post(ctx, p, c.Thread.Parent, "")
	if err == nil {
		p.accepted(partParent, s.where(p, ts))
	}
	return err
}

func (s *Slack) where(p *parcel, ts string) string { return viaSlack + s.channelOf(p) + " " + ts }

// reply posts a message to the thread, unless it is there.
func (s *Slack) reply(ctx context.Context, p *parcel, c *slackContent, m SlackMessage) (err error) {
	if p.parts[c.key(m.Part)] != "" {
		return nil
	}
	ts := ""
	if p.doubtful {
		if ts, err = s.find(ctx, p, m.Part, p.parent()); err != nil && !refusedBySlack(err) {
			return err
		}
	}
	if ts == "" {
		if ts, err = s.post(ctx, p, m, p.parent()); err != nil {
			return err
		}
	}
	p.accepted(c.key(m.Part), s.where(p, ts))
	return nil
}

// post posts a message to the channel, or to a thread. If the answer is lost, the message is looked for, and
// posted once more only if it can't be found.
func (s *Slack) post(ctx context.Context, p *parcel, m SlackMessage, thread string) (ts string, err error) {
	for again := false; ; again = true {
		err = s.plainly(ctx, fmt.Sprintf("posting the report (%s) to %s", m.Part, s.channelOf(p)), m,
			func(m SlackMessage) error {
				ts, err = s.send(ctx, s.channelOf(p), thread, m)
				return err
			})
		var e *SlackError
		if !errors.As(err, &e) || !e.MayHavePosted {
			return ts, err
		}
		if p.doubtful = true; again {
			return "", err
		}
		if pause(ctx, 2*s.gap) != nil {
			return "", err
		}
		found, lookErr := s.find(ctx, p, m.Part, thread)
		switch {
		case found != "":
			return found, nil
		case lookErr != nil && !refusedBySlack(lookErr):
			return "", err
		}
	}
}

// errNoThread is a thread whose first message is gone: Slack posts its replies to the channel
// (https://docs.slack.dev/reference/methods/chat.postMessage).
var errNoThread = errors.New("the first message of the thread was deleted")

func (s *Slack) send(ctx context.Context, channel, thread string, m SlackMessage) (ts string, err error) {
	options := content(m)
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

// content is what a message says, and that Slack shall parse and unfold nothing.
func content(m SlackMessage) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionMetadata(m.Metadata),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// rewrite replaces a message. To do so twice does no harm.
func (s *Slack) rewrite(ctx context.Context, p *parcel, ts string, m SlackMessage) error {
	return s.plainly(ctx, "rewriting the report in "+s.channelOf(p), m, func(m SlackMessage) error {
		_, _, _, err := s.api.UpdateMessageContext(ctx, s.channelOf(p), ts, content(m)...)
		return err
	})
}

// upload shares a file in the thread, unless it is there. A file can't be looked for: after a lost answer the
// next run may share it again.
func (s *Slack) upload(ctx context.Context, p *parcel, c *slackContent, f SlackFile) error {
	if p.parts[c.key(f.Name)] != "" {
		return nil
	}
	err := s.patiently(ctx, fmt.Sprintf("uploading %s to %s", f.Name, s.channelOf(p)), func() error {
		_, err := s.api.UploadFileContext(ctx, slack.UploadFileParameters{
			Filename: f.Name, Title: f.Title, Reader: bytes.NewReader(f.Content), FileSize: len(f.Content),
			Channel: s.channelOf(p), ThreadTimestamp: p.parent(),
		})
		return err
	})
	if err == nil {
		p.accepted(c.key(f.Name), s.where(p, p.parent()))
	}
	return err
}

// goneFromSlack reports whether a message can't be rewritten any more.
func goneFromSlack(err error) bool {
	var said slack.SlackErrorResponse
	return errors.As(err, &said) && slices.Contains([]string{"message_not_found", "cant_update_message",
		"edit_window_closed"}, said.Err)
}

// refusedBySlack reports whether Slack has understood a request and said no for good.
func refusedBySlack(err error) bool {
	var e *SlackError
	return errors.As(err, &e) && e.class == slackRefused
}
