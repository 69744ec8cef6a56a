package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/okta"
)

// life is all that happens to a token. Times are half days from noon.
type life struct {
	made        int
	uses, edits []int // after it was made, in order
	// A run looks at it every so many half days, but not from pause to resume.
	every, pause, resume int
	window               time.Duration
	// What the list shows of it, all its life; the rest is missing or can't be read.
	created, updated, expires, shownWindow okta.Presence
}

var someLife = rapid.Custom(func(t *rapid.T) life {
	presence := rapid.SampledFrom([]okta.Presence{okta.Known, okta.Known, okta.Known, okta.Known, okta.Missing,
		okta.Malformed})
	l := life{
		made: rapid.IntRange(-120, 20).Draw(t, "made"), window: rapid.SampledFrom([]time.Duration{window, window,
			10 * day}).Draw(t, "window"),
		every: rapid.IntRange(1, 5).Draw(t, "every"), pause: rapid.IntRange(-80, 40).Draw(t, "pause"),
		created: presence.Draw(t, "created"), updated: presence.Draw(t, "updated"),
		expires: presence.Draw(t, "expires"), shownWindow: presence.Draw(t, "shown window"),
	}
	l.resume = l.pause + rapid.IntRange(0, 60).Draw(t, "paused")
	if l.window != window && l.shownWindow == okta.Missing { // only the usual one is left out
		l.shownWindow = okta.Known
	}
	happens := func(label string) (when []int) {
		last := l.made
		for _, gap := range rapid.SliceOfN(rapid.IntRange(1, 59), 0, 4).Draw(t, label) {
			last += gap
			when = append(when, last)
		}
		return when
	}
	l.uses, l.edits = happens("uses"), happens("edits")
	return l
})

func halfDays(n int) time.Time { return noon.Add(time.Duration(n) * day / 2) }

// at is the token as it is listed, or nil if Okta has ended it.
func (l *life) at(now int) *okta.Token {
	used := l.made
	for _, next := range l.uses {
		if next > now || !halfDays(next).Before(halfDays(used).Add(l.window)) {
			break
		}
		used = next
	}
	if !halfDays(now).Before(halfDays(used).Add(l.window)) {
		return nil
	}
	updated := used
	for _, edit := range l.edits {
		if edit <= now {
			updated = max(updated, edit)
		}
	}
	return &okta.Token{
		ID: "00Tabc", Name: okta.Some("a"), Created: showing(l.created, halfDays(l.made)),
		LastUpdated: showing(l.updated, halfDays(updated)),
		ExpiresAt:   showing(l.expires, halfDays(used).Add(l.window)), TokenWindow: showing(l.shownWindow, l.window),
	}
}

func showing[T any](as okta.Presence, v T) okta.Opt[T] {
	switch as {
	case okta.Known:
		return okta.Some(v)
	case okta.Malformed:
		return okta.Unreadable[T]()
	}
	return okta.Opt[T]{}
}

// reaches is when a run at noon or later first finds a step due: a delay after the notice, which the first run gave
// that found the rule to match, and none has found void since.
func (l *life) reaches(rule *Rule, s DelayedStep) (at time.Time, ok bool) {
	told, facts := time.Time{}, ""
	for n := l.made; ; n += l.every {
		token, now := l.at(n), halfDays(n)
		switch {
		case token == nil || n > 200: // those that are used for ever have shown what they can
			return time.Time{}, false
		case n >= l.pause && n < l.resume:
			continue
		case rule.when.eval(token, now) != isTrue:
			facts = ""
			continue
		}
		if is := rule.Facts(token); is != facts {
			told, facts = now, is
		}
		if !now.Before(noon) && !now.Before(told.Add(s.After)) {
			return now, true
		}
	}
}

// neverComes are the steps of which lint says so.
func neverComes(p *Policy) (steps []DelayedStep) {
	for _, m := range p.Lint(noon, nil) {
		for _, s := range p.Rules[0].Steps {
			if (place{m.Line, m.Column}) == p.Rules[0].stepAt[s.Step] && strings.Contains(m.Message, "never comes") {
				steps = append(steps, s)
			}
		}
	}
	return steps
}

