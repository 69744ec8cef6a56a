package slacktest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

var fileID = regexp.MustCompile(`^F[A-Z0-9]{8,}$`)

// actionElements are those of an actions block, and with image those beside a section.
var actionElements = []string{
	"button", "checkboxes", "radio_buttons", "overflow", "datepicker", "datetimepicker", "timepicker",
	"workflow_button",
	"static_select", "external_select", "users_select", "conversations_select", "channels_select",
	"multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select",
	"multi_channels_select",
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func (c *checker) elements(p string, m map[string]any, most int, kinds ...string) {
	items := list(m["elements"])
	p += "/elements"
	c.between(p, len(items), 1, most)
	for i, v := range items {
		at := fmt.Sprintf("%s/%d", p, i)
		if e := c.object(at, v); e != nil {
			c.element(at, e, kinds...)
		}
	}
}

func (c *checker) element(p string, e map[string]any, kinds ...string) {
	kind, _ := e["type"].(string)
	if !slices.Contains(kinds, kind) {
		c.bad(p+"/type", "unsupported type: %s", kind)
		return
	}
	switch kind {
	case "image":
		c.image(p, e)
		return
	case "mrkdwn", "plain_text":
		c.textItself(p, e, maxSection, kind)
		return
	}
	if id := c.str(p, e, "action_id", 0, maxID); id != "" {
		if c.actionIDs[id] {
			c.bad(p+"/action_id", "`action_id` %q already exists in this block", id)
		}
		c.actionIDs[id] = true
	}
	c.confirm(p, e)
	switch kind {
	case "button":
		c.button(p, e)
	case "overflow":
		c.options(p, e, 1, maxOverflow)
	case "checkboxes", "radio_buttons":
		c.options(p, e, 1, maxChecks)
	case "static_select", "multi_static_select":
		c.textObject(p, e, "placeholder", false, maxPlaceholder, "plain_text")
		if e["option_groups"] == nil {
			c.options(p, e, 1, maxOptions)
		}
	}
}

func (c *checker) button(p string, e map[string]any) {
	c.keys(p, e, "type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label",
		"visible_to_user_ids")
	c.textObject(p, e, "text", true, maxButton, "plain_text")
	c.str(p, e, "value", 0, maxValue)
	c.str(p, e, "url", 0, maxURL)
	c.str(p, e, "accessibility_label", 0, maxButton)
	c.oneOf(p, e, "style", "primary", "danger")
}

func (c *checker) confirm(p string, e map[string]any) {
	v, ok := e["confirm"]
	if !ok {
		return
	}
	p += "/confirm"
	m := c.object(p, v)
	if m == nil {
		return
	}
	c.textObject(p, m, "title", true, maxConfirm, "plain_text")
	c.textObject(p, m, "text", true, maxConfirmText, "plain_text", "mrkdwn")
	c.textObject(p, m, "confirm", true, maxConfirmWord, "plain_text")
	c.textObject(p, m, "deny", true, maxConfirmWord, "plain_text")
	c.oneOf(p, m, "style", "primary", "danger")
}

func (c *checker) options(p string, e map[string]any, least, most int) {
	items := list(e["options"])
	p += "/options"
	c.between(p, len(items), least, most)
	for i, v := range items {
		at := fmt.Sprintf("%s/%d", p, i)
		o := c.object(at, v)
		if o == nil {
			continue
		}
		c.textObject(at, o, "text", true, maxOption, "plain_text", "mrkdwn")
		c.textObject(at, o, "description", false, maxOption, "plain_text", "mrkdwn")
		c.str(at, o, "value", 0, maxOptionValue)
		c.str(at, o, "url", 0, maxURL)
	}
}

// oneOf checks a string that may be absent.
func (c *checker) oneOf(p string, m map[string]any, key string, words ...string) {
	v, ok := m[key]
	if !ok {
		return
	}
	if s, ok := v.(string); !ok || !slices.Contains(words, s) {
		c.bad(join(p, key), "must be one of %q", words)
	}
}

// richText checks a rich_text block or cell.
func (c *checker) richText(p string, m map[string]any) {
	c.text += richRunes(m)
	items, ok := m["elements"].([]any)
	if !ok || len(items) == 0 {
		c.bad(p, "missing required field: elements")
	}
	for i, v := range items {
		at := fmt.Sprintf("%s/elements/%d", p, i)
		part := c.object(at, v)
		if part == nil {
			continue
		}
		switch kind, _ := part["type"].(string); kind {
		case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
			c.richElements(at, part)
		case "rich_text_list":
			c.oneOf(at, part, "style", "bullet", "ordered")
			if n, ok := number(part["indent"]); ok && (n < 0 || n > 8) {
				c.bad(at+"/indent", "must be from 0 to 8")
			}
			for j, w := range list(part["elements"]) {
				in := fmt.Sprintf("%s/elements/%d", at, j)
				if s := c.object(in, w); s != nil {
					c.richElements(in, s)
				}
			}
		default:
			c.bad(at+"/type", "unsupported type: %s", kind)
		}
	}
}

var richKinds = []string{"text", "link", "emoji", "user", "usergroup", "channel", "team", "broadcast", "date", "color",
	"message_mention", "citation"}

func (c *checker) richElements(p string, part map[string]any) {
	items, ok := part["elements"].([]any)
	if !ok {
		c.bad(p, "missing required field: elements")
	}
	for i, v := range items {
		at := fmt.Sprintf("%s/elements/%d", p, i)
		e := c.object(at, v)
		if e == nil {
			continue
		}
		kind, _ := e["type"].(string)
		switch {
		case !slices.Contains(richKinds, kind):
			c.bad(at+"/type", "unsupported type: %s", kind)
		case kind == "text":
			c.str(at, e, "text", 1, maxText)
		case kind == "link":
			c.str(at, e, "url", 1, maxURL)
		case kind == "emoji":
			c.str(at, e, "name", 1, maxID)
		}
	}
}

// richRunes counts the characters of all text in v.
func richRunes(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, w := range v {
			n += richRunes(w)
		}
	case map[string]any:
		for key, w := range v {
			if s, ok := w.(string); ok && key == "text" {
				n += runes(s)
			} else {
				n += richRunes(w)
			}
		}
	}
	return n
}
