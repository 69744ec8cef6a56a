package okta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// members calls f with each key and raw value of a JSON object. raw must be valid JSON. Unlike
// encoding/json it takes keys as they are written, and refuses an object that has one of them twice:
// there is no telling which of the two was meant.
func members(raw []byte, f func(key string, value []byte) error) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return fmt.Errorf("%w: want an object, found %s", errMalformed, begins(raw))
	}
	var keys [32]string // enough for what Okta sends; more spills to the heap
	seen := keys[:0]
	for i := skipSpace(raw, 1); raw[i] != '}'; {
		end := skipValue(raw, i)
		key, err := text(raw[i:end])
		if err != nil {
			return err
		}
		for _, k := range seen {
			if k == key {
				return fmt.Errorf("%w: an object has the key %q twice", errMalformed, key)
			}
		}
		seen = append(seen, key)
		i = skipSpace(raw, skipSpace(raw, end)+1) // behind the colon
		end = skipValue(raw, i)
		if err := f(key, raw[i:end]); err != nil {
			return err
		}
		if i = skipSpace(raw, end); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns the end of the JSON value that begins at i.
func skipValue(b []byte, i int) int {
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

// text reads a JSON string.
func text(raw []byte) (string, error) {
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%w: want a text, found %s", errMalformed, begins(raw))
	}
	return s, nil
}

// begins shows the start of an answer in an error, as a type of JSON or, if it isn't JSON, as it is.
func begins(raw []byte) string {
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == '"':
		return "a text"
	case raw[0] == '<':
		return "a page of HTML or XML"
	}
	return fmt.Sprintf("%q", raw)
}

// field reads one optional value: null is missing, and what read can't make sense of is malformed,
// which makes it unknown to rules but doesn't spoil the listing.
func field[T any](raw []byte, read func(string) (T, error)) Opt[T] {
	if string(raw) == "null" {
		return Opt[T]{}
	}
	s, err := text(raw)
	if err != nil {
		return Unreadable[T]()
	}
	v, err := read(s)
	if err != nil {
		return Unreadable[T]()
	}
	return Some(v)
}

func textField(raw []byte) Opt[string] {
	return field(raw, func(s string) (string, error) { return s, nil })
}

// userField reads the id of a user: another text than such an id names nobody.
func userField(raw []byte) Opt[string] {
	return field(raw, func(s string) (string, error) { return s, checkUserID(s) })
}

func timeField(raw []byte) Opt[time.Time] {
	return field(raw, func(s string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, s)
		if t = t.UTC(); err == nil && !inYears(t) {
			err = fmt.Errorf("%w: the year %d", errMalformed, t.Year())
		}
		return t, err
	})
}

// inYears reports whether a time can be written down in JSON again
// (https://datatracker.ietf.org/doc/html/rfc3339#section-1).
func inYears(t time.Time) bool { return 0 <= t.Year() && t.Year() <= 9999 }

func listField(raw []byte) Opt[[]string] {
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

// parseToken reads one token, which must be valid JSON.
func parseToken(raw []byte) (Token, error) {
	var t Token
	var id Opt[string]
	err := members(raw, func(key string, value []byte) error {
		switch key {
		case "id":
			id = textField(value)
		case "name":
			t.Name = textField(value)
		case "userId":
			t.UserID = userField(value)
		case "clientName":
			t.ClientName = textField(value)
		case "created":
			t.Created = timeField(value)
		case "lastUpdated":
			t.LastUpdated = timeField(value)
		case "expiresAt":
			t.ExpiresAt = timeField(value)
		case "tokenWindow":
			t.TokenWindow = field(value, ParseDuration)
		case "network":
			t.Network = networkField(value)
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

// maxIDLen is the longest id, in bytes, that a listing may hold. Okta's have 20; an id of another form
// can be reported, and CheckTokenID keeps it from being used.
const maxIDLen = 128

func networkField(raw []byte) Opt[Network] {
	if string(raw) == "null" {
		return Opt[Network]{}
	}
	var n Network
	err := members(raw, func(key string, value []byte) error {
		switch key {
		case "connection":
			n.Connection = textField(value)
		case "include":
			n.Include = listField(value)
		case "exclude":
			n.Exclude = listField(value)
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

// whole checks that an answer is exactly one valid JSON value, before members walks it.
func whole(body []byte) error {
	if !json.Valid(body) {
		return fmt.Errorf("%w: want JSON, found %s", errMalformed, begins(bytes.TrimSpace(body)))
	}
	return nil
}

// tokenIn is a decoder that reads a token into t.
func tokenIn(t *Token) decoder {
	return func(body []byte) (_ Opt[string], err error) {
		*t, err = parseToken(body)
		return Some(t.ID), err
	}
}
