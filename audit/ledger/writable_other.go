//go:build !unix

package ledger

// writable only tells whether the directory is there.
func (d directory) writable() error {
	_, err := d.exists()
	return err
}
