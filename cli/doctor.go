package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	policy      string
	policyGiven bool // by the flag or the environment
	rateShare   float64
	enforce     bool
	state       stateFlag
	out         *outputFlags[[]audit.Check]
}

func (a *app) doctorCommand() *cobra.Command {
	f := &doctorFlags{}
	cmd := &cobra.Command{
		Use:   "doctor [FILE]",
		Short: "before trusting it: what a run needs, and what is missing",
		Long: `doctor looks at everything that a run needs, and says of each thing whether it
is as it should be, and what to do if it is not: the policy, the org, whose
credential it is, the whole list of tokens, owners, whether tokens could be
revoked, clocks, the rate limit, and the state directory. It changes nothing in
the org and takes no lock. Where the policy wants reports in Slack, it posts a
message there and deletes it again; a webhook is asked whether it is there, and
gets nothing. With --enforce it asks for what an enforcing run needs besides.
Its exit code is the one that a run would come to, as far as that can be told
without judging tokens or writing anything.`,
		Example: `  tokensweep doctor
  tokensweep doctor --policy policy.yaml --state state --enforce
  tokensweep doctor --output json | jq '.checks[] | select(.status != "ok")'`,
		Args: orPolicy(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.policyGiven = cmd.Flags().Changed("policy") || a.env.get("TOKENSWEEP_POLICY") != ""
			return a.doctor(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	a.addPolicy(flags, &f.policy, "policy `file`")
	flags.Float64Var(&f.rateShare, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	flags.BoolVar(&f.enforce, "enforce", false, "look at what run --enforce needs, too")
	f.state.add(cmd, a.env)
	f.state.addAlone(cmd)
	f.out = addOutputFlags(cmd, notify.CheckForms)
	return cmd
}

func (a *app) doctor(ctx context.Context, f *doctorFlags) error {
	if err := checkShare(f.rateShare); err != nil {
		return err
	}
	out, err := f.out.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	policy, checks := f.checkPolicy()
	org, id, told, more := a.checkOrg(ctx, f, policy)
	checks = append(checks, more...)
	checks = append(checks, audit.CheckState(audit.StateCheck{
		Store: f.state.store(), Wanted: f.state.given, OrgURL: org, OrgID: id, Told: told,
		Enforce: f.enforce, Alone: f.state.alone,
	})...)
	checks = append(checks, a.checkSlack(ctx, policy, f.enforce)...)
	checks = append(checks, a.checkWebhook(ctx)...)
	for i := range checks {
		checks[i].Detail, checks[i].Advice = okta.Scrub(checks[i].Detail), okta.Scrub(checks[i].Advice)
	}
	if err := out.write(checks); err != nil {
		return err
	}
	if code := audit.Worst(checks); code != audit.OK {
		return &failure{code: code}
	}
	return nil
}

// checkPolicy loads the policy. Without one there is much to look at all the same.
func (f *doctorFlags) checkPolicy() (*rules.Policy, []audit.Check) {
	c := audit.Check{Name: "policy", Status: audit.Good}
	policy, err := loadPolicy(f.policy)
	var mistakes rules.Mistakes
	switch {
	case errors.Is(err, fs.ErrNotExist) && !f.policyGiven && !f.enforce:
		c.Status, c.Detail, c.Advice = audit.Skipped, "there is no "+f.policy, "name one with --policy"
	case errors.As(err, &mistakes):
		first, _, _ := strings.Cut(mistakes.Error(), "\n")
		c = failed(c.Name, err)
		c.Detail, c.Advice = fmt.Sprintf("mistakes %d, the first: %s", len(mistakes), first),
			"tokensweep validate names them all"
	case err != nil:
		c = failed(c.Name, err)
	case f.enforce && policy.Mode != rules.Enforce:
		c.Status, c.Code = audit.Failure, audit.Usage
		c.Detail, c.Advice = fmt.Sprintf("%s says mode: %s", policy.File, policy.Mode),
			"an enforcing run takes mode: enforce, and --enforce"
	default:
		c.Detail = fmt.Sprintf("%s, rules %d, exemptions %d, mode %s", policy.File, len(policy.Rules),
			len(policy.Exemptions), policy.Mode)
	}
	return policy, []audit.Check{c}
}

// checkOrg looks at the org, if the environment names one and a credential for it, and returns its URL and its id.
// told says that its clock was seen, and agrees with ours.
func (a *app) checkOrg(ctx context.Context, f *doctorFlags, policy *rules.Policy) (url, id string, told bool,
	checks []audit.Check) {
	progress := a.newProgress()
	client, err := a.env.client(okta.Options{RateShare: f.rateShare, Trace: progress.trace, UserAgent: userAgent()},
		audit.DoctorScopes(policy, f.enforce))
	if err != nil {
		c := failed("", err)
		return "", "", false, audit.NoOrg(c.Code, c.Detail, c.Advice)
	}
	checks, id = audit.CheckOrg(ctx, audit.OrgCheck{
		Org: client.Reader, Policy: policy, Enforce: f.enforce, Progress: progress.listed, Now: time.Now,
	})
	progress.end()
	return client.OrgURL(), id, audit.ClockTold(client.Reader, time.Now()), checks
}

// failed makes a check of an error that a command would end with.
func failed(name string, err error) audit.Check {
	c := audit.Check{Name: name, Status: audit.Failure, Code: audit.Usage, Detail: err.Error()}
	if f := (*failure)(nil); errors.As(err, &f) {
		c.Code, c.Advice = f.code, f.hint
	}
	return c
}
