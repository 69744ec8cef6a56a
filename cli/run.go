package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
	"tokensweep/rules"
)

// reportOutput is where the report of a run goes.
type reportOutput = output[*audit.Report]

// runFlags are the flags of a pass over an org.
type runFlags struct {
	policy    string
	asOf      instantFlag
	rateShare float64
	failOn    severityFlag
	state     stateFlag
	enforce   bool
	plan      string
	planGiven bool
	planAge   ageFlag
	revokeOwn bool
	deadline  time.Duration
	out       *outputFlags[*audit.Report]
	channel   channel          // to which reports go, instead of the one that the environment has; nil for that
	now       func() time.Time // our clock

	id      string          // of the run; "" makes a new one
	metrics *metrics.Set    // that takes in the run; nil if nobody looks at it
	notes   func() []string // what the report should tell besides; nil for nothing
	// export writes what has the exit code in it, once there is a report; nil for nothing.
	export func(*audit.Report) error
	// remember takes in what the ledger knows, before that export and at last; nil for nothing.
	remember func(*ledger.Ledger)
	tally    func() map[string]int // what the run has counted
}

func (a *app) runCommand() *cobra.Command {
	f, x := &runFlags{now: time.Now}, &exportFlags{}
	cmd := &cobra.Command{
		Use:   "run [FILE]",
		Short: "one pass: list, judge, report; with --enforce also act",
		Long: `run lists every API token of the org that OKTA_CLIENT_ORGURL names, judges each
by the policy, and reports what it found and what would come of it. It is a dry
run unless the policy says mode: enforce and the command says --enforce. Then
it also takes the steps that are due, one token at a time, each on record
before it is taken.

An enforcing run makes the state directory. A dry run makes it where --state or
TOKENSWEEP_STATE names it, and else uses ./state only if it is there.`,
		Example: `  tokensweep run policy.yaml
  tokensweep run --output csv --output-file tokens.csv
  tokensweep run --output json --fail-on high | jq .counts
  tokensweep run --state state                            # makes a plan
  tokensweep run --state state --enforce --plan sha256:…  # does no more`,
		Args: orPolicy(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.planGiven = cmd.Flags().Changed("plan")
			if cmd.Flags().Changed("plan-max-age") && !f.planGiven {
				return usage("--plan-max-age goes with --plan")
			}
			return a.runOnce(cmd.Context(), f, x)
		},
	}
	flags := cmd.Flags()
	a.addPolicy(flags, &f.policy, "policy `file`")
	flags.Var(&f.asOf, "as-of", "judge as if it were this `time` (default: the org's clock)")
	flags.Float64Var(&f.rateShare, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	flags.Var(&f.failOn, "fail-on", "exit 10 if a finding has this `severity` or a higher one: low, medium, high, "+
		"critical")
	flags.BoolVar(&f.enforce, "enforce", false, "take the steps that are due; the policy must say mode: enforce")
	flags.StringVar(&f.plan, "plan", "", "with --enforce: do no more than the plan with this `digest`, made by a dry "+
		"run (--plan-max-age)")
	f.planAge.Duration = audit.DefaultPlanAge
	flags.Var(&f.planAge, "plan-max-age", "how old the plan of --plan may be: a `time` of at most "+
		rules.FormatDuration(audit.MaxPlanAge))
	flags.BoolVar(&f.revokeOwn, "revoke-own-token-after", false, "revoke the token in use as the last request")
	f.state.add(cmd, a.env)
	f.state.addAlone(cmd)
	f.addDeadline(flags)
	f.out = addOutputFlags(cmd, notify.ReportForms)
	x.add(cmd)
	a.summary.add(cmd, f)
	completeSeverities(cmd)
	return cmd
}

// defaultDeadline leaves a job of an hour time to settle a change and to report.
const defaultDeadline = 55 * time.Minute

func (f *runFlags) addDeadline(flags *pflag.FlagSet) {
	flags.DurationVar(&f.deadline, "deadline", defaultDeadline,
		"`time` that a run may take; then it ends as by a signal, and what is left stays due")
}

// checkDeadline refuses a run without end, and one that could not begin.
func (f *runFlags) checkDeadline() error {
	if f.deadline <= 0 {
		return usage("bad deadline %v: want a time such as %v", f.deadline, defaultDeadline)
	}
	return nil
}

// defaultPolicy is the policy file where neither a flag nor the environment names one.
const defaultPolicy = "policy.yaml"

// policyFile is where the policy is unless a flag says otherwise.
func (a *app) policyFile() string { return a.env.or("TOKENSWEEP_POLICY", defaultPolicy) }

func completeSeverities(cmd *cobra.Command) {
	words := []string{rules.Low.String(), rules.Medium.String(), rules.High.String(), rules.Critical.String()}
	if err := cmd.RegisterFlagCompletionFunc("fail-on",
		cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not defined
	}
}

// run makes one pass over the org that the environment names, with the policy as it is now.
func (a *app) run(ctx context.Context, f *runFlags) error {
	if err := errors.Join(checkShare(f.rateShare), f.checkDeadline()); err != nil {
		return err
	}
	ctx, stop := audit.Within(ctx, f.deadline)
	defer stop()
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	switch {
	case f.plan != "" && !f.enforce:
		return usage("--plan goes with --enforce")
	case f.planGiven && f.plan == "":
		return usage("--plan is empty: leave it out to act on all that is due")
	case f.state.dir == "" && (f.enforce || f.revokeOwn):
		return usage("--state is empty: a change takes a ledger")
	case f.revokeOwn && a.env.isApp():
		return usage("--revoke-own-token-after is for API tokens: a service app has none of its own")
	}
	f.tally = f.metrics.Lap()
	progress := a.newProgress()
	trace := func(e okta.Event) {
		f.metrics.Asked(e)
		progress.trace(e)
	}
	client, err := a.env.client(okta.Options{RateShare: f.rateShare, Trace: trace, UserAgent: userAgent()},
		audit.Scopes(policy, f.enforce))
	if err != nil {
		return err
	}
	a.logger().Info("run begins", "enforce", f.enforce, "policy", policy.Digest)
	return a.pass(ctx, client, policy, f, progress)
}

// checkShare refuses a share of nothing, which to the client means its default.
func checkShare(share float64) error {
	if share == 0 {
		return usage("bad rate share 0: want more than 0 and at most 1")
	}
	return nil
}

// userAgent names the program in the org's logs.
func userAgent() string { return "tokensweep/" + version() }

func loadPolicy(file string) (*rules.Policy, error) {
	policy, err := rules.Load(file)
	var mistakes rules.Mistakes
	switch {
	case errors.As(err, &mistakes):
		return nil, ended(err, audit.WhileReading)
	case err != nil:
		return nil, usageHint("name the policy with --policy or TOKENSWEEP_POLICY", "%w", err)
	}
	return policy, nil
}

// traceTo logs what the client tells of its requests.
func traceTo(log *slog.Logger, e okta.Event) {
	if !e.Until.IsZero() {
		log.Info("waiting", "method", e.Method, "path", e.Path, "until", e.Until, "reason", e.Reason)
		return
	}
	log.Debug("answer", "method", e.Method, "path", e.Path, "status", e.Status)
}
