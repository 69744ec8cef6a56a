package audit

import (
	"testing"

	"tokensweep/audit/ledger"
)

// OnFileSystem has all state directories be on a kind of file system, for one test.
func OnFileSystem(t *testing.T, fs ledger.FileSystem) {
	t.Helper()
	was := fileSystemOf
	t.Cleanup(func() { fileSystemOf = was })
	fileSystemOf = func(s ledger.Store) (ledger.FileSystem, string) { return fs, s.String() }
}

// Errors that callers don't branch on.
var (
	ErrHalted = errHalted
	ErrClocks = errClocks

	Unsettled error = &unsettledError{"what came of a change is not known"}
)
