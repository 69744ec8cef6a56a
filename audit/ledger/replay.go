package ledger

import (
	"fmt"
	"io"
	"slices"
)

// replay makes of the lines of a ledger what they amount to.
type replay struct {
	chain
	state    State
	segments []Segment // that were sealed, by the last snapshot or as they were read
	proof    bool      // each snapshot is compared with what the records before it give

	begins   bool      // no record of the segment was read yet
	snapshot int64     // where the snapshot ends with which the segment begins, 0 for none
	opened   Record    // the first record of the segment, without its State
	sections []string  // of the snapshot that is being read
	past     *State    // what the records before it give; nil where that isn't compared
	read     []Segment // as they were read
}

// segment reads a segment from its first line. Each record is given to each, but for those of snapshots, which give
// nothing new; each may be nil.
func (l *replay) segment(r io.Reader, each func(Record) error) (torn []byte, err error) {
	l.turn()
	l.begins, l.snapshot, l.opened = true, 0, Record{}
	torn, err = l.verify(r, func(rec Record) error {
		if err := l.take(rec); err != nil || rec.Kind == InForce || each == nil {
			return err
		}
		return each(rec)
	})
	if l.state.loading != nil && (err == nil || torn != nil) { // a snapshot is put in place whole
		return nil, l.damage(&flaw{reason: "is missing, and with it a part of the snapshot; " +
			"restore the state directory from a copy"})
	}
	return torn, err
}

// take takes in a record that follows.
func (l *replay) take(r Record) error {
	if l.begins {
		l.begins, l.opened = false, r
		l.opened.State = nil
	}
	if r.Kind != InForce {
		if l.state.loading != nil {
			return l.wrong(&r, "stands in the midst of a snapshot")
		}
		l.state.Apply(r)
		return nil
	}
	if err := l.opening(&r); err != nil {
		return err
	}
	if err := l.state.load(&r); err != nil {
		return l.wrong(&r, "is out of place: "+err.Error())
	}
	if l.state.loading != nil {
		return nil
	}
	l.snapshot = l.offset
	past := l.past
	l.past = nil
	if past == nil {
		return nil
	}
	if name := l.state.differs(past, l.sections); name != "" {
		return l.wrong(&r, fmt.Sprintf("ends a snapshot that is not what the records before it give (%s)", name))
	}
	return nil
}

// opening takes in the first record of a snapshot, if it is one.
func (l *replay) opening(r *Record) error {
	c, ok := r.contents()
	if !ok {
		return nil
	}
	if l.state.loading != nil {
		return l.wrong(r, "stands in the midst of a snapshot")
	}
	if l.proof && l.read != nil && !slices.Equal(l.read, c.Segments) {
		return l.wrong(r, "names other segments than there are")
	}
	l.segments, l.sections, l.past = c.Segments, c.Sections, nil
	if l.proof {
		past := l.state
		l.past = &past
	}
	return nil
}

// wrong is the error for a record that was read, and that doesn't fit the others.
func (l *replay) wrong(r *Record, what string) error {
	return &DamageError{Line: int(r.Seq - l.before), Offset: l.offset, Seq: r.Seq, Reason: what +
		"; restore the state directory from a copy"}
}

// sealed is the segment that was just read.
func (l *replay) sealed() Segment {
	return Segment{First: l.before + 1, Last: l.head.Seq, Size: l.offset, Hash: l.head.Hash}
}
