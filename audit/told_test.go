package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

const twoSeverities = "rules: [{id: idle, severity: critical, when: {lastUsed: {olderThan: 14d}}, then: flag}, " +
	"{id: named, severity: low, when: {name: {like: \"idle-*\"}}, then: flag}]"

func TestASeverityThatChangedIsNewsOnce(t *testing.T) {
	for name, row := range map[string]struct {
		first string
		then  func(*world) // what happens in between
		next  string
		says  string
	}{
		"nothing has changed": {first: twoSeverities, next: twoSeverities, then: func(*world) {}},
		"the worse of two rules does not match any more": {first: twoSeverities, next: twoSeverities,
			then: func(w *world) { w.org.Use(oktatest.TokenID(1)) }, says: "its severity was critical, and is low"},
		"the policy has another": {first: twoSeverities, then: func(*world) {},
			next: strings.Replace(twoSeverities, "critical", "medium", 1),
			says: "its severity was critical, and is medium"},
		"it rises": {first: strings.Replace(twoSeverities, "critical", "medium", 1), then: func(*world) {},
			next: twoSeverities, says: "its severity was medium, and is critical"},
		"it is exempt": {first: twoSeverities, then: func(*world) {},
			next: strings.Replace(twoSeverities, "critical", "medium", 1) +
				"\nexemptions: [{match: {name: {like: \"idle-*\"}}, reason: a drill, owner: sre, until: 2099-01-01}]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			require.Empty(t, only(t, w.dry(row.first)).Moved)
			row.then(w)
			r := w.dry(row.next)
			require.Equal(t, row.says, only(t, r).Moved)
			require.Equal(t, audit.Ongoing, only(t, r).Change)
			moved := 0
			if row.says != "" {
				moved = 1
			}
			require.Equal(t, audit.Changes{Ongoing: 1, Moved: moved, Known: true}, r.Changes)
			again := w.dry(row.next)
			require.Empty(t, only(t, again).Moved, "it is told once")
			require.Zero(t, again.Changes.Moved)
		})
	}
}

// Of two rules that would revoke a token the one that would do so first does not match any more.
func TestADueDateThatMovedIsNewsOnce(t *testing.T) {
	text := limits + "rules: [{id: soon, when: {lastUpdated: {olderThan: 14d}, network.connection: ANYWHERE}, " +
		"then: {revoke: 3d}}, {id: idle, when: {lastUsed: {olderThan: 14d}}, then: {revoke: 7d}}]"
	w := newWorld(t, idleToken(1))
	at := w.clock
	r := w.enforce(text)
	require.Equal(t, at.Add(3*day), only(t, r).Due)
	require.Empty(t, only(t, r).Moved)
	w.pass(day)
	require.Empty(t, only(t, w.enforce(text)).Moved)
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) {
		k.Network = oktatest.Network{Connection: "ZONE", Include: []string{"nzo1a2b3c4d5e6f7g8h9"}}
	})
	require.Empty(t, only(t, w.dry(text)).Moved, "a dry run ends no notice, and would tell it again and again")
	r = w.enforce(text)
	require.Equal(t, at.Add(7*day), only(t, r).Due)
	require.Equal(t, "its revoke was announced for "+at.Add(3*day).Format(time.RFC3339)+", and is due on "+
		at.Add(7*day).Format(time.RFC3339), only(t, r).Moved)
	require.Equal(t, 1, r.Changes.Moved)
	require.Empty(t, only(t, w.enforce(text)).Moved)
}
