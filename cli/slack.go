package cli

import (
	"context"
	"regexp"
	"strings"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slack"
	"tokensweep/rules"
)

// slackFor makes the delivery to Slack that the policy asks for, from what the environment has: a bot token, or else
// a webhook. It is nil if the policy asks for none, or if a dry run has no credential for it. flags are those by which
// commands in messages find the policy and the state.
func (a *app) slackFor(policy *rules.Policy, enforce bool, o outbox.Box, flags string) (channel, error) {
	if policy.Notify.Slack == nil {
		return nil, nil
	}
	base, err := a.env.read("SLACK_API_URL")
	if err != nil {
		return nil, err
	}
	c := slack.Config{APIURL: base, Policy: policy.Notify.Slack, Outbox: o, Flags: flags}
	token, err := a.env.optionalSecret("SLACK_BOT_TOKEN")
	if err != nil {
		return nil, err
	}
	if !visible.MatchString(token.Reveal()) {
		return nil, usage("%s holds a space, a line break or another character that no token has",
			a.env.holder("SLACK_BOT_TOKEN"))
	}
	if strings.HasPrefix(token.Reveal(), "https://") {
		return nil, usageHint("the URL of an incoming webhook goes into SLACK_WEBHOOK_URL", "%s holds a URL, and no "+
			"token", a.env.holder("SLACK_BOT_TOKEN"))
	}
	address, err := a.env.optionalSecret("SLACK_WEBHOOK_URL")
	switch {
	case err != nil:
		return nil, err
	case !token.IsZero():
		c.Secret = token
		s, err := slack.NewBot(c)
		if err != nil {
			return nil, usage("%w", err)
		}
		return s, nil
	case !address.IsZero():
		c.Secret = address
		w, err := slack.NewWebhook(c)
		if err != nil {
			return nil, usage("%w", err)
		}
		if policy.Notify.Slack.Owners {
			a.logger().Warn("owners get no messages through a webhook: the policy's notify.slack.owners takes " +
				"SLACK_BOT_TOKEN")
		}
		return w, nil
	case enforce:
		return nil, usageHint(
			"set SLACK_BOT_TOKEN_FILE, or remove notify.slack from the policy to have the notices in "+
				"the report alone",
			"the policy wants its notices in Slack, and neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set",
		)
	}
	return nil, nil
}

// visible is what tokens are made of: characters that can be seen.
var visible = regexp.MustCompile("^[!-~]*$")

// locations are the flags that name the policy and the state to somebody who has another environment.
func (f *runFlags) locations() string {
	var flags []string
	if f.policy != defaultPolicy {
		flags = append(flags, "--policy "+shellWord(f.policy))
	}
	if f.state.dir != defaultState {
		flags = append(flags, "--state "+shellWord(f.state.dir))
	}
	return strings.Join(flags, " ")
}

// shellWord writes a word so that a shell reads it as it is.
func shellWord(s string) string {
	if plain := regexp.MustCompile(`^[\w./:@%+-]+$`); plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// checkSlack looks at the way to Slack, if the policy wants one.
func (a *app) checkSlack(ctx context.Context, policy *rules.Policy, enforce bool) []audit.Check {
	const name = "slack"
	if policy == nil || policy.Notify.Slack == nil {
		return []audit.Check{{Name: name, Status: audit.Skipped, Detail: "no policy asks for reports in Slack"}}
	}
	c, err := a.slackFor(policy, enforce, outbox.Box{}, "")
	switch {
	case err != nil:
		return []audit.Check{failed(name, err)}
	case c == nil:
		return []audit.Check{{
			Name: name, Status: audit.Warning,
			Detail: "the policy asks for reports in Slack, and neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set",
			Advice: "set SLACK_BOT_TOKEN_FILE",
		}}
	}
	return c.Check(ctx)
}
