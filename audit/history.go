package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// History is what a ledger tells of earlier passes, changes by hand not among them. The zero value is that of an
// empty ledger: every time is zero.
type History struct {
	// Org is the URL of the ledger's org, Listed whether a list of it was ever read to its end.
	Org    string
	Listed bool
	// Began is when the last pass began, Ended when it ended, if it did.
	Began, Ended time.Time
	// Code is the exit code of the last pass that ended, LastEnded when that was.
	Code      ExitCode
	LastEnded time.Time
	// Succeeded is when the last pass ended that was complete and in which nothing went wrong.
	Succeeded time.Time
	// Totals are the counts over all runs, changes by hand among them.
	Totals ledger.Totals
	// Head is the ledger's head.
	Head ledger.Head
}

// HistoryFor is what an open ledger tells a run of it that has an end of its own: Succeeded is of the passes before,
// and when those began and ended otherwise is left out.
func HistoryFor(run string, l *ledger.Ledger, now time.Time) History {
	totals := l.State().Totals
	h := History{Org: l.State().Org, Listed: l.State().Listing != nil, Totals: totals, Head: l.Head()}
	before := totals.Ends
	if last := totals.Last; last != nil && last.Run != run {
		before = totals.All(last.ExitCode).Ends
	}
	for code, ends := range before {
		if ExitCode(code).Success() && ends.Last.After(h.Succeeded) && ends.Last.Sub(now) <= maxLead {
			h.Succeeded = ends.Last
		}
	}
	return h
}

// ReadHistory reads the ledger in the store, without its lock. A pass whose time is later than now was
// recorded by a clock that was ahead, and is left out. A ledger that isn't there has an empty
// history; one that is damaged is an error, that of its Read.
func ReadHistory(store ledger.Store, now time.Time) (h History, err error) {
	var last string // the id of the last pass
	h.Head, err = store.Read(func(r ledger.Record) error {
		h.Totals.Apply(r)
		switch {
		case r.Kind == ledger.Listed:
			h.Listed = true
		case h.Org == "" && r.Org != "":
			h.Org = r.Org
		}
		switch {
		case r.Time.Sub(now) > maxLead:
		case r.Kind == ledger.Begun && r.Mode != ledger.ByHand:
			last, h.Began, h.Ended = r.Run, r.Time, time.Time{}
		case r.Kind == ledger.Ended && r.Run == last:
			h.Ended, h.LastEnded, h.Code = r.Time, r.Time, ExitCode(r.ExitCode)
			if h.Code.Success() {
				h.Succeeded = r.Time
			}
		}
		return nil
	})
	if torn := new(ledger.TornError); errors.Is(err, fs.ErrNotExist) || errors.As(err, &torn) {
		err = nil // another process may be writing the last line
	}
	return h, err
}

// RightOrg refuses, with an ErrWrongOrg, a policy that is pinned to another org than that at orgURL, and a store
// whose ledger is of another.
func RightOrg(orgURL string, p *rules.Policy, store ledger.Store, past History) error {
	switch {
	case p.Org != "" && p.Org != orgURL:
		return fmt.Errorf("%w: the policy %s is pinned to %s, and OKTA_CLIENT_ORGURL is %s", ErrWrongOrg, p.File, p.Org,
			orgURL)
	case past.Org == "" || past.Org == orgURL:
		return nil
	}
	advice := "give each org a state directory of its own"
	if !past.Listed {
		advice = "no list of that org was ever read, so if its URL was a slip the directory can be deleted"
	}
	return fmt.Errorf("%w: the ledger in %s is of %s, and OKTA_CLIENT_ORGURL is %s: %s", ErrWrongOrg, store, past.Org,
		orgURL, advice)
}
