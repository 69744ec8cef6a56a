package slack

import (
	"context"
	"errors"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/rules"
)

const (
	// defaultPause is how long to wait between two posts to a channel: Slack takes about one a second
	// (https://docs.slack.dev/apis/web-api/rate-limits).
	defaultPause = time.Second
	// maxTries is how often a message is sent that Slack wants later.
	maxTries = 5
)

// sender is what both ways to Slack have in common.
type sender struct {
	policy   *rules.Slack
	secret   okta.Secret
	outbox   outbox.Box
	flags    string
	own      *outbox.Parcel // the report of this run, once it is begun
	called   bool           // people were called for a report of an earlier run
	posted   time.Time      // when the last message was
	pause    time.Duration  // between two of them
	patience time.Duration  // for what earlier runs left
}

func newSender(c Config) sender {
	pause := c.Pause
	if pause == 0 {
		pause = defaultPause
	}
	return sender{policy: c.Policy, secret: c.Secret, outbox: c.Outbox, flags: c.Flags, pause: max(pause, 0),
		patience: deliveryTimeout}
}

func (s *sender) options(stage Stage) Options {
	o := Options{Mention: s.policy.Mention, Channel: s.policy.Channel, Stage: stage, Flags: s.flags}
	for _, p := range s.outbox.Past().Trend {
		o.Trend = append(o.Trend, TrendPoint{At: p.At, Findings: p.Findings, Critical: p.Critical})
	}
	return o
}

// Begun reports whether anything of this run was to be posted: an announcement, or a report that the policy wants.
func (s *sender) Begun() bool { return s.own != nil }

// wanted says whether the policy wants a report posted. Failures are always, and what nobody was told of before.
func (s *sender) wanted(r *audit.Report) bool {
	switch {
	case r.Err != nil, r.Count(audit.Failed) > 0, r.Acted, r.Shrunken, r.Belated > 0, notify.CalledOffNews(r):
		return true
	case s.policy.Heartbeat > 0 && r.Finished.Add(s.untilNext()).Sub(s.outbox.Past().LastPost) > s.policy.Heartbeat:
		return true
	}
	switch s.policy.On {
	case rules.Always:
		return true
	case rules.OnFindings:
		return len(r.Findings) > 0
	default:
		return !r.Changes.Known || r.Changes.New > 0 || r.Changes.Resolved > 0 || r.Changes.Moved > 0
	}
}

// untilNext is how long it may be until the next run, for all that the ledger tells: as long as between the one before
// and this one, whose plan it already has, and at least an hour. A sign of life that waited for that run would come too
// late if the time for it is over by then: a punctual one is always a little short of it.
func (s *sender) untilNext() time.Duration {
	wait := time.Hour
	if trend := s.outbox.Past().Trend; len(trend) > 1 {
		wait = max(wait, trend[len(trend)-1].At.Sub(trend[len(trend)-2].At))
	}
	return wait
}

// withFallback sends a message; what Slack doesn't understand is tried once more in each plainer form.
func (s *sender) withFallback(ctx context.Context, doing string, m Message, send func(Message) error) error {
	for {
		err := s.withRetries(ctx, doing, func() error { return send(m) })
		plainer, ok := Plainer(m)
		var e *Error
		if err == nil || !errors.As(err, &e) || e.class != classMalformed || !ok {
			return err
		}
		m = plainer
	}
}

// withRetries sends one thing, not too soon after the last, and again when Slack asks for that. A lost answer is
// not tried again: the message may be there.
func (s *sender) withRetries(ctx context.Context, doing string, send func() error) error {
	if wait := s.pause - time.Since(s.posted); wait > 0 {
		if err := okta.Sleep(ctx, wait); err != nil {
			return failureOf(doing, s.secret, err)
		}
	}
	return outbox.Retry(ctx, maxTries, func() error {
		err := send()
		s.posted = time.Now()
		if err == nil {
			return nil
		}
		e := failureOf(doing, s.secret, err)
		if e.class != classLater {
			return e
		}
		later := &outbox.Later{Err: e}
		if limited := (*slack.RateLimitedError)(nil); errors.As(err, &limited) {
			later.Wait = limited.RetryAfter
		}
		return later
	})
}
