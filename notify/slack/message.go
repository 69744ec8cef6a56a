package slack

import (
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"
)

// EventType is the type of the metadata of every message.
const EventType = "tokensweep_run"

// Message is one message, ready to be posted, with no unfurling and no parsing. Its JSON is the body of a
// post without a channel, and can be read back.
type Message struct {
	// Text is the message in one sentence, for notifications and for screens without blocks. It is
	// escaped: don't escape it again.
	Text string
	// Blocks are what people see.
	Blocks []slack.Block
	// Metadata is by what the message is found again: ids and counts, nothing else.
	Metadata slack.SlackMetadata
	// Broadcast says that a reply is also shown in the channel.
	Broadcast bool
	// Part names the message within its run.
	Part string
}

// messageJSON is the body of chat.postMessage, as far as it is known before there is a channel.
type messageJSON struct {
	Text        string              `json:"text"`
	Blocks      slack.Blocks        `json:"blocks"`
	Broadcast   bool                `json:"reply_broadcast,omitempty"`
	UnfurlLinks bool                `json:"unfurl_links"`
	UnfurlMedia bool                `json:"unfurl_media"`
	Metadata    slack.SlackMetadata `json:"metadata"`
}

// MarshalJSON writes the message as the body of a post.
func (m Message) MarshalJSON() ([]byte, error) {
	blocks := m.Blocks
	if blocks == nil {
		blocks = []slack.Block{}
	}
	return json.Marshal(messageJSON{Text: m.Text, Blocks: slack.Blocks{BlockSet: blocks}, Broadcast: m.Broadcast,
		Metadata: m.Metadata})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Message) UnmarshalJSON(raw []byte) error {
	var j messageJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("reading a Slack message: %w", err)
	}
	part, _ := j.Metadata.EventPayload["part"].(string)
	*m = Message{Text: j.Text, Blocks: j.Blocks.BlockSet, Broadcast: j.Broadcast, Metadata: j.Metadata, Part: part}
	return nil
}

// Thread is the report of a run.
type Thread struct {
	// Parent goes to the channel.
	Parent Message
	// Replies go to its thread, in this order.
	Replies []Message
	// Files go to its thread.
	Files []File
}

// File is a file for a thread.
type File struct {
	// Name is the file's name, Title what is shown.
	Name, Title string
	// Content is never empty.
	Content []byte
}
