package okta

import (
	"time"
)

// DefaultTokenWindow is how long an API token lives without being used. Okta fixes it for all orgs
// (https://developer.okta.com/docs/guides/create-an-api-token/main/); it is what a token whose
// tokenWindow is absent lives by.
const DefaultTokenWindow = 30 * 24 * time.Hour

// Token is the metadata of one API token, as the list and the single read of
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/ give it. The
// secret itself can't be read back from Okta and is not part of it. Every field but ID may be absent.
type Token struct {
	// ID is "00T" and 17 letters or digits; never empty in a token that this package returned.
	ID string
	// Name is what the creator called it. It may hold any character: see Printable.
	Name Opt[string]
	// UserID is the owner, whose rights the token has.
	UserID Opt[string]
	// ClientName is "Okta API" for tokens made by people; Okta's agents have names of their own.
	ClientName Opt[string]
	// Created is when the token was made.
	Created Opt[time.Time]
	// LastUpdated is the later of the last use and the last edit of the metadata.
	LastUpdated Opt[time.Time]
	// ExpiresAt is when Okta ends the token unless it is used before.
	ExpiresAt Opt[time.Time]
	// TokenWindow is how long after its last use Okta ends the token: see DefaultTokenWindow.
	TokenWindow Opt[time.Duration]
	// Network is from where the token may be used.
	Network Opt[Network]
	// Owner is what is known of the owner, once somebody has looked; nil before. No answer about a token
	// holds it: see Reader.Owner.
	Owner *Owner
}

// Network is the network condition of a token. Which of the lists is present depends on Connection.
type Network struct {
	// Connection is ANYWHERE, ZONE, or a word that Okta adds one day.
	Connection Opt[string]
	// Include and Exclude hold the ids of network zones.
	Include, Exclude Opt[[]string]
	// more says that there is more to it than this package knows of.
	more bool
}

// Condition is a network condition of which all is known: it can be compared with another, and given back to Okta
// without a loss. ConditionOf makes one of an answer, and refuses to guess.
type Condition struct {
	// Connection and the ids of zones are those of Network; nil and empty lists are the same.
	Connection       string
	Include, Exclude []string
}

// ConditionOf is the network condition of a token, if all of it is known: a connection, and lists of zones that are
// missing or known from the first to the last, at least one zone where the connection is ZONE, and nothing that this
// package doesn't know of.
func ConditionOf(network Opt[Network]) (Condition, bool) {
	n, known := network.Get()
	connection, said := n.Connection.Get()
	include, in := n.Include.IfMissing(nil).Get()
	exclude, out := n.Exclude.IfMissing(nil).Get()
	switch {
	case !known, !said, connection == "", !in, !out, n.more:
		return Condition{}, false
	case connection == "ZONE" && len(include)+len(exclude) == 0:
		return Condition{}, false
	}
	return Condition{connection, include, exclude}, true
}

// LastUsed derives when the token was last used: ExpiresAt less its window, since each use moves
// ExpiresAt and nothing else does. For a token that was never used it is the time of its creation.
// Uses within about a minute of each other move it only once. It is absent as ExpiresAt is, and
// malformed if the window is or if it lies before the year 0.
func (t *Token) LastUsed() Opt[time.Time] {
	end, ok := t.ExpiresAt.Get()
	if !ok {
		return t.ExpiresAt
	}
	window, ok := t.TokenWindow.IfMissing(DefaultTokenWindow).Get()
	used := end.Add(-window)
	if !ok || !inYears(used) {
		return Unreadable[time.Time]()
	}
	return Some(used)
}

// Use moves what a use of the token at an instant moves: ExpiresAt and LastUpdated, and with them what is derived from
// them. It does nothing to a token without an end, or whose window is malformed: what a use would move is not known.
func (t *Token) Use(at time.Time) {
	_, ends := t.ExpiresAt.Get()
	window, known := t.TokenWindow.IfMissing(DefaultTokenWindow).Get()
	if ends && known {
		t.ExpiresAt, t.LastUpdated = Some(at.Add(window)), Some(at)
	}
}

// NeverUsed derives whether the token was ever used: LastUsed equals Created. It is absent or
// malformed if one of them is.
func (t *Token) NeverUsed() Opt[bool] {
	used, created := t.LastUsed(), t.Created
	at, ok := used.Get()
	if !ok {
		return Opt[bool]{presence: used.presence}
	}
	made, ok := created.Get()
	if !ok {
		return Opt[bool]{presence: created.presence}
	}
	return Some(at.Equal(made))
}
