package ledger_test

import (
	"iter"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// writeInventory writes a listing whole.
func writeInventory(s ledger.Store, inForce string, entries iter.Seq[ledger.InventoryEntry]) (string, error) {
	draft := s.DraftInventory()
	defer draft.Discard()
	for e := range entries {
		draft.Add(e)
	}
	return draft.Store(inForce)
}

// everyToken is wanted of a listing.
func everyToken(string) bool { return true }

func TestADraftOfAListingBeginsAnewAndLeavesNothing(t *testing.T) {
	dir := stateWith(t, small...)
	s := ledger.InDirectory(dir)
	files := func() int {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(entries)
	}
	before := files()
	draft := s.DraftInventory()
	draft.Add(ledger.InventoryEntry{ID: "00T1"})
	draft.Restart()
	draft.Add(ledger.InventoryEntry{ID: "00T2", Name: "kept"})
	draft.Add(ledger.InventoryEntry{ID: "00T3"})
	digest, err := draft.Store("")
	require.NoError(t, err)
	draft.Discard() // does nothing to one that is stored
	m, all, err := s.ReadInventory(digest, func(id string) bool { return id == "00T2" })
	require.NoError(t, err)
	require.Equal(t, 2, all)
	require.Equal(t, map[string]ledger.InventoryEntry{"00T2": {ID: "00T2", Name: "kept"}}, m)

	draft = s.DraftInventory()
	draft.Add(ledger.InventoryEntry{ID: "00T4"})
	draft.Discard()
	require.Equal(t, before+1, files())
	_, err = draft.Store(digest)
	require.ErrorIs(t, err, ledger.ErrUnusable)
	_, all, err = s.ReadInventory(digest, everyToken)
	require.NoError(t, err)
	require.Equal(t, 2, all, "what was stored is there still")
}
