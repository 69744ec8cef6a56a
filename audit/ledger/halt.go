package ledger

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// haltFile is the emergency brake. It is a file of its own, since it must work while a run holds the lock.
const haltFile = "halt"

// maxHalt bounds what is read of the halt file, in bytes.
const maxHalt = 64 << 10

// HaltNote is what the halt file says. That it exists is what halts; everything in it is for people.
type HaltNote struct {
	// Reason is why, or what is wrong with the file; never empty.
	Reason string `json:"reason"`
	// By is who pulled the brake, "" if the file doesn't say.
	By string `json:"by,omitempty"`
	// At is when, in UTC; zero if the file doesn't say.
	At time.Time `json:"at,omitzero"`
}

// SetHalt pulls the emergency brake of the state directory dir, which it makes if it doesn't exist: from
// when it returns without an error, Halted returns a note, after a crash as well. It needs no lock. A
// brake that is pulled already gets the new note. The error is an ErrUnusable.
func SetHalt(dir, reason, by string, at time.Time) error {
	dir = filepath.Clean(dir)
	if err := makeDirectory(dir); err != nil {
		return err
	}
	text, err := json.Marshal(HaltNote{Reason: reason, By: by, At: at.UTC().Truncate(time.Millisecond)})
	if err != nil {
		return unusable("writing the halt file in "+dir, err)
	}
	err = replaceFile(dir, haltFile, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return unusable("writing the halt file in "+dir, err)
	}
	return nil
}

// ClearHalt releases the emergency brake, durably. It does nothing if it was not pulled. The error is an
// ErrUnusable; the brake may be released or not then.
func ClearHalt(dir string) error {
	err := os.Remove(filepath.Join(filepath.Clean(dir), haltFile))
	if errors.Is(err, fs.ErrNotExist) {
		return checkDirectory(filepath.Clean(dir))
	}
	if err == nil {
		err = syncDirectory(filepath.Clean(dir))
	}
	if err != nil {
		return unusable("removing the halt file", err)
	}
	return nil
}

// Halted returns nil and nil if the directory certainly exists and the halt file in it certainly does not.
// Everything else means halted: a note, if there is a file, though it be empty or no note at all; or an
// error, an ErrUnusable, if nobody can tell.
func Halted(dir string) (*HaltNote, error) {
	dir = filepath.Clean(dir)
	path := filepath.Join(dir, haltFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, checkDirectory(dir)
	} else if err != nil {
		return nil, unusable("looking for the halt file", err)
	}
	f, _, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, unusable("opening the halt file", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxHalt))
	if err != nil {
		return nil, unusable("reading the halt file", err)
	}
	note := new(HaltNote)
	if json.Unmarshal(text, note) != nil || note.Reason == "" {
		return &HaltNote{Reason: path + " exists, and gives no reason that can be read"}, nil
	}
	return note, nil
}
