package okta

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// tokenMembers are what is read of a token. Each but the id may be missing, null or odd.
var tokenMembers = []member[Token]{
	{key: "id", read: func(r *jsonReader, t *Token) { t.ID = r.text().value }},
	{key: "name", read: func(r *jsonReader, t *Token) { t.Name = r.text() }},
	{key: "userId", read: func(r *jsonReader, t *Token) { t.UserID = r.userID() }},
	{key: "clientName", read: func(r *jsonReader, t *Token) { t.ClientName = r.text() }},
	{key: "created", read: func(r *jsonReader, t *Token) { t.Created = r.time() }},
	{key: "lastUpdated", read: func(r *jsonReader, t *Token) { t.LastUpdated = r.time() }},
	{key: "expiresAt", read: func(r *jsonReader, t *Token) { t.ExpiresAt = r.time() }},
	{key: "tokenWindow", read: func(r *jsonReader, t *Token) { t.TokenWindow = optional(r, ParseDuration) }},
	{key: "network", read: func(r *jsonReader, t *Token) { t.Network = r.network() }},
}

var networkMembers = []member[Network]{
	{key: "connection", read: func(r *jsonReader, n *Network) { n.Connection = r.text() }},
	{key: "include", read: func(r *jsonReader, n *Network) { n.Include = r.texts() }},
	{key: "exclude", read: func(r *jsonReader, n *Network) { n.Exclude = r.texts() }},
	{key: otherKeys, read: func(r *jsonReader, n *Network) {
		n.more = r.value().Kind() != jsontext.KindNull || n.more
	}},
}

// maxIDLen is the longest id, in bytes, that a listing may hold. Okta's have 20; an id of another form
// can be reported, and CheckTokenID keeps it from being used.
const maxIDLen = 128

// readToken reads the token that comes next.
func readToken(r *jsonReader) (Token, error) {
	var t Token
	err := readObject(r, tokenMembers, &t)
	switch {
	case err != nil:
		return Token{}, err
	case t.ID == "":
		return Token{}, fmt.Errorf("%w: a token without an id", errMalformed)
	case len(t.ID) > maxIDLen:
		return Token{}, fmt.Errorf("%w: a token's id of %d bytes", errMalformed, len(t.ID))
	}
	return t, nil
}

// parseToken reads the answer about one token, which checkJSON has found to be valid.
func parseToken(body []byte) (Token, error) { return readToken(newJSONReader(bytes.NewBuffer(body))) }

// tokenIn is a decoder that reads a token into t.
func tokenIn(t *Token) decoder {
	return func(body []byte) (_ Opt[string], err error) {
		*t, err = parseToken(body)
		return Some(t.ID), err
	}
}

// userID reads the id of a user. A text of another form is malformed.
func (r *jsonReader) userID() Opt[string] {
	return optional(r, func(s string) (string, error) { return s, checkUserID(s) })
}

func (r *jsonReader) time() Opt[time.Time] {
	return optional(r, func(s string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, s)
		if t = t.UTC(); err == nil && !inYears(t) {
			err = fmt.Errorf("%w: the year %d", errMalformed, t.Year())
		}
		return t, err
	})
}

// inYears reports whether a time can be written down in JSON again
// (https://datatracker.ietf.org/doc/html/rfc3339#section-1).
func inYears(t time.Time) bool { return 0 <= t.Year() && t.Year() <= 9999 }

func (r *jsonReader) network() Opt[Network] {
	if r.peek() == jsontext.KindNull {
		r.value()
		return Opt[Network]{}
	}
	var n Network
	if readObject(r, networkMembers, &n) != nil {
		return Unreadable[Network]()
	}
	return Some(n)
}
