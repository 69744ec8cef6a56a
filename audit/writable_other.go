//go:build !unix

package audit

import "os"

// writable only tells whether the directory is there.
func writable(dir string) error {
	_, err := os.Stat(dir)
	return err
}
