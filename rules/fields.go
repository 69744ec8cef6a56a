package rules

import (
	"time"

	"tokensweep/okta"
)

// field is one thing that a condition can ask of a token: a row of the table below, which is all that
// the language knows of it. Exactly one of the getters is set; it gives the field its kind.
type field struct {
	name   string
	source Source
	doc    string // what it is, for the reference

	text  func(*okta.Token) okta.Opt[string]
	time  func(*okta.Token) okta.Opt[time.Time]
	span  func(*okta.Token) okta.Opt[time.Duration]
	list  func(*okta.Token) okta.Opt[[]string]
	yesNo func(t *okta.Token, now time.Time) okta.Opt[bool]

	// ofOwner is where an owner has it, as a pointer to an okta.Opt; nil for what no owner has.
	ofOwner func(*okta.Owner) any

	// remark says from what the value was derived, or what is odd about it; "" if nothing is. It may be nil.
	remark func(t *okta.Token) string
	// values are those that Okta has, where it hasn't just any; nil where it has.
	values *values
	// listed are the values that a listing had, if that is counted; nil where it isn't.
	listed func(*Survey) map[string]int
	// always is set if no token lacks it.
	always bool

	// past is set for a time that can't lie in the future.
	past bool
	// byNature are the ages that a time can have, given how Okta ends tokens.
	byNature span
	// since names another time that a time is never before; "" if there is none.
	since string
	// compares names two times, the second not before the first, which are the same where a yes/no is yes.
	compares []string
	// onUse is what becomes of it when the token is used.
	onUse effect

	// blame says which other field is why a derived one can't be judged, or "" if none is. It is nil
	// for a field that isn't derived.
	blame func(t *okta.Token, now time.Time) string
}

var fields = []field{
	{name: "id", source: Tokens, doc: "the token's id, 00T…", values: tokenIDs, always: true,
		text: func(t *okta.Token) okta.Opt[string] { return okta.Some(t.ID) }},
	{name: "name", source: Tokens, doc: "what the creator called it",
		text: func(t *okta.Token) okta.Opt[string] { return t.Name }},
	{name: "clientName", source: Tokens, values: clients, listed: func(c *Survey) map[string]int { return c.Clients },
		doc:  "Okta API for tokens made by people; Okta's agents have names of their own",
		text: func(t *okta.Token) okta.Opt[string] { return t.ClientName }},
	{name: "userId", source: Tokens, doc: "the owner's id, 00u…", values: userIDs,
		text: func(t *okta.Token) okta.Opt[string] { return t.UserID }},
	{name: "created", source: Tokens, doc: "when it was made", past: true,
		time: func(t *okta.Token) okta.Opt[time.Time] { return t.Created }},
	{name: "lastUpdated", source: Tokens, doc: "its last use or the last edit of its metadata, whichever is later",
		past: true, byNature: span{most: usedLately}, since: "lastUsed", onUse: movedByEach, remark: EditRemark,
		time: func(t *okta.Token) okta.Opt[time.Time] { return t.LastUpdated }},
	{name: "expiresAt", source: Tokens, doc: "when Okta ends it unless it is used before",
		byNature: span{least: endsSoon, most: notEnded}, onUse: movedByEach,
		time: func(t *okta.Token) okta.Opt[time.Time] { return t.ExpiresAt }},
	{name: lastUsed, source: Tokens, past: true, byNature: span{most: usedLately}, since: "created", onUse: movedByEach,
		doc:  "derived: expiresAt less tokenWindow (P30D if absent); an edit of the metadata does not move it",
		time: (*okta.Token).LastUsed, blame: blameLastUsed, remark: derivation},
	{name: "neverUsed", source: Tokens, doc: "derived: lastUsed equals created",
		compares: []string{"created", lastUsed}, onUse: endedByFirst,
		yesNo: neverUsed, blame: blameNeverUsed,
		remark: func(*okta.Token) string { return "derived: lastUsed compared with created" }},
	{name: "tokenWindow", source: Tokens, doc: "how long after its last use Okta ends it",
		span: func(t *okta.Token) okta.Opt[time.Duration] { return t.TokenWindow }},
	{name: "network.connection", source: Tokens, doc: "from where it may be used: ANYWHERE, ZONE, …",
		values: connections,
		text:   ofNetwork(func(n okta.Network) okta.Opt[string] { return n.Connection })},
	{name: "network.include", source: Tokens, doc: "ids of the network zones from which it may be used",
		values: zoneIDs,
		list:   ofNetwork(func(n okta.Network) okta.Opt[[]string] { return n.Include })},
	{name: "network.exclude", source: Tokens, doc: "ids of the network zones from which it may not be used",
		values: zoneIDs,
		list:   ofNetwork(func(n okta.Network) okta.Opt[[]string] { return n.Exclude })},
	ofOwner(field{name: "owner.login", doc: "the owner's login, from /api/v1/users/{userId}"},
		func(o *okta.Owner) *okta.Opt[string] { return &o.Login }),
	ofOwner(field{name: "owner.email", doc: "the owner's e-mail address"},
		func(o *okta.Owner) *okta.Opt[string] { return &o.Email }),
	ofOwner(field{name: "owner.status", doc: "ACTIVE, SUSPENDED, LOCKED_OUT, DEPROVISIONED, …", values: statuses},
		func(o *okta.Owner) *okta.Opt[string] { return &o.Status }),
	ofOwner(field{name: "owner.lastLogin", doc: "when the owner last logged in; missing if never", past: true},
		func(o *okta.Owner) *okta.Opt[time.Time] { return &o.LastLogin }),
	ofOwner(field{name: "owner.roles", blame: blameRoles, values: roleTypes,
		doc: "types of the owner's active admin roles, from /api/v1/users/{userId}/roles: SUPER_ADMIN, …"},
		func(o *okta.Owner) *okta.Opt[[]string] { return &o.Roles }),
}

