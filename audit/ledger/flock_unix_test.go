//go:build unix && !aix && !solaris

package ledger_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// A child has its parent's descriptors between fork and exec, and with them the lock.
func TestALockEndsWithTheLedgerThoughAChildHasItsDescriptor(t *testing.T) {
	dir := state(t)
	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	childs, err := syscall.Dup(int(ledger.LockFile(l).Fd()))
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Close(childs)) }()
	require.NoError(t, l.Close())
	l, err = ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
