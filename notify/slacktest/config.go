package slacktest

import (
	"slices"
	"time"
)

// Config describes a workspace and the app that talks to it. The zero Config is an empty workspace that
// trusts no token.
type Config struct {
	// BotToken is the token that is accepted, as "Authorization: Bearer <BotToken>" or as the form field
	// token. Any other is answered invalid_auth, none at all not_authed; with "", all are refused.
	BotToken string

	// Scopes are what the token may do; they are sent as X-OAuth-Scopes. Nil means AllScopes; an empty
	// slice that is not nil means none.
	Scopes []string

	// Channels, Users and UserGroups are what the workspace holds. Of two with one ID the later counts.
	Channels   []Channel
	Users      []User
	UserGroups []UserGroup

	// WebhookChannel is the ID of the channel that the incoming webhook posts to. "" means the first of
	// Channels; without any the webhook answers channel_not_found.
	WebhookChannel string

	TeamID, Team     string // T0SLACKTEST and "acme" if ""
	BotUserID, BotID string // U0BOT00001 and B0BOT00001 if ""
	BotName          string // "tokensweep" if ""

	// Now is the workspace's clock: it makes the ts of messages and the times of the history. It is called
	// from many goroutines at once, and must not call the Server. Nil means time.Now.
	Now func() time.Time

	// Rules say which mentions and links are no reason to complain.
	Rules
}

// Channel is a channel of the workspace. The bot can post to those that it is a member of, and with the
// scope chat:write.public to all that are not private.
type Channel struct {
	ID, Name string
	Archived bool
	Member   bool // whether the bot is in it
	Private  bool // if so and the bot is no member, it is not there for the bot
}

// User is a person of the workspace.
type User struct {
	ID, Email, Name string
	Deleted         bool // a deactivated account: lookups by e-mail do not find it
}

// UserGroup is a group of people that can be mentioned as <!subteam^ID>.
type UserGroup struct {
	ID, Handle, Name string
	Users            []string
	Disabled         bool // is listed only on demand
}

// AllScopes returns every scope that a method of the fake asks for.
func AllScopes() []string {
	return []string{
		"channels:history", "channels:read", "chat:write", "chat:write.public", "files:write",
		"groups:history", "groups:read", "im:history", "im:read", "im:write", "incoming-webhook",
		"metadata.message:read", "usergroups:read", "users:read", "users:read.email",
	}
}

func (c Config) withDefaults() Config {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.TeamID, "T0SLACKTEST")
	def(&c.Team, "acme")
	def(&c.BotUserID, "U0BOT00001")
	def(&c.BotID, "B0BOT00001")
	def(&c.BotName, "tokensweep")
	if c.WebhookChannel == "" && len(c.Channels) > 0 {
		c.WebhookChannel = c.Channels[0].ID
	}
	if c.Scopes == nil {
		c.Scopes = AllScopes()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Scopes = slices.Clone(c.Scopes)
	c.Channels = slices.Clone(c.Channels)
	c.Users = slices.Clone(c.Users)
	c.UserGroups = slices.Clone(c.UserGroups)
	for i := range c.UserGroups {
		c.UserGroups[i].Users = slices.Clone(c.UserGroups[i].Users)
	}
	c.AllowedMentions = slices.Clone(c.AllowedMentions)
	c.AllowedHosts = slices.Clone(c.AllowedHosts)
	return c
}

func (c *Config) has(scope string) bool { return slices.Contains(c.Scopes, scope) }
