package rules

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// What the schema has for editors alone. It is in block style and in the order of the tables, since an editor writes it
// into the file as it stands.

// member is one key of a map whose keys keep their order.
type member struct {
	name  string
	value any
}

// members are a map whose keys keep their order.
type members []member

// MarshalJSON writes a JSON object.
func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	before := byte('{')
	for _, x := range m {
		b.WriteByte(before)
		before = ','
		if err := e.Encode(x.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(x.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// maxLabel is how many letters of a label yaml-language-server shows.
const maxLabel = 60

// snippet is an example that an editor offers to write. Its label is the example itself on one line.
func snippet(block, doc string) schema {
	var n yaml.Node
	_ = yaml.Unmarshal([]byte(block), &n) // TestTheSchemaHelpsEditors reads all of them
	label := flow(n.Content[0])
	if len(label) > maxLabel {
		label = label[:maxLabel-5] + "…"
	}
	s := schema{"label": label, "body": inOrder(n.Content[0])}
	if doc != "" {
		s["description"] = doc
	}
	return s
}

// inOrder is what a node says, with the keys of maps in their order.
func inOrder(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		var m members
		for i := 0; i+1 < len(n.Content); i += 2 {
			m = append(m, member{n.Content[i].Value, inOrder(n.Content[i+1])})
		}
		return m
	case yaml.SequenceNode:
		var all []any
		for _, item := range n.Content {
			all = append(all, inOrder(item))
		}
		return all
	}
	if n.Tag == intTag {
		return json.Number(n.Value)
	}
	return n.Value
}

// flow is a node on one line, as people write it: {quarantine: 3d, revoke: 7d}.
func flow(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+": "+flow(n.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return n.Value
}

// underKey is the example of a form as the value of a key.
func underKey(name string, f *form) string {
	first, other := "\n  ", "\n  "
	if f.schema["type"] == "array" {
		first, other = "\n  - ", "\n    "
	}
	return name + ":" + first + strings.ReplaceAll(f.block, "\n", other)
}

var markup = regexp.MustCompile("[\\\\`*_{}\\[\\]#+!<>]")

// markdown is a text that Markdown shows as it is.
func markdown(text string) string { return markup.ReplaceAllString(text, `\$0`) }

// choices are what an editor offers for a value that a text of the field can have; nil where none is known.
func (f *field) choices() []schema {
	if f.values == nil {
		return nil
	}
	var all []schema
	for _, k := range f.values.known {
		s := schema{"label": k.word, "body": k.word}
		if k.console != "" {
			s["description"] = "the admin console calls it " + k.console
		}
		all = append(all, s)
	}
	return all
}

// argumentOf is the form of an operator's argument for a field: with the values that the field is known to have.
func (f *field) argumentOf(o *operator) *form {
	choices := f.choices()
	if choices == nil {
		return o.argument
	}
	a := *o.argument
	switch o.argument {
	case oneText:
		a.schema = with(a.schema, "defaultSnippets", choices)
	case someTexts:
		a.schema = with(a.schema, "items", with(a.schema["items"].(schema), "defaultSnippets", choices))
	}
	return &a
}

// with is the schema with one keyword more, or another one.
func with(s schema, keyword string, value any) schema {
	t := schema{keyword: value}
	for k, v := range s {
		if k != keyword {
			t[k] = v
		}
	}
	return t
}

// howToAsk says of a value that asks nothing what may be asked of fields like this one.
func (f *field) howToAsk() string {
	use := "write a map of operators, one or more of " + strings.Join(operatorsOf(f), ", ")
	switch {
	case operatorFor("in", f.kind()) != nil:
		use = "write a text, a list of texts, or " + strings.TrimPrefix(use, "write ")
	case operatorFor("is", f.kind()) != nil:
		use = "write true or false, or " + strings.TrimPrefix(use, "write ")
	}
	return use
}
