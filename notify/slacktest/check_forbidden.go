package slacktest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// walk goes through everything that a message holds and complains about what is not to be sent.
func (c *checker) walk(p string, v any) {
	switch v := v.(type) {
	case string:
		c.characters(p, v)
	case []any:
		for i, w := range v {
			c.walk(fmt.Sprintf("%s/%d", p, i), w)
		}
	case map[string]any:
		if p == "" {
			c.switches(v)
		}
		c.parsed(p, v)
		for _, key := range sorted(v) {
			c.characters(join(p, key), key)
			c.walk(join(p, key), v[key])
		}
	}
}

// switches looks at the four arguments that let Slack read more into a message than is in it.
func (c *checker) switches(m map[string]any) {
	for _, key := range []string{"unfurl_links", "unfurl_media"} {
		if m[key] != false {
			c.forbid("/"+key, "%s is not false", key)
		}
	}
	if v, ok := m["parse"]; ok && v != "none" {
		c.forbid("/parse", "parse is not none")
	}
	if v, ok := m["link_names"]; ok && v != false {
		c.forbid("/link_names", "link_names is not false")
	}
}

// parsed looks at the strings that Slack parses, and at the elements that are mentions or links.
func (c *checker) parsed(p string, m map[string]any) {
	kind, _ := m["type"].(string)
	text, _ := m["text"].(string)
	switch {
	case p == "":
		c.markup("/text", text)
		md, _ := m["markdown_text"].(string)
		c.markdownLinks("/markdown_text", md)
	case kind == "mrkdwn":
		c.markup(p+"/text", text)
	case kind == "markdown":
		c.markdownLinks(p+"/text", text)
	case kind == "raw_text" && strings.Contains(text, "\n"):
		c.forbid(p+"/text", "line feed in a cell")
	case kind == "user":
		c.mention(p, m["user_id"])
	case kind == "usergroup":
		c.mention(p, m["usergroup_id"])
	case kind == "broadcast":
		c.mention(p, m["range"])
	case strings.HasPrefix(p, "/attachments/") && kind == "":
		for _, key := range []string{"text", "pretext", "title", "fallback", "value"} {
			if s, ok := m[key].(string); ok {
				c.markup(join(p, key), s)
			}
		}
	}
	for _, key := range []string{"url", "image_url", "title_url", "title_link", "author_link", "thumb_url"} {
		if s, ok := m[key].(string); ok && !strings.HasPrefix(p, "/metadata") {
			c.link(join(p, key), s)
		}
	}
}

func (c *checker) mention(p string, id any) {
	if s, ok := id.(string); !ok || !slices.Contains(c.rules.AllowedMentions, s) {
		c.forbid(p, "live mention of %v", id)
	}
}

func (c *checker) link(p, target string) {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Scheme != "https" || u.User != nil:
		c.forbid(p, "link to %q, which is not plain https", target)
	case !slices.Contains(c.rules.AllowedHosts, strings.ToLower(u.Hostname())):
		c.forbid(p, "link to %q, a host that is not allowed", u.Host)
	case strings.ContainsAny(target, "<>| "):
		c.forbid(p, "link to %q with characters that end it", target)
	}
}

// entity is what Slack takes for markup: everything between < and the next >.
var entity = regexp.MustCompile(`<[^<>]*>`)

var dateEntity = regexp.MustCompile(`^!date\^-?\d+\^[^|^]+(\^https://[^|^]+)?\|[^|]+$`)

// markup looks at a string that Slack parses as mrkdwn.
func (c *checker) markup(p, s string) {
	for _, e := range entity.FindAllString(s, -1) {
		c.entity(p, e[1:len(e)-1])
	}
	rest := entity.ReplaceAllString(s, "")
	if strings.Contains(rest, "<") {
		c.forbid(p, "unescaped <")
	}
	for line := range strings.Lines(rest) {
		if strings.Contains(strings.TrimPrefix(line, ">"), ">") { // at the start of a line it is a quote
			c.forbid(p, "unescaped >")
			return
		}
	}
}

func (c *checker) entity(p, inner string) {
	target, _, _ := strings.Cut(inner, "|")
	switch {
	case strings.HasPrefix(inner, "!date^"):
		if !dateEntity.MatchString(inner) {
			c.forbid(p, "malformed date <%s>", inner)
		} else if fields := strings.Split(target, "^"); len(fields) > 3 {
			c.link(p, fields[3])
		}
	case strings.HasPrefix(target, "!subteam^"):
		c.mention(p, strings.TrimPrefix(target, "!subteam^"))
	case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "!"):
		c.mention(p, target[1:])
	case strings.HasPrefix(target, "#") && slices.Contains(c.rules.AllowedMentions, target[1:]):
	case strings.HasPrefix(target, "https://"), strings.HasPrefix(target, "http://"),
		strings.HasPrefix(target, "mailto:"):
		c.link(p, target)
	default:
		c.forbid(p, "unescaped <%s>", inner)
	}
}

var markdownLink = regexp.MustCompile(`\]\(\s*<?([^)\s>]*)`)

// markdownLinks looks at a string that Slack parses as markdown, in which <…> works as well.
func (c *checker) markdownLinks(p, s string) {
	c.markup(p, s)
	for _, m := range markdownLink.FindAllStringSubmatch(s, -1) {
		c.link(p, m[1])
	}
}

// characters complains about those that people cannot see.
func (c *checker) characters(p, s string) {
	for _, r := range s {
		if hidden(r) {
			c.forbid(p, "control, bidi or zero-width character %U", r)
			return
		}
	}
}

// hidden says of a character whether it shows nothing and may change what is around it. A line feed is none.
func hidden(r rune) bool {
	switch r {
	case '\n':
		return false
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2028', '\u2029', '\u2800', '\u3164', '\uffa0':
		return true
	}
	if r == '\ufe0f' {
		return false // makes an emoji of a sign
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
