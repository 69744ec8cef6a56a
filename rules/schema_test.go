package rules

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// compiled is the schema, in a validator that has nothing of ours.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("policy.schema.json", doc))
	s, err := c.Compile("policy.schema.json")
	require.NoError(t, err)
	return s
}

// value is what a YAML node means to an editor, which knows no dates: the type of a JSON value.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return value(n.Content[0])
	case yaml.AliasNode:
		return value(n.Alias)
	case yaml.MappingNode:
		m := make(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, value(item))
		}
		return list
	}
	var v any
	if n.Tag == timeTag || n.Decode(&v) != nil {
		return n.Value
	}
	return v
}

func TestTheSchemaInTheRepositoryIsTheProgrammes(t *testing.T) {
	const file = "../policy.schema.json"
	if *update {
		require.NoError(t, os.WriteFile(file, Schema(), 0o644))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(Schema()), string(data))
	example, err := os.ReadFile("../policy.example.yaml")
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(example, []byte("# yaml-language-server: $schema=policy.schema.json\n")),
		"editors look for it in the first line")
}

// What the schema lets pass and the parser refuses, by the word of the list unseen that says so.
var notInTheSchema = map[string][]string{
	"YAML itself": {
		"a broken second document", "a duplicate key deep inside", "a second document", "a tag", "an alias",
		"an anchor",
	},
	"spellings that become the same value": {
		"a limit that is hexadecimal", "a limit that is in scientific notation", "a limit that is octal",
		"a limit that is with underscores", "a text that is a date", "numbers in every odd form",
	},
	"rule ids":             {"a duplicate rule id"},
	"conditions that nest": {"conditions too deep"},
	"expressions":          {"an expression that does not compile", "an expression with look ahead"},
	"dates that are in no": {"a date that does not exist", "an exemption until a day that does not exist"},
	"durations longer":     {"a duration too long"},
	"schedules that": {
		"a schedule of commas", "a schedule of four fields", "a schedule out of range",
		"a schedule that fires too often", "a schedule that never fires",
		"a schedule that panics robfig cron", "a schedule with its own zone", "an unknown time zone",
		"the local time zone", "a schedule on Sunday as other crons write it", "a schedule on the last day of a month",
		"a schedule at the start of the machine", "a schedule with seconds", "a time zone that is none",
	},
	"addresses":    {"an org of the admin console", "an org on plain http", "an org that is no host"},
	"ids of zones": {"a zone of a wrong length"},
}

// Parser and schema have the same verdict of every example, but for what a schema can't see: no more and no less
// than that.
func TestTheSchemaAgreesWithTheParser(t *testing.T) {
	s := compiled(t)
	unjudged := make(map[string]bool)
	for word, names := range notInTheSchema {
		require.Contains(t, strings.Join(unseen, "\n"), word)
		for _, name := range names {
			unjudged[name] = true
		}
	}
	require.Len(t, notInTheSchema, len(unseen))
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range append(files, "../policy.example.yaml", "../cli/demo.yaml") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		name, bad := sentence(file, "bad-"), strings.HasPrefix(filepath.Base(file), "bad-")
		t.Run(name, func(t *testing.T) {
			var doc yaml.Node
			if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
				require.True(t, bad)
				t.Skip("not a YAML document: no schema is asked")
			}
			_, err := Parse(file, data)
			require.Equal(t, bad, err != nil)
			err = s.Validate(value(&doc))
			switch {
			case !bad:
				require.NoError(t, err)
			case unjudged[name]:
				require.NoError(t, err, "the schema can see it: take it off the list")
			default:
				require.Error(t, err)
			}
			delete(unjudged, name)
		})
	}
	require.Empty(t, unjudged, "no such files")
}

// An editor shows, in our words, what is wrong with each value that a pattern, a type or a list of words refuses; it
// has a title and a description for each key, the meaning of each word of a list, and examples that are right.
func TestTheSchemaHelpsEditors(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("policy.schema.json", doc))
	patterns, examples := 0, 0
	var look func(at string, v any)
	look = func(at string, v any) {
		if list, ok := v.([]any); ok {
			for i, item := range list {
				look(fmt.Sprintf("%s/%d", at, i), item)
			}
		}
		s, ok := v.(map[string]any)
		if !ok || strings.Contains(at, "/if") {
			return
		}
		if s["pattern"] != nil {
			patterns++
			require.NotEmpty(t, s["patternErrorMessage"], at)
		}
		if typ := s["type"]; typ != nil && typ != "object" && !strings.HasSuffix(at, "contains") {
			require.NotEmpty(t, s["errorMessage"], "%s is no %s", at, typ)
		}
		if words, ok := s["enum"].([]any); ok {
			require.Len(t, s["enumDescriptions"], len(words), at)
			require.NotEmpty(t, s["errorMessage"], at)
		}
		properties, _ := s["properties"].(map[string]any)
		for name, p := range properties {
			require.Contains(t, p.(map[string]any)["title"], name, at)
			require.NotEmpty(t, p.(map[string]any)["description"], "%s %s", at, name)
		}
		var values []any
		if all, ok := s["examples"].([]any); ok {
			values = all
		}
		snippets, _ := s["defaultSnippets"].([]any)
		for _, snippet := range snippets {
			body := snippet.(map[string]any)["body"]
			if s["type"] == "array" {
				body = []any{body}
			}
			values = append(values, body)
			require.NotContains(t, snippet.(map[string]any)["label"], "\n", at)
		}
		if len(values) > 0 {
			one, err := c.Compile("policy.schema.json#" + at)
			require.NoError(t, err)
			for _, v := range values {
				examples++
				require.NoError(t, one.Validate(v), "%s: %v", at, v)
			}
		}
		for keyword, part := range s {
			if keyword != "examples" && keyword != "defaultSnippets" {
				look(at+"/"+keyword, part)
			}
		}
	}
	look("", doc)
	require.Greater(t, patterns, 20)
	require.Greater(t, examples, 50)
}
