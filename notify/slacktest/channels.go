package slacktest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// channel is a channel or a conversation with one person, as the server keeps it.
type channel struct {
	Channel
	user     string // for a conversation with a person
	messages []*Message
}

// clock makes the ts of messages.
type clock struct {
	sec int64
	n   int
}

// nextTS returns a ts behind all others: seconds, and six digits that count in steps of a hundred.
func (s *Server) nextTS() string {
	for {
		if ts := s.tick(); !slices.ContainsFunc(s.channels, func(c *channel) bool { return c.holds(ts) }) {
			return ts // AddMessage may have used one that the clock comes to
		}
	}
}

func (s *Server) tick() string {
	now := s.cfg.Now().Unix()
	if now > s.clock.sec {
		s.clock = clock{sec: now}
	}
	if s.clock.n++; s.clock.n > 9999 {
		s.clock = clock{sec: s.clock.sec + 1, n: 1}
	}
	return fmt.Sprintf("%010d.%06d", s.clock.sec, s.clock.n*100)
}

// find returns the channel with an id or, with or without a #, a name.
func (s *Server) find(name string) *channel {
	for _, c := range slices.Backward(s.channels) {
		if name != "" && (c.ID == name || c.Name != "" && c.Name == strings.TrimPrefix(name, "#")) {
			return c
		}
	}
	return nil
}

// byID returns the channel with an id that the bot can see.
func (s *Server) byID(id string) *channel {
	for _, c := range slices.Backward(s.channels) {
		if c.ID == id && (c.Member || !c.Private) {
			return c
		}
	}
	return nil
}

func (s *Server) user(id string) *User {
	for i, u := range slices.Backward(s.cfg.Users) {
		if u.ID == id {
			return &s.cfg.Users[i]
		}
	}
	return nil
}

// open returns the conversation with a person, and whether it was there before.
func (s *Server) open(user string) (c *channel, was bool) {
	for _, c := range s.channels {
		if c.user == user {
			return c, true
		}
	}
	s.dms++
	c = &channel{Channel: Channel{ID: fmt.Sprintf("D0DM%06d", s.dms), Member: true, Private: true}, user: user}
	s.channels = append(s.channels, c)
	return c, false
}

// target returns the channel to post to, or why there is none. A person's id stands for the conversation.
func (s *Server) target(name string) (*channel, string) {
	if u := s.user(name); u != nil {
		c, _ := s.open(u.ID)
		return c, ""
	}
	c := s.find(name)
	switch {
	case c == nil, c.Private && !c.Member:
		return nil, "channel_not_found"
	case c.Archived:
		return nil, "is_archived"
	case !c.Member && !s.cfg.has("chat:write.public"):
		return nil, "not_in_channel"
	}
	return c, ""
}

// kind is the word for a channel in scopes: channels, groups or im.
func (c *channel) kind() string {
	switch {
	case c.user != "":
		return "im"
	case c.Private:
		return "groups"
	}
	return "channels"
}

func (c *channel) add(m *Message) {
	i, _ := slices.BinarySearchFunc(c.messages, m.TS, func(m *Message, ts string) int {
		return strings.Compare(m.TS, ts)
	})
	c.messages = slices.Insert(c.messages, i, m)
}

// message returns the message with a ts, nil if there is none or it was deleted.
func (c *channel) message(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts && !m.Deleted {
			return m
		}
	}
	return nil
}

func (c *channel) replies(ts string) []*Message {
	var list []*Message
	for _, m := range c.messages {
		if m.ThreadTS == ts && !m.Deleted {
			list = append(list, m)
		}
	}
	return list
}

// wire is a message as the API shows it.
func (s *Server) wire(c *channel, m *Message, metadata bool) map[string]any {
	w := map[string]any{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": s.cfg.TeamID}
	if m.BotID != "" {
		w["bot_id"] = m.BotID
		w["bot_profile"] = map[string]any{"id": m.BotID, "name": s.cfg.BotName, "team_id": s.cfg.TeamID}
	}
	if m.Webhook {
		w["subtype"] = "bot_message"
	}
	if m.Blocks != nil {
		w["blocks"] = m.Blocks
	}
	if m.Attachments != nil {
		w["attachments"] = m.Attachments
	}
	if m.Metadata != nil && metadata {
		w["metadata"] = m.Metadata
	}
	if m.Edited {
		at := m.TS
		if n := len(m.Versions); n > 0 {
			at = stamp(m.Versions[n-1].At)
		}
		w["edited"] = map[string]any{"user": m.User, "ts": at}
	}
	if replies := c.replies(m.TS); len(replies) > 0 {
		w["thread_ts"], w["reply_count"], w["latest_reply"] = m.TS, len(replies), replies[len(replies)-1].TS
	}
	if m.ThreadTS != "" {
		w["thread_ts"] = m.ThreadTS
		if m.Broadcast {
			w["subtype"] = "thread_broadcast"
		}
	}
	if len(m.Files) > 0 {
		var files []any
		for _, id := range m.Files {
			f := s.file(id)
			files = append(files, map[string]any{"id": id, "name": f.Name, "title": f.Title})
		}
		w["files"] = files
	}
	return w
}

func stamp(t time.Time) string { return fmt.Sprintf("%010d.%06d", t.Unix(), 0) }
