package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// core is what a run and a change by hand have in common.
type core struct {
	o Options
	*Report
	*session
	*journal
}

func newCore(o Options, mode rules.Mode) core {
	var past *ledger.State
	j := &journal{recorded: o.Recorded}
	if o.Ledger != nil {
		past = o.Ledger.State()
		if o.AsOf.IsZero() { // what is found at another time than now is nothing to remember
			j.book = o.Ledger
		}
	}
	s := newSession(o.Org, o.Policy, past, o.Now)
	r := &Report{
		ID: o.ID, Mode: mode, Started: s.now(), OrgURL: o.Org.OrgURL(), PolicyFile: o.Policy.File,
		PolicyDigest: o.Policy.Digest, PolicyMode: o.Policy.Mode, Notes: slices.Clone(o.Notes),
		Flags: o.Flags,
	}
	if r.ID == "" {
		r.ID = NewID(r.Started)
	}
	j.run = r.ID
	if o.Ledger != nil {
		o.Ledger.Doubt(s.clockInDoubt)
	}
	return core{o: o, Report: r, session: s, journal: j}
}

// newActor is what changes something; it takes a ledger.
func (c *core) newActor(client *okta.Client) *actor {
	return &actor{
		session: c.session, journal: c.journal, report: c.Report, client: client,
		guards:  &guards{session: c.session, journal: c.journal, ledger: c.o.Ledger},
		settler: &settler{session: c.session, journal: c.journal, report: c.Report},
	}
}

// store is where the state is; none for a run without a ledger.
func (c *core) store() ledger.Store {
	if c.o.Ledger == nil {
		return ledger.Store{}
	}
	return c.o.Ledger.Store()
}

// begin asks the org whose credential this is and, for the ledger, which org it is. It writes that the run has begun:
// after the org has told the time, so that it is known whether ours can be believed.
func (c *core) begin(ctx context.Context, mode string) error {
	if c.o.Ledger != nil {
		if err := c.o.Ledger.Claim(c.ID); err != nil {
			return err
		}
	}
	refused := c.identify(ctx)
	if refused == nil && c.o.Ledger != nil {
		c.which.ask(ctx)
		if err := c.checkOrg(ctx, c.store()); err != nil {
			return err
		}
	}
	if past := c.decider.past; past.Org != "" && past.Org != c.OrgURL {
		c.note("the org's URL was %s in the run before, and is %s; its id is the same (%s), so the state goes on",
			okta.Printable(past.Org), c.OrgURL, c.which.id)
	}
	err := c.record(ledger.Record{Kind: ledger.Begun, Org: c.OrgURL, Name: c.which.id, Mode: mode,
		Policy: c.PolicyDigest})
	return errors.Join(err, refused)
}

// checkQuarantineZone makes sure that the policy's zone is one to put tokens in, and notes who could use them there.
func (c *core) checkQuarantineZone(ctx context.Context) error {
	open, err := c.lookup.quarantineZone(ctx)
	if open != "" {
		c.note("%s", open)
	}
	return err
}

// end writes the end of the run, if its beginning was written. unread says that its report reached nobody; told is the
// last record that ended a notice, of those that the report tells.
func (c *core) end(unread bool, told uint64) error {
	if c.o.Ledger == nil {
		return nil
	}
	if last := c.decider.past.LastRun; last == nil || last.Run != c.ID {
		return nil
	}
	counts := make(map[string]int)
	for _, f := range c.Findings {
		counts[string(f.Outcome)]++
	}
	if c.o.Tally != nil {
		maps.Copy(counts, c.o.Tally())
	}
	if unread || !c.Complete {
		told = 0
	}
	return c.record(ledger.Record{
		Kind: ledger.Ended, ExitCode: int(c.Code), Counts: counts, Unread: unread, Told: told,
	})
}

