package audit_test

import (
	"bytes"
	"slices"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// book is what the onlooker keeps of the ledger: each line as it was written, and where it ends. It reads the lines by
// itself, so that a fault of the ledger's reader can't hide another.
type book struct {
	entries []*entry
	size    int
}

// entry is a line of the ledger.
type entry struct {
	end    int
	line   []byte
	parsed *ledger.Record

	// Of the record of a listing: the tokens that were there, how many there were before so many of them were
	// missing (0 if they weren't), and when.
	ids  map[string]bool
	full int
	at   time.Time
}

func (b *book) write(line []byte) {
	b.size += len(line)
	b.entries = append(b.entries, &entry{end: b.size, line: bytes.Clone(line)})
}

// trim forgets what is not stored any more.
func (b *book) trim(size int) {
	b.size = size
	for len(b.entries) > 0 && b.last().end > size {
		b.entries = b.entries[:len(b.entries)-1]
	}
}

func (b *book) last() *entry { return b.entries[len(b.entries)-1] }

func (e *entry) record() *ledger.Record {
	if e.parsed == nil {
		e.parsed = decode(e.line)
	}
	return e.parsed
}

func (e *entry) is(kind ledger.Kind) bool {
	return bytes.Contains(e.line, []byte(`"kind":"`+string(kind)+`"`)) &&
		!bytes.Contains(e.line, []byte(`"kind":"`+string(ledger.InForce)+`"`)) // which repeats records
}

// changes are the intents within the first size bytes, in order, and the outcome of each that was settled.
func (b *book) changes(size int) (intents []*ledger.Record, settled map[uint64]*ledger.Record) {
	settled = make(map[uint64]*ledger.Record)
	for _, e := range b.entries {
		switch {
		case e.end > size:
		case e.is(ledger.Intent):
			intents = append(intents, e.record())
		case e.is(ledger.Outcome) && e.record().Settled:
			settled[e.record().Ref] = e.record()
		}
	}
	return intents, settled
}

// open are the intents within the first size bytes that nothing has settled.
func (b *book) open(size int) (open []*ledger.Record) {
	intents, settled := b.changes(size)
	for _, i := range intents {
		if settled[i.Seq] == nil {
			open = append(open, i)
		}
	}
	return open
}

// lastListing is the listing in force, nil if there is none.
func (b *book) lastListing() *entry {
	for i := len(b.entries) - 1; i >= 0; i-- {
		if b.entries[i].ids != nil {
			return b.entries[i]
		}
	}
	return nil
}

// listed notes what the org held when a listing was recorded.
func (e *entry) listed(w *modelWorld, p *modelProcess) {
	e.ids, e.at = w.ids(), p.clock()
	if missing, before := w.missing(p.base, e.ids); missing {
		e.full = before
	}
	if p.base != nil && p.base.full > 0 && len(e.ids)*2 < p.base.full && w.shrunken(p.base, p.clock()) {
		e.full = p.base.full
	}
}

func (w *modelWorld) ids() map[string]bool {
	ids := make(map[string]bool)
	for _, t := range w.org.Tokens() {
		ids[t.ID] = true
	}
	return ids
}

// whole checks that a list which is called complete holds what was there all the time.
func (w *modelWorld) whole(p *modelProcess, r *audit.Report) {
	if !r.Complete {
		return
	}
	now, there := w.ids(), 0
	for id := range p.held {
		switch {
		case now[id]:
			there++
		case !slices.ContainsFunc(p.changes, func(c *modelChange) bool { return c.id == id }):
			return // it ended meanwhile, and may have pushed another past the reader: nobody could tell
		}
	}
	if r.Tokens < there {
		w.violatedBy(wholeLists, "%d tokens are listed, and %d were there all the time", r.Tokens, there)
	}
}

// missing says whether more than half of a listing is gone, those aside that we revoked, and how many it held.
func (w *modelWorld) missing(base *entry, ids map[string]bool) (bool, int) {
	if base == nil {
		return false, 0
	}
	gone, ours := 0, 0
	for id := range base.ids {
		switch {
		case ids[id]:
		case w.revoked(id):
			ours++
		default:
			gone++
		}
	}
	return gone*2 > len(base.ids)-ours, len(base.ids)
}

// revoked says whether a token counts as revoked by us: the ledger says so.
func (w *modelWorld) revoked(id string) bool {
	intents, settled := w.book.changes(w.book.size)
	return slices.ContainsFunc(intents, func(i *ledger.Record) bool {
		return i.Token == id && settled[i.Seq] != nil && settled[i.Seq].Result == ledger.ResultRevoked
	})
}

// shrunken says whether so much is missing that a second listing, an hour later, must come to the same.
func (w *modelWorld) shrunken(base *entry, now time.Time) bool {
	ids := w.ids()
	missing, _ := w.missing(base, ids)
	switch {
	case base == nil:
		return false
	case base.full == 0:
		return missing
	}
	return len(ids)*2 < base.full && (missing || now.Sub(base.at) < time.Hour)
}
