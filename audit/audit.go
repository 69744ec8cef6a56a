// Package audit runs the job: it lists an org's tokens, judges each by the policy at one instant, plans
// what is due, and reports. An enforcing run then takes the steps that are due, one token at a time.
//
// Run does all of it. Without Options.Enforce it is a dry run: it is given an okta.Reader, which has no
// method that changes anything. The ledger, where there is one, tells it about earlier runs.
//
// Explain, Simulate, Survey and TryAll look without acting: at one token, at the days to come, at what a policy
// concerns, at examples. They decide by the same code.
//
// Deciding is a function of values (decide.go, plan.go); acting is in one place (act.go): a record of the
// intent on disk, one request, a record of the outcome.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

var (
	// ErrWrongOrg is a policy or a ledger that belongs to another org than the one that the environment
	// names. Nothing was asked of that org.
	ErrWrongOrg = errors.New("wrong org")
	// ErrRefused is a change that may not be made, for a reason that a person must remove. Nothing was done.
	ErrRefused = errors.New("refused")
	// ErrInterrupted is a run whose context ended, by a signal or as Watch ends it: what it had not done is left to the
	// next.
	ErrInterrupted = errors.New("the run was interrupted")
)

// Options says what a run needs. Org and Policy are required.
type Options struct {
	// ID names the run; "" makes a new one. It comes from NewID.
	ID     string
	Org    *okta.Reader
	Policy *rules.Policy
	// AsOf is the instant at which tokens are judged; zero means the org's own clock. An enforcing run
	// takes no other.
	AsOf time.Time
	// FailOn is the severity from which on a finding makes the exit code Findings; zero means none does.
	FailOn rules.Severity
	// Progress, if not nil, is told from time to time how many pages and tokens were read.
	Progress func(pages, tokens int)
	// Ledger, which is open, remembers earlier runs, and its store the rest of the state. A dry run does without.
	Ledger *ledger.Ledger
	// StateAlone says that no other machine mounts the state directory, though it is on FUSE.
	StateAlone bool
	// Deliver, if not nil, delivers the finished report. The end of the run is recorded after that: what a run
	// did whose report was not delivered with its notes, the next one tells.
	Deliver func(*Report) error
	// Recorded, if not nil, is told of each record that the run wrote to the ledger, right after that.
	Recorded func(ledger.Record)
	// Notes are sentences from outside that the report should tell.
	Notes []string
	// Now is our clock; nil means time.Now.
	Now func() time.Time
	// Enforce makes it an enforcing run; nil is a dry run. It needs a Ledger.
	Enforce *Enforcement
}

// Enforcement is what an enforcing run needs besides.
type Enforcement struct {
	// Org makes the changes; it is the client around Options.Org.
	Org *okta.Client
	// Plan is the digest of a reviewed plan to keep to, "" to act on all that is due.
	Plan string
	// Announce delivers the report that says what is about to happen, and names the way it went. Nothing
	// is changed before it has returned without an error, and the delays of the policy count from there.
	Announce func(context.Context, *Report) (via string, err error)
}

// run is one pass, while it lasts.
type run struct {
	o Options
	*Report
	book    book // nil for one that writes nothing
	decider decider
	self    *caller
	owners  *ownerLookup
	listing
	readings int // of the list
	// before is what was listed the last time, missing what was on the last list that was believed, both less what is
	// still there, once the list is whole; only with a ledger.
	before, missing map[string]ledger.InventoryEntry
	inventoryErr    error             // why what was listed before can't be told
	known           int               // how many were listed before
	done            int               // changes that this run has begun
	toldUpTo        uint64            // the last record that ended a notice, of those that the report tells
	unsettled       []unsettledChange // changes of earlier runs that can't be settled by reading
	shrunkenReason  string            // why the listing is too small to act on, "" if it isn't
	listed          *ledger.Record    // what to remember of the listing; nil if the last one stays in force
}

