package ledger

import (
	"errors"
	"fmt"
)

// fault is what the errors of this package are made of, so that IsError knows them.
type fault struct{ text string }

// Error is the text.
func (f *fault) Error() string { return f.text }

// sentinel makes a kind of error. All of this package's are made by it, but for ErrNoInventory and ErrNoParcel, which
// say that a copy is gone that the ledger itself does without.
func sentinel(text string) error { return &fault{text} }

// IsError reports whether err is about a ledger: what keeps it from being opened, read or written, whatever that is.
func IsError(err error) bool {
	var f *fault
	var torn *TornError
	return errors.As(err, &f) || errors.As(err, &torn) || errors.Is(err, ErrDamaged)
}

// What can be wrong with a ledger.
var (
	// ErrLocked is a ledger that another run has open for writing.
	ErrLocked = sentinel("another run holds the lock of the ledger")
	// ErrUnusable is a state directory or a file of it that is missing, can't be read or written, or is
	// not what it should be. The cause is wrapped as well.
	ErrUnusable = sentinel("the ledger can't be used")
	// ErrLost is a state directory whose ledger is missing or empty though it once had records. It is an ErrUnusable
	// too.
	ErrLost = sentinel("its records are lost")
	// ErrDamaged is a ledger whose content is not what was written to it. The error is a *DamageError.
	ErrDamaged = sentinel("the ledger is damaged")
	// ErrPoisoned is a ledger that was closed, or to which a write failed: nobody knows what is on the
	// disk then, and nothing more is written until it has been opened anew.
	ErrPoisoned = sentinel("the ledger takes no more records")
	// ErrRefused is a record that makes no sense, or is too long. Nothing was written.
	ErrRefused = sentinel("the ledger does not take this record")
	// ErrClock is a record that later times would be judged by, while the clock is in doubt. It is an ErrRefused too.
	ErrClock = sentinel("the clock is in doubt, and later times would be judged by this one")
	// ErrOtherOrg is a run of another org than the ledger's. It is an ErrRefused too.
	ErrOtherOrg = sentinel("the ledger is of another org")
)

// DamageError is the first bad record of a ledger. It is an ErrDamaged.
type DamageError struct {
	// Line is the number of the line, from 1.
	Line int
	// Offset is the byte at which the line begins, from 0.
	Offset int64
	// Seq is the sequence number that the record should have.
	Seq uint64
	// Reason says what is wrong, and what to do.
	Reason string
	// Newer says that the line is whole and that this version doesn't understand it.
	Newer bool
}

// Error names the line, its place, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: line %d, which begins at byte %d and should be record %d, %s",
		ErrDamaged, e.Line, e.Offset, e.Seq, e.Reason)
}

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// TornError is a last line without a newline: what a crash in mid-write leaves, or what Read finds while
// another process is writing. All records before it are sound. It is no ErrDamaged: Open sets such a
// line aside.
type TornError struct {
	// Offset is the byte at which the line begins, from 0.
	Offset int64
	// Seq is the sequence number that the record should have.
	Seq uint64
	// Bytes is the length of what is there of the line.
	Bytes int
}

// Error names the line and its place.
func (e *TornError) Error() string {
	return fmt.Sprintf("the last line of the ledger, at byte %d, ends after %d bytes without a newline: "+
		"record %d was not written to the end; the next run that writes sets it aside", e.Offset, e.Bytes, e.Seq)
}
