package ledger

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
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

// SetHalt pulls the emergency brake of the store, which it makes if it doesn't exist: from
// when it returns without an error, Halted returns a note, after a crash as well. It needs no lock. A
// brake that is pulled already gets the new note. The error is an ErrUnusable.
func (s Store) SetHalt(reason, by string, at time.Time) error {
	d := s.directory()
	if err := d.make(); err != nil {
		return err
	}
	text, err := json.Marshal(HaltNote{Reason: reason, By: by, At: at.UTC().Truncate(time.Millisecond)})
	if err != nil {
		return unusable("writing the halt file in "+string(d), err)
	}
	err = d.put(haltFile, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return unusable("writing the halt file in "+string(d), err)
	}
	return nil
}

// ClearHalt releases the emergency brake, durably. It does nothing if it was not pulled. The error is an
// ErrUnusable; the brake may be released or not then.
func (s Store) ClearHalt() error {
	d := s.directory()
	err := d.remove(haltFile)
	if errors.Is(err, fs.ErrNotExist) {
		return d.check()
	}
	if err != nil {
		return unusable("removing the halt file", err)
	}
	return nil
}

// Halted returns nil and nil if the store certainly exists and the halt file in it certainly does not.
// Everything else means halted: a note, if there is a file, though it be empty or no note at all; or an
// error, an ErrUnusable, if nobody can tell.
func (s Store) Halted() (*HaltNote, error) {
	d := s.directory()
	switch there, err := d.has(haltFile); {
	case err != nil:
		return nil, unusable("looking for the halt file", err)
	case !there:
		return nil, d.check()
	}
	f, _, err := d.open(haltFile, os.O_RDONLY)
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
		return &HaltNote{Reason: d.path(haltFile) + " exists, and gives no reason that can be read"}, nil
	}
	return note, nil
}
