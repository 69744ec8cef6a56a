package cli

import (
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

func (a *app) haltCommand() *cobra.Command {
	var state stateFlag
	var reason string
	cmd := &cobra.Command{
		Use:   "halt",
		Short: "the emergency brake: nothing is changed until resume",
		Long: `halt keeps every run that shares the state directory from changing anything,
and ends an enforcing run that is under way within seconds. Later runs go on to
report.`,
		Example: `  tokensweep halt --reason "deploys fail since the last revocation"`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if reason == "" {
				return usage("say why: --reason")
			}
			if !state.store().Exists() {
				return noState(&state)
			}
			before, err := state.store().Halted()
			if err == nil && before == nil {
				err = state.store().SetHalt(reason, operator(), time.Now())
			}
			if err != nil {
				return ended(err, audit.WhileChanging)
			}
			a.recordBrake(&state, ledger.Record{Kind: ledger.Halt, Reason: reason, By: operator()})
			if before != nil {
				return a.print(fmt.Sprintf("halted already, by %s since %s: %s\n", clean(before.By),
					before.At.UTC().Format(time.RFC3339), clean(before.Reason)))
			}
			return a.print(fmt.Sprintf("halted: no run that uses %s changes anything until tokensweep resume\n",
				clean(state.dir)))
		},
	}
	state.add(cmd, a.env)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record and the reports")
	return cmd
}

func (a *app) resumeCommand() *cobra.Command {
	var state stateFlag
	var reason string
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "release the emergency brake",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !state.store().Exists() {
				return noState(&state)
			}
			note, err := state.store().Halted()
			if err != nil {
				return ended(err, audit.WhileChanging)
			}
			if note == nil {
				return a.print("not halted\n")
			}
			if err := state.store().ClearHalt(); err != nil {
				return ended(err, audit.WhileChanging)
			}
			a.recordBrake(&state, ledger.Record{Kind: ledger.Resume, Reason: reason, By: operator()})
			return a.print("resumed\n")
		},
	}
	state.add(cmd, a.env)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func noState(f *stateFlag) error {
	return usageHint(f.advice(), "there is no state directory %s, so that no run uses it", clean(f.dir))
}

// recordBrake writes the brake into the ledger as well. While a run holds the ledger that isn't possible;
// the brake works all the same, and its own file says who pulled it.
func (a *app) recordBrake(state *stateFlag, r ledger.Record) {
	l, err := state.open(time.Now)
	if err == nil {
		_, err = l.Append(r)
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		a.logger().Warn("the ledger has no record of it", "kind", r.Kind, "reason", clean(err.Error()))
	}
}

// operator is who gives a command.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}
