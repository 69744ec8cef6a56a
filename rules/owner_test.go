package rules

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta"
)

func TestWhatIsNotKnownOfAnOwnerIsUnknown(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(`version: 1
rules:
  - {id: admin, when: {owner.roles: {containsAny: [SUPER_ADMIN]}}, then: flag}
  - {id: left, when: {owner.status: {in: [DEPROVISIONED]}}, then: flag}
  - {id: nobody, when: {owner.login: {present: false}}, then: flag}
  - {id: narrow, when: {clientName: Other, owner.status: {is: ACTIVE}}, then: flag}`))
	require.NoError(t, err)
	require.True(t, p.Reads(Owners))
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		owner            *okta.Owner
		matched, unknown []string
		because          string
	}{
		"not looked up": {nil, nil, []string{"admin", "left", "nobody"},
			"owner.roles unknown: the owner was not looked up"},
		"all known": {&okta.Owner{Login: okta.Some("kim"), Status: okta.Some("DEPROVISIONED"),
			Roles: okta.Some([]string{"SUPER_ADMIN"})}, []string{"admin", "left"}, nil, ""},
		"no roles": {&okta.Owner{Login: okta.Some("kim"), Status: okta.Some("ACTIVE"), Roles: okta.Some([]string{})},
			nil, nil, ""},
		"no scope for roles": {
			&okta.Owner{Login: okta.Some("kim"), Status: okta.Some("ACTIVE"),
				RolesUnknown: "roles of the owner not readable: permission or scope okta.roles.read missing"},
			nil, []string{"admin"}, "owner.roles unknown: roles of the owner not readable: permission or scope " +
				"okta.roles.read missing",
		},
		"a user without a login": {&okta.Owner{Status: okta.Some("ACTIVE"), Roles: okta.Some([]string{})},
			[]string{"nobody"}, nil, ""},
	} {
		v := p.Evaluate(&okta.Token{ID: "x", ClientName: okta.Some("Okta API"), Owner: row.owner}, now)
		require.Equal(t, row.matched, ids(v.Matched), name)
		require.Equal(t, row.unknown, ids(v.Unknown), name)
		if row.because != "" {
			require.Equal(t, row.because, v.Unknown[0].Because()[0], name)
		}
	}
	p, err = Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {name: x}, then: flag}]"))
	require.NoError(t, err)
	require.False(t, p.Reads(Owners))
}

func TestWhatAPolicyReads(t *testing.T) {
	const quarantine = "\nquarantine: {zone: nzo1a2b3c4d5e6f7g8h9}"
	for name, row := range map[string]struct {
		when, more string
		reads      []Source
	}{
		"tokens, always":        {"{name: x}", "", []Source{Tokens}},
		"an owner":              {"{owner.status: ACTIVE}", "", []Source{Tokens, Owners}},
		"an owner, deep within": {"{not: {any: [{name: x}, {all: [{owner.email: x}]}]}}", "", []Source{Tokens, Owners}},
		"an owner, in an exemption": {"{name: x}",
			"\nexemptions: [{match: {owner.login: x}, reason: a, owner: b, until: 2027-01-01}]",
			[]Source{Tokens, Owners}},
		"ids of zones are the token's own": {"{network.include: {contains: nzo1}}", "", []Source{Tokens}},
		"the zone of a quarantine":         {"{name: x}", quarantine, []Source{Tokens, Zones}},
	} {
		p, err := Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: "+row.when+", then: flag}]"+row.more))
		require.NoError(t, err, name)
		var reads []Source
		for s := Tokens; s <= Zones; s++ {
			if p.Reads(s) {
				reads = append(reads, s)
			}
		}
		require.Equal(t, row.reads, reads, name)
	}
}

func ids(matches []Match) (list []string) {
	for _, m := range matches {
		list = append(list, m.Rule.ID)
	}
	return list
}
