package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// manyIdle are tokens of which there is something to remember each.
func manyIdle(n int) (tokens []oktatest.Token) {
	for i := range n {
		tokens = append(tokens, idleToken(i+1))
	}
	return tokens
}

// interruptAt makes an enforcing run that is told to end as soon as it has written n records of a kind, and returns the
// kinds of those that it wrote after that.
func (w *world) interruptAt(kind ledger.Kind, n int) (r *audit.Report, after []ledger.Kind) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.connect()
	l := w.open()
	defer func() { _ = l.Close() }()
	o := w.options(idlePolicy, l)
	written := uint64(0) // the last record of those that were written together with the one at which ctx was ended
	o.Recorded = func(rec ledger.Record) {
		if ctx.Err() != nil {
			if rec.Seq > written {
				after = append(after, rec.Kind)
			}
		} else if rec.Kind == kind {
			if n--; n == 0 {
				written = l.Head().Seq
				cancel()
			}
		}
	}
	o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
		return "test", nil
	}}
	r = audit.Run(ctx, o)
	return r, after
}

// A run may have hundreds of thousands of records to write, many with each fsync: it hears a signal between any two
// writes. What it did not come to, the next run does.
func TestARunThatIsToldToEndWhileItRemembersWritesNothingMore(t *testing.T) {
	for _, kind := range []ledger.Kind{ledger.Seen, ledger.Listed, ledger.Planned, ledger.Noticed} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, manyIdle(20)...)
			first := 1
			if kind == ledger.Seen || kind == ledger.Noticed {
				first = 7
			}
			r, after := w.interruptAt(kind, first)
			require.Equal(t, []ledger.Kind{ledger.Ended}, after)
			if kind == ledger.Noticed { // they were written together, and nothing is left to do
				require.Equal(t, audit.OK, r.Code)
			} else {
				require.Equal(t, audit.Halted, r.Code)
				require.ErrorIs(t, r.Err, audit.ErrInterrupted)
			}
			require.True(t, r.Complete, "what was judged is reported")
			require.Len(t, r.Findings, 20)

			require.Equal(t, audit.OK, w.enforce(idlePolicy).Code)
			seen, noticed := make(map[string]int), make(map[string]int)
			for _, rec := range w.records() {
				switch rec.Kind {
				case ledger.Seen:
					seen[rec.Token]++
				case ledger.Noticed:
					noticed[rec.Token]++
				}
			}
			require.Len(t, seen, 20)
			require.Len(t, noticed, 20)
			for id, n := range seen {
				require.Equal(t, []int{1, 1}, []int{n, noticed[id]}, "%s", id)
			}
		})
	}
}

// What is no longer listed is told, though the run that saw it was ended before it could write that down.
func TestWhatVanishedIsToldThoughTheRunThatSawItWasEnded(t *testing.T) {
	for _, kind := range []ledger.Kind{ledger.Resolved, ledger.Vanished, ledger.Listed} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprint(kind, n), func(t *testing.T) {
				w := newWorld(t, manyIdle(20)...)
				require.Equal(t, audit.OK, w.enforce(idlePolicy).Code)
				for i := range 3 {
					w.org.Remove(oktatest.TokenID(i + 1))
				}
				w.pass(day)
				r, _ := w.interruptAt(kind, n)
				require.Len(t, r.Vanished, 3)
				w.pass(day)
				r = w.enforce(idlePolicy)
				require.Equal(t, audit.OK, r.Code, "%v", r.Err)
				vanished, resolved := make(map[string]bool), make(map[string]bool)
				for _, rec := range w.records() {
					switch rec.Kind {
					case ledger.Vanished:
						vanished[rec.Token] = true
					case ledger.Resolved:
						resolved[rec.Token] = true
					}
				}
				require.Len(t, vanished, 3)
				require.Len(t, resolved, 3)
			})
		}
	}
}

func TestAWatchedRunEndsWhenAPersonNeedsTheState(t *testing.T) {
	for name, row := range map[string]struct {
		before, during func(w *world)
		enforce        bool
		says           string
	}{
		"nobody does":                         {enforce: true},
		"the brake is pulled":                 {enforce: true, during: pull, says: "halted by kim"},
		"it was pulled before":                {enforce: true, before: pull},
		"it is no run's that changes nothing": {during: pull},
		"somebody waits": {during: func(w *world) {
			go func() {
				if l, err := ledger.InDirectory(w.state).OpenWaiting(w.t.Context(), time.Now, time.Minute,
					nil); err == nil {
					_ = l.Close()
				}
			}()
		}, says: "somebody waits"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, clock: now, state: t.TempDir() + "/state"}
				l := w.open()
				if row.before != nil {
					row.before(w)
				}
				ctx, stop := audit.Watch(t.Context(), ledger.InDirectory(w.state), row.enforce)
				time.Sleep(3 * time.Second)
				require.NoError(t, ctx.Err())
				if row.during != nil {
					row.during(w)
				}
				time.Sleep(3 * time.Second)
				if row.says == "" {
					require.NoError(t, ctx.Err())
				} else {
					require.ErrorContains(t, context.Cause(ctx), row.says)
				}
				require.NoError(t, l.Close())
				time.Sleep(3 * time.Second)
				stop()
			})
		})
	}
}

func pull(w *world) { _ = ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", w.clock) }

// What ends a run is in what it says of that.
func TestARunThatGivesWaySaysForWhom(t *testing.T) {
	w := newWorld(t, idleToken(1))
	l := w.open()
	defer func() { _ = l.Close() }()
	ctx, stop := audit.Watch(t.Context(), ledger.InDirectory(w.state), true)
	defer stop()
	w.atAnnounce = func() {
		pull(w)
		<-ctx.Done()
	}
	r := w.enforceOn(ctx, nowPolicy, "", l)
	require.Equal(t, audit.Halted, r.Code)
	require.ErrorContains(t, r.Err, "halted by kim")
	require.Contains(t, strings.Join([]string{only(t, r).Reason}, ""), "halted by kim")
	require.Empty(t, w.changes())
}
