// Package slacktest is a fake Slack workspace: a real HTTP server that speaks the part of Slack's Web API
// that an app needs to post reports, and an incoming webhook. It is to a client of Slack what
// net/http/httptest is to a client of HTTP, and serves for tests and demonstrations. It shares no code
// with any client, so that a mistake made there is not mirrored here.
//
//	ws := slacktest.Start(slacktest.Config{
//		BotToken: "xoxb-secret",
//		Channels: []slacktest.Channel{{ID: "C0SECURITY", Name: "security", Member: true}},
//	})
//	defer ws.Close()
//	ws.Fault(slacktest.Fault{Method: "chat.postMessage", HangupAfter: true, Times: 1}) // the lost answer
//	// Point a client at ws.URL(), for slack-go by OptionAPIURL, then look at ws.Messages("security"),
//	// ws.Complaints() and ws.Requests(), or print ws.Transcript("security").
//
// It holds every message to Slack's limits and answers what is beyond them with Slack's errors and the
// places in response_metadata.messages. What Slack accepts and we do not want, such as live mentions, is
// posted and kept for Complaints. Check does both for a message without any server.
//
// # Endpoints
//
//	auth.test
//	chat.postMessage, chat.update, chat.delete, chat.getPermalink
//	conversations.history, .replies, .info, .open
//	files.getUploadURLExternal, the upload, files.completeUploadExternal
//	users.lookupByEmail, usergroups.list
//	the incoming webhook
//
// Arguments come as a form, in the query, or as JSON where Slack takes that. Any other method is answered
// unknown_method.
//
// # What is tested against a client
//
// The tests reach every method through github.com/slack-go/slack v0.35.0, so the answers are what that
// library expects. Nothing here was compared with a live workspace.
//
// # What is documented
//
//   - methods, their scopes and errors: https://docs.slack.dev/reference/methods/, the arguments of
//     https://docs.slack.dev/reference/methods/chat.postMessage/ and that chat.update reads parse as client
//     unless told, removes blocks when text comes alone, and marks no message with blocks as edited:
//     https://docs.slack.dev/reference/methods/chat.update/;
//   - the limits of blocks and elements: https://docs.slack.dev/reference/block-kit/blocks/, of tables
//     https://docs.slack.dev/reference/block-kit/blocks/table-block/,
//     https://docs.slack.dev/reference/block-kit/blocks/data-table-block/ and of charts
//     https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block/; those are restated that
//     https://github.com/nicklambourne/slackblocks (spec/limits.json, MIT) measured at Slack's validator;
//   - the plain answers of webhooks:
//     https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/;
//   - what Slack parses in text: https://docs.slack.dev/messaging/formatting-message-text/, and metadata:
//     https://docs.slack.dev/messaging/message-metadata/.
//
// # What is reported by others
//
//   - that all text in blocks has a limit, and that 11,341 characters were refused:
//     https://github.com/slackapi/bolt-js/issues/2867 (others saw 13,297 pass, issue 2509). Here 11,341 and
//     more are refused, and there is a complaint above 8,000;
//   - the form of reasons, "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]":
//     https://github.com/yonicd/slackreprex/issues/3;
//   - that a reply whose parent is gone lands in the channel, told only by the missing thread_ts.
//
// # What is assumed
//
// A client should not rely on these: the text of tables and of markdown blocks, which have limits of
// their own, does not count for msg_blocks_too_long; metadata may have 8,000 bytes; text above 40,000
// characters, which Slack cuts, is refused with msg_too_long, in chat.update above 4,000; a second table is
// invalid_blocks with only_one_table_allowed; every cell and raw_number needs text; a reply to a reply is
// cannot_reply_to_message; metadata is shown only with the scope metadata.message:read; files show at once
// in the channel; an upload of another length than announced is refused; a webhook takes tables and
// thread_ts as the API does. There are no rate limits: a Fault makes a 429.
package slacktest
