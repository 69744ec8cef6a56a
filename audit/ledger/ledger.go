package ledger

import (
	"fmt"
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
	chain
	disk   Disk
	now    func() time.Time
	state  State
	poison error       // why nothing more is written
	holder holder      // who has it open
	signed []byte      // what the lock file says, unless another has it too
	doubt  func() bool // whether the clock is in doubt; nil if it isn't
}

// Open opens the ledger in the directory dir for writing, and makes both if they don't exist; the
// directory above must. It takes the lock, verifies every record, and sets a torn last line aside.
// now is the clock for Record.Time.
//
// The error is an ErrLocked, an ErrDamaged (a *DamageError) or an ErrUnusable; but for what had to be
// created, nothing was changed then.
func Open(dir string, now func() time.Time) (*Ledger, error) {
	d, err := openDirectory(dir)
	if err != nil {
		return nil, err
	}
	l, err := OpenOn(d, now)
	return l, located(d.path, err)
}

// OpenOn is Open on another storage. It closes d when it fails.
func OpenOn(d Disk, now func() time.Time) (*Ledger, error) {
	l := &Ledger{disk: d, now: now}
	if err := l.open(); err != nil {
		_ = d.Close() // the first error says more
		return nil, err
	}
	return l, nil
}

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
