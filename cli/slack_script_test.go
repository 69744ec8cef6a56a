package cli_test

import (
	"github.com/rogpeppe/go-internal/testscript"

	"tokensweep/notify/slacktest"
)

// startSlack starts a workspace and puts it into the environment: slack [ERROR|page]. It answers with that error of
// Slack's, or with a page of HTML as a proxy does.
func startSlack(ts *testscript.TestScript, _ bool, args []string) {
	workspace := slacktest.Start(slacktest.Config{BotToken: slackCanary,
		Channels: []slacktest.Channel{{ID: "C0SECURITY", Name: "security", Member: true}}})
	ts.Defer(workspace.Close)
	for _, arg := range args {
		if arg == "page" {
			workspace.Fault(slacktest.Fault{HTML: true})
		} else {
			workspace.Fault(slacktest.Fault{Error: arg})
		}
	}
	ts.Setenv("SLACK_BOT_TOKEN", slackCanary)
	ts.Setenv("SLACK_API_URL", workspace.URL())
}
