package cli

import (
	"context"
	_ "embed"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

//go:embed demo.yaml
var demoPolicy []byte

// demoCredential is accepted by the embedded org alone.
const demoCredential = "00demo-only-not-a-secret-of-any-org-000000"

func (a *app) demoCommand() *cobra.Command {
	f := &runFlags{rateShare: okta.DefaultRateShare, now: time.Now}
	var show bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "the whole job against an embedded Okta org: needs nothing",
		Long: `demo starts an Okta org of its own on a loopback address, with some sixty tokens on
several pages, and runs the real job against it over HTTP.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if show {
				return a.print(string(demoPolicy))
			}
			return a.demo(cmd.Context(), f)
		},
	}
	f.out = addOutputFlags(cmd, "text", "json", "csv", "markdown")
	cmd.Flags().BoolVar(&show, "show-policy", false, "print the demo's policy and do nothing else")
	return cmd
}

func (a *app) demo(ctx context.Context, f *runFlags) error {
	policy, err := rules.Parse("demo.yaml", demoPolicy)
	if err != nil {
		return err
	}
	org := oktatest.Start(demoOrg(time.Now()))
	defer org.Close()
	progress := a.newProgress()
	client, err := okta.New(okta.Options{
		OrgURL: org.URL(), Token: okta.NewSecret(demoCredential), RateShare: f.rateShare, Trace: progress.trace, UserAgent: userAgent(),
	})
	if err != nil {
		return err
	}
	if err := a.pass(ctx, client, policy, f, progress); err != nil {
		return err
	}
	if f.out.format.value != "text" || f.out.file != "" {
		return nil
	}
	return a.print(`
This was a demo: the org is part of the program, and is gone. Its policy:
  tokensweep demo --show-policy > policy.yaml
To run it on your own org, which changes nothing there:
  export OKTA_CLIENT_ORGURL=https://acme.okta.com
  export OKTA_CLIENT_TOKEN_FILE=/path/to/a/file/with/an/api/token
  tokensweep run --policy policy.yaml
`)
}

// demoOrg is an org of some sixty tokens as they are found in the wild, on pages of twenty.
func demoOrg(now time.Time) oktatest.Config {
	d := &demoTokens{now: now.UTC().Truncate(time.Second)}
	me := oktatest.UserID(1)
	own := d.add("audit-laptop (personal)", 0, 20, me)
	d.crowd()
	d.trouble()
	return oktatest.Config{
		Credential: demoCredential, Me: me, OwnToken: own, Tokens: d.list, PageSize: 20,
		RateLimit: oktatest.RateLimit{Limit: 600, Window: time.Minute},
	}
}

type demoTokens struct {
	now  time.Time
	list []oktatest.Token
}

// add makes a token that was last used idle days ago and created age days ago, and returns its id.
func (d *demoTokens) add(name string, idle, age int, owner string) string {
	n := len(d.list) + 1
	if owner == "" {
		owner = oktatest.UserID(2 + n%9)
	}
	day := func(n int) time.Time {
		return d.now.Add(-time.Duration(n)*24*time.Hour - time.Duration(n)*7*time.Minute)
	}
	d.list = append(d.list, oktatest.Token{
		ID: oktatest.TokenID(n), Name: name, UserID: owner, Created: day(age), LastUsed: day(idle),
	})
	return d.list[n-1].ID
}

// last is the token that was added last, to be changed.
func (d *demoTokens) last() *oktatest.Token { return &d.list[len(d.list)-1] }

// crowd adds what a healthy org has most of: tokens in daily use.
func (d *demoTokens) crowd() {
	for i, what := range []string{"backup", "billing", "ci-runner", "grafana", "hr-sync", "jira-bridge", "onboarding", "reporting", "scim-sync", "vpn-groups"} {
		for j, where := range []string{"eu", "us", "apac", "test"} {
			d.add(what+"-"+where, (i+j)%6, 60+17*i+5*j, "")
			if j == 2 {
				d.last().ClientName = "Terraform Provider"
			}
			if where != "test" {
				d.last().Network = oktatest.Network{Connection: "ZONE", Include: []string{"nzo5corporate0network"}}
			}
		}
	}
}

// trouble adds what a sweep is for.
func (d *demoTokens) trouble() {
	d.add("wiki-export", 22, 300, "")
	d.add("old-laptop-script", 27, 410, "")
	d.add("grafana-trial", 25, 90, "")
	d.add("dr-failover", 26, 500, "")
	d.add("dr-restore", 24, 500, "")
	d.add("migration-2025", 23, 320, "")
	d.add("dc01.corp.acme.example", 28, 700, "")
	d.last().ClientName = "Okta AD Agent"
	d.add("ldap02.corp.acme.example", 0, 650, "")
	d.last().ClientName = "Okta LDAP Agent"
	d.add("export-nightly", 1, 800, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("export-weekly", 5, 810, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("export-retry", 0, 0, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("tried-once", 0, 18, "")
	d.last().LastUsed = time.Time{}
	d.add("for-the-workshop", 0, 25, "")
	d.last().LastUsed = time.Time{}
	d.add("kim (personal)", 2, 45, "")
	d.add("shadow-it", 3, 33, "")
	d.last().ClientName = "Zap & Sync <beta>"
	d.add("<!channel> *urgent* [renew](https://evil.example)", 4, 12, "")
	d.last().ClientName = "Totally Okta\u202eIPA"
	d.add("innocent\x1b[2K\rnothing to see here", 5, 40, "")
	d.last().ClientName = "=HYPERLINK(\"https://evil.example\")"
	d.add("prod-deploy", 0, 200, "")
	d.add("prod-provisioning", 1, 210, "")
	d.add("prod-restricted", 1, 220, "")
	d.last().Network = oktatest.Network{Connection: "ZONE", Exclude: []string{"nzo9tor0exit0nodes000"}}
	d.add("half-a-token", 0, 100, "")
	d.last().Omit = []string{"expiresAt", "tokenWindow"}
	d.add("no-client-name", 2, 100, "")
	d.last().Omit = []string{"clientName"}
}
