package ledger

import "io"

// Disk is what a ledger needs of its storage. Open keeps it in a directory; package ledgertest has one in
// memory that fails and crashes on demand.
type Disk interface {
	// Lock takes the exclusive right to write, until Close. If another has it, the error is an ErrLocked.
	Lock() error
	source
	// Write puts p, one or more whole lines, after what is stored, with one write. If it fails, any part of p may be
	// stored.
	Write(p []byte) error
	// Sync makes durable what was written. If it fails, any part of what was written since the last
	// Sync may be lost.
	Sync() error
	// SetAside stores p durably under a name of its own.
	SetAside(name string, p []byte) error
	// Seal makes what is stored a segment of its own, whose first record has the number first, and puts what begin
	// writes in its place, at once and durably: whatever happens, Read opens the one or the other, and once it is the
	// other, Segment opens the one. A segment of that number that is there is of a sealing that did not come to its
	// end.
	Seal(first uint64, begin func(io.Writer) error) error
	// Truncate cuts what is stored since the last Seal down to size bytes, durably.
	Truncate(size int64) error
	// Sign puts text into the lock, in place of what it says, durably; Signature is what it says now, whoever wrote
	// that. Both are for who has the lock.
	Sign(text []byte) error
	Signature() ([]byte, error)
	// Close releases the lock.
	Close() error
}
