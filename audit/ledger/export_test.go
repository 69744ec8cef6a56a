package ledger

import "os"

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
