package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
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

// directory is a Disk in a directory. The lock is on a file of its own that is never removed: a lock on a
// file that is removed and made anew excludes nobody.
type directory struct {
	path       string
	lock, file *os.File // nil before Lock
}

// openDirectory makes the directory if it doesn't exist.
func openDirectory(path string) (*directory, error) {
	path = filepath.Clean(path)
	if err := makeDirectory(path); err != nil {
		return nil, err
	}
	return &directory{path: path}, nil
}

// makeDirectory makes sure that path is a directory that can be trusted. The one above must exist: a
// volume that was not mounted must not be mistaken for a ledger that is new.
func makeDirectory(path string) error {
	switch err := os.Mkdir(path, dirMode); {
	case err == nil:
		if err := adoptDirectory(path); err != nil {
			return unusable("creating the state directory "+path, err)
		}
		if err := syncDirectory(filepath.Dir(path)); err != nil {
			return unusable("creating the state directory "+path, err)
		}
	case !errors.Is(err, fs.ErrExist):
		return unusable("creating the state directory", err)
	}
	return checkDirectory(path)
}

// adoptDirectory is adopt of a directory that was just made, which goes away again if that fails.
func adoptDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing was written to it
	if err := adopt(d, filepath.Dir(path), dirMode); err != nil {
		_ = os.Remove(path) // the first error says more
		return err
	}
	return nil
}

// checkDirectory refuses what is no directory, or one that anybody may change.
func checkDirectory(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return unusable("looking at the state directory", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: the state directory %s is a symbolic link: name the directory itself", ErrUnusable, path)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory: name a directory for the state", ErrUnusable, path)
	case info.Mode()&worldWritable != 0:
		return fmt.Errorf("%w: anybody may write to the state directory %s: chmod o-w it, or name a directory below it",
			ErrUnusable, path)
	}
	return nil
}

// Holds reports whether the directory dir has a ledger in it, in whatever condition.
func Holds(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ledgerFile))
	return err == nil
}

// openFile opens a file of the state directory, or makes it if flag has os.O_CREATE, which made tells. It
// refuses what is no regular file, or one that anybody may change.
func openFile(path string, flag int) (f *os.File, made bool, err error) {
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
			err = adopt(f, filepath.Dir(path), fileMode)
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
		return fmt.Errorf("%w: anybody may write to %s: chmod o-w it, after making sure that nobody did", ErrUnusable,
			path)
	}
	return nil
}

// checkLoss refuses a state directory that has lost its records: with none of them, notices, spent budgets and open
// changes would be forgotten in silence. A listing is only ever stored after a record.
func checkLoss(dir string) error {
	path := filepath.Join(dir, ledgerFile)
	info, err := os.Lstat(path)
	if !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Size() > 0) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, inventoryFile)); err != nil {
		return nil
	}
	return fmt.Errorf(
		"%w: %w: %s is missing or empty, though there is a %s beside it: restore it from a copy, or move "+
			"the whole directory away to begin anew", ErrUnusable, ErrLost, path, inventoryFile)
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

func (d *directory) Lock() error {
	lock, madeLock, err := openFile(filepath.Join(d.path, lockFile), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return unusable("opening its lock", err)
	}
	d.lock = lock
	if err := flock(lock); err != nil {
		return err
	}
	if err := checkLoss(d.path); err != nil {
		return err
	}
	file, madeFile, err := openFile(filepath.Join(d.path, ledgerFile), os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return unusable("opening it", err)
	}
	d.file = file
	if madeLock || madeFile {
		if err := syncDirectory(d.path); err != nil {
			return unusable("creating it in "+d.path, err)
		}
	}
	return nil
}

func (d *directory) Read() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(d.file, 0, math.MaxInt64)), nil
}

func (d *directory) Write(p []byte) error {
	_, err := d.file.Write(p)
	return err
}

func (d *directory) Sync() error { return d.file.Sync() }

func (d *directory) SetAside(name string, p []byte) error {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	if err == nil {
		err = adopt(f, d.path, fileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = syncDirectory(d.path)
	}
	return err
}

func (d *directory) Truncate(size int64) error {
	if err := d.file.Truncate(size); err != nil {
		return err
	}
	return d.file.Sync()
}

// Sign writes into the lock file itself, which is never replaced.
func (d *directory) Sign(text []byte) error {
	if _, err := d.lock.WriteAt(text, 0); err != nil {
		return err
	}
	if err := d.lock.Truncate(int64(len(text))); err != nil {
		return err
	}
	return d.lock.Sync()
}

// Signature opens the lock file anew: on NFS an opening sees what other machines have written.
func (d *directory) Signature() ([]byte, error) {
	f, _, err := openFile(filepath.Join(d.path, lockFile), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, maxHolder))
}

// Close closes both files; the lock goes with its file.
func (d *directory) Close() error {
	var errs []error
	for _, f := range []*os.File{d.file, d.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	d.file, d.lock = nil, nil
	return errors.Join(errs...)
}

// Read verifies the ledger in the directory dir without taking the lock or changing anything, and gives
// each record to each, whose error ends it and is returned. The head is that of the last good record.
//
// A *DamageError, which is an ErrDamaged, names the first bad record, and comes after all good ones
// before it. A *TornError says that the last line is not complete: a crash left it so, or another process
// is just writing it. A ledger that doesn't exist is an ErrUnusable and an fs.ErrNotExist.
func Read(dir string, each func(Record) error) (Head, error) {
	dir = filepath.Clean(dir)
	if err := checkDirectory(dir); err != nil {
		return Head{}, err
	}
	if err := checkLoss(dir); err != nil {
		return Head{}, err
	}
	f, _, err := openFile(filepath.Join(dir, ledgerFile), os.O_RDONLY)
	if err != nil {
		return Head{}, unusable("opening it", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	head, err := ReadFrom(f, each)
	return head, located(dir, err)
}

// located says in which file the damage or the torn line is.
func located(dir string, err error) error {
	var torn *TornError
	if errors.Is(err, ErrDamaged) || errors.As(err, &torn) {
		return fmt.Errorf("%s: %w", filepath.Join(dir, ledgerFile), err)
	}
	return err
}

// ReadFrom is Read on the content of a ledger.
func ReadFrom(r io.Reader, each func(Record) error) (Head, error) {
	var c chain
	_, err := c.verify(r, each)
	return c.head, err
}
