package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
)

// noPrev is what the first line has for the hash of the line before it.
var noPrev = strings.Repeat("0", 2*sha256.Size)

// chain is a ledger as far as it was read or written: what the next line has to follow.
type chain struct {
	head   Head
	offset int64  // of the next line, in its segment
	before uint64 // how many records came before the segment
	inside bool   // the reading may begin at a segment that is not the first
}

// prev is the hash that the next line has to name.
func (c *chain) prev() string {
	if c.head.Seq == 0 {
		return noPrev
	}
	return c.head.Hash
}

// advance takes a line of this hash and length, without its newline, as the next one.
func (c *chain) advance(hash string, length int) {
	c.head = Head{Seq: c.head.Seq + 1, Hash: hash}
	c.offset += int64(length) + 1
}

// damage is the error for the next line.
func (c *chain) damage(f *flaw) error {
	return &DamageError{Line: int(c.head.Seq-c.before) + 1, Offset: c.offset, Seq: c.head.Seq + 1, Reason: f.reason,
		Newer: f.newer}
}

// turn says that the next line is the first of a segment.
func (c *chain) turn() { c.offset, c.before = 0, c.head.Seq }

// enter begins at the first record of a segment that is not the first one: it is believed as to what came before.
func (c *chain) enter(p *parsed) {
	if !c.inside || c.head.Seq > 0 || p.flaw != nil {
		return
	}
	if begin, ok := p.contents(); ok && len(begin.Segments) > 0 {
		last := begin.Segments[len(begin.Segments)-1]
		if last.Last+1 == p.Seq && last.Hash == p.Prev {
			c.head = Head{Seq: last.Last, Hash: last.Hash}
			c.turn()
		}
	}
}

// next verifies the next line, which was read as p, and takes it in.
func (c *chain) next(p *parsed) (Record, error) {
	c.enter(p)
	switch {
	case p.flaw != nil:
		return Record{}, c.damage(p.flaw)
	case p.Seq != c.head.Seq+1:
		return Record{}, c.damage(&flaw{reason: fmt.Sprintf(
			"is record %d: a line was removed, repeated or moved; restore the state directory from a copy", p.Seq)})
	case p.Prev != c.prev():
		return Record{}, c.damage(&flaw{reason: "doesn't follow the line before it, which was changed or replaced " +
			"after this one was written; restore the state directory from a copy"})
	}
	c.advance(p.hash, p.length)
	return p.Record, nil
}

// verify reads and verifies a ledger from its first line and gives each record to each, whose error ends
// it. A *TornError comes with the torn bytes.
func (c *chain) verify(r io.Reader, each func(Record) error) (torn []byte, err error) {
	for b := range batches(r) {
		for i := range b.lines {
			rec, err := c.next(&b.lines[i])
			if err != nil {
				return nil, err
			}
			if err := each(rec); err != nil {
				return nil, err
			}
		}
		switch {
		case errors.Is(b.err, errTooLong):
			return nil, c.damage(&flaw{reason: fmt.Sprintf(
				"has more than %d bytes: no record is that long; restore the state directory from a copy", maxLine)})
		case errors.Is(b.err, io.EOF) && len(b.tail) > 0:
			return c.judgeTail(b.tail)
		case b.err != nil && !errors.Is(b.err, io.EOF):
			return nil, fmt.Errorf("%w: reading it at byte %d: %w", ErrUnusable, c.offset, b.err)
		}
	}
	return nil, nil
}

// judgeTail says whether a last line without a newline is torn or damaged. One write writes a line and
// its newline: a whole record with anything but the newline after it was not left by a crash.
func (c *chain) judgeTail(tail []byte) ([]byte, error) {
	if at := bytes.Index(tail, []byte(sumKey)); at >= 0 {
		end := at + sumLength
		if end < len(tail) && summed(tail[:end]) {
			return nil, c.damage(&flaw{reason: "is a whole record, but no newline comes after it; " +
				"restore the state directory from a copy"})
		}
	}
	return tail, &TornError{Offset: c.offset, Seq: c.head.Seq + 1, Bytes: len(tail)}
}

// ReadFrom is Store.Read on the content of a ledger: of its first segment, or of several in a row.
func ReadFrom(r io.Reader, each func(Record) error) (Head, error) {
	l := replay{proof: true}
	_, err := l.segment(r, each)
	return l.head, err
}
