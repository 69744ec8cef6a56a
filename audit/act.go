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

// maxRereads is how many times a token is read before a change while others keep using up the rate limit.
const maxRereads = 3

// actor takes the steps of a plan and makes changes by hand. Only an actor has a client that can change anything, and a
// dry run has no actor.
type actor struct {
	*session
	*journal
	guards  *guards
	settler *settler
	report  *Report
	client  *okta.Client
}

// act takes the steps that are due, one at a time, worst severity and longest idle first. At the first doubt it stops:
// the rest is held, and stays due.
func (a *actor) act(ctx context.Context) error {
	due := a.report.due()
	for i, f := range due {
		if err := a.mayGoOn(ctx); err != nil {
			hold(due[i:], "%v", err)
			return nil
		}
		stop, err := a.actOn(ctx, f)
		if err != nil || stop != "" {
			if err != nil {
				stop = err.Error()
			}
			left := due[i+1:]
			hold(left, "the run stopped acting: %s", stop)
			switch {
			case err != nil || len(left) == 0:
			case ctx.Err() != nil:
				_ = a.interrupted(ctx) // the findings say why
			default:
				a.report.fail(ActionFailed, fmt.Errorf("the run stopped acting, and what is left stays due: %s", stop))
			}
			return err
		}
	}
	return nil
}

// mayGoOn waits until the rate limit has room for a change. The error says why no change may be made.
func (a *actor) mayGoOn(ctx context.Context) error {
	_, err := a.client.Await(ctx)
	switch {
	case ctx.Err() != nil:
		return a.interrupted(ctx)
	case err != nil: // a service app could not log in again
		a.report.fail(CodeOf(err), err)
		return err
	}
	l := a.policy.Limits
	if spent := a.guards.spent(); spent >= l.PerDay {
		return fmt.Errorf("perDay allows %d in 24 hours, of which %d are spent", l.PerDay, spent)
	}
	if a.guards.begun >= l.PerRun {
		return fmt.Errorf("perRun allows %d in one run", l.PerRun)
	}
	return nil
}

// actOn reads a token again, decides again, and takes the step if nothing has changed. If stop is not "", no further
// token may be acted on, and stop says why. An error comes from the ledger or the brake, or means that the credential
// is no longer usable. The order matters: the owner is read first, because a rate limit of its own can make that wait
// long; the brake is checked last. Nothing that can wait comes between these checks and the change.
func (a *actor) actOn(ctx context.Context, f *Finding) (stop string, err error) {
	owner, err := a.lookup.again(ctx, f.Token)
	if err != nil {
		f.Outcome, f.Reason = Held, fmt.Sprintf("its owner could not be read again: %v", err)
		return a.stopAfter(ctx, err)
	}
	fresh, err := a.readAgain(ctx, f.Token.ID)
	switch {
	case errors.Is(err, okta.ErrNotFound):
		f.Outcome, f.Reason, f.Quarantine = Gone, "it had vanished when its turn came", nil
		return "", nil
	case err != nil:
		f.Outcome, f.Reason = Held, fmt.Sprintf("it could not be read again: %v", err)
		return a.stopAfter(ctx, err)
	}
	if err := a.guards.checkBeforeChange(); err != nil {
		hold([]*Finding{f}, "%v", err)
		return "", err
	}
	fresh.Owner = owner
	st := a.decider.standing(&fresh)
	f.Quarantine = st.inQuarantine()
	again, ok := a.judgeNow(&fresh, st)
	if why := f.differs(again, ok, fresh); why != "" {
		f.Outcome, f.Reason = Changed, why
		return "", nil
	}
	return a.change(ctx, f, fresh)
}

// readAgain reads a token before a change. The change itself does not wait for the rate limit, so this does: the
// reading tells how much of the limit is left, and after a wait the token is read once more, maxRereads times at most.
func (a *actor) readAgain(ctx context.Context, id string) (okta.Token, error) {
	for tries := 1; ; tries++ {
		t, err := a.client.Token(ctx, id)
		if err != nil || tries == maxRereads {
			return t, err
		}
		if waited, err := a.client.Await(ctx); err != nil || !waited {
			return t, err
		}
	}
}

// differs says what has changed since the decision; "" if nothing has.
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
func (a *actor) change(ctx context.Context, f *Finding, fresh okta.Token) (stop string, err error) {
	intent := ledger.Record{Kind: ledger.Intent, Step: f.Step.String(), Rules: f.stepRules, Plan: a.report.Digest,
		By: ledger.ByRun}
	if f.Step == rules.Quarantine {
		after := zoneCondition(a.policy.QuarantineZone)
		intent.After = &after
	}
	result, err := a.carryOut(ctx, intent, fresh)
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
		f.Quarantine = a.decider.standing(&fresh).in
	}
	if err != nil {
		f.Outcome, f.Reason = Failed, fmt.Sprintf("%s, but that could not be recorded: %v",
			strings.TrimSpace(result.word+" "+result.reason), err)
		return "", err
	}
	if f.Outcome == Failed {
		a.report.fail(ActionFailed, nil)
	}
	if result.err != nil {
		return a.stopAfter(ctx, result.err)
	}
	return result.doubt, nil
}

// carryOut makes one change: intent on disk, one request, outcome on disk. Once the intent is written it runs to the
// end, even if ctx is canceled. An error is the ledger's. The result is zero if the intent could not be written; then
// nothing was sent.
func (a *actor) carryOut(ctx context.Context, intent ledger.Record, fresh okta.Token) (result, error) {
	was := conditionOf(&fresh)
	intent.Token, intent.Before = fresh.ID, &was
	if name, ok := fresh.Name.Get(); ok {
		intent.Name = name
	}
	intent, err := a.append(intent)
	if err != nil {
		return result{}, err
	}
	a.guards.begun++
	a.report.Acted = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	res := changer{a.client}.send(ctx, intent, fresh)
	return res, a.settler.settle(intent, res)
}

// stopAfter stops acting after an error of the org. A credential that is refused ends the run with its own exit code.
func (a *actor) stopAfter(ctx context.Context, err error) (stop string, _ error) {
	if errors.Is(err, okta.ErrUnauthorized) || errors.Is(err, okta.ErrForbidden) {
		return "", err
	}
	if ctx.Err() != nil {
		return a.interrupted(ctx).Error(), nil
	}
	a.report.fail(ActionFailed, nil)
	return err.Error(), nil
}

// interrupted notes that ctx has ended, and says why.
func (a *actor) interrupted(ctx context.Context) error {
	why := interruption(ctx)
	a.report.fail(Halted, fmt.Errorf("%w: what is left stays due", why))
	return why
}
