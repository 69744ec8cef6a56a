package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Forbidden begins every complaint about something that Slack accepts and we do not.
const Forbidden = "forbidden: "

// Rules say which mentions and links are allowed. The zero Rules allow none.
type Rules struct {
	// AllowedMentions are ids of people and user groups, such as U0ANA or S0SECOPS, and the words here,
	// channel and everyone.
	AllowedMentions []string

	// AllowedHosts are hosts that links may lead to, such as wiki.example.com, in lower case, without a
	// port. Links must be https as well.
	AllowedHosts []string
}

// Check returns what is wrong with a message, nil if nothing is: message is the JSON object that is sent
// to chat.postMessage or to a webhook. What Slack would refuse comes first, as the error that it answers,
// the reason, and a JSON pointer to the place:
//
//	invalid_blocks: must be less than 151 characters [json-pointer:/blocks/0/text/text]
//
// Then comes what Slack accepts and we do not, each beginning with Forbidden. No mention and no link is
// allowed; Rules.Check allows some. Check is a pure function.
func Check(message []byte) []string { return Rules{}.Check(message) }

// Check is like the function Check, with exceptions.
func (r Rules) Check(message []byte) []string {
	c := check(r, message)
	var list []string
	for _, p := range c.refused {
		list = append(list, p.code+": "+p.String())
	}
	return append(list, c.forbidden...)
}

// problem is a reason for Slack to refuse a message.
type problem struct{ code, reason, pointer string }

func (p problem) String() string {
	return fmt.Sprintf("%s [json-pointer:%s]", p.reason, p.pointer)
}

// checker goes once through a message.
type checker struct {
	rules     Rules
	refused   []problem
	forbidden []string

	blockIDs, actionIDs map[string]bool
	text, markdown      int // characters so far
	tables, charts      int
	tableText           int
	dataTableText       int
}

func check(r Rules, message []byte) *checker {
	c := &checker{rules: r, blockIDs: map[string]bool{}}
	m, ok := decode(message).(map[string]any)
	if !ok {
		c.refuse("invalid_arguments", "", "must be a JSON object")
		return c
	}
	if !utf8.Valid(message) {
		c.forbid("", "invalid UTF-8")
	}
	c.message(m)
	c.walk("", m)
	return c
}

// decode returns nil for what is no JSON.
func decode(data []byte) any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil
	}
	return v
}

func (c *checker) refuse(code, pointer, format string, args ...any) {
	c.refused = append(c.refused, problem{code, fmt.Sprintf(format, args...), pointer})
}

func (c *checker) bad(pointer, format string, args ...any) {
	c.refuse("invalid_blocks", pointer, format, args...)
}

func (c *checker) forbid(pointer, format string, args ...any) {
	at := ""
	if pointer != "" {
		at = " [json-pointer:" + pointer + "]"
	}
	c.forbidden = append(c.forbidden, Forbidden+fmt.Sprintf(format, args...)+at)
}

func (c *checker) message(m map[string]any) {
	text, _ := m["text"].(string)
	blocks, attachments := list(m["blocks"]), list(m["attachments"])
	if v, ok := m["blocks"]; ok && v != nil && blocks == nil {
		c.refuse("invalid_blocks_format", "/blocks", "must be an array")
	}
	if v, ok := m["attachments"]; ok && v != nil && attachments == nil {
		c.refuse("invalid_arguments", "/attachments", "must be an array")
	}
	md, _ := m["markdown_text"].(string)
	switch {
	case md != "" && (text != "" || len(blocks) > 0):
		c.refuse("markdown_text_conflict", "/markdown_text", "must not be used with text or blocks")
	case text == "" && md == "" && len(blocks) == 0 && len(attachments) == 0:
		c.refuse("no_text", "/text", "must have text, blocks or attachments")
	case text == "" && md == "":
		c.forbid("/text", "no text for the notification")
	}
	if n := runes(text); n > maxText {
		c.refuse("msg_too_long", "/text", "must be less than %d characters", maxText+1)
	} else if n > wantText {
		c.forbid("/text", "text of %d characters is cut into messages of %d", n, wantText)
	}
	if md != "" && runes(md) > maxMarkdown {
		c.refuse("msg_too_long", "/markdown_text", "must be less than %d characters", maxMarkdown+1)
	}

	c.blocks("/blocks", blocks, maxBlocks)
	c.attachments(attachments)
	if c.text > maxAllText {
		c.refuse("msg_blocks_too_long", "/blocks", "must be less than %d characters in all blocks", maxAllText+1)
	} else if c.text > wantAllText {
		c.forbid("/blocks", "%d characters in all blocks, of which only %d are safe", c.text, wantAllText)
	}
	c.metadata(m["metadata"])
}

// attachments count: their blocks share the limit of a message's blocks.
func (c *checker) attachments(attachments []any) {
	if len(attachments) > maxAttachments {
		c.refuse("too_many_attachments", "/attachments", "must be less than %d items", maxAttachments+1)
		return
	}
	for i, v := range attachments {
		p := fmt.Sprintf("/attachments/%d", i)
		m, ok := v.(map[string]any)
		if !ok {
			c.refuse("invalid_arguments", p, "must be an object")
			continue
		}
		c.blocks(p+"/blocks", list(m["blocks"]), maxBlocks)
	}
}

func (c *checker) metadata(v any) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		c.refuse("invalid_metadata_format", "/metadata", "must be an object")
		return
	}
	if s, _ := m["event_type"].(string); s == "" {
		c.refuse("invalid_metadata_schema", "/metadata/event_type", "must be a string")
	}
	if _, ok := m["event_payload"].(map[string]any); !ok {
		c.refuse("invalid_metadata_schema", "/metadata/event_payload", "must be an object")
	}
	if raw, err := json.Marshal(m); err == nil && len(raw) > maxMetadata {
		c.refuse("metadata_too_large", "/metadata", "must be less than %d bytes", maxMetadata+1)
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// join extends a JSON pointer by a key.
func join(pointer, key string) string {
	return pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
