package audit

import (
	"context"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// listing is what a reading of the list has brought. A list that moved is read again (okta.Listing.Read), and only the
// last reading counts: what adds up while a list is read is kept here and made anew for each, and nothing of it is
// written down before the list is whole.
type listing struct {
	used map[*rules.Exemption]rules.Reach
	// candidates are tokens of concern, until their owners are known.
	candidates []candidate
	inventory  []ledger.InventoryEntry // only with a ledger
	later      int                     // tokens that were used after AsOf
	ended      int                     // tokens that Okta ends before AsOf, where that lies ahead
	lifted     []okta.Token            // tokens that somebody took out of our quarantine
}

// beginListing forgets what an earlier reading has brought.
func (r *run) beginListing() {
	r.listing = listing{used: make(map[*rules.Exemption]rules.Reach)}
	r.Clients, r.InQuarantine, r.AsOf = make(map[string]int), nil, r.o.AsOf
	if r.self != nil {
		r.self.found = 0
	}
}

// judgeAll lists the org and judges each token as it comes. Only tokens that a rule concerns are kept, and judged again
// with their owners.
func (r *run) judgeAll(ctx context.Context) error {
	r.owners = newOwnerLookup(ctx, r.o.Org)
	defer r.owners.cancel()
	if err := r.eachToken(r.owners.ctx, r.judge); err != nil {
		if refused := r.owners.stop(); refused != nil {
			return refused
		}
		return err
	}
	for i := range r.lifted {
		if err := r.noteLifted(&r.lifted[i]); err != nil {
			return err
		}
	}
	r.dropListed()
	return r.judgeOwned()
}

// eachToken lists the org and visits each token as it comes: more than once if the list is read again. What a visitor
// adds up must be in r.listing. clock is the org's when it sent the token.
func (r *run) eachToken(ctx context.Context, visit func(t okta.Token, clock time.Time)) error {
	list := r.o.Org.List(ctx, okta.ListOptions{})
	err := list.Read(func() func(okta.Token) error {
		r.beginListing()
		return func(t okta.Token) error {
			if r.AsOf.IsZero() {
				r.AsOf = r.orNow(list.Date)
			}
			if r.o.Progress != nil {
				r.o.Progress(list.Pages, list.Tokens)
			}
			visit(t, r.orNow(list.Clock))
			return nil
		}
	})
	r.Tokens, r.Pages, r.Duplicates, r.readings = list.Tokens, list.Pages, list.Duplicates, list.Readings
	if err == nil && r.AsOf.IsZero() {
		r.AsOf = r.orNow(list.Date)
	}
	return err
}

// judge judges one token of the list.
func (r *run) judge(t okta.Token, clock time.Time) {
	r.Clients[orEmpty(t.ClientName)]++
	r.addToInventory(&t)
	if q := r.decider.quarantine(&t); q != nil {
		r.InQuarantine = append(r.InQuarantine, InQuarantine{t, q})
		r.owners.request(&t)
	}
	lifted := r.decider.lifted(t)
	if lifted {
		r.lifted = append(r.lifted, t)
	}
	at := r.AsOf
	if r.o.AsOf.IsZero() {
		at = instantFor(&t, at, clock)
	}
	if used, ok := t.LastUsed().Get(); ok && used.After(at) {
		r.later++
	}
	if ends, known := t.ExpiresAt.Get(); known && !r.o.AsOf.IsZero() && !ends.After(at) {
		r.ended++
	}
	r.self.count(&t)
	own := r.self.maybeOwn(&t)
	_, v, ok := r.decider.decide(t, own, at)
	if ok || lifted { // what is known of one that was lifted changes when that is recorded
		r.candidates = append(r.candidates, candidate{t, own, at})
		r.owners.request(&t)
		return
	}
	r.countExemptions(v, false)
}

// addToInventory takes a token into the inventory.
func (r *run) addToInventory(t *okta.Token) {
	if r.o.Ledger == nil {
		return
	}
	ends, _ := t.ExpiresAt.Get() // zero where it is not known, as the inventory has it
	r.inventory = append(r.inventory, ledger.InventoryEntry{
		ID: t.ID, Name: orEmpty(t.Name), Client: orEmpty(t.ClientName), UserID: orEmpty(t.UserID), ExpiresAt: ends,
	})
}

// dropListed takes the listed tokens off those that were listed before.
func (r *run) dropListed() {
	for i := range r.inventory {
		delete(r.before, r.inventory[i].ID)
		delete(r.missing, r.inventory[i].ID)
	}
}

// noteMoved tells that the list moved while it was read.
func (r *run) noteMoved() {
	switch {
	case r.readings < 2:
	case r.Duplicates == 0:
		r.Notes = append(r.Notes, fmt.Sprintf("the list moved while it was read, and was read again: the last of %d "+
			"readings brought no token twice, and counts", r.readings))
	default:
		r.Notes = append(r.Notes, fmt.Sprintf("the list moved each of %d times that it was read: the last two "+
			"readings brought the same tokens, and the last counts. Tokens that came twice in it and were counted "+
			"once: %d", r.readings, r.Duplicates))
	}
}
