//go:build unix && !aix && !solaris

package ledger_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

func TestWhoWaitsIsNoticedAndGoesFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	under, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	require.False(t, ledger.InDirectory(dir).Awaited())

	got, told := make(chan *ledger.Ledger, 1), make(chan struct{})
	go func() {
		l, _ := ledger.InDirectory(dir).OpenWaiting(t.Context(), clock(), time.Minute, func() { close(told) })
		got <- l
	}()
	<-told
	require.Eventually(t, func() bool { return ledger.InDirectory(dir).Awaited() }, 10*time.Second, time.Millisecond)
	require.NoError(t, under.Close())
	l := <-got
	require.NotNil(t, l)
	require.False(t, ledger.InDirectory(dir).Awaited(), "it has what it waited for")
	require.NoError(t, l.Close())
}

func TestWhoWaitsInVainIsToldThatTheLedgerIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	under, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	_, err = ledger.InDirectory(dir).OpenWaiting(t.Context(), clock(), time.Millisecond, nil)
	require.ErrorIs(t, err, ledger.ErrLocked)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ledger.InDirectory(dir).OpenWaiting(gone, clock(), time.Hour, nil)
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.False(t, ledger.InDirectory(dir).Awaited(), "nobody waits any more")
	require.NoError(t, under.Close())
	l, err := ledger.InDirectory(dir).OpenWaiting(t.Context(), clock(), time.Hour,
		func() { t.Error("there is nothing to wait for") })
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
