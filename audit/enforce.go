package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// checkEnforce refuses to enforce without both keys, without a ledger, or by a plan that isn't there.
func (r *run) checkEnforce() (plan ledger.PlanRecord, err error) {
	if r.o.Enforce == nil {
		return plan, nil
	}
	switch {
	case r.o.Policy.Mode != rules.Enforce:
		return plan, refused("the policy %s says mode: %s; it takes mode: enforce and --enforce", r.PolicyFile,
			r.o.Policy.Mode)
	case r.o.Ledger == nil:
		return plan, refused("it takes a state directory (--state)")
	case !r.o.AsOf.IsZero():
		return plan, refused("--as-of is for dry runs")
	}
	if err := checkFileSystem(r.store(), r.o.StateAlone); err != nil || r.o.Enforce.Plan == "" {
		return plan, err
	}
	plan, ok := r.decider.past.Plans[r.o.Enforce.Plan]
	age := r.now().Sub(plan.At)
	switch {
	case ok && plan.Policy != r.PolicyDigest:
		return plan, refused("the plan %s was made by another policy (%s): make a new one and have it reviewed",
			r.o.Enforce.Plan, plan.Policy)
	case !ok:
		return plan, refused("the ledger knows no plan %s: make one with a dry run that uses the same state directory",
			r.o.Enforce.Plan)
	case age < -maxLead:
		return plan, refused("the plan %s is of %s, which lies ahead: make a new one and have it reviewed",
			r.o.Enforce.Plan, plan.At.UTC().Format(time.RFC3339))
	case age > MaxPlanAge:
		return plan, refused("the plan %s is %v old, and %v is the limit: make a new one and have it reviewed",
			r.o.Enforce.Plan, age.Round(time.Minute), MaxPlanAge)
	}
	return plan, nil
}

// prepare makes sure, before anything is listed, that the run could act: it knows its own owner, the
// quarantine is there, and what an earlier run left open is settled.
func (r *run) prepare(ctx context.Context) error {
	if r.self.unknown != nil {
		return refused("the owner of the token in use could not be read, so that it can't be told from others and "+
			"spared: %v: let it read users, or log in as a service app", r.self.unknown)
	}
	if zone := r.o.Policy.QuarantineZone; zone != "" {
		contents, err := checkZone(ctx, r.o.Org, zone)
		if err != nil {
			return err
		}
		r.openZone(zone, contents)
	}
	return r.settleAll(ctx)
}

// enforce announces the plan and then acts on it. What keeps it from acting is in the report, and all
// that was due is held.
func (r *run) enforce(ctx context.Context) error {
	if r.Stopped {
		r.fail(StopAbove, errors.New(r.stopReason))
	}
	code, against := r.mayAct()
	if against != nil {
		hold(r.due(), "%v", against)
		r.fail(code, against)
	}
	if err := r.voidStale(ctx); err != nil {
		hold(r.due(), "%v", err)
		return err
	}
	r.calledOff(ctx)
	r.Before, r.Notices = true, r.notices()
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
	if clocks := r.clocksAgree(); clocks != nil { // by such a clock a delay could be over as soon as it begins
		if !errors.Is(against, errClocks) { // they parted while the plan was announced
			hold(r.due(), "%v", clocks)
			r.fail(Halted, clocks)
		}
		return nil
	}
	if err := r.recordNotices(ctx, via); err != nil {
		hold(r.due(), "%v", err)
		return err
	}
	return r.act(ctx)
}

// mayAct says what keeps the whole run from acting.
func (r *run) mayAct() (ExitCode, error) {
	if err := r.checkHalt(); err != nil {
		return Halted, err
	}
	if r.decider.past.Halted != nil { // it was released while a run held the ledger
		if err := r.record(ledger.Record{Kind: ledger.Resume, Reason: "seen by a run"}); err != nil {
			return NoLedger, err
		}
	}
	if err := r.clocksAgree(); err != nil {
		return Halted, err
	}
	if seqs := r.decider.past.OpenSeqs(); len(seqs) > 0 {
		intent := r.decider.past.Open[seqs[0]]
		return ActionFailed, fmt.Errorf("what came of the %s of the token %s in run %s is not known, and nothing "+
			"else is changed before it is", intent.Step, intent.Token, intent.Run)
	}
	if r.shrunkenReason != "" {
		return Incomplete, errors.New(r.shrunkenReason)
	}
	return OK, nil
}

