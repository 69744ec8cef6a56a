package cli

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
)

// simulateFlags say by what and how far ahead to look.
type simulateFlags struct {
	policy    string
	days      int
	inUse     int
	rateShare float64
	state     stateFlag
	calendar  *outputFlags[*audit.Calendar]
}

func (f *simulateFlags) add(a *app, cmd *cobra.Command, days int) {
	flags := cmd.Flags()
	a.addPolicy(flags, &f.policy, "policy `file`")
	flags.IntVar(&f.days, "days", days, "how many `days` the calendar goes ahead")
	flags.IntVar(&f.inUse, "in-use", 0, "assume that tokens used in the last `days` go on being used")
	flags.Float64Var(&f.rateShare, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	f.state.add(cmd, a.env)
}

func (a *app) explainCommand() *cobra.Command {
	f := &simulateFlags{}
	var out *outputFlags[*audit.Explanation]
	cmd := &cobra.Command{
		Use:   "explain ID [FILE]",
		Short: "one token: rules, conditions, protections, and what comes next",
		Long: `explain reads one token of the org and says everything that a run would make of
it: every field, every condition of every rule with what was expected and what
is there, what protects or exempts it, the notices that the ledger has of it,
and when any of this changes if nobody uses it. Nothing is changed, and nothing
is written.

With --days it lists the org and shows the token's part of tokensweep simulate:
there the limits of the policy and its schedule count too.`,
		Example: `  tokensweep explain 00T1f3w86v9h8o1VZ1d7
  tokensweep explain 00T1f3w86v9h8o1VZ1d7 --days 60`,
		Args: orPolicy(oneToken),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case cmd.Flags().Changed("days"):
				return a.simulate(cmd.Context(), f, tokenOf(args))
			case cmd.Flags().Changed("in-use"):
				return usage("--in-use goes with --days")
			}
			return a.explain(cmd.Context(), f, tokenOf(args), out)
		},
	}
	f.add(a, cmd, 0)
	out, f.calendar = addEitherOutputFlags(cmd, notify.ExplanationForms, notify.CalendarForms)
	return cmd
}

func (a *app) explain(ctx context.Context, f *simulateFlags, id string, flags *outputFlags[*audit.Explanation]) error {
	if _, ok := flags.chosen(); !ok {
		return usage("--output %s goes with --days: a calendar is a table, an explanation is not", flags.form.value)
	}
	if err := checkID(id); err != nil {
		return err
	}
	l, err := a.simulateInput(f)
	if err != nil {
		return err
	}
	out, err := flags.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	e, err := audit.Explain(ctx, l.options, l.Past, id)
	l.progress.end()
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return noSuchToken(id, l.options.Org.OrgURL())
	case err != nil:
		return ended(err, audit.WhileReading)
	}
	return out.write(e)
}

// noSuchToken is the failure of an id that the org does not know.
func noSuchToken(id, org string) error {
	return usage("there is no token %s in %s: it was revoked, it has expired, or it never was", id, org)
}

// simulateInput is what looking ahead takes: the policy, the past and an org to read.
type simulateInput struct {
	audit.SimulateOptions
	options  audit.Options
	progress *progress
}

func (a *app) simulateInput(f *simulateFlags) (*simulateInput, error) {
	if err := checkShare(f.rateShare); err != nil {
		return nil, err
	}
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	past, err := f.state.read()
	if err != nil {
		return nil, err
	}
	p := a.newProgress()
	client, err := a.env.client(okta.Options{RateShare: f.rateShare, Trace: p.trace, UserAgent: userAgent()},
		audit.Scopes(policy, false))
	if err != nil {
		return nil, err
	}
	const day = 24 * time.Hour
	return &simulateInput{
		SimulateOptions: audit.SimulateOptions{
			Length: time.Duration(f.days) * day, InUse: time.Duration(f.inUse) * day,
			Past: past, Store: f.state.store(),
		},
		options:  audit.Options{Org: client.Reader, Policy: policy, Progress: p.listed},
		progress: p,
	}, nil
}

// read reads what the ledger tells, without its lock: a run may be under way. It is nil where there is no ledger and
// none was asked for.
func (f *stateFlag) read() (*ledger.State, error) {
	if f.dir == "" || (!f.given && !f.store().Exists()) {
		return nil, nil
	}
	past, _, err := f.store().State()
	var torn *ledger.TornError
	if err == nil || errors.As(err, &torn) {
		return past, nil
	}
	failed := f.openFailure(err)
	if errors.Is(err, fs.ErrNotExist) {
		failed.hint = "no run has used it yet: " + f.advice()
	}
	return nil, failed
}
