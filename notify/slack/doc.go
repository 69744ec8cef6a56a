// Package slack delivers reports to a channel of Slack.
//
// Report, Alert, OwnerMessage and OneMessage render: a report goes in, messages come out, nothing is sent. A Bot sends
// them with a bot token: one message in the channel, the details in its thread, direct messages to owners. A Webhook
// sends what one message can hold through an incoming webhook. What could not be delivered stays in the outbox, and a
// later run delivers it.
//
// Names of tokens, clients and people come from strangers: all of them pass through safe, which leaves no mention, link
// or markup of theirs.
package slack