// errHalted is the emergency brake.
var errHalted = errors.New("halted")

// checkBeforeChange is what is looked at right before a change, after all that may take long.
func (r *run) checkBeforeChange() error {
	if err := r.checkHalt(); err != nil {
		return err
	}
	return r.clocksAgree()
}

// checkHalt looks for the emergency brake. One that can't be read counts as pulled.
func (r *run) checkHalt() error {
	note, err := r.store().Halted()
	if err == nil && note != nil && r.decider.past.Halted == nil { // it was pulled while a run held the ledger
		if err := r.record(ledger.Record{Kind: ledger.Halt, Reason: note.Reason, By: note.By}); err != nil {
			return err
		}
	}
	return brakeError(note, err)
}

// notices counts those that tell would write down.
func (r *Report) notices() (n int) {
	for i := range r.Findings {
		if f := &r.Findings[i]; !f.announcesNothing() {
			n += len(f.unannounced)
		}
	}
	return n
}

// recordNotices writes down the notices that have just been delivered. Those that it doesn't come to are given once
// more.
func (r *run) recordNotices(ctx context.Context, via string) error {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.announcesNothing() {
			continue
		}
		for _, u := range f.unannounced {
			if err := r.recordUnlessEnded(ctx, ledger.Record{
				Kind: ledger.Noticed, Token: f.Token.ID, Name: orEmpty(f.Token.Name), Owner: orEmpty(f.Token.UserID),
				Rule: u.rule, Facts: u.digest, Ahead: announcedBy(f.Matched, u.rule), Via: via,
			}); err != nil {
				return err
			}
			f.Announced = true
		}
	}
	return nil
}

// announcesNothing says that nothing is announced about a finding.
func (f *Finding) announcesNothing() bool {
	return f.Outcome == Exempt || f.Outcome == Protected || f.Outcome == Unknown || f.Outcome == Flagged
}

// voidStale ends the notices that do not hold any more: the rule does not match the token now or has
// become harmless, the values that it reads have changed, or the token is spared. A delay counts only while all of
// that was seen to stay as it was. That a token is missing from a list which is too small to believe ends nothing.
func (r *run) voidStale(ctx context.Context) error {
	stale, why := r.stale()
	for _, key := range stale {
		if err := r.recordUnlessEnded(ctx, ledger.Record{Kind: ledger.Voided, Token: key.Token, Rule: key.Rule,
			Reason: why[key]}); err != nil {
			return err
		}
	}
	return nil
}

// stale are the notices that do not hold any more, and why.
func (r *run) stale() (stale []ledger.Key, why map[ledger.Key]string) {
	holds := make(map[ledger.Key]string)
	why = make(map[ledger.Key]string)
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, seen := range f.facts {
			holds[ledger.Key{Token: f.Token.ID, Rule: seen.rule}] = seen.digest
		}
		for _, m := range f.Unknown {
			why[ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID}] = "it can't be judged now: " +
				strings.Join(m.Because, ", ")
		}
		if f.announcesNothing() {
			for _, m := range f.Matched {
				why[ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID}] = strings.TrimSuffix("it is "+string(f.Outcome)+
					" now: "+f.Reason, ": ")
			}
		}
	}
	unlisted := r.unlisted()
	for key, n := range r.decider.past.Notices {
		digest, ok := holds[key]
		switch {
		case r.shrunkenReason != "" && unlisted[key.Token]:
			continue
		case why[key] != "":
		case unlisted[key.Token] && r.inventory != nil:
			why[key] = "the token is no longer listed"
		case !ok:
			why[key] = "the rule does not match it any more, or does no more than flag"
		case digest != n.Facts:
			why[key] = "the rule, or the values that it reads, have changed"
		default:
			continue
		}
		stale = append(stale, key)
	}
	sortKeys(stale)
	return stale, why
}

// unlisted are the tokens with a notice that are not on the list.
func (r *run) unlisted() map[string]bool {
	tokens := make(map[string]bool)
	for key := range r.decider.past.Notices {
		tokens[key.Token] = true
	}
	for i := range r.inventory {
		delete(tokens, r.inventory[i].ID)
	}
	return tokens
}
