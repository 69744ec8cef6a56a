package slack

import (
	"context"
	"encoding/json"
	"fmt"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/rules"
)

// content is all that is to be posted of one report. Its JSON is kept in the outbox.
type content struct {
	Thread Thread
	// Owners are those who get a direct message, or would.
	Owners []recipient `json:",omitempty"`
	Alert  *Message
	// Lasting says that the alert is about something that no later one repeats.
	Lasting bool `json:",omitempty"`
	// Mode and OrgURL are those of the run.
	Mode   rules.Mode
	OrgURL string

	announcement bool // it says what is about to happen
}

// key names a part in the ledger. What an announcement has in its thread is another part than what the report
// has there under the same name; their first message is the same.
func (c *content) key(part string) string {
	if c.announcement && part != partParent {
		return "announced " + part
	}
	return part
}

// The names of parts that the delivery itself knows.
const (
	partParent = "parent"
	partOwners = "owners"
)

// tsOf is the ts of a message, by which Slack knows it; "" for one of a webhook.
func tsOf(at ledger.Place) string {
	if at.Name == "" {
		return tsInWords(at.Via)
	}
	return at.Name
}

// has reports whether a part was accepted.
func has(p *outbox.Parcel, part string) bool {
	_, accepted := p.Part(part)
	return accepted
}

// parent is the ts of the first message, "" if it was not accepted.
func parent(p *outbox.Parcel) string {
	at, _ := p.Part(partParent)
	return tsOf(at)
}

// catchUp delivers what earlier runs left, for as long as there is patience. People are called for the first run that
// failed, and not once more for each: they see the others in the channel. What an alert of a report tells of changes
// and findings is told by no other.
func (s *sender) catchUp(
	ctx context.Context, r *audit.Report, deliver func(context.Context, *outbox.Parcel, *content) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	return s.outbox.CatchUp(ctx, r, func(ctx context.Context, p *outbox.Parcel, left outbox.Left) error {
		c, err := s.contentOf(left)
		if err != nil {
			return err
		}
		posted := func() bool { return c.Alert != nil && has(p, c.key(c.Alert.Part)) }
		before := posted()
		if s.called && !c.Lasting && !before {
			c.Alert = nil
		}
		err = deliver(ctx, p, c)
		s.called = s.called || posted() && !before
		return err
	})
}

// contentOf is what is to be posted of a report that an earlier run left.
func (s *sender) contentOf(left outbox.Left) (*content, error) {
	c := &content{}
	r := left.Interrupted
	if r == nil {
		if err := json.Unmarshal(left.Content, c); err != nil {
			return nil, fmt.Errorf("%w: another version wrote it: %w", ledger.ErrNoParcel, err)
		}
		return c, nil
	}
	o := s.options(Interrupted)
	c.Thread, c.Mode, c.OrgURL = Report(r, o), r.Mode, r.OrgURL
	if alert, ok := Alert(r, o); ok {
		c.Alert = &alert
	}
	return c, nil
}
