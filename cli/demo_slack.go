package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokensweep/notify/outbox"
	"tokensweep/notify/slack"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

// demoSlackToken is accepted by the embedded workspace alone.
const demoSlackToken = "xoxb-demo-only-not-a-secret"

// demoSlack is a Slack workspace that is part of the program.
type demoSlack struct {
	*slacktest.Server
	channel string
}

// newDemoSlack starts a workspace in which most owners of the demo's org have an account.
func newDemoSlack(policy *rules.Policy, now func() time.Time) *demoSlack {
	var people []slacktest.User
	for i, u := range demoUsers(now()) {
		if name, domain, _ := strings.Cut(u.Login, "@"); domain == "acme.example" {
			people = append(people, slacktest.User{ID: fmt.Sprintf("U0DEMO%04d", i), Email: u.Login, Name: name})
		}
	}
	channel := policy.Notify.Slack.Channel
	return &demoSlack{channel: channel, Server: slacktest.Start(slacktest.Config{
		BotToken: demoSlackToken, Users: people, Channels: []slacktest.Channel{
			{ID: channel, Name: "security", Member: true}}, Now: now,
		Rules: slacktest.Rules{
			AllowedMentions: append(slices.Clone(policy.Notify.Slack.Mention), policy.Notify.Slack.Channel),
		},
	})}
}

// delivery is that of one run.
func (d *demoSlack) delivery(policy *rules.Policy, o outbox.Box) (*slack.Bot, error) {
	return slack.NewBot(slack.Config{
		Secret: okta.NewSecret(demoSlackToken), APIURL: d.URL(), Policy: policy.Notify.Slack, Outbox: o,
		Pause: -1, // this workspace has no limit
	})
}

// transcript is what people see: the channel, and what owners got.
func (d *demoSlack) transcript() string {
	var b strings.Builder
	b.WriteString(d.Transcript(d.channel))
	for _, dm := range d.DMs() {
		b.WriteString("\n" + d.Transcript(dm.Channel))
	}
	return b.String()
}

// write writes every message as it stands as a file that Block Kit Builder takes
// (https://app.slack.com/block-kit-builder).
func (d *demoSlack) write(dir string, f *files) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage("--slack-out: %w", err)
	}
	messages := d.Messages(d.channel)
	for _, dm := range d.DMs() {
		messages = append(messages, dm.Messages...)
	}
	n := 0
	for _, m := range messages {
		if m.Blocks == nil {
			continue
		}
		n++
		where := "channel"
		switch {
		case strings.HasPrefix(m.Channel, "D"):
			where = "direct"
		case m.ThreadTS != "":
			where = "thread"
		}
		file, err := f.target("--slack-out", filepath.Join(dir, fmt.Sprintf("%02d-%s.json", n, where)))
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, fmt.Appendf(nil, "{\"blocks\": %s}\n", m.Blocks), 0o666); err != nil {
			return usage("--slack-out: %w", err)
		}
	}
	return nil
}
