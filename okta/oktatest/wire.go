package oktatest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// timeForm is how the recordings write times. Okta's have whole seconds, always as .000.
const timeForm = "2006-01-02T15:04:05.000Z"

const day = 24 * time.Hour

// expiresAt is the last use, or the creation, plus the window, as in all recordings. A later change of
// lastUpdated does not move it (put-api-token-network.http).
func (t *Token) expiresAt() time.Time {
	from := t.LastUsed
	if from.IsZero() {
		from = t.Created
	}
	return from.Add(t.window())
}

var windowForm = regexp.MustCompile(
	`^P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$`)

func (t *Token) window() time.Duration {
	if t.Window == "" || t.Window == "P30D" {
		return 30 * day
	}
	parts := windowForm.FindStringSubmatch(t.Window)
	if parts == nil {
		return 30 * day
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * day, day, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(parts[i+1]) // "" counts as 0
		d += time.Duration(n) * unit
	}
	return d
}

func (t *Token) updatedAt() time.Time {
	switch {
	case !t.LastUpdated.IsZero():
		return t.LastUpdated
	case !t.LastUsed.IsZero():
		return t.LastUsed
	default:
		return t.Created
	}
}

// appendToken appends the token's JSON, with keys in the recorded order. It is written by hand so that a
// page of 200 costs tens of microseconds and a large org needs no cache of its JSON.
func appendToken(b []byte, t *Token, base string) []byte {
	if t.Raw != nil {
		return append(b, t.Raw...)
	}
	start := len(b)
	key := func(name string) bool {
		if t.Omit != nil && slices.Contains(t.Omit, name) {
			return false
		}
		sep := byte(',')
		if len(b) == start {
			sep = '{'
		}
		b = append(b, sep, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		raw, instead := t.Instead[name]
		b = append(b, raw...)
		return !instead
	}
	if key("id") {
		b = appendString(b, t.ID)
	}
	if key("name") {
		b = appendString(b, t.Name)
	}
	if t.UserID != "" && key("userId") {
		b = appendString(b, t.UserID)
	}
	if key("clientName") {
		b = appendString(b, or(t.ClientName, "Okta API"))
	}
	if key("tokenWindow") {
		b = appendString(b, or(t.Window, "P30D"))
	}
	if key("network") {
		b = appendNetwork(b, t.Network)
	}
	if key("expiresAt") {
		b = appendTime(b, t.expiresAt())
	}
	if key("created") {
		b = appendTime(b, t.Created)
	}
	if key("lastUpdated") {
		b = appendTime(b, t.updatedAt())
	}
	if key("_links") {
		b = append(b, `{"self":`...)
		b = appendLink(b, base, "/api/v1/api-tokens/", t.ID, `["GET","DELETE"]`)
		if t.UserID != "" {
			b = append(b, `,"user":`...)
			b = appendLink(b, base, "/api/v1/users/", t.UserID, `["GET"]`)
		}
		b = append(b, '}')
	}
	if len(b) == start {
		b = append(b, '{')
	}
	return append(b, '}')
}

func appendNetwork(b []byte, n Network) []byte {
	b = append(b, `{"connection":`...)
	b = appendString(b, or(n.Connection, "ANYWHERE"))
	b = appendStrings(b, `,"include":[`, n.Include)
	b = appendStrings(b, `,"exclude":[`, n.Exclude)
	return append(b, '}')
}

func appendStrings(b []byte, prefix string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, prefix...)
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendLink(b []byte, base, path, id, allow string) []byte {
	b = append(b, `{"href":`...)
	b = appendString(b, base+path+id)
	b = append(b, `,"hints":{"allow":`...)
	b = append(b, allow...)
	return append(b, `}}`...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeForm)
	return append(b, '"')
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(b, encode(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// encode is json.Marshal without the escapes for HTML, which Okta does not make either.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("oktatest: " + err.Error()) // all types passed here can be encoded
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