var lifeLeaf = rapid.SampledFrom([]string{
	"{lastUsed: {olderThan: 20d}}", "{lastUsed: {newerThan: 25d}}", "{lastUsed: {before: 2026-11-12}}",
	"{lastUsed: {present: false}}",
	"{lastUpdated: {olderThan: 20d}}", "{lastUpdated: {before: 2026-11-12}}", "{lastUpdated: {present: false}}",
	"{neverUsed: true}", "{neverUsed: false}", "{neverUsed: {present: false}}", "{expiresAt: {within: 10d}}",
	"{expiresAt: {present: false}}",
	"{created: {olderThan: 20d}}", "{created: {newerThan: 25d}}", "{created: {before: 2026-11-12}}",
	"{created: {present: false}}",
	"{tokenWindow: {shorterThan: 20d}}", "{name: {like: \"a*\"}}", "{name: b}",
})

func TestNoTokenLivesToSeeAStepThatLintSaysNeverComes(t *testing.T) {
	never := 0
	law := func(t *rapid.T) {
		delay := rapid.SampledFrom([]int{0, 1, 9, 10, 20, 30})
		p, err := Parse("policy.yaml", fmt.Appendf(nil, "version: 1\nquarantine: {zone: "+
			"nzo1a2b3c4d5e6f7g8h9}\nrules: [{id: a, when: %s, then: {quarantine: %dd, revoke: %dd}}]",
			someConditionOf(lifeLeaf, 2).Draw(t, "when"), delay.Draw(t, "quarantine"), delay.Draw(t, "revoke")))
		require.NoError(t, err)
		steps := neverComes(p)
		if len(steps) == 0 {
			return
		}
		never++
		for range 50 {
			l := someLife.Draw(t, "life")
			for _, s := range steps {
				at, comes := l.reaches(p.Rules[0], s)
				require.False(t, comes, "%s: %s comes on %s", s.Step, formatDuration(s.After), at)
			}
		}
	}
	for round := 0; round < 10 && never == 0; round++ { // with -short few are drawn
		rapid.Check(t, law)
	}
	require.Positive(t, never, "else this shows nothing")
}

func TestWhatStepsNeverCome(t *testing.T) {
	for _, row := range []struct {
		name, when string
		days       int // until the revocation
		never      bool
	}{
		{"so idle that Okta is first", "{lastUsed: {olderThan: 21d}}", 9, true},
		{"idle, and Okta is later", "{lastUsed: {olderThan: 21d}}", 8, false},
		{"idle by lastUpdated", "{lastUpdated: {olderThan: 21d}}", 9, true},
		{"soon to be ended, after which there is no time", "{expiresAt: {within: 10d}}", 30, true},
		{"soon to be ended, which says nothing of the last use", "{expiresAt: {within: 10d}}", 29, false},
		{"never used, and old", "{neverUsed: true, created: {olderThan: 20d}}", 10, true},
		{"never used, for as long as Okta allows", "{neverUsed: true, owner.status: DEPROVISIONED}", 30, true},
		{"never used, for less", "{neverUsed: true, owner.status: DEPROVISIONED}", 29, false},
		{"used, after which uses change nothing", "{neverUsed: false, owner.status: {in: [SUSPENDED, DEPROVISIONED]}}",
			30, false},
		{"used, in other words", "{not: {neverUsed: true}, owner.status: DEPROVISIONED}", 30, false},
		{"used or not", "{any: [{neverUsed: true}, {owner.status: DEPROVISIONED}]}", 30, false},
		{"never used, or nobody knows", "{any: [{neverUsed: true}, {neverUsed: {present: false}}]}", 30, false},
		{"nobody knows when it was used", "{lastUsed: {present: false}}", 0, false},
		{"nobody knows when it was used, and it was edited long ago",
			"{lastUsed: {present: false}, lastUpdated: {olderThan: 1d}}", 10, false},
		{"idle or a name, while nobody knows when it was used", "{any: [{lastUsed: {olderThan: 25d}}, {name: x}]}", 30,
			false},
		{"nothing that moves is read", "{name: x}", 35, false},
		{"idle since a date, of which the notice was given before today", "{lastUsed: {before: 2026-11-12}}", 20,
			false},
	} {
		p, err := Parse("policy.yaml", fmt.Appendf(nil, "version: 1\nrules: [{id: a, when: %s, then: {revoke: %dd}}]",
			row.when, row.days))
		require.NoError(t, err, row.name)
		require.Equal(t, row.never, len(neverComes(p)) > 0, row.name)
	}
}
