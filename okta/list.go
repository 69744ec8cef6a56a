package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// PageLimit is the largest page that Okta documented for this list, and what is asked for.
	PageLimit = 200
	// More tokens, a longer page or a longer token than this is not a listing any more.
	maxTokens, maxPageBody, maxElement = 4_000_000, 4 << 30, 1 << 20
	// maxListReadings is how often a list is read that moves each time.
	maxListReadings = 3
)

// ListOptions narrows a listing. The zero value lists everything.
type ListOptions struct {
	// After is the cursor to begin behind, "" for the beginning. What comes before it isn't listed, so
	// it is no way to a complete listing.
	After string
	// Limit is the size of a page, 1 to 200; 0 means 200. Orgs may ignore it.
	Limit int
	// Q asks for tokens whose name or clientName matches. Orgs were seen to ignore it: check what
	// comes back.
	Q string
}

// Listing is the list of an org's tokens. Its counters grow while Read runs, and begin anew with each reading.
type Listing struct {
	// Pages and Tokens are how many were read; a page counts once it was read to its end.
	Pages, Tokens int
	// Duplicates is how many tokens came again, as happens when the list moves under the reader. They are dropped.
	Duplicates int
	// Readings is how many readings of the list were begun.
	Readings int
	// Date is the org's clock on the first page, Clock on the page that is being read. They are zero
	// before that page, or if the org sends none.
	Date, Clock time.Time

	ctx     context.Context
	conn    *conn
	options ListOptions
	reading reading
}

// List prepares a listing; nothing is sent before Read runs. ctx ends it early.
func (r *Reader) List(ctx context.Context, o ListOptions) *Listing {
	return &Listing{ctx: ctx, conn: r.conn, options: o, reading: newReading()}
}

// Read reads the org's tokens, in the org's order, each once, and visits each as it arrives; the next page is asked for
// as soon as the headers of the current one are there.
//
// A list that moves while it is read can push tokens past the reader. It shows by a token that comes twice, and then
// the list is read again, up to three times: until a reading brings none twice, or one brings the same tokens as the
// one before it and none in two forms. begin is called for each reading and returns what visits its tokens. Only the
// last reading counts: what the visitors of the others took in is to be forgotten.
//
// The error is the visitor's, or a bad option's, before anything is sent; all others are an IncompleteError, after
// which nothing may be concluded from any token. Read runs once.
func (l *Listing) Read(begin func() (visit func(Token) error)) error {
	query, err := l.options.query()
	if err != nil {
		return err
	}
	if l.Readings > 0 {
		return errors.New("this listing was read before: make a new one")
	}
	for {
		previous := l.reading.found
		l.reading.begin()
		l.Pages, l.Tokens, l.Duplicates, l.Date, l.Clock = 0, 0, 0, time.Time{}, time.Time{}
		l.Readings++
		err := l.readOnce(query, begin())
		switch stop := new(stopped); {
		case errors.As(err, &stop):
			return stop.err
		case err != nil:
			return err
		case l.reading.isComplete(previous):
			return nil
		case l.Readings == maxListReadings:
			return l.incomplete(l.Pages, fmt.Errorf("the list moved each of %d times that it was read: %w: run again",
				l.Readings, l.reading.moved))
		}
	}
}

// Has reports whether the last reading brought a token with that id. Ids are told apart by hashes of 64 bits under a
// random seed: that one which is not listed is taken for one that is has a chance of the number of tokens in 2^64.
func (l *Listing) Has(id string) bool {
	_, brought := l.reading.seen[l.reading.key(id)]
	return brought
}

// readOnce reads the list from its beginning to its end. That it moved is no error.
func (l *Listing) readOnce(query string, visit func(Token) error) error {
	pages := newPager(l.ctx, l.conn)
	pages.start(query, 1, nil)
	defer func() { pages.stop() }()
	for {
		p := pages.next()
		err := l.read(p, visit)
		if err != nil && errors.As(err, new(*stopped)) {
			return err
		}
		if err != nil {
			// A body that breaks off is asked for again, as a request whose headers never came is.
			pages.stop()
			if p.err == nil {
				err = p.tries.wait(l.ctx, err)
			}
			if err == nil {
				pages.start(p.query, p.number, p.tries)
				continue
			}
			return l.incomplete(l.Pages+1, err)
		}
		l.Pages++
		switch {
		case l.reading.cut, p.last && (p.number > 1 || l.Tokens < 2 || l.options.Limit == 1):
			return nil
		case p.last:
			if err := l.proveEnd(l.Tokens); err != nil {
				return l.incomplete(1, err)
			}
			return nil
		}
	}
}

func (l *Listing) incomplete(page int, err error) error {
	return &IncompleteError{Page: page, Tokens: l.Tokens, Err: l.conn.presentable(err)}
}

// stopped is a visitor's error: it wants no more.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }
func (s *stopped) Unwrap() error { return s.err }

func (o ListOptions) query() (string, error) {
	if o.Limit == 0 {
		o.Limit = PageLimit
	}
	if o.Limit < 1 || o.Limit > PageLimit {
		return "", fmt.Errorf("bad page limit %d: want 1 to %d", o.Limit, PageLimit)
	}
	v := url.Values{"limit": {strconv.Itoa(o.Limit)}}
	if o.After != "" {
		v.Set("after", o.After)
	}
	if o.Q != "" {
		v.Set("q", o.Q)
	}
	return v.Encode(), nil
}

// read hands out the tokens of a page. If the page was begun before, the tokens that had come then are
// recognised.
func (l *Listing) read(p *page, visit func(Token) error) error {
	defer p.close()
	if p.err != nil {
		return p.err
	}
	if date, err := http.ParseTime(p.resp.Header.Get("Date")); err == nil {
		if l.Clock = date.UTC(); p.number == 1 && l.Date.IsZero() {
			l.Date = l.Clock
		}
	}
	l.reading.current.begin(p.number)
	size := 0
	err := l.decode(p, func(t Token) error {
		size++
		isNew, err := l.reading.note(&t)
		if err != nil || !isNew {
			l.Duplicates = l.reading.duplicates
			return err
		}
		l.Tokens++
		if err := visit(t); err != nil {
			return &stopped{err}
		}
		return nil
	})
	if err == nil && size > 0 {
		l.reading.endPage()
	}
	return err
}
