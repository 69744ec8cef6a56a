package audit

import (
	"cmp"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
)

// agreeAfter is how long after a listing that lost more than half of its tokens a second listing must find the same
// before it is believed.
const agreeAfter = time.Hour

// fullCount is the key of a Listed record for the number of tokens before more than half of them were missing.
const fullCount = "before"

// shrinkage says whether the listing is much smaller than the last one although it is complete: a role may have lost
// the right to see tokens, an org may be being rebuilt, Okta may be wrong. reason is "" if the listing may be acted on.
// listed is the record to write of it; nil if the last one stays in force.
func (m *memory) shrinkage() (reason string, listed *ledger.Record) {
	listed = &ledger.Record{Kind: ledger.Listed, Count: m.report.Tokens}
	last := m.decider.past.Listing
	if last == nil {
		return "", listed
	}
	missing, ours := 0, 0
	for id := range m.before {
		if _, revoked := m.decider.past.Revoked[id]; revoked {
			ours++ // nobody wonders where those are
		} else {
			missing++
		}
	}
	lost := missing*2 > m.known-ours
	if m.inventoryErr != nil { // then only the number is known
		m.known, lost = last.Count, m.report.Tokens*2 < last.Count
	}
	full := last.Counts[fullCount]
	switch {
	case full == 0 && lost:
		full = m.known
	case full == 0, m.report.Tokens*2 >= full:
		return "", listed
	case lost:
	case m.clockInDoubt(), m.now().Sub(last.Time) < agreeAfter:
		listed = nil
	default:
		return "", listed
	}
	if listed != nil {
		listed.Counts, listed.Believed = map[string]int{fullCount: full}, cmp.Or(last.Believed, last.Snapshot)
	}
	return fmt.Sprintf("fewer than half of the %d tokens of an earlier listing are there: a second complete run, an "+
		"hour or more after the first, must find the same before anything is done", full), listed
}
