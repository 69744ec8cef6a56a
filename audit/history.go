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
	// Began is when the last pass began, Ended when it ended, if it did.
	Began, Ended time.Time
	// Code is the exit code of the last pass that ended, LastEnded when that was.
	Code      ExitCode
	LastEnded time.Time
	// Succeeded is when the last pass ended that was complete and in which nothing went wrong.
	Succeeded time.Time
	// Head is the ledger's head.
	Head ledger.Head
}

// ReadHistory reads the ledger in the state directory dir, without its lock. A ledger that isn't there has an empty
// history; one that is damaged is an error, that of ledger.Read.
func ReadHistory(dir string) (h History, err error) {
	var last string // the id of the last pass
	h.Head, err = ledger.Read(dir, func(r ledger.Record) error {
		switch {
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
