package okta

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// decode reads a page's body, which must be exactly one JSON array of tokens.
func (l *Listing) decode(p *page, each func(Token) error) error {
	body := &pageBody{r: p.resp.Body}
	err := body.tokens(each)
	switch {
	case err == nil, errors.As(err, new(*stopped)):
		return err
	case body.err != nil: // the connection is at fault, whatever the decoder makes of it
		return l.conn.unanswered(p.resp.Request.Context(), http.MethodGet, listPath,
			fmt.Errorf("reading the page: %w", body.err))
	}
	return err
}

// tokens reads the body: one decoder for all of it, since one per token takes longer.
func (b *pageBody) tokens(each func(Token) error) error {
	r := newJSONReader(b)
	b.element = &r.element
	return r.array(func() error {
		t, err := readToken(r)
		if err != nil {
			return err
		}
		return each(t)
	})
}

// pageBody caps a body and what of it is buffered for one element, and remembers how it ended.
type pageBody struct {
	r       io.Reader
	n       int64
	element *int64 // where the element that is being read begins
	err     error  // other than io.EOF; every read after it has it, too
}

func (b *pageBody) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.n > maxPageBody:
		b.err = fmt.Errorf("%w: a page of more than %d bytes", errTooLarge, int64(maxPageBody))
		return 0, b.err
	case b.n-*b.element > maxElement:
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
