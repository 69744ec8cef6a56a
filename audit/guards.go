package audit

import (
	"errors"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
)

// errHalted is the emergency brake.
var errHalted = errors.New("halted")

// unsettledError is an earlier change of which nobody knows yet what came of it.
type unsettledError struct{ text string }

func (e *unsettledError) Error() string { return e.text }

// guards are what keeps from changing anything, by a run and by hand: the brake, the clocks, changes whose outcome is
// not known, and the budget. They need a ledger.
type guards struct {
	*session
	*journal
	ledger *ledger.Ledger
	begun  int // changes that this run has begun
}

// mayAct says what keeps from changing anything at all.
func (g *guards) mayAct() error {
	if err := g.checkHalt(); err != nil {
		return err
	}
	if g.decider.past.Halted != nil { // it was released while a run held the ledger
		if err := g.record(ledger.Record{Kind: ledger.Resume, Reason: "seen by a run"}); err != nil {
			return err
		}
	}
	if err := g.clocksAgree(); err != nil {
		return err
	}
	if seqs := g.decider.past.OpenSeqs(); len(seqs) > 0 {
		intent := g.decider.past.Open[seqs[0]]
		return &unsettledError{fmt.Sprintf("what came of the %s of the token %s in run %s is not known, and nothing "+
			"else is changed before it is", intent.Step, intent.Token, intent.Run)}
	}
	return nil
}

// checkBeforeChange is what is looked at right before a change, after all that may take long.
func (g *guards) checkBeforeChange() error {
	if err := g.checkHalt(); err != nil {
		return err
	}
	return g.clocksAgree()
}

// checkHalt looks for the emergency brake. One that can't be read counts as pulled.
func (g *guards) checkHalt() error {
	note, err := g.ledger.Store().Halted()
	if err == nil && note != nil && g.decider.past.Halted == nil { // it was pulled while a run held the ledger
		if err := g.record(ledger.Record{Kind: ledger.Halt, Reason: note.Reason, By: note.By}); err != nil {
			return err
		}
	}
	return brakeError(note, err)
}

// clocksAgree compares our clock with the org's and with what the ledger has seen of it.
func (g *guards) clocksAgree() error {
	told, err := compareClocks(g.org, g.now())
	if err != nil {
		return err
	}
	return checkFuture(g.ledger.Latest(), g.now(), told)
}

// spent is how many quarantines and revocations were begun in the last 24 hours, by whomever.
func (g *guards) spent() int { return spentBefore(g.decider.past, g.now()) }

// spentBefore is how many quarantines and revocations were begun in the 24 hours before now.
func spentBefore(past *ledger.State, now time.Time) int {
	return past.IntentsSince(now.Add(-24 * time.Hour))
}
