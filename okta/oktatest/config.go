package oktatest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Config describes an org and the way it answers. The zero Config is an empty org that trusts no
// credential.
type Config struct {
	// Credential is the secret that is accepted as "Authorization: SSWS <Credential>". Every other
	// request is answered 401 E0000011; with "", all are. Access tokens that OAuth gave out are another matter.
	Credential string

	// ID is the org's own, as /.well-known/okta-organization tells it. With "", each org of a program gets another.
	ID string

	// Me is the id of the user that /users/me answers: the one that Credential belongs to. A user that
	// is not among Users is made up, as a super administrator. With "", /users/me answers 404.
	Me string

	// OwnToken is the id of the token that Credential belongs to. Every authenticated request is a use
	// of it (see Server.Use), and once it is revoked or has expired Credential is not accepted any more.
	// With "", the credential belongs to no token of the list, as that of an OAuth app does.
	OwnToken string

	// Now is the org's clock: it rules the Date header, the times of effects, the expiry of tokens and
	// the windows of rate limits. It is called from many goroutines at once, and must not call the Server.
	// Nil means time.Now.
	Now func() time.Time

	// Tokens, Users and Zones are what the org holds at first. Of two with one ID the later counts.
	Tokens []Token
	Users  []User
	Zones  []Zone

	// PageSize 0 is the recorded shape of the live API: all tokens in one array, no Link header, every
	// query parameter ignored. More than 0 is the documented older shape: pages of at most
	// min(limit, PageSize) tokens, where limit is what the request asks for (20 if it does not ask),
	// linked by two Link header lines, self and next, with an opaque cursor in "after".
	PageSize int

	// Offsets makes the cursors of pages count tokens, instead of naming the token behind which a page begins: what is
	// added, removed or moved while somebody reads then pushes others past the reader, or back.
	Offsets bool

	// Latency is how long after the arrival of its request an answer is sent, in real time. The work of
	// making the answer is part of it, and effects happen before it.
	Latency time.Duration

	// RateLimit bounds how often the org may be asked.
	RateLimit RateLimit

	// OAuth is how service apps log in.
	OAuth OAuth
}

// RateLimit is a limit as Okta's: Limit requests for each bucket in each window of time. A window
// starts with the first request after the last one ended; it is a fixed one, not a sliding one. The
// zero RateLimit sets no limit and sends no x-rate-limit headers.
type RateLimit struct {
	Limit int
	// rounded up to whole seconds, which is what x-rate-limit-reset can say; 0 means a minute, as Okta's
	Window time.Duration
}

// Token is an API token of the org, or rather what there is to know about one: nothing here is a secret.
type Token struct {
	ID     string // 00T and 17 letters or digits; TokenID makes such ids. Any other string is served as well
	Name   string // decides the place in the list, unless Place does
	Place  string // decides the place in the list instead of Name; "" for Name
	UserID string // the owner; "" leaves out userId and its link, except that OwnToken then belongs to Me

	ClientName string // "" means "Okta API", as tokens made by people have

	Created     time.Time // zero means the time of adding it to the org
	LastUsed    time.Time // zero means never used
	LastUpdated time.Time // zero means LastUsed, or else Created

	// Window is tokenWindow, an ISO 8601 duration; "" means P30D. On the wire expiresAt is LastUsed (or
	// else Created) plus Window; from then on the token is no longer there. Where Window makes no sense
	// it is sent as it is and 30 days count.
	Window string

	Network Network

	// Omit names the JSON keys to leave out, such as "lastUpdated".
	Omit []string

	// Instead is the JSON that is sent for some keys in place of what they have, such as [null] for "name". A PUT of
	// the network ends that of "network".
	Instead map[string]string

	// Raw, if set, is sent instead of the whole JSON object, valid or not. ID is still the id that paths
	// name and Name, or Place, the place in the list, so that two tokens with different IDs can show the same id on
	// two pages. A token with Raw never expires.
	Raw json.RawMessage
}

// Network says from where a token may be used.
type Network struct {
	Connection string   // "" means ANYWHERE
	Include    []string // zone ids, absent on the wire if empty
	Exclude    []string // zone ids, absent on the wire if empty
}

// User is a user of the org: an owner of tokens.
type User struct {
	ID, Login                  string
	Email, FirstName, LastName string // Email "" means Login
	Status                     string // ACTIVE if "", DEPROVISIONED, SUSPENDED, LOCKED_OUT, ...

	Created       time.Time // zero means the time of adding the user to the org
	StatusChanged time.Time // zero means Created
	LastLogin     time.Time // zero means never: null on the wire

	// Roles are types of administrator roles, such as SUPER_ADMIN, that were given to the user. Assigned are more
	// roles, of which there is more to say.
	Roles    []string
	Assigned []Role
}

// Zone is a network zone.
type Zone struct {
	ID, Name string
	Status   string // ACTIVE if "", or INACTIVE
	Type     string // IP if "", or DYNAMIC, DYNAMIC_V2
	Usage    string // POLICY if "", or BLOCKLIST

	// Gateways and Proxies are prefixes, or ranges with a hyphen; no gateways are 192.0.2.1/32.
	Gateways, Proxies []string
}

func (t Token) clone() Token {
	t.Network.Include = slices.Clone(t.Network.Include)
	t.Network.Exclude = slices.Clone(t.Network.Exclude)
	t.Omit = slices.Clone(t.Omit)
	t.Instead = maps.Clone(t.Instead)
	t.Raw = slices.Clone(t.Raw)
	return t
}

func (u User) clone() User {
	u.Roles, u.Assigned = slices.Clone(u.Roles), slices.Clone(u.Assigned)
	return u
}
