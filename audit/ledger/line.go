package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"unicode/utf8"
)

// version is that of the line format. A line of another version is refused, never guessed at.
const version = 1

// maxLine is the length of the longest line in bytes. A plan that acts on 100,000 tokens fits.
const maxLine = 32 << 20

// wire is a line without its sum. The order of the fields is that of the keys.
type wire struct {
	V int `json:"v"`
	Record
	// Crit names the fields without which the record must not be read, as JWS does
	// (https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11): a version that adds a field which changes what the
	// others mean names it here. This one adds none.
	Crit []string `json:"crit,omitempty"`
	Prev string   `json:"prev"`
}

// The sum that ends a line: `,"sum":"`, eight hex digits, `"}`.
const (
	sumKey    = `,"sum":"`
	sumDigits = 8
	sumLength = len(sumKey) + sumDigits + len(`"}`)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendSum appends the sum of body, a line without its end, to dst.
func appendSum(dst, body []byte) []byte {
	sum := binary.BigEndian.AppendUint32(make([]byte, 0, 4), crc32.Checksum(body, castagnoli))
	dst = append(dst, sumKey...)
	dst = hex.AppendEncode(dst, sum)
	return append(dst, `"}`...)
}

// render writes w as a line, without the newline.
func render(w *wire) ([]byte, error) {
	object, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	body := escape(object[:len(object)-1])
	return appendSum(body, body), nil
}

// escape writes the characters of a JSON text that are not ASCII's printable ones, which are all inside of strings, as
// JSON escapes: so a line shows what it holds, and its bytes don't depend on what a version of Unicode, and so of Go,
// takes for printable.
func escape(text []byte) []byte {
	plain := true
	for _, c := range text {
		if c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/4+sumLength)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case ' ' <= r && r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

// The words for a line that is not what was written.
const (
	changed = "is not what was written: its checksum doesn't fit its bytes; restore the state directory from a copy, " +
		"or keep this one for inquiry and begin a new one"
	newer = "is whole, but this version doesn't understand it: a newer version wrote it; use that one"
)

// flaw is what is wrong with a line.
type flaw struct {
	reason string
	newer  bool
}

// parsed is a line that was read: it has a flaw, or everything else is set.
type parsed struct {
	wire
	hash   string
	length int
	flaw   *flaw
}

// summed says whether line ends with the right sum of what comes before it.
func summed(line []byte) bool {
	n := len(line) - sumLength
	return n > 0 && bytes.Equal(appendSum(make([]byte, 0, sumLength), line[:n]), line[n:])
}

// parse reads a line without its newline. If it finds no flaw, the line is what render writes, byte for byte, but for
// fields that this version doesn't know.
func parse(line []byte) (p parsed) {
	if !summed(line) {
		return parsed{flaw: &flaw{reason: changed}}
	}
	if err := json.Unmarshal(line, &p.wire); err != nil || p.V != version || !p.Kind.known() {
		return parsed{flaw: &flaw{newer, true}}
	}
	again, err := render(&p.wire)
	if err == nil && !bytes.Equal(again, line) {
		p.Unknown, err = unknownFields(line, again)
	}
	if err != nil || !p.understood() || !p.legible() {
		return parsed{flaw: &flaw{newer, true}}
	}
	p.hash, p.length = hashOf(line), len(line)
	return p
}

// hashOf is the hash of a line without its newline.
func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}
