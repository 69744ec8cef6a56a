package rules

import (
	"fmt"
	"maps"
	"strings"
)

// form is what a value of the file looks like, for messages, the reference and the schema. What a value is
// read by is said where it is used: a form may let pass what the reader refuses, never the other way round.
type form struct {
	words string // as in "write a duration"; titles have it too
	// advice is what an editor says of a value that doesn't fit; "" for what words and examples make.
	advice string
	// examples are values that an editor offers.
	examples []any
	// block is an example of a map, or of an item of a list of maps, in YAML; "" for other forms.
	block  string
	schema schema
}

// schema is a JSON Schema of the draft 2020-12, or a part of one.
type schema map[string]any

// choice is a word that a value can be, and what it means.
type choice struct{ word, doc string }

// The forms of operators' arguments.
var (
	oneText   = &form{words: "one text", advice: quoteIt, schema: schema{"type": "string"}}
	someTexts = &form{words: "a list of texts", schema: schema{"type": "array", "minItems": 1,
		"items": oneText.told()}}
	someGlobs = &form{words: "a glob or a list of globs", examples: []any{"dr-*"}, schema: schema{
		// Keywords speak of the types that they fit: pattern of a text, items of a list.
		"type": []string{"string", "array"}, "pattern": globPattern, "maxLength": maxPattern,
		"patternErrorMessage": globAdvice, "minItems": 1, "items": oneGlob.told(),
	}}
	expression = &form{words: "an RE2 expression", examples: []any{"^dr-[0-9]+$"},
		schema: schema{"type": "string", "minLength": 1, "maxLength": maxPattern}}
	someDuration = &form{words: "a duration", examples: []any{"21d", "12h", "P21D"}, advice: durationAdvice,
		schema: schema{"type": "string", "pattern": durationPattern("[0-9]+"), "allOf": []schema{
			{"pattern": "[1-9]", "patternErrorMessage": "it must be longer than nothing, such as 21d"}}}}
	someInstant = &form{words: "a date or a time", examples: []any{"2027-01-31", "2027-01-31T18:00:00Z"},
		advice: "write a date that exists, such as 2027-01-31, or a time with its zone, such as 2027-01-31T18:00:00Z",
		schema: schema{"type": "string", "pattern": instantPattern}}
	trueOrFalse = &form{words: "true or false", advice: "write true or false, without quotes",
		schema: schema{"type": "boolean"}}
)

// The forms of keys.
var (
	inWords = &form{words: "text",
		advice: "it is empty, or not text: write it in words, and a number or date in quotes",
		schema: schema{"type": "string", "pattern": `\S`}}
	delay = &form{words: "a duration", examples: []any{"3d", "7d", "0d"}, advice: durationAdvice + ", 0d for at once",
		schema: schema{"type": "string", "pattern": durationPattern("[0-9]+")}}
	noDelay = &form{words: "0d", examples: []any{"0d"}, advice: flagAtOnce,
		schema: schema{"type": "string", "pattern": durationPattern("0+")}}
	anyCondition = &form{words: "a condition", block: conditionBlock, schema: schema{"$ref": "#/$defs/condition"}}
	orgAddress   = &form{words: "an address", examples: []any{"https://acme.okta.com"},
		schema: schema{"type": "string", "pattern": `^[Hh][Tt][Tt][Pp][Ss]?://[^/@?#{}<>$\s]+/*$`}}
	zoneID = &form{words: "the id of a zone", examples: []any{"nzo1a2b3c4d5e6f7g8h9"},
		schema: schema{"type": "string", "pattern": "^nzo"}}
	versionOne = &form{words: "1", advice: "write version: 1, without quotes", schema: schema{"const": 1}}
	oneGlob    = &form{words: "a glob", examples: []any{"dr-*"}, advice: globAdvice,
		schema: schema{"type": "string", "pattern": globPattern, "maxLength": maxPattern}}
	clientGlobs = &form{words: "a list of globs", advice: "write a list, such as [Okta API]",
		schema: schema{"type": "array", "items": oneGlob.suchAs("Okta API").told()}}
)

