package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// unseen are the mistakes that Parse finds and a schema can't: they lie in the text before it becomes values, between
// two parts of the file, or in what only a program knows. An editor that has the schema misses these alone.
var unseen = []string{
	"YAML itself: duplicate keys, anchors, aliases, tags, merge keys, a second document, the size of the file, UTF-8",
	"spellings that become the same value: numbers in octal, hexadecimal or scientific notation or with underscores; " +
		"dates without quotes where text is wanted; True",
	"rule ids that two rules have",
	"conditions that nest deeper than 32 levels",
	"expressions that RE2 does not know",
	"dates that are in no calendar",
	"durations longer than 292 years",
	"schedules that are no cron expression, never fire, or fire more often than once a minute; time zones that do " +
		"not exist",
	"addresses that are no org's: plain http, the admin console, host names that can't be",
	"ids of zones of a wrong length",
}

// Schema returns the JSON Schema of a policy file, of the draft 2020-12, indented and with a line break at its end. It
// comes from the tables by which Parse reads, and accepts whatever Parse accepts. What Parse alone refuses is
// said in the schema's $comment.
func Schema() []byte {
	s := object(policyKeys, "").schema
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "A policy of tokensweep"
	s["description"] = "What is wrong with an Okta API token, and what happens then."
	s["$comment"] = "tokensweep validate also finds: " + strings.Join(unseen, "; ") + "."
	s["$defs"] = definitions()
	s["allOf"] = []schema{
		{
			"$comment": "enforcing needs limits",
			"if":       schema{"properties": schema{"mode": schema{"const": Enforce}}, "required": []string{"mode"}},
			"then":     schema{"required": []string{"limits"}, "errorMessage": needLimits},
		},
		{
			"$comment": "a rule that quarantines needs a zone",
			"if": schema{"required": []string{"rules"},
				"properties": schema{"rules": schema{"type": "array", "contains": schema{
					"type": "object", "required": []string{"then"},
					"properties": schema{"then": schema{"type": "object", "required": []string{Quarantine.String()}}},
				}}}},
			"then": schema{"required": []string{"quarantine"}, "errorMessage": needZone},
		},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(s) // maps, lists, texts and numbers: nothing that can't be written
	return b.Bytes()
}

// definitions are the condition, and what may be asked of fields of each kind.
func definitions() schema {
	var properties members
	defs := schema{}
	for i := range fields {
		f := &fields[i]
		name := f.class()
		properties = append(properties, member{f.name, schema{
			"title":       fmt.Sprintf("%s (%s)", f.name, f.kind().word()),
			"description": f.doc + f.values.reference(), "$ref": "#/$defs/" + name,
		}})
		if defs[name] == nil {
			defs[name] = f.asked()
		}
	}
	conditions := list(1, "a condition", anyCondition)
	conditions.words = "a list of conditions"
	defs["condition"] = schema{
		"title": "a condition", "description": "fields, all, any and not; everything here must hold",
		"allOf":                []schema{{"type": "object", "errorMessage": conditionAdvice}},
		"defaultSnippets":      []schema{snippet(conditionBlock, "")},
		"additionalProperties": false, "minProperties": 1, "properties": append(properties,
			member{"all", described("all", "every one of these conditions holds", conditions)},
			member{"any", described("any", "at least one of these conditions holds", conditions)},
			member{"not", described("not", "the condition does not hold", anyCondition)}),
	}
	return defs
}

// class names the fields of which the same may be asked, with the same values to offer.
func (f *field) class() string {
	switch {
	case f.choices() != nil:
		return f.name
	case f.kind() == timeKind && f.past:
		return "pastTime"
	case f.kind() == timeKind:
		return "timeAhead"
	}
	return map[kind]string{textKind: "text", spanKind: "duration", listKind: "list", yesNoKind: "yesNo"}[f.kind()]
}

// asked is the schema of what a condition may ask of the field: a map of operators, or the short forms of is and in.
func (f *field) asked() schema {
	asked := schema{"title": "what is asked of " + f.kind().String()}
	types := []string{"object"}
	var properties members
	for i := range operators {
		o := &operators[i]
		if !o.fits(f) {
			continue
		}
		argument := f.argumentOf(o)
		properties = append(properties, member{o.name, described(o.name, o.doc, argument)})
		if o.name == "is" || o.name == "in" { // the short forms
			for keyword, value := range argument.schema {
				if keyword == "type" {
					types = append(types, value.(string))
				} else {
					asked[keyword] = value
				}
			}
		}
	}
	// The type stands alone, so that what is said of it is not said of its keys too.
	asked["allOf"], asked["properties"] = []schema{{"type": types, "errorMessage": f.howToAsk()}}, properties
	asked["additionalProperties"], asked["minProperties"] = false, 1
	return asked
}
