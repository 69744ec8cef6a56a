package audit

import (
	"context"
	"errors"
	"fmt"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// settleAll finds out what came of the changes that an earlier run began and whose outcome it never
// learnt. It only reads. What can't be read stays open, and then nothing else is changed (mayAct).
func (r *run) settleAll(ctx context.Context) error {
	past := r.decider.past
	for _, seq := range past.OpenSeqs() {
		intent := past.Open[seq]
		res, err := r.readOutcome(ctx, intent)
		if err != nil {
			if errors.Is(err, okta.ErrUnauthorized) || errors.Is(err, okta.ErrForbidden) {
				return err
			}
			r.fail(ActionFailed, nil)
			r.Notes = append(r.Notes, fmt.Sprintf("what came of the %s of the token %s in run %s is still not known: %v", intent.Step, intent.Token, intent.Run, err))
			continue
		}
		if err := r.settle(intent, res); err != nil {
			return err
		}
		r.Notes = append(r.Notes, fmt.Sprintf("settled by reading: the %s of the token %s that run %s began: %s (%s)", intent.Step, intent.Token, intent.Run, res.word, res.reason))
	}
	return nil
}

// readOutcome reads what came of an intent, now that time has passed.
func (r *run) readOutcome(ctx context.Context, intent ledger.Record) (result, error) {
	if intent.Step == ledger.StepRevokeCurrent {
		return result{word: ledger.ResultUnknown, closed: true, reason: "the outcome was lost; look in the admin console whether that token is still there"}, nil
	}
	t, err := r.o.Org.Token(ctx, intent.Token)
	notDone := result{word: ledger.ResultFailed, reason: "it was not done"}
	switch {
	case errors.Is(err, okta.ErrNotFound) && intent.Step == ledger.StepRevoke:
		return result{word: ledger.ResultRevoked, reason: "it is gone, by this revocation or by somebody else since"}, nil
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultGone, reason: "it is gone"}, nil
	case err != nil:
		return result{}, err
	case intent.Step == ledger.StepRevoke:
		return notDone, nil
	}
	done := ledger.ResultQuarantined
	if intent.Step == ledger.StepRestore {
		done = ledger.ResultRestored
	}
	after := conditionOf(&t)
	switch {
	case intent.After != nil && sameCondition(t.Network, *intent.After):
	case intent.Before != nil && sameCondition(t.Network, *intent.Before):
		return notDone, nil
	default:
		return result{word: ledger.ResultUnknown, closed: true, after: &after, reason: "its network condition is neither the one before nor the one after: look at it in the admin console"}, nil
	}
	return result{word: done, reason: "its network condition is the new one", after: &after}, nil
}
