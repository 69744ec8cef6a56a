//go:build unix && !aix && !solaris

package ledger_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// holdEnv names the state directory whose lock the test binary is to hold until its input ends.
const holdEnv = "LEDGER_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		_, err := ledger.InDirectory(dir).Open(clock())
		if err != nil {
			os.Exit(3)
		}
		_, _ = os.Stdout.WriteString("held\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// state is the name of a state directory that doesn't exist yet.
func state(t testing.TB) string { return filepath.Join(t.TempDir(), "state") }

// stateWith is a state directory with a ledger of these records.
func stateWith(t testing.TB, records ...ledger.Record) string {
	t.Helper()
	dir := state(t)
	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	for _, r := range records {
		append1(t, l, r)
	}
	require.NoError(t, l.Close())
	return dir
}

func TestOnlyTheOwnerMayUseWhatIsCreated(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := stateWith(t, small...)
	file := filepath.Join(dir, "ledger.jsonl")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, content[:len(content)-3], 0o600))
	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, ledger.InDirectory(dir).SetHalt("incident", "ann", start))
	_, err = writeInventory(ledger.InDirectory(dir), "", func(func(ledger.InventoryEntry) bool) {})
	require.NoError(t, err)

	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), e.Name())
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"halt", "inventory.jsonl", "ledger.jsonl", "lock", "torn-6-20261124T090001Z"}, names)
}

func TestWhatCanNotBeTrustedIsRefused(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(dir string) error // dir has a ledger
		want    string
		reads   bool // Read accepts it
	}{
		{"a directory that anybody may write to", func(dir string) error { return os.Chmod(dir, 0o777) },
			"chmod o-w it, or name a directory below it", false},
		{"a ledger that anybody may write to", func(dir string) error {
			return os.Chmod(filepath.Join(dir, "ledger.jsonl"), 0o666)
		}, "ledger.jsonl: chmod o-w", false},
		{"a lock that anybody may write to", func(dir string) error {
			return os.Chmod(filepath.Join(dir, "lock"), 0o602)
		}, "lock: chmod o-w", true},
		{"a link to a directory", moved, "is a symbolic link: name the directory itself", false},
		{"a link to a ledger", func(dir string) error { return moved(filepath.Join(dir, "ledger.jsonl")) },
			"is a symbolic link: put the file itself there", false},
		{"a link to a lock", func(dir string) error { return moved(filepath.Join(dir, "lock")) }, "is a symbolic link",
			true},
		{"a link to nothing", func(dir string) error {
			return os.Rename(filepath.Join(moving(dir), "ledger.jsonl"), filepath.Join(dir, "gone"))
		}, "is a symbolic link", false},
		{"a pipe for a ledger", func(dir string) error {
			return replaced(filepath.Join(dir, "ledger.jsonl"), func(p string) error {
				return syscall.Mkfifo(p, 0o600)
			})
		}, "is not a regular file", false},
		{"a directory for a ledger", func(dir string) error {
			return replaced(filepath.Join(dir, "ledger.jsonl"), func(p string) error { return os.Mkdir(p, 0o700) })
		}, "is not a regular file", false},
		{"a file for a directory", func(dir string) error {
			return replaced(dir, func(p string) error { return os.WriteFile(p, nil, 0o600) })
		}, "is not a directory", false},
		{"no directory above", func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
			"no such file or directory", false},
		{"no ledger beside an inventory", func(dir string) error {
			return errors.Join(listed(dir), os.Remove(filepath.Join(dir, "ledger.jsonl")))
		}, "restore it from a copy", false},
		{"an empty ledger beside an inventory", func(dir string) error {
			return errors.Join(listed(dir), os.Truncate(filepath.Join(dir, "ledger.jsonl"), 0))
		}, "restore it from a copy", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := stateWith(t, small...)
			require.NoError(t, row.prepare(dir))
			_, err := ledger.InDirectory(dir).Open(clock())
			require.ErrorIs(t, err, ledger.ErrUnusable)
			require.ErrorContains(t, err, row.want)
			_, err = ledger.InDirectory(dir).Read(func(ledger.Record) error { return nil })
			if row.reads {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ledger.ErrUnusable)
			}
		})
	}
}

// listed stores a listing.
func listed(dir string) error {
	_, err := writeInventory(ledger.InDirectory(dir), "", func(func(ledger.InventoryEntry) bool) {})
	return err
}

// moved puts a link in place of path.
func moved(path string) error {
	if err := os.Rename(path, path+".moved"); err != nil {
		return err
	}
	return os.Symlink(path+".moved", path)
}

