package audit

import (
	"context"

	"tokensweep/audit/ledger"
)

// book is where a run writes what happens: a ledger, or for a simulated run what is known of the past.
type book interface {
	Append(ledger.Record) (ledger.Record, error)
	AppendAll([]ledger.Record) ([]ledger.Record, error)
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

// append appends to the book and tells of it.
func (j *journal) append(rec ledger.Record) (ledger.Record, error) {
	rec.Run = j.run
	written, err := j.book.Append(rec)
	if err == nil && j.recorded != nil {
		j.recorded(written)
	}
	return written, err
}

// batchLength is how many records are written at once at the most.
const batchLength = 16_384

// batch is records that only the next run needs to know, of which there may be thousands: they are written many at
// once. None is written after ctx has ended. What is missing then, the next run finds out by itself.
type batch struct {
	*journal
	ctx     context.Context //nolint:containedctx // a batch lives as long as the call that makes it
	records []ledger.Record
	then    []func() // by record; nil for nothing
}

func (j *journal) newBatch(ctx context.Context) *batch { return &batch{journal: j, ctx: ctx} }

// add puts a record into the batch, and writes the batch if it is full. Once the record is durable, then is called, if
// it isn't nil: nothing that rests on the record may happen before that.
func (b *batch) add(rec ledger.Record, then func()) error {
	if b.ctx.Err() != nil {
		return interruption(b.ctx)
	}
	if b.book == nil {
		return nil
	}
	rec.Run = b.run
	b.records, b.then = append(b.records, rec), append(b.then, then)
	if len(b.records) < batchLength {
		return nil
	}
	return b.write()
}

// write writes what was added, unless ctx has ended.
func (b *batch) write() error {
	if b.ctx.Err() != nil {
		return interruption(b.ctx)
	}
	if len(b.records) == 0 {
		return nil
	}
	written, err := b.book.AppendAll(b.records)
	for i := range written {
		if b.recorded != nil {
			b.recorded(written[i])
		}
		if b.then[i] != nil {
			b.then[i]()
		}
	}
	clear(b.records) // what they point to isn't needed any more
	b.records, b.then = b.records[:0], b.then[:0]
	return err
}
