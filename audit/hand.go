package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Hand makes single changes on a person's request, with the same records and guards as a run, except that nothing has
// to be due.
type Hand struct {
	Org    *okta.Client
	Policy *rules.Policy
	Ledger *ledger.Ledger
	// StateAlone is that of Options.
	StateAlone bool
	// Reason says why, for the record.
	Reason string
	// OwnTokenToo allows a change of a token that may be the one in use.
	OwnTokenToo bool
	// Recorded is that of Options.
	Recorded func(ledger.Record)
	// Now is our clock; nil means time.Now.
	Now func() time.Time
	// Tell, if not nil, is called with what else a person should know, such as what was settled.
	Tell func(string)
	// Deliver, if not nil, tells a person the outcome of a change that was begun, and why. The end is recorded after
	// that. If it fails, the next run reports the change.
	Deliver func(Outcome, string) error
}

// Revoke ends a token for good. It returns the outcome, and why. The error is a *HandError, and ErrRefused if a guard
// is against it. Without an error the change was made, told and recorded.
func (h Hand) Revoke(ctx context.Context, id string) (Outcome, string, error) {
	return h.do(ctx, func(r *handRun) (Outcome, string, error) { return r.change(ctx, id, ledger.StepRevoke) })
}

// Quarantine cuts a token off. Results are those of Revoke.
func (h Hand) Quarantine(ctx context.Context, id string) (Outcome, string, error) {
	return h.do(ctx, func(r *handRun) (Outcome, string, error) { return r.change(ctx, id, ledger.StepQuarantine) })
}

// Restore takes a token out of our quarantine: its network condition becomes what it was before. It works while halted
// too, because it undoes a change. The error is ErrRefused if the ledger has no quarantine of the token, or if somebody
// has changed its condition since.
func (h Hand) Restore(ctx context.Context, id string) (Outcome, string, error) {
	return h.do(ctx, func(r *handRun) (Outcome, string, error) { return r.restore(ctx, id) })
}

// RevokeCurrent ends the credential in use: the last request that it can make. Results are those of Revoke.
func (h Hand) RevokeCurrent(ctx context.Context) (Outcome, string, error) {
	return h.do(ctx, func(r *handRun) (Outcome, string, error) {
		if r.self.login.ClientID != "" {
			return "", "", refused("a service app has no API token of its own; its access token ends within the hour")
		}
		if _, err := h.Org.Await(ctx); err != nil { // a change doesn't wait for the rate limit
			return "", "", err
		}
		if err := r.actor.guards.checkHalt(); err != nil {
			return "", "", err
		}
		name := "the token in use, of the user " + cmp.Or(r.self.userID, "that is not known")
		return r.carryOut(ctx, ledger.Record{Step: ledger.StepRevokeCurrent, Name: name}, okta.Token{})
	})
}

// do makes one change. Its record of the end and its error say the same of how it went.
func (h Hand) do(ctx context.Context, change func(*handRun) (Outcome, string, error)) (outcome Outcome, reason string,
	err error) {
	r := h.newRun()
	if err = r.begin(ctx); err == nil {
		outcome, reason, err = change(r)
	}
	if err == nil && outcome == Failed {
		err = errors.New(reason)
	}
	if err != nil {
		r.fail(handCode(outcome, err), err)
	}
	h.tell(r.Notes)
	told := len(r.Notes)
	unread := h.deliver(outcome, reason)
	if unread != nil {
		r.fail(undelivered(unread), unread)
	}
	if err := r.end(unread != nil, 0); err != nil {
		r.fail(CodeOf(err), err)
	}
	h.tell(r.Notes[told:])
	if r.Code == OK {
		return outcome, reason, nil
	}
	return outcome, reason, &HandError{r.Code, cmp.Or(r.Err, errOpen)}
}

// errOpen stands for earlier changes that could not be settled; the notes name them.
var errOpen = errors.New("what came of an earlier change is still not known")