// moving puts a link to a file that is about to be moved away in place of the ledger.
func moving(dir string) string {
	elsewhere := filepath.Join(dir, "elsewhere")
	_ = os.Mkdir(elsewhere, 0o700)
	_ = os.Rename(filepath.Join(dir, "ledger.jsonl"), filepath.Join(elsewhere, "ledger.jsonl"))
	_ = os.Symlink(filepath.Join(elsewhere, "ledger.jsonl"), filepath.Join(dir, "ledger.jsonl"))
	return elsewhere
}

func replaced(path string, by func(string) error) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return by(path)
}

// Kubernetes sets group bits where a pod has an fsGroup.
func TestTheGroupMayWrite(t *testing.T) {
	dir := stateWith(t, small...)
	require.NoError(t, os.Chmod(dir, 0o2770))
	require.NoError(t, os.Chmod(filepath.Join(dir, "ledger.jsonl"), 0o660))
	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestReadingNeedsNoLockAndMakesNothing(t *testing.T) {
	dir := state(t)
	_, err := ledger.InDirectory(dir).Read(nil)
	require.ErrorIs(t, err, ledger.ErrUnusable)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, dir)

	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	append1(t, l, small[0])
	n := 0
	head, err := ledger.InDirectory(dir).Read(func(ledger.Record) error { n++; return nil })
	require.NoError(t, err)
	require.Equal(t, l.Head(), head)
	require.Equal(t, 1, n)
	require.NoError(t, l.Close())

	file := filepath.Join(dir, "ledger.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("torn"), 0o600))
	_, err = ledger.InDirectory(dir).Read(nil)
	require.ErrorContains(t, err, file+": the last line of the ledger, at byte 0, ends after 4 bytes")
	require.NoError(t, os.WriteFile(file, []byte("damaged\n"), 0o600))
	_, err = ledger.InDirectory(dir).Read(nil)
	require.ErrorContains(t, err, file+": the ledger is damaged: line 1")
	_, err = ledger.InDirectory(dir).Open(clock())
	require.ErrorContains(t, err, file+": the ledger is damaged: line 1")
	require.ErrorIs(t, err, ledger.ErrDamaged)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "damaged\n", string(content))
}

func TestATornLineOnDiskIsSetAside(t *testing.T) {
	dir := stateWith(t, small...)
	file := filepath.Join(dir, "ledger.jsonl")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	all := lines(content)
	last := all[len(all)-1]
	require.NoError(t, os.Truncate(file, int64(len(content)-10)))

	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	append1(t, l, ledger.Record{Kind: ledger.Halt})
	require.NoError(t, l.Close())
	aside, err := os.ReadFile(filepath.Join(dir, "torn-6-20261124T090001Z"))
	require.NoError(t, err)
	require.Equal(t, last[:len(last)-10], string(aside))
	content, err = os.ReadFile(file)
	require.NoError(t, err)
	records := sound(t, content)
	require.Equal(t, ledger.Recovered, records[5].Kind)
	require.Equal(t, "torn-6-20261124T090001Z", records[5].File)
	require.Equal(t, len(aside), records[5].Count)
	require.Len(t, records, 7)
}

func TestOnlyOneMayWrite(t *testing.T) {
	dir := state(t)
	first, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	_, err = ledger.InDirectory(dir).Open(clock())
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NotErrorIs(t, err, ledger.ErrUnusable)
	require.ErrorContains(t, err, filepath.Join(dir, "lock"))
	append1(t, first, small[0])
	require.NoError(t, first.Close())
	require.FileExists(t, filepath.Join(dir, "lock"), "the lock file is never removed")

	hold := exec.Command(os.Args[0])
	hold.Env = append(os.Environ(), holdEnv+"="+dir)
	stdin, err := hold.StdinPipe()
	require.NoError(t, err)
	stdout, err := hold.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, hold.Start())
	held, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", held)
	_, err = ledger.InDirectory(dir).Open(clock())
	require.ErrorIs(t, err, ledger.ErrLocked, "another process holds it")
	require.NoError(t, hold.Process.Kill())
	_ = hold.Wait() // it was killed
	_ = stdin.Close()

	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err, "the lock ends with the process")
	require.NoError(t, l.Close())
}

