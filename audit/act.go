package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// settleTimeout bounds the reading that settles what came of a change.
const settleTimeout = 2 * time.Minute

// maxRereads is how often a token is read before a change, if others use up the rate limit each time.
const maxRereads = 3

// act takes the steps that are due, one at a time, the worst and longest idle first. The first doubt ends
// it: what is left is held, and stays due.
func (r *run) act(ctx context.Context) error {
	due := r.due()
	for i, f := range due {
		if err := r.mayGoOn(ctx); err != nil {
			hold(due[i:], "%v", err)
			return nil
		}
		stop, err := r.actOn(ctx, f)
		if err != nil || stop != "" {
			if err != nil {
				stop = err.Error()
			}
			left := due[i+1:]
			hold(left, "the run stopped acting: %s", stop)
			switch {
			case err != nil || len(left) == 0:
			case ctx.Err() != nil:
				_ = r.interrupted(ctx) // the findings say why
			default:
				r.fail(ActionFailed, fmt.Errorf("the run stopped acting, and what is left stays due: %s", stop))
			}
			return err
		}
	}
	return nil
}

// mayGoOn waits until the rate limit has room for a change, and says what keeps from making one.
func (r *run) mayGoOn(ctx context.Context) error {
	_, err := r.o.Enforce.Org.Await(ctx)
	switch {
	case ctx.Err() != nil:
		return r.interrupted(ctx)
	case err != nil: // a service app could not log in again
		r.fail(CodeOf(err), err)
		return err
	}
	l := r.o.Policy.Limits
	if spent := r.spent(); spent >= l.PerDay {
		return fmt.Errorf("perDay allows %d in 24 hours, of which %d are spent", l.PerDay, spent)
	}
	if r.done >= l.PerRun {
		return fmt.Errorf("perRun allows %d in one run", l.PerRun)
	}
	return nil
}

// actOn reads a token again, decides again, and takes the step if nothing has changed. stop, if not "",
// says why no other token may be acted on after this one; an error is the ledger's or the emergency brake, or means
// that the credential is of no use any more. The owner is read first, since that may wait long, for a rate limit of its
// own; the brake is looked at last. Nothing that may wait comes between these and the change.
func (r *run) actOn(ctx context.Context, f *Finding) (stop string, err error) {
	owner, err := r.ownerOf(ctx, &f.Token)
	if err != nil {
		f.Outcome, f.Reason = Held, fmt.Sprintf("its owner could not be read again: %v", err)
		return r.stopAfter(ctx, err)
	}
	fresh, err := readAgain(ctx, r.o.Enforce.Org, f.Token.ID)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		f.Outcome, f.Reason, f.Quarantine = Gone, "it had vanished when its turn came", nil
		return "", nil
	case err != nil:
		f.Outcome, f.Reason = Held, fmt.Sprintf("it could not be read again: %v", err)
		return r.stopAfter(ctx, err)
	}
	if err := r.checkBeforeChange(); err != nil {
		hold([]*Finding{f}, "%v", err)
		return "", err
	}
	fresh.Owner = owner
	f.Quarantine = r.decider.quarantine(&fresh)
	clock := r.orgNow()
	at := instantFor(&fresh, clock, clock)
	again, _, ok := r.decider.decide(fresh, r.self.maybeOwn(&fresh), at)
	if why := f.differs(again, ok, fresh); why != "" {
		f.Outcome, f.Reason = Changed, why
		return "", nil
	}
	return r.change(ctx, f, fresh)
}

// readAgain reads a token before a change, which doesn't wait for the rate limit: so this does. The reading tells how
// much of it others have left; after a wait the token is read once more, but not without end.
func readAgain(ctx context.Context, org *okta.Client, id string) (okta.Token, error) {
	for tries := 1; ; tries++ {
		t, err := org.Token(ctx, id)
		if err != nil || tries == maxRereads {
			return t, err
		}
		if waited, err := org.Await(ctx); err != nil || !waited {
			return t, err
		}
	}
}

// ownerOf reads the owner of a token again, if the policy asks about owners; else what is known will do.
func (r *run) ownerOf(ctx context.Context, t *okta.Token) (*okta.Owner, error) {
	id, known := t.UserID.Get()
	if !known || !r.o.Policy.Reads(rules.Owners) {
		return r.owners.get(t), nil
	}
	return r.o.Org.Owner(ctx, id)
}

