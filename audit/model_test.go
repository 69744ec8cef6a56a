package audit_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	histories = flag.Int("histories", 400, "how many random histories TestModel plays")
	shards    = flag.Int("shards", runtime.GOMAXPROCS(0), "how many of them at once")
)

// TestModel plays random histories of an org with the real code of this package: people use, rename and exempt tokens
// and take them out of quarantine, processes list, announce and act, and are killed, or lose their disk, their org or
// their audience, at any step. After every process all invariants are checked (model_invariants_test.go).
//
// A history that goes wrong is made as short as possible and printed. To play more of them:
//
//	go test ./audit -run TestModel -histories 100000
//
// and to play one again, give -rapid.seed, and -shards 1 if it was of the shard 0.
func TestModel(t *testing.T) {
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa((*histories+*shards-1) / *shards)))
	percent := debug.SetGCPercent(800) // memory is there, and time is short
	t.Cleanup(func() {
		_ = flag.Set("rapid.checks", "100")
		debug.SetGCPercent(percent)
	})
	drawn := rapid.Custom(drawHistory)
	for shard := range *shards {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			state := stateInMemory(t)
			rapid.Check(t, func(rt *rapid.T) {
				for range shard { // so that shards with the same seed play other histories
					rapid.Uint64().Draw(rt, "shard")
				}
				if wrong := play(t, state, drawn.Draw(rt, "history")); wrong != "" {
					rt.Fatal(wrong)
				}
			})
		})
	}
}

// play plays a history, and returns what was wrong.
func play(t *testing.T, state string, h *modelHistory) (wrong string) {
	synctest.Test(t, func(*testing.T) {
		time.Sleep(3 * 365 * day) // the clock starts in 2000, and tokens have a past
		w := newModelWorld(state, h)
		for i, a := range h.acts {
			w.place = h.places[i]
			if a.do(w); w.wrong != "" {
				break
			}
		}
		if w.wrong == "" {
			w.calmDown(h)
		}
		wrong = w.wrong
		w.org.Close()
		synctest.Wait()
	})
	return wrong
}

// stateInMemory is a state directory that needs no disk, if this machine has such a place: the model's ledger is in
// memory, and the files beside it are not what it is about.
func stateInMemory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "tokensweep-model-")
	if err != nil {
		dir = filepath.Join(t.TempDir(), "state")
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