// What editors say of values that don't fit.
const (
	quoteIt         = "write one text, and put a number, a date, true and false in quotes"
	conditionAdvice = "write a condition such as {lastUsed: {olderThan: 21d}}"
	globAdvice      = `write a glob such as dr-*, with a backslash before [ and {`
	durationAdvice  = "write a duration: numbers with the units w d h m s, the larger unit first, such as 21d or 1d12h"
)

// globPattern is what compileGlob takes: no bracket without a backslash, no backslash at the end.
const globPattern = `^([^\\[{]|\\[\s\S])+$`

const instantPattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T.+(Z|[+-][0-9]{2}:[0-9]{2}))?$`

// durationPattern is what parseDuration takes, less the limit of 292 years, if its numbers match number.
func durationPattern(number string) string {
	clock := sums(number, "H", "M", "S")
	return fmt.Sprintf("^(%s|P((%s)(T(%s))?|T(%s)))$", sums(number, "w", "d", "h", "m", "s"), sums(number, "W", "D"),
		clock, clock)
}

// sums matches one or more numbers with units, in this order and each once.
func sums(number string, units ...string) string {
	var ways []string
	for i, first := range units {
		way := number + first
		for _, later := range units[i+1:] {
			way += "(" + number + later + ")?"
		}
		ways = append(ways, way)
	}
	return strings.Join(ways, "|")
}

// suchAs is the form with these examples.
func (f *form) suchAs(examples ...any) *form {
	g := *f
	g.examples = examples
	return &g
}

// oneOf is the form of a key that takes one of a few words.
func oneOf(choices ...choice) *form {
	words, docs := make([]string, len(choices)), make([]string, len(choices))
	for i, c := range choices {
		words[i], docs[i] = c.word, c.doc
	}
	return &form{words: "one of " + strings.Join(words, ", "), schema: schema{"enum": words, "enumDescriptions": docs}}
}

// number is the form of a key that takes a whole number from 0 to most.
func number(most int) *form {
	return &form{words: "a number", advice: fmt.Sprintf("write a whole number from 0 to %d in plain digits", most),
		schema: schema{"type": "integer", "minimum": 0, "maximum": most}}
}

// list is the form of a key that takes a list with at least so many items of a form, which titles call what.
func list(least int, what string, of *form) *form {
	item := of.told()
	item["title"] = what
	s := schema{"type": "array", "items": item}
	if least > 0 {
		s["minItems"] = least
	}
	return &form{words: "a list", advice: "write a list, with - before each item", block: of.block, schema: s}
}

// object is the form of a key that takes a map, which readMap reads by the same table. block is an example.
func object[T any](keys []key[T], block string) *form {
	var properties members
	required := []string{}
	for i := range keys {
		k := &keys[i]
		properties = append(properties, member{k.name, described(k.name, k.doc, k.form)})
		if k.must != "" {
			required = append(required, k.name)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	} else {
		s["minProperties"] = 1
	}
	return &form{words: "a map", block: block, schema: s}
}

// told is the schema of the form with what an editor offers for it, and says of a value that doesn't fit: see
// https://github.com/redhat-developer/yaml-language-server for the keywords that are none of JSON Schema's.
func (f *form) told() schema {
	s := maps.Clone(f.schema)
	advice := f.advice
	if advice == "" {
		advice = "write " + f.words
		if len(f.examples) > 0 {
			advice += fmt.Sprintf(", such as %v", f.examples[0])
		}
	}
	if t, typed := s["type"]; s["enum"] != nil || s["const"] != nil || typed && t != "object" {
		s["errorMessage"] = advice
	}
	if s["pattern"] != nil && s["patternErrorMessage"] == nil {
		s["patternErrorMessage"] = advice
	}
	if len(f.examples) > 0 {
		s["examples"] = f.examples
	}
	if f.block != "" && s["$ref"] == nil { // what stands beside a $ref may only describe it
		s["defaultSnippets"] = []schema{snippet(f.block, "")}
	}
	return s
}

// described is the schema of a form with what an editor shows beside it.
func described(name, doc string, f *form) schema {
	s := f.told()
	s["title"] = fmt.Sprintf("%s (%s)", name, f.words)
	s["description"] = doc
	if f.block != "" {
		s["markdownDescription"] = fmt.Sprintf("%s\n\n```yaml\n%s\n```", markdown(doc), underKey(name, f))
	}
	return s
}
