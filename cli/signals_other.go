//go:build !unix

package cli

import "os"

// runNow are the signals that ask serve for a run at once: systems without signals have none.
var runNow []os.Signal

// ignoreSignals has nothing to do on systems without this signal.
func ignoreSignals() {}
