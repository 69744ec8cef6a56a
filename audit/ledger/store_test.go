package ledger_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// emptyDigest is that of an empty file.
const emptyDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// What has no store is refused, and touches nothing in the directory where the program happens to run.
func TestTheZeroStoreIsNone(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"ledger.jsonl": "", "halt": "{}", "inventory.jsonl": "", "outbox-r.json": "",
	} {
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	for _, none := range []ledger.Store{{}, ledger.InDirectory("")} {
		require.Equal(t, ledger.Store{}, none)
		require.Empty(t, none.String())
		require.True(t, none.Missing())
		require.False(t, none.Exists())
		require.False(t, none.HasLedger())
		require.False(t, none.Awaited())
		_, err := none.Open(clock())
		require.ErrorIs(t, err, ledger.ErrUnusable)
		_, err = none.Read(func(ledger.Record) error { return nil })
		require.ErrorIs(t, err, ledger.ErrUnusable)
		require.ErrorIs(t, none.CheckHead("1:000000000000"), ledger.ErrUnusable)
		require.ErrorIs(t, none.SetHalt("drill", "", start), ledger.ErrUnusable)
		require.ErrorIs(t, none.ClearHalt(), ledger.ErrUnusable)
		note, err := none.Halted()
		require.ErrorIs(t, err, ledger.ErrUnusable)
		require.Nil(t, note)
		_, err = writeInventory(none, "", slices.Values([]ledger.InventoryEntry{{ID: "00T1"}}))
		require.ErrorIs(t, err, ledger.ErrUnusable)
		_, _, err = none.ReadInventory(emptyDigest, everyToken)
		require.ErrorIs(t, err, ledger.ErrNoInventory)
		_, _, err = none.WriteParcel(ledger.Sending{}, nil)
		require.ErrorIs(t, err, ledger.ErrUnusable)
		_, err = none.ReadParcel("outbox-r.json", emptyDigest)
		require.ErrorIs(t, err, ledger.ErrNoParcel)
		none.RemoveParcels(nil)
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 4, "nothing was made, and nothing removed")
}

func TestALedgerKnowsItsStore(t *testing.T) {
	store := ledger.InDirectory(filepath.Join(t.TempDir(), "state"))
	require.True(t, store.Missing())
	require.False(t, store.Exists())
	on, err := store.Writable()
	require.NoError(t, err)
	require.Equal(t, filepath.Dir(store.String()), on, "it will be made there")
	l, err := store.Open(clock())
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	require.Equal(t, store, l.Store())
	require.True(t, store.Exists())
	require.True(t, store.HasLedger())
	require.False(t, store.Missing())
	on, err = store.Writable()
	require.NoError(t, err)
	require.Equal(t, store.String(), on)
}
