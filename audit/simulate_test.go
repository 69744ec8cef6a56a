package audit_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// past is what the ledger of the world tells.
func (w *world) past() *ledger.State {
	s := &ledger.State{}
	if _, err := os.Stat(w.state); err != nil {
		return s
	}
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error { s.Apply(r); return nil })
	require.NoError(w.t, err)
	return s
}

// simulate looks so many days ahead.
func (w *world) simulate(text string, days int, inUse time.Duration) *audit.Calendar {
	w.connect()
	o := audit.Options{Org: w.client.Reader, Policy: policy(w.t, text), Now: func() time.Time {
		return w.clock
	}}
	c, err := audit.Simulate(w.t.Context(), o, audit.SimulateOptions{Length: time.Duration(days) * day, InUse: inUse,
		Past: w.past(), Store: ledger.InDirectory(w.state)})
	require.NoError(w.t, err)
	return c
}

// happens are the events of a calendar with one of the words, as "day what name".
func happens(c *audit.Calendar, words ...string) (list []string) {
	for _, e := range c.Events {
		if !slices.Contains(words, e.What) {
			continue
		}
		name := ""
		if e.Token != nil {
			name = known(e.Token.Name)
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%02.1f %s %s", e.At.Sub(now).Hours()/24, e.What, name)))
	}
	slices.Sort(list)
	return list
}

// idleFor is a token that was not used for so many days.
func idleFor(n int, days float64) oktatest.Token {
	k := idleToken(n)
	k.LastUsed = ago(days)
	return k
}

// The calendar is held against the future: enforcing runs, day by day, on an org in which nobody uses a token.
func TestTheCalendarIsWhatThenHappens(t *testing.T) {
	const head = "mode: enforce\n" + zone + "limits: {perRun: 2, perDay: 2, stopAbove: {count: 4, percent: 90}}\n"
	for name, row := range map[string]struct {
		policy string
		tokens []oktatest.Token
		before int           // days on which runs enforced already
		was    string        // the policy by which they did, if it was another
		every  time.Duration // between runs, if it isn't a day
	}{
		"steps, limits and what Okta ends": {
			policy: head + `rules:
  - {id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 2d, revoke: 6d}}
  - {id: young, when: {created: {newerThan: 3d}, name: {like: "*-1"}}, then: flag}`,
			tokens: []oktatest.Token{idleFor(1, 15), idleFor(2, 15.1), idleFor(3, 15.2), idleFor(4, 13.5),
				idleFor(5, 26), idleFor(6, 1)},
		},
		"notices of the past": {
			policy: head +
				"rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d, revoke: 5d}}]",
			tokens: []oktatest.Token{idleFor(1, 15), idleFor(2, 15.1), idleFor(3, 16.2), idleFor(4, 10),
				idleFor(5, 27)},
			before: 4,
		},
		"more than stopAbove allows": {
			policy: head + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 1d}}]",
			tokens: []oktatest.Token{idleFor(1, 15), idleFor(2, 16), idleFor(3, 17), idleFor(4, 18), idleFor(5, 27),
				idleFor(6, 12)},
		},
		"an exemption that ends, and one day young": {
			policy: head + `exemptions: [{match: {name: idle-1}, reason: drill, owner: sre, until: 2026-11-27}]
protect: {newerThan: 20d}
rules:
  - {id: idle, when: {lastUsed: {olderThan: 14d}}, then: {revoke: 1d}}`,
			tokens: []oktatest.Token{idleFor(1, 15), {ID: oktatest.TokenID(2), Name: "idle-2",
				UserID: oktatest.UserID(1), Created: ago(16), LastUsed: ago(15)}},
		},
		"two runs a day share what a day allows": {
			policy: "schedule: {cron: \"0 9,21 * * *\"}\n" + head +
				"rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 0d}}]",
			tokens: []oktatest.Token{idleFor(1, 15), idleFor(2, 16), idleFor(3, 17), idleFor(4, 18)},
			every:  12 * time.Hour,
		},
		"a notice that an exemption made void": {
			was: head + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d}}]",
			policy: head + "exemptions: [{match: {name: idle-1}, reason: drill, owner: sre, until: " +
				"2026-11-26}]\nrules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d}}]",
			tokens: []oktatest.Token{idleFor(1, 15), idleFor(2, 16)},
			before: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, row.tokens...)
			row.every, row.was = cmp.Or(row.every, day), cmp.Or(row.was, row.policy)
			w.atAnnounce = func() { w.pass(3 * time.Second) } // as it takes in life
			for range row.before {
				today := w.clock
				w.enforce(row.was)
				w.clock = today.Add(day)
			}
			began := w.clock
			c := w.simulate(row.policy, 16, 0)
			require.Equal(t, began, c.From)
			require.Equal(t, int(16*day/row.every)+1, c.Runs)
			requests := len(w.changes())

			var want []string
			stopped := false
			for i := range c.Runs {
				w.clock = began.Add(time.Duration(i) * row.every)
				at := w.clock.Sub(now).Hours() / 24
				r := w.enforce(row.policy)
				for _, f := range r.Findings {
					if f.Done {
						want = append(want, fmt.Sprintf("%02.1f %s %s", at, f.Outcome, known(f.Token.Name)))
					}
				}
				if r.Stopped && !stopped {
					want = append(want, fmt.Sprintf("%02.1f stopped", at))
				}
				stopped = r.Stopped
			}
			slices.Sort(want)
			require.Greater(t, len(want), 1, "else this shows nothing")
			require.Greater(t, len(w.changes()), requests)
			require.Equal(t, want, happens(c, "quarantined", "revoked", "stopped"))
		})
	}
}

