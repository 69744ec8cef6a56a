package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// zoneWorld is a world whose quarantine zone is z.
func zoneWorld(t *testing.T, z oktatest.Zone, tokens ...oktatest.Token) *world {
	t.Helper()
	w := newWorld(t, tokens...)
	z.ID = zoneID
	w.org.SetZone(z)
	return w
}

func TestAZoneThatIsNoneForQuarantinesIsRefused(t *testing.T) {
	for says, z := range map[string]oktatest.Zone{
		"activate it":                      {Status: "INACTIVE"},
		"has the type DYNAMIC, and not IP": {Type: "DYNAMIC"},
		"has the type DYNAMIC_V2":          {Type: "DYNAMIC_V2"},
		"has the usage BLOCKLIST":          {Usage: "BLOCKLIST"},
		"can't be told: malformed answer:": {Gateways: []string{"the office"}},
	} {
		t.Run(says, func(t *testing.T) {
			w := zoneWorld(t, z, idleToken(1))
			r := w.enforce(nowPolicy)
			require.ErrorIs(t, r.Err, audit.ErrRefused)
			require.ErrorContains(t, r.Err, says)
			_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, oktatest.TokenID(1))
			require.ErrorIs(t, err, audit.ErrRefused)
			require.Empty(t, w.changes())
			require.Contains(t, audit.ZoneDoubt(t.Context(), w.client.Reader, policy(t, idlePolicy)), says)
		})
	}
	for name, body := range map[string]string{
		"no type":            `{"id":"` + zoneID + `","status":"ACTIVE","usage":"POLICY","gateways":[]}`,
		"a type that is odd": `{"id":"` + zoneID + `","status":"ACTIVE","type":7,"usage":"POLICY","gateways":[]}`,
		"no usage":           `{"id":"` + zoneID + `","status":"ACTIVE","type":"IP","gateways":[]}`,
		"odd gateways": `{"id":"` + zoneID +
			`","status":"ACTIVE","type":"IP","usage":"POLICY","gateways":"0.0.0.0/0"}`,
		"a null gateway": `{"id":"` + zoneID + `","status":"ACTIVE","type":"IP","usage":"POLICY","gateways":[null]}`,
		"odd proxies": `{"id":"` + zoneID +
			`","status":"ACTIVE","type":"IP","usage":"POLICY","gateways":[],"proxies":{}}`,
		"an odd address": `{"id":"` + zoneID +
			`","status":"ACTIVE","type":"IP","usage":"POLICY","gateways":[{"type":"ASN","value":"7"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(oktatest.Fault{Path: "/api/v1/zones/*", Status: 200, Body: body})
			require.ErrorIs(t, w.enforce(nowPolicy).Err, audit.ErrRefused)
			require.Empty(t, w.changes())
		})
	}
}

func TestATokenIsNotCalledCutOffThatIsNot(t *testing.T) {
	for contains, z := range map[string]oktatest.Zone{
		"0.0.0.0/0 (everybody)":    {Gateways: []string{"0.0.0.0/0"}},
		"10.0.0.0/8":               {Gateways: []string{"192.0.2.0/24", "10.0.0.0/8"}},
		"192.0.2.0/23":             {Gateways: []string{"192.0.2.0/23"}},
		"192.0.2.1-192.0.3.1":      {Gateways: []string{"192.0.2.1-192.0.3.1"}},
		"the proxy 203.0.114.7/32": {Proxies: []string{"203.0.114.7/32"}},
		"": {Gateways: []string{"192.0.2.1/32", "198.51.100.4-198.51.100.9", "2001:db8::/33",
			"203.0.113.9"}},
	} {
		t.Run(contains, func(t *testing.T) {
			w := zoneWorld(t, z, idleToken(1))
			r := w.enforce(cutOffPolicy(""))
			require.NoError(t, r.Err)
			f := only(t, r)
			require.Equal(t, audit.Quarantined, f.Outcome)
			w.pass(time.Hour)
			for _, r := range []*audit.Report{r, w.dry(cutOffPolicy("")), w.enforce(cutOffPolicy(""))} {
				q := only(t, r).Quarantine
				require.Equal(t, contains == "", q.CutOff())
				require.Equal(t, contains, q.Open)
				if contains != "" {
					require.Contains(t, q.String(), "quarantined since 2026-11-24T09:00:00Z (zone contains "+contains+
						": it is not cut off)")
					require.NotContains(t, q.String(), "nobody can use it")
				}
			}
			notes := strings.Join(r.Notes, "\n")
			require.Equal(t, contains != "", strings.Contains(notes, "the quarantine's zone "+zoneID+" contains "+
				contains+": whoever is there"), notes)
			doubt := audit.ZoneDoubt(t.Context(), w.client.Reader, policy(t, idlePolicy))
			require.Equal(t, contains != "", strings.Contains(doubt, "contains "+contains+": whoever"), doubt)
			checks, _ := audit.CheckOrg(t.Context(), audit.OrgCheck{Org: w.client.Reader,
				Policy: policy(t, idlePolicy), Enforce: true, Now: func() time.Time { return w.clock }})
			for _, c := range checks {
				if c.Name == "zone" {
					require.Equal(t, contains != "", c.Status == audit.Warning, c.Detail)
					require.Contains(t, c.Detail, contains)
				}
			}
		})
	}
}

// The policy may name another zone by now, and what was a good zone then may be none any more.
func TestWhatTheZoneOfAnEarlierQuarantineContainsIsReadToo(t *testing.T) {
	const newer = "nzo9n8w7r6z5o4n3e2d1"
	w := zoneWorld(t, oktatest.Zone{}, idleToken(1))
	w.org.SetZone(oktatest.Zone{ID: newer})
	require.Equal(t, audit.Quarantined, only(t, w.enforce(cutOffPolicy(""))).Outcome)
	w.pass(time.Hour)
	changed := strings.ReplaceAll(cutOffPolicy(""), zoneID, newer)
	for says, z := range map[string]oktatest.Zone{
		": nobody can use it, and Okta ends it": {},
		"(zone contains 0.0.0.0/0 (everybody): it is not cut off)": {
			Gateways: []string{"0.0.0.0/0"}},
		": nobody can use it if its zone contains nobody, which was not found out, and Okta": {Status: "INACTIVE"},
	} {
		z.ID = zoneID
		w.org.SetZone(z)
		for _, r := range []*audit.Report{w.dry(changed), w.enforce(changed)} {
			require.NoError(t, r.Err)
			q := only(t, r).Quarantine
			require.Contains(t, q.String(), says)
			require.Equal(t, z.Gateways == nil, q.CutOff())
			require.Equal(t, z.Status != "", q.Unread)
		}
		w.pass(time.Hour)
	}
}
