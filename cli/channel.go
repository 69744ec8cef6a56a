package cli

import (
	"context"
	"errors"
	"log/slog"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/notify/outbox"
	"tokensweep/rules"
)

// channel delivers reports to people, and what an enforcing run is about to do before it does it.
type channel interface {
	Announce(context.Context, *audit.Report) (via string, err error)
	Report(context.Context, *audit.Report) error
	// Begun reports whether anything of the run was to be posted.
	Begun() bool
	// Check looks at all that a delivery needs.
	Check(context.Context) []audit.Check
}

// channelOf is where a run reports to besides its output; nil for nowhere. Slack decides whether a notice was
// delivered, where there is Slack, and else the webhook. A run that judges another time than now posts nothing, since
// nobody is to take it for news.
func (a *app) channelOf(policy *rules.Policy, f *runFlags, l *ledger.Ledger) (channel, error) {
	switch {
	case f.channel != nil:
		return counted{f.channel, f.metrics, metrics.Slack}, nil
	case !f.asOf.IsZero():
		a.logger().Info("a run with --as-of posts nothing to Slack or a webhook")
		return nil, nil
	}
	box := outbox.Box{Ledger: l}
	s, err := a.slackFor(policy, f.enforce, box, f.locations())
	if err != nil {
		return nil, err
	}
	w, err := a.webhookFor(box)
	if err != nil {
		return nil, err
	}
	if s == nil && policy.Notify.Slack != nil {
		a.logger().Warn("the policy asks for a report in Slack, and neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is " +
			"set: nothing is posted")
	}
	all := channels{log: a.logger()}
	if s != nil {
		all.list = append(all.list, counted{s, f.metrics, metrics.Slack})
	}
	if w != nil {
		all.list = append(all.list, counted{w, f.metrics, metrics.Webhook})
	}
	if len(all.list) == 0 {
		return nil, nil
	}
	return all, nil
}

// channels are one or more, of which the first decides whether a notice was delivered.
type channels struct {
	list []channel
	log  *slog.Logger
}

// Announce implements channel. What others than the first did not take, their report tells.
func (c channels) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	via, err = c.list[0].Announce(ctx, r)
	if err != nil {
		return "", err
	}
	for _, other := range c.list[1:] {
		if _, err := other.Announce(ctx, r); err != nil {
			c.log.Warn("an announcement was not delivered, and the report will be all the same", "error", err)
		}
	}
	return via, nil
}

// Report implements channel.
func (c channels) Report(ctx context.Context, r *audit.Report) error {
	var wrong []error
	for _, one := range c.list {
		wrong = append(wrong, one.Report(ctx, r))
	}
	return errors.Join(wrong...)
}

// Begun implements channel.
func (c channels) Begun() bool {
	for _, one := range c.list {
		if one.Begun() {
			return true
		}
	}
	return false
}

// Check implements channel.
func (c channels) Check(ctx context.Context) (checks []audit.Check) {
	for _, one := range c.list {
		checks = append(checks, one.Check(ctx)...)
	}
	return checks
}

// counted is a channel whose deliveries are counted.
type counted struct {
	channel
	metrics *metrics.Set
	name    metrics.Channel
}

// Announce implements channel. A run with nothing to announce has no delivery.
func (c counted) Announce(ctx context.Context, r *audit.Report) (via string, err error) {
	via, err = c.channel.Announce(ctx, r)
	if err != nil || c.Begun() {
		c.metrics.Announced(c.name, err)
	}
	return via, err
}

// Report implements channel. A report that the policy doesn't want posted is no delivery.
func (c counted) Report(ctx context.Context, r *audit.Report) error {
	err := c.channel.Report(ctx, r)
	if err != nil || c.Begun() {
		c.metrics.Reported(c.name, err)
	}
	return err
}

// announceIn posts the announcement to a channel, and then shows it here.
func announceIn(c channel, here func(context.Context, *audit.Report) (string, error)) func(
	context.Context, *audit.Report) (string, error) {
	return func(ctx context.Context, r *audit.Report) (string, error) {
		via, err := c.Announce(ctx, r)
		if err != nil {
			return "", err
		}
		_, err = here(ctx, r)
		return via, err
	}
}
