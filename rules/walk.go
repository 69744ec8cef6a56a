package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// The short tags that yaml.v3 gives to scalars.
const (
	nullTag  = "!!null"
	textTag  = "!!str"
	intTag   = "!!int"
	floatTag = "!!float"
	boolTag  = "!!bool"
	timeTag  = "!!timestamp"
	mergeTag = "!!merge"
)

// maxDepth is how deep a file may nest. No policy that people can read comes near it.
const maxDepth = 100

// reader walks the nodes of one file and collects what is wrong. Its methods return false after they
// noted a mistake, so that the caller can go on with the rest.
type reader struct {
	file        string
	lines       [][]byte // of the file
	least       string   // what a file must have, for one that is empty
	mistakes    Mistakes
	doubts      Mistakes                      // of policy tests: what is allowed and unlikely
	enforces    *yaml.Node                    // the value of mode, if it could be read
	ids         map[string]int                // the line of each rule id
	quarantines []*yaml.Node                  // the quarantine keys of all rules, which need quarantine.zone
	elsewhere   func(what, key string) string // says where a key that is unknown here belongs; may be nil
	places      map[string]place              // of the keys in maps that are there once, as map.key
}

func (r *reader) wrongAt(line, column int, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{r.file, max(line, 1), max(column, 1),
		okta.Scrub(fmt.Sprintf(format, args...))})
}

func (r *reader) wrong(n *yaml.Node, format string, args ...any) {
	r.wrongAt(n.Line, n.Column, format, args...)
}

// key is one key of a map. The tables of keys are the grammar of the file.
type key[T any] struct {
	name string
	must string // what to add where the key is missing; "" if it may be
	doc  string // for the schema
	form *form  // what the value looks like; nil in files that have no schema
	// read gets the value into a T.
	read func(r *reader, k, v *yaml.Node, into *T)
}

// readMap reads the map n by a table of keys. Missing keys are noted at the node at.
func readMap[T any](r *reader, at, n *yaml.Node, what string, keys []key[T], into *T) {
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = keys[i].name
	}
	if n.Kind != yaml.MappingNode {
		r.wrongKind(n, "%s must be a map with the keys %s, and not %s", what, strings.Join(names, ", "), kindOf(n))
		return
	}
	seen := make([]bool, len(keys))
	for k, v := range r.entries(n) {
		i := slices.Index(names, k.Value)
		switch {
		case i < 0:
			r.wrong(k, "unknown key %s%s", quote(k.Value), r.insteadOfKey(what, k.Value, names))
		case r.filled(k, v, keys[i].form):
			seen[i] = true
			r.places[what+"."+k.Value] = placeOf(v)
			keys[i].read(r, k, v, into)
		default:
			seen[i] = true
		}
	}
	if len(n.Content) == 0 && !slices.ContainsFunc(keys, func(k key[T]) bool { return k.must != "" }) {
		r.wrong(n, "%s is empty: write one of %s, or leave it out", what, strings.Join(names, ", "))
	}
	for i := range keys {
		if keys[i].must != "" && !seen[i] {
			r.wrong(at, "%s has no %s: add %s", what, keys[i].name, keys[i].must)
		}
	}
}

// entries ranges over the usable entries of a map: text keys, each once. The rest is for vet to note.
func (r *reader) entries(n *yaml.Node) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		seen := make(map[string]bool, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if k.Kind != yaml.ScalarNode || k.Tag != textTag || seen[k.Value] {
				continue
			}
			seen[k.Value] = true
			if !yield(k, v) {
				return
			}
		}
	}
}

// filled reports whether a key has a value, and notes it if not. form is what the value looks like; it may be nil.
func (r *reader) filled(k, v *yaml.Node, form *form) bool {
	if v.Kind == yaml.ScalarNode && v.Tag == nullTag {
		instead := r.orComment(v, "write it after the colon")
		if form == channelID && r.commentAt(v) != "" { // the name of a channel, as Slack shows it
			instead = "# begins a comment, and a channel's name is not enough: " + channelID.advice
		}
		r.wrong(k, "%s has no value: %s", quote(k.Value), instead)
		return false
	}
	return v.Kind != yaml.AliasNode
}

