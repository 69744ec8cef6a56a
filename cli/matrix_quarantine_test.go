package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

const matrixZone = "nzo1a2b3c4d5e6f7g8h9"

func zonesThatAreNone(t *testing.T) {
	for _, z := range []oktatest.Zone{{Type: "DYNAMIC"}, {Usage: "BLOCKLIST"}, {Status: "INACTIVE"},
		{Gateways: []string{"the office"}}} {
		w := newCommandWorld(t)
		z.ID = matrixZone
		w.org.SetZone(z)
		w.run(matrixPolicy).nothingDone(t, audit.Usage, "the quarantine's zone "+matrixZone)
	}
	w := newCommandWorld(t)
	w.org.SetZone(oktatest.Zone{ID: matrixZone, Gateways: []string{"0.0.0.0/0"}})
	o := w.run(matrixPolicy)
	o.done(t, allDone...)
	require.Contains(t, o.text, "contains 0.0.0.0/0 (everybody): whoever is there can use a token in quarantine, "+
		"which is not cut off")
	require.Contains(t, o.text, "(zone contains 0.0.0.0/0 (everybody): it is not cut off)")
	require.NotContains(t, o.text, "nobody can use it")
	require.NotContains(t, o.text, `"cutOff": true`)
}

func sparedInQuarantine(t *testing.T) {
	w := newCommandWorld(t)
	w.run(matrixPolicy).done(t, allDone...)
	o := w.run(strings.Replace(matrixPolicy, "exemptions: [", "exemptions: [{match: {name: quiet-1}, reason: ours, "+
		"owner: sre, until: 2099-12-31}, ", 1))
	require.Equal(t, "exempt", o.of["quiet-1"], o.text)
	require.Contains(t, o.text, `"cutOff": true`)
	require.Contains(t, o.text, "to give back what it had: tokensweep tokens restore "+oktatest.TokenID(2))
}
