package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// book is where a run writes what happens: a ledger, or for a simulated run what is known of the past.
type book interface {
	Append(ledger.Record) (ledger.Record, error)
}

// record appends to the book, if there is one.
func (r *run) record(rec ledger.Record) error {
	if r.book == nil || r.judgesOtherTime() {
		return nil
	}
	_, err := r.append(rec)
	return err
}

// recordUnlessEnded is record for what only the next run needs to know, of which there may be thousands: none is
// written after ctx has ended. What is missing then, the next run finds out by itself.
func (r *run) recordUnlessEnded(ctx context.Context, rec ledger.Record) error {
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	return r.record(rec)
}

// append appends to the book and tells of it.
func (r *run) append(rec ledger.Record) (ledger.Record, error) {
	rec.Run = r.ID
	written, err := r.book.Append(rec)
	if err == nil && r.o.Recorded != nil {
		r.o.Recorded(written)
	}
	return written, err
}

// judgesOtherTime says that the run judges as of another time than now: what it finds is nothing to remember.
func (r *run) judgesOtherTime() bool { return !r.o.AsOf.IsZero() }

// spent is how many quarantines and revocations were begun in the last 24 hours.
func (r *run) spent() int {
	return r.decider.past.IntentsSince(r.now().Add(-24 * time.Hour))
}

// loadInventory reads what the last complete listing held and, if that was too small to believe, the last one that was
// not.
func (r *run) loadInventory() {
	last := r.decider.past.Listing
	if r.o.Ledger == nil || last == nil {
		return
	}
	r.before, r.inventoryErr = r.store().ReadInventory(last.Snapshot)
	r.known = len(r.before)
	err := r.inventoryErr
	r.missing = r.before
	if last.Believed != "" {
		r.missing, err = r.store().ReadInventory(last.Believed)
	}
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("what vanished since the last run can't be told: %v", err))
	}
}

// noteUnreported tells what runs did that died before they could.
func (r *run) noteUnreported() {
	for _, u := range r.decider.past.Unreported {
		what := fmt.Sprintf("the token %s (%q) was no longer listed: %s", u.Token, u.Name, u.Reason)
		if u.Kind == ledger.Outcome {
			what = fmt.Sprintf("the %s of the token %s (%q) came out as %s", u.Step, u.Token, u.Name,
				strings.TrimSpace(u.Result+" "+u.Reason))
		}
		r.Belated++
		r.Notes = append(r.Notes, fmt.Sprintf("the run %s did not come to report that in it %s", u.Run,
			okta.Printable(what)))
	}
}

// orEmpty is a name for people and for the record, "" where there is none. Nothing is decided by it.
func orEmpty(name okta.Opt[string]) string {
	s, _ := name.Get()
	return s
}

// noteLifted notes that somebody took a token out of our quarantine. It isn't fought over: what was announced
// is void, and nothing happens before it was announced anew.
func (r *run) noteLifted(t *okta.Token) error {
	r.Notes = append(r.Notes, fmt.Sprintf("somebody lifted the quarantine of the token %s (%q): it gets a new notice "+
		"before anything else happens", okta.Printable(t.ID), orEmpty(t.Name)))
	if r.o.Enforce == nil {
		return nil
	}
	return r.record(liftedRecord(t.ID))
}

func liftedRecord(id string) ledger.Record {
	return ledger.Record{Kind: ledger.Lifted, Token: id,
		Reason: "its network condition is not the quarantine's any more"}
}

func sortKeys(keys []ledger.Key) {
	slices.SortFunc(keys, func(a, b ledger.Key) int {
		return cmp.Or(strings.Compare(a.Token, b.Token), strings.Compare(a.Rule, b.Rule))
	})
}

// keys are what the ledger remembers a finding by: a key for each rule.
func (f *Finding) keys(of []rules.Match) []ledger.Key {
	keys := make([]ledger.Key, 0, len(of))
	for _, m := range of {
		keys = append(keys, ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID})
	}
	return keys
}

