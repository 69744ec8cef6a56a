package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxFile is the largest policy that is read. A thousand rules fit ten times.
const maxFile = 256 << 10

// Load reads and checks a policy file. A file that can't be read gives a plain error; one that is
// wrong gives Mistakes with everything that is wrong with it.
func Load(file string) (*Policy, error) {
	data, err := readFile(file, "the policy")
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// readFile reads a file, but not much more of it than is allowed.
func readFile(file, what string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return data, nil
}

// Parse checks a policy and compiles it. The name of the file is used in messages only. The error, if
// there is one, is a Mistakes with everything that is wrong, and then there is no policy.
func Parse(file string, data []byte) (*Policy, error) {
	r := &reader{file: file, places: make(map[string]place), least: "version: 1 and at least one rule"}
	p := &Policy{File: file, places: r.places}
	if doc := r.document(data); doc != nil {
		sum := sha256.Sum256(data)
		p.Digest = "sha256:" + hex.EncodeToString(sum[:])
		r.hideSecrets(doc)
		r.vet(doc, 0)
		r.policy(doc, p)
	}
	if len(r.mistakes) > 0 {
		r.mistakes.sort()
		return nil, r.mistakes
	}
	return p, nil
}

// document parses the one YAML document of a file into nodes. It returns nil after a mistake that
// leaves nothing to look at.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		r.wrongAt(1, 1, "the file is larger than 256 KiB: remove what is not policy")
		return nil
	}
	if line := brokenLine(data); line > 0 {
		r.wrongAt(line, 1, "this line is not valid UTF-8: save the file as UTF-8")
		return nil
	}
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decode(d, &doc); {
	case errors.Is(err, io.EOF):
		r.wrongAt(1, 1, "the file is empty: write %s", r.least)
		return nil
	case err != nil:
		r.syntax(data, err)
		return nil
	}
	switch err := decode(d, &more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(data, err)
	default:
		r.wrong(&more, "a second document starts here: write one document, without a second ---")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == nullTag {
		r.wrongAt(1, 1, "the file is empty: write %s", r.least)
		return nil
	}
	return root
}

// brokenLine is the number of the first line that is not UTF-8, or 0.
func brokenLine(data []byte) int {
	if utf8.Valid(data) {
		return 0
	}
	for i := 0; ; {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return 1 + bytes.Count(data[:i], []byte("\n"))
		}
		i += size
	}
}

// decode reads one document as nodes: yaml.v3 keeps positions there and decides nothing. A panic of
// the parser is given back as an error.
func decode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return d.Decode(n)
}

var yamlPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax notes an error of the YAML parser, at the line where the text stops being YAML.
func (r *reader) syntax(data []byte, err error) {
	found := yamlPrefix.FindStringSubmatch(err.Error())
	why := err.Error()
	line := 1
	if found != nil {
		why = why[len(found[0]):]
		if n, err := strconv.Atoi(found[1]); err == nil {
			line = n
		}
	}
	if n := firstBadLine(data); n > 0 {
		line = n
	}
	switch {
	case strings.HasPrefix(why, "unknown anchor"):
		why = "aliases (*name) are not read: write the value itself"
	case strings.HasPrefix(why, "mapping values are not allowed"):
		why = "not valid YAML, " + why + ": put text that contains a colon in quotes, or mend the indentation"
	default:
		why = "not valid YAML, " + why + ": mend the indentation, quotes or brackets"
	}
	r.wrongAt(line, 1, "%s", why)
}

// firstBadLine finds where a text that isn't YAML stops being so: the line after the longest run of
// lines that parses alone. The line that yaml.v3 gives can be that of the surrounding block instead,
// or missing. It returns 0 where the search would cost too much.
func firstBadLine(data []byte) int {
	ends := []int{0}
	for i, c := range data {
		if c == '\n' || i == len(data)-1 {
			ends = append(ends, i+1)
		}
	}
	budget := 8 << 20 // bytes parsed in the search, so that a large file can't make it slow
	parses := func(lines int) bool {
		budget -= ends[lines]
		d := yaml.NewDecoder(bytes.NewReader(data[:ends[lines]]))
		for {
			var n yaml.Node
			if err := decode(d, &n); err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
	good, bad := 0, len(ends)-1
	for budget > 0 {
		for bad-good > 1 && budget > 0 {
			if half := (good + bad) / 2; parses(half) {
				good = half
			} else {
				bad = half
			}
		}
		// A text or list over several lines does not parse until it is closed: look a little further.
		ahead := bad + 1
		for last := min(bad+50, len(ends)-1); ahead < last && budget > 0 && !parses(ahead); {
			ahead++
		}
		if budget <= 0 || ahead >= min(bad+50, len(ends)-1) {
			break
		}
		good, bad = ahead, len(ends)-1
	}
	if budget <= 0 {
		return 0
	}
	return bad
}
