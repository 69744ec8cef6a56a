package slacktest

import (
	"fmt"
	"slices"
)

// blockKeys are the keys of each block that Slack knows; it refuses others. Blocks without an entry
// are taken with any.
var blockKeys = map[string][]string{
	"section":            {"text", "fields", "accessory", "expand"},
	"header":             {"text", "level"},
	"context":            {"elements"},
	"actions":            {"elements"},
	"divider":            {},
	"image":              {"image_url", "slack_file", "alt_text", "title"},
	"rich_text":          {"elements"},
	"markdown":           {"text"},
	"table":              {"rows", "column_settings"},
	"data_table":         {"rows", "caption", "page_size", "row_header_column_index"},
	"data_visualization": {"title", "chart"},
}

func (c *checker) blocks(p string, blocks []any, most int) {
	if len(blocks) > most {
		c.bad(p, "no more than %d items allowed", most)
	}
	for i, v := range blocks {
		at := fmt.Sprintf("%s/%d", p, i)
		if m := c.object(at, v); m != nil {
			c.block(at, m)
		}
	}
}

func (c *checker) block(p string, m map[string]any) {
	c.actionIDs = map[string]bool{}
	kind, _ := m["type"].(string)
	if keys, ok := blockKeys[kind]; ok {
		c.keys(p, m, append([]string{"type", "block_id"}, keys...)...)
	}
	if id := c.str(p, m, "block_id", 0, maxID); id != "" {
		if c.blockIDs[id] {
			c.bad(p+"/block_id", "`block_id` %q already exists", id)
		}
		c.blockIDs[id] = true
	}
	switch kind {
	case "section":
		c.section(p, m)
	case "header":
		c.textObject(p, m, "text", true, maxHeader, "plain_text")
	case "context":
		c.elements(p, m, maxContext, "image", "mrkdwn", "plain_text")
	case "actions":
		c.elements(p, m, maxActions, actionElements...)
	case "divider", "file", "call", "video":
	case "image":
		c.image(p, m)
		c.textObject(p, m, "title", false, maxAlt, "plain_text")
	case "rich_text":
		c.richText(p, m)
	case "markdown":
		c.markdown += runes(c.str(p, m, "text", 1, maxMarkdown))
		if c.markdown > maxMarkdown {
			c.bad(p+"/text", "must be less than %d characters in all markdown blocks", maxMarkdown+1)
		}
	case "table":
		c.table(p, m)
	case "data_table":
		c.dataTable(p, m)
	case "data_visualization":
		c.chart(p, m)
	default:
		c.otherBlock(p, kind, m)
	}
}

// otherBlock holds the blocks that we do not send to the limits that are known.
func (c *checker) otherBlock(p, kind string, m map[string]any) {
	switch kind {
	case "card":
		for _, key := range []string{"title", "subtitle"} {
			c.textObject(p, m, key, false, maxCardTitle, "mrkdwn", "plain_text")
		}
		for _, key := range []string{"body", "subtext"} {
			c.textObject(p, m, key, false, maxCardBody, "mrkdwn", "plain_text")
		}
		if len(list(m["actions"])) > maxCardButton {
			c.bad(p+"/actions", "no more than %d items allowed", maxCardButton)
		}
	case "carousel":
		c.between(p+"/elements", len(list(m["elements"])), 1, maxCarousel)
	case "container":
		c.textObject(p, m, "title", true, maxCardTitle, "plain_text")
		children := list(m["child_blocks"])
		c.between(p+"/child_blocks", len(children), 1, maxContainer)
		c.blocks(p+"/child_blocks", children, maxContainer)
	case "context_actions":
		c.between(p+"/elements", len(list(m["elements"])), 1, maxFeedback)
	case "plan":
		if len(list(m["tasks"])) > maxTasks {
			c.bad(p+"/tasks", "no more than %d items allowed", maxTasks)
		}
	case "task_card", "input", "layout":
	default: // alert among them, which only modals may have
		c.bad(p+"/type", "unsupported type: %s", kind)
	}
}

func (c *checker) section(p string, m map[string]any) {
	c.textObject(p, m, "text", false, maxSection, "mrkdwn", "plain_text")
	fields, has := m["fields"]
	if m["text"] == nil && !has {
		c.bad(p, "missing required field: text or fields")
	}
	if has {
		items := list(fields)
		c.between(p+"/fields", len(items), 1, maxFields)
		for i, v := range items {
			at := fmt.Sprintf("%s/fields/%d", p, i)
			if t := c.object(at, v); t != nil {
				c.textItself(at, t, maxField, "mrkdwn", "plain_text")
			}
		}
	}
	if v := m["accessory"]; v != nil {
		if e := c.object(p+"/accessory", v); e != nil {
			c.element(p+"/accessory", e, append([]string{"image"}, actionElements...)...)
		}
	}
}

func (c *checker) image(p string, m map[string]any) {
	c.str(p, m, "alt_text", 1, maxAlt)
	url, file := m["image_url"], m["slack_file"]
	switch {
	case url == nil && file == nil:
		c.bad(p, "missing required field: image_url or slack_file")
	case url != nil && file != nil:
		c.bad(p, "must have only one of image_url and slack_file")
	case url != nil:
		c.str(p, m, "image_url", 1, maxURL)
	default:
		f := c.object(p+"/slack_file", file)
		if id, ok := f["id"].(string); ok && !fileID.MatchString(id) {
			c.bad(p+"/slack_file/id", "invalid slack file")
		}
	}
}

// textObject checks the text object under a key.
func (c *checker) textObject(p string, m map[string]any, key string, required bool, most int, kinds ...string) {
	v, ok := m[key]
	switch {
	case ok:
		if t := c.object(join(p, key), v); t != nil {
			c.textItself(join(p, key), t, most, kinds...)
		}
	case required:
		c.bad(p, "missing required field: %s", key)
	}
}

func (c *checker) textItself(p string, t map[string]any, most int, kinds ...string) {
	kind, _ := t["type"].(string)
	if !slices.Contains(kinds, kind) {
		c.bad(p+"/type", "must be one of %q, is %q", kinds, kind)
		return
	}
	if kind == "mrkdwn" {
		c.keys(p, t, "type", "text", "verbatim")
		if t["verbatim"] != true {
			c.forbid(p, "mrkdwn without verbatim: Slack makes links of its own")
		}
	} else {
		c.keys(p, t, "type", "text", "emoji")
	}
	c.text += runes(c.str(p, t, "text", 1, most))
}

// object returns v as an object, nil if it is none.
func (c *checker) object(p string, v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		c.bad(p, "must be an object")
	}
	return m
}

// str checks a string; with least 0 it may be absent.
func (c *checker) str(p string, m map[string]any, key string, least, most int) string {
	v, ok := m[key]
	if !ok {
		if least > 0 {
			c.bad(p, "missing required field: %s", key)
		}
		return ""
	}
	s, ok := v.(string)
	switch n := runes(s); {
	case !ok:
		c.bad(join(p, key), "must be a string")
	case n < least:
		c.bad(join(p, key), "must be more than %d characters", least-1)
	case n > most:
		c.bad(join(p, key), "must be less than %d characters", most+1)
	}
	return s
}

func (c *checker) between(p string, n, least, most int) {
	switch {
	case n < least:
		c.bad(p, "no less than %d items allowed", least)
	case n > most:
		c.bad(p, "no more than %d items allowed", most)
	}
}

func (c *checker) keys(p string, m map[string]any, known ...string) {
	for _, key := range sorted(m) {
		if !slices.Contains(known, key) {
			c.bad(p, "invalid additional property: %s", key)
		}
	}
}
