package cli

import (
	"context"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/rules"
)

// slackFor makes the delivery to Slack that the policy asks for, from what the environment has. It is nil if
// the policy asks for none, or if a dry run has no credential for it, which is said.
func (a *app) slackFor(policy *rules.Policy, enforce bool, l *ledger.Ledger) (*notify.Slack, error) {
	if policy.Notify.Slack == nil {
		return nil, nil
	}
	token, err := a.env.optionalSecret("SLACK_BOT_TOKEN")
	if err != nil {
		return nil, err
	}
	if token.IsZero() {
		if enforce {
			return nil, &failure{
				code: audit.Usage, err: usage("the policy wants its notices in Slack, and SLACK_BOT_TOKEN is not set"),
				hint: "set SLACK_BOT_TOKEN_FILE, or remove notify.slack from the policy to have the notices in the report alone",
			}
		}
		a.logger().Warn("the policy asks for a report in Slack, and SLACK_BOT_TOKEN is not set: nothing is posted")
		return nil, nil
	}
	s, err := notify.NewSlack(token, a.env.or("SLACK_API_URL", ""), policy.Notify.Slack)
	if err != nil {
		return nil, usage("%w", err)
	}
	if policy.Notify.Slack.Owners {
		a.logger().Warn("this version sends no messages to owners: the policy's notify.slack.owners is not used")
	}
	if l != nil {
		s.LastRun = l.State().LastPost
	}
	return s, nil
}

// announceIn posts the announcement to Slack, and then shows it here.
func announceIn(s *notify.Slack, here func(context.Context, *audit.Report) (string, error)) func(context.Context, *audit.Report) (string, error) {
	return func(ctx context.Context, r *audit.Report) (string, error) {
		via, err := s.Announce(ctx, r)
		if err != nil {
			return "", err
		}
		_, err = here(ctx, r)
		return via, err
	}
}
