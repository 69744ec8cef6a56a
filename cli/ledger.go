package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
)

func (a *app) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "what was done, and why: verify · show · reset-clock",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.ledgerVerifyCommand(), a.ledgerShowCommand(), a.ledgerResetClockCommand())
	return cmd
}

func (a *app) ledgerVerifyCommand() *cobra.Command {
	var state stateFlag
	var expected string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check every record of the ledger and the chain that they form",
		Long: `verify reads the whole ledger, also while a run uses it. With --head it also
checks that the record which a report named as the head is there and the same:
that no record was taken away or replaced since. With a bad record it exits 23.`,
		Example: `  tokensweep ledger verify --head 104:55e7655ae5ed`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			n := 0
			head, err := state.store().Read(func(ledger.Record) error { n++; return nil })
			var torn *ledger.TornError
			if (err == nil || errors.As(err, &torn)) && expected != "" {
				if err := state.store().CheckHead(expected); err != nil {
					return ended(err, audit.WhileChanging)
				}
			}
			if err != nil && !errors.As(err, &torn) {
				return ended(err, audit.WhileChanging)
			}
			if err := a.print(fmt.Sprintf("%d records, all sound\nhead %s\n", n, head)); err != nil {
				return err
			}
			if torn != nil {
				return a.print(torn.Error() + "\n")
			}
			return nil
		},
	}
	state.add(cmd, a.env)
	cmd.Flags().StringVar(&expected, "head", "", "the `head` that a report ended with")
	return cmd
}

func (a *app) ledgerShowCommand() *cobra.Command {
	var state stateFlag
	var token, run string
	var since, until instantFlag
	var out *outputFlags[[]ledger.Record]
	cmd := &cobra.Command{
		Use:   "show",
		Short: "show records of the ledger",
		Example: `  tokensweep ledger show --token 00T1f3w86v9h8o1VZ1d7
  tokensweep ledger show --since 2026-11-01 --output csv`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if token != "" {
				if err := okta.CheckTokenID(token); err != nil {
					return usage("--token: %w", err)
				}
			}
			w, err := out.open(a)
			if err != nil {
				return err
			}
			defer w.discard()
			records := []ledger.Record{}
			_, err = state.store().Read(func(r ledger.Record) error {
				if matches(r, token, run, since.Time, until.Time) {
					records = append(records, r)
				}
				return nil
			})
			if torn := (*ledger.TornError)(nil); err != nil && !errors.As(err, &torn) {
				return ended(err, audit.WhileChanging)
			}
			return w.write(records)
		},
	}
	state.add(cmd, a.env)
	out = addOutputFlags(cmd, notify.RecordForms)
	cmd.Flags().StringVar(&token, "token", "", "only records about the token with this `id`")
	cmd.Flags().StringVar(&run, "run", "", "only records of the run with this `id`")
	cmd.Flags().Var(&since, "since", "only records from this `time` on")
	cmd.Flags().Var(&until, "until", "only records before this `time`")
	return cmd
}

func matches(r ledger.Record, token, run string, since, until time.Time) bool {
	return (token == "" || r.Token == token) && (run == "" || r.Run == run || r.Of == run) &&
		(since.IsZero() || !r.Time.Before(since)) && (until.IsZero() || r.Time.Before(until))
}
