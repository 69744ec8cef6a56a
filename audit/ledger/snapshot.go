package ledger

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A snapshot is what is in force when a segment begins: some records of the kind InForce in a row, each with a piece of
// a section of the State. The first says how many they are, and which segments and sections there are.

// opening is the name of the first record of a snapshot.
const opening = "segments"

// Segment is one that was sealed: nothing is written to it any more.
type Segment struct {
	// First and Last are the numbers of its first and its last record.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Size is its length in bytes.
	Size int64 `json:"size"`
	// Hash is that of its last line.
	Hash string `json:"hash"`
}

// contents is what the first record of a snapshot says.
type contents struct {
	// Segments are those before, in order.
	Segments []Segment `json:"segments"`
	// Sections are those that the snapshot has: a later version may know more.
	Sections []string `json:"sections"`
	// Parts is the number of its records, the first among them.
	Parts int `json:"parts"`
}

// section is a part of the State that a snapshot has under a name.
type section struct {
	name string
	// field is the part of the State, as a pointer.
	field func(*State) any
	// pieces gives what the section holds, in order, in pieces that are no longer than a record should be.
	pieces func(*State) [][]byte
	// take adds a piece to what the section holds.
	take func(*State, []byte) error
}

// sections are all of them. Each field of State is in one, but for what is only there while a snapshot is read.
var sections = []section{
	single("org", func(s *State) *string { return &s.Org }),
	single("orgID", func(s *State) *string { return &s.OrgID }),
	single("latest", func(s *State) *time.Time { return &s.latest }),
	single("hand", func(s *State) *string { return &s.hand }),
	single("lastRun", func(s *State) **Record { return &s.LastRun }),
	single("lastPass", func(s *State) *Pass { return &s.LastPass }),
	single("lastPost", func(s *State) *time.Time { return &s.LastPost }),
	single("listing", func(s *State) **Record { return &s.Listing }),
	single("halted", func(s *State) **Record { return &s.Halted }),
	single("trend", func(s *State) *[]Point { return &s.Trend }),
	single("totals", func(s *State) *Totals { return &s.Totals }),
	listed("changes", func(s *State) *[]time.Time { return &s.changes }),
	listed("recalled", func(s *State) *[]Recalled { return &s.Recalled }),
	listed("unreported", func(s *State) *[]Record { return &s.Unreported }),
	keyed("findings", func(s *State) *map[Key]time.Time { return &s.Findings }, Key.compare),
	keyed("unjudged", func(s *State) *map[Key]bool { return &s.Unjudged }, Key.compare),
	keyed("severities", func(s *State) *map[Key]string { return &s.Severities }, Key.compare),
	keyed("exempted", func(s *State) *map[Key]string { return &s.Exempted }, Key.compare),
	keyed("notices", func(s *State) *map[Key]Notice { return &s.Notices }, Key.compare),
	keyed("open", func(s *State) *map[uint64]Record { return &s.Open }, cmp.Compare),
	keyed("quarantined", func(s *State) *map[string]Quarantine { return &s.Quarantined }, strings.Compare),
	keyed("attempted", func(s *State) *map[string]Quarantine { return &s.Attempted }, strings.Compare),
	keyed("released", func(s *State) *map[string]time.Time { return &s.Released }, strings.Compare),
	keyed("ownersTold", func(s *State) *map[string]time.Time { return &s.OwnersTold }, strings.Compare),
	keyed("revoked", func(s *State) *map[string]time.Time { return &s.Revoked }, strings.Compare),
	keyed("plans", func(s *State) *map[string]PlanRecord { return &s.Plans }, strings.Compare),
	keyed("undelivered", func(s *State) *map[Sending]Delivery { return &s.Undelivered }, func(a, b Sending) int {
		return cmp.Or(strings.Compare(a.Run, b.Run), strings.Compare(a.Channel, b.Channel))
	}),
}

func (k Key) compare(o Key) int {
	return cmp.Or(strings.Compare(k.Token, o.Token), strings.Compare(k.Rule, o.Rule))
}

// pieceLength is how many bytes of entries a piece has at the most, unless one entry has more.
const pieceLength = 128 << 10

// pieces makes arrays of entries, none much longer than pieceLength.
func pieces(entries [][]byte) (all [][]byte) {
	var piece []byte
	for i, e := range entries {
		if piece == nil {
			piece = append(piece, '[')
		} else {
			piece = append(piece, ',')
		}
		piece = append(piece, e...)
		if i+1 == len(entries) || len(piece)+len(entries[i+1]) > pieceLength {
			all, piece = append(all, append(piece, ']')), nil
		}
	}
	return all
}

