package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// spoiled are answers about a token that can't be read in full, by what is wrong with them: what is sent in place of
// what, and why no quarantine could be undone.
var spoiled = map[string]struct{ key, json, says string }{
	"null among the zones": {"network", `{"connection":"ZONE","include":["` + zoneID + `",null]}`,
		"network condition"},
	"a number among the zones": {"network",
		`{"connection":"ZONE","include":[7],"exclude":["nzo9office00000000000"]}`, "network condition"},
	"null among zones kept out": {"network",
		`{"connection":"ZONE","include":["nzo9office00000000000"],"exclude":[null]}`, "network condition"},
	"zones that are no list": {"network", `{"connection":"ANYWHERE","include":"nzo9office00000000000"}`,
		"network condition"},
	"a connection that is null": {"network", `{"connection":null,"include":["nzo9office00000000000"]}`,
		"network condition"},
	"more than we know of": {"network",
		`{"connection":"ZONE","include":["nzo9office00000000000"],"addresses":["192.0.2.1"]}`, "network condition"},
	"a network that is no object": {"network", `"ANYWHERE"`, "network condition"},
	"a name that is a number":     {"name", `7`, "name is malformed"},
	"a name that is null":         {"name", `null`, "name is missing"},
}

// What can't be read in full can't be given back: neither a run nor a person puts such a token into quarantine.
func TestWhatCannotBeGivenBackAsItWasIsNotQuarantined(t *testing.T) {
	for name, row := range spoiled {
		t.Run(name, func(t *testing.T) {
			k := idleToken(1)
			k.Network, k.Instead = oktatest.Network{Connection: "ZONE", Include: []string{"nzo9office00000000000"}},
				map[string]string{row.key: row.json}
			w := newWorld(t, k)
			f := only(t, w.enforce(rule("{quarantine: 0d}")))
			require.Equal(t, audit.Unknown, f.Outcome)
			require.Contains(t, f.Reason, row.says)
			_, _, err := w.byHand(rule("{quarantine: 0d}"), audit.Hand.Quarantine, k.ID)
			require.ErrorIs(t, err, audit.ErrRefused)
			require.ErrorContains(t, err, row.says)
			require.Empty(t, w.changes())
		})
	}
}

// Nor does it undo a quarantine that it can't compare.
func TestWhatCannotBeReadInFullIsNotRestored(t *testing.T) {
	for name, row := range spoiled {
		t.Run(name, func(t *testing.T) {
			w := inQuarantine(t)
			made := w.changes()
			w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) {
				k.Instead = map[string]string{row.key: row.json}
			})
			_, _, err := w.byHand(stagedPolicy, audit.Hand.Restore, oktatest.TokenID(1))
			require.ErrorIs(t, err, audit.ErrRefused)
			require.ErrorContains(t, err, row.says)
			w.pass(time.Hour)
			if row.key == "network" {
				f := only(t, w.enforce(stagedPolicy))
				require.Equal(t, audit.Unknown, f.Outcome, "whether it still is in quarantine can't be told")
			}
			require.Equal(t, made, w.changes())
		})
	}
}

func TestAZoneWithoutAStatusIsNoQuarantine(t *testing.T) {
	for body, says := range map[string]string{
		`{"id":"` + zoneID + `"}`:                          "is missing",
		`{"id":"` + zoneID + `","status":["ACTIVE"]}`:      "is malformed",
		`{"id":"nzo9office00000000000","status":"ACTIVE"}`: "it is about the zone",
	} {
		w := newWorld(t, idleToken(1))
		w.org.Fault(oktatest.Fault{Path: "/api/v1/zones/*", Body: body})
		r := w.enforce(rule("{quarantine: 0d}"))
		require.ErrorContains(t, r.Err, says)
		require.Empty(t, w.changes())
	}
}

// An id that is none of Okta's owns nothing: taken for one, it would leave the token in use unknown among the others.
func TestWhoeverIsNoUserIsNotTheOwnerOfTheTokenInUse(t *testing.T) {
	for _, body := range []string{`{"id":"me"}`, `{"id":""}`, `{"login":"kim"}`} {
		w := newWorld(t, idleToken(1))
		w.org.Fault(oktatest.Fault{Path: "/api/v1/users/me", Body: body})
		r := w.enforce(rule("{revoke: 0d}"))
		require.Error(t, r.Err)
		require.NotEqual(t, audit.OK, r.Code)
		require.Empty(t, w.changes())
	}
}
