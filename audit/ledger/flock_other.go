//go:build !unix || aix || solaris

package ledger

import (
	"fmt"
	"os"
)

// flock refuses: there is no lock here that ends with the process.
func flock(*os.File) error {
	return fmt.Errorf("%w: it needs a Unix system with flock, such as Linux or macOS", ErrUnusable)
}

// unlock closes f.
func unlock(f *os.File) error { return f.Close() }

// flockShared refuses as flock does.
func flockShared(f *os.File) error { return flock(f) }
