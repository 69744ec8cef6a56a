package ledger

import (
	"context"
	"errors"
	"os"
	"time"
)

// waitFile is a file that is locked by who waits for the lock of the ledger, and holds nothing. That the lock is held
// is what counts: it ends with the process, so that nobody who died is waited for.
const waitFile = "waiting"

// waitStep is how long a waiter sleeps between two tries.
const waitStep = 100 * time.Millisecond

// OpenWaiting is Open for a person who can't wait until another run has come to its end: while one holds the lock, it
// is asked to give way (Awaited), and has patience to do so. Then, or when ctx ends, the error is an ErrLocked. told,
// if not nil, is called once before the waiting begins.
func (s Store) OpenWaiting(
	ctx context.Context, now func() time.Time, patience time.Duration, told func(),
) (*Ledger, error) {
	l, err := s.Open(now)
	if !errors.Is(err, ErrLocked) {
		return l, err
	}
	if told != nil {
		told()
	}
	f, _, asks := s.directory().open(waitFile, os.O_RDWR|os.O_CREATE)
	if asks == nil {
		defer func() { _ = unlock(f) }() // which ends the asking
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	asked := false
	for errors.Is(err, ErrLocked) {
		if !asked && asks == nil { // it may be asked already, or looked at just now
			asked = flock(f) == nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(waitStep):
		}
		l, err = s.Open(now)
	}
	return l, err
}

// Awaited reports whether somebody waits for the lock of the ledger. What can't be told is nobody.
func (s Store) Awaited() bool {
	f, _, err := s.directory().open(waitFile, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer func() { _ = unlock(f) }() // nothing was done with it
	return errors.Is(flockShared(f), ErrLocked)
}
