package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// segmentLength is how many bytes of records a segment has before the next one begins, or as many as its snapshot, if
// that is more: so snapshots take no more room than what they stand for.
const segmentLength = 8 << 20

// source is where the segments of a ledger are.
type source interface {
	// Read opens the segment that is written to, from its first byte.
	Read() (io.ReadCloser, error)
	// Segments are the sizes of those that were sealed, by the number of the first record of each.
	Segments() (map[uint64]int64, error)
	// Segment opens one of them.
	Segment(first uint64) (io.ReadCloser, error)
}

// due says whether a new segment begins: in a new month, by the clock of who opens the ledger, or because of the length
// of this one.
func (l *replay) due(now time.Time) bool {
	if l.offset-l.snapshot >= max(segmentLength, l.snapshot) {
		return true
	}
	month := func(t time.Time) int { return t.Year()*12 + int(t.Month()) }
	return month(now) > month(l.opened.Time)
}

// seal begins a new segment if one is due: with a snapshot of what is in force, chained to the last record. What was
// stored stays as it is, as a segment of its own. A state that is too large for records stays in one segment.
func (l *Ledger) seal() error {
	if l.offset == l.snapshot {
		return nil // there is nothing to seal
	}
	at := l.now().UTC().Truncate(time.Millisecond)
	if !l.due(at) {
		return nil
	}
	next := replay{chain: l.chain, segments: append(slices.Clip(l.segments), l.sealed())}
	next.turn()
	records := l.state.snapshot(next.segments)
	for i := range records {
		records[i].Seq, records[i].Time = next.head.Seq+1+uint64(i), at
		if len(records[i].State) > maxLine/2 {
			return nil
		}
	}
	next.opened = records[0]
	next.opened.State = nil
	if err := l.disk.Seal(l.before+1, func(w io.Writer) error {
		for i := range records {
			line, stored, err := canonical(&wire{V: version, Record: records[i], Prev: next.prev()})
			if err != nil {
				return err
			}
			if err := next.state.load(&stored); err != nil {
				return err
			}
			next.advance(hashOf(line), len(line))
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return unusable("beginning a new segment", err)
	}
	next.snapshot = next.offset
	l.replay = next
	return nil
}

// complete checks, without reading them, that the segments before are there: those that the snapshot names, each as
// long as it was, and none that is newer than the one that is written to.
func (l *replay) complete(from source) error {
	found, err := from.Segments()
	if err != nil {
		return unusable("looking for its segments", err)
	}
	for _, s := range l.segments {
		size, there := found[s.First]
		switch {
		case !there:
			return lost("the segment with the records %d to %d is missing", s.First, s.Last)
		case size != s.Size:
			return lost("the segment with the records %d to %d has %d bytes, and had %d when it was sealed", s.First,
				s.Last, size, s.Size)
		}
	}
	for first := range found {
		if first > l.before+1 {
			return lost("the segment that is written to begins with record %d, and there is one that begins with "+
				"record %d", l.before+1, first)
		}
	}
	return nil
}

// unsealed checks, of a ledger that nobody else writes to, that it has all of the segment that a sealing has kept which
// did not come to its end. length is that of what is written to.
func (l *replay) unsealed(from source, length int64) error {
	found, err := from.Segments()
	if err != nil {
		return unusable("looking for its segments", err)
	}
	if size := found[l.before+1]; size > length {
		return lost("the segment that begins with record %d was sealed with %d bytes, and what is written to begins "+
			"with that record too and has %d", l.before+1, size, length)
	}
	return nil
}

// lost is a ledger of which a part is missing.
func lost(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s: restore the state directory from a copy", ErrUnusable, ErrLost,
		fmt.Sprintf(format, args...))
}

// all reads all segments, and proves what can be proved: each record, the chain across the segments, and that each
// snapshot is what the records before it give. A *TornError is about the last line of all.
func (l *replay) all(from source, located func(uint64, error) error, each func(Record) error) error {
	l.proof, l.read = true, []Segment{}
	last, err := from.Read() // opened first: what is sealed meanwhile is read as it was
	if err != nil {
		return unusable("reading it", err)
	}
	defer func() { _ = last.Close() }() // it was only read
	first, begun, err := firstOf(last)
	if err != nil {
		return located(0, err)
	}
	found, err := from.Segments()
	if err != nil {
		return unusable("looking for its segments", err)
	}
	for seq := range found {
		if seq >= first {
			delete(found, seq)
		}
	}
	for l.head.Seq+1 < first {
		seq := l.head.Seq + 1
		if _, there := found[seq]; !there {
			return lost("the segment that begins with record %d is missing", seq)
		}
		if err := l.older(from, seq, each); err != nil {
			return located(seq, err)
		}
	}
	_, err = l.segment(begun, each)
	if err == nil || isTorn(err) {
		if gone := l.complete(from); gone != nil {
			return gone
		}
	}
	return located(0, err)
}

// older reads a segment that was sealed.
func (l *replay) older(from source, first uint64, each func(Record) error) error {
	r, err := from.Segment(first)
	if err != nil {
		return unusable("reading it", err)
	}
	defer func() { _ = r.Close() }() // it was only read
	_, err = l.segment(r, each)
	if isTorn(err) {
		return l.damage(&flaw{reason: "is not complete, though the segment was sealed; " +
			"restore the state directory from a copy"})
	}
	if err == nil && l.head.Seq < first {
		return lost("the segment that begins with record %d is empty", first)
	}
	l.read = append(l.read, l.sealed())
	return err
}

// firstOf is the number of the first record of a segment, 1 if it has none, and the segment from its beginning. A first
// line that is no record is found out by who reads the segment.
func firstOf(segment io.Reader) (uint64, io.Reader, error) {
	var head bytes.Buffer
	line := make([]byte, 0, 4096)
	for !bytes.ContainsRune(line, '\n') && len(line) <= maxLine {
		n, err := io.CopyN(&head, segment, 4096)
		line = head.Bytes()
		if n == 0 || err != nil {
			if err != nil && !errors.Is(err, io.EOF) {
				return 0, nil, fmt.Errorf("%w: reading it at byte 0: %w", ErrUnusable, err)
			}
			break
		}
	}
	line, _, whole := bytes.Cut(line, []byte{'\n'})
	first := uint64(1)
	if p := parse(line); whole && p.flaw == nil {
		if _, ok := p.contents(); ok {
			first = p.Seq
		}
	}
	return first, io.MultiReader(bytes.NewReader(head.Bytes()), segment), nil
}

func isTorn(err error) bool {
	torn := new(TornError)
	return errors.As(err, &torn)
}
