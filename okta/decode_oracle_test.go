package okta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// This file is the decoder that the streaming one replaced: encoding/json found the end of a token, and a walker by
// hand went over it again. FuzzDecoders holds the new one against it, BenchmarkDecoders measures both.

// oldMembers calls f with each key and raw value of a JSON object. raw must be valid JSON. Unlike
// encoding/json it takes keys as they are written, and refuses an object that has one of them twice:
// there is no telling which of the two was meant.
func oldMembers(raw []byte, f func(key string, value []byte) error) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return fmt.Errorf("%w: want an object, found %s", errMalformed, describe(raw))
	}
	var keys [32]string // enough for what Okta sends; more spills to the heap
	seen := keys[:0]
	for i := oldSkipSpace(raw, 1); raw[i] != '}'; {
		end := oldSkipValue(raw, i)
		key, err := oldText(raw[i:end])
		if err != nil {
			return err
		}
		for _, k := range seen {
			if k == key {
				return fmt.Errorf("%w: an object has the key %q twice", errMalformed, key)
			}
		}
		seen = append(seen, key)
		i = oldSkipSpace(raw, oldSkipSpace(raw, end)+1) // behind the colon
		end = oldSkipValue(raw, i)
		if err := f(key, raw[i:end]); err != nil {
			return err
		}
		if i = oldSkipSpace(raw, end); raw[i] == ',' {
			i = oldSkipSpace(raw, i+1)
		}
	}
	return nil
}

func oldSkipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// oldSkipValue returns the end of the JSON value that begins at i.
func oldSkipValue(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 { // a number or a word
				for i < len(b) && strings.IndexByte(",]} \t\r\n", b[i]) < 0 {
					i++
				}
				return i
			}
		}
		if i++; depth == 0 {
			return i
		}
	}
}

// oldText reads a JSON string.
func oldText(raw []byte) (string, error) {
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%w: want a text, found %s", errMalformed, describe(raw))
	}
	return s, nil
}

// oldField reads one optional value: null is missing, and what read can't make sense of is malformed,
// which makes it unknown to rules but doesn't spoil the listing.
func oldField[T any](raw []byte, read func(string) (T, error)) Opt[T] {
	if string(raw) == "null" {
		return Opt[T]{}
	}
	s, err := oldText(raw)
	if err != nil {
		return Unreadable[T]()
	}
	v, err := read(s)
	if err != nil {
		return Unreadable[T]()
	}
	return Some(v)
}

func oldTextField(raw []byte) Opt[string] {
	return oldField(raw, func(s string) (string, error) { return s, nil })
}

// oldUserField reads the id of a user: another text than such an id names nobody.
func oldUserField(raw []byte) Opt[string] {
	return oldField(raw, func(s string) (string, error) { return s, checkUserID(s) })
}

func oldTimeField(raw []byte) Opt[time.Time] {
	return oldField(raw, func(s string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, s)
		if t = t.UTC(); err == nil && !inYears(t) {
			err = fmt.Errorf("%w: the year %d", errMalformed, t.Year())
		}
		return t, err
	})
}

func oldListField(raw []byte) Opt[[]string] {
	if string(raw) == "null" {
		return Opt[[]string]{}
	}
	var items []*string
	if json.Unmarshal(raw, &items) != nil {
		return Unreadable[[]string]()
	}
	list := make([]string, 0, len(items))
	for _, s := range items {
		if s == nil {
			return Unreadable[[]string]()
		}
		list = append(list, *s)
	}
	return Some(list)
}

// oldParseToken reads one token, which must be valid JSON.
func oldParseToken(raw []byte) (Token, error) {
	var t Token
	var id Opt[string]
	err := oldMembers(raw, func(key string, value []byte) error {
		switch key {
		case "id":
			id = oldTextField(value)
		case "name":
			t.Name = oldTextField(value)
		case "userId":
			t.UserID = oldUserField(value)
		case "clientName":
			t.ClientName = oldTextField(value)
		case "created":
			t.Created = oldTimeField(value)
		case "lastUpdated":
			t.LastUpdated = oldTimeField(value)
		case "expiresAt":
			t.ExpiresAt = oldTimeField(value)
		case "tokenWindow":
			t.TokenWindow = oldField(value, ParseDuration)
		case "network":
			t.Network = oldNetworkField(value)
		}
		return nil
	})
	t.ID = id.value
	switch {
	case err != nil:
		return Token{}, err
	case t.ID == "":
		return Token{}, fmt.Errorf("%w: a token without an id", errMalformed)
	case len(t.ID) > maxIDLen:
		return Token{}, fmt.Errorf("%w: a token's id of %d bytes", errMalformed, len(t.ID))
	}
	return t, nil
}

func oldNetworkField(raw []byte) Opt[Network] {
	if string(raw) == "null" {
		return Opt[Network]{}
	}
	var n Network
	err := oldMembers(raw, func(key string, value []byte) error {
		switch key {
		case "connection":
			n.Connection = oldTextField(value)
		case "include":
			n.Include = oldListField(value)
		case "exclude":
			n.Exclude = oldListField(value)
		default:
			n.more = n.more || string(value) != "null"
		}
		return nil
	})
	if err != nil {
		return Unreadable[Network]()
	}
	return Some(n)
}

// oldWhole checks that an answer is exactly one valid JSON value, before members walks it.
func oldWhole(body []byte) error {
	if !json.Valid(body) {
		return fmt.Errorf("%w: want JSON, found %s", errMalformed, describe(bytes.TrimSpace(body)))
	}
	return nil
}

func oldDecodeArray(dec *json.Decoder, each func(json.RawMessage) error) error {
	start, err := dec.Token()
	if err != nil {
		return oldNotAnArray(err)
	}
	if start != json.Delim('[') {
		return fmt.Errorf("%w: want a JSON array, found another JSON value", errMalformed)
	}
	var raw json.RawMessage
	for dec.More() {
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return oldNotAnArray(err)
		}
		if err := each(raw); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return oldNotAnArray(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON array", errMalformed)
	}
	return nil
}

func oldNotAnArray(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends before the JSON array does", errMalformed)
	}
	return fmt.Errorf("%w: want a JSON array: %w", errMalformed, err)
}

// oldTokens decodes a page.
func oldTokens(r io.Reader, each func(Token) error) error {
	body := &oldPageBody{pageBody{r: r, element: new(int64)}, nil}
	body.dec = json.NewDecoder(body)
	return oldDecodeArray(body.dec, func(raw json.RawMessage) error {
		token, err := oldParseToken(raw)
		if err != nil {
			return err
		}
		return each(token)
	})
}

// oldPageBody is a pageBody for the old decoder.
type oldPageBody struct {
	pageBody
	dec *json.Decoder
}

func (b *oldPageBody) Read(p []byte) (int, error) {
	*b.element = b.dec.InputOffset()
	return b.pageBody.Read(p)
}

// newTokens decodes a page, as oldTokens does.
func newTokens(r io.Reader, each func(Token) error) error { return (&pageBody{r: r}).tokens(each) }