// run is one pass, while it lasts: it lists and judges (listing), plans (plan.go), remembers (memory), announces
// (notices) and acts (actor).
type run struct {
	core
	listing  *listing
	memory   *memory
	actor    *actor // nil for a dry run
	toldUpTo uint64 // the last record that ended a notice, of those that the report tells
}

func newRun(o Options) *run {
	mode := rules.DryRun
	if o.Enforce != nil {
		mode = rules.Enforce
	}
	r := &run{core: newCore(o, mode)}
	r.listing = &listing{session: r.session, asOf: o.AsOf, progress: o.Progress, toldOf: toldOf(r.decider.past)}
	r.memory = &memory{session: r.session, journal: r.journal, report: r.Report, ledger: o.Ledger}
	if o.Enforce != nil {
		r.actor = r.newActor(o.Enforce.Org)
	}
	return r
}

// notices are those on record, held against what was found.
func (r *run) notices() *notices {
	n := &notices{journal: r.journal, past: r.decider.past, report: r.Report}
	if r.o.Ledger != nil {
		n.listed = r.listing.told
	}
	return n
}

// Run makes one pass over the org. The report is never nil; if the listing was not complete it judges
// nothing, and Report.Err says why.
func Run(ctx context.Context, o Options) *Report {
	r := newRun(o)
	defer r.listing.discard()
	if err := r.pass(ctx); err != nil {
		r.fail(failed(ctx, err, r.Complete))
	}
	if r.Complete {
		r.fail(r.verdictCode(o.FailOn), nil)
	} else {
		r.Findings, r.InQuarantine, r.Clients = nil, nil, nil
	}
	r.Finished = r.now()
	if o.Ledger != nil {
		r.Head = o.Ledger.Head()
	}
	r.conclude()
	return r.Report
}

// conclude delivers the report and records the end. What can still change the exit code is done before the code is
// written anywhere; where it changes after all, the end is recorded anew, and the last record counts.
func (r *run) conclude() {
	o := r.o
	unread := r.deliver(o.Deliver) != nil
	if err := r.end(unread || o.Write != nil, r.toldUpTo); err != nil {
		r.fail(CodeOf(err), err)
	}
	recorded := r.Code
	_ = r.deliver(o.Export)
	if o.Write != nil {
		unread = r.deliver(o.Write) != nil || unread
		if !unread && r.Code == recorded {
			r.Unended = r.end(false, r.toldUpTo) // the code is out, and on record
			return
		}
	}
	if r.Code != recorded {
		if err := r.end(unread, r.toldUpTo); err != nil {
			r.fail(CodeOf(err), err)
		}
	}
}

// deliver lets something be told of the report, and takes in that it could not be.
func (r *run) deliver(tell func(*Report) error) error {
	if tell == nil {
		return nil
	}
	err := tell(r.Report)
	if err != nil {
		r.fail(undelivered(err), err)
	}
	return err
}

// pass lists, judges, plans and, if the run enforces, acts.
func (r *run) pass(ctx context.Context) error {
	if err := r.checkOrg(ctx, r.store()); err != nil {
		return err
	}
	reviewed, err := r.checkEnforce()
	if err != nil {
		return err
	}
	r.memory.noteUnreported()
	if err := r.begin(ctx, string(r.Mode)); err != nil {
		return err
	}
	if r.actor != nil {
		defer r.actor.settler.noteUnsettled()
		if err := r.prepare(ctx); err != nil {
			return err
		}
	}
	unrecorded, err := r.list(ctx)
	if err != nil {
		return err
	}
	r.plan(reviewed)
	if unrecorded == nil {
		unrecorded = r.memory.remember(ctx)
	}
	if unrecorded != nil {
		if r.actor != nil {
			hold(r.due(), "%v", unrecorded)
		}
		return unrecorded
	}
	if r.actor == nil {
		r.wouldCallOff()
		return nil
	}
	return r.enforce(ctx)
}