// applied reports whether a rule applied to a token before: it matched, and no exemption was in its way.
func (r *run) applied(key ledger.Key) bool {
	past := r.decider.past
	_, seen := past.Findings[key]
	_, exempt := past.Exempted[key]
	return seen && !exempt && !past.Unjudged[key]
}

// applying are the keys of the rules that apply to the token of a finding.
func (f *Finding) applying() (keys []ledger.Key) {
	if f.Outcome == Exempt {
		return nil
	}
	return f.keys(f.Matched)
}

// compareFinding says how a finding differs from what is remembered.
func (r *run) compareFinding(f *Finding) {
	f.Change, f.Fresh = New, nil
	for _, key := range append(f.keys(f.Matched), f.keys(f.Unknown)...) {
		if _, known := r.decider.past.Findings[key]; known {
			f.Change = Ongoing
		}
	}
	for i, key := range f.applying() {
		if !r.applied(key) {
			f.Change, f.Fresh = New, append(f.Fresh, f.Matched[i].Rule)
		}
	}
}

// compare tells new findings from those that the ledger knows, and names what vanished.
func (r *run) compare() {
	r.Changes.Known = r.decider.past.Listing != nil
	now := make(map[string]bool)
	for i := range r.Findings {
		f := &r.Findings[i]
		now[f.Token.ID] = true
		r.compareFinding(f)
		switch {
		case !r.Changes.Known:
			f.Change = ""
		case f.Change == New:
			r.Changes.New++
		default:
			r.Changes.Ongoing++
		}
	}
	if r.o.Ledger == nil {
		r.Notes = append(r.Notes, "without a state directory this run can't tell what is new (--state)")
		return
	}
	resolved := make(map[string]bool)
	for key := range r.decider.past.Findings {
		if !now[key.Token] && r.shrunkenReason == "" { // else they may come back
			resolved[key.Token] = true
		}
	}
	r.Changes.Resolved = len(resolved)
	for id, was := range r.missing {
		r.Vanished = append(r.Vanished, Vanished{ID: id, Name: was.Name, Reason: r.vanishReason(id, was)})
	}
	slices.SortFunc(r.Vanished, func(a, b Vanished) int { return strings.Compare(a.ID, b.ID) })
}

// vanishReason says why a token is no longer listed.
func (r *run) vanishReason(id string, was ledger.InventoryEntry) string {
	at, revoked := r.decider.past.Revoked[id]
	_, quarantined := r.decider.past.Quarantined[id]
	ended := !was.ExpiresAt.IsZero() && !was.ExpiresAt.After(r.AsOf)
	switch {
	case revoked:
		return "revoked by tokensweep on " + at.UTC().Format(time.RFC3339)
	case quarantined && ended:
		return "in quarantine until Okta ended it, unused, on " + was.ExpiresAt.UTC().Format(time.RFC3339)
	case quarantined:
		return "in quarantine, then revoked by somebody else, or its owner was deactivated"
	case ended:
		return "Okta ended it, unused, on " + was.ExpiresAt.UTC().Format(time.RFC3339) +
			", by what was known when it was last listed"
	}
	return "unexplained: revoked by somebody else, or its owner was deactivated"
}

