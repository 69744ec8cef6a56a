package slacktest

import (
	"encoding/json"
	"slices"
	"time"
)

// Message is a message of the workspace as it stands, deleted ones included.
type Message struct {
	Channel  string
	TS       string // its id within the channel, such as "1795327200.000100"
	ThreadTS string // of the parent, for a reply; "" otherwise
	User     string // who wrote it: the bot's user id, or that of AddMessage
	BotID    string

	Text        string
	Blocks      json.RawMessage // an array; nil if there are none
	Attachments json.RawMessage // an array; nil if there are none
	Metadata    json.RawMessage // an object; nil if there is none
	Files       []string        // ids of the files it shares

	Broadcast bool // a reply that is shown in the channel as well
	Webhook   bool // came by the incoming webhook
	Edited    bool // shows Slack's "(edited)": an update without blocks
	Deleted   bool

	// Versions are what was sent, oldest first: the post, then each update. The last is what the message
	// shows. A message by AddMessage has none, and no versions before its updates.
	Versions []Version
}

// Version is what one post or update sent.
type Version struct {
	At   time.Time
	Text string
	// Blocks and Metadata are nil where the request had none.
	Blocks, Metadata json.RawMessage
	// Payload is the whole request as one JSON object, the way Check reads it, whatever form it came in.
	// It has no token.
	Payload json.RawMessage
}

// File is a file that was uploaded, or is about to be.
type File struct {
	ID, Name, Title      string
	AltText, SnippetType string
	Length               int // as announced
	Content              []byte
	Uploaded             bool // the bytes have arrived
	Complete             bool // files.completeUploadExternal has been called
	Channels             []string
	ThreadTS             string
	Comment              string // the initial comment
}

// DM is a conversation of the bot with one person.
type DM struct {
	Channel  string // its id, D…
	User     string
	Messages []Message
}

// Messages returns the messages of a channel, given by id or by name, in the order of their ts, deleted
// ones and replies included. It returns nil for a channel that is not there.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages(channel)
}

func (s *Server) messages(channel string) []Message {
	c := s.find(channel)
	if c == nil {
		return nil
	}
	list := make([]Message, len(c.messages))
	for i, m := range c.messages {
		list[i] = m.clone()
	}
	return list
}

// Files returns all files in the order in which their uploads began.
func (s *Server) Files() []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]File, len(s.files))
	for i, f := range s.files {
		list[i] = *f
		list[i].Content, list[i].Channels = slices.Clone(f.Content), slices.Clone(f.Channels)
	}
	return list
}

// DMs returns the conversations that were opened, in that order, with their messages.
func (s *Server) DMs() []DM {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []DM
	for _, c := range s.channels {
		if c.user != "" {
			list = append(list, DM{Channel: c.ID, User: c.user, Messages: s.messages(c.ID)})
		}
	}
	return list
}

// AddMessage puts a message into a channel or conversation that somebody else wrote, or that an earlier
// run of the bot did, and returns its ts. An empty TS is made up, an empty User is the bot. It is not
// checked. It panics if there is no such channel.
func (s *Server) AddMessage(channel string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(channel)
	if c == nil {
		panic("slacktest: AddMessage: no channel " + channel)
	}
	if m.TS == "" {
		m.TS = s.nextTS()
	}
	if m.User == "" {
		m.User, m.BotID = s.cfg.BotUserID, s.cfg.BotID
	}
	m.Channel = c.ID
	m = m.clone()
	c.add(&m)
	return m.TS
}

// Complaints returns what is wrong with the messages that Slack accepts and we do not want: the part of
// Check that begins with Forbidden, each with the method and the channel, in the order of the requests.
func (s *Server) Complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.complaints)
}

func (m *Message) clone() Message {
	out := *m
	out.Blocks, out.Attachments, out.Metadata = slices.Clone(m.Blocks), slices.Clone(m.Attachments),
		slices.Clone(m.Metadata)
	out.Files, out.Versions = slices.Clone(m.Files), slices.Clone(m.Versions)
	return out
}