// differs says what is no longer as it was decided on, or "".
func (f *Finding) differs(again Finding, ok bool, fresh okta.Token) string {
	was := f.Token
	switch {
	case fresh.Name != was.Name || fresh.ClientName != was.ClientName || fresh.UserID != was.UserID ||
		!sameInstant(fresh.Created, was.Created):
		return "it is not what was listed: its name, client, owner or creation differ"
	case !ok:
		return "no rule matches it any more"
	case again.Outcome != f.Outcome || again.Step != f.Step:
		return fmt.Sprintf("it would now be %s (%s)", again.Outcome, again.Reason)
	case len(again.unannounced) > 0:
		return "the values that the rule reads have changed since the notice"
	}
	return ""
}

func sameInstant(a, b okta.Opt[time.Time]) bool {
	x, _ := a.Get()
	y, _ := b.Get()
	return a.Presence() == b.Presence() && x.Equal(y)
}

// change takes one step and puts what came of it into the finding.
func (r *run) change(ctx context.Context, f *Finding, fresh okta.Token) (stop string, err error) {
	intent := ledger.Record{Kind: ledger.Intent, Step: f.Step.String(), Rules: f.stepRules, Plan: r.Digest,
		By: ledger.ByRun}
	if f.Step == rules.Quarantine {
		after := zoneCondition(r.o.Policy.QuarantineZone)
		intent.After = &after
	}
	result, err := r.carryOut(ctx, r.o.Enforce.Org, intent, fresh)
	if err != nil && result.word == "" {
		hold([]*Finding{f}, "%v", err)
		return "", err
	}
	f.Outcome, f.Reason, f.Done = result.outcome(), result.reason, true
	switch {
	case f.Outcome == Revoked || f.Outcome == Gone:
		f.Quarantine = nil
	case f.Outcome == Quarantined && result.after != nil:
		fresh.Network = networkOf(*result.after)
		f.Quarantine = r.decider.quarantine(&fresh)
	}
	if err != nil {
		f.Outcome, f.Reason = Failed, fmt.Sprintf("%s, but that could not be recorded: %v",
			strings.TrimSpace(result.word+" "+result.reason), err)
		return "", err
	}
	if f.Outcome == Failed {
		r.fail(ActionFailed, nil)
	}
	if result.err != nil {
		return r.stopAfter(ctx, result.err)
	}
	return result.doubt, nil
}

// carryOut makes one change: the intent on disk, one request, the outcome on disk. Once the intent is
// written it goes to its end, whatever happens to ctx. An error is the ledger's; the result is zero if the
// intent could not be written, and then nothing was sent.
func (r *run) carryOut(ctx context.Context, org *okta.Client, intent ledger.Record, fresh okta.Token) (result, error) {
	was := conditionOf(&fresh)
	intent.Token, intent.Before = fresh.ID, &was
	if name, ok := fresh.Name.Get(); ok {
		intent.Name = name
	}
	intent, err := r.append(intent)
	if err != nil {
		return result{}, err
	}
	r.done++
	r.Acted = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	res := changer{org}.send(ctx, intent, fresh)
	return res, r.settle(intent, res)
}

// settle writes down what came of an intent.
func (r *run) settle(intent ledger.Record, res result) error {
	return r.record(ledger.Record{
		Kind: ledger.Outcome, Ref: intent.Seq, Token: intent.Token, Name: intent.Name, Step: intent.Step,
		Result: res.word, Settled: res.word != ledger.ResultUnknown || res.closed, Reason: res.reason, After: res.after,
	})
}

// stopAfter stops the acting after an error of the org. A credential that is refused ends the run with its
// own exit code.
func (r *run) stopAfter(ctx context.Context, err error) (stop string, _ error) {
	if errors.Is(err, okta.ErrUnauthorized) || errors.Is(err, okta.ErrForbidden) {
		return "", err
	}
	if ctx.Err() != nil {
		return r.interrupted(ctx).Error(), nil
	}
	r.fail(ActionFailed, nil)
	return err.Error(), nil
}

// interrupted notes that ctx has ended, and says why.
func (r *run) interrupted(ctx context.Context) error {
	why := interruption(ctx)
	r.fail(Halted, fmt.Errorf("%w: what is left stays due", why))
	return why
}
