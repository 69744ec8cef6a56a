package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
)

// maxHolder bounds what is read of who has the lock, in bytes.
const maxHolder = 4 << 10

// holder is who has the ledger open for writing. The lock file says so: where the file system keeps locks to one
// machine, two may have the lock, and the one that was there first finds the other's name.
type holder struct {
	// Host is the name of the machine, Process a number of the process on it.
	Host    string `json:"host"`
	Process int    `json:"process"`
	// Run is the id of the run, "" before one has begun.
	Run string `json:"run,omitempty"`
	// Mark differs for each opening.
	Mark string `json:"mark"`
}

// String names the holder to people.
func (h holder) String() string {
	run := h.Run
	if run == "" {
		run = "that has not begun"
	}
	return fmt.Sprintf("the run %q on the host %q, process %d", run, h.Host, h.Process)
}

// hold writes into the lock file who has the ledger. What it says of earlier holders is void: they are gone, or have
// no business there.
func (l *Ledger) hold(run string) error {
	if l.holder.Mark == "" {
		host, _ := os.Hostname() // "" if it has none
		l.holder = holder{Host: host, Process: os.Getpid(), Mark: rand.Text()}
	}
	l.holder.Run = run
	text, err := json.Marshal(l.holder)
	if err != nil {
		return err
	}
	l.signed = text
	if err := l.disk.Sign(l.signed); err != nil {
		return unusable("writing into its lock who has it", err)
	}
	return nil
}

// Claim writes the id of the run that begins into the lock file. The errors are those of Append.
func (l *Ledger) Claim(run string) error {
	if err := l.alone(); err != nil {
		return err
	}
	return l.hold(run)
}

// alone finds out whether the lock file still names who has this ledger open. Else another has opened it for writing
// although this one has the lock: the error is an ErrLocked, and nothing more is written, since the other writes.
func (l *Ledger) alone() error {
	if l.poison != nil {
		return l.poison
	}
	text, err := l.disk.Signature()
	if err != nil {
		return unusable("reading from its lock who has it", err)
	}
	if bytes.Equal(text, l.signed) {
		return nil
	}
	var found holder
	_ = json.Unmarshal(text, &found) // what can't be read is somebody else's, too
	l.poison = fmt.Errorf("%w: %w, though this run has it too: %v, by what the lock file says; locks don't hold on "+
		"this file system, so that the state needs a disk that "+
		"only one machine mounts", ErrPoisoned, ErrLocked, found)
	return l.poison
}
