package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// fuseEdits make every state directory one on FUSE, whose locks exclude nobody.
var fuseEdits = []struct{ file, text, becomes string }{
	{"audit/ledger/filesystem_linux.go", "fileSystems[uint32(st.Type)]", "fileSystems[0x65735546]"},
	{"audit/ledger/flock_unix.go", "func flockAs(f *os.File, how int) error {\n",
		"func flockAs(f *os.File, how int) error {\n	if how == syscall.LOCK_EX {\n		return nil\n	}\n"},
}

// onFUSE is a killWorld whose program believes its state to be on FUSE, where locks don't hold.
func onFUSE(t *testing.T) *killWorld {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the program is edited for Linux")
	}
	files := make(map[string]string)
	for _, e := range fuseEdits {
		path, err := filepath.Abs(filepath.Join("..", e.file))
		require.NoError(t, err)
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(raw), e.text), e.file)
		files[path] = strings.Replace(string(raw), e.text, e.becomes, 1)
	}
	w := newKillWorld(t)
	w.program = buildEdited(t, files)
	return w
}

func stateOnFUSE(t *testing.T) {
	w := onFUSE(t)
	p := w.start()
	require.Equal(t, int(audit.NoLedger), p.code(), p.stderr.String())
	require.Contains(t, p.stderr.String(), "--state-alone")
	for _, verb := range []string{"revoke", "quarantine", "restore"} {
		code, said := w.hand("tokens", verb, oktatest.TokenID(1), "--yes", "--reason", "drill", "--policy", w.policy)
		require.Equal(t, int(audit.NoLedger), code, said)
	}
	require.Empty(t, w.changes())
	code, said := w.hand("doctor", "--enforce", "--policy", w.policy)
	require.Equal(t, int(audit.NoLedger), code, said)
	code, said = w.hand("run", "--policy", w.policy)
	require.Zero(t, code, said)
	require.Contains(t, said, "no run enforces by it without --state-alone")
	code, said = w.hand("run", "--enforce", "--state-alone", "--policy", w.policy)
	require.Zero(t, code, said)
	require.NotEmpty(t, w.changes())
	code, said = w.hand("tokens", "restore", oktatest.TokenID(2), "--state-alone", "--yes", "--reason", "drill",
		"--policy", w.policy)
	require.Zero(t, code, said)
}

func lockOfEachMachine(t *testing.T) {
	w := onFUSE(t)
	enforce := []string{"run", "--enforce", "--state-alone", "--policy", w.policy}
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: func() {
		raw, err := os.ReadFile(filepath.Join(w.state, "lock"))
		require.NoError(t, err)
		host, err := os.Hostname()
		require.NoError(t, err)
		require.Contains(t, string(raw), `"host":"`+host+`"`)
		require.Contains(t, string(raw), `"run":"`+w.records()[0].Run+`"`)
		code, said := w.hand("run", "--state-alone", "--policy", w.policy) // on another machine
		require.Zero(t, code, said)
	}})
	code, said := w.hand(enforce...)
	require.Equal(t, int(audit.Locked), code, said)
	require.Contains(t, said, "locks don't hold on this file system")
	require.Len(t, w.changes(), 1)
	_, err := ledger.InDirectory(w.state).Read(func(ledger.Record) error { return nil })
	require.NoError(t, err, "nobody wrote into the other's lines")
	code, said = w.hand(enforce...)
	require.Zero(t, code, said)
	require.Contains(t, said, "settled by reading")
}
