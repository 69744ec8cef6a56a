package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// memory compares what a run finds with what earlier runs left, and writes what the next run needs to know.
type memory struct {
	*session
	*journal
	report *Report
	ledger *ledger.Ledger // nil for a run without one
	// before are the tokens of the last listing that are not on this list, missing those of the last listing that was
	// believed.
	before, missing map[string]ledger.InventoryEntry
	inventoryErr    error                  // why what was listed before can't be told
	known           int                    // how many were listed before
	inventory       *ledger.InventoryDraft // what is listed now
	shrunken        string                 // why the listing is too small to act on, "" if it isn't
	toRecord        *ledger.Record         // what to write of the listing; nil if the last one stays in force
}

// noteUnreported reports what was done by runs that died before they could report it.
func (m *memory) noteUnreported() {
	for _, u := range m.decider.past.Unreported {
		what := fmt.Sprintf("the token %s (%q) was no longer listed: %s", u.Token, u.Name, u.Reason)
		if u.Kind == ledger.Outcome {
			what = fmt.Sprintf("the %s of the token %s (%q) came out as %s", u.Step, u.Token, u.Name,
				strings.TrimSpace(u.Result+" "+u.Reason))
		}
		m.report.Belated++
		m.report.note("the run %s did not come to report that in it %s", u.Run, okta.Printable(what))
	}
}

// compareLists compares the complete list with the last complete listing and, if that was too small to believe, with
// the last one that was believed. listed reports whether a token is on the list.
func (m *memory) compareLists(listed func(id string) bool) {
	if last := m.decider.past.Listing; m.ledger != nil && last != nil {
		gone := func(id string) bool { return !listed(id) }
		store := m.ledger.Store()
		m.before, m.known, m.inventoryErr = store.ReadInventory(last.Snapshot, gone)
		err := m.inventoryErr
		m.missing = m.before
		if last.Believed != "" {
			m.missing, _, err = store.ReadInventory(last.Believed, gone)
		}
		if err != nil {
			m.report.note("what vanished since the last run can't be told: %v", err)
		}
	}
	m.shrunken, m.toRecord = m.shrinkage()
	m.report.Shrunken = m.shrunken != ""
}

