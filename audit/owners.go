package audit

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"tokensweep/okta"
)

// ownersAtOnce is how many owners are looked up at the same time.
const ownersAtOnce = 8

// candidate is a token that may be a finding once its owner is known. A condition on an owner who was not
// looked up is unknown, so a token that no rule concerns without its owner is of no concern with them.
type candidate struct {
	token okta.Token
	own   string // why it may be the token of the run
	at    time.Time
}

// judgeOwned judges the candidates with their owners, each of whom is looked up once.
func (r *run) judgeOwned(ctx context.Context) error {
	if err := r.lookUp(ctx); err != nil {
		return err
	}
	for _, c := range r.candidates {
		c.token.Owner = r.owners[c.token.UserID.Or("")]
		f, v, ok := r.decider.decide(c.token, r.ownOf(&c), c.at)
		for _, e := range v.Exemptions {
			r.used[e]++
		}
		if ok {
			r.Findings = append(r.Findings, f)
		}
	}
	r.candidates = nil
	return nil
}

// ownOf says why a candidate may be the token that this run uses, now that all are known; "" if it isn't.
func (r *run) ownOf(c *candidate) string {
	if c.own == "" && r.self.found == 0 && r.self.userID != "" && c.token.UserID.Or("") == r.self.userID {
		return "it may be the token that this run uses: same owner, and no other looks like it"
	}
	return c.own
}

// lookUp reads the owners of all candidates. What could not be read of one is part of what is known of
// them; the error is a credential that is refused, or the end of ctx.
func (r *run) lookUp(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.owners = make(map[string]*okta.Owner)
	for _, c := range r.candidates {
		if id, ok := c.token.UserID.Get(); ok {
			r.owners[id] = nil
		}
	}
	ids := make(chan string)
	var mu sync.Mutex
	var workers sync.WaitGroup
	var panicked any
	look := func(id string) {
		defer func() {
			if p := recover(); p != nil { // here it would end the process, and with it the schedule of a daemon
				mu.Lock()
				defer mu.Unlock()
				panicked = fmt.Sprintf("looking up an owner: %v\n%s", p, debug.Stack())
				cancel(nil)
			}
		}()
		owner, err := r.o.Org.Owner(ctx, id)
		if err != nil {
			cancel(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		r.owners[id] = owner
	}
	for range min(ownersAtOnce, len(r.owners)) {
		workers.Go(func() {
			for id := range ids {
				look(id)
			}
		})
	}
	wanted := make([]string, 0, len(r.owners))
	for id := range r.owners {
		wanted = append(wanted, id)
	}
	for _, id := range wanted {
		ids <- id
	}
	close(ids)
	workers.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return context.Cause(ctx)
}
