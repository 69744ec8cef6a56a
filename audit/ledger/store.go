package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Store is where the state of one org's runs is kept: the ledger itself, the emergency brake, the last complete
// listing, and the reports that are still to be delivered. It is a value: it holds nothing open, and two Stores of
// the same place are equal in all that they do. The zero value is no store: whatever is asked of it is an
// ErrUnusable.
//
// The only kind is a directory, of which all that is known is in directory.go. Another kind needs the same of its
// place: get, put (all of the new content or the old, whatever happens, and durable when it returns), keep (a copy
// will do where nothing can be renamed), remove and list for what has a name; a Disk for the records; and a way to
// ask for the lock.
type Store struct {
	name string // the directory, as it was given
}

// InDirectory is the store in the directory that is named. Open and SetHalt make it; the directory above must exist.
func InDirectory(name string) Store { return Store{name} }

// String is the name of the store for people; "" for none.
func (s Store) String() string { return s.name }

// directory is where s is.
func (s Store) directory() directory {
	if s.name == "" {
		return ""
	}
	return directory(filepath.Clean(s.name))
}

// Missing reports whether the store certainly isn't there yet.
func (s Store) Missing() bool {
	_, err := s.directory().exists()
	return errors.Is(err, fs.ErrNotExist)
}

// Exists reports whether the store is there, whatever it holds.
func (s Store) Exists() bool {
	isDirectory, err := s.directory().exists()
	return err == nil && isDirectory
}

// HasLedger reports whether there is a ledger in the store, in whatever condition.
func (s Store) HasLedger() bool {
	there, err := s.directory().has(ledgerFile)
	return err == nil && there
}

// place is the directory, or as long as it isn't there the one in which it will be made, with its name for people.
func (s Store) place() (d directory, name string) {
	d = s.directory()
	if s.name != "" && s.Missing() {
		d = directory(filepath.Dir(string(d)))
		return d, string(d)
	}
	return d, s.name
}

// FileSystem says what file system the store is on, or will be, and which directory was looked at for that.
func (s Store) FileSystem() (kind FileSystem, on string) {
	d, on := s.place()
	return d.fileSystem(), on
}

// Writable asks the system whether this process may write to the store, or make it in the directory above, without
// writing anything. It returns the directory that it asked about.
func (s Store) Writable() (on string, err error) {
	d, on := s.place()
	return on, d.writable()
}

// Open opens the ledger for writing, and makes it and the store if they don't exist. It takes the lock, verifies
// every record since the last snapshot, sets a torn last line aside, and begins a new segment if one is due. now is the
// clock for Record.Time.
//
// The error is an ErrLocked, an ErrDamaged (a *DamageError) or an ErrUnusable; but for what had to be
// created, nothing was changed then.
func (s Store) Open(now func() time.Time) (*Ledger, error) {
	d := s.directory()
	if err := d.make(); err != nil {
		return nil, err
	}
	l, err := s.OpenOn(&recordsFile{directory: d}, now)
	return l, d.located(err)
}

// OpenOn is Open with the records on another storage; all else is in the store. It closes d when it fails.
func (s Store) OpenOn(d Disk, now func() time.Time) (*Ledger, error) {
	l := &Ledger{store: s, disk: d, now: now}
	if err := l.open(); err != nil {
		_ = d.Close() // the first error says more
		return nil, err
	}
	return l, nil
}

// Read verifies the whole ledger, all its segments, without taking the lock or changing anything, and gives each record
// to each, whose error ends it and is returned; each may be nil. It doesn't give the records of snapshots, of which it
// proves that they say what the records before them give. The head is that of the last good record.
//
// A *DamageError, which is an ErrDamaged, names the first bad record, and comes after all good ones
// before it. A *TornError says that the last line is not complete: a crash left it so, or another process
// is just writing it. A ledger that doesn't exist is an ErrUnusable and an fs.ErrNotExist.
func (s Store) Read(each func(Record) error) (Head, error) {
	d := s.directory()
	if err := d.check(); err != nil {
		return Head{}, err
	}
	if err := d.checkLoss(); err != nil {
		return Head{}, err
	}
	l := new(replay)
	err := l.all(readOnly{d}, d.locatedIn, each)
	return l.head, err
}

// State verifies what a run reads, without taking the lock or changing anything: the last snapshot, the records after
// it, and that the segments before are there. It returns what the records amount to. The errors are those of Read.
func (s Store) State() (*State, Head, error) {
	d := s.directory()
	if err := d.check(); err != nil {
		return nil, Head{}, err
	}
	if err := d.checkLoss(); err != nil {
		return nil, Head{}, err
	}
	l := replay{chain: chain{inside: true}}
	f, err := readOnly{d}.Read()
	if err != nil {
		return nil, Head{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	_, err = l.segment(f, nil)
	if err == nil || isTorn(err) {
		if gone := l.complete(readOnly{d}); gone != nil {
			return nil, Head{}, gone
		}
	}
	return &l.state, l.head, d.located(err)
}

// errNoStore is the zero Store.
var errNoStore = fmt.Errorf("%w: there is no state directory", ErrUnusable)
