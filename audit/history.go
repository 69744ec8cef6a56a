package audit

import (
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

// ReadHistory reads what a run would read of the ledger in the store, without its lock. A ledger that isn't there has
// an empty history; one that is damaged is an error, that of its State.
func ReadHistory(store ledger.Store, now time.Time) (History, error) {
	past, head, err := store.State()
	torn := new(ledger.TornError)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return History{}, nil
	case err != nil && !errors.As(err, &torn): // else another process may be writing the last line
		return History{}, err
	}
	return HistoryOf(past, head, now), nil
}

// HistoryOf is the history that a ledger with this head tells. Times that are later than now were recorded by a clock
// that was ahead, and are left out.
func HistoryOf(past *ledger.State, head ledger.Head, now time.Time) History {
	h := pastOf(past)
	h.Totals, h.Head = past.Totals, head
	known := func(t time.Time) bool { return t.Sub(now) <= maxLead }
	if known(past.LastPass.Began) {
		h.Began = past.LastPass.Began
		if known(past.LastPass.Ended) {
			h.Ended = past.LastPass.Ended
		}
	}
	ended := func(code ExitCode, at time.Time) {
		if !known(at) {
			return
		}
		if at.After(h.LastEnded) {
			h.LastEnded, h.Code = at, code
		}
		if code.Success() && at.After(h.Succeeded) {
			h.Succeeded = at
		}
	}
	for code, ends := range past.Totals.Ends {
		ended(ExitCode(code), ends.Last)
	}
	if last := past.Totals.Last; last != nil {
		ended(ExitCode(last.ExitCode), last.Time)
		if known(last.Time) { // of two that ended at once, the last
			h.LastEnded, h.Code = last.Time, ExitCode(last.ExitCode)
		}
	}
	return h
}
