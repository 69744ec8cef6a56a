package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// known says whether this version writes records of the kind.
func (k Kind) known() bool { return slices.Contains(Kinds, k) }

// open takes the lock, verifies what is stored since the last segment was sealed, sets a torn last line aside, and
// begins a new segment if one is due.
func (l *Ledger) open() error {
	if err := l.disk.Lock(); err != nil {
		return unusable("locking it", err)
	}
	if err := l.hold(""); err != nil {
		return err
	}
	stored, err := l.disk.Read()
	if err != nil {
		return unusable("reading it", err)
	}
	l.inside = true
	tail, err := l.segment(stored, nil)
	_ = stored.Close() // it was only read
	if torn := new(TornError); err != nil && !errors.As(err, &torn) {
		return err
	}
	// The process that wrote the last lines may have died before they were durable. What is built on
	// them must not outlive them.
	if err := l.disk.Sync(); err != nil {
		return unusable("making durable what it holds", err)
	}
	if err := l.complete(l.disk); err != nil {
		return err
	}
	if err := l.unsealed(l.disk, l.offset+int64(len(tail))); err != nil {
		return err
	}
	if len(tail) > 0 {
		if err := l.recover(tail); err != nil {
			return err
		}
	}
	return l.seal()
}

// recover sets a torn last line aside.
func (l *Ledger) recover(tail []byte) error {
	name, err := l.setAside(tail)
	if err != nil {
		return unusable("setting its torn last line aside", err)
	}
	if err := l.disk.Truncate(l.offset); err != nil {
		return unusable("cutting off its torn last line", err)
	}
	_, err = l.Append(Record{Kind: Recovered, File: name, Count: len(tail)})
	return err
}

