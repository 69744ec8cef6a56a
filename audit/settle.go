package audit

import (
	"context"
	"errors"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// settler finds out the outcome of changes that were begun, and records it.
type settler struct {
	*session
	*journal
	report *Report
	// open are changes of earlier runs whose outcome could not be read, and that no note mentions yet.
	open []unsettledChange
}

// settleAll finds out the outcome of changes that earlier runs began and did not settle. It only reads. An outcome that
// can't be read stays open, and then nothing else is changed (guards.mayAct).
func (s *settler) settleAll(ctx context.Context) error {
	past := s.decider.past
	for _, seq := range past.OpenSeqs() {
		intent := past.Open[seq]
		res, moved, err := s.readOutcome(ctx, intent)
		if err != nil {
			if errors.Is(err, okta.ErrUnauthorized) || errors.Is(err, okta.ErrForbidden) {
				return err
			}
			s.open = append(s.open, unsettledChange{intent, err})
			continue
		}
		if moved { // before the outcome, after which nobody would ask again
			if err := s.record(ledger.Record{Kind: ledger.Lifted, Token: intent.Token,
				Reason: "it was changed since its quarantine was begun, and may have been given back"}); err != nil {
				return err
			}
		}
		if err := s.settleLate(intent, res, "by reading"); err != nil {
			return err
		}
	}
	return nil
}

// unsettledChange is a change whose outcome could not be read, and why.
type unsettledChange struct {
	intent ledger.Record
	err    error
}

// settle records the outcome of an intent.
func (s *settler) settle(intent ledger.Record, res result) error {
	return s.record(ledger.Record{
		Kind: ledger.Outcome, Ref: intent.Seq, Token: intent.Token, Name: intent.Name, Step: intent.Step,
		Result: res.word, Settled: res.word != ledger.ResultUnknown || res.closed, Reason: res.reason, After: res.after,
	})
}

// settleLate records the outcome of a change of an earlier run, and reports it.
func (s *settler) settleLate(intent ledger.Record, res result, how string) error {
	if err := s.settle(intent, res); err != nil {
		return err
	}
	s.report.Belated++
	s.report.note("settled %s: the %s of the token %s that run %s began: %s (%s)",
		how, intent.Step, intent.Token, intent.Run, res.word, res.reason)
	return nil
}

// settleByList settles open changes of tokens that a complete list does not have. The list must be believable, and the
// token must be one that it would show: those that a run acted on, or that the last list had, are visible to this
// credential. Others may never be.
func (s *settler) settleByList(m *memory, listed func(id string) bool) error {
	var left []unsettledChange
	for _, u := range s.open {
		_, before := m.missing[u.intent.Token]
		if listed(u.intent.Token) || s.report.Shrunken || !before && u.intent.By != ledger.ByRun {
			left = append(left, u)
			continue
		}
		if err := s.settleLate(u.intent, goneResult(u.intent), "by the list"); err != nil {
			return err
		}
	}
	s.open = left
	return nil
}

// noteUnsettled reports what is still not known.
func (s *settler) noteUnsettled() {
	for _, u := range s.open {
		s.report.fail(ActionFailed, nil)
		s.report.note("what came of the %s of the token %s in run %s is still not known: %v",
			u.intent.Step, u.intent.Token, u.intent.Run, u.err)
	}
	s.open = nil
}

// goneResult is the outcome of a change of a token that no longer exists.
func goneResult(intent ledger.Record) result {
	if intent.Step == ledger.StepRevoke {
		return result{word: ledger.ResultRevoked, reason: "it is gone, by this revocation or by somebody else since"}
	}
	return result{word: ledger.ResultGone, reason: "it is gone"}
}

// readOutcome reads the outcome of an intent, now that time has passed. moved means that the token is not in the
// quarantine that was begun, but was changed since: it may have been in quarantine, and somebody restored it.
func (s *settler) readOutcome(ctx context.Context, intent ledger.Record) (res result, moved bool, err error) {
	if intent.Step == ledger.StepRevokeCurrent {
		return result{word: ledger.ResultUnknown, closed: true,
			reason: "the outcome was lost; look in the admin console whether that token is still there"}, false, nil
	}
	t, err := s.org.Token(ctx, intent.Token)
	notDone := result{word: ledger.ResultFailed, reason: "it was not done"}
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return goneResult(intent), false, nil
	case err != nil:
		return result{}, false, err
	case intent.Step == ledger.StepRevoke:
		return notDone, false, nil
	case !conditionKnown(t.Network):
		// This can be permanent, and must not block everything else. What was begun stays known (State.Attempted).
		return result{word: ledger.ResultUnknown, closed: true,
			reason: "its network condition can't be read in full: look at it in the admin console"}, false, nil
	}
	done := ledger.ResultQuarantined
	if intent.Step == ledger.StepRestore {
		done = ledger.ResultRestored
	}
	after := conditionOf(&t)
	moved = intent.Step == ledger.StepQuarantine && (intent.Before == nil || after.LastUpdated.IsZero() ||
		!after.LastUpdated.Equal(intent.Before.LastUpdated))
	switch {
	case intent.After != nil && sameCondition(t.Network, *intent.After):
		return result{word: done, reason: "its network condition is the new one", after: &after}, false, nil
	case intent.Before != nil && sameCondition(t.Network, *intent.Before):
		if moved {
			notDone.reason = "it was not done, or somebody has undone it: it gets a new notice before anything else " +
				"happens"
		}
		return notDone, moved, nil
	}
	const neither = "its network condition is neither the one before nor the one after: look at it in the admin console"
	return result{word: ledger.ResultUnknown, closed: true, after: &after, reason: neither}, moved, nil
}
