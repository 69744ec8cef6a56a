package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ErrBadHead is a text that is no head.
var ErrBadHead = sentinel("bad head")

// CheckHead checks that the record which head names, in the form of Head.String or with the whole hash, is
// in the ledger as it was then. Read should have found the ledger sound. The error is an ErrDamaged
// if the record is missing or another one, and an ErrBadHead if head is none.
func (s Store) CheckHead(head string) error {
	number, hash, _ := strings.Cut(head, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || seq == 0 || len(hash) < 12 {
		return fmt.Errorf("%w %q: want the form that reports end with, such as 104:55e7655ae5ed", ErrBadHead, head)
	}
	missing := &headError{fmt.Sprintf("record %d, the head of a report, is missing: records were taken away since",
		seq)}
	f, at, err := s.directory().segmentWith(seq)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	in := bufio.NewReaderSize(f, batchSize)
	var line []byte
	for ; at <= seq; at++ { // each line is a record
		if line, err = in.ReadBytes('\n'); err != nil {
			return missing
		}
	}
	sum := sha256.Sum256(line[:len(line)-1])
	if !strings.HasPrefix(hex.EncodeToString(sum[:]), hash) {
		return &headError{fmt.Sprintf("record %d, the head of a report, is another one now: the ledger was replaced "+
			"since", seq)}
	}
	return nil
}

// segmentWith opens the segment that has the record with this number, if there is one, and says what the number of its
// first record is.
func (d directory) segmentWith(seq uint64) (f io.ReadCloser, first uint64, err error) {
	r, err := d.records()
	if err != nil {
		return nil, 0, err
	}
	first, _, err = firstOf(r)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	sealed, listed := d.Segments()
	if err = errors.Join(err, listed); err != nil {
		_ = r.Close() // it was only read
		return nil, 0, unusable("looking for record "+strconv.FormatUint(seq, 10), err)
	}
	if seq >= first {
		return r, first, nil
	}
	_ = r.Close() // it was only read
	first = 0
	for at := range sealed {
		if at <= seq {
			first = max(first, at)
		}
	}
	f, err = d.Segment(first)
	return f, first, err
}

// headError is a ledger that is sound in itself and not the one that a report was made from.
type headError struct{ text string }

func (e *headError) Error() string        { return e.text }
func (e *headError) Is(target error) bool { return target == ErrDamaged }