// Run makes one pass over the org. The report is never nil; if the listing was not complete it judges
// nothing, and Report.Err says why.
func Run(ctx context.Context, o Options) *Report {
	r := newRun(o)
	if o.Enforce != nil {
		r.Mode = rules.Enforce
	}
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
	unread := false
	if o.Deliver != nil {
		if err := o.Deliver(r.Report); err != nil {
			unread = true
			r.fail(undelivered(err), err)
		}
	}
	r.end(unread)
	return r.Report
}

func newRun(o Options) *run {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{o: o, Report: &Report{
		ID: o.ID, Mode: rules.DryRun, OrgURL: o.Org.OrgURL(), PolicyFile: o.Policy.File, PolicyDigest: o.Policy.Digest,
		PolicyMode: o.Policy.Mode, Notes: slices.Clone(o.Notes),
		Clients: make(map[string]int),
	}}
	r.Started = r.now()
	if r.ID == "" {
		r.ID = NewID(r.Started)
	}
	r.decider = decider{policy: o.Policy, past: &ledger.State{}}
	if o.Ledger != nil {
		r.book, r.decider.past = o.Ledger, o.Ledger.State()
		o.Ledger.Doubt(r.clockInDoubt)
	}
	return r
}

// store is where the state is; none for a run without a ledger.
func (r *run) store() ledger.Store {
	if r.o.Ledger == nil {
		return ledger.Store{}
	}
	return r.o.Ledger.Store()
}

// now is our clock, in UTC.
func (r *run) now() time.Time { return r.o.Now().UTC() }

// orgNow is what the org's clock shows; ours if the org never told.
func (r *run) orgNow() time.Time {
	if offset, ok := r.o.Org.ClockOffset(); ok {
		return time.Now().Add(offset).UTC()
	}
	return r.now()
}

