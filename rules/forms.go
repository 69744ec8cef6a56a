package rules

import (
	"fmt"
	"strings"
)

// form is what a value of the file looks like, for messages, the reference and the schema. What a value is
// read by is said where it is used: a form may let pass what the reader refuses, never the other way round.
type form struct {
	words  string // as in "write a duration"; "" for forms that no message names
	schema schema
}

// schema is a JSON Schema of the draft 2020-12, or a part of one.
type schema map[string]any

// The forms of operators' arguments.
var (
	oneText   = &form{"one text", schema{"type": "string"}}
	someTexts = &form{"a list of texts", schema{"type": "array", "minItems": 1, "items": oneText.schema}}
	someGlobs = &form{"a glob or a list of globs", schema{
		// Keywords speak of the types that they fit: pattern of a text, items of a list.
		"type": []string{"string", "array"}, "pattern": globPattern, "maxLength": maxPattern,
		"minItems": 1, "items": schema{"type": "string", "pattern": globPattern, "maxLength": maxPattern},
	}}
	expression   = &form{"an RE2 expression", schema{"type": "string", "minLength": 1, "maxLength": maxPattern}}
	someDuration = &form{"a duration", schema{"type": "string", "pattern": durationPattern,
		"allOf": []schema{{"pattern": "[1-9]"}}}}
	someInstant = &form{"a date or a time", schema{"type": "string", "pattern": instantPattern}}
	trueOrFalse = &form{"true or false", schema{"type": "boolean"}}
)

// The forms of keys.
var (
	inWords = &form{schema: schema{"type": "string", "pattern": `\S`}}
	delay   = &form{schema: schema{"type": "string", "pattern": durationPattern}}
	noDelay = &form{schema: schema{"type": "string", "pattern": durationPattern,
		"not": schema{"pattern": "[1-9]"}}}
	anyCondition = &form{schema: schema{"$ref": "#/$defs/condition"}}
	orgAddress   = &form{schema: schema{"type": "string", "pattern": `^[Hh][Tt][Tt][Pp][Ss]?://[^/@?#{}<>$\s]+/*$`}}
	zoneID       = &form{schema: schema{"type": "string", "pattern": "^nzo"}}
	clientGlobs  = &form{schema: schema{"type": "array", "items": someGlobs.schema["items"]}}
)

// globPattern is what compileGlob takes: no bracket without a backslash, no backslash at the end.
const globPattern = `^([^\\[{]|\\[\s\S])+$`

const instantPattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T.+(Z|[+-][0-9]{2}:[0-9]{2}))?$`

// durationPattern is what parseDuration takes, less the limit of 292 years.
var durationPattern = fmt.Sprintf("^(%s|P((%s)(T(%s))?|T(%s)))$",
	sums("w", "d", "h", "m", "s"), sums("W", "D"), sums("H", "M", "S"), sums("H", "M", "S"))

// sums matches one or more numbers with units, in this order and each once.
func sums(units ...string) string {
	var ways []string
	for i, first := range units {
		way := "[0-9]+" + first
		for _, later := range units[i+1:] {
			way += "([0-9]+" + later + ")?"
		}
		ways = append(ways, way)
	}
	return strings.Join(ways, "|")
}

// oneOf is the form of a key that takes one of a few words.
func oneOf(words ...string) *form { return &form{schema: schema{"enum": words}} }

// number is the form of a key that takes a whole number from 0 to most.
func number(most int) *form {
	return &form{schema: schema{"type": "integer", "minimum": 0, "maximum": most}}
}

// list is the form of a key that takes a list with at least so many items of a form.
func list(least int, of *form) *form {
	s := schema{"type": "array", "items": of.schema}
	if least > 0 {
		s["minItems"] = least
	}
	return &form{schema: s}
}

// object is the form of a key that takes a map, which readMap reads by the same table.
func object[T any](keys []key[T]) *form {
	properties, required := schema{}, []string{}
	for i := range keys {
		k := &keys[i]
		properties[k.name] = described(k.doc, k.form)
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
	return &form{schema: s}
}

// described is the schema of a form with what an editor shows beside it.
func described(doc string, f *form) schema {
	s := schema{"description": doc}
	for keyword, value := range f.schema {
		s[keyword] = value
	}
	return s
}
