package audit

import (
	"cmp"
	"errors"
	"io/fs"
	"time"

	"tokensweep/audit/ledger"
)

// History is what a ledger tells of earlier passes, changes by hand not among them. The zero value is that of an
// empty ledger: every time is zero.
type History struct {
	// Org is the URL of the ledger's org as the last run had it, OrgID its id, "" if it was never told.
	Org, OrgID string
	// Listed says whether a list of it was ever read to its end.
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
	h := pastOf(l.State())
	h.Totals, h.Head = totals, l.Head()
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
		switch r.Kind {
		case ledger.Listed:
			h.Listed = true
		case ledger.Begun:
			h.Org, h.OrgID = r.Org, cmp.Or(r.Name, h.OrgID)
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