// handCode is the exit code for what went wrong with a change by hand.
func handCode(outcome Outcome, err error) ExitCode {
	code := EndingOf(err, WhileChanging).Code
	if outcome == Failed && code == Incomplete { // the org was reached, and did not do it
		return ActionFailed
	}
	return code
}

func (h Hand) tell(notes []string) {
	for _, n := range notes {
		if h.Tell != nil {
			h.Tell(n)
		}
	}
}

func (h Hand) deliver(outcome Outcome, reason string) error {
	if outcome == "" || h.Deliver == nil {
		return nil
	}
	return h.Deliver(outcome, reason)
}

// handRun is one change by hand, while it lasts.
type handRun struct {
	core
	actor       *actor
	reason      string
	ownTokenToo bool
}

func (h Hand) newRun() *handRun {
	o := Options{
		Org: h.Org.Reader, Policy: h.Policy, Ledger: h.Ledger, StateAlone: h.StateAlone, Now: h.Now,
		Recorded: h.Recorded,
	}
	r := &handRun{core: newCore(o, rules.DryRun), reason: h.Reason, ownTokenToo: h.OwnTokenToo}
	r.actor = r.newActor(h.Org)
	return r
}

// begin checks what every change by hand needs, and settles what is open.
func (r *handRun) begin(ctx context.Context) error {
	if err := r.checkOrg(ctx, r.store()); err != nil {
		return err
	}
	if err := checkFileSystem(r.store(), r.o.StateAlone); err != nil {
		return err
	}
	if err := r.core.begin(ctx, ledger.ByHand); err != nil {
		return err
	}
	defer r.actor.settler.noteUnsettled()
	return r.actor.settler.settleAll(ctx)
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// mayChange says what speaks against changing any token by hand.
func (r *handRun) mayChange() error {
	if r.policy.Mode != rules.Enforce {
		return refused("the policy %s says mode: %s; a change takes mode: enforce, by hand too", r.PolicyFile,
			r.policy.Mode)
	}
	if r.self.unknown != nil {
		return refused("the owner of the token in use could not be read, so that it can't be told from others and "+
			"spared: %v", r.self.unknown)
	}
	if err := r.actor.guards.mayAct(); err != nil {
		return err
	}
	if spent := r.actor.guards.spent(); spent >= r.policy.Limits.PerDay {
		return refused("perDay allows %d in 24 hours, of which %d are spent: if it can't wait, raise limits.perDay "+
			"in the policy", r.policy.Limits.PerDay, spent)
	}
	return nil
}

// guard says what speaks against changing the token t, whose standing is st, and which was just read. The brake may
// have been pulled meanwhile.
func (r *handRun) guard(t okta.Token, st standing) error {
	if err := r.actor.guards.checkBeforeChange(); err != nil {
		return err
	}
	view := st.view(&t)
	v := r.policy.Guards(view, r.instantNow(&t))
	against := slices.Concat(v.Protections, v.Doubts)
	if v.Exemption != nil {
		against = append(against, v.Exemption.String())
	}
	if own := r.self.maybeOwn(&t); own != "" && !r.ownTokenToo {
		against = append(against, own+" (if it is meant all the same: --own-token-too)")
	}
	if len(against) > 0 {
		return refused("%s", strings.Join(against, "; "))
	}
	return nil
}

// HandError is a change by hand that did not go well: it was not made, nobody knows, nobody was told, or its end could
// not be recorded.
type HandError struct {
	// Code is the exit code, the one in the ledger's record of the end.
	Code ExitCode
	// Err says why.
	Err error
}

// Error says why.
func (e *HandError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *HandError) Unwrap() error { return e.Err }

// change makes one change. The token is read last: nothing that may wait comes between that and the change.
func (r *handRun) change(ctx context.Context, id, step string) (Outcome, string, error) {
	if err := r.checkSettled(id); err != nil {
		return "", "", err
	}
	if err := r.mayChange(); err != nil {
		return "", "", err
	}
	intent := ledger.Record{Step: step}
	if step == ledger.StepQuarantine {
		if r.policy.QuarantineZone == "" {
			return "", "", refused("the policy has no quarantine.zone")
		}
		if err := r.checkQuarantineZone(ctx); err != nil {
			return "", "", err
		}
		after := zoneCondition(r.policy.QuarantineZone)
		intent.After = &after
	}
	fresh, err := r.read(ctx, id)
	if err != nil {
		return "", "", err
	}
	st := r.decider.standing(&fresh)
	if err := r.guard(fresh, st); err != nil {
		return "", "", err
	}
	if step == ledger.StepQuarantine {
		if st.in.certain() {
			return "", "", refused("%s", st.in)
		}
		if against := irreversible(&fresh); against != "" {
			return "", "", refused("%s", against)
		}
	}
	if st.lifted { // the quarantine that now begins is another
		if err := r.record(liftedRecord(id)); err != nil {
			return "", "", err
		}
	}
	return r.carryOut(ctx, intent, fresh)
}

// checkSettled refuses a token of which an earlier change is not settled: then nothing is done to it.
func (r *handRun) checkSettled(id string) error {
	if _, open := r.decider.past.OpenFor(id); open {
		return refused("an earlier change of it has an outcome that is not known yet")
	}
	return nil
}

// read reads a token and first, if the policy reads owners, its owner, which may take long.
func (r *handRun) read(ctx context.Context, id string) (okta.Token, error) {
	if !r.policy.Reads(rules.Owners) {
		return r.actor.readAgain(ctx, id)
	}
	t, err := r.org.Token(ctx, id)
	if err != nil {
		return t, err
	}
	owner, err := r.lookup.owner(ctx, &t)
	if err != nil {
		return t, err
	}
	fresh, err := r.actor.readAgain(ctx, id)
	if fresh.UserID == t.UserID {
		fresh.Owner = owner // else it is not known, and what asks for it can't be judged
	}
	return fresh, err
}

func (r *handRun) restore(ctx context.Context, id string) (Outcome, string, error) {
	if err := r.checkSettled(id); err != nil {
		return "", "", err
	}
	fresh, err := r.actor.readAgain(ctx, id)
	if err != nil {
		return "", "", err
	}
	q := r.decider.standing(&fresh).record
	switch {
	case q == nil:
		return "", "", refused("the ledger knows no quarantine of the token %s", id)
	case !conditionKnown(fresh.Network):
		return "", "", refused("the network condition of the token %s is not known, so that it can't be told whether "+
			"it is the quarantine's: try again", id)
	case !sameCondition(fresh.Network, q.After):
		return "", "", refused("the network condition of the token %s is not the quarantine's any more: somebody "+
			"changed it", id)
	case q.Before.Connection == "":
		return "", "", refused("the ledger does not know the network condition that the token %s had: set it in the "+
			"admin console", id)
	}
	if err := fresh.CheckWritable(); err != nil {
		return "", "", refused("the token %s can't be restored: %v; set its network condition in the admin console", id,
			err)
	}
	before := q.Before
	before.LastUpdated = time.Time{}
	return r.carryOut(ctx, ledger.Record{Step: ledger.StepRestore, After: &before}, fresh)
}

// carryOut carries out one change and reports what came of it.
func (r *handRun) carryOut(ctx context.Context, intent ledger.Record, fresh okta.Token) (Outcome, string, error) {
	intent.Kind, intent.By, intent.Reason = ledger.Intent, ledger.ByHand, r.reason
	res, err := r.actor.carryOut(ctx, intent, fresh)
	if err != nil && res.word == "" {
		return "", "", err // nothing was sent
	}
	if err == nil && res.err != nil && res.word == ledger.ResultFailed {
		err = res.err
	}
	return res.outcome(), res.reason, err
}
