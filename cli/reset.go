package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/okta"
)

// resetFlags are the flags of ledger reset-clock.
type resetFlags struct {
	reason string
	yes    bool
	state  stateFlag
}

func (a *app) ledgerResetClockCommand() *cobra.Command {
	f := &resetFlags{}
	cmd := &cobra.Command{
		Use:   "reset-clock",
		Short: "end that records of the future keep runs from enforcing",
		Long: `reset-clock is for a ledger with records of the future, which a run has written
whose clock was ahead: no run enforces by it any more, with exit code 26. It
asks the org what time it is, which must be what the clock of this machine
shows, and a person, and records that all later times are of a clock that was
ahead. Quarantines, findings, open changes and the last list stay. What was
spent of perDay at such a time counts as spent now; notices of such a time are
void and come again; plans of such a time have to be made again.`,
		Example: `  tokensweep ledger reset-clock --state state --reason "a node ran in 2028"`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.resetClock(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the record")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "don't ask")
	f.state.add(cmd, a.env)
	return cmd
}

func (a *app) resetClock(ctx context.Context, f *resetFlags) error {
	switch {
	case f.reason == "":
		return usage("say why: --reason")
	case !f.state.store().Exists():
		return noState(&f.state)
	}
	client, err := a.env.client(okta.Options{UserAgent: userAgent(), Trace: a.newProgress().trace},
		okta.Scopes{Needed: []string{okta.ScopeRead}})
	if err != nil {
		return err
	}
	l, err := f.state.open(time.Now)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	done, err := audit.ClockReset{
		Org: client.Reader, Ledger: l, Reason: f.reason, By: operator(),
		Confirm: func(now, latest time.Time, told bool) error {
			if f.yes {
				return nil
			}
			return a.confirmClock(ctx, client.OrgURL(), now, latest, told)
		},
	}.Do(ctx)
	var unconfirmed *failure
	switch {
	case errors.As(err, &unconfirmed):
		return err
	case err != nil:
		failed := ended(err, audit.WhileReading)
		if failed.code != audit.NoAccess && failed.code != audit.Incomplete { // it is not the org's
			failed.hint = "nothing was written"
		}
		return failed
	case !done:
		return a.print("the ledger has no records of the future: nothing was written\n")
	}
	return a.print(fmt.Sprintf("records of the future count as of now, and keep no run from enforcing; notices of "+
		"the future are void\nledger %s\n", l.Head()))
}

// confirmClock has a person say that the clock of this machine is right. Without a terminal it takes --yes.
func (a *app) confirmClock(ctx context.Context, org string, now, latest time.Time, told bool) error {
	if !onTerminal() {
		return usage("there is no terminal on which to ask whether the clock of this machine is right: add --yes to " +
			"go on without")
	}
	agrees := "the org does not tell the time"
	if told {
		agrees = "the org says so too"
	}
	return a.confirmTyped(ctx, fmt.Sprintf("it is %s by the clock of this machine (%s), and the ledger has records of "+
		"%s: is the clock right", now.Format(time.RFC3339), agrees, latest.UTC().Format(time.RFC3339)),
		strings.TrimPrefix(org, "https://"))
}
