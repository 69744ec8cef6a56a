package okta

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Zone is a network zone, as
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/ describes it.
type Zone struct {
	// ID is "nzo" and 17 letters or digits.
	ID string
	// Name is what an administrator called it.
	Name Opt[string]
	// Status is ACTIVE or INACTIVE.
	Status Opt[string]
	// Type is IP, DYNAMIC or DYNAMIC_V2. Only an IP zone is the addresses that it lists.
	Type Opt[string]
	// Usage is POLICY or BLOCKLIST.
	Usage Opt[string]
	// Gateways and Proxies are what an IP zone contains; missing where Okta gives null, which is none.
	Gateways, Proxies Opt[[]ZoneAddress]
}

// ZoneAddress is a part of an IP zone.
type ZoneAddress struct {
	// Type is CIDR or RANGE.
	Type Opt[string]
	// Value is an address, a prefix, or two addresses with a hyphen between them.
	Value Opt[string]
}

// documentation are the addresses that are reserved for documentation, so that no host has them: RFC 5737, RFC 3849
// and RFC 9637.
var documentation = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"),
}

// Contents are the addresses of an IP zone that somebody may have: its gateways and proxies, without those that lie
// within documentation addresses. The error is one that can't be read.
func (z Zone) Contents() (somebody []string, err error) {
	for _, part := range []struct {
		as   string
		list Opt[[]ZoneAddress]
	}{{"", z.Gateways}, {"the proxy ", z.Proxies}} {
		if part.list.Presence() == Malformed {
			return nil, fmt.Errorf("%w: a zone's list of addresses", errMalformed)
		}
		list, _ := part.list.Get()
		for _, a := range list {
			value, known := a.Value.Get()
			first, last, err := a.bounds()
			if !known || err != nil {
				return nil, fmt.Errorf("%w: the address %q of a zone", errMalformed, value)
			}
			if !slices.ContainsFunc(documentation, func(p netip.Prefix) bool {
				return p.Contains(first) && p.Contains(last)
			}) {
				somebody = append(somebody, part.as+value)
			}
		}
	}
	return somebody, nil
}

// bounds are the first and the last address.
func (a ZoneAddress) bounds() (first, last netip.Addr, err error) {
	value, _ := a.Value.Get()
	switch kind, _ := a.Type.Get(); kind {
	case "CIDR":
		if !strings.Contains(value, "/") {
			first, err = netip.ParseAddr(value)
			return first, first, err
		}
		p, err := netip.ParsePrefix(value)
		return p.Masked().Addr(), lastOf(p), err
	case "RANGE":
		from, to, two := strings.Cut(value, "-")
		if first, err = netip.ParseAddr(strings.TrimSpace(from)); err != nil || !two {
			return first, first, err
		}
		last, err = netip.ParseAddr(strings.TrimSpace(to))
		return first, last, err
	}
	return first, last, errMalformed
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := max(p.Bits(), 0); i < 8*len(b); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// zoneMembers are what is read of a zone.
var zoneMembers = []member[Zone]{
	{key: "id", read: func(r *jsonReader, z *Zone) { z.ID = r.text().value }},
	{key: "name", read: func(r *jsonReader, z *Zone) { z.Name = r.text() }},
	{key: "status", read: func(r *jsonReader, z *Zone) { z.Status = r.text() }},
	{key: "type", read: func(r *jsonReader, z *Zone) { z.Type = r.text() }},
	{key: "usage", read: func(r *jsonReader, z *Zone) { z.Usage = r.text() }},
	{key: "gateways", read: func(r *jsonReader, z *Zone) { z.Gateways = r.addresses() }},
	{key: "proxies", read: func(r *jsonReader, z *Zone) { z.Proxies = r.addresses() }},
}

var addressMembers = []member[ZoneAddress]{
	{key: "type", read: func(r *jsonReader, a *ZoneAddress) { a.Type = r.text() }},
	{key: "value", read: func(r *jsonReader, a *ZoneAddress) { a.Value = r.text() }},
}

// addresses reads a list of which each element must be an object.
func (r *jsonReader) addresses() Opt[[]ZoneAddress] {
	return list(r, func() (a ZoneAddress, readable bool) {
		err := readObject(r, addressMembers, &a)
		return a, err == nil
	})
}

// Zone reads a network zone. Errors are those of Token.
func (r *Reader) Zone(ctx context.Context, id string) (Zone, error) {
	if err := CheckZoneID(id); err != nil {
		return Zone{}, err
	}
	var z Zone
	err := r.conn.get(ctx, zoneSubject(id), func(body []byte) (Opt[string], error) {
		err := readAnswer(body, zoneMembers, &z)
		return Some(z.ID), err
	})
	if err != nil {
		return Zone{}, err
	}
	return z, nil
}
