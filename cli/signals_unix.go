//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// runNow are the signals that ask serve for a run at once.
var runNow = []os.Signal{syscall.SIGHUP, syscall.SIGUSR1}

// survive keeps the program alive when a file would grow beyond the limit of the process: that must be an
// error of the write, which the ledger knows how to deal with. By default the signal ends a Go program.
func survive() { signal.Ignore(syscall.SIGXFSZ) }
