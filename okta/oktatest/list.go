package oktatest

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/url"
	"slices"
	"strconv"
)

// The bounds of limit are those of Okta's API description up to 5.1.0 (2023), the last that had it.
const (
	defaultLimit = 20
	maxLimit     = 200
)

// slice returns at most n active tokens behind a place, all if n is negative, and whether there are more.
func (o *org) slice(behind place, n int) (entries []*entry, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	i, found := o.find(behind)
	if found {
		i++
	}
	if n < 0 {
		entries = make([]*entry, 0, len(o.order)-i)
	} else {
		entries = make([]*entry, 0, min(n, len(o.order)-i))
	}
	for _, e := range o.order[i:] {
		if !e.active(now) {
			continue
		}
		if len(entries) == n {
			return entries, true
		}
		entries = append(entries, e)
	}
	return entries, false
}

// cursor says where a page begins. Holding the place rather than an index, it stays good whatever is
// added or removed meanwhile, even the very token it names. How Okta's cursors behave then is not
// documented.
type cursor struct {
	page   int // 1 for the first
	behind place
}

var b64 = base64.RawURLEncoding

// String is the opaque form. A checksum tells the org's own cursors from others.
func (c cursor) String() string {
	b := binary.AppendUvarint(make([]byte, 4), uint64(c.page))
	b = binary.AppendUvarint(b, uint64(len(c.behind.key)))
	b = append(b, c.behind.key...)
	b = append(b, c.behind.id...)
	binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b64.EncodeToString(b)
}

// parseCursor reads "after"; "" is the first page.
func parseCursor(s string) (cursor, bool) {
	if s == "" {
		return cursor{page: 1}, true
	}
	b, err := b64.DecodeString(s)
	if err != nil || len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return cursor{}, false
	}
	b = b[4:]
	page, n := binary.Uvarint(b)
	if n <= 0 || page < 1 || page > 1<<31 {
		return cursor{}, false
	}
	b = b[n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return cursor{}, false
	}
	b = b[n:]
	return cursor{int(page), place{string(b[:length]), string(b[length:])}}, true
}

// parseLimit reads "limit", which is usual if it is absent.
func parseLimit(q url.Values, usual int) (int, bool) {
	if !q.Has("limit") {
		return usual, true
	}
	n, err := strconv.Atoi(q.Get("limit"))
	return n, err == nil && n >= 1 && n <= maxLimit
}

// list answers the whole list, without Link headers.
func (c *call) list() answer {
	entries, _ := c.org.slice(place{}, -1)
	return c.ok(appendTokens(entries, c.base))
}

// page answers a page of the list.
func (c *call) page() answer {
	query := c.req.URL.Query()
	limit, ok := parseLimit(query, defaultLimit)
	if !ok {
		return c.fail(badLimit)
	}
	cur, ok := parseCursor(query.Get("after"))
	if !ok {
		return c.fail(badCursor)
	}
	entries, more := c.slice(cur, min(limit, c.cfg.PageSize))
	a := c.ok(appendTokens(entries, c.base))
	a.self = c.link(query)
	if more {
		behind := entries[len(entries)-1].place
		if c.cfg.Offsets {
			behind = place{key: strconv.Itoa(cur.offset() + len(entries))}
		}
		query.Set("after", cursor{cur.page + 1, behind}.String())
		a.next = c.link(query)
	}
	return a
}

// slice returns at most n active tokens from where a cursor points to, and whether there are more.
func (c *call) slice(cur cursor, n int) (entries []*entry, more bool) {
	if !c.cfg.Offsets {
		return c.org.slice(cur.behind, n)
	}
	all, _ := c.org.slice(place{}, -1)
	all = all[min(cur.offset(), len(all)):]
	return all[:min(n, len(all))], len(all) > n
}

// offset is how many tokens come before the page, if cursors count them.
func (c cursor) offset() int {
	n, _ := strconv.Atoi(c.behind.key)
	return n
}

// link is this request's URL with another query, parameters sorted as in the recordings.
func (c *call) link(query url.Values) string {
	u := c.base + c.req.URL.EscapedPath()
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	return u
}

// setLinks writes the Link header as recorded: two lines, self before next.
func (a *answer) setLinks() {
	var lines []string
	if a.self != "" {
		lines = append(lines, "<"+a.self+`>; rel="self"`)
	}
	if a.next != "" {
		lines = append(lines, "<"+a.next+`>; rel="next"`)
	}
	if lines != nil {
		a.header["Link"] = lines
	}
}

func appendTokens(entries []*entry, base string) []byte {
	const typical = 600 // bytes of a token's JSON
	b := append(slices.Grow([]byte(nil), 2+typical*len(entries)), '[')
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendToken(b, &e.Token, base)
	}
	return append(b, ']')
}

// pageOf is the number of the page that a request asks for, 0 if it is not for a list.
func (s *Server) pageOf(method string, segments []string, query url.Values) int {
	switch {
	case method != "GET" || !isList(segments) && !isDirectory(segments):
		return 0
	case isList(segments) && (s.cfg.PageSize <= 0 || len(segments) == 4):
		return 1
	}
	c, _ := parseCursor(query.Get("after"))
	return c.page
}
