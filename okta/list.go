package okta

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
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

// Listing is one reading of all tokens of an org. Its counters grow while All runs.
type Listing struct {
	// Pages and Tokens are how many were read; a page counts once it was read to its end.
	Pages, Tokens int
	// Duplicates is how many tokens came again with the same content, as happens when the list
	// shifts under the reader. They are dropped.
	Duplicates int
	// Date is the org's clock on the first page, Clock on the page that is being read. They are zero
	// before that page, or if the org sends none.
	Date, Clock time.Time

	ctx     context.Context
	conn    *conn
	options ListOptions
	ids     maphash.Seed
	content maphash.Seed
	seen    map[sighting]fingerprint
	current current
}

// current is the page that is being read.
type current struct {
	number int
	fresh  int                   // tokens that no page before had
	came   []sighting            // tokens that came with it
	again  map[sighting]struct{} // if it broke off and is read anew: those that had come and have not come again yet
}

// sighting and fingerprint are what remains of a token that was seen: enough to recognise it, and to tell whether it
// comes again with other content. They are hashes of its id and of all that it says, id included, under random seeds:
// should two ids be taken for one, the other hash differs, and the listing is incomplete rather than short. (Where a page
// broke off and is read anew the content is not compared, and a chance of one in 2^50 remains.)
type (
	sighting    uint64
	fingerprint uint64
)

// List prepares a listing; nothing is sent before All runs. ctx ends it early.
func (r *Reader) List(ctx context.Context, o ListOptions) *Listing {
	return &Listing{ctx: ctx, conn: r.conn, options: o}
}

// All reads the org's tokens, in the org's order, each once. Tokens come as they arrive; the next page is
// asked for as soon as the headers of the current one are there. All ends after the last token, or with
// one error. A bad option is an error before anything is sent; all other errors are an IncompleteError:
// then nothing may be concluded from the tokens that came before it. All runs once.
func (l *Listing) All() iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		query, err := l.options.query()
		if err != nil {
			yield(Token{}, err)
			return
		}
		if l.seen != nil {
			yield(Token{}, errors.New("this listing was read before: make a new one"))
			return
		}
		l.ids, l.content, l.seen = maphash.MakeSeed(), maphash.MakeSeed(), make(map[sighting]fingerprint)
		pages := newPager(l.ctx, l.conn)
		pages.start(query, 1, nil)
		defer func() { pages.stop() }()
		for {
			p := pages.next()
			err := l.read(p, yield)
			if err == nil && p.last && p.number == 1 && l.Tokens > 1 && l.options.Limit != 1 {
				if err := l.proveEnd(l.Tokens); err != nil {
					yield(Token{}, l.incomplete(1, err))
					return
				}
			}
			if err != nil && !errors.Is(err, errStopped) {
				// A body that breaks off is asked for again, as a request whose headers never came is.
				pages.stop()
				if p.err == nil {
					err = p.tries.wait(l.ctx, err)
				}
				if err == nil {
					pages.start(p.query, p.number, p.tries)
					continue
				}
				yield(Token{}, l.incomplete(l.Pages+1, err))
			}
			if err != nil {
				return
			}
			if l.Pages++; p.last {
				return
			}
		}
	}
}

func (l *Listing) incomplete(page int, err error) error {
	return &IncompleteError{Page: page, Tokens: l.Tokens, Err: l.conn.presentable(err)}
}

// errStopped says that the caller has had enough.
var errStopped = errors.New("stopped")

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
func (l *Listing) read(p *page, yield func(Token, error) bool) error {
	defer p.close()
	if p.err != nil {
		return p.err
	}
	if date, err := http.ParseTime(p.resp.Header.Get("Date")); err == nil {
		if l.Clock = date.UTC(); p.number == 1 && l.Date.IsZero() {
			l.Date = l.Clock
		}
	}
	l.current.begin(p.number)
	size := 0
	err := l.decode(p, func(t Token) error {
		size++
		isNew, err := l.sight(&t)
		if err != nil || !isNew {
			return err
		}
		l.current.fresh++
		l.Tokens++
		if !yield(t, nil) {
			return errStopped
		}
		return nil
	})
	if err == nil && size > 0 && l.current.fresh == 0 {
		return errors.New("the page brings nothing but tokens of earlier pages")
	}
	return err
}

// begin begins to read a page, or to read it anew.
func (c *current) begin(number int) {
	if c.number != number {
		*c = current{number: number, came: c.came[:0]}
		return
	}
	c.again = make(map[sighting]struct{}, len(c.came))
	for _, s := range c.came {
		c.again[s] = struct{}{}
	}
}

// sight takes note of a token and reports whether it is new. What an earlier body of the same page
// brought is neither new nor a duplicate: it may have been used since, and was handed out already.
func (l *Listing) sight(t *Token) (isNew bool, err error) {
	key, content := sighting(maphash.String(l.ids, t.ID)), l.fingerprint(t)
	before, known := l.seen[key]
	_, again := l.current.again[key]
	switch {
	case again:
		delete(l.current.again, key)
	case !known && len(l.seen) >= maxTokens:
		return false, fmt.Errorf("there are more than %d tokens", maxTokens)
	case known && before != content:
		return false, fmt.Errorf("the token %s came twice with different content: it was used or changed while the list was read; run again", Printable(t.ID))
	case known:
		l.Duplicates++
	}
	if !again {
		l.current.came = append(l.current.came, key)
	}
	l.seen[key] = content
	return !known, nil
}

// fingerprint is a hash of all that a token says.
func (l *Listing) fingerprint(t *Token) fingerprint {
	var h maphash.Hash
	h.SetSeed(l.content)
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

// decode reads a page's body, which must be exactly one JSON array of tokens.
func (l *Listing) decode(p *page, each func(Token) error) error {
	body := &pageBody{r: p.resp.Body}
	dec := json.NewDecoder(body)
	body.element = func() int64 { return dec.InputOffset() }
	err := decodeArray(dec, func(raw json.RawMessage) error {
		t, err := parseToken(raw)
		if err != nil {
			return err
		}
		return each(t)
	})
	switch {
	case err == nil, errors.Is(err, errStopped):
		return err
	case body.err != nil: // the connection is at fault, whatever the decoder makes of it
		return l.conn.unanswered(p.resp.Request.Context(), http.MethodGet, listPath, fmt.Errorf("reading the page: %w", body.err))
	}
	return err
}

func decodeArray(dec *json.Decoder, each func(json.RawMessage) error) error {
	start, err := dec.Token()
	if err != nil {
		return notAnArray(err)
	}
	if start != json.Delim('[') {
		return fmt.Errorf("%w: want a JSON array, found another JSON value", errMalformed)
	}
	var raw json.RawMessage
	for dec.More() {
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return notAnArray(err)
		}
		if err := each(raw); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return notAnArray(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON array", errMalformed)
	}
	return nil
}

func notAnArray(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends before the JSON array does", errMalformed)
	}
	return fmt.Errorf("%w: want a JSON array: %w", errMalformed, err)
}

// pageBody caps a body and what of it is buffered for one element, and remembers how it ended.
type pageBody struct {
	r       io.Reader
	n       int64
	element func() int64 // where the element that is being read begins
	err     error        // other than io.EOF
}

func (b *pageBody) Read(p []byte) (int, error) {
	switch {
	case b.n > maxPageBody:
		b.err = fmt.Errorf("%w: a page of more than %d bytes", errTooLarge, int64(maxPageBody))
		return 0, b.err
	case b.n-b.element() > maxElement:
		b.err = fmt.Errorf("%w: a token of more than %d bytes", errTooLarge, maxElement)
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}
