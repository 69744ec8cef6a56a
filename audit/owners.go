package audit

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"tokensweep/okta"
)

// ownersAtOnce is how many owners are looked up at the same time.
const ownersAtOnce = 8

// ownerLookup looks owners up in the background, each once and a few at a time. Many are known before the list is read
// to its end.
type ownerLookup struct {
	read   func(context.Context, string) (*okta.Owner, error) // okta.Reader.Owner, or one that reads less
	ctx    context.Context                                    // ends when a look-up refuses the credential
	cancel context.CancelFunc

	workers  sync.WaitGroup
	mu       sync.Mutex
	known    map[string]*okta.Owner // by user id; nil while it is not known
	queue    []string               // ids that no worker has taken
	working  int
	refused  error
	panicked any
}

func newOwnerLookup(ctx context.Context, read func(context.Context, string) (*okta.Owner, error)) *ownerLookup {
	d := &ownerLookup{read: read, known: make(map[string]*okta.Owner)}
	d.ctx, d.cancel = context.WithCancel(ctx)
	return d
}

// request has the owner of a token looked up.
func (d *ownerLookup) request(t *okta.Token) {
	id, ok := t.UserID.Get()
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, already := d.known[id]; already {
		return
	}
	d.known[id] = nil
	d.queue = append(d.queue, id)
	if d.working < ownersAtOnce {
		d.working++
		d.workers.Go(d.work)
	}
}

// work looks up what is in the queue until it is empty.
func (d *ownerLookup) work() {
	defer func() {
		if p := recover(); p != nil { // here it would end the process, and with it the schedule of a daemon
			d.mu.Lock()
			defer d.mu.Unlock()
			d.panicked = fmt.Sprintf("looking up an owner: %v\n%s", p, debug.Stack())
			d.cancel()
		}
	}()
	for {
		id, more := d.next()
		if !more {
			return
		}
		owner, err := d.read(d.ctx, id)
		d.store(id, owner, err)
	}
}

func (d *ownerLookup) store(id string, owner *okta.Owner, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.known[id] = owner
	case d.ctx.Err() == nil:
		d.refused = err
		d.cancel()
	}
}

func (d *ownerLookup) next() (id string, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 || d.ctx.Err() != nil {
		d.working--
		return "", false
	}
	id, d.queue = d.queue[0], d.queue[1:]
	return id, true
}

// wait returns when all requested owners are looked up. What could not be read of an owner is part of the Owner. The
// error is a refused credential, or the end of the context. wait panics if a look-up did.
func (d *ownerLookup) wait() error {
	d.workers.Wait()
	if d.panicked != nil {
		panic(d.panicked)
	}
	if d.refused != nil {
		return d.refused
	}
	return context.Cause(d.ctx)
}

// stop ends the look-ups; owners in the queue are not looked up any more. The error is a credential that was refused
// before. stop panics if a look-up did.
func (d *ownerLookup) stop() error {
	d.cancel()
	_ = d.wait()
	return d.refused
}

// get is the owner of a token; nil if it was not requested, or is not known.
func (d *ownerLookup) get(t *okta.Token) *okta.Owner {
	id, known := t.UserID.Get()
	if !known {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[id]
}
