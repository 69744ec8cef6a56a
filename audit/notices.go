package audit

import (
	"context"
	"strings"

	"tokensweep/audit/ledger"
)

// notices compares the notices on record with what a report finds now.
type notices struct {
	*journal
	past   *ledger.State
	report *Report
	// listed are the listed tokens among those that were told of, by id; nil where it doesn't count which tokens are
	// listed.
	listed map[string]ledger.InventoryEntry
}

// count is how many are given with the report.
func (n *notices) count() (all int) {
	for i := range n.report.Findings {
		if f := &n.report.Findings[i]; !f.announcesNothing() {
			all += len(f.unannounced)
		}
	}
	return all
}

// recordDelivered records the notices that were just delivered. Those that it can't record any more are given again by
// the next run.
func (n *notices) recordDelivered(ctx context.Context, via string) error {
	b := n.newBatch(ctx)
	for i := range n.report.Findings {
		f := &n.report.Findings[i]
		if f.announcesNothing() {
			continue
		}
		for _, u := range f.unannounced {
			if err := b.add(ledger.Record{
				Kind: ledger.Noticed, Token: f.Token.ID, Name: orEmpty(f.Token.Name), Owner: orEmpty(f.Token.UserID),
				Rule: u.Rule.ID, Facts: u.Facts(), Ahead: announcedBy(f.Matched, u.Rule.ID), Via: via,
			}, func() { f.Announced = true }); err != nil {
				return err
			}
		}
	}
	return b.write()
}

// announcesNothing reports whether the outcome of a finding calls for no notice.
func (f *Finding) announcesNothing() bool {
	return f.Outcome == Exempt || f.Outcome == Protected || f.Outcome == Unknown || f.Outcome == Flagged
}

// voidStale ends notices that no longer hold: the rule does not match the token any more or has become harmless, the
// values that it reads have changed, or the token is spared. A delay counts only while all of that stays as it was. A
// token missing from a list that is too small to believe ends nothing.
func (n *notices) voidStale(ctx context.Context) error {
	stale, why := n.stale()
	b := n.newBatch(ctx)
	for _, key := range stale {
		if err := b.add(ledger.Record{Kind: ledger.Voided, Token: key.Token, Rule: key.Rule, Reason: why[key]},
			nil); err != nil {
			return err
		}
	}
	return b.write()
}

// stale returns the notices that no longer hold, and why.
func (n *notices) stale() (stale []ledger.Key, why map[ledger.Key]string) {
	holds := make(map[ledger.Key]string)
	why = make(map[ledger.Key]string)
	for i := range n.report.Findings {
		f := &n.report.Findings[i]
		for m := range f.disrupting() {
			if key := f.key(m); n.given(key) {
				holds[key] = m.Facts()
			}
		}
		for _, m := range f.Unknown {
			if key := f.key(m); n.given(key) {
				why[key] = "it can't be judged now: " + strings.Join(m.Because(), ", ")
			}
		}
		if !f.announcesNothing() {
			continue
		}
		for _, m := range f.Matched {
			if key := f.key(m); n.given(key) {
				why[key] = strings.TrimSuffix("it is "+string(f.Outcome)+" now: "+f.Reason, ": ")
			}
		}
	}
	unlisted := n.unlisted()
	for key, notice := range n.past.Notices {
		digest, ok := holds[key]
		switch {
		case n.report.Shrunken && unlisted[key.Token]:
			continue
		case why[key] != "":
		case unlisted[key.Token] && n.listed != nil:
			why[key] = "the token is no longer listed"
		case !ok:
			why[key] = "the rule does not match it any more, or does no more than flag"
		case digest != notice.Facts:
			why[key] = "the rule, or the values that it reads, have changed"
		default:
			continue
		}
		stale = append(stale, key)
	}
	sortKeys(stale)
	return stale, why
}

// given reports whether a notice is on record.
func (n *notices) given(key ledger.Key) bool {
	_, on := n.past.Notices[key]
	return on
}

// unlisted returns the tokens with a notice that are not on the list.
func (n *notices) unlisted() map[string]bool {
	tokens := make(map[string]bool)
	for key := range n.past.Notices {
		if _, listed := n.listed[key.Token]; !listed {
			tokens[key.Token] = true
		}
	}
	return tokens
}

// toldOf are the ids of the tokens that people were told of: those with a notice on record, or with one that was ended
// and of which that was not reported.
func toldOf(past *ledger.State) map[string]bool {
	tokens := make(map[string]bool)
	for key := range past.Notices {
		tokens[key.Token] = true
	}
	for _, recalled := range past.Recalled {
		tokens[recalled.Key.Token] = true
	}
	return tokens
}
