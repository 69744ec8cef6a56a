package slacktest

import (
	"encoding/json"
	"regexp"
)

type apiMethod struct {
	scope string // that is needed; the conversations' methods ask for theirs by the kind of channel
	json  bool   // whether arguments may be JSON
	do    func(*Server, args) answer
}

// methods are those of the API that the workspace knows.
var methods = map[string]apiMethod{
	"auth.test":                    {"", true, (*Server).authTest},
	"chat.postMessage":             {"chat:write", true, (*Server).post},
	"chat.update":                  {"chat:write", true, (*Server).update},
	"chat.delete":                  {"chat:write", true, (*Server).delete},
	"chat.getPermalink":            {"", false, (*Server).permalink},
	"conversations.history":        {"", false, (*Server).historyOf},
	"conversations.replies":        {"", false, (*Server).repliesOf},
	"conversations.info":           {"", false, (*Server).info},
	"conversations.open":           {"im:write", true, (*Server).openDM},
	"files.getUploadURLExternal":   {"files:write", false, (*Server).uploadURL},
	"files.completeUploadExternal": {"files:write", true, (*Server).completeUpload},
	"users.lookupByEmail":          {"users:read.email", false, (*Server).lookup},
	"usergroups.list":              {"usergroups:read", false, (*Server).userGroups},
}

var tsForm = regexp.MustCompile(`^\d{10}\.\d{6}$`)

func (s *Server) post(a args) answer {
	c, e := s.target(a.str("channel"))
	if e != "" {
		return refuse(e)
	}
	m := s.compose(a)
	thread := a.str("thread_ts")
	if thread != "" {
		if !tsForm.MatchString(thread) {
			return refuse("invalid_arguments", reasons("[ERROR] invalid thread_ts [json-pointer:/thread_ts]"))
		}
		// A thread whose parent is gone or never was: Slack posts to the channel instead.
		if parent := c.message(thread); parent != nil {
			if parent.ThreadTS != "" {
				return refuse("cannot_reply_to_message")
			}
			m.ThreadTS, m.Broadcast = thread, a.bool("reply_broadcast")
		}
	}
	if problems := s.examine("chat.postMessage", c, m, 0); problems != nil {
		return refuseProblems(problems)
	}
	m.Channel, m.TS = c.ID, s.nextTS()
	c.add(m)
	return accept(map[string]any{"channel": c.ID, "ts": m.TS, "message": s.wire(c, m, true)})
}

// compose makes a message of the bot of what a request sends.
func (s *Server) compose(a args) *Message {
	p := a.payload()
	m := &Message{User: s.cfg.BotUserID, BotID: s.cfg.BotID}
	m.show(p, Version{At: s.cfg.Now(), Payload: marshal(p)})
	return m
}

// show makes p the newest version of m.
func (m *Message) show(p map[string]any, v Version) {
	v.Text, _ = p["text"].(string)
	if v.Text == "" {
		v.Text, _ = p["markdown_text"].(string)
	}
	if l := list(p["blocks"]); len(l) > 0 {
		v.Blocks = marshal(l)
	}
	if p["metadata"] != nil {
		v.Metadata = marshal(p["metadata"])
		m.Metadata = v.Metadata
	}
	m.Text, m.Blocks, m.Attachments = v.Text, v.Blocks, nil
	if l := list(p["attachments"]); len(l) > 0 {
		m.Attachments = marshal(l)
	}
	m.Versions = append(m.Versions, v)
}

// examine holds the newest version of a message to the limits; update is the text's limit, 0 for none. It
// notes complaints about a message that has no problem.
func (s *Server) examine(method string, c *channel, m *Message, update int) []problem {
	v := m.Versions[len(m.Versions)-1]
	ch := check(s.cfg.Rules, v.Payload)
	if update > 0 {
		if runes(v.Text) > update {
			ch.refuse("msg_too_long", "/text", "must be less than %d characters", update+1)
		}
		var p map[string]any
		_ = json.Unmarshal(v.Payload, &p)
		if p["parse"] == nil { // the default of chat.update is client, unlike that of chat.postMessage
			ch.forbid("/parse", "parse is not none")
		}
		if p["link_names"] == nil {
			ch.forbid("/link_names", "link_names is not false")
		}
	}
	if len(ch.refused) > 0 {
		return ch.refused
	}
	for _, f := range ch.forbidden {
		s.complaints = append(s.complaints, method+" "+c.ID+": "+f)
	}
	return nil
}

// own returns a message to change, by channel id and ts, or why not.
func (s *Server) own(a args, foreign string) (*channel, *Message, string) {
	c := s.byID(a.str("channel"))
	if c == nil {
		return nil, nil, "channel_not_found"
	}
	m := c.message(a.str("ts"))
	switch {
	case m == nil:
		return c, nil, "message_not_found"
	case c.Archived:
		return c, m, "is_archived"
	case m.BotID != s.cfg.BotID || m.Webhook:
		return c, m, foreign
	}
	return c, m, ""
}

func (s *Server) update(a args) answer {
	c, m, e := s.own(a, "cant_update_message")
	if e != "" {
		return refuse(e)
	}
	next := m.clone()
	p := a.payload()
	next.show(p, Version{At: s.cfg.Now(), Payload: marshal(p)})
	if p["attachments"] == nil { // an empty array removes them
		next.Attachments = m.Attachments
	}
	next.Edited = next.Blocks == nil // with blocks there is no mark
	if problems := s.examine("chat.update", c, &next, maxUpdateText); problems != nil {
		return refuseProblems(problems)
	}
	*m = next
	return accept(map[string]any{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": s.wire(c, m, true)})
}

func (s *Server) delete(a args) answer {
	c, m, e := s.own(a, "cant_delete_message")
	if e != "" {
		return refuse(e)
	}
	m.Deleted = true
	return accept(map[string]any{"channel": c.ID, "ts": m.TS})
}

func (s *Server) permalink(a args) answer {
	c := s.byID(a.str("channel"))
	if c == nil {
		return refuse("channel_not_found")
	}
	m := c.message(a.str("message_ts"))
	if m == nil {
		return refuse("message_not_found")
	}
	return accept(map[string]any{"channel": c.ID, "permalink": s.linkTo(c, m.TS)})
}

func (s *Server) linkTo(c *channel, ts string) string {
	return "https://" + s.cfg.Team + ".slack.com/archives/" + c.ID + "/p" + ts[:10] + ts[11:]
}
