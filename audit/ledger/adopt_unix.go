//go:build unix

package ledger

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// groupBits are those of a mode that say what the group may.
const groupBits fs.FileMode = 0o070

// adopt gives what root has just made in the directory dir to whom dir belongs, and lets dir's group do with it what it
// may do with dir: else a halt, or anything else that an administrator does before the first run, would leave files
// that the runs, as another user, can't write. What others make is theirs already. mode is what it was made with.
func adopt(f *os.File, dir string, mode fs.FileMode) error {
	if os.Geteuid() != 0 {
		return nil
	}
	above, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := above.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	uid, gid := int(owner.Uid), int(owner.Gid)
	if uid == 0 && gid == 0 {
		return nil
	}
	if err := f.Chown(uid, gid); err != nil {
		return &givingError{f.Name(), dir, uid, err}
	}
	if allowed := mode | above.Mode()&groupBits&groupOf(mode); allowed != mode {
		return f.Chmod(allowed)
	}
	return nil
}

// groupOf is what the group may do at most with what its owner may do so much with.
func groupOf(mode fs.FileMode) fs.FileMode { return mode >> 3 & groupBits }

// givingError is something that root has made and could not give away.
type givingError struct {
	path, dir string
	uid       int
	err       error
}

func (e *givingError) Error() string {
	return fmt.Sprintf("giving %s to the owner of %s: %v; do this as that user instead (sudo -u '#%d' …)", e.path,
		e.dir, e.err, e.uid)
}

func (e *givingError) Unwrap() error { return e.err }
