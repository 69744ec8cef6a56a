package audit

import (
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

// Hand makes single changes because a person says so: with the same records and guards as a run, except
// that nothing has to be due.
type Hand struct {
	Org    *okta.Client
	Policy *rules.Policy
	Ledger *ledger.Ledger
	State  string
	// Reason says why, for the record.
	Reason string
	// Now is our clock; nil means time.Now. It is the one field that isn't required.
	Now func() time.Time
}

// Revoke ends a token for good. The error is ErrRefused if a guard is against it.
func (h Hand) Revoke(ctx context.Context, id string) (Outcome, string, error) {
	return h.change(ctx, id, ledger.StepRevoke)
}

// Quarantine cuts a token off. The error is ErrRefused if a guard is against it.
func (h Hand) Quarantine(ctx context.Context, id string) (Outcome, string, error) {
	return h.change(ctx, id, ledger.StepQuarantine)
}

// begin makes a run of one change, and checks what every change needs.
func (h Hand) begin(ctx context.Context) (*run, error) {
	r := newRun(Options{Org: h.Org.Reader, Policy: h.Policy, Ledger: h.Ledger, State: h.State, Now: h.Now})
	if err := r.checkOrg(); err != nil {
		return nil, err
	}
	if err := r.record(ledger.Record{Kind: ledger.Begun, Org: r.OrgURL, Mode: "hand", Policy: r.PolicyDigest}); err != nil {
		return nil, err
	}
	var err error
	if r.self, err = whoAmI(ctx, r.o.Org); err != nil {
		return nil, err
	}
	return r, r.settleAll(ctx)
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// guard says what speaks against changing the token t by hand.
func (r *run) guard(ctx context.Context, t okta.Token) error {
	if r.self.unknown != nil {
		return refused("the owner of the token in use could not be read, so that it can't be told from others and spared: %v", r.self.unknown)
	}
	if code, err := r.mayAct(); err != nil {
		return &HaltError{code, err}
	}
	if l := r.o.Policy.Limits; l != nil {
		if spent := r.spent(); spent >= l.PerDay {
			return refused("perDay allows %d in 24 hours, of which %d are spent", l.PerDay, spent)
		}
	}
	if owner, known := t.UserID.Get(); known && r.o.Policy.ReadsOwners() {
		var err error
		if t.Owner, err = r.o.Org.Owner(ctx, owner); err != nil {
			return err
		}
	}
	clock := r.orgNow()
	v := r.o.Policy.Guards(&t, instantFor(&t, clock, clock))
	against := slices.Concat(v.Protections, v.Doubts)
	if v.Exemption != nil {
		against = append(against, v.Exemption.String())
	}
	if own := r.self.candidate(&t, clock); own != "" {
		against = append(against, own)
	}
	if len(against) > 0 {
		return refused("%s", strings.Join(against, "; "))
	}
	return nil
}

// HaltError is a change that was not begun because of the emergency brake or the clocks.
type HaltError struct {
	// Code is the exit code.
	Code ExitCode
	// Err says why.
	Err error
}

// Error says why.
func (e *HaltError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *HaltError) Unwrap() error { return e.Err }

func (h Hand) change(ctx context.Context, id, step string) (Outcome, string, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return "", "", err
	}
	defer r.end()
	fresh, err := h.Org.Token(ctx, id)
	if err != nil {
		return "", "", err
	}
	if _, open := r.decider.past.OpenFor(id); open {
		return "", "", refused("an earlier change of it has an outcome that is not known yet")
	}
	if err := r.guard(ctx, fresh); err != nil {
		return "", "", err
	}
	intent := ledger.Record{Kind: ledger.Intent, Step: step, Reason: h.Reason, By: ledger.ByHand}
	if step == ledger.StepQuarantine {
		if since, already := r.decider.quarantined(fresh); already {
			return "", "", refused("%s", since)
		}
		if h.Policy.QuarantineZone == "" {
			return "", "", refused("the policy has no quarantine.zone")
		}
		if err := r.checkZone(ctx); err != nil {
			return "", "", err
		}
		after := zoneCondition(h.Policy.QuarantineZone)
		intent.After = &after
	}
	return r.byHand(ctx, h.Org, intent, fresh)
}

// byHand carries out one change and reports what came of it.
func (r *run) byHand(ctx context.Context, org *okta.Client, intent ledger.Record, fresh okta.Token) (Outcome, string, error) {
	res, err := r.carryOut(ctx, org, intent, fresh)
	if err == nil && res.err != nil && res.word == ledger.ResultFailed {
		err = res.err
	}
	outcome := res.outcome()
	if outcome == Failed {
		r.fail(ActionFailed, nil)
	}
	return outcome, res.reason, err
}

// Restore takes a token out of our quarantine: its network condition becomes what it was before. It
// works while halted too, since it undoes. The error is ErrRefused if the ledger knows no quarantine of
// the token, or somebody has changed its condition since.
func (h Hand) Restore(ctx context.Context, id string) (Outcome, string, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return "", "", err
	}
	defer r.end()
	q, known := r.decider.past.Quarantined[id]
	if !known {
		return "", "", refused("the ledger knows no quarantine of the token %s", id)
	}
	fresh, err := h.Org.Token(ctx, id)
	switch {
	case err != nil:
		return "", "", err
	case !sameCondition(fresh.Network, q.After):
		return "", "", refused("the network condition of the token %s is not the quarantine's any more: somebody changed it", id)
	case q.Before.Connection == "":
		return "", "", refused("the ledger does not know the network condition that the token %s had: set it in the admin console", id)
	}
	before := q.Before
	before.LastUpdated = time.Time{}
	intent := ledger.Record{Kind: ledger.Intent, Step: ledger.StepRestore, Reason: h.Reason, By: ledger.ByHand, After: &before}
	outcome, reason, err := r.byHand(ctx, h.Org, intent, fresh)
	if outcome == Restored {
		err = errors.Join(err, r.voidAll(id, "its quarantine was ended by hand"))
	}
	return outcome, reason, err
}

// RevokeCurrent ends the credential in use: the last request that it can make.
func (h Hand) RevokeCurrent(ctx context.Context) (Outcome, string, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return "", "", err
	}
	defer r.end()
	if err := r.checkHalt(); err != nil {
		return "", "", &HaltError{Halted, err}
	}
	intent := ledger.Record{Kind: ledger.Intent, Step: ledger.StepRevokeCurrent, Reason: h.Reason, By: ledger.ByHand}
	return r.byHand(ctx, h.Org, intent, okta.Token{})
}