// list returns the items of a list, without those that are null or aliases.
func (r *reader) list(n *yaml.Node, what, instead string) (items []*yaml.Node, ok bool) {
	if n.Kind != yaml.SequenceNode {
		return nil, r.wrongKind(n, "%s must be a list, and not %s: write %s", what, kindOf(n), instead)
	}
	ok = true
	for _, item := range n.Content {
		switch {
		case item.Kind == yaml.AliasNode:
			ok = false
		case item.Kind == yaml.ScalarNode && item.Tag == nullTag:
			r.wrong(item, "this item of %s has no value: %s", what, r.orComment(item, "write one, or remove the item"))
			ok = false
		default:
			items = append(items, item)
		}
	}
	return items, ok
}

// wrongKind notes a value of the wrong shape and returns false. An alias was noted by vet already.
func (r *reader) wrongKind(n *yaml.Node, format string, args ...any) bool {
	if n.Kind != yaml.AliasNode {
		r.wrong(n, format, args...)
	}
	return false
}

// vet looks through all nodes for what no policy may hold, wherever it stands: anchors and aliases,
// merge keys, tags, keys that are not text, and duplicate keys (which yaml.v3 does not report here).
func (r *reader) vet(n *yaml.Node, depth int) {
	if depth > maxDepth {
		r.wrong(n, "the file nests deeper than %d levels here: write flatter conditions", maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode {
		r.wrong(n, "aliases (*%s) are not read: write the value itself", n.Value)
		return
	}
	if n.Anchor != "" {
		r.wrong(n, "anchors (&%s) are not read: write each value where it is used", n.Anchor)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		r.wrong(n, "the tag %s is not read: remove it, and put text in quotes", quote(n.Tag))
	}
	if n.Kind == yaml.MappingNode {
		r.vetKeys(n)
	}
	for i, child := range n.Content {
		r.vetSpaces(child, n.Kind == yaml.MappingNode && i%2 == 0)
		r.vet(child, depth+1)
	}
}

func (r *reader) vetKeys(n *yaml.Node) {
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind == yaml.AliasNode || k.Style&yaml.TaggedStyle != 0:
		case k.Kind == yaml.ScalarNode && k.Tag == mergeTag:
			r.wrong(k, "merge keys (<<) are not read: write the keys themselves")
		case k.Kind != yaml.ScalarNode || k.Tag != textTag:
			r.wrong(k, "a key must be text, and not %s", kindOf(k))
		case lines[k.Value] > 0:
			r.wrong(k, "duplicate key %s: it is in line %d already, remove one of the two", quote(k.Value),
				lines[k.Value])
		default:
			lines[k.Value] = k.Line
		}
	}
}

// hideSecrets notes each credential in the file, by its form, and takes it out, so that nothing that is said later
// repeats it, or a part of it.
func (r *reader) hideSecrets(n *yaml.Node) {
	for _, text := range []*string{&n.Value, &n.Tag, &n.Anchor} {
		if okta.HoldsSecret(*text) {
			r.wrong(n, "this looks like a credential, and a policy is no place for one: remove it, and end it if "+
				"others could read it here")
			*text = "…"
		}
	}
	for _, child := range n.Content {
		r.hideSecrets(child)
	}
}

// kindOf names the shape of a value for people.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case nullTag:
		return "nothing"
	case intTag, floatTag:
		return "a number"
	case boolTag:
		return "true or false"
	case timeTag:
		return "a date"
	default:
		return "text"
	}
}

// suggest ends a message about an unknown word: with the known one that it was probably meant to be,
// or else with all of them.
func suggest(word string, known []string) string {
	if best := Nearest(word, known); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ": write one of " + strings.Join(known, ", ")
}

// Nearest is the known word that a word was probably meant to be, "" if none is like it.
func Nearest(word string, known []string) string {
	best, least := "", 3
	if len(word) < 64 { // the distance is quadratic; longer words resemble none of ours
		for _, k := range known {
			d := distance(plain(word), plain(k))
			if len(word) > 2 && strings.HasPrefix(plain(k), plain(word)) {
				d = 1
			}
			if d < least && d*2 < len(k) {
				best, least = k, d
			}
		}
	}
	return best
}

// plain removes what only style tells apart, or nobody sees: per_run and perRun are one word.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("_- ", c) || oddSpaces[c] != "" {
			return -1
		}
		return unicode.ToLower(c)
	}, s)
}

// distance is the number of letters to insert, remove, replace or swap to get from a to b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
