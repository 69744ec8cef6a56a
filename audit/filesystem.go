package audit

import (
	"fmt"

	"tokensweep/audit/ledger"
)

// fileSystemOf is a variable for tests, which have no FUSE.
var fileSystemOf = ledger.Store.FileSystem

// checkFileSystem refuses to change anything if the lock of the store may not keep two runs apart. alone says that a
// person vouches for there being no other.
func checkFileSystem(store ledger.Store, alone bool) error {
	if fs, dir := fileSystemOf(store); fs.Reach == ledger.Nobody && !alone {
		return fmt.Errorf("%w: the state directory %s is on %s, where a lock may not keep two runs apart: use a disk "+
			"that one machine mounts, or say --state-alone "+
			"if no other machine mounts this one", ledger.ErrUnusable, dir, fs.Name)
	}
	return nil
}

// sharedState is a warning about a store that may be shared; "" if there is none.
func sharedState(store ledger.Store, alone bool) string {
	switch fs, dir := fileSystemOf(store); {
	case fs.Reach == ledger.Servers:
		return fmt.Sprintf("the state directory %s is on %s: its lock keeps runs on several machines apart only if "+
			"all mount it without nolock, local_lock and nobrl", dir, fs.Name)
	case fs.Reach == ledger.Nobody && !alone:
		return fmt.Sprintf("the state directory %s is on %s, where a lock may not keep two runs apart: no run "+
			"enforces by it without --state-alone", dir, fs.Name)
	}
	return ""
}
