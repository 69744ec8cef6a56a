package ledger

import (
	"io"
	"os"
	"path/filepath"
)

// replaceFile puts a file into the directory dir, or another in its place, at once and durably: after a
// crash it is the old or the new, never a part of one.
func replaceFile(dir, name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(dir, "."+name+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // a second time does no harm
			_ = os.Remove(f.Name()) // the first error says more
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := adopt(f, dir, fileMode); err != nil && name != haltFile { // the brake brakes whosever it is
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDirectory(dir)
}

// removeFiles removes the files of the directory dir whose names are meant. What can't be removed only takes space. The
// path is no pattern: [, * and ? in it are what they are.
func removeFiles(dir string, meant func(name string) bool) {
	entries, _ := os.ReadDir(dir) // what can't be read can't be removed
	for _, e := range entries {
		if !e.IsDir() && meant(e.Name()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
