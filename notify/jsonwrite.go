package notify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// writeJSON writes v indented, as JSONLine does.
func writeJSON(w io.Writer, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return JSONLine(w, raw)
}

// writeAround writes an object, as writeJSON does: the fields of before, one list, and the fields of after. The items
// go out one by one: held whole, those of a large org would take more memory than all else. before and after are
// structs with at least one field.
func writeAround[T any](w io.Writer, before any, list string, items iter.Seq[T], after any) error {
	out := bufio.NewWriterSize(w, 1<<16)
	head, err := json.MarshalIndent(before, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, _ = out.Write(escaped(bytes.TrimSuffix(head, []byte("\n}")))) // bufio keeps the error for Flush
	_, _ = fmt.Fprintf(out, ",\n  %q: [", list)
	sep, end := "\n    ", "]"
	for item := range items {
		raw, err := json.MarshalIndent(item, "    ", "  ")
		if err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		_, _ = out.WriteString(sep)
		if _, err := out.Write(escaped(raw)); err != nil {
			return err
		}
		sep, end = ",\n    ", "\n  ]"
	}
	tail, err := json.MarshalIndent(after, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, _ = out.WriteString(end + ",")
	_, _ = out.Write(escaped(bytes.TrimPrefix(tail, []byte("{"))))
	_ = out.WriteByte('\n')
	return out.Flush()
}

// JSONLine writes a piece of JSON and a line break, with whatever does not print as an escape. A reader of JSON
// turns that back into the very same text.
func JSONLine(w io.Writer, raw []byte) error {
	_, err := w.Write(append(slices.Clip(escaped(raw)), '\n'))
	return err
}

// escaped is a piece of JSON with whatever does not print as an escape.
func escaped(raw []byte) []byte {
	if !bytes.ContainsFunc(raw, needsEscape) {
		return raw
	}
	var b bytes.Buffer
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case !needsEscape(r):
			b.Write(raw[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			_, _ = fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			_, _ = fmt.Fprintf(&b, `\u%04x`, r)
		}
		raw = raw[size:]
	}
	return b.Bytes()
}

// needsEscape reports whether a character of JSON does not print.
func needsEscape(r rune) bool { return (r >= utf8.RuneSelf || r == 0x7f) && !strconv.IsPrint(r) }
