package audit

import (
	"time"

	"tokensweep/okta"
	"tokensweep/rules"
)

// What an Event says besides the outcomes of a report.
const (
	// Ended is a token that Okta itself ends, since nobody used it.
	Ended = "ended"
	// Cleared is a token that no rule concerns any more.
	Cleared = "cleared"
	// Stopped is a run in which more is due at once than stopAbove allows: nothing is done. It has no token.
	Stopped = "stopped"
)

// Event is something that would become of a token, or of a run.
type Event struct {
	// At is when.
	At time.Time
	// What is the word of an Outcome, or Ended, Cleared or Stopped. Quarantined and Revoked are what a run does then.
	What string
	// Token is what it is about; nil for a run. It is as it would be then.
	Token *okta.Token
	// Severity and Step are those of the finding; zero for Ended, Cleared and Stopped.
	Severity rules.Severity
	Step     rules.Step
	// Due is when Step is due, if it is a quarantine or a revocation.
	Due time.Time
	// Rules are the ids of the rules that match, Why the sentences of the finding, or why a run stops.
	Rules []string
	Why   []string
}

// Calendar is what would become of an org's tokens, as far as today's listing tells.
type Calendar struct {
	// OrgURL, PolicyFile, PolicyDigest and Mode say what was looked at, and by what.
	OrgURL, PolicyFile, PolicyDigest string
	Mode                             rules.Mode
	// From is the org's clock at the listing, Until the end of the calendar.
	From, Until time.Time
	// Runs is how many runs there would be, and Schedule says when.
	Runs     int
	Schedule string
	// Tokens is how many tokens were listed.
	Tokens int
	// Events are in the order of time; at the same instant runs come first, then the worst and longest idle.
	Events []Event
	// Assumed are sentences that say under what assumptions all this holds.
	Assumed []string
	// Notes are sentences that a reader should know besides.
	Notes []string

	listed map[string]bool // ids of tokens
}

// About is the part of the calendar that is about one token, and about whole runs; nil if the token was not listed.
func (c *Calendar) About(id string) *Calendar {
	if !c.listed[id] {
		return nil
	}
	part := *c
	part.Events = nil
	for _, e := range c.Events {
		if e.Token == nil || e.Token.ID == id {
			part.Events = append(part.Events, e)
		}
	}
	return &part
}
