package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// fields are the names of the fields that this version knows, in small letters.
var fields = func() map[string]bool {
	names := make(map[string]bool)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[wire]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names[strings.ToLower(name)] = true
		}
	}
	return names
}()

// understood reports whether all fields are known without which the record must not be read.
func (w *wire) understood() bool {
	for _, name := range w.Crit {
		if !fields[strings.ToLower(name)] {
			return false
		}
	}
	return true
}

// unknownFields returns the fields of a line that this version doesn't know, as they stand there: a newer version wrote
// them, and the record may be read without them. known is the line without them. The error says that they are
// not all that differs.
func unknownFields(line, known []byte) (string, error) {
	line, known = line[:len(line)-sumLength], known[:len(known)-sumLength]
	for _, c := range line {
		if c < ' ' || c > '~' {
			return "", fmt.Errorf("a byte %#x", c)
		}
	}
	object := json.NewDecoder(bytes.NewReader(append(bytes.Clone(line), '}')))
	if _, err := object.Token(); err != nil {
		return "", err
	}
	rest, unknown, seen := []byte{'{'}, []byte(nil), make(map[string]bool)
	for object.More() {
		begin := object.InputOffset()
		name, err := object.Token()
		if err != nil {
			return "", err
		}
		var value json.RawMessage
		if err := object.Decode(&value); err != nil {
			return "", err
		}
		word := strings.ToLower(fmt.Sprint(name))
		field := bytes.TrimPrefix(line[begin:object.InputOffset()], []byte(","))
		to := &rest
		if !fields[word] {
			to = &unknown
			if seen[word] || !compact(field) {
				return "", errors.New("a field twice, or not as it would be written")
			}
			seen[word] = true
		}
		if n := len(*to); n > 0 && (*to)[n-1] != '{' {
			*to = append(*to, ',')
		}
		*to = append(*to, field...)
	}
	if !bytes.Equal(rest, known) {
		return "", errors.New("not what would be written")
	}
	return string(unknown), nil
}

// compact reports whether a field has no space but in strings.
func compact(field []byte) bool {
	var out bytes.Buffer
	object := append(append([]byte{'{'}, field...), '}')
	return json.Compact(&out, object) == nil && bytes.Equal(out.Bytes(), object)
}