// NewID makes the id of a run: the time of its start and a random part.
func NewID(started time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// verdictCode is the exit code of a complete pass. A rule that could not be judged fails like one that
// matched; a finding that is exempt fails nothing.
func (r *Report) verdictCode(failOn rules.Severity) ExitCode {
	for _, f := range r.Findings {
		for _, m := range slices.Concat(f.Matched, f.Unknown) {
			if failOn > 0 && m.Rule.Severity >= failOn && f.Outcome != Exempt {
				return Findings
			}
		}
	}
	return OK
}

// pass lists, judges, plans and, if the run enforces, acts.
func (r *run) pass(ctx context.Context) (err error) {
	if err := r.checkOrg(); err != nil {
		return err
	}
	plan, err := r.checkEnforce()
	if err != nil {
		return err
	}
	r.noteUnreported()
	if err := r.begin(ctx, string(r.Mode)); err != nil {
		return err
	}
	defer r.noteUnsettled()
	if r.o.Enforce != nil {
		if err := r.prepare(ctx); err != nil {
			return err
		}
	}
	r.readZones(ctx)
	r.loadInventory()
	if err := r.judgeAll(ctx); err != nil {
		return err
	}
	r.Complete = true
	sortFindings(r.Findings)
	r.shrunkenReason, r.listed = r.shrinkage()
	r.Shrunken = r.shrunkenReason != ""
	unrecorded := r.settleByList()
	r.noteUnsettled()
	r.compare()
	r.stopAbove(r.o.Policy.Limits)
	if r.o.Enforce != nil && r.o.Enforce.Plan != "" {
		r.keepTo(plan, r.o.Enforce.Plan)
	}
	r.limit(r.o.Policy.Limits, r.spent())
	r.Digest, r.Actions = digest(r.Report), len(r.due())
	r.note()
	if unrecorded == nil {
		unrecorded = r.remember(ctx)
	}
	if unrecorded != nil {
		if r.o.Enforce != nil {
			hold(r.due(), "%v", unrecorded)
		}
		return unrecorded
	}
	if r.o.Enforce == nil {
		r.wouldCallOff()
		return nil
	}
	return r.enforce(ctx)
}

// begin asks the org whose credential this is, and writes that the run has begun: after the org has told the time, so
// that it is known whether ours can be believed.
func (r *run) begin(ctx context.Context, mode string) (err error) {
	if r.o.Ledger != nil {
		if err := r.o.Ledger.Claim(r.ID); err != nil {
			return err
		}
	}
	var refused error
	r.self, refused = whoAmI(ctx, r.o.Org)
	err = r.record(ledger.Record{Kind: ledger.Begun, Org: r.OrgURL, Mode: mode, Policy: r.PolicyDigest})
	return errors.Join(err, refused)
}

// checkOrg refuses to look at an org that the policy or the ledger is not of.
func (r *run) checkOrg() error {
	past := r.decider.past
	return RightOrg(r.OrgURL, r.o.Policy, r.store(), History{Org: past.Org, Listed: past.Listing != nil})
}

// countExemptions counts whom exemptions reach. Where the token's owner was not looked up, what reads owners could not
// be judged for that alone.
func (r *run) countExemptions(v rules.Verdict, lookedUp bool) {
	for _, e := range v.Exemptions {
		reach := r.used[e]
		reach.Matched++
		r.used[e] = reach
	}
	for _, e := range v.Undecided {
		if reach := r.used[e]; lookedUp || !e.Reads(rules.Owners) {
			reach.Unknown++
			r.used[e] = reach
		}
	}
}

// orNow is a time of the org's clock, or of ours if the org didn't send its own.
func (r *run) orNow(t time.Time) time.Time {
	if t.IsZero() {
		return r.now()
	}
	return t
}

// instantFor is the instant at which a token is judged: that of the whole run, or for a token that was
// used or changed while the list was being read, the moment when that happened. Without this, all busy
// tokens of a large org would have a last use in the future. clock is the org's when it sent the token.
func instantFor(t *okta.Token, at, clock time.Time) time.Time {
	for _, o := range []okta.Opt[time.Time]{t.Created, t.LastUpdated, t.LastUsed()} {
		if moved, ok := o.Get(); ok && moved.After(at) && !moved.After(clock.Add(time.Minute)) {
			at = moved
		}
	}
	return at
}

// note adds what a reader should know about the run as a whole.
func (r *run) note() {
	add := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	r.noteScopes()
	r.noteMoved()
	switch {
	case r.self.login.ClientID != "": // it has no token
	case r.self.unknown != nil:
		add("the token that this run uses can't be recognised on the list: %v", r.self.unknown)
	case r.self.found == 0:
		add("the token that this run uses is not on the list: the credential may see only a part of the org's tokens")
	}
	if r.Stopped && r.o.Enforce == nil {
		add("an enforcing run would stop: %s", r.stopReason)
	}
	if _, err := compareClocks(r.o.Org, r.now()); err != nil {
		add("the org's clock and ours differ by %v: set the clock of this machine; what such a run finds is not "+
			"remembered", r.orgNow().Sub(r.now()).Abs().Round(time.Second))
	}
	if r.later > 0 {
		add("tokens that were used after the instant of judgement, so that their use can't be judged: %d", r.later)
	}
	if r.ended > 0 {
		add("tokens that Okta ends before %s if nobody uses them, and that are judged here as if it did not: %d",
			r.AsOf.Format(time.RFC3339), r.ended)
	}
	for _, q := range r.InQuarantine {
		add("no rule matches the token %s (%q) any more, and it is in our quarantine: %s", okta.Printable(q.Token.ID),
			orEmpty(q.Token.Name), q)
	}
	if shared := sharedState(r.store(), r.o.StateAlone); r.o.Ledger != nil && shared != "" {
		add("%s", shared)
	}
	for _, doubt := range r.o.Policy.Lint(r.AsOf, r.survey()) {
		add("%s", doubt)
	}
}
