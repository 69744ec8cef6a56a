package audit_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

var soak = flag.Int("soak", 60, "how many days TestSoak goes through, a run each")

const soakPolicy = `mode: enforce
limits: {perRun: 3, perDay: 5, stopAbove: {count: 1000, percent: 100}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: idle, severity: medium, when: {lastUsed: {olderThan: 10d}}, then: {quarantine: 2d, revoke: 4d}}
  - {id: long-idle, severity: high, when: {lastUsed: {olderThan: 20d}}, then: flag}
  - {id: client, severity: low, when: {clientName: {notIn: [Okta API]}}, then: flag}
`

// TestSoak makes a run a day over one state, while tokens are made, used, forgotten and revoked. What a run takes must
// not grow with the runs that were before it: memory, open files, goroutines and time. For three years of it:
//
//	go test ./audit -run TestSoak -soak 1000 -v
//
// Time is what the processor worked, of the last tenth of the runs against the second tenth. It is told, and compared
// only where there are many runs: of few it says nothing.
func TestSoak(t *testing.T) {
	w := newWorld(t)
	tokens := 0
	forget := func(n int) {
		for range n {
			client := "Okta API"
			if tokens%7 == 0 {
				client = "Okta Script"
			}
			w.org.Add(oktatest.Token{ID: oktatest.TokenID(tokens), Name: fmt.Sprint("job-", tokens), ClientName: client,
				UserID: oktatest.UserID(tokens % 9), Created: w.clock.AddDate(0, -2, 0),
				LastUsed: w.clock.AddDate(0, 0, -tokens%25)})
			tokens++
		}
	}
	forget(200)
	took := make([]time.Duration, *soak)
	var early, late held
	for i := range took {
		w.clock = w.clock.Add(24 * time.Hour)
		all := w.org.Tokens()
		for j := i % 3; j < len(all); j += 3 { // each is used every third day, but for those that are forgotten
			if j%5 != 0 {
				w.org.Use(all[j].ID)
			}
		}
		forget(200 - len(all))
		if i%11 == 0 {
			w.org.Remove(all[len(all)/2].ID)
		}
		w.org.ResetRequests()
		began := processorTime(t)
		r := soakRun(w, i)
		took[i] = processorTime(t) - began
		require.NoError(t, r, "day %d", i)
		switch i {
		case len(took) / 5:
			early = holds(t)
		case len(took) - 1:
			late = holds(t)
		}
	}
	tenth := max(1, len(took)/10)
	before, after := median(took[tenth:2*tenth]), median(took[len(took)-tenth:])
	t.Logf("%d runs, %d tokens made: memory %.2f, open files %d → %d, goroutines %d → %d, time %.2f of the start (%v)",
		len(took), tokens, float64(late.memory)/float64(early.memory), early.files, late.files, early.goroutines,
		late.goroutines, after.Seconds()/before.Seconds(), before)
	require.LessOrEqual(t, late.files, early.files+early.files/5)
	require.LessOrEqual(t, late.goroutines, early.goroutines+early.goroutines/5)
	require.LessOrEqual(t, late.memory, early.memory+early.memory/5)
	if len(took) >= 1000 {
		require.LessOrEqual(t, after.Seconds(), 1.2*before.Seconds())
	}
}

// soakRun is one run as serve makes it: with the client of the process, and the ledger opened anew. Every fourth is a
// dry run.
func soakRun(w *world, day int) error {
	l := w.open()
	defer func() { _ = l.Close() }()
	if day%4 == 3 {
		return w.dryOn(soakPolicy, l).Err
	}
	report := w.enforceOn(w.t.Context(), soakPolicy, "", l)
	if report.Mode != rules.Enforce || !report.Complete {
		return fmt.Errorf("the run did not enforce: %w", report.Err)
	}
	return report.Err
}

// held is what a process holds between two runs.
type held struct {
	memory            uint64 // in bytes
	files, goroutines int
}

func holds(t *testing.T) held {
	t.Helper()
	runtime.GC()
	runtime.GC() // what the first one has finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if !os.IsNotExist(err) { // only Linux tells
		require.NoError(t, err)
	}
	return held{m.HeapAlloc, len(files), runtime.NumGoroutine()}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
