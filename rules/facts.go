package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"tokensweep/okta"
)

// Facts is a digest of the values of all fields that the rule reads, and of what it asks and does. It
// changes if one of them does, and not with time: a notice about a token holds only as long as the facts
// that it was given for.
func (r *Rule) Facts(t *okta.Token) string {
	read := make(map[*field]bool)
	r.when.reads(read)
	h := sha256.New()
	_, _ = io.WriteString(h, r.source)
	for i := range fields {
		if f := &fields[i]; read[f] {
			_, _ = io.WriteString(h, f.fact(t))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// reads adds the fields that the condition asks about.
func (n *node) reads(read map[*field]bool) {
	if n.join == joinLeaf {
		read[n.leaf.field] = true
	}
	for i := range n.parts {
		n.parts[i].reads(read)
	}
}

// endOfTime is an instant after which nothing lies, so that no value is disbelieved for being later.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// fact is the field's name, presence and whole value, a zero one where it has none. All that is asked of a list is what
// is in it: neither the order in which Okta returns it nor repetitions are part of the fact. It is ASCII: which other
// characters %q escapes depends on the Unicode tables of the Go that built the program.
func (f *field) fact(t *okta.Token) string {
	var value any
	switch f.kind() {
	case textKind:
		value, _ = f.text(t).Get()
	case timeKind:
		at, _ := f.time(t).Get()
		value = at.UTC().Format(time.RFC3339Nano)
	case spanKind:
		value, _ = f.span(t).Get()
	case listKind:
		items, _ := f.list(t).Get()
		value = slices.Compact(slices.Sorted(slices.Values(items)))
	default:
		value, _ = f.yesNo(t, endOfTime).Get()
	}
	return fmt.Sprintf("%s %s %+q\n", f.name, f.presence(t, endOfTime), fmt.Sprintf("%+q", value))
}
