package slacktest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Transcript returns the messages of a channel or conversation, given by id or by name, as they would
// read: as plain text, in the order of their ts, replies indented below their parents. Characters that
// nobody can see are shown as U+FFFD. It is "" for a channel that is not there.
func (s *Server) Transcript(channel string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(channel)
	if c == nil {
		return ""
	}
	t := &transcript{s: s}
	if u := s.user(c.user); u != nil {
		t.line("", "Direct message to "+u.Name)
	} else {
		t.line("", "#"+c.Name)
	}
	orphans := map[string]bool{}
	for _, m := range c.messages {
		replies := c.replies(m.TS)
		switch {
		case m.ThreadTS != "":
			if !orphans[m.ThreadTS] && !c.holds(m.ThreadTS) && !m.Deleted {
				orphans[m.ThreadTS] = true
				t.gone(c.replies(m.ThreadTS))
			}
			continue
		case m.Deleted && len(replies) == 0:
			continue
		case m.Deleted:
			t.gone(replies)
			continue
		}
		t.message("", m)
		t.replies(replies)
	}
	return t.b.String()
}

// holds says whether the channel has or had a message with a ts.
func (c *channel) holds(ts string) bool {
	for _, m := range c.messages {
		if m.TS == ts {
			return true
		}
	}
	return false
}

type transcript struct {
	s *Server
	b strings.Builder
}

const replyIndent = "    "

// line writes text, which may have many lines, each indented and without spaces at its end.
func (t *transcript) line(indent, text string) {
	for l := range strings.SplitSeq(text, "\n") {
		t.b.WriteString(strings.TrimRight(indent+visible(l), " ") + "\n")
	}
}

func (t *transcript) gone(replies []*Message) {
	t.line("", "\nThis message was deleted.")
	t.replies(replies)
}

func (t *transcript) replies(replies []*Message) {
	for _, m := range replies {
		t.message(replyIndent, m)
	}
}

func (t *transcript) message(indent string, m *Message) {
	head := t.name(m) + ", " + tsTime(m.TS).Format("2006-01-02 15:04 UTC")
	if m.Broadcast {
		head += ", also sent to the channel"
	}
	if m.Edited {
		head += " (edited)"
	}
	t.line("", "")
	t.line(indent, head)
	in := indent + "  "
	var blocks []any
	if m.Blocks != nil {
		blocks = list(decode(m.Blocks))
	}
	if len(blocks) == 0 && m.Text != "" {
		t.line(in, t.mrkdwn(m.Text))
	}
	t.blocks(in, blocks)
	for _, v := range list(decode(m.Attachments)) {
		a, _ := v.(map[string]any)
		for _, key := range []string{"pretext", "title", "text"} {
			if s, _ := a[key].(string); s != "" {
				t.line(in+"| ", t.mrkdwn(s))
			}
		}
		t.blocks(in+"| ", list(a["blocks"]))
	}
	for _, id := range m.Files {
		f := t.s.file(id)
		if f == nil { // of AddMessage
			t.line(in, "[file "+id+"]")
			continue
		}
		title := ""
		if f.Title != f.Name {
			title = " " + f.Title + ","
		}
		t.line(in, fmt.Sprintf("[file %s:%s %d bytes]", f.Name, title, len(f.Content)))
	}
}

func (t *transcript) name(m *Message) string {
	switch u := t.s.user(m.User); {
	case m.BotID == t.s.cfg.BotID:
		return t.s.cfg.BotName
	case u != nil:
		return u.Name
	}
	return m.User
}

func tsTime(ts string) time.Time {
	var sec int64
	_, _ = fmt.Sscanf(ts, "%d.", &sec)
	return time.Unix(sec, 0).UTC()
}

// mrkdwn turns what Slack parses into what it shows; asterisks and backticks stay.
func (t *transcript) mrkdwn(s string) string {
	s = entity.ReplaceAllStringFunc(s, func(e string) string {
		target, label, labelled := strings.Cut(e[1:len(e)-1], "|")
		switch {
		case strings.HasPrefix(target, "!date^") && labelled:
			return label
		case strings.HasPrefix(target, "!subteam^"):
			return t.group(strings.TrimPrefix(target, "!subteam^"))
		case strings.HasPrefix(target, "!"):
			return "@" + target[1:]
		case strings.HasPrefix(target, "@"):
			return t.person(target[1:])
		case strings.HasPrefix(target, "#"):
			if c := t.s.find(target[1:]); c != nil {
				return "#" + c.Name
			}
			return target
		case labelled:
			return label + " (" + target + ")"
		}
		return target
	})
	return unescape(s)
}

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func (t *transcript) group(id string) string {
	for _, g := range t.s.cfg.UserGroups {
		if g.ID == id {
			return "@" + g.Handle
		}
	}
	return "@" + id
}

func (t *transcript) person(id string) string {
	if u := t.s.user(id); u != nil {
		return "@" + u.Name
	}
	return "@" + id
}

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// str returns the string under a key, "" if there is none.
func str(m map[string]any, key string) string {
	switch v := m[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
