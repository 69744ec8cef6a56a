package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

const (
	// slackTimeout bounds the delivery of one report.
	slackTimeout = 5 * time.Minute
	// slackPause is how long to wait between two posts to a channel: Slack takes about one a second
	// (https://docs.slack.dev/apis/web-api/rate-limits).
	slackPause = time.Second
	// slackTries is how often a message is sent that Slack wants later.
	slackTries = 5
)

// Slack delivers the report of one run to a channel: one message, details in its thread.
type Slack struct {
	// LastRun is when a report was last posted, for the policy's heartbeat; zero if never, or not known.
	LastRun time.Time

	api    *slack.Client
	token  okta.Secret
	policy *rules.Slack
	parent string        // the message of this run, once it is posted
	posted time.Time     // when the last message was
	gap    time.Duration // between two of them
}

// NewSlack makes the delivery of one run. It sends nothing. apiURL is another base URL than Slack's own,
// "" for Slack's; https, or plain http for a loopback address.
func NewSlack(token okta.Secret, apiURL string, policy *rules.Slack) (*Slack, error) {
	client := &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	options := []slack.Option{slack.OptionHTTPClient(client)}
	if apiURL != "" {
		u, err := url.Parse(apiURL)
		if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !okta.IsLoopback(u.Hostname()))) {
			return nil, errors.New("bad SLACK_API_URL: want https, or plain http for a loopback address")
		}
		if u.Path == "" || u.Path[len(u.Path)-1] != '/' {
			u.Path += "/"
		}
		options = append(options, slack.OptionAPIURL(u.String()))
	}
	return &Slack{api: slack.New(token.Reveal(), options...), token: token, policy: policy, gap: slackPause}, nil
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

func (s *Slack) options(stage SlackStage) SlackOptions {
	return SlackOptions{Mention: s.policy.Mention, Stage: stage}
}

// wanted says whether the policy wants a report posted. Failures are always.
func (s *Slack) wanted(r *audit.Report) bool {
	switch {
	case r.Err != nil, r.Count(audit.Failed) > 0, r.Acted:
		return true
	case s.policy.Heartbeat > 0 && r.Finished.Sub(s.LastRun) >= s.policy.Heartbeat:
		return true
	}
	switch s.policy.On {
	case rules.Always:
		return true
	case rules.OnFindings:
		return len(r.Findings) > 0
	default:
		return !r.Changes.Known || r.Changes.New > 0 || r.Changes.Resolved > 0
	}
}

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

// post posts a message: the first of a run to the channel, the others to its thread. What Slack doesn't
// understand is tried once more in each plainer form.
func (s *Slack) post(ctx context.Context, m SlackMessage) error {
	doing := fmt.Sprintf("posting the report (%s) to %s", m.Part, s.policy.Channel)
	for {
		err := s.patiently(ctx, doing, func() error {
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
		plainer, ok := SlackPlainer(m)
		var e *SlackError
		if err == nil || !errors.As(err, &e) || e.class != slackMalformed || !ok {
			return err
		}
		m = plainer
	}
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

// patiently sends one thing, not too soon after the last, and again when Slack asks for that. A lost answer is
// not tried again: the message may be there.
func (s *Slack) patiently(ctx context.Context, doing string, send func() error) error {
	for try := 1; ; try++ {
		if wait := s.gap - time.Since(s.posted); try == 1 && wait > 0 {
			if err := pause(ctx, wait); err != nil {
				return slackFailure(doing, s.token, err)
			}
		}
		err := send()
		s.posted = time.Now()
		if err == nil {
			return nil
		}
		e := slackFailure(doing, s.token, err)
		if e.class != slackLater || try == slackTries {
			return e
		}
		wait := time.Duration(try) * 5 * time.Second
		if limited := (*slack.RateLimitedError)(nil); errors.As(err, &limited) && limited.RetryAfter > 0 {
			wait = limited.RetryAfter
		}
		if end, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(end) {
			return e
		}
		if err := pause(ctx, wait); err != nil {
			return e
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
