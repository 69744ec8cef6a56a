package okta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

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
	case err == nil, errors.As(err, new(*stopped)):
		return err
	case body.err != nil: // the connection is at fault, whatever the decoder makes of it
		return l.conn.unanswered(p.resp.Request.Context(), http.MethodGet, listPath, fmt.Errorf("reading the page: %w",
			body.err))
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
