package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// checkEnforce refuses to enforce unless policy and command both say so, without a ledger, or with a plan that doesn't
// exist or is too old. It returns what the plan would do that the run was given, if it was.
func (r *run) checkEnforce() (reviewed []ledger.Action, err error) {
	if r.actor == nil {
		return nil, nil
	}
	switch {
	case r.policy.Mode != rules.Enforce:
		return nil, refused("the policy %s says mode: %s; it takes mode: enforce and --enforce", r.PolicyFile,
			r.policy.Mode)
	case r.o.Ledger == nil:
		return nil, refused("it takes a state directory (--state)")
	case !r.o.AsOf.IsZero():
		return nil, refused("--as-of is for dry runs")
	}
	if err := checkFileSystem(r.o.Ledger.Store(), r.o.StateAlone); err != nil || r.o.Enforce.Plan == "" {
		return nil, err
	}
	plan, ok := r.decider.past.Plans[r.o.Enforce.Plan]
	age := r.now().Sub(plan.At)
	switch {
	case ok && plan.Policy != r.PolicyDigest:
		return nil, refused("the plan %s was made by another policy (%s): make a new one and have it reviewed",
			r.o.Enforce.Plan, plan.Policy)
	case !ok:
		return nil, refused("the ledger knows no plan %s: make one with a dry run that uses the same state directory",
			r.o.Enforce.Plan)
	case age < -maxLead:
		return nil, refused("the plan %s is of %s, which lies ahead: make a new one and have it reviewed",
			r.o.Enforce.Plan, plan.At.UTC().Format(time.RFC3339))
	case age > cmp.Or(r.o.Enforce.PlanMaxAge, DefaultPlanAge):
		return nil, refused("the plan %s is %s old, and %s is the limit (--plan-max-age): make a new one and have it "+
			"reviewed", r.o.Enforce.Plan, rules.FormatDuration(age.Round(time.Minute)),
			rules.FormatDuration(cmp.Or(r.o.Enforce.PlanMaxAge, DefaultPlanAge)))
	}
	return r.o.Ledger.Actions(plan)
}

// prepare makes sure, before anything is listed, that the run could act: it knows its own owner, the quarantine zone is
// usable, and open changes of earlier runs are settled as far as they can be read.
func (r *run) prepare(ctx context.Context) error {
	if r.self.unknown != nil {
		return refused("the owner of the token in use could not be read, so that it can't be told from others and "+
			"spared: %v: let it read users, or log in as a service app", r.self.unknown)
	}
	if r.policy.QuarantineZone != "" {
		if err := r.checkQuarantineZone(ctx); err != nil {
			return err
		}
	}
	return r.actor.settler.settleAll(ctx)
}

// enforce announces the plan and then acts on it. If something keeps it from acting, the report says so, and everything
// due is held.
func (r *run) enforce(ctx context.Context) error {
	if r.Stopped {
		r.fail(StopAbove, errors.New(r.stopReason))
	}
	against := r.actor.guards.mayAct()
	if against == nil && r.Shrunken {
		against = errors.New(r.memory.shrunken)
	}
	if against != nil {
		hold(r.due(), "%v", against)
		r.fail(CodeOf(against), against)
	}
	told := r.notices()
	if err := told.voidStale(ctx); err != nil {
		hold(r.due(), "%v", err)
		return err
	}
	r.CalledOff, r.toldUpTo = told.calledOff(ctx, r.lookup)
	r.Before, r.Notices = true, told.count()
	via, err := r.o.Enforce.Announce(ctx, r.Report)
	r.Before = false
	switch {
	case err != nil && ctx.Err() != nil:
		why := interruption(ctx)
		hold(r.due(), "%v", why)
		r.fail(Halted, fmt.Errorf("%w before all of its announcement was delivered, and nothing was changed: %w", why,
			err))
		return nil
	case err != nil:
		hold(r.due(), "the report could not be delivered")
		r.fail(undelivered(err), fmt.Errorf("nothing was changed, since the report could not be delivered: %w", err))
		return nil
	}
	if clocks := r.actor.guards.clocksAgree(); clocks != nil { // by such a clock a delay could be over as it begins
		if !errors.Is(against, errClocks) { // they parted while the plan was announced
			hold(r.due(), "%v", clocks)
			r.fail(Halted, clocks)
		}
		return nil
	}
	if err := told.recordDelivered(ctx, via); err != nil {
		hold(r.due(), "%v", err)
		return err
	}
	return r.actor.act(ctx)
}
