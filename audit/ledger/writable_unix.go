//go:build unix

package ledger

import "syscall"

// writable asks the system whether this process may write to the directory, which also tells a volume that is
// mounted to be read only. Nothing is written.
func (d directory) writable() error {
	const mayWrite, mayEnter = 2, 1 // W_OK and X_OK of access(2)
	return syscall.Access(string(d), mayWrite|mayEnter)
}