// wouldCallOff tells what an enforcing run would call off. It ends no notice.
func (r *run) wouldCallOff() {
	if r.o.AsOf.IsZero() {
		r.CalledOff = r.notices().wouldCallOff()
	}
}

// list lists and judges all tokens, and settles by the list what could not be settled by reading. unrecorded is why
// that could not be put on record.
func (r *run) list(ctx context.Context) (unrecorded, err error) {
	r.lookup.readZones(ctx, r.decider.past.Quarantined)
	if r.book != nil {
		r.listing.inventory = r.store().DraftInventory()
		r.memory.inventory = r.listing.inventory
	}
	err = r.listing.judgeAll(ctx, r.lifted)
	r.listing.fillIn(r.Report)
	if err != nil {
		return nil, err
	}
	r.Complete = true
	sortFindings(r.Findings)
	r.memory.compareLists(r.listing.list.Has)
	if r.actor == nil {
		return nil, nil
	}
	unrecorded = r.actor.settler.settleByList(r.memory, r.listing.list.Has)
	r.actor.settler.noteUnsettled()
	return unrecorded, nil
}

// lifted notes that somebody took a token out of our quarantine. It isn't fought over: what was announced
// is void, and nothing happens before it was announced anew.
func (r *run) lifted(t *okta.Token) error {
	r.note("somebody lifted the quarantine of the token %s (%q): it gets a new notice before anything else happens",
		okta.Printable(t.ID), orEmpty(t.Name))
	if r.actor == nil {
		return nil
	}
	return r.record(liftedRecord(t.ID))
}

// plan says what of what is due may be done now, and what a reader should know. reviewed is what the plan would do
// to keep to, if the run was given one.
func (r *run) plan(reviewed []ledger.Action) {
	r.memory.compare()
	r.stopAbove(r.policy.Limits)
	if r.actor != nil && r.o.Enforce.Plan != "" {
		r.keepTo(reviewed, r.o.Enforce.Plan)
	}
	r.limit(r.policy.Limits, spentBefore(r.decider.past, r.now()))
	r.Digest, r.Actions = digest(r.Report), len(r.due())
	r.noteAll()
}

// noteAll adds what a reader should know about the run as a whole.
func (r *run) noteAll() {
	r.noteScopes()
	r.Notes = append(r.Notes, r.listing.notes()...)
	switch {
	case r.self.login.ClientID != "": // it has no token
	case r.self.unknown != nil:
		r.note("the token that this run uses can't be recognised on the list: %v", r.self.unknown)
	case r.self.found == 0:
		r.note("the token that this run uses is not on the list: the credential may see only a part of the org's " +
			"tokens")
	}
	if r.Stopped && r.actor == nil {
		r.note("an enforcing run would stop: %s", r.stopReason)
	}
	if _, err := compareClocks(r.org, r.now()); err != nil {
		r.note("the org's clock and ours differ by %v: set the clock of this machine; what such a run finds is not "+
			"remembered", r.orgNow().Sub(r.now()).Abs().Round(time.Second))
	}
	if r.listing.later > 0 {
		r.note("tokens that were used after the instant of judgement, so that their use can't be judged: %d",
			r.listing.later)
	}
	if r.listing.ended > 0 {
		r.note("tokens that Okta ends before %s if nobody uses them, and that are judged here as if it did not: %d",
			r.AsOf.Format(time.RFC3339), r.listing.ended)
	}
	for _, q := range r.InQuarantine {
		r.note("no rule matches the token %s (%q) any more, and it is in our quarantine: %s",
			okta.Printable(q.Token.ID), orEmpty(q.Token.Name), q)
	}
	if shared := sharedState(r.store(), r.o.StateAlone); r.o.Ledger != nil && shared != "" {
		r.note("%s", shared)
	}
	for _, doubt := range r.policy.Lint(r.AsOf, r.listing.survey()) {
		r.note("%s", doubt)
	}
}
