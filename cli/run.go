package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	revokeOwn bool
	deadline  time.Duration
	out       *outputFlags[*audit.Report]
	channel   channel          // to which reports go, instead of the one that the environment has; nil for that
	now       func() time.Time // our clock

	id      string          // of the run; "" makes a new one
	metrics *metrics.Set    // that take in the run; nil if nobody looks at them
	notes   func() []string // what the report should tell besides; nil for nothing
}

func (a *app) runCommand() *cobra.Command {
	f, x := &runFlags{now: time.Now}, &exportFlags{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "one pass: list, judge, report; with --enforce also act",
		Long: `run lists every API token of the org that OKTA_CLIENT_ORGURL names, judges each
by the policy, and reports what it found and what would come of it. It is a dry
run unless the policy says mode: enforce and the command says --enforce. Then
it also takes the steps that are due, one token at a time, each on record
before it is taken.`,
		Example: `  tokensweep run --policy policy.yaml
  tokensweep run --output csv --output-file tokens.csv
  tokensweep run --output json --fail-on high | jq .counts
  tokensweep run --state state                            # makes a plan
  tokensweep run --state state --enforce --plan sha256:…  # does no more`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.planGiven = cmd.Flags().Changed("plan")
			return a.runOnce(cmd.Context(), f, x)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", a.policyFile(), "policy `file`")
	flags.Var(&f.asOf, "as-of", "judge as if it were this `time` (default: the org's clock)")
	flags.Float64Var(&f.rateShare, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	flags.Var(&f.failOn, "fail-on", "exit 10 if a finding has this `severity` or a higher one: low, medium, high, "+
		"critical")
	flags.BoolVar(&f.enforce, "enforce", false, "take the steps that are due; the policy must say mode: enforce")
	flags.StringVar(&f.plan, "plan", "", "with --enforce: do no more than the plan with this `digest`, made by a dry "+
		"run at most 24 hours ago")
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

// pass makes one pass over the org and writes the report.
func (a *app) pass(ctx context.Context, client *okta.Client, policy *rules.Policy, f *runFlags,
	progress *progress) error {
	if f.metrics == nil { // the demo's, at which nobody looks
		f.id, f.metrics = audit.NewID(f.now()), metrics.New("", version())
	}
	a = a.withRun(f.id)
	out, err := f.out.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	l, err := a.openLedger(f)
	if err != nil {
		return err
	}
	if l != nil {
		defer func() { _ = l.Close() }()
		var unwatch func()
		ctx, unwatch = audit.Watch(ctx, l.Store(), f.enforce)
		defer unwatch()
	}
	channel, err := a.channelOf(policy, f, l)
	if err != nil {
		return err
	}
	o := audit.Options{
		ID: f.id, Org: client.Reader, Policy: policy, AsOf: f.asOf.Time, FailOn: f.failOn.Severity,
		Progress: progress.listed,
		Ledger:   l, StateAlone: f.state.alone, Now: f.now, Recorded: a.recorded(f.metrics),
	}
	if f.notes != nil {
		o.Notes = f.notes()
	}
	if f.enforce {
		o.Enforce = &audit.Enforcement{Org: client, Plan: f.plan, Announce: a.announce(out, progress)}
		if channel != nil {
			o.Enforce.Announce = announceIn(channel, o.Enforce.Announce)
		}
	}
	var reported, undelivered error // what the report says that went wrong, and why it did not go out
	o.Deliver = func(r *audit.Report) error {
		progress.end()
		reported = r.Err
		if undelivered = a.deliver(out, r); channel != nil {
			undelivered = errors.Join(undelivered, channel.Report(ctx, r))
		}
		return undelivered
	}
	r := audit.Run(ctx, o)
	f.metrics.Report(r)
	logReport(a.logger(), r)
	a.summary.report = r
	failed := outcome(r, out, reported)
	if undelivered != nil && r.Code != audit.Undelivered { // what needs a person sooner has the exit code
		failed = sooner(failed, ended(undelivered, audit.WhileDelivering))
	}
	if f.revokeOwn {
		h := audit.Hand{Org: client, Policy: policy, Ledger: l, StateAlone: f.state.alone,
			Reason: "--revoke-own-token-after", Now: f.now, Recorded: o.Recorded, Tell: a.note}
		failed = sooner(failed, a.revokeOwn(ctx, h))
	}
	return failed
}

// revokeOwn ends the token in use, and says on standard error what came of it, since the report is written.
// It is tried after an interrupted run too: a token that was made for one audit is not to stay.
func (a *app) revokeOwn(ctx context.Context, h audit.Hand) error {
	h.Deliver = func(outcome audit.Outcome, reason string) error {
		if reason != "" {
			reason = " (" + clean(reason) + ")"
		}
		_, err := fmt.Fprintf(a.stderr, "tokensweep: the token in use: %s%s; ledger %s\n", outcome, reason,
			h.Ledger.Head())
		return err
	}
	outcome, _, err := h.RevokeCurrent(context.WithoutCancel(ctx))
	if outcome == "" {
		_ = h.Deliver("not revoked", err.Error()) // the exit code says so too
	}
	return handFailure(err)
}

// openLedger opens the ledger, if the run has one.
func (a *app) openLedger(f *runFlags) (*ledger.Ledger, error) {
	if f.enforce || f.revokeOwn {
		return f.state.open(f.now)
	}
	return f.state.openIfWanted(f.now)
}

// announce delivers what an enforcing run is about to do, in brief: as text, on standard output if that is where the
// text report goes, else on standard error, which the report itself does not use.
func (a *app) announce(out *reportOutput, progress *progress) func(context.Context, *audit.Report) (string, error) {
	w, style, via := a.stderr, styleOf(a.stderr), "standard error"
	if out.form.ForPeople && out.file == nil {
		w, style, via = a.stdout, out.style, "standard output"
	}
	return func(_ context.Context, r *audit.Report) (string, error) {
		progress.end()
		if err := notify.Brief(w, r, style); err != nil {
			return "", err
		}
		_, err := fmt.Fprintf(w, "run    %s\nplan   %s\n\n", r.ID, r.Digest)
		return via, err
	}
}

// unreported says that there is no report to write: nothing was asked of the org, or the form is a table, which has
// no place for a failure and would look like good news.
func unreported(r *audit.Report, out *reportOutput) bool {
	return !r.Complete && (errors.Is(r.Err, audit.ErrWrongOrg) || errors.Is(r.Err, audit.ErrRefused) ||
		out.form.RowsOnly)
}

// deliver writes the report.
func (a *app) deliver(out *reportOutput, r *audit.Report) error {
	if unreported(r, out) {
		return a.writeNotes(r)
	}
	if err := out.write(r); err != nil {
		return err
	}
	if out.form.RowsOnly { // a table has no place for it
		head := ""
		if r.Head != (ledger.Head{}) {
			head = ", ledger " + r.Head.String()
		}
		if _, err := fmt.Fprintf(a.stderr, "tokensweep: run %s, plan %s%s\n", r.ID, r.Digest, head); err != nil {
			return err
		}
		return a.writeNotes(r)
	}
	return nil
}

// writeNotes writes to standard error what a report says besides its findings.
func (a *app) writeNotes(r *audit.Report) error {
	lines := slices.Clone(r.Notes)
	for _, v := range r.Vanished {
		lines = append(lines, fmt.Sprintf("the token %s (%q) is no longer listed: %s", v.ID, v.Name, v.Reason))
	}
	lines = append(lines, notify.CalledOffLines(r)...)
	for _, line := range lines {
		if _, err := fmt.Fprintf(a.stderr, "tokensweep: %s\n", clean(line)); err != nil {
			return err
		}
	}
	return nil
}

// outcome says how a run went, to the one who started it. reported is the error that the report has.
func outcome(r *audit.Report, out *reportOutput, reported error) error {
	if r.Err == nil {
		if r.Code == audit.OK {
			return nil
		}
		return &failure{code: r.Code}
	}
	f := &failure{code: r.Code, err: r.Err}
	if !r.Complete || r.Code == audit.NoAccess || r.Code == audit.NoLedger {
		f.hint = audit.EndingOf(
			r.Err,
			audit.WhileReading,
		).Advice // what stops an enforcing run otherwise says itself what to do
	}
	f.told = out.form.ForPeople && out.to == "" && !unreported(r, out) && errors.Is(reported, r.Err)
	return f
}

// traceTo logs what the client tells of its requests.
func traceTo(log *slog.Logger, e okta.Event) {
	if !e.Until.IsZero() {
		log.Info("waiting", "method", e.Method, "path", e.Path, "until", e.Until, "reason", e.Reason)
		return
	}
	log.Debug("answer", "method", e.Method, "path", e.Path, "status", e.Status)
}