// lastUsed is the field that Okta counts from when it ends a token that is not used.
const lastUsed = "lastUsed"

// ofOwner completes a field that is a part of the owner. Until somebody has looked, and where looking failed, it is
// neither there nor missing: its blame says so, which is blameOwner unless it has another.
func ofOwner[T any](f field, part func(*okta.Owner) *okta.Opt[T]) field {
	f.source = Owners
	if f.blame == nil {
		f.blame = blameOwner
	}
	blame := f.blame
	get := func(t *okta.Token) okta.Opt[T] {
		if blame(t, time.Time{}) != "" {
			return okta.Unreadable[T]()
		}
		return *part(t.Owner)
	}
	switch get := any(get).(type) {
	case func(*okta.Token) okta.Opt[string]:
		f.text = get
	case func(*okta.Token) okta.Opt[time.Time]:
		f.time = get
	case func(*okta.Token) okta.Opt[[]string]:
		f.list = get
	}
	f.ofOwner = func(o *okta.Owner) any { return part(o) }
	return f
}

func blameOwner(t *okta.Token, _ time.Time) string {
	if t.Owner == nil {
		return "the owner was not looked up"
	}
	return t.Owner.Unknown
}

func blameRoles(t *okta.Token, _ time.Time) string {
	if t.Owner == nil {
		return "the owner was not looked up"
	}
	return t.Owner.RolesUnknown
}

// kind is what a field holds, and what an operator is for.
type kind uint8

const (
	textKind kind = iota + 1
	timeKind
	spanKind
	listKind
	yesNoKind
	anyKind // of operators only
)

// String names the kind in the plural, as messages need it.
func (k kind) String() string {
	return [...]string{"", "text", "times", "durations", "lists", "yes/no fields", "all fields"}[k]
}

// word names the kind, as the reference needs it.
func (k kind) word() string {
	return [...]string{"", "text", "time", "duration", "list", "yes/no", "every field"}[k]
}

