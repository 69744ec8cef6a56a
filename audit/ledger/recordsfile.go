package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// recordsFile is a Disk in a directory. The lock is on a file of its own that is never removed: a lock on a
// file that is removed and made anew excludes nobody.
type recordsFile struct {
	directory
	lock, file *os.File // nil before Lock
}

// records opens the file of the records for reading.
func (d directory) records() (*os.File, error) {
	f, _, err := d.open(ledgerFile, os.O_RDONLY)
	if err != nil {
		return nil, unusable("opening it", err)
	}
	return f, nil
}

// checkLoss refuses a state directory that has lost its records: with none of them, notices, spent budgets and open
// changes would be forgotten in silence. A listing is only ever stored after a record.
func (d directory) checkLoss() error {
	info, err := os.Lstat(d.path(ledgerFile))
	if !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Size() > 0) {
		return nil
	}
	beside := ""
	if listed, err := d.has(inventoryFile); err == nil && listed {
		beside = inventoryFile
	} else if sealed, err := d.Segments(); err == nil && len(sealed) > 0 {
		beside = segmentFile(slices.Min(slices.Collect(maps.Keys(sealed))))
	}
	if beside == "" {
		return nil
	}
	return fmt.Errorf("%w: %w: %s is missing or empty, though there is a %s beside it: restore it from a copy, "+
		"or move the whole directory away to begin anew", ErrUnusable, ErrLost, d.path(ledgerFile), beside)
}

// located says in which file the damage or the torn line is.
func (d directory) located(err error) error { return d.locatedIn(0, err) }

// locatedIn is located in the segment that begins with that record; 0 is the one that is written to.
func (d directory) locatedIn(first uint64, err error) error {
	if !errors.Is(err, ErrDamaged) && !isTorn(err) {
		return err
	}
	name := ledgerFile
	if first > 0 {
		name = segmentFile(first)
	}
	return fmt.Errorf("%s: %w", d.path(name), err)
}

// Lock takes the lock, and opens the file of the records or makes it.
func (d *recordsFile) Lock() error {
	lock, madeLock, err := d.open(lockFile, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return unusable("opening its lock", err)
	}
	d.lock = lock
	if err := flock(lock); err != nil {
		return err
	}
	if err := d.checkLoss(); err != nil {
		return err
	}
	file, madeFile, err := d.open(ledgerFile, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return unusable("opening it", err)
	}
	d.file = file
	d.discard(func(name string) bool { // what crashes left
		return strings.HasPrefix(name, "."+ledgerFile+".") || strings.HasPrefix(name, "."+segmentPrefix)
	})
	if madeLock || madeFile {
		if err := syncDirectory(string(d.directory)); err != nil {
			return unusable("creating it in "+string(d.directory), err)
		}
	}
	return nil
}

// Read opens the records.
func (d *recordsFile) Read() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(d.file, 0, math.MaxInt64)), nil
}

// Write puts p at the end.
func (d *recordsFile) Write(p []byte) error {
	_, err := d.file.Write(p)
	return err
}

// Sync makes durable what was written.
func (d *recordsFile) Sync() error { return d.file.Sync() }

// SetAside stores p in a file of its own.
func (d *recordsFile) SetAside(name string, p []byte) error {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	if err == nil {
		err = adopt(f, string(d.directory), fileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = syncDirectory(string(d.directory))
	}
	return err
}

// Truncate cuts the end off.
func (d *recordsFile) Truncate(size int64) error {
	if err := d.file.Truncate(size); err != nil {
		return err
	}
	return d.file.Sync()
}

// Sign writes into the lock file itself, which is never replaced.
func (d *recordsFile) Sign(text []byte) error {
	if _, err := d.lock.WriteAt(text, 0); err != nil {
		return err
	}
	if err := d.lock.Truncate(int64(len(text))); err != nil {
		return err
	}
	return d.lock.Sync()
}

// Signature opens the lock file anew: on NFS an opening sees what other machines have written.
func (d *recordsFile) Signature() ([]byte, error) {
	f, _, err := d.open(lockFile, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, maxHolder))
}

// Close closes both files and ends the lock.
func (d *recordsFile) Close() error {
	var errs []error
	if d.file != nil {
		errs = append(errs, d.file.Close())
	}
	if d.lock != nil {
		errs = append(errs, unlock(d.lock))
	}
	d.file, d.lock = nil, nil
	return errors.Join(errs...)
}
