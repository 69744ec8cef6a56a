package okta

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// maxPages is how many pages a listing may have. Okta's longest page has 200 tokens.
const maxPages = 10_000

// pager asks for the pages of a listing, each as soon as the headers of the one before it have arrived.
// It does so in one goroutine, since every hand-over between two would be added to each page's time.
type pager struct {
	conn   *conn
	parent context.Context
	ready  chan *page // one page may wait there for the reader
	cancel context.CancelFunc
	// asked tells at which page a cursor was followed.
	asked map[[16]byte]int
}

// page is an answer whose headers have arrived, or the reason why there is none.
type page struct {
	number int // from 1
	query  string
	last   bool // its headers link to no other; nothing else ends a listing
	resp   *http.Response
	tries  *retries
	end    context.CancelFunc
	err    error
}

func newPager(ctx context.Context, c *conn) *pager {
	return &pager{conn: c, parent: ctx, asked: make(map[[16]byte]int)}
}

// start asks for the page with this query and number, and then for those that follow. tries continues
// the count of attempts at that page; nil begins it.
func (g *pager) start(query string, number int, tries *retries) {
	for cursor, at := range g.asked { // what an earlier start had looked at in advance doesn't count
		if at >= number {
			delete(g.asked, cursor)
		}
	}
	ctx, cancel := context.WithCancel(g.parent)
	g.ready, g.cancel = make(chan *page, 1), cancel
	go g.run(ctx, g.ready, query, number, tries)
}

// next returns the next page. There must be one: the page before was not the last.
func (g *pager) next() *page {
	if p, ok := <-g.ready; ok {
		return p
	}
	return &page{err: context.Cause(g.parent)}
}

// stop ends it and drops the pages that were asked for in advance. No goroutine of it is left then.
func (g *pager) stop() {
	g.cancel()
	for p := range g.ready {
		p.close()
	}
}

func (g *pager) run(ctx context.Context, ready chan<- *page, query string, number int, tries *retries) {
	defer close(ready)
	for ; ; number++ {
		if tries == nil {
			tries = g.conn.newRetries(listPath)
		}
		p := &page{number: number, query: query, tries: tries}
		p.err = g.follow(query, number)
		var next string
		if p.err == nil {
			next = p.open(ctx)
			p.last = p.err == nil && next == ""
		}
		select {
		case ready <- p:
		case <-ctx.Done():
			p.close()
			return
		}
		if p.err != nil || p.last {
			return
		}
		query, tries = next, nil
	}
}

// follow takes note of a cursor, unless it is a reason to stop.
func (g *pager) follow(query string, number int) error {
	key := cursorKey(query)
	if _, again := g.asked[key]; again {
		return errors.New("the link to this page leads back to one that was read already")
	}
	if number > maxPages {
		return fmt.Errorf("there are more than %d pages", maxPages)
	}
	g.asked[key] = number
	return nil
}

// cursorKey tells pages apart by their cursor, or by the whole query where it has none.
func cursorKey(query string) [16]byte {
	if v, err := url.ParseQuery(query); err == nil && len(v["after"]) == 1 {
		query = "after=" + v.Get("after")
	}
	sum := sha256.Sum256([]byte(query))
	return [16]byte(sum[:16])
}

// open sends the request until it is answered for good, and returns the query of the next page, "" if
// this is the last one.
func (p *page) open(ctx context.Context) (next string) {
	ctx, p.end = context.WithDeadline(ctx, p.tries.deadline)
	for {
		p.resp, p.err = p.tries.conn.open(ctx, p.tries, p.query)
		if p.err == nil {
			next, p.err = nextQuery(p.resp.Header.Values("Link"))
			return next
		}
		if p.err = p.tries.wait(ctx, p.err); p.err != nil {
			return ""
		}
	}
}

func (p *page) close() {
	if p.resp != nil {
		_ = p.resp.Body.Close()
	}
	if p.end != nil {
		p.end()
	}
}