func TestHalt(t *testing.T) {
	dir := state(t)
	note, err := ledger.InDirectory(dir).Halted()
	require.Nil(t, note)
	require.ErrorIs(t, err, ledger.ErrUnusable, "a directory that is not there tells nothing")

	require.NoError(t, ledger.InDirectory(dir).SetHalt("incident 7", "ann", start))
	note, err = ledger.InDirectory(dir).Halted()
	require.NoError(t, err)
	require.Equal(t, &ledger.HaltNote{Reason: "incident 7", By: "ann", At: start}, note)

	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	require.NoError(t, ledger.InDirectory(dir).ClearHalt(), "while a run holds the lock")
	require.NoError(t, ledger.InDirectory(dir).ClearHalt(), "twice")
	note, err = ledger.InDirectory(dir).Halted()
	require.NoError(t, err)
	require.Nil(t, note)
	require.NoError(t, ledger.InDirectory(dir).SetHalt("again", "", start))
	require.NoError(t, l.Close())

	file := filepath.Join(dir, "halt")
	for name, content := range map[string]string{"empty": "", "no note": "stop!", "no reason": "{}",
		"cut": `{"reason":"inci`} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		note, err = ledger.InDirectory(dir).Halted()
		require.NoError(t, err, name)
		require.Equal(t, file+" exists, and gives no reason that can be read", note.Reason, name)
	}
	for name, prepare := range map[string]func() error{
		"a directory":       func() error { return os.Mkdir(file, 0o700) },
		"a link to nothing": func() error { return os.Symlink("nowhere", file) },
	} {
		require.NoError(t, os.RemoveAll(file))
		require.NoError(t, prepare())
		note, err = ledger.InDirectory(dir).Halted()
		require.Nil(t, note, name)
		require.ErrorIs(t, err, ledger.ErrUnusable, name)
	}
	require.ErrorIs(t, ledger.InDirectory(filepath.Join(dir, "ledger.jsonl")).SetHalt("x", "", start),
		ledger.ErrUnusable)
	require.ErrorIs(t, ledger.InDirectory(filepath.Join(dir, "nowhere")).ClearHalt(), ledger.ErrUnusable)
}

func TestInventory(t *testing.T) {
	dir := stateWith(t)
	listing := func(ids ...string) func(func(ledger.InventoryEntry) bool) {
		return func(yield func(ledger.InventoryEntry) bool) {
			for _, id := range ids {
				if !yield(ledger.InventoryEntry{ID: id, Name: "n\n" + id, Client: "Okta API", UserID: "00u1",
					ExpiresAt: start}) {
					return
				}
			}
		}
	}
	_, _, err := ledger.InDirectory(dir).ReadInventory("sha256:ab", everyToken)
	require.ErrorIs(t, err, ledger.ErrNoInventory)
	one, err := writeInventory(ledger.InDirectory(dir), "", listing("00T1", "00T2"))
	require.NoError(t, err)
	m, _, err := ledger.InDirectory(dir).ReadInventory(one, everyToken)
	require.NoError(t, err)
	require.Len(t, m, 2)
	require.Equal(t, ledger.InventoryEntry{ID: "00T2", Name: "n\n00T2", Client: "Okta API", UserID: "00u1",
		ExpiresAt: start}, m["00T2"])

	require.NoError(t, os.WriteFile(filepath.Join(dir, ".inventory.jsonl.123"), nil, 0o600)) // as a crash leaves it
	two, err := writeInventory(ledger.InDirectory(dir), one, listing())
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	require.NoFileExists(t, filepath.Join(dir, ".inventory.jsonl.123"))
	for digest, n := range map[string]int{one: 2, two: 0} { // a crash now would find one in Listed
		m, _, err = ledger.InDirectory(dir).ReadInventory(digest, everyToken)
		require.NoError(t, err)
		require.Len(t, m, n)
	}
	_, err = writeInventory(ledger.InDirectory(dir), two, listing("00T3"))
	require.NoError(t, err)
	_, _, err = ledger.InDirectory(dir).ReadInventory(one, everyToken)
	require.ErrorIs(t, err, ledger.ErrNoInventory)

	file := filepath.Join(dir, "inventory.jsonl")
	three, err := writeInventory(ledger.InDirectory(dir), two, listing("00T4"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("{}\n"), 0o600))
	_, _, err = ledger.InDirectory(dir).ReadInventory(three, everyToken)
	require.ErrorIs(t, err, ledger.ErrNoInventory)
	_, err = writeInventory(ledger.InDirectory(filepath.Join(dir, "nowhere")), "", listing())
	require.ErrorIs(t, err, ledger.ErrUnusable)
}
