package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// defaultState is the state directory where neither a flag nor the environment names one.
const defaultState = "./state"

// stateFlag says where the ledger is.
type stateFlag struct {
	dir   string
	given bool   // by the flag or the environment
	alone bool   // though it is on FUSE, no other machine mounts it
	named string // what names it: the flag, or the variable; "" for neither
}

// The two ways to name the state directory.
const (
	stateName     = "--state"
	stateVariable = "TOKENSWEEP_STATE"
)

// add defines --state.
func (f *stateFlag) add(cmd *cobra.Command, e environment) {
	f.dir = e.or(stateVariable, defaultState)
	if e.get(stateVariable) != "" {
		f.given, f.named = true, stateVariable
	}
	cmd.Flags().StringVar(&f.dir, "state", f.dir, "state `directory`, which holds the ledger")
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("state") {
			f.given, f.named = true, stateName
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

// addAlone defines --state-alone, for commands that change tokens.
func (f *stateFlag) addAlone(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.alone, "state-alone", false,
		"no other machine mounts the state directory, though it is on FUSE")
}

// store is the one that the flag names; none for an empty name.
func (f *stateFlag) store() ledger.Store { return ledger.InDirectory(f.dir) }

// advice is what to do about a directory that no run has used: to what names it, which need not be the flag.
func (f *stateFlag) advice() string {
	switch f.named {
	case stateVariable:
		return "correct " + stateVariable + ", which names it, or unset it"
	case stateName:
		return "correct " + stateName + ", or leave it out"
	}
	return "name the one that the runs use with " + stateName + " or " + stateVariable
}

// open takes the lock of the ledger, verifies it, and makes it if it isn't there.
func (f *stateFlag) open(now func() time.Time) (*ledger.Ledger, error) {
	l, err := f.store().Open(now)
	if err != nil {
		return nil, f.openFailure(err)
	}
	return l, nil
}

// patience is how long a person waits for the run under way to give way. It takes seconds, unless the answer to a
// change that was on its way is lost.
const patience = time.Minute

// openWaiting is open for a change by hand: a run under way gives way.
func (f *stateFlag) openWaiting(ctx context.Context, tell func(string)) (*ledger.Ledger, error) {
	l, err := f.store().OpenWaiting(ctx, time.Now, patience, func() {
		tell(fmt.Sprintf("another run uses %s, and gives way: waiting for at most %v", f.dir, patience))
	})
	if err != nil {
		return nil, f.openFailure(err)
	}
	return l, nil
}

// openFailure is why the ledger could not be opened or read, for a person.
func (f *stateFlag) openFailure(err error) *failure {
	return ended(fmt.Errorf("state directory %s: %w", f.dir, err), audit.WhileOpening)
}

// openIfWanted is open for a dry run, which does without a ledger unless one was asked for or is there.
func (f *stateFlag) openIfWanted(now func() time.Time) (*ledger.Ledger, error) {
	if f.dir == "" || (!f.given && !f.store().Exists()) {
		return nil, nil
	}
	return f.open(now)
}
