package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The names in a state directory, besides torn-….
const (
	ledgerFile = "ledger.jsonl"
	lockFile   = "lock"
)

// Others may neither read nor write what is created here. Group bits that are there already are accepted:
// Kubernetes sets them where a pod has an fsGroup.
const (
	dirMode       fs.FileMode = 0o700
	fileMode      fs.FileMode = 0o600
	worldWritable fs.FileMode = 0o002
)

// directory is the place of a Store on a disk: a directory, by its clean path; "" for none.
type directory string

// path is where the file of that name is.
func (d directory) path(name string) string { return filepath.Join(string(d), name) }

// exists says whether the directory is there and is one. The error is that of os.Stat.
func (d directory) exists() (isDirectory bool, err error) {
	info, err := os.Stat(string(d))
	return err == nil && info.IsDir(), err
}

// make makes sure that it is a directory that can be trusted, and makes it if it isn't there. The one above must
// exist: a volume that was not mounted must not be mistaken for a ledger that is new.
func (d directory) make() error {
	if d == "" {
		return errNoStore
	}
	switch err := os.Mkdir(string(d), dirMode); {
	case err == nil:
		if err := d.adopt(); err != nil {
			return unusable("creating the state directory "+string(d), err)
		}
		if err := syncDirectory(filepath.Dir(string(d))); err != nil {
			return unusable("creating the state directory "+string(d), err)
		}
	case !errors.Is(err, fs.ErrExist):
		return unusable("creating the state directory", err)
	}
	return d.check()
}

// adopt is adopt of the directory, which was just made and goes away again if that fails.
func (d directory) adopt() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written to it
	if err := adopt(f, filepath.Dir(string(d)), dirMode); err != nil {
		_ = os.Remove(string(d)) // the first error says more
		return err
	}
	return nil
}

// check refuses what is no directory, or one that anybody may change.
func (d directory) check() error {
	if d == "" {
		return errNoStore
	}
	info, err := os.Lstat(string(d))
	switch {
	case err != nil:
		return unusable("looking at the state directory", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: the state directory %s is a symbolic link: name the directory itself", ErrUnusable, d)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory: name a directory for the state", ErrUnusable, d)
	case info.Mode()&worldWritable != 0:
		return fmt.Errorf("%w: anybody may write to the state directory %s: chmod o-w it, or name a directory below it",
			ErrUnusable, d)
	}
	return nil
}

// has reports whether there is a file of that name, of whatever kind.
func (d directory) has(name string) (bool, error) {
	if d == "" {
		return false, errNoStore
	}
	_, err := os.Lstat(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// get returns what the file holds. It doesn't look at who may write it: what it holds has to be checked.
func (d directory) get(name string) ([]byte, error) {
	if d == "" {
		return nil, errNoStore
	}
	return os.ReadFile(d.path(name))
}

// read lets the content of a file be read, which is checked as little as that of get.
func (d directory) read(name string, all func(io.Reader) error) error {
	if d == "" {
		return errNoStore
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written to it
	return all(f)
}

// open opens a file that can be trusted, or makes it if flag has os.O_CREATE, which made tells. It refuses what is no
// regular file, or one that anybody may change.
func (d directory) open(name string, flag int) (f *os.File, made bool, err error) {
	if d == "" {
		return nil, false, errNoStore
	}
	path := d.path(name)
	for range 3 { // another process may make it, or replace it, between the look and the opening
		info, err := os.Lstat(path)
		made := errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0
		if err != nil && !made {
			return nil, false, err
		}
		if err == nil {
			if err := checkFile(path, info); err != nil {
				return nil, false, err
			}
		}
		exclusive := flag &^ os.O_CREATE
		if made {
			exclusive = flag | os.O_EXCL
		}
		f, err := os.OpenFile(path, exclusive, fileMode)
		if made && errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		opened, err := f.Stat()
		if err == nil && made {
			err = adopt(f, string(d), fileMode)
			if err == nil {
				return f, true, nil
			}
			_ = f.Close()
			_ = os.Remove(path) // it is empty, and the first error says more
			return nil, false, err
		}
		if err == nil && os.SameFile(info, opened) {
			return f, false, nil
		}
		_ = f.Close() // nothing was done with it
	}
	return nil, false, fmt.Errorf("%s is replaced again and again: find out by whom", path)
}

// checkFile refuses what is no regular file, or one that anybody may change.
func checkFile(path string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: %s is a symbolic link: put the file itself there", ErrUnusable, path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file: move it away", ErrUnusable, path)
	case info.Mode()&worldWritable != 0:
		return fmt.Errorf("%w: anybody may write to %s: chmod o-w it, after making sure that nobody did",
			ErrUnusable, path)
	}
	return nil
}

// put writes a file, or another in its place, at once and durably: after a crash it is the old or the new, never a
// part of one.
func (d directory) put(name string, write func(io.Writer) error) error {
	if d == "" {
		return errNoStore
	}
	f, err := d.draft(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		drop(f)
		return err
	}
	return d.replace(name, f)
}

// draft makes a file of which replace makes the one of that name, and drop nothing.
func (d directory) draft(name string) (*os.File, error) {
	return os.CreateTemp(string(d), "."+name+".*") // mode 0600
}

// drop removes a draft.
func drop(f *os.File) {
	_ = f.Close()           // a second time does no harm
	_ = os.Remove(f.Name()) // what stays is discarded later
}

// replace puts a draft in the place of the file of that name, durably. A draft that can't be put there is dropped.
func (d directory) replace(name string, f *os.File) (err error) {
	defer func() {
		if err != nil {
			drop(f)
		}
	}()
	if err := adopt(f, string(d), fileMode); err != nil && name != haltFile { // the brake brakes whosever it is
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.path(name)); err != nil {
		return err
	}
	return syncDirectory(string(d))
}

// keep gives what name holds to another name, in place of what that held. The next put to either name makes it
// durable.
func (d directory) keep(name, as string) error { return os.Rename(d.path(name), d.path(as)) }

// remove removes a file, durably.
func (d directory) remove(name string) error {
	if d == "" {
		return errNoStore
	}
	if err := os.Remove(d.path(name)); err != nil {
		return err
	}
	return syncDirectory(string(d))
}

// list returns the names of all files, those among them that a put which crashed has left: a dot, the name that it was
// to write, another dot, and more. A directory that can't be read has none.
func (d directory) list() (names []string) {
	entries, _ := os.ReadDir(string(d))
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// discard removes the files whose names are meant, not durably: what can't be removed, or comes back, only takes space.
func (d directory) discard(meant func(name string) bool) {
	if d == "" {
		return
	}
	for _, name := range d.list() {
		if meant(name) {
			_ = os.Remove(d.path(name))
		}
	}
}

// syncDirectory makes durable which files the directory has.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	_ = d.Close() // it was only read
	return err
}
