package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// Seal ends a line without its sum as a program would that knows the format.
func Seal(body string) string { return string(appendSum([]byte(body), []byte(body))) }

// MaxLine is the length of the longest line.
const MaxLine = maxLine

// AppendAsIs appends a record whose Seq and Time are set, whatever it says.
func AppendAsIs(l *Ledger, r Record) error {
	line, err := render(&wire{V: version, Record: r, Prev: l.prev()})
	if err != nil {
		return err
	}
	l.advance(hashOf(line), len(line))
	return l.write(append(line, '\n'))
}

// LockFile is the lock file that an open ledger holds.
func LockFile(l *Ledger) *os.File { return l.disk.(*recordsFile).lock }

// Chained gives lines their places in the chain, and right sums, whatever they say.
func Chained(content string) string {
	var out bytes.Buffer
	seq, prev := uint64(0), ""
	for i, line := range strings.SplitAfter(content, "\n") {
		var w wire
		body, _, ok := strings.Cut(line, sumKey)
		if !ok || json.Unmarshal([]byte(body+"}"), &w) != nil {
			continue
		}
		if i == 0 {
			seq, prev = w.Seq, w.Prev
		}
		w.Seq, w.Prev = seq, prev
		text, err := render(&w)
		if err != nil {
			panic(err)
		}
		seq, prev = seq+1, hashOf(text)
		out.Write(append(text, '\n'))
	}
	return out.String()
}

// WithoutLinks has no file have two names, for one test.
func WithoutLinks(t *testing.T) {
	t.Helper()
	was := link
	t.Cleanup(func() { link = was })
	link = func(string, string) error { return errors.ErrUnsupported }
}
