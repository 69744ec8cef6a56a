//go:build unix && !aix && !solaris

package ledger

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// flock takes the exclusive lock on f, which ends by unlock or when the process ends. It doesn't wait.
// It also excludes a second opening by the same process, which POSIX record locks don't.
func flock(f *os.File) error { return flockAs(f, syscall.LOCK_EX) }

// flockShared takes a lock on f that excludes only the exclusive one.
func flockShared(f *os.File) error { return flockAs(f, syscall.LOCK_SH) }

// unlock ends the lock on f and closes f. Closing alone would not do: a child process has the descriptor too, from its
// fork to its exec.
func unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func flockAs(f *os.File, how int) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("%w: wait until it has ended; the lock is on %s", ErrLocked, f.Name())
		default:
			return fmt.Errorf("%w: locking %s: %w; put the state on a file system that supports flock", ErrUnusable,
				f.Name(), err)
		}
	}
}
