//go:build unix

package audit

import "syscall"

// writable asks the system whether this process may write to a directory, which also tells a volume that is
// mounted to be read only. Nothing is written.
func writable(dir string) error {
	const mayWrite, mayEnter = 2, 1 // W_OK and X_OK of access(2)
	return syscall.Access(dir, mayWrite|mayEnter)
}
