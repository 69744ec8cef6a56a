package okta

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader reads one JSON value as it arrives. A failure of the connection or of the syntax is kept in err; every
// read after it does nothing, and what it returns means nothing.
//
// The decoder is the standard library's own from Go 1.27 on, as encoding/json/jsontext: then the import is to be
// exchanged and nothing else (https://github.com/go-json-experiment/json).
type jsonReader struct {
	json *jsontext.Decoder
	err  error
	// element is where the element of the outermost array begins that is being read, as an offset in bytes.
	element int64
}

// Okta's answers hold text that people wrote: broken UTF-8 in it is replaced by U+FFFD and spoils no listing. Keys that
// come twice are refused by readObject, and only among those that it reads.
var lenient = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

func newJSONReader(r io.Reader) *jsonReader {
	return &jsonReader{json: jsontext.NewDecoder(r, lenient...)}
}

// peek returns the kind of what comes next, 0 if that can't be told: the next read fails then.
func (r *jsonReader) peek() jsontext.Kind {
	if r.err != nil {
		return jsontext.KindInvalid
	}
	return r.json.PeekKind()
}

// token reads a text, a number or a word, or the beginning or the end of an object or array.
func (r *jsonReader) token() (t jsontext.Token) {
	if r.err == nil {
		t, r.err = r.json.ReadToken()
	}
	return t
}

// value reads a whole value. It is valid until the next read.
func (r *jsonReader) value() (v jsontext.Value) {
	if r.err == nil {
		v, r.err = r.json.ReadValue()
	}
	return v
}

// array reads an array and nothing behind it. each is called at each element, and has to read it; its error ends it.
func (r *jsonReader) array(each func() error) error {
	switch start := r.token(); {
	case r.err != nil:
		return notAnArray(r.err)
	case start.Kind() != jsontext.KindBeginArray:
		return fmt.Errorf("%w: want a JSON array, found another JSON value", errMalformed)
	}
	err := r.elements(each)
	if r.err != nil {
		return notAnArray(r.err)
	}
	if err != nil {
		return err
	}
	if r.token(); !errors.Is(r.err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON array", errMalformed)
	}
	return nil
}

// elements reads the rest of an array whose beginning was read. It is array's loop.
func (r *jsonReader) elements(each func() error) error {
	for {
		if r.json.StackDepth() == 1 {
			r.element = r.json.InputOffset()
		}
		if r.peek() == jsontext.KindEndArray {
			r.token()
			return r.err
		}
		if err := each(); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
	}
}

func notAnArray(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends before the JSON array does", errMalformed)
	}
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		words, _, _ := strings.Cut(syntax.Err.Error(), " (expecting")
		return fmt.Errorf("%w: want a JSON array: %s", errMalformed, wordsOfEncodingJSON.Replace(words))
	}
	return fmt.Errorf("%w: want a JSON array: %w", errMalformed, err)
}

// wordsOfEncodingJSON are those that operators know from encoding/json, which keeps them in Go 1.27, too
// (https://github.com/go-json-experiment/json/blob/v1.27.2/v1/scanner.go#L85).
var wordsOfEncodingJSON = strings.NewReplacer(
	"object name", "object key",
	"at start of value", "looking for beginning of value",
	"at start of string", "looking for beginning of object key string",
	"after object value", "after object key:value pair",
	"in number", "in numeric literal",
)

// member is a key of an object that is read into a T.
type member[T any] struct {
	// key is matched as it is written; otherKeys is for all that no other row names, and stands last.
	key string
	// read reads the value.
	read func(r *jsonReader, into *T)
	// within are read instead, if the value is not null: it must be an object.
	within []member[T]
}

// otherKeys as the key of a member stands for all keys that the members don't name. They are skipped where it is
// missing.
const otherKeys = "*"

// readObject reads the object that comes next. The error is one about what was read: it is no object, or has a key of
// members twice, and there is no telling which of the two was meant. The object was read to its end even so.
func readObject[T any](r *jsonReader, members []member[T], into *T) (wrong error) {
	if kind := r.peek(); kind != jsontext.KindBeginObject {
		return fmt.Errorf("%w: want an object, found %s", errMalformed, describe(r.value()))
	}
	r.token()
	if r.json.StackDepth() == 2 {
		r.element = r.json.InputOffset() - 1
	}
	seen := uint64(0)
	for r.peek() != jsontext.KindEndObject {
		m := memberNamed(members, r.token().String())
		switch {
		case r.err != nil:
			return r.err
		case m < 0:
			r.value()
			continue
		case seen&(1<<m) != 0 && members[m].key != otherKeys && wrong == nil:
			wrong = fmt.Errorf("%w: an object has the key %q twice", errMalformed, members[m].key)
		}
		seen |= 1 << m
		if err := members[m].readValue(r, into); wrong == nil {
			wrong = err
		}
	}
	r.token()
	return wrong
}

func (m *member[T]) readValue(r *jsonReader, into *T) error {
	switch {
	case m.read != nil:
		m.read(r, into)
	case r.peek() == jsontext.KindNull:
		r.value()
	default:
		return readObject(r, m.within, into)
	}
	return nil
}

// memberNamed returns the index of the member with a key, that of otherKeys, or -1.
func memberNamed[T any](members []member[T], key string) int {
	for i := range members {
		if key == members[i].key {
			return i
		}
	}
	if last := len(members) - 1; last >= 0 && members[last].key == otherKeys {
		return last
	}
	return -1
}

// optional reads a text with parse: null is missing, and what parse can't make sense of is malformed, which makes it
// unknown to rules but doesn't spoil the listing.
func optional[T any](r *jsonReader, parse func(string) (T, error)) Opt[T] {
	switch r.peek() {
	case jsontext.KindNull:
		r.value()
		return Opt[T]{}
	case jsontext.KindString:
		text := r.token()
		if r.err != nil {
			return Opt[T]{}
		}
		if v, err := parse(text.String()); err == nil {
			return Some(v)
		}
		return Unreadable[T]()
	}
	r.value()
	return Unreadable[T]()
}

// text reads a text of any kind.
func (r *jsonReader) text() Opt[string] {
	return optional(r, func(s string) (string, error) { return s, nil })
}

// list reads an array with read, which says of each element whether it is readable: null is missing, and an array of
// which not all is readable is malformed.
func list[T any](r *jsonReader, read func() (T, bool)) Opt[[]T] {
	switch r.peek() {
	case jsontext.KindNull:
		r.value()
		return Opt[[]T]{}
	case jsontext.KindBeginArray:
		r.token()
	default:
		r.value()
		return Unreadable[[]T]()
	}
	items, readable := []T{}, true
	_ = r.elements(func() error {
		item, ok := read()
		items, readable = append(items, item), readable && ok
		return nil
	})
	if !readable {
		return Unreadable[[]T]()
	}
	return Some(items)
}

func (r *jsonReader) texts() Opt[[]string] {
	return list(r, func() (string, bool) { return r.text().Get() })
}

// readAnswer reads an answer about one thing: an object, which checkJSON has found to be valid.
func readAnswer[T any](body []byte, members []member[T], into *T) error {
	return readObject(newJSONReader(bytes.NewBuffer(body)), members, into)
}

// checkJSON checks that an answer is exactly one valid JSON value.
func checkJSON(body []byte) error {
	if !jsontext.Value(body).IsValid(lenient...) {
		return fmt.Errorf("%w: want JSON, found %s", errMalformed, describe(bytes.TrimSpace(body)))
	}
	return nil
}

// describe shows the start of an answer in an error, as a type of JSON or, if it isn't JSON, as it is.
func describe(raw []byte) string {
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
