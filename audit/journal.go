package audit

import (
	"context"

	"tokensweep/audit/ledger"
)

// book is where a run writes what happens: a ledger, or for a simulated run what is known of the past.
type book interface {
	Append(ledger.Record) (ledger.Record, error)
}

// journal writes the records of one run.
type journal struct {
	book     book                // nil for a run that writes nothing
	run      string              // its id
	recorded func(ledger.Record) // told of each record, if not nil
}

// record appends to the book, if there is one.
func (j *journal) record(rec ledger.Record) error {
	if j.book == nil {
		return nil
	}
	_, err := j.append(rec)
	return err
}

// recordUnlessEnded is record for what only the next run needs to know, of which there may be thousands: none is
// written after ctx has ended. What is missing then, the next run finds out by itself.
func (j *journal) recordUnlessEnded(ctx context.Context, rec ledger.Record) error {
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	return j.record(rec)
}

// append appends to the book and tells of it.
func (j *journal) append(rec ledger.Record) (ledger.Record, error) {
	rec.Run = j.run
	written, err := j.book.Append(rec)
	if err == nil && j.recorded != nil {
		j.recorded(written)
	}
	return written, err
}