// text is v as JSON. What is in a State came from JSON, or holds nothing that JSON can't.
func text(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("ledger: a state that JSON can't hold: %v", err))
	}
	return raw
}

// single is a section that is one value.
func single[T any](name string, of func(*State) *T) section {
	return section{
		name: name, field: func(s *State) any { return of(s) },
		pieces: func(s *State) [][]byte { return [][]byte{text(of(s))} },
		take:   func(s *State, piece []byte) error { return json.Unmarshal(piece, of(s)) },
	}
}

// listed is a section that is a list.
func listed[T any](name string, of func(*State) *[]T) section {
	return section{
		name: name, field: func(s *State) any { return of(s) },
		pieces: func(s *State) [][]byte {
			var entries [][]byte
			for i := range *of(s) {
				entries = append(entries, text(&(*of(s))[i]))
			}
			return pieces(entries)
		},
		take: func(s *State, piece []byte) error {
			var more []T
			err := json.Unmarshal(piece, &more)
			*of(s) = append(*of(s), more...)
			return err
		},
	}
}

// keyed is a section that is a map.
func keyed[K comparable, V any](name string, of func(*State) *map[K]V, compare func(a, b K) int) section {
	type entry struct {
		K K `json:"k"`
		V V `json:"v"`
	}
	return section{
		name: name, field: func(s *State) any { return of(s) },
		pieces: func(s *State) [][]byte {
			var entries [][]byte
			for _, k := range slices.SortedFunc(maps.Keys(*of(s)), compare) {
				entries = append(entries, text(entry{k, (*of(s))[k]}))
			}
			return pieces(entries)
		},
		take: func(s *State, piece []byte) error {
			var more []entry
			err := json.Unmarshal(piece, &more)
			for _, e := range more {
				put(of(s), e.K, e.V)
			}
			return err
		},
	}
}

// sectionOf is the section of that name, nil for none.
func sectionOf(name string) *section {
	if i := slices.IndexFunc(sections, func(c section) bool { return c.name == name }); i >= 0 {
		return &sections[i]
	}
	return nil
}

// snapshot is what is in force, as the records with which a segment begins after those that are named.
func (s *State) snapshot(before []Segment) []Record {
	first := contents{Segments: before, Parts: 1}
	records := make([]Record, 1, len(sections))
	for i := range sections {
		c := &sections[i]
		first.Sections = append(first.Sections, c.name)
		for _, piece := range c.pieces(s) {
			records = append(records, Record{Kind: InForce, Part: c.name, State: piece})
		}
	}
	first.Parts = len(records)
	records[0] = Record{Kind: InForce, Part: opening, State: text(&first)}
	return records
}

// contents are those of the first record of a snapshot; ok says that r is one.
func (r *Record) contents() (c contents, ok bool) {
	ok = r.Kind == InForce && r.Part == opening && json.Unmarshal(r.State, &c) == nil
	return c, ok
}

// legible says whether the record is no piece of a snapshot, or one that this version can read.
func (r *Record) legible() bool {
	switch {
	case r.Kind != InForce:
		return true
	case r.Part == opening:
		c, ok := r.contents()
		return ok && !slices.ContainsFunc(c.Sections, func(name string) bool { return sectionOf(name) == nil })
	}
	c := sectionOf(r.Part)
	return c != nil && c.take(new(State), r.State) == nil
}

// partial is a snapshot of which not all records were read yet.
type partial struct {
	state State
	left  int // how many records are still to come
}

// load takes in a record of a snapshot. With the last one, s is what the snapshot says.
func (s *State) load(r *Record) error {
	if c, ok := r.contents(); ok {
		s.loading = &partial{left: c.Parts}
	} else if s.loading == nil {
		return errors.New("a piece of a snapshot without its beginning")
	} else if err := sectionOf(r.Part).take(&s.loading.state, r.State); err != nil {
		return err
	}
	if s.loading.left--; s.loading.left == 0 {
		*s = s.loading.state
	}
	return nil
}

// Equal reports whether the same is in force.
func (s *State) Equal(other *State) bool { return s.differs(other, nil) == "" }

// differs names the first of the sections, of all if names is nil, in which two states are not the same; "" if there
// is none.
func (s *State) differs(other *State, names []string) string {
	for i := range sections {
		c := &sections[i]
		if names != nil && !slices.Contains(names, c.name) {
			continue
		}
		if !slices.EqualFunc(c.pieces(s), c.pieces(other), bytes.Equal) {
			return c.name
		}
	}
	return ""
}