func TestTheCalendarTellsTheDays(t *testing.T) {
	w := newWorld(t, idleFor(1, 15), idleFor(2, 13.5), idleFor(3, 27.5))
	before := len(w.org.Requests())
	c := w.simulate(idlePolicy, 20, 0)
	require.Equal(t, []string{
		"0.0 pending idle-1", "0.0 pending idle-3", "1.0 pending idle-2", "2.5 ended idle-3", "4.0 quarantined idle-1",
		"5.0 quarantined idle-2",
		"8.0 revoked idle-1", "9.0 revoked idle-2",
	}, happens(c, "pending", "quarantined", "revoked", "ended", "held", "cleared", "unknown"))
	for _, r := range w.org.Requests()[before:] {
		require.Equal(t, "GET", r.Method)
	}
	require.NoDirExists(t, w.state, "nothing is written")
	require.Contains(t, strings.Join(c.Assumed, "\n"), "nobody uses a token from now on")
	require.Nil(t, c.About(oktatest.TokenID(77)))
	require.Equal(t, []string{"1.0 pending idle-2", "5.0 quarantined idle-2", "9.0 revoked idle-2"},
		happens(c.About(oktatest.TokenID(2)), "pending", "quarantined", "revoked", "ended"))
}

func TestWhatIsInQuarantineIsNotUsedAnyMore(t *testing.T) {
	text := limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 4d}}, then: {quarantine: 0d, revoke: 71h}}]"
	w := newWorld(t, idleFor(1, 5))
	require.Equal(t, audit.Quarantined, only(t, w.enforce(text)).Outcome)
	w.pass(day)
	require.Equal(t, []string{"3.0 revoked idle-1"}, happens(w.simulate(text, 20, 7*day), "quarantined", "revoked",
		"cleared", "ended"))
}

func TestTokensInUseStayInUse(t *testing.T) {
	w := newWorld(t, idleFor(1, 3), idleFor(2, 10))
	c := w.simulate(idlePolicy, 60, 7*day)
	require.Equal(t, []string{"13.0 revoked idle-2", "5.0 pending idle-2", "9.0 quarantined idle-2"},
		happens(c, "pending", "quarantined", "revoked", "ended"))
	c = w.simulate(idlePolicy, 60, 0)
	require.Contains(t, happens(c, "revoked"), "20.0 revoked idle-1")
}

func TestTheCalendarFollowsTheSchedule(t *testing.T) {
	w := newWorld(t, idleFor(1, 15))
	c := w.simulate("schedule: {cron: \"0 12 * * 4\"}\n"+strings.Replace(idlePolicy, "revoke: 7d", "revoke: 167h", 1),
		20, 0) // Thursdays; now is a Tuesday
	require.Equal(t, 3, c.Runs)
	require.Equal(t, []string{"2.1 pending idle-1", "9.1 revoked idle-1"}, happens(c, "pending", "quarantined",
		"revoked"), "after seven days the stronger step is due too")
}

func TestTheBrakeIsNoted(t *testing.T) {
	w := newWorld(t, idleFor(1, 15))
	w.enforce(idlePolicy)
	require.Empty(t, w.simulate(idlePolicy, 5, 0).Notes)
	require.NoError(t, ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", w.clock))
	require.Equal(t, []string{"the brake is pulled: nothing of this happens before tokensweep resume"},
		w.simulate(idlePolicy, 5, 0).Notes)
}

func TestAnExplanationKnowsTheNoticesAndTheDates(t *testing.T) {
	w := newWorld(t, idleFor(1, 15), idleFor(2, 3))
	w.enforce(idlePolicy)
	w.pass(day)
	explain := func(n int) *audit.Explanation {
		w.connect()
		o := audit.Options{Org: w.client.Reader, Policy: policy(t, idlePolicy), Now: func() time.Time {
			return w.clock
		}}
		e, err := audit.Explain(t.Context(), o, w.past(), oktatest.TokenID(n))
		require.NoError(t, err)
		return e
	}
	dates := func(e *audit.Explanation) []string {
		return happens(&audit.Calendar{Events: e.Calendar}, "pending", "quarantined", "revoked", "ended")
	}
	e := explain(1)
	require.Equal(t, audit.Pending, e.Finding.Outcome)
	require.Len(t, e.Steps, 2)
	require.Equal(t, []time.Time{now, now.Add(3 * day), now.Add(7 * day)},
		[]time.Time{e.Steps[0].Noticed.Truncate(time.Minute), e.Steps[0].Due.Truncate(time.Minute),
			e.Steps[1].Due.Truncate(time.Minute)})
	require.Equal(t, []string{"1.0 pending idle-1", "3.0 quarantined idle-1", "7.0 revoked idle-1"}, dates(e))

	e = explain(2)
	require.Nil(t, e.Finding)
	require.Empty(t, e.Steps)
	require.Equal(t, []string{"11.0 pending idle-2", "14.0 quarantined idle-2", "18.0 revoked idle-2"}, dates(e))
	require.Equal(t, "false", e.Trace.Rules[0].When.Result)
}
