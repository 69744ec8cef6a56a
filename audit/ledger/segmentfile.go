package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// The names of the files of sealed segments: between these stands the number of the first record, in 20 digits.
const (
	segmentPrefix = "ledger-"
	segmentSuffix = ".jsonl"
	segmentDigits = 20
)

// segmentFile is the name of the file of a sealed segment.
func segmentFile(first uint64) string {
	return fmt.Sprintf("%s%0*d%s", segmentPrefix, segmentDigits, first, segmentSuffix)
}

// Segments are the sizes of the sealed segments, by the number of the first record of each.
func (d directory) Segments() (map[uint64]int64, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	found := make(map[uint64]int64)
	for _, e := range entries {
		digits, named := strings.CutPrefix(strings.TrimSuffix(e.Name(), segmentSuffix), segmentPrefix)
		first, err := strconv.ParseUint(digits, 10, 64)
		if !named || err != nil || e.Name() != segmentFile(first) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed right now
		}
		if err != nil {
			return nil, err
		}
		found[first] = info.Size()
	}
	return found, nil
}

// Segment opens a sealed segment for reading.
func (d directory) Segment(first uint64) (io.ReadCloser, error) {
	f, _, err := d.open(segmentFile(first), os.O_RDONLY)
	if err != nil {
		return nil, unusable("opening "+d.path(segmentFile(first)), err)
	}
	return f, nil
}

// readOnly is the records in a directory, for who doesn't have the lock.
type readOnly struct{ directory }

// Read opens the segment that is written to.
func (d readOnly) Read() (io.ReadCloser, error) { return d.records() }

// link gives a file another name. File systems that can't have two names for a file say so.
var link = os.Link

// Seal gives the file of the records a second name, and puts another in its place. A crash between leaves a second name
// for what is still written to; the next sealing makes it anew.
func (d *recordsFile) Seal(first uint64, begin func(io.Writer) error) error {
	sealed := segmentFile(first)
	if err := os.Remove(d.path(sealed)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := link(d.path(ledgerFile), d.path(sealed)); err != nil {
		if err := d.put(sealed, d.copyTo); err != nil {
			return err
		}
	} else if err := syncDirectory(string(d.directory)); err != nil {
		return err
	}
	if err := d.put(ledgerFile, begin); err != nil {
		return err
	}
	file, _, err := d.open(ledgerFile, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return err
	}
	_ = d.file.Close() // all of it is durable
	d.file = file
	return nil
}

// copyTo copies the records.
func (d *recordsFile) copyTo(w io.Writer) error {
	r, err := d.Read()
	if err == nil {
		_, err = io.Copy(w, r)
	}
	return err
}
