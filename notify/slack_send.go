package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// slackTimeout bounds the delivery of one report.
const slackTimeout = 5 * time.Minute

// Slack delivers the report of one run to a channel: one message, details in its thread.
type Slack struct {
	sender

	api    *slack.Client
	parent string // the message of this run, once it is posted
}

// NewSlack makes the delivery of one run. It sends nothing. apiURL is another base URL than Slack's own,
// "" for Slack's; https, or plain http for a loopback address. last is when a report was last posted, for the
// policy's heartbeat; zero if never, or not known.
func NewSlack(token okta.Secret, apiURL string, policy *rules.Slack, last time.Time) (*Slack, error) {
	options := []slack.Option{slack.OptionHTTPClient(slackHTTP())}
	if apiURL != "" {
		u, ok := slackURL(apiURL)
		if !ok {
			return nil, errors.New("bad SLACK_API_URL: want https, or plain http for a loopback address")
		}
		if u.Path == "" || u.Path[len(u.Path)-1] != '/' {
			u.Path += "/"
		}
		options = append(options, slack.OptionAPIURL(u.String()))
	}
	return &Slack{api: slack.New(token.Reveal(), options...), sender: newSender(token, policy, last)}, nil
}

// Announce posts what an enforcing run is about to do, with all that it announces in the thread. It
// returns how the notice went. Without an error Slack has accepted all of it.
func (s *Slack) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	if err := s.postThread(ctx, SlackReport(r, s.options(SlackBefore))); err != nil {
		return "", err
	}
	return s.where(), nil
}

// Report posts the report of a run, if the policy wants this one posted, and names where it went. That of a
// run which was announced always is: the announcement is rewritten with what came of it, and people are
// called if they are needed.
func (s *Slack) Report(ctx context.Context, r *audit.Report) (posted string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slackTimeout)
	defer cancel()
	o := s.options(SlackFinal)
	announced := s.parent != ""
	if !announced && !s.wanted(r) {
		return "", nil
	}
	thread := SlackReport(r, o)
	if announced {
		if err := s.rewrite(ctx, thread.Parent); err != nil {
			return "", err
		}
		thread.Parent = SlackMessage{}
	}
	if err := s.postThread(ctx, thread); err != nil {
		return "", err
	}
	if alert, ok := SlackAlert(r, o); ok {
		if err := s.post(ctx, alert); err != nil {
			return "", err
		}
	}
	return s.where(), nil
}

// where names the message of this run.
func (s *Slack) where() string { return "slack " + s.policy.Channel + " " + s.parent }

// postThread posts a message, if there is one to post, then its replies and files.
func (s *Slack) postThread(ctx context.Context, t SlackThread) error {
	messages := t.Replies
	if t.Parent.Text != "" {
		messages = append([]SlackMessage{t.Parent}, messages...)
	}
	for _, m := range messages {
		if err := s.post(ctx, m); err != nil {
			return err
		}
	}
	for _, f := range t.Files {
		if err := s.upload(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// post posts a message: the first of a run to the channel, the others to its thread.
func (s *Slack) post(ctx context.Context, m SlackMessage) error {
	return s.plainly(ctx, fmt.Sprintf("posting the report (%s) to %s", m.Part, s.policy.Channel), m, func(m SlackMessage) error {
		options := content(m)
		if s.parent != "" {
			options = append(options, slack.MsgOptionTS(s.parent))
			if m.Broadcast {
				options = append(options, slack.MsgOptionBroadcast())
			}
		}
		_, ts, err := s.api.PostMessageContext(ctx, s.policy.Channel, options...)
		switch {
		case err != nil:
			return err
		case ts == "":
			return errors.New("the answer has no ts, so that nobody knows whether the message is there")
		case s.parent == "":
			s.parent = ts
		}
		return nil
	})
}

// content is what a message says, and that Slack shall parse and unfold nothing.
func content(m SlackMessage) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionMetadata(m.Metadata),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// rewrite replaces the message of this run.
func (s *Slack) rewrite(ctx context.Context, m SlackMessage) error {
	return s.patiently(ctx, "rewriting the report in "+s.policy.Channel, func() error {
		_, _, _, err := s.api.UpdateMessageContext(ctx, s.policy.Channel, s.parent, content(m)...)
		return err
	})
}

func (s *Slack) upload(ctx context.Context, f SlackFile) error {
	return s.patiently(ctx, fmt.Sprintf("uploading %s to %s", f.Name, s.policy.Channel), func() error {
		_, err := s.api.UploadFileContext(ctx, slack.UploadFileParameters{
			Filename: f.Name, Title: f.Title, Reader: bytes.NewReader(f.Content), FileSize: len(f.Content), Channel: s.policy.Channel, ThreadTimestamp: s.parent,
		})
		return err
	})
}
