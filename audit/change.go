package audit

import (
	"context"
	"errors"
	"fmt"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// result is what came of one change.
type result struct {
	word   string            // one of the ledger's results
	reason string            // in words, "" if there is nothing to say
	after  *ledger.Condition // of a quarantine or a restoration
	closed bool              // that it is unknown is all that will ever be known
	doubt  string            // why nothing else should be changed now, "" if nothing speaks against it
	err    error             // of the org, if the change was refused or its answer lost
}

func (r result) outcome() Outcome {
	switch r.word {
	case ledger.ResultRevoked:
		return Revoked
	case ledger.ResultQuarantined:
		return Quarantined
	case ledger.ResultRestored:
		return Restored
	case ledger.ResultGone:
		return Gone
	}
	return Failed
}

// changer makes the requests that change something; nothing else does.
type changer struct{ org *okta.Client }

// take makes the request of an intent, about a token that was read just before.
func (c changer) take(ctx context.Context, intent ledger.Record, t okta.Token) result {
	switch intent.Step {
	case ledger.StepRevoke:
		return c.revoke(ctx, t.ID)
	case ledger.StepRevokeCurrent:
		return c.revokeCurrent(ctx)
	case ledger.StepRestore:
		return c.setNetwork(ctx, t, *intent.After, ledger.ResultRestored)
	}
	return c.setNetwork(ctx, t, *intent.After, ledger.ResultQuarantined)
}

// revokeCurrent ends the credential in use. It can't be read afterwards, so only 204 counts.
func (c changer) revokeCurrent(ctx context.Context) result {
	switch err := c.org.RevokeCurrent(ctx); {
	case err == nil:
		return result{word: ledger.ResultRevoked}
	case errors.Is(err, okta.ErrUnauthorized):
		return result{word: ledger.ResultGone, reason: err.Error()}
	default:
		return c.judgeError(err, func() result {
			return result{word: ledger.ResultUnknown, reason: "look in the admin console whether the token is still there"}
		})
	}
}

// revoke ends a token. Only an answer 204 is a revocation, and then reading it must find nothing.
func (c changer) revoke(ctx context.Context, id string) result {
	err := c.org.Revoke(ctx, id)
	if err != nil {
		return c.judgeError(err, func() result { return c.readRevoked(ctx, id, "the answer was lost; reading it finds nothing") })
	}
	res := c.readRevoked(ctx, id, "")
	switch {
	case res.err != nil:
		res.reason = fmt.Sprintf("okta answered 204; reading it again failed, so that the next run must verify it: %v", res.err)
	case res.word == ledger.ResultUnknown:
		res.reason, res.doubt = "okta answered 204, and the token is still there", "a revocation had no effect"
	}
	return res
}

// readRevoked reads whether a token is gone, after a request to revoke it.
func (c changer) readRevoked(ctx context.Context, id, reason string) result {
	_, err := c.org.Token(ctx, id)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultRevoked, reason: reason}
	case err != nil:
		return result{word: ledger.ResultUnknown, reason: fmt.Sprintf("the answer was lost, and reading failed: %v", err), err: err}
	}
	return result{word: ledger.ResultUnknown, reason: "the answer was lost, and the token is still there: the next run looks again"}
}

// setNetwork sets a token's network condition to want.
func (c changer) setNetwork(ctx context.Context, t okta.Token, want ledger.Condition, done string) result {
	after, err := c.org.SetNetwork(ctx, t, okta.Condition{Connection: want.Connection, Include: want.Include, Exclude: want.Exclude})
	if err != nil {
		return c.judgeError(err, func() result {
			return c.readNetwork(ctx, t.ID, want, done, "the answer was lost; reading it finds the new condition")
		})
	}
	if !sameCondition(after.Network, want) {
		return result{word: ledger.ResultUnknown, reason: "okta answered 200 with another network condition", doubt: "a change had another effect than it should"}
	}
	condition := conditionOf(&after)
	return result{word: done, after: &condition}
}

// readNetwork reads whether a token has the network condition want, after a request for it.
func (c changer) readNetwork(ctx context.Context, id string, want ledger.Condition, done, reason string) result {
	t, err := c.org.Token(ctx, id)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultGone, reason: "it has vanished"}
	case err != nil:
		return result{word: ledger.ResultUnknown, reason: fmt.Sprintf("the answer was lost, and reading failed: %v", err), err: err}
	case sameCondition(t.Network, want):
		condition := conditionOf(&t)
		return result{word: done, reason: reason, after: &condition}
	}
	return result{word: ledger.ResultUnknown, reason: "the answer was lost, and the condition is as it was: the next run looks again"}
}

// judgeError says what an error means for the change: certainly not done, nothing left to do, or unknown,
// which reading may settle.
func (c changer) judgeError(err error, read func() result) result {
	var e *okta.Error
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultGone, reason: "okta knows it no more"}
	case errors.Is(err, okta.ErrUnauthorized), errors.Is(err, okta.ErrForbidden):
		return result{word: ledger.ResultFailed, reason: err.Error(), err: err}
	case errors.As(err, &e) && !e.MayHaveActed():
		return result{word: ledger.ResultFailed, reason: err.Error(), err: err}
	}
	res := read()
	res.reason = fmt.Sprintf("%v; %s", err, res.reason)
	if res.err == nil {
		res.doubt = "an answer was lost"
	}
	return res
}