// remember writes what the next run needs to know. A dry run writes no more than what tells new findings
// from old ones, and its plan: it starts no clock and ends none. The listing comes after what was learnt by comparing
// it with the last: a run that is ended between the two leaves that to be learnt again.
func (r *run) remember(ctx context.Context) error {
	if r.o.Ledger == nil || r.judgesOtherTime() {
		return nil
	}
	if r.shrunkenReason != "" {
		r.Notes = append(r.Notes, r.shrunkenReason)
	}
	if r.clockInDoubt() { // what is found new is new to the next run too
		return nil
	}
	for _, write := range []func(context.Context) error{r.rememberFindings, r.rememberVanished, r.rememberExempt,
		r.rememberListing} {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return r.recordUnlessEnded(ctx, ledger.Record{
		Kind: ledger.Planned, Plan: r.Digest, Mode: string(r.Mode), Policy: r.PolicyDigest, Actions: r.actions(),
		Count: len(r.Findings), Critical: r.critical(),
	})
}

// rememberListing stores the listing. The last one that was believed stays as well, to name what vanished since.
func (r *run) rememberListing(ctx context.Context) error {
	if r.listed == nil {
		return nil
	}
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	keep := ""
	if last := r.decider.past.Listing; last != nil {
		keep = cmp.Or(last.Believed, last.Snapshot)
	}
	snapshot, err := r.store().WriteInventory(keep, slices.Values(r.inventory))
	if err != nil {
		return err
	}
	r.listed.Snapshot = snapshot
	return r.recordUnlessEnded(ctx, *r.listed)
}

// rememberFindings writes which findings are new, of which rules begin to apply, and which of the old ones are
// resolved.
func (r *run) rememberFindings(ctx context.Context) error {
	open := make(map[ledger.Key]bool)
	seen := func(key ledger.Key, result string) error {
		rec := ledger.Record{Kind: ledger.Seen, Token: key.Token, Rule: key.Rule, Result: result}
		return r.recordUnlessEnded(ctx, rec)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, key := range append(f.keys(f.Matched), f.keys(f.Unknown)...) {
			open[key] = true
		}
		for _, key := range f.keys(f.Matched) {
			_, known := r.decider.past.Findings[key]
			if known && (f.Outcome == Exempt || r.applied(key)) {
				continue
			}
			if err := seen(key, ""); err != nil {
				return err
			}
		}
		for _, key := range f.keys(f.Unknown) {
			if _, known := r.decider.past.Findings[key]; known {
				continue
			}
			if err := seen(key, ledger.ResultUnknown); err != nil {
				return err
			}
		}
	}
	if r.shrunkenReason != "" {
		return nil // they may come back
	}
	var resolved []ledger.Key
	for key := range r.decider.past.Findings {
		if !open[key] {
			resolved = append(resolved, key)
		}
	}
	sortKeys(resolved)
	for _, key := range resolved {
		if err := r.recordUnlessEnded(ctx, ledger.Record{Kind: ledger.Resolved, Token: key.Token, Rule: key.Rule,
			Reason: "the rule does not match it any more, or it is gone"}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) rememberVanished(ctx context.Context) error {
	if r.shrunkenReason != "" {
		return nil // they may come back
	}
	for _, v := range r.Vanished {
		if err := r.recordUnlessEnded(ctx, ledger.Record{Kind: ledger.Vanished, Token: v.ID, Name: v.Name,
			Reason: v.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// rememberExempt writes which exemption saves which token from which rule, when that is new.
func (r *run) rememberExempt(ctx context.Context) error {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != Exempt {
			continue
		}
		for _, id := range f.ruleIDs() {
			if r.decider.past.Exempted[ledger.Key{Token: f.Token.ID, Rule: id}] == f.Reason {
				continue
			}
			if err := r.recordUnlessEnded(ctx, ledger.Record{Kind: ledger.Exempted, Token: f.Token.ID, Rule: id,
				Reason: f.Reason}); err != nil {
				return err
			}
		}
	}
	return nil
}

// end writes the end of the run, if its beginning was written. unread says that its report reached nobody.
func (r *run) end(unread bool) {
	if r.o.Ledger == nil {
		return
	}
	if last := r.decider.past.LastRun; last != nil && last.Run == r.ID {
		counts := make(map[string]int)
		for _, f := range r.Findings {
			counts[string(f.Outcome)]++
		}
		if err := r.record(ledger.Record{Kind: ledger.Ended, ExitCode: int(r.Code), Counts: counts, Unread: unread,
			Told: r.toldRecord(unread)}); err != nil {
			r.fail(CodeOf(err), err)
		}
	}
}

// toldRecord is up to which record the ends of notices are told by the report.
func (r *run) toldRecord(unread bool) uint64 {
	if unread || !r.Complete {
		return 0
	}
	return r.toldUpTo
}
