package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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
	r := &reader{file: file, places: make(map[string]place), least: "version: 1 and at least one rule",
		elsewhere: elsewhere}
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
	r.lines = bytes.Split(data, []byte("\n"))
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
