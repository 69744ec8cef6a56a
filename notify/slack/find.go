package slack

import (
	"context"
	"strconv"
	"time"

	"tokensweep/notify/outbox"

	"github.com/slack-go/slack"
)

// clockMargin is how much earlier than by our clock a message may have been posted by Slack's.
const clockMargin = 10 * time.Minute

// find looks for a message of ours by its metadata: in the channel, or in a thread. ts is "" if it is not there.
// It takes the scopes channels:history or groups:history, and metadata.message:read.
func (s *Bot) find(ctx context.Context, p *outbox.Parcel, part, thread string) (ts string, err error) {
	err = s.eachMessage(ctx, p, thread, func(m *slack.Message) bool {
		if s.isOurs(m, p.Run, part) {
			ts = m.Timestamp
		}
		return ts != ""
	})
	return ts, err
}

// eachMessage reads the messages of the channel since the report was begun, or of a thread, until done is true for one.
func (s *Bot) eachMessage(ctx context.Context, p *outbox.Parcel, thread string, done func(*slack.Message) bool) error {
	const doing = "looking for what was posted before"
	if err := s.identify(ctx); err != nil {
		return err
	}
	for cursor := ""; ; {
		var messages []slack.Message
		err := s.withRetries(ctx, doing, func() (err error) {
			messages, cursor, err = s.page(ctx, p, thread, cursor)
			return err
		})
		if err != nil {
			return err
		}
		for i := range messages {
			if done(&messages[i]) {
				return nil
			}
		}
		if cursor == "" {
			return nil
		}
	}
}

// page reads some messages of the channel since the report was begun, or of a thread.
func (s *Bot) page(ctx context.Context, p *outbox.Parcel, thread, cursor string) (messages []slack.Message, next string,
	err error) {
	oldest := strconv.FormatInt(max(0, p.Since.Add(-clockMargin).Unix()), 10) + ".000000"
	if thread != "" {
		messages, _, next, err = s.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: s.channelOf(p), Timestamp: thread, Cursor: cursor, Limit: 200, IncludeAllMetadata: true,
		})
		return messages, next, err
	}
	history, err := s.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: s.channelOf(p), Cursor: cursor, Oldest: oldest, Limit: 200, IncludeAllMetadata: true,
	})
	if err != nil {
		return nil, "", err
	}
	return history.Messages, history.ResponseMetaData.NextCursor, nil
}

// identify asks who we are: metadata can be written by anybody, so only our own messages count.
func (s *Bot) identify(ctx context.Context) error {
	if s.me != nil {
		return nil
	}
	return s.withRetries(ctx, "asking Slack who we are", func() (err error) {
		s.me, err = s.api.AuthTestContext(ctx)
		if err != nil {
			s.me = nil
		}
		return err
	})
}

// isOurs reports whether a message is the part of a run's report that we posted.
func (s *Bot) isOurs(m *slack.Message, run, part string) bool {
	payload := m.Metadata.EventPayload
	return s.isFromUs(m) && m.Metadata.EventType == EventType && payload["run_id"] == safe(run, 60) &&
		payload["part"] == part
}

// isFromUs reports whether we posted a message.
func (s *Bot) isFromUs(m *slack.Message) bool {
	return m.BotID != "" && m.BotID == s.me.BotID || m.User != "" && m.User == s.me.UserID
}
