package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// checkZone makes sure that the quarantine zone is an active IP zone for policies. It returns the addresses in it that
// somebody may have; "" if nobody can.
func checkZone(ctx context.Context, org *okta.Reader, zone string) (contents string, err error) {
	const other = "create an IP zone for policies that contains nobody, such as 192.0.2.1/32, and put its id into " +
		"the policy"
	z, err := org.Zone(ctx, zone)
	switch {
	case errors.Is(err, okta.ErrNotFound), errors.Is(err, okta.ErrBadID):
		return "", refused("the quarantine's zone %s does not exist: create a network zone that contains nobody, "+
			"such as 192.0.2.1/32, and put its id into the policy", zone)
	case err != nil:
		return "", err
	}
	for _, part := range []struct {
		name, want, advice string
		is                 okta.Opt[string]
	}{
		{"status", "ACTIVE", "activate it", z.Status}, {"type", "IP", other, z.Type},
		{"usage", "POLICY", other, z.Usage},
	} {
		switch is, known := part.is.Get(); {
		case !known:
			return "", refused("the %s of the quarantine's zone %s is %s, so that it can't be told whether it keeps "+
				"anybody out", part.name, zone, part.is.Presence())
		case is != part.want:
			return "", refused("the quarantine's zone %s has the %s %s, and not %s: %s", zone, part.name,
				okta.Printable(is), part.want, part.advice)
		}
	}
	somebody, err := z.Contents()
	if err != nil {
		return "", refused("what the quarantine's zone %s contains can't be told: %v: %s", zone, err, other)
	}
	return contentsOf(somebody), nil
}

// contentsOf names the first few addresses of a zone, and counts the others.
func contentsOf(addresses []string) string {
	const most = 5
	more := ""
	if n := len(addresses) - most; n > 0 {
		addresses, more = addresses[:most], fmt.Sprintf(" and %d more", n)
	}
	for i, a := range addresses {
		switch a {
		case "0.0.0.0/0", "::/0", "0.0.0.0-255.255.255.255":
			addresses[i] += " (everybody)"
		}
	}
	return okta.Printable(strings.Join(addresses, ", ") + more)
}

// ZoneDoubt says what is wrong with the quarantine zone of a policy, or that it could not be checked; "" if all is
// well, or if the policy has none.
func ZoneDoubt(ctx context.Context, org *okta.Reader, p *rules.Policy) string {
	if p.QuarantineZone == "" {
		return ""
	}
	contents, err := checkZone(ctx, org, p.QuarantineZone)
	switch {
	case errors.Is(err, ErrRefused):
		return strings.TrimPrefix(err.Error(), ErrRefused.Error()+": ")
	case err != nil:
		return fmt.Sprintf("the quarantine's zone %s could not be checked: %v", p.QuarantineZone, err)
	case contents != "":
		return zoneOpen(p.QuarantineZone, contents)
	}
	return ""
}

// zoneOpen says that a zone lets somebody in.
func zoneOpen(zone, contents string) string {
	return fmt.Sprintf("the quarantine's zone %s contains %s: whoever is there can use a token in quarantine, which "+
		"is not cut off; let it contain nobody, such as 192.0.2.1/32", zone, contents)
}

// zoneContents maps the id of a zone to the addresses in it that somebody may have; "" for none. A zone that is missing
// could not be read, or keeps nobody out.
type zoneContents map[string]string

// of returns what the zones of a quarantine contain; known is false if that can't be told of one of them.
func (z zoneContents) of(c ledger.Condition) (contents string, known bool) {
	if z == nil {
		return "", true
	}
	var somebody []string
	for _, zone := range c.Include {
		in, read := z[zone]
		if !read {
			return "", false
		}
		if in != "" {
			somebody = append(somebody, in)
		}
	}
	return strings.Join(somebody, ", "), true
}
