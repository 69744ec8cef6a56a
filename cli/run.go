package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// runFlags are the flags of a pass over an org.
type runFlags struct {
	policy    string
	asOf      instantFlag
	rateShare float64
	failOn    severityFlag
	out       *outputFlags
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "one pass: list, judge, report",
		Long: `run lists every API token of the org that OKTA_CLIENT_ORGURL names, judges each by
the policy, and reports what it found and what would come of it. It is a dry run:
it changes nothing, whatever the policy says.`,
		Example: `  tokensweep run --policy policy.yaml
  tokensweep run --output csv --output-file tokens.csv
  tokensweep run --output json --fail-on high | jq .counts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", a.policyFile(), "policy `file`")
	flags.Var(&f.asOf, "as-of", "judge as if it were this `time` (default: the org's clock)")
	flags.Float64Var(&f.rateShare, "rate-share", okta.DefaultRateShare, "`share` of the org's rate limit to use, over 0 and up to 1")
	flags.Var(&f.failOn, "fail-on", "exit 10 if a finding has this `severity` or a higher one: low, medium, high, critical")
	f.out = addOutputFlags(cmd, "text", "json", "csv", "markdown")
	completeSeverities(cmd)
	return cmd
}

// policyFile is where the policy is unless a flag says otherwise.
func (a *app) policyFile() string { return a.env.or("TOKENSWEEP_POLICY", "policy.yaml") }

func completeSeverities(cmd *cobra.Command) {
	words := []string{rules.Low.String(), rules.Medium.String(), rules.High.String(), rules.Critical.String()}
	if err := cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not defined
	}
}

func (a *app) run(ctx context.Context, f *runFlags) error {
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	progress := a.newProgress()
	client, err := a.env.client(okta.Options{RateShare: f.rateShare, Trace: progress.trace, UserAgent: userAgent()})
	if err != nil {
		return err
	}
	return a.pass(ctx, client.Reader, policy, f, progress)
}

// userAgent names the program in the org's logs.
func userAgent() string { return "tokensweep/" + version() }

func loadPolicy(file string) (*rules.Policy, error) {
	policy, err := rules.Load(file)
	var mistakes rules.Mistakes
	switch {
	case errors.As(err, &mistakes):
		return nil, &failure{code: audit.BadPolicy, err: err}
	case err != nil:
		return nil, &failure{code: audit.Usage, err: err, hint: "name the policy with --policy or TOKENSWEEP_POLICY"}
	}
	return policy, nil
}

// pass makes one pass over the org and writes the report.
func (a *app) pass(ctx context.Context, org *okta.Reader, policy *rules.Policy, f *runFlags, progress *progress) error {
	out, err := f.out.open(a.stdout)
	if err != nil {
		return err
	}
	defer out.discard()
	log := a.logger()
	if policy.Notify.Slack != nil {
		log.Warn("this version does not post to Slack: the policy's notify.slack is not used")
	}
	r := audit.Run(ctx, audit.Options{Org: org, Policy: policy, AsOf: f.asOf.Time, FailOn: f.failOn.Severity, Progress: progress.listed})
	progress.end()
	log.Info("run finished", "run", r.ID, "complete", r.Complete, "tokens", r.Tokens, "pages", r.Pages, "findings", len(r.Findings), "exitCode", int(r.Code))
	if errors.Is(r.Err, audit.ErrWrongOrg) { // nothing was asked, so there is nothing to report
		return &failure{code: r.Code, err: r.Err}
	}
	if r.Err != nil && out.form == "csv" { // a table has no place for it, and an empty one would look like good news
		return &failure{code: r.Code, err: r.Err, hint: hint(r.Err)}
	}
	if err := out.report(r); err != nil {
		return err
	}
	if r.Err != nil {
		return &failure{code: r.Code, err: r.Err, hint: hint(r.Err), told: out.form == "text" && f.out.file == ""}
	}
	if r.Code != audit.OK {
		return &failure{code: r.Code}
	}
	return nil
}

// report renders a report in the form that was asked for, and delivers it.
func (o *output) report(r *audit.Report) error {
	return o.write(map[string]func(io.Writer) error{
		"text":     func(w io.Writer) error { return notify.Text(w, r, o.style) },
		"json":     func(w io.Writer) error { return notify.JSON(w, r) },
		"csv":      func(w io.Writer) error { return notify.CSV(w, r) },
		"markdown": func(w io.Writer) error { return notify.Markdown(w, r) },
	})
}

// hint says what a person can do about an error of an org.
func hint(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted: nothing was changed"
	case errors.Is(err, okta.ErrUnauthorized):
		return "check OKTA_CLIENT_TOKEN: the token may be wrong, revoked or unused for 30 days, or its owner deactivated"
	case errors.Is(err, okta.ErrForbidden):
		return "listing API tokens takes the token of a super administrator, or of a role that may manage API tokens"
	case errors.Is(err, okta.ErrIncomplete):
		return "nothing was changed; if it happens again, this says whether it is the network, the org or the program: --log-level debug"
	}
	return "check OKTA_CLIENT_ORGURL and the way there; HTTPS_PROXY and NO_PROXY are honoured"
}

// traceTo logs what the client tells of its requests.
func traceTo(log *slog.Logger, e okta.Event) {
	if !e.Until.IsZero() {
		log.Info("waiting", "method", e.Method, "path", e.Path, "until", e.Until, "reason", e.Reason)
		return
	}
	log.Debug("answer", "method", e.Method, "path", e.Path, "status", e.Status)
}
