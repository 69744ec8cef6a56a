package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
)

func (a *app) simulateCommand() *cobra.Command {
	f := &simulateFlags{}
	cmd := &cobra.Command{
		Use:   "simulate [FILE]",
		Short: "the calendar: who would be quarantined and revoked, and when",
		Long: `simulate lists the org and goes from there through the runs of the days to
come, by the policy's schedule or else daily, each decided by a run's own code
as if it enforced: with the notices that the ledger has, with the policy's
limits, with exemptions that end, and with what Okta ends by itself. It says on
which day a limit would stop a run. Nothing is changed, and nothing is written.

It knows today's list and no more. What it assumes is in the result: above all
that nobody uses a token any more. With --in-use 7, tokens that were used in
the last seven days go on being used.`,
		Example: `  tokensweep simulate --days 60
  tokensweep simulate --days 60 --in-use 7 --output csv`,
		Args: orPolicy(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulate(cmd.Context(), f, "") },
	}
	f.add(a, cmd, 30)
	f.calendar = addOutputFlags(cmd, notify.CalendarForms)
	return cmd
}

// maxDays is how far a calendar goes. Okta has ended every token of today by then, unless it is in use.
const maxDays = 3660

// simulate writes the calendar of the org, or of one token of it.
func (a *app) simulate(ctx context.Context, f *simulateFlags, id string) error {
	if f.days < 1 || f.days > maxDays || f.inUse < 0 {
		return usage("--days must be 1 to %d, and --in-use not negative", maxDays)
	}
	if id != "" {
		if err := checkID(id); err != nil {
			return err
		}
	}
	l, err := a.simulateInput(f)
	if err != nil {
		return err
	}
	out, err := f.calendar.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	c, err := audit.Simulate(ctx, l.options, l.SimulateOptions)
	l.progress.end()
	if err != nil {
		return ended(err, audit.WhileReading)
	}
	if id != "" {
		if c = c.About(id); c == nil {
			return noSuchToken(id, l.options.Org.OrgURL())
		}
	}
	return out.write(c)
}
