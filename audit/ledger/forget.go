package ledger

import (
	"maps"
	"slices"
	"time"
)

// What is no longer in force is forgotten, so that a State does not grow with the age of its ledger. It stays on
// record.
const (
	// planKept is how long a plan is known. None is good for so long: audit.MaxPlanAge.
	planKept = 15 * 24 * time.Hour
	// revokedKept is how long a token is known as revoked by us, as long as lists are recorded: by then it is on none.
	revokedKept = 35 * 24 * time.Hour
	// changesKept is how many changes are known at the least, and spentKept for how long all are. Budgets are of 24
	// hours; if a clock was ahead, those of the hours before it was set are among the last.
	changesKept = 1000
	spentKept   = 48 * time.Hour
)

// forgetPlans forgets old plans, when the last two points of the trend are not of the same day.
func (s *State) forgetPlans() {
	n := len(s.Trend)
	if n < 2 || s.Trend[n-1].At.Truncate(24*time.Hour).Equal(s.Trend[n-2].At.Truncate(24*time.Hour)) {
		return
	}
	since := s.Trend[n-1].At.Add(-planKept)
	maps.DeleteFunc(s.Plans, func(_ string, p PlanRecord) bool { return p.At.Before(since) })
}

// forgetRevoked forgets the tokens that were revoked long before the last listing, which is believed, and with them
// that a quarantine of theirs was begun: a request for one that is gone can't arrive any more.
func (s *State) forgetRevoked() {
	if s.Listing.Believed != "" {
		return
	}
	since := s.Listing.Time.Add(-revokedKept)
	for token, at := range s.Revoked {
		if at.Before(since) {
			delete(s.Revoked, token)
			delete(s.Attempted, token)
		}
	}
}

// spend notes a change, and forgets those that no budget counts any more.
func (s *State) spend(at time.Time) {
	s.changes = append(s.changes, at)
	if len(s.changes) <= 2*changesKept {
		return
	}
	since, old := at.Add(-spentKept), 0
	for old < len(s.changes)-changesKept && s.changes[old].Before(since) {
		old++
	}
	s.changes = slices.Delete(s.changes, 0, old)
}
