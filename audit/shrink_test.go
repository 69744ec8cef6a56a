package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// shrinkingPolicy announces the revocation of each idle token, three days ahead.
var shrinkingPolicy = strings.Replace(rule("{revoke: 3d}"), "count: 10, percent: 90", "count: 100, percent: 100", 1)

// shrunkenWorld is one of ten idle tokens, all announced, of which eight are not listed any more.
func shrunkenWorld(t *testing.T) (w *world, away []oktatest.Token) {
	t.Helper()
	var tokens []oktatest.Token
	for n := range 10 {
		tokens = append(tokens, idleToken(n+1))
	}
	w = newWorld(t, tokens...)
	require.NoError(t, w.enforce(shrinkingPolicy).Err)
	for _, k := range tokens[:8] {
		was, _ := w.org.Token(k.ID)
		away = append(away, was)
		w.org.Remove(k.ID)
	}
	w.pass(time.Minute)
	return w, away
}

func (w *world) notices() int {
	l := w.open()
	defer func() { require.NoError(w.t, l.Close()) }()
	return len(l.State().Notices)
}

// What isn't believed ends nothing, however often it is seen: Kubernetes makes another run at once after exit code 22.
func TestAListThatIsTooSmallToBelieveEndsNothing(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(w *world)
		lost   int // of the vanished tokens, how many can't be named
	}{
		{"as it is", func(*world) {}, 0},
		{"with the last listing lost", func(w *world) {
			require.NoError(t, os.Remove(filepath.Join(w.state, "inventory.jsonl")))
		}, 8},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, away := shrunkenWorld(t)
			row.before(w)
			for range 3 {
				r := w.enforce(shrinkingPolicy)
				require.Equal(t, audit.Incomplete, r.Code)
				require.Len(t, r.Vanished, 8-row.lost)
				require.Zero(t, r.Changes.Resolved)
				require.True(t, r.Shrunken)
				require.Equal(t, 10, w.notices())
				require.Empty(t, w.kinds(ledger.Vanished))
				w.pass(time.Minute)
			}
			w.org.Add(away...)
			w.pass(3 * day)
			require.Equal(t, 3, w.enforce(shrinkingPolicy).Count(audit.Revoked), "the delays went on")
		})
	}
}

func TestWhatVanishedFromAListThatShrankIsOnRecordOnceThatIsBelieved(t *testing.T) {
	for _, row := range []struct {
		name      string
		meanwhile func(w *world)
		more      int
	}{
		{"the second time it is the same", func(*world) {}, 0},
		{"it shrinks again", func(w *world) {
			w.org.Remove(oktatest.TokenID(9))
			w.org.Remove(oktatest.TokenID(10))
			require.Equal(t, audit.Incomplete, w.enforce(shrinkingPolicy).Code)
		}, 2},
		{"a crash loses the small listing", func(w *world) {
			path := filepath.Join(w.state, "inventory.jsonl")
			require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
		}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, away := shrunkenWorld(t)
			require.Equal(t, audit.Incomplete, w.enforce(shrinkingPolicy).Code)
			w.pass(time.Minute)
			row.meanwhile(w)
			w.pass(2 * time.Hour)
			r := w.enforce(shrinkingPolicy)
			require.NoError(t, r.Err, "%v", r.Notes)
			require.Len(t, r.Vanished, 8+row.more)
			gone := make(map[string]int)
			for _, v := range w.kinds(ledger.Vanished) {
				gone[v.Token]++
			}
			require.Len(t, gone, 8+row.more)
			for _, k := range away {
				require.Equal(t, 1, gone[k.ID], fmt.Sprint(k.Name))
			}
			require.Equal(t, 2-row.more, w.notices())
			require.Empty(t, w.enforce(shrinkingPolicy).Vanished)
		})
	}
}
