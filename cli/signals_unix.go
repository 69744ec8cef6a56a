//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// runNow are the signals that ask serve for a run at once.
var runNow = []os.Signal{syscall.SIGHUP, syscall.SIGUSR1}

// ignoreSignals keeps the program alive when a file would grow beyond the limit of the process, or nobody reads its
// output any more: that must be an error of the write, after which a run still has its end on record. By default these
// signals end a Go program.
func ignoreSignals() { signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE) }
