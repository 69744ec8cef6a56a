package audit

import (
	"context"
	"errors"
	"fmt"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// result is the outcome of one change.
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

// send makes the request of an intent. The token was read just before.
func (c changer) send(ctx context.Context, intent ledger.Record, t okta.Token) result {
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

// maybeSentTwice explains why a change may find nothing although its target was there a moment before.
const maybeSentTwice = "it was there a moment before: it was ended by this request, which something on the way may " +
	"have sent twice, or by somebody else's doing"

// revokeCurrent ends the credential in use. It can't be read afterwards, so only a 204 proves its end. If the
// credential is refused now, after it was accepted just before, it is no longer in use.
func (c changer) revokeCurrent(ctx context.Context) result {
	switch err := c.org.RevokeCurrent(ctx); {
	case err == nil:
		return result{word: ledger.ResultRevoked}
	case errors.Is(err, okta.ErrUnauthorized):
		return result{word: ledger.ResultGone, reason: fmt.Sprintf("okta does not accept it any more, and %s: %v",
			maybeSentTwice, err)}
	default:
		return c.judgeError(err, func(string) result {
			return result{word: ledger.ResultUnknown,
				reason: "look in the admin console whether the token is still there"}
		})
	}
}

// revoke ends a token. It counts as revoked only if the answer is 204 and reading it afterwards finds nothing.
func (c changer) revoke(ctx context.Context, id string) result {
	err := c.org.Revoke(ctx, id)
	if err != nil {
		return c.judgeError(err, func(why string) result { return c.readRevoked(ctx, id, why) })
	}
	res := c.readRevoked(ctx, id, "okta answered 204")
	switch {
	case res.err != nil:
		res.reason = fmt.Sprintf("okta answered 204; reading it again failed, so that the next run must verify it: %v",
			res.err)
	case res.word == ledger.ResultUnknown:
		res.reason, res.doubt = "okta answered 204, and the token is still there", "a revocation had no effect"
	default:
		res.reason = ""
	}
	return res
}

// readRevoked reads whether a token is gone after a request to revoke it. why says what made that necessary.
func (c changer) readRevoked(ctx context.Context, id, why string) result {
	_, err := c.org.Token(ctx, id)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultRevoked, reason: why + "; reading it finds nothing"}
	case err != nil:
		return result{word: ledger.ResultUnknown, reason: fmt.Sprintf("%s, and reading failed: %v", why, err), err: err}
	}
	return result{word: ledger.ResultUnknown, reason: why + ", and the token is still there: the next run looks again"}
}

// setNetwork sets a token's network condition to want.
func (c changer) setNetwork(ctx context.Context, t okta.Token, want ledger.Condition, done string) result {
	after, err := c.org.SetNetwork(ctx, t, okta.Condition{Connection: want.Connection, Include: want.Include,
		Exclude: want.Exclude})
	if err != nil {
		return c.judgeError(err, func(why string) result { return c.readNetwork(ctx, t.ID, want, done, why) })
	}
	if !sameCondition(after.Network, want) {
		return result{word: ledger.ResultUnknown, reason: "okta answered 200 with another network condition",
			doubt: "a change had another effect than it should"}
	}
	condition := conditionOf(&after)
	return result{word: done, after: &condition}
}

// readNetwork reads whether a token has the network condition want after a request to set it. why says what made that
// necessary.
func (c changer) readNetwork(ctx context.Context, id string, want ledger.Condition, done, why string) result {
	t, err := c.org.Token(ctx, id)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return result{word: ledger.ResultGone, reason: why + "; it has vanished"}
	case err != nil:
		return result{word: ledger.ResultUnknown, reason: fmt.Sprintf("%s, and reading failed: %v", why, err), err: err}
	case sameCondition(t.Network, want):
		condition := conditionOf(&t)
		return result{word: done, reason: why + "; reading it finds the new condition", after: &condition}
	}
	return result{word: ledger.ResultUnknown, reason: why +
		", and the condition is as it was: the next run looks again"}
}

// judgeError says what an error means for a change: certainly not done, or unknown, which reading may settle. A 404 for
// the change raises no doubt if reading finds nothing either.
func (c changer) judgeError(err error, read func(why string) result) result {
	var e *okta.Error
	if errors.As(err, &e) && !e.MayHaveActed() {
		return result{word: ledger.ResultFailed, reason: err.Error(), err: err}
	}
	why, nothing := "the answer was lost", errors.Is(err, okta.ErrNotFound)
	switch {
	case nothing:
		why = "okta found nothing to change"
	case e != nil && e.Status != 0:
		why = "that does not say whether it was done"
	}
	res := read(why)
	plain := nothing && (res.word == ledger.ResultRevoked || res.word == ledger.ResultGone)
	if nothing && res.word == ledger.ResultRevoked {
		res.reason += "; " + maybeSentTwice
	}
	res.reason = fmt.Sprintf("%v; %s", err, res.reason)
	if res.err == nil && !plain {
		res.doubt = "an answer was lost"
	}
	return res
}
