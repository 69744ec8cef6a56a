package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
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
	var want recordFilter
	var out *outputFlags[[]ledger.Record]
	cmd := &cobra.Command{
		Use:   "show",
		Short: "show records of the ledger",
		Example: `  tokensweep ledger show --token 00T1f3w86v9h8o1VZ1d7
  tokensweep ledger show --changes --since 2026-11-01 --output csv`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := want.check(); err != nil {
				return err
			}
			w, err := out.open(a)
			if err != nil {
				return err
			}
			defer w.discard()
			records := []ledger.Record{}
			_, err = state.store().Read(func(r ledger.Record) error {
				if want.matches(&r) {
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
	want.add(cmd)
	return cmd
}

// recordFilter says which records are shown. The zero value lets all pass.
type recordFilter struct {
	token, run   string
	since, until instantFlag
	kinds        kindsFlag
	changes      bool
}

// add defines the flags.
func (f *recordFilter) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.token, "token", "", "only records about the token with this `id`")
	flags.StringVar(&f.run, "run", "", "only records of the run with this `id`")
	flags.Var(&f.since, "since", "only records from this `time` on")
	flags.Var(&f.until, "until", "only records before this `time`")
	flags.Var(&f.kinds, "kind", "only records of these `kinds`, parted by commas, such as notice,intent,outcome")
	flags.BoolVar(&f.changes, "changes", false,
		"only what was done to tokens: the kinds intent and outcome")
	if err := cmd.RegisterFlagCompletionFunc("kind",
		cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not defined
	}
}

// check refuses what no record can match, and what says the same thing twice.
func (f *recordFilter) check() error {
	if f.token != "" {
		if err := okta.CheckTokenID(f.token); err != nil {
			return usage("--token: %w", err)
		}
	}
	switch {
	case f.changes && len(f.kinds) > 0:
		return usage("--changes is short for --kind intent,outcome: leave one of them out")
	case !f.since.IsZero() && !f.until.IsZero() && !f.since.Before(f.until.Time):
		return usage("--since %s is not before --until %s: there are no records between them", &f.since, &f.until)
	}
	if f.changes {
		f.kinds = kindsFlag{ledger.Intent, ledger.Outcome}
	}
	return nil
}

func (f *recordFilter) matches(r *ledger.Record) bool {
	return (f.token == "" || r.Token == f.token) && (f.run == "" || r.Run == f.run || r.Of == f.run) &&
		(f.since.IsZero() || !r.Time.Before(f.since.Time)) && (f.until.IsZero() || r.Time.Before(f.until.Time)) &&
		(len(f.kinds) == 0 || slices.Contains(f.kinds, r.Kind))
}

// kindsFlag is a flag whose value is kinds of records, parted by commas. It may be given more than once.
type kindsFlag []ledger.Kind

// String implements pflag.Value.
func (f *kindsFlag) String() string {
	names := make([]string, 0, len(*f))
	for _, kind := range *f {
		names = append(names, string(kind))
	}
	return strings.Join(names, ",")
}

// Type implements pflag.Value.
func (f *kindsFlag) Type() string { return "kinds" }

// Set implements pflag.Value.
func (f *kindsFlag) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(kindNames(), name) {
			if best := rules.Nearest(name, kindNames()); best != "" {
				return fmt.Errorf("did you mean %s?", best)
			}
			return fmt.Errorf("want one of %s", strings.Join(kindNames(), ", "))
		}
		*f = append(*f, ledger.Kind(name))
	}
	return nil
}

// kindNames are the kinds of records that are shown, as a ledger has them: not the pieces of snapshots, which repeat
// what others say.
func kindNames() []string {
	names := make([]string, 0, len(ledger.Kinds))
	for _, kind := range ledger.Kinds {
		if kind != ledger.InForce {
			names = append(names, string(kind))
		}
	}
	return names
}
