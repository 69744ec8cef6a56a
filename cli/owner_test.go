package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// jobUser and jobGroup are those of the job in the tests of owners; nobody has them.
const jobUser, jobGroup = 65532, 65533

// ownerWorld is an org, and a directory that everybody may enter, with the program and a policy.
type ownerWorld struct {
	t   *testing.T
	org *oktatest.Server
	dir string
}

func newOwnerWorld(t *testing.T) *ownerWorld {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users")
	}
	dir, err := os.MkdirTemp("", "tokensweep-owner-") // that of the test is closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) // it is for two users
	own, err := exec.LookPath("tokensweep")
	require.NoError(t, err)
	// Copied by a process of its own: a child that another test starts would hold a file that is written here open, and
	// then it can't be executed (https://go.dev/issue/22315).
	require.NoError(t, exec.Command("cp", own, filepath.Join(dir, "tokensweep")).Run())
	policy := filepath.Join(dir, "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("version: 1\n"+matrixPolicy), 0o644))
	w := &ownerWorld{t: t, org: oktatest.Start(matrixOrg(time.Now())), dir: dir}
	t.Cleanup(w.org.Close)
	return w
}

// give makes the directory of a user.
func (w *ownerWorld) give(name string, uid, gid int, mode os.FileMode) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	require.NoError(w.t, os.Mkdir(path, 0o700))
	require.NoError(w.t, os.Chown(path, uid, gid))
	require.NoError(w.t, os.Chmod(path, mode))
}

// as runs a command as a user, 0 for root, and returns its exit code.
func (w *ownerWorld) as(uid int, state string, args ...string) audit.ExitCode {
	w.t.Helper()
	cmd := exec.Command(filepath.Join(w.dir, "tokensweep"), append(args, "--state", filepath.Join(w.dir, state))...)
	cmd.Dir = w.dir
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid),
			Groups: []uint32{jobGroup}}}
	}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(w.t, err, &exit, "%s", out)
	}
	w.t.Logf("as %d: %v exits %d\n%s", uid, args, cmd.ProcessState.ExitCode(), out)
	return audit.ExitCode(cmd.ProcessState.ExitCode())
}

// What an administrator does as root before the first run, the runs can go on with as the user that they are: the state
// directory is theirs, by its owner or, as in Kubernetes, by its group.
func TestTheJobCanWriteWhatRootHasMade(t *testing.T) {
	directories := map[string]func(*ownerWorld){
		"of the job":           func(w *ownerWorld) { w.give("state", jobUser, jobUser, 0o700) },
		"of the job's group":   func(w *ownerWorld) { w.give("state", 0, jobGroup, os.ModeSetgid|0o770) },
		"of the group by mode": func(w *ownerWorld) { w.give("state", 0, jobGroup, 0o770) },
	}
	first := map[string]func(*ownerWorld){
		"halt": func(w *ownerWorld) {
			require.Equal(w.t, audit.OK, w.as(0, "state", "halt", "--reason", "drill"))
			require.Equal(w.t, audit.Halted, w.as(jobUser, "state", "run", "--enforce"))
			require.Empty(w.t, changesOf(w.org))
			require.Equal(w.t, audit.OK, w.as(jobUser, "state", "resume"))
		},
		"a dry run": func(w *ownerWorld) { require.Equal(w.t, audit.OK, w.as(0, "state", "run")) },
		"a run": func(w *ownerWorld) {
			require.Equal(w.t, audit.OK, w.as(0, "state", "run", "--enforce"))
			w.org.Add(oktatest.Token{ID: oktatest.TokenID(11), Name: "dead-11", UserID: oktatest.UserID(1),
				Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now().AddDate(0, 0, -20)})
		},
		"a change by hand": func(w *ownerWorld) {
			require.Equal(w.t, audit.OK, w.as(0, "state", "tokens", "quarantine", oktatest.TokenID(7), "--yes",
				"--reason", "drill"))
		},
	}
	for where, directory := range directories {
		for what, before := range first {
			t.Run(what+" in a directory "+where, func(t *testing.T) {
				t.Parallel()
				w := newOwnerWorld(t)
				directory(w)
				before(w)
				already := len(changesOf(w.org))
				require.Equal(t, audit.OK, w.as(jobUser, "state", "run", "--enforce"))
				require.Greater(t, len(changesOf(w.org)), already)
				require.Equal(t, audit.OK, w.as(0, "state", "tokens", "restore", oktatest.TokenID(2), "--yes",
					"--reason", "drill"))
				require.Equal(t, audit.OK, w.as(jobUser, "state", "run"))
			})
		}
	}
}

// A state directory that root makes is its parent's owner's.
func TestTheStateDirectoryThatRootMakesIsItsParentsOwners(t *testing.T) {
	t.Parallel()
	w := newOwnerWorld(t)
	w.give("home", jobUser, jobUser, 0o755)
	require.Equal(t, audit.OK, w.as(0, "home/state", "run", "--enforce"))
	require.Equal(t, audit.OK, w.as(jobUser, "home/state", "run"))
	require.Contains(t, changesOf(w.org), http.MethodDelete+" "+oktatest.TokenID(1))
	info, err := os.Stat(filepath.Join(w.dir, "home/state"))
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o750, info.Mode()&^os.ModeSetgid,
		"no more than its parent allows, and nothing for others")
}
