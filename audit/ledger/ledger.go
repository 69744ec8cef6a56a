package ledger

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Head names the last record of a ledger, and with it all records before. The zero value is the head of
// an empty ledger.
type Head struct {
	// Seq is the number of the record.
	Seq uint64
	// Hash is the SHA-256 of its line without the newline, in hex.
	Hash string
}

// String is the short form for people: the number and the first 12 digits of the hash, "0" if empty.
func (h Head) String() string {
	if h.Seq == 0 {
		return "0"
	}
	return strconv.FormatUint(h.Seq, 10) + ":" + h.Hash[:min(12, len(h.Hash))]
}

// Ledger is a ledger that is open for writing. It is for one goroutine at a time.
type Ledger struct {
	replay
	store  Store // of everything besides the records
	disk   Disk
	now    func() time.Time
	poison error       // why nothing more is written
	holder holder      // who has it open
	signed []byte      // what the lock file says, unless another has it too
	doubt  func() bool // whether the clock is in doubt; nil if it isn't
}

// Store is where the ledger is, and the rest of the state with it.
func (l *Ledger) Store() Store { return l.store }

// State is what the records amount to, as of the last Append. It belongs to the ledger: it is the same
// value each time, Append changes it, and nobody else may.
func (l *Ledger) State() *State { return &l.state }

// Head names the last record.
func (l *Ledger) Head() Head { return l.head }

// Latest is that of State.
func (l *Ledger) Latest() time.Time { return l.state.latest }

// Close releases the lock. Nothing can be appended after it.
func (l *Ledger) Close() error {
	if l.poison == nil {
		l.poison = fmt.Errorf("%w: it was closed", ErrPoisoned)
	}
	return l.disk.Close()
}

// Actions are what a plan of State would do. They are read from the ledger: it may be long ago that it was made.
func (l *Ledger) Actions(plan PlanRecord) ([]Action, error) {
	open := l.disk.Read
	for _, s := range l.segments {
		if s.First <= plan.Seq && plan.Seq <= s.Last {
			open = func() (io.ReadCloser, error) { return l.disk.Segment(s.First) }
		}
	}
	from, err := open()
	if err != nil {
		return nil, unusable("reading a plan in it", err)
	}
	defer func() { _ = from.Close() }() // it was only read
	var actions []Action
	parts, whole := uint64(0), false
	c := chain{inside: true}
	_, err = c.verify(from, func(r Record) error {
		switch {
		case r.Seq+plan.Parts < plan.Seq:
			return nil
		case r.Seq < plan.Seq && r.Kind == Planning, r.Seq == plan.Seq && r.Kind == Planned:
			actions = append(actions, r.Actions...)
		default:
			return errFound
		}
		if r.Seq == plan.Seq {
			whole = parts == plan.Parts
			return errFound
		}
		parts++
		return nil
	})
	switch {
	case whole:
		return actions, nil
	case err == nil, errors.Is(err, errFound):
		err = lost("the plan in record %d is missing", plan.Seq)
	}
	return nil, err
}

// errFound ends a reading that has found what it looked for, or that it isn't there.
var errFound = errors.New("found")
