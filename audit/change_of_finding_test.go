package audit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// A finding is new as often as something applies to its token that did not before: it must not hide behind a lesser
// one.
func TestAFindingIsNewWheneverARuleBeginsToApply(t *testing.T) {
	id, owner := oktatest.TokenID(1), oktatest.UserID(1)
	const noted, super = "{id: noted, severity: low, when: {name: {like: 'idle-*'}}, then: flag}",
		"{id: super, severity: critical, when: {name: {isNot: own}, owner.roles: {contains: SUPER_ADMIN}}, then: flag}"
	text := "rules: [" + noted + ", " + super + "]"
	exempting := text + "\nexemptions: [{match: {name: 'idle-1'}, reason: drill, owner: sre, until: " +
		"2026-11-25T00:00:00Z}]"
	user := func(roles ...string) oktatest.User {
		return oktatest.User{ID: owner, Login: "kim", Status: "ACTIVE", Roles: roles}
	}
	forbidden := oktatest.Fault{Path: "/api/v1/users/*/roles", Status: 403}
	for _, row := range []struct {
		name          string
		before, after func(w *world)
		policy        string
		change        audit.Change
		fresh         []string
	}{
		{"the owner becomes a super admin", func(w *world) { w.org.SetUser(user()) }, func(w *world) {
			w.org.SetUser(user("SUPER_ADMIN"))
		}, text, audit.New, []string{"super"}},
		{"what could not be judged can be", func(w *world) {
			w.org.SetUser(user("SUPER_ADMIN"))
			w.org.Fault(forbidden)
		}, func(w *world) { w.org.ClearFaults() }, text, audit.New, []string{"super"}},
		{"the exemption ends", func(w *world) { w.org.SetUser(user("SUPER_ADMIN")) }, func(w *world) {
			w.pass(day)
			w.org.Use(oktatest.TokenID(999))
		}, exempting, audit.New, []string{"noted", "super"}},
		{"a lesser rule begins to apply", func(w *world) {
			w.org.SetUser(user("SUPER_ADMIN"))
			w.org.Update(id, func(k *oktatest.Token) { k.Name = "other" })
		}, func(w *world) { w.org.Update(id, func(k *oktatest.Token) { k.Name = "idle-1" }) }, text, audit.New,
			[]string{"noted"}},
		{"what was judged can't be any more", func(w *world) { w.org.SetUser(user("SUPER_ADMIN")) }, func(w *world) {
			w.org.Fault(forbidden)
		}, text, audit.Ongoing, nil},
		{"nothing changes", func(w *world) { w.org.SetUser(user("SUPER_ADMIN")) }, func(*world) {}, text, audit.Ongoing,
			nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			row.before(w)
			r := w.dry(row.policy)
			require.NoError(t, r.Err)
			row.after(w)
			f := only(t, w.dry(row.policy))
			require.Equal(t, row.change, f.Change, "%+v", f)
			require.Equal(t, row.fresh, ids(f.Fresh))
			f = only(t, w.dry(row.policy))
			require.Equal(t, audit.Ongoing, f.Change, "once")
			require.Empty(t, f.Fresh)
			require.True(t, strings.HasPrefix(known(f.Token.Name), "idle"))
		})
	}
}

func ids(list []*rules.Rule) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestNewOngoingAndResolved(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	r := w.dry(idlePolicy)
	require.False(t, r.Changes.Known)
	w.org.Use(oktatest.TokenID(2))
	w.org.Add(idleToken(3))
	r = w.dry(idlePolicy)
	require.Equal(t, audit.Changes{New: 1, Ongoing: 1, Resolved: 1, Known: true}, r.Changes)
	for _, f := range r.Findings {
		require.Equal(t, map[string]audit.Change{"idle-1": audit.Ongoing, "idle-3": audit.New}[known(f.Token.Name)],
			f.Change)
	}
}

func TestWhatVanishedIsExplained(t *testing.T) {
	ending := idleToken(2)
	ending.LastUsed = ago(27)
	w := newWorld(t, idleToken(1), ending, oktatest.Token{ID: oktatest.TokenID(3), Name: "busy",
		UserID: oktatest.UserID(1), Created: ago(9), LastUsed: ago(1)})
	w.dry(idlePolicy)
	w.org.Remove(oktatest.TokenID(3))
	w.pass(4 * day)
	r := w.dry(idlePolicy)
	require.Equal(t, []audit.Vanished{
		{ID: oktatest.TokenID(2), Name: "idle-2",
			Reason: "Okta ended it, unused, on 2026-11-27T09:00:00Z, by what was known when it was last listed"},
		{ID: oktatest.TokenID(3), Name: "busy",
			Reason: "unexplained: revoked by somebody else, or its owner was deactivated"},
	}, sorted(r.Vanished))
}

func sorted(v []audit.Vanished) []audit.Vanished {
	if len(v) == 2 && v[0].ID != oktatest.TokenID(2) {
		v[0], v[1] = v[1], v[0]
	}
	return v
}
