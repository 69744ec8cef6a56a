package slacktest

import (
	"encoding/base64"
	"slices"
	"strings"
)

func (s *Server) authTest(args) answer {
	return accept(map[string]any{
		"url": "https://" + s.cfg.Team + ".slack.com/", "team": s.cfg.Team, "team_id": s.cfg.TeamID,
		"user": s.cfg.BotName, "user_id": s.cfg.BotUserID, "bot_id": s.cfg.BotID, "is_enterprise_install": false,
	})
}

// readable returns a channel whose messages the bot may read, or the answer that says why not.
func (s *Server) readable(a args) (*channel, answer) {
	c := s.byID(a.str("channel"))
	if c == nil {
		return nil, refuse("channel_not_found")
	}
	if scope := c.kind() + ":history"; !s.cfg.has(scope) {
		return nil, s.missing(scope)
	}
	if !c.Member {
		return nil, refuse("not_in_channel")
	}
	return c, answer{}
}

func (s *Server) historyOf(a args) answer {
	c, no := s.readable(a)
	if c == nil {
		return no
	}
	var found []*Message
	for _, m := range slices.Backward(c.messages) { // newest first
		if !m.Deleted && (m.ThreadTS == "" || m.Broadcast) {
			found = append(found, m)
		}
	}
	return s.page(c, a, found, func(m *Message, cursor string) bool { return m.TS <= cursor })
}

func (s *Server) repliesOf(a args) answer {
	c, no := s.readable(a)
	if c == nil {
		return no
	}
	parent := c.message(a.str("ts"))
	if parent == nil {
		return refuse("thread_not_found")
	}
	if parent.ThreadTS != "" { // Slack then shows the one reply
		return s.page(c, a, []*Message{parent}, func(*Message, string) bool { return true })
	}
	found := append([]*Message{parent}, c.replies(parent.TS)...)
	return s.page(c, a, found, func(m *Message, cursor string) bool { return m.TS >= cursor })
}

// page answers a page of messages that are in the order to show them in; after says whether one comes at
// or behind the place that a cursor names.
func (s *Server) page(c *channel, a args, found []*Message, after func(*Message, string) bool) answer {
	oldest, latest, inclusive := a.str("oldest"), a.str("latest"), a.bool("inclusive")
	cursor := ""
	if raw := a.str("cursor"); raw != "" {
		plain, err := base64.StdEncoding.DecodeString(raw)
		ts, ok := strings.CutPrefix(string(plain), "next_ts:")
		if err != nil || !ok {
			return refuse("invalid_cursor")
		}
		cursor = ts
	}
	limit := a.int("limit", 100)
	if limit < 1 || limit > 999 {
		limit = 999
	}
	metadata := a.bool("include_all_metadata") && s.cfg.has("metadata.message:read")
	shown, next := []any{}, ""
	for _, m := range found {
		switch {
		case oldest != "" && (m.TS < oldest || m.TS == oldest && !inclusive):
		case latest != "" && (m.TS > latest || m.TS == latest && !inclusive):
		case cursor != "" && !after(m, cursor):
		case len(shown) == limit:
			if next == "" {
				next = m.TS
			}
		default:
			shown = append(shown, s.wire(c, m, metadata))
		}
	}
	fields := map[string]any{"messages": shown, "has_more": next != ""}
	if next != "" {
		fields["response_metadata"] = map[string]any{
			"next_cursor": base64.StdEncoding.EncodeToString([]byte("next_ts:" + next))}
	}
	return accept(fields)
}

func (s *Server) info(a args) answer {
	c := s.byID(a.str("channel"))
	if c == nil {
		return refuse("channel_not_found")
	}
	if scope := c.kind() + ":read"; !s.cfg.has(scope) {
		return s.missing(scope)
	}
	info := map[string]any{"id": c.ID, "is_archived": c.Archived, "is_im": c.user != ""}
	if c.user != "" {
		info["user"] = c.user
	} else {
		info["name"], info["name_normalized"], info["is_member"] = c.Name, c.Name, c.Member
		info["is_channel"], info["is_group"], info["is_private"] = !c.Private, c.Private, c.Private
	}
	return accept(map[string]any{"channel": info})
}

func (s *Server) openDM(a args) answer {
	var u *User
	if id := a.str("channel"); id != "" {
		c := s.byID(id)
		if c == nil || c.user == "" {
			return refuse("channel_not_found")
		}
		u = s.user(c.user)
	} else {
		u = s.user(a.str("users")) // one only
	}
	switch {
	case u == nil:
		return refuse("user_not_found")
	case u.Deleted:
		return refuse("user_disabled")
	}
	c, was := s.open(u.ID)
	info := map[string]any{"id": c.ID}
	if a.bool("return_im") {
		info["user"], info["is_im"] = u.ID, true
	}
	return accept(map[string]any{"channel": info, "already_open": was, "no_op": was})
}

func (s *Server) lookup(a args) answer {
	email := a.str("email")
	for _, u := range slices.Backward(s.cfg.Users) {
		if email != "" && strings.EqualFold(u.Email, email) && !u.Deleted {
			return accept(map[string]any{"user": map[string]any{
				"id": u.ID, "team_id": s.cfg.TeamID, "name": u.Name, "real_name": u.Name, "deleted": false,
				"profile": map[string]any{"email": u.Email, "real_name": u.Name, "display_name": u.Name},
			}})
		}
	}
	return refuse("users_not_found")
}

func (s *Server) userGroups(a args) answer {
	groups := []any{}
	for _, g := range s.cfg.UserGroups {
		if g.Disabled && !a.bool("include_disabled") {
			continue
		}
		w := map[string]any{"id": g.ID, "team_id": s.cfg.TeamID, "is_usergroup": true, "handle": g.Handle,
			"name": g.Name, "date_delete": 0}
		if g.Disabled {
			w["date_delete"] = s.cfg.Now().Unix()
		}
		if a.bool("include_users") {
			w["users"] = append([]string{}, g.Users...)
		}
		if a.bool("include_count") {
			w["user_count"] = len(g.Users)
		}
		groups = append(groups, w)
	}
	return accept(map[string]any{"usergroups": groups})
}