func (f *field) kind() kind {
	switch {
	case f.text != nil:
		return textKind
	case f.time != nil:
		return timeKind
	case f.span != nil:
		return spanKind
	case f.list != nil:
		return listKind
	default:
		return yesNoKind
	}
}

func fieldNamed(name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func fieldNames() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// ofNetwork gets a part of the network condition: absent or malformed as the whole is.
func ofNetwork[T any](part func(okta.Network) okta.Opt[T]) func(*okta.Token) okta.Opt[T] {
	return func(t *okta.Token) okta.Opt[T] {
		n, ok := t.Network.Get()
		switch {
		case ok:
			return part(n)
		case t.Network.Presence() == okta.Malformed:
			return okta.Unreadable[T]()
		default:
			return okta.Opt[T]{}
		}
	}
}

// oldestTime is before the first token of any org: an earlier time is a default value or a broken clock.
var oldestTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// plausible reports whether a time can be what it claims to be. A past time may not lie after now.
func plausible(at, now time.Time, past bool) bool {
	return !at.Before(oldestTime) && (!past || !at.After(now))
}

// implausible says why a time is not plausible, or "" if it is.
func implausible(at, now time.Time, past bool) string {
	switch {
	case at.Before(oldestTime):
		return formatTime(at) + " is before 2000, which is not a real time"
	case !plausible(at, now, past):
		return formatTime(at) + " lies in the future"
	default:
		return ""
	}
}

// blameTime says why a past time of a token can't be judged, or "" if it can.
func blameTime(name string, at okta.Opt[time.Time], now time.Time) string {
	v, ok := at.Get()
	if !ok {
		return name + " is " + at.Presence().String()
	}
	if why := implausible(v, now, true); why != "" {
		return name + " " + why
	}
	return ""
}

func blameLastUsed(t *okta.Token, _ time.Time) string {
	switch {
	case t.ExpiresAt.Presence() != okta.Known:
		return "expiresAt is " + t.ExpiresAt.Presence().String()
	case t.TokenWindow.Presence() == okta.Malformed:
		return "tokenWindow is malformed"
	default:
		return ""
	}
}

// EditRemark says what lastUpdated shows beside the last use: that the token was edited since, or that the two don't go
// together. It is "" where they are the same or one is not known.
func EditRemark(t *okta.Token) string {
	updated, known := t.LastUpdated.Get()
	used, derived := t.LastUsed().Get()
	switch {
	case !known || !derived || updated.Equal(used):
		return ""
	case updated.After(used):
		return "lastUpdated " + formatTime(updated) + " is later than the last use that is derived, " +
			formatTime(used) + ": it was edited since, which is not a use"
	}
	return "lastUpdated " + formatTime(updated) + " is earlier than the last use that is derived, " + formatTime(used) +
		": one of the two is not what it seems"
}

// derivation says from what lastUsed is derived.
func derivation(t *okta.Token) string {
	if _, ok := t.TokenWindow.Get(); ok {
		return "derived: expiresAt less tokenWindow"
	}
	return "derived: expiresAt less the 30d that all tokens have, since tokenWindow is missing"
}

// neverUsed is unreadable where one of the two times that it compares is not a real one.
func neverUsed(t *okta.Token, now time.Time) okta.Opt[bool] {
	used, usedOK := t.LastUsed().Get()
	made, madeOK := t.Created.Get()
	if (usedOK && !plausible(used, now, true)) || (madeOK && !plausible(made, now, true)) {
		return okta.Unreadable[bool]()
	}
	return t.NeverUsed()
}

func blameNeverUsed(t *okta.Token, now time.Time) string {
	if why := blameLastUsed(t, now); why != "" {
		return why
	}
	if why := blameTime("lastUsed", t.LastUsed(), now); why != "" {
		return why
	}
	return blameTime("created", t.Created, now)
}
