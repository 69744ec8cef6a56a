package okta

import (
	"bytes"
	"context"
	"encoding/json"
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

// documentation are the addresses that nobody has: RFC 5737, RFC 3849 and RFC 9637.
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

// Zone reads a network zone. Errors are those of Token.
func (r *Reader) Zone(ctx context.Context, id string) (Zone, error) {
	if err := CheckZoneID(id); err != nil {
		return Zone{}, err
	}
	z := Zone{ID: id}
	err := r.conn.get(ctx, zoneSubject(id), func(body []byte) (is Opt[string], err error) {
		err = members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				is = textField(value)
			case "name":
				z.Name = textField(value)
			case "status":
				z.Status = textField(value)
			case "type":
				z.Type = textField(value)
			case "usage":
				z.Usage = textField(value)
			case "gateways":
				z.Gateways = addressesField(value)
			case "proxies":
				z.Proxies = addressesField(value)
			}
			return nil
		})
		return is, err
	})
	if err != nil {
		return Zone{}, err
	}
	return z, nil
}

func addressesField(raw []byte) Opt[[]ZoneAddress] {
	if string(raw) == "null" {
		return Opt[[]ZoneAddress]{}
	}
	list := []ZoneAddress{}
	err := decodeArray(json.NewDecoder(bytes.NewReader(raw)), func(item json.RawMessage) error {
		var a ZoneAddress
		err := members(item, func(key string, value []byte) error {
			switch key {
			case "type":
				a.Type = textField(value)
			case "value":
				a.Value = textField(value)
			}
			return nil
		})
		list = append(list, a)
		return err
	})
	if err != nil {
		return Unreadable[[]ZoneAddress]()
	}
	return Some(list)
}
