package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// listing is the first phase of a run: it reads the whole list and judges each token as it comes. Only tokens that a
// rule concerns are kept, and judged again with their owners.
type listing struct {
	*session
	asOf      time.Time               // the instant at which tokens are judged; zero for the org's clock
	progress  func(pages, tokens int) // told of what was read, if not nil
	inventory *ledger.InventoryDraft  // takes what was listed; nil where that is not to be remembered
	reading
	toldOf   map[string]bool // by id
	list     *okta.Listing   // how much was read; nil before
	findings []Finding
}

// reading is what one reading of the list has brought. A list that moves while it is read is read again
// (okta.Listing.Read), and only the last reading counts. So everything that adds up while reading is here, and begins
// anew with each reading. Nothing is recorded before the list is whole.
type reading struct {
	at           time.Time // the instant at which tokens are judged
	clients      map[string]int
	used         map[*rules.Exemption]rules.Reach
	candidates   []candidate
	inQuarantine []InQuarantine                   // those that a finding is about are among them until all are judged
	told         map[string]ledger.InventoryEntry // those of toldOf that are listed
	later        int                              // tokens that were used after the instant
	ended        int                              // tokens that Okta ends before the instant, where that lies ahead
}

// candidate is a token that may be a finding once its owner is known. While the owner is unknown, so is each condition
// on the owner. A token that no rule concerns then is of no concern with its owner either.
type candidate struct {
	token    *okta.Token
	standing standing
	own      string // why it may be the token of the run
	at       time.Time
}

// judgeAll lists the org and judges all tokens. lifted, if not nil, is called for each token that somebody took out of
// our quarantine, before it is judged with its owner. What it records counts in that judgement.
func (l *listing) judgeAll(ctx context.Context, lifted func(*okta.Token) error) error {
	ctx, end := l.lookup.begin(ctx)
	defer end()
	if err := l.each(ctx, l.judge); err != nil {
		if refused := l.lookup.stop(); refused != nil {
			return refused
		}
		return err
	}
	for i := range l.candidates {
		c := &l.candidates[i]
		if !c.standing.lifted || lifted == nil {
			continue
		}
		if err := lifted(c.token); err != nil {
			return err
		}
		c.standing = l.decider.standing(c.token)
	}
	if err := l.lookup.wait(); err != nil {
		return err
	}
	l.judgeOwned()
	return nil
}

// each lists the org and visits each token as it comes, more than once if the list is read again. What a visitor adds
// up must be in l.reading. clock is the org's clock when it sent the token.
func (l *listing) each(ctx context.Context, visit func(t okta.Token, clock time.Time)) error {
	l.list = l.org.List(ctx, okta.ListOptions{})
	err := l.list.Read(func() func(okta.Token) error {
		l.reading = reading{at: l.asOf, clients: make(map[string]int), used: make(map[*rules.Exemption]rules.Reach),
			told: make(map[string]ledger.InventoryEntry)}
		if l.inventory != nil {
			l.inventory.Restart()
		}
		l.self.found = 0
		return func(t okta.Token) error {
			if l.at.IsZero() {
				l.at = l.orNow(l.list.Date)
			}
			if l.progress != nil {
				l.progress(l.list.Pages, l.list.Tokens)
			}
			visit(t, l.orNow(l.list.Clock))
			return nil
		}
	})
	if err == nil && l.at.IsZero() {
		l.at = l.orNow(l.list.Date)
	}
	return err
}

// judge judges one token of the list, whose owner is not known yet.
func (l *listing) judge(t okta.Token, clock time.Time) {
	l.clients[orEmpty(t.ClientName)]++
	l.keepListed(&t)
	st := l.decider.standing(&t)
	if st.in != nil {
		l.inQuarantine = append(l.inQuarantine, InQuarantine{t, st.inQuarantine()})
		l.lookup.request(&t)
	}
	at := l.at
	if l.asOf.IsZero() {
		at = instantFor(&t, at, clock)
	}
	if used, ok := t.LastUsed().Get(); ok && used.After(at) {
		l.later++
	}
	if ends, known := t.ExpiresAt.Get(); known && !l.asOf.IsZero() && !ends.After(at) {
		l.ended++
	}
	l.self.count(&t)
	view := st.view(&t)
	if st.lifted || l.policy.Concerns(view, at) { // what is known of one that was lifted changes when that is recorded
		l.candidates = append(l.candidates, candidate{&t, st, l.self.maybeOwn(&t), at})
		l.lookup.request(&t)
		return
	}
	l.countExemptions(l.policy.Exempts(view, at), false)
}

// judgeOwned judges the candidates, whose owners were looked up.
func (l *listing) judgeOwned() {
	found := make(map[string]bool)
	l.findings = make([]Finding, 0, len(l.candidates))
	for i := range l.candidates {
		c := &l.candidates[i]
		c.token.Owner = l.lookup.known(c.token)
		f, v, ok := l.decider.decide(c.token, c.standing, c.own, c.at)
		l.countExemptions(v, true)
		if ok {
			l.findings = append(l.findings, f)
			found[c.token.ID] = true
		}
	}
	l.candidates = nil
	l.inQuarantine = slices.DeleteFunc(l.inQuarantine, func(q InQuarantine) bool { return found[q.Token.ID] })
	for i := range l.inQuarantine {
		q := &l.inQuarantine[i]
		q.Token.Owner = l.lookup.known(&q.Token)
		q.noteSpared("")
	}
}

// keepListed keeps what the next run, and people who were told of the token, need to know of it.
func (l *listing) keepListed(t *okta.Token) {
	if l.inventory == nil && !l.toldOf[t.ID] {
		return
	}
	ends, _ := t.ExpiresAt.Get() // zero where it is not known, as the inventory has it
	e := ledger.InventoryEntry{
		ID: t.ID, Name: orEmpty(t.Name), Client: orEmpty(t.ClientName), UserID: orEmpty(t.UserID), ExpiresAt: ends,
	}
	if l.inventory != nil {
		l.inventory.Add(e)
	}
	if l.toldOf[t.ID] {
		l.told[t.ID] = e
	}
}

// discard drops an inventory that was not stored.
func (l *listing) discard() {
	if l.inventory != nil {
		l.inventory.Discard()
	}
}

// countExemptions counts the tokens that exemptions cover. If the owner was not looked up, an exemption that reads
// owners is undecided for that reason alone, and not counted.
func (l *listing) countExemptions(v rules.Verdict, lookedUp bool) {
	for _, e := range v.Exemptions {
		reach := l.used[e]
		reach.Matched++
		l.used[e] = reach
	}
	for _, e := range v.Undecided {
		if reach := l.used[e]; lookedUp || !e.Reads(rules.Owners) {
			reach.Unknown++
			l.used[e] = reach
		}
	}
}

// fillIn puts into a report what was listed and found, as far as the reading came.
func (l *listing) fillIn(r *Report) {
	r.Tokens, r.Pages, r.Duplicates = l.list.Tokens, l.list.Pages, l.list.Duplicates
	r.AsOf, r.Clients, r.InQuarantine, r.Findings = l.at, l.clients, l.inQuarantine, l.findings
}

// notes are what a reader should know about the list.
func (l *listing) notes() (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch {
	case l.list.Readings < 2:
	case l.list.Duplicates == 0:
		add("the list moved while it was read, and was read again: the last of %d readings brought no token twice, "+
			"and counts", l.list.Readings)
	default:
		add("the list moved each of %d times that it was read: the last two readings brought the same tokens, and the "+
			"last counts. Tokens that came twice in it and were counted once: %d", l.list.Readings, l.list.Duplicates)
	}
	return notes
}
