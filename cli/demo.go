package cli

import (
	"context"
	_ "embed"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/notify"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

//go:embed demo.yaml
var demoPolicy []byte

// demoZone is the quarantine of demo.yaml.
const demoZone = "nzo1a2b3c4d5e6f7g8h9"

// demoCredential is accepted by the embedded org alone.
const demoCredential = "00demo-only-not-a-secret-of-any-org-000000"

func (a *app) demoCommand() *cobra.Command {
	f := &runFlags{rateShare: okta.DefaultRateShare, now: time.Now}
	var show, enforce bool
	var slackOut string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "the whole job against a built-in Okta org and Slack: needs nothing",
		Long: `demo starts an Okta org of its own on a loopback address, with some sixty
tokens on several pages, and a Slack workspace, and runs the real job against
them over HTTP. It shows the report, and the messages as they would read in
Slack. With --enforce it runs it several times, days apart, and acts: the clock
of the demo is moved.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if show {
				return a.print(string(demoPolicy))
			}
			if enforce && (cmd.Flags().Changed("output") || cmd.Flags().Changed("output-file")) {
				return usage("demo --enforce is a story of several runs, as text on standard output: leave --output " +
					"and --output-file out")
			}
			if enforce {
				return a.demoEnforce(cmd.Context(), slackOut)
			}
			return a.demo(cmd.Context(), f, slackOut)
		},
	}
	f.out = addOutputFlags(cmd, notify.ReportForms)
	cmd.Flags().BoolVar(&enforce, "enforce", false,
		"show a week of notices, quarantines, a restoration and revocations")
	cmd.Flags().StringVar(&slackOut, "slack-out", "",
		"write the messages to this `directory`, as JSON for Slack's Block Kit Builder")
	cmd.Flags().BoolVar(&show, "show-policy", false, "print the demo's policy and do nothing else")
	return cmd
}

func (a *app) demo(ctx context.Context, f *runFlags, slackOut string) error {
	policy, err := rules.Parse("demo.yaml", demoPolicy)
	if err != nil {
		return err
	}
	org := oktatest.Start(demoOrg(time.Now))
	defer org.Close()
	progress := a.newProgress()
	client, err := okta.New(okta.Options{
		OrgURL: org.URL(), Token: okta.NewSecret(demoCredential), RateShare: f.rateShare, Trace: progress.trace,
		UserAgent: userAgent(),
	})
	if err != nil {
		return err
	}
	workspace := newDemoSlack(policy, time.Now)
	defer workspace.Close()
	if f.channel, err = workspace.delivery(policy, outbox.Box{}); err != nil {
		return err
	}
	if err := a.pass(ctx, client, policy, f, progress); err != nil {
		return err
	}
	if slackOut != "" {
		if err := workspace.write(slackOut, a.files); err != nil {
			return err
		}
	}
	if form, _ := f.out.chosen(); !form.ForPeople || f.out.file != "" {
		return nil
	}
	return a.print("\n== In Slack this reads as follows\n\n" + workspace.transcript() + `
This was a demo: the org and the workspace are part of the program, and are gone. The policy:
  tokensweep demo --show-policy > policy.yaml
To run it on your own org, which changes nothing there:
  export OKTA_CLIENT_ORGURL=https://acme.okta.com
  export OKTA_CLIENT_TOKEN_FILE=/path/to/a/file/with/an/api/token
  tokensweep run --policy policy.yaml
What enforcing would look like:
  tokensweep demo --enforce
`)
}