// setAside stores a torn line under a name that no other has.
func (l *Ledger) setAside(tail []byte) (name string, err error) {
	base := fmt.Sprintf("torn-%d-%s", l.head.Seq+1, l.now().UTC().Format("20060102T150405Z"))
	name = base
	for n := 2; ; n++ {
		if err = l.disk.SetAside(name, tail); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

// unusable says that doing something to the storage failed. An ErrLocked stays what it is.
func unusable(doing string, err error) error {
	if errors.Is(err, ErrLocked) || errors.Is(err, ErrUnusable) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrUnusable, doing, err)
}

// Append writes r as the next record and returns it as it was written. It fills Seq and Time, and the
// Token, Name and Step of an outcome from its intent where they are empty. When it returns without an
// error the record is durable and State includes it. It keeps nothing of r; what it returns shares its
// slices, map and pointers with State and must not be changed.
//
// An error that is an ErrPoisoned (and by its cause an ErrUnusable) says that the record may be on the
// disk or not, that State doesn't include it, and that every later Append fails as well: the ledger has
// to be opened anew. If it is an ErrLocked as well, another has taken the ledger, and nothing was written. Any other
// error is an ErrRefused, an ErrOtherOrg and an ErrClock among them: nothing was written.
func (l *Ledger) Append(r Record) (Record, error) {
	stored, err := l.AppendAll([]Record{r})
	if err != nil {
		return Record{}, err
	}
	return stored[0], nil
}

// AppendAll is Append for many records in a row, in one write and one fsync. None of them may rest on another: what an
// outcome settles, and an org, must be on record before. It returns those that are durable, in place of those that it
// was given: all of them, unless there is an error. Those before one that is refused are written. If the ledger is
// poisoned, any number of the first may be on the disk.
func (l *Ledger) AppendAll(records []Record) ([]Record, error) {
	if l.poison != nil {
		return nil, l.poison
	}
	if err := l.alone(); err != nil {
		return nil, err
	}
	after, stored, text := l.chain, records[:0], []byte(nil)
	var refused error
	for i := range records {
		kind := records[i].Kind
		line, r, err := l.line(&after, records[i])
		if err != nil {
			refused = fmt.Errorf("%w: recording %q: %w", ErrRefused, kind, err)
			break
		}
		after.advance(hashOf(line), len(line))
		text, stored = append(append(text, line...), '\n'), append(stored, r)
	}
	if len(stored) == 0 {
		return nil, refused
	}
	if err := l.write(text); err != nil {
		l.poison = fmt.Errorf("%w: %w", ErrPoisoned, unusable("writing "+named(stored), err))
		return nil, l.poison
	}
	l.chain = after
	for i := range stored {
		l.state.Apply(stored[i])
	}
	return stored, refused
}

// named names records that come in a row.
func named(records []Record) string {
	first, last := &records[0], &records[len(records)-1]
	if first.Seq == last.Seq {
		return fmt.Sprintf("record %d (%s)", first.Seq, first.Kind)
	}
	return fmt.Sprintf("the records %d (%s) to %d (%s)", first.Seq, first.Kind, last.Seq, last.Kind)
}

// line makes the line of r as the one that comes after, and r as it will be read.
func (l *Ledger) line(after *chain, r Record) (line []byte, stored Record, err error) {
	r.Seq, r.Time = after.head.Seq+1, l.now().UTC().Truncate(time.Millisecond)
	r.Doubted = (r.Doubted || l.InDoubt()) && !r.Kind.undated()
	if err := l.admit(&r); err != nil {
		return nil, Record{}, err
	}
	return canonical(&wire{V: version, Record: r, Prev: after.prev()})
}

// write makes lines durable. After a failed write or fsync nobody knows what the disk holds, and the
// kernel may report success for a second fsync of data that it has dropped: neither is tried again.
func (l *Ledger) write(lines []byte) error {
	if err := l.disk.Write(lines); err != nil {
		return err
	}
	return l.disk.Sync()
}

// admit says whether r may follow what is there, and completes an outcome.
func (l *Ledger) admit(r *Record) error {
	switch {
	case !r.Kind.known():
		return errors.New("there is no such kind of record")
	case r.Doubted && r.judged():
		return ErrClock
	case r.Kind == Begun && r.Org == "":
		return errors.New("a run needs an org")
	case r.Kind == Begun && !l.state.sameOrg(r):
		return fmt.Errorf("%w: it was begun for %s and the run is of %s; give each org a state directory of its own",
			ErrOtherOrg, orgName(l.state.Org, l.state.OrgID), orgName(r.Org, r.Name))
	case r.Kind == Intent && (r.Step == "" || r.Token == "" && r.Step != StepRevokeCurrent):
		return errors.New("an intent needs a token and a step")
	case (r.Kind == Announcing || r.Kind == Outbox || r.Kind == Posted || r.Kind == Delivered) && r.Of == "":
		return errors.New("it needs the run whose report it is")
	case r.Kind == Outcome:
		intent, open := l.state.Open[r.Ref]
		if !open {
			return fmt.Errorf("record %d is no open intent", r.Ref)
		}
		if r.Token == "" {
			r.Token = intent.Token
		}
		if r.Name == "" {
			r.Name = intent.Name
		}
		if r.Step == "" {
			r.Step = intent.Step
		}
	}
	return nil
}

// sameOrg reports whether a run is of the org of those before: by its id where that is known of both, and else by its
// URL.
func (s *State) sameOrg(begun *Record) bool {
	if s.Org == "" {
		return true
	}
	if s.OrgID != "" && begun.Name != "" {
		return s.OrgID == begun.Name
	}
	return s.Org == begun.Org
}

// orgName is an org for people.
func orgName(url, id string) string {
	if id == "" {
		return url
	}
	return url + " (" + id + ")"
}

// canonical renders w as it will be read: what JSON can't hold (broken UTF-8, the zone of a time) is gone
// from both the line and the record.
func canonical(w *wire) (line []byte, r Record, err error) {
	w.Before, w.After = w.Before.inUTC(), w.After.inUTC()
	once, err := json.Marshal(w)
	if err != nil {
		return nil, Record{}, err
	}
	if err := checkLength(once); err != nil { // a line is no shorter
		return nil, Record{}, err
	}
	again := new(wire)
	if err := json.Unmarshal(once, again); err != nil {
		return nil, Record{}, err
	}
	line, err = render(again)
	if err == nil {
		err = checkLength(line)
	}
	return line, again.Record, err
}

func checkLength(line []byte) error {
	if len(line) > maxLine {
		return fmt.Errorf("it has %d bytes, and a record may have %d", len(line), maxLine)
	}
	return nil
}
