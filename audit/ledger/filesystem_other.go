//go:build !linux && !darwin && !freebsd

package ledger

// fileSystem knows no kinds here.
func (directory) fileSystem() FileSystem { return FileSystem{} }
