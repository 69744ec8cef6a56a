package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// A report that is to be posted is kept in a file of its own until that is done.
const parcelPrefix = "outbox-"

// parcelRun is the shape of the run ids that name such files, but for their length.
var parcelRun = regexp.MustCompile(`^[0-9A-Za-z-]+$`)

// parcelChannel is the shape of the names of channels.
var parcelChannel = regexp.MustCompile(`^[a-z]*$`)

const maxParcelRun = 60

// ErrNoParcel is a report that is not there any more, or not as it was written.
var ErrNoParcel = errors.New("the report that is to be posted is not available")

// WriteParcel stores a report, at once and durably, until it is delivered. It returns the file and the
// digest to record in Outbox. The caller holds the ledger's lock. The error is an ErrUnusable.
func (s Store) WriteParcel(of Sending, content []byte) (file, digest string, err error) {
	d := s.directory()
	if err := d.check(); err != nil {
		return "", "", err
	}
	if len(of.Run) > maxParcelRun || !parcelRun.MatchString(of.Run) || !parcelChannel.MatchString(of.Channel) {
		return "", "", fmt.Errorf("%w: %q names no report of a run", ErrUnusable, of)
	}
	file = parcelPrefix + of.Run + ".json"
	if of.Channel != "" {
		file = parcelPrefix + of.Run + "." + of.Channel + ".json"
	}
	if err := d.put(file, func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
		return "", "", unusable("writing the report to "+d.path(file), err)
	}
	return file, digestOf(content), nil
}

// ReadParcel returns what WriteParcel stored. The error is an ErrNoParcel.
func (s Store) ReadParcel(file, digest string) ([]byte, error) {
	d := s.directory()
	content, err := d.get(filepath.Base(file))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoParcel, err)
	case digestOf(content) != digest:
		return nil, fmt.Errorf("%w: the bytes of %s were changed", ErrNoParcel, file)
	}
	return content, nil
}

// RemoveParcels removes the stored reports that are not in undelivered. What can't be removed only
// takes space.
func (s Store) RemoveParcels(undelivered map[Sending]Delivery) {
	keep := make(map[string]bool)
	for _, d := range undelivered {
		keep[filepath.Base(d.File)] = true
	}
	s.directory().discard(func(name string) bool {
		half := strings.HasPrefix(name, "."+parcelPrefix) // what crashes left
		return half || (strings.HasPrefix(name, parcelPrefix) && strings.HasSuffix(name, ".json") && !keep[name])
	})
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
