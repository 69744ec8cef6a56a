package audit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// moves makes the first token move to the end of the list while it is read for the first time.
func (w *world) moves() {
	w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Page: 2, Times: 1, Then: func() {
		w.org.Update(w.org.Tokens()[0].ID, func(t *oktatest.Token) { t.Place = "~" })
	}})
}

// TestAReadingThatDoesNotCountLeavesNothingBehind: all that adds up while a list is read is that of the last reading.
func TestAReadingThatDoesNotCountLeavesNothingBehind(t *testing.T) {
	var tokens []oktatest.Token
	for n := range 12 {
		tokens = append(tokens, idleToken(n+1))
	}
	w := newWorld(t, tokens...)
	text := strings.NewReplacer("quarantine: 3d", "quarantine: 0d", "count: 10", "count: 20", "perDay: 5",
		"perDay: 9").Replace(idlePolicy) +
		"\nexemptions: [{match: {name: idle-2}, reason: drill, owner: sre, until: 2099-12-31}]"
	require.Equal(t, 3, w.enforce(text).Done(audit.Quarantined))
	var given string
	for _, k := range w.org.Tokens() {
		if k.Network.Connection == "ZONE" {
			given = k.ID
		}
	}
	w.pass(day)
	w.org.Update(given, func(k *oktatest.Token) { k.Network, k.LastUpdated = oktatest.Network{}, w.clock })
	lifted := func() (n int) {
		for _, r := range w.records() {
			if r.Kind == ledger.Lifted {
				n++
			}
		}
		return n
	}

	w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Page: 2, Status: 500})
	r := w.enforce(text)
	require.Equal(t, audit.Incomplete, r.Code, "%v", r.Err)
	require.Zero(t, lifted(), "nothing is concluded from a list that is not whole")
	require.NotContains(t, strings.Join(r.Notes, "\n"), "somebody lifted")

	w.org.ClearFaults()
	w.moves()
	r = w.enforce(text)
	require.Equal(t, audit.OK, r.Code, "%v", r.Err)
	require.Equal(t, []int{13, 2, 0}, []int{r.Tokens, r.Pages, r.Duplicates})
	require.Equal(t, map[string]int{"Okta API": 13}, r.Clients)
	require.Len(t, r.Findings, 12)
	require.Empty(t, r.Vanished)
	require.Equal(t, 1, lifted())
	require.Equal(t, 1, strings.Count(strings.Join(r.Notes, "\n"), "somebody lifted the quarantine of the token "+
		given))
	require.Contains(t, r.Notes, "the list moved while it was read, and was read again: the last of 2 readings "+
		"brought no token twice, and counts")
	require.Equal(t, 3, r.Done(audit.Quarantined))
}
