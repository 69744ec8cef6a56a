package audit

import (
	"fmt"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// record appends to the ledger, if there is one.
func (r *run) record(rec ledger.Record) error {
	if r.o.Ledger == nil {
		return nil
	}
	rec.Run = r.ID
	_, err := r.o.Ledger.Append(rec)
	return err
}

// spent is how many quarantines and revocations were begun in the last 24 hours.
func (r *run) spent() int {
	return r.decider.past.IntentsSince(r.now().Add(-24 * time.Hour))
}

// recall reads what the last complete listing held.
func (r *run) recall() {
	last := r.decider.past.Listing
	if r.o.Ledger == nil || last == nil {
		return
	}
	entries, err := ledger.ReadInventory(r.o.State, last.Snapshot)
	if err != nil {
		r.forgotten = err
		r.Notes = append(r.Notes, fmt.Sprintf("what vanished since the last run can't be told: %v", err))
		return
	}
	r.before, r.known = entries, len(entries)
}

// list takes a token into the inventory.
func (r *run) list(t *okta.Token) {
	if r.o.Ledger == nil {
		return
	}
	delete(r.before, t.ID)
	r.inventory = append(r.inventory, ledger.InventoryEntry{
		ID: t.ID, Name: t.Name.Or(""), Client: t.ClientName.Or(""), UserID: t.UserID.Or(""), ExpiresAt: t.ExpiresAt.Or(time.Time{}),
	})
}

// lift notes that somebody took a token out of our quarantine. It isn't fought over: what was announced
// is void, and is announced anew.
func (r *run) lift(t *okta.Token) error {
	r.Notes = append(r.Notes, fmt.Sprintf("somebody lifted the quarantine of the token %s (%q): it gets a new notice before anything else happens", okta.Printable(t.ID), t.Name.Or("")))
	if r.o.Enforce == nil {
		return nil
	}
	if err := r.voidAll(t.ID, "its quarantine was lifted"); err != nil {
		return err
	}
	return r.record(ledger.Record{Kind: ledger.Lifted, Token: t.ID, Reason: "its network condition is not the quarantine's any more"})
}

// voidAll makes all notices about a token void.
func (r *run) voidAll(token, reason string) error {
	for _, key := range r.noticesOf(token) {
		if err := r.record(ledger.Record{Kind: ledger.Voided, Token: key.Token, Rule: key.Rule, Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) noticesOf(token string) (keys []ledger.Key) {
	for key := range r.decider.past.Notices {
		if key.Token == token {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b ledger.Key) int { return compareText(a.Rule, b.Rule) })
	return keys
}

// keys are what the ledger remembers a finding by: a key for each rule.
func (f *Finding) keys() (keys []ledger.Key) {
	for _, m := range f.Matched {
		keys = append(keys, ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID})
	}
	for _, m := range f.Unknown {
		keys = append(keys, ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID})
	}
	return keys
}

// compare tells new findings from those that the ledger knows, and names what vanished.
func (r *run) compare() {
	if r.o.Ledger == nil {
		r.Notes = append(r.Notes, "without a state directory this run can't tell what is new (--state)")
		return
	}
	now := make(map[string]bool)
	r.Changes.Known = r.decider.past.Listing != nil
	for i := range r.Findings {
		f := &r.Findings[i]
		now[f.Token.ID] = true
		f.Change = New
		for _, key := range f.keys() {
			if _, known := r.decider.past.Findings[key]; known {
				f.Change = Ongoing
			}
		}
		switch {
		case !r.Changes.Known:
			f.Change = ""
		case f.Change == New:
			r.Changes.New++
		default:
			r.Changes.Ongoing++
		}
	}
	resolved := make(map[string]bool)
	for key := range r.decider.past.Findings {
		if !now[key.Token] {
			resolved[key.Token] = true
		}
	}
	r.Changes.Resolved = len(resolved)
	for id, was := range r.before {
		r.Vanished = append(r.Vanished, Vanished{ID: id, Name: was.Name, Reason: r.farewell(id, was)})
	}
	slices.SortFunc(r.Vanished, func(a, b Vanished) int { return compareText(a.ID, b.ID) })
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// farewell says why a token is no longer listed.
func (r *run) farewell(id string, was ledger.InventoryEntry) string {
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
		return "Okta ended it, unused, on " + was.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return "unexplained: revoked by somebody else, or its owner was deactivated"
}

// remember writes what the next run needs to know. A dry run writes no more than what tells new findings
// from old ones, and its plan: it starts no clock and ends none.
func (r *run) remember() error {
	if r.o.Ledger == nil {
		return nil
	}
	var listed *ledger.Record
	if r.shrunken, listed = r.shrinkage(); listed != nil {
		snapshot, err := ledger.WriteInventory(r.o.State, slices.Values(r.inventory))
		if err != nil {
			return err
		}
		listed.Snapshot = snapshot
		if err := r.record(*listed); err != nil {
			return err
		}
	}
	if r.shrunken != "" {
		r.Notes = append(r.Notes, r.shrunken)
	}
	for _, write := range []func() error{r.rememberFindings, r.rememberVanished, r.rememberExempt} {
		if err := write(); err != nil {
			return err
		}
	}
	return r.record(ledger.Record{Kind: ledger.Planned, Plan: r.Digest, Actions: r.actions(), Count: len(r.Findings)})
}

// rememberFindings writes which findings are new, and which of the old ones are resolved.
func (r *run) rememberFindings() error {
	open := make(map[ledger.Key]bool)
	for i := range r.Findings {
		for _, key := range r.Findings[i].keys() {
			open[key] = true
			if _, known := r.decider.past.Findings[key]; known {
				continue
			}
			if err := r.record(ledger.Record{Kind: ledger.Seen, Token: key.Token, Rule: key.Rule}); err != nil {
				return err
			}
		}
	}
	var resolved []ledger.Key
	for key := range r.decider.past.Findings {
		if !open[key] {
			resolved = append(resolved, key)
		}
	}
	slices.SortFunc(resolved, func(a, b ledger.Key) int {
		if a.Token != b.Token {
			return compareText(a.Token, b.Token)
		}
		return compareText(a.Rule, b.Rule)
	})
	for _, key := range resolved {
		if err := r.record(ledger.Record{Kind: ledger.Resolved, Token: key.Token, Rule: key.Rule, Reason: "the rule does not match it any more, or it is gone"}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) rememberVanished() error {
	if r.shrunken != "" {
		return nil // they may come back
	}
	for _, v := range r.Vanished {
		if err := r.record(ledger.Record{Kind: ledger.Vanished, Token: v.ID, Name: v.Name, Reason: v.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// rememberExempt writes which exemption saved which token from which rule.
func (r *run) rememberExempt() error {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != Exempt || f.Change == Ongoing {
			continue
		}
		for _, id := range f.ruleIDs() {
			if err := r.record(ledger.Record{Kind: ledger.Exempted, Token: f.Token.ID, Rule: id, Reason: f.Reason}); err != nil {
				return err
			}
		}
	}
	return nil
}

// end writes the end of the run, if its beginning was written.
func (r *run) end() {
	if r.o.Ledger == nil {
		return
	}
	if last := r.decider.past.LastRun; last != nil && last.Run == r.ID {
		counts := make(map[string]int)
		for _, f := range r.Findings {
			counts[string(f.Outcome)]++
		}
		if err := r.record(ledger.Record{Kind: ledger.Ended, ExitCode: int(r.Code), Counts: counts}); err != nil {
			r.fail(CodeOf(err), err)
		}
	}
	r.Head = r.o.Ledger.Head().String()
}