// orEmpty is a text for people and for the record, "" where there is none. Nothing is decided by it.
func orEmpty(name okta.Opt[string]) string {
	s, _ := name.Get()
	return s
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

// key is what the ledger remembers a finding by, for one rule.
func (f *Finding) key(m rules.Match) ledger.Key {
	return ledger.Key{Token: f.Token.ID, Rule: m.Rule.ID}
}

// keys are what the ledger remembers a finding by: a key for each rule.
func (f *Finding) keys(of []rules.Match) []ledger.Key {
	keys := make([]ledger.Key, 0, len(of))
	for _, m := range of {
		keys = append(keys, f.key(m))
	}
	return keys
}

// applied reports whether a rule applied to a token in the last run: it matched, and no exemption covered it.
func (m *memory) applied(key ledger.Key) bool {
	past := m.decider.past
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
func (m *memory) compareFinding(f *Finding) {
	f.Change, f.Fresh = New, nil
	for _, key := range append(f.keys(f.Matched), f.keys(f.Unknown)...) {
		if _, known := m.decider.past.Findings[key]; known {
			f.Change = Ongoing
		}
	}
	for i, key := range f.applying() {
		if !m.applied(key) {
			f.Change, f.Fresh = New, append(f.Fresh, f.Matched[i].Rule)
		}
	}
}

// compare tells new findings from known ones, and names the tokens that vanished.
func (m *memory) compare() {
	r := m.report
	r.Changes.Known = m.decider.past.Listing != nil
	now, before := make(map[string]bool), m.severities()
	for i := range r.Findings {
		f := &r.Findings[i]
		now[f.Token.ID] = true
		m.compareFinding(f)
		switch {
		case !r.Changes.Known:
			f.Change = ""
		case f.Change == New:
			r.Changes.New++
		default:
			r.Changes.Ongoing++
			if f.Moved = m.moved(f, before[f.Token.ID]); f.Moved != "" {
				r.Changes.Moved++
			}
		}
	}
	if m.ledger == nil {
		r.note("without a state directory this run can't tell what is new (--state)")
		return
	}
	resolved := make(map[string]bool)
	for key := range m.decider.past.Findings {
		if !now[key.Token] && m.shrunken == "" { // else they may come back
			resolved[key.Token] = true
		}
	}
	r.Changes.Resolved = len(resolved)
	for id, was := range m.missing {
		r.Vanished = append(r.Vanished, Vanished{ID: id, Name: was.Name, Reason: m.vanishReason(id, was)})
	}
	slices.SortFunc(r.Vanished, func(a, b Vanished) int { return strings.Compare(a.ID, b.ID) })
}

// vanishReason says why a token is no longer listed.
func (m *memory) vanishReason(id string, was ledger.InventoryEntry) string {
	at, revoked := m.decider.past.Revoked[id]
	_, quarantined := m.decider.past.Quarantined[id]
	ended := !was.ExpiresAt.IsZero() && !was.ExpiresAt.After(m.report.AsOf)
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

// remember writes what the next run needs to know; nothing if the run judged another time than now. A dry run writes
// only its findings and its plan: it starts and ends no delay. The listing is written last. If the run is ended before
// that, the next run learns the same again.
func (m *memory) remember(ctx context.Context) error {
	r := m.report
	if m.book == nil {
		return nil
	}
	if m.shrunken != "" {
		r.note("%s", m.shrunken)
	}
	if m.clockInDoubt() { // what is found new is new to the next run too
		return nil
	}
	b := m.newBatch(ctx)
	for _, write := range []func(*batch) error{
		m.rememberFindings, (*batch).write, // what is exempt is judged by what was seen
		m.rememberVanished, m.rememberExempt, (*batch).write, // the listing comes last
		m.rememberListing,
	} {
		if err := write(b); err != nil {
			return err
		}
	}
	return m.rememberPlan(b)
}

// rememberPlan writes the plan, in parts if it is too long for one record.
func (m *memory) rememberPlan(b *batch) error {
	r := m.report
	parts := slices.Collect(partsOf(r.actions(), partLength))
	last := len(parts) - 1
	for _, part := range parts[:max(0, last)] {
		err := b.add(ledger.Record{Kind: ledger.Planning, Plan: r.Digest, Actions: part}, nil)
		if err == nil {
			err = b.write()
		}
		if err != nil {
			return err
		}
	}
	planned := ledger.Record{
		Kind: ledger.Planned, Plan: r.Digest, Mode: string(r.Mode), Policy: r.PolicyDigest, Count: len(r.Findings),
		Critical: r.critical(),
	}
	if last >= 0 {
		planned.Actions, planned.Ref = parts[last], uint64(last)
	}
	if err := b.add(planned, func() { r.PlanKept = r.Mode == rules.DryRun }); err != nil {
		return err
	}
	return b.write()
}

// partLength is how many bytes of actions a record of a plan has, or as many as its first action, if that is more.
const partLength = 4 << 20

// partsOf parts actions, so that none of the parts has much more than length bytes on record.
func partsOf(actions []ledger.Action, length int) iter.Seq[[]ledger.Action] {
	return func(yield func([]ledger.Action) bool) {
		from, size := 0, 0
		for i := range actions {
			a := &actions[i]
			n := len(`{"token":"","step":"","rules":[],"facts":""},`) + len(a.Token) + len(a.Step) + len(a.Facts)
			for _, rule := range a.Rules {
				n += len(`"",`) + len(rule)
			}
			if size += n; size > length && i > from {
				if !yield(actions[from:i:i]) {
					return
				}
				from, size = i, n
			}
		}
		if from < len(actions) {
			yield(actions[from:])
		}
	}
}

// rememberListing stores the listing. The last one that was believed is kept as well, to name what vanished since.
func (m *memory) rememberListing(b *batch) error {
	if m.toRecord == nil {
		return nil
	}
	if b.ctx.Err() != nil {
		return interruption(b.ctx)
	}
	keep := ""
	if last := m.decider.past.Listing; last != nil {
		keep = cmp.Or(last.Believed, last.Snapshot)
	}
	snapshot, err := m.inventory.Store(keep)
	if err != nil {
		return err
	}
	m.toRecord.Snapshot = snapshot
	return b.add(*m.toRecord, nil)
}

// rememberFindings writes which findings are new, which rules have begun to apply, and which findings are resolved.
func (m *memory) rememberFindings(b *batch) error {
	r := m.report
	open := make(map[ledger.Key]bool)
	seen := func(key ledger.Key, rule *rules.Rule, result string) error {
		return b.add(ledger.Record{
			Kind: ledger.Seen, Token: key.Token, Rule: key.Rule, Result: result, Facts: rule.Severity.String(),
		}, nil)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, key := range append(f.keys(f.Matched), f.keys(f.Unknown)...) {
			open[key] = true
		}
		for j, key := range f.keys(f.Matched) {
			_, known := m.decider.past.Findings[key]
			same := m.decider.past.Severities[key] == f.Matched[j].Rule.Severity.String()
			if known && (f.Outcome == Exempt || m.applied(key) && same) {
				continue
			}
			if err := seen(key, f.Matched[j].Rule, ""); err != nil {
				return err
			}
		}
		for j, key := range f.keys(f.Unknown) {
			result, past := ledger.ResultUnknown, m.decider.past
			if _, known := past.Findings[key]; known {
				_, exempt := past.Exempted[key]
				if exempt || past.Severities[key] == f.Unknown[j].Rule.Severity.String() {
					continue
				}
				if !past.Unjudged[key] { // it could be judged once
					result = ""
				}
			}
			if err := seen(key, f.Unknown[j].Rule, result); err != nil {
				return err
			}
		}
	}
	if m.shrunken != "" {
		return nil // they may come back
	}
	var resolved []ledger.Key
	for key := range m.decider.past.Findings {
		if !open[key] {
			resolved = append(resolved, key)
		}
	}
	sortKeys(resolved)
	for _, key := range resolved {
		if err := b.add(ledger.Record{Kind: ledger.Resolved, Token: key.Token, Rule: key.Rule,
			Reason: "the rule does not match it any more, or it is gone"}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) rememberVanished(b *batch) error {
	r := m.report
	if m.shrunken != "" {
		return nil // they may come back
	}
	for _, v := range r.Vanished {
		if err := b.add(ledger.Record{Kind: ledger.Vanished, Token: v.ID, Name: v.Name, Reason: v.Reason},
			nil); err != nil {
			return err
		}
	}
	return nil
}

// rememberExempt writes which exemption covers which finding, where that is new.
func (m *memory) rememberExempt(b *batch) error {
	r := m.report
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != Exempt {
			continue
		}
		for _, id := range f.ruleIDs() {
			if m.decider.past.Exempted[ledger.Key{Token: f.Token.ID, Rule: id}] == f.Reason {
				continue
			}
			if err := b.add(ledger.Record{Kind: ledger.Exempted, Token: f.Token.ID, Rule: id, Reason: f.Reason},
				nil); err != nil {
				return err
			}
		}
	}
	return nil
}
