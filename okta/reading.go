package okta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"time"
)

// reading is the state of reading a list once.
type reading struct {
	ids        maphash.Seed
	content    maphash.Seed
	seen       map[tokenKey]fingerprint
	current    current
	found      tokenSet
	duplicates int   // tokens that came again
	moved      error // what shows that the list moved, nil if nothing does
	// changed says that a token came in two forms, cut that the reading was ended early, since a page brought
	// nothing but tokens of earlier ones.
	changed, cut bool
}

// tokenSet tells the tokens of two readings apart: how many there were, and the sum of the hashes of their ids. Its
// zero value is that of no reading.
type tokenSet struct {
	tokens int
	sum    tokenKey
}

// current is the page that is being read.
type current struct {
	number  int
	fresh   int                   // tokens that no page before had
	keys    []tokenKey            // tokens that came with it
	pending map[tokenKey]struct{} // after a page broke off: those of its keys that have not come again yet
}

// tokenKey and fingerprint are what remains of a token that was seen: enough to recognise it, and to tell whether it
// comes again with other content. They are hashes of its id and of all that it says, id included, under random seeds:
// should two ids be taken for one, the other hash differs, and the listing is incomplete rather than short. (Where a
// page broke off and is read anew the content is not compared, and a chance of one in 2^50 remains.)
type (
	tokenKey    uint64
	fingerprint uint64
)

func newReading() reading {
	return reading{ids: maphash.MakeSeed(), content: maphash.MakeSeed(), seen: make(map[tokenKey]fingerprint)}
}

// begin forgets what an earlier reading has seen.
func (r *reading) begin() {
	clear(r.seen)
	*r = reading{ids: r.ids, content: r.content, seen: r.seen, current: current{keys: r.current.keys[:0]}}
}

// isComplete reports whether the reading, which came to its end, is the list. previous is what the reading before it
// found.
func (r *reading) isComplete(previous tokenSet) bool {
	return r.moved == nil || !r.cut && !r.changed && r.found == previous
}

// endPage ends a page that brought tokens.
func (r *reading) endPage() {
	if r.current.fresh > 0 {
		return
	}
	if r.cut = true; !r.changed {
		r.moved = errors.New("a page brought nothing but tokens of earlier pages")
	}
	r.found = tokenSet{} // it says nothing about the rest
}

// begin begins to read a page, or to read it anew.
func (c *current) begin(number int) {
	if c.number != number {
		*c = current{number: number, keys: c.keys[:0]}
		return
	}
	c.pending = make(map[tokenKey]struct{}, len(c.keys))
	for _, s := range c.keys {
		c.pending[s] = struct{}{}
	}
}

// note takes note of a token and reports whether it is new. What an earlier body of the same page
// brought is neither new nor a duplicate: it may have been used since, and was handed out already.
func (r *reading) note(t *Token) (isNew bool, err error) {
	key, content := r.key(t.ID), r.fingerprint(t)
	before, known := r.seen[key]
	_, again := r.current.pending[key]
	switch {
	case again:
		delete(r.current.pending, key)
	case !known && len(r.seen) >= maxTokens:
		return false, fmt.Errorf("there are more than %d tokens", maxTokens)
	case !known:
		r.current.fresh++
		r.found.tokens++
		r.found.sum += key
	default:
		r.repeated(t, before != content)
	}
	if !again {
		r.current.keys = append(r.current.keys, key)
	}
	r.seen[key] = content
	return !known, nil
}

func (r *reading) key(id string) tokenKey { return tokenKey(maphash.String(r.ids, id)) }

// repeated takes note of a token that came twice, with other content or with the same.
func (r *reading) repeated(t *Token, changed bool) {
	r.duplicates++
	switch {
	case r.changed:
	case changed:
		r.changed, r.moved = true, fmt.Errorf("the token %s came twice with different content, as if it was used or "+
			"changed meanwhile", Printable(t.ID))
	default:
		r.moved = fmt.Errorf("tokens that came twice: %d, and the reading before it brought others", r.duplicates)
	}
}

// fingerprint is a hash of all that a token says.
func (r *reading) fingerprint(t *Token) fingerprint {
	var h maphash.Hash
	h.SetSeed(r.content)
	number := func(n int64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		_, _ = h.Write(b[:])
	}
	word := func(o Opt[string]) {
		_ = h.WriteByte(byte(o.presence))
		number(int64(len(o.value)))
		_, _ = h.WriteString(o.value)
	}
	instant := func(o Opt[time.Time]) {
		_ = h.WriteByte(byte(o.presence))
		number(o.value.Unix())
		number(int64(o.value.Nanosecond()))
	}
	list := func(o Opt[[]string]) {
		_ = h.WriteByte(byte(o.presence))
		number(int64(len(o.value)))
		for _, s := range o.value {
			word(Some(s))
		}
	}
	for _, o := range []Opt[string]{Some(t.ID), t.Name, t.UserID, t.ClientName, t.Network.value.Connection} {
		word(o)
	}
	for _, o := range []Opt[time.Time]{t.Created, t.LastUpdated, t.ExpiresAt} {
		instant(o)
	}
	_ = h.WriteByte(byte(t.TokenWindow.presence))
	number(int64(t.TokenWindow.value))
	_ = h.WriteByte(byte(t.Network.presence))
	list(t.Network.value.Include)
	list(t.Network.value.Exclude)
	return fingerprint(h.Sum64())
}
