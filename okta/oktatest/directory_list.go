package oktatest

import (
	"maps"
	"slices"
)

// isDirectory reports whether a path is that of the list of users or of zones.
func isDirectory(segments []string) bool {
	return len(segments) == 3 && segments[0] == "api" && segments[1] == "v1" &&
		(segments[2] == "users" || segments[2] == "zones")
}

// directory answers a page of the users or of the zones, in the order of their ids. Without a limit, these are 200
// users, and all zones; -1 says so, too
// (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/#tag/User/operation/listUsers and
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/).
func (c *call) directory() answer {
	query, kind := c.req.URL.Query(), c.segments[2]
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != "limit" && name != "after" {
			return c.fail(invalid(name, "oktatest lists all, by limit and after"))
		}
	}
	usual := maxLimit
	if kind == "zones" {
		usual = -1
	}
	limit, ok := parseLimit(query, usual)
	if !ok && limit != usual {
		return c.fail(badLimit)
	}
	cur, ok := parseCursor(query.Get("after"))
	if !ok || cur.page > 1 && cur.behind.key != kind {
		return c.fail(badCursor)
	}
	items, last := c.members(kind, cur.behind.id, limit)
	a := c.ok(encode(items))
	a.self = c.link(query)
	if last != "" {
		query.Set("after", cursor{cur.page + 1, place{kind, last}}.String())
		a.next = c.link(query)
	}
	return a
}

// members are at most n users or zones behind an id, all if n is negative; last is the id of the last one if there
// are more.
func (c *call) members(kind, behind string, n int) (items []any, last string) {
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	ids, wire := maps.Keys(c.org.users), c.listedUser
	if kind == "zones" {
		ids, wire = maps.Keys(c.org.zones), func(id string) any { return c.org.zones[id].wire(c.base) }
	}
	left := slices.DeleteFunc(slices.Sorted(ids), func(id string) bool {
		// As documented, users who are deprovisioned are not listed.
		return id <= behind || kind == "users" && c.org.users[id].Status == "DEPROVISIONED"
	})
	if n >= 0 && len(left) > n {
		left, last = left[:n], left[n-1]
	}
	items = make([]any, len(left))
	for i, id := range left {
		items[i] = wire(id)
	}
	return items, last
}

// listedUser is a user as in a list, which has fewer links than the user alone.
func (c *call) listedUser(id string) any {
	w := c.org.users[id].wire(c.base)
	w.Links = map[string]any{"self": w.Links["self"]}
	return w
}
