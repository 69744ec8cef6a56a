package cli_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileWorld is a directory with all that a run has to do with: a policy, a credential, and a state directory that a run
// has used. others is another state directory, of which no flag says anything.
type fileWorld struct {
	t              *testing.T
	dir            string
	url            string
	asked          func() int
	policy, secret string
	state, others  string
}

func newFileWorld(t *testing.T) *fileWorld {
	t.Helper()
	org, dir := newMetricsOrg(t), t.TempDir()
	w := &fileWorld{t: t, dir: dir, url: org.URL(), asked: func() int { return len(org.Requests()) }}
	w.policy, w.secret, w.state, w.others = w.path("policy.yaml"), w.path("token"), w.path("state"), w.path("others")
	w.write(w.policy, "version: 1\n"+idlePolicy)
	w.write(w.secret, canary)
	for _, state := range []string{w.state, w.others} {
		text, code := w.run("run", "--state", state)
		require.Zero(t, code, text)
	}
	require.NoError(t, os.Mkdir(w.path("state/below"), 0o700))
	require.NoError(t, os.Symlink(w.state, w.path("to-state")))
	require.NoError(t, os.Symlink("state/ledger.jsonl", w.path("to-ledger")))
	require.NoError(t, os.Symlink("state/report.json", w.path("to-nothing")))
	require.NoError(t, os.Symlink("to-nothing", w.path("to-nothing-again")))
	require.NoError(t, os.Symlink("below", w.path("state/deeper")))
	require.NoError(t, os.Symlink("state/below", w.path("to-below")))
	require.NoError(t, os.Symlink("policy.yaml", w.path("to-policy")))
	require.NoError(t, os.Link(w.path("state/ledger.jsonl"), w.path("ledger-too")))
	require.NoError(t, os.Link(w.policy, w.path("policy-too")))
	return w
}

func (w *fileWorld) path(name string) string { return filepath.Join(w.dir, name) }

func (w *fileWorld) write(file, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(file, []byte(text), 0o600))
}

// command is the program with its policy and its credential, in the directory.
func (w *fileWorld) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tokensweep", args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.url, "OKTA_CLIENT_TOKEN_FILE=" + w.secret, "PWD=" + w.dir}
	return cmd
}

func (w *fileWorld) run(args ...string) (text string, code int) {
	w.t.Helper()
	cmd := w.command(args...)
	out, _ := cmd.CombinedOutput() // the exit code tells
	return string(out), cmd.ProcessState.ExitCode()
}

// content is all that the directory has: of each file its bytes, of each link where it leads.
func (w *fileWorld) content() map[string]string {
	w.t.Helper()
	all := make(map[string]string)
	require.NoError(w.t, filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			all[path] = "a directory"
			return err
		case e.Type()&fs.ModeSymlink != 0:
			all[path], err = os.Readlink(path)
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	}))
	return all
}

// onto are paths that no output may have, each with what is said of it.
func (w *fileWorld) onto() map[string]string {
	const kept = "where nothing but the ledger may write"
	places := map[string]string{
		"policy.yaml": "that is the policy", "./state/../policy.yaml": "that is the policy",
		w.policy: "that is the policy", "to-policy": "that is the policy", "policy-too": "that is the policy",
		"token": "that is the file that OKTA_CLIENT_TOKEN_FILE names",
	}
	for _, name := range []string{
		"ledger.jsonl", "lock", "inventory.jsonl", "halt", "report.json", "below/report.json", "none/report.json",
		"../state/lock", "below/../lock", "deeper/report.json", ".",
	} {
		places["state/"+name], places[w.state+"/"+name], places["to-state/"+name] = kept, kept, kept
	}
	for _, path := range []string{
		"to-ledger", "to-nothing", "to-nothing-again", "to-below/report.json", "to-below/../ledger.jsonl", "ledger-too",
		"others/ledger.jsonl", "others/report.json",
	} {
		places[path] = kept
	}
	return places
}

func TestNoOutputGoesOntoWhatACommandReadsOrKeeps(t *testing.T) {
	w := newFileWorld(t)
	before, asked := w.content(), w.asked()
	for path, says := range w.onto() {
		for _, flag := range []string{"--output-file", "--summary-file", "--metrics-file"} {
			text, code := w.run("run", "--state", "state", flag, path)
			require.Equal(t, 64, code, "%s %s: %s", flag, path, text)
			require.Contains(t, text, flag+" "+path+": that is ", "%s", path)
			require.Contains(t, text, says, "%s", path)
		}
	}
	for _, args := range [][]string{
		{"run", "--output-file", "report", "--metrics-file", "./report"}, {"run", "--output-file", "report",
			"--summary-file", w.path("report")},
		{"tokens", "list", "--output-file", "policy.yaml"}, {"tokens", "list", "--output-file", "token"},
		{"tokens", "list", "--output-file", "state/ledger.jsonl"},
		{"ledger", "show", "--state", "state", "--output-file", "state/ledger.jsonl"},
		{"doctor", "--output-file", "policy.yaml"}, {"doctor", "--state", "new", "--output-file", "new"},
		{"simulate", "--output-file", "to-policy"}, {"explain", "00Tx", "--output-file", "token"},
		{"serve", "--output-file", "state/lock"},
		{"demo", "--output-file", "others/ledger.jsonl"}, {"demo", "--slack-out", "state"},
		{"demo", "--slack-out", "state/below/more"}, {"run", "--metrics-file", "New/x", "--state", "new"},
	} {
		text, code := w.run(args...)
		require.Equal(t, 64, code, "%q: %s", args, text)
		require.Contains(t, text, ": that is ", "%q", args)
	}
	program, err := exec.LookPath("tokensweep")
	require.NoError(t, err)
	text, code := w.run("tokens", "list", "--output-file", program)
	require.Equal(t, 64, code)
	require.Contains(t, text, "that is the program")
	require.Equal(t, before, w.content())
	require.Equal(t, asked, w.asked())
}

// What only a file of policy tests names is known when that is read, and nothing is written before.
func TestNoOutputGoesOntoTestsOrTheirPolicy(t *testing.T) {
	w := newFileWorld(t)
	require.NoError(t, os.Rename(w.policy, w.path("candidate.yaml")))
	w.write(w.path("a.tests.yaml"), "policy: candidate.yaml\nasOf: 2026-11-23\ncases: [{name: a, token: {id: "+
		"00Tabcdefg1234567890}, expect: {rules: []}}]\n")
	before := w.content()
	for path, says := range map[string]string{"a.tests.yaml": "that is the argument a.tests.yaml",
		"candidate.yaml": "that is the policy of a.tests.yaml", "policy-too": "that is the policy of"} {
		text, code := w.run("test", "a.tests.yaml", "--output", "junit", "--output-file", path)
		require.Equal(t, 64, code, text)
		require.Contains(t, text, says)
	}
	require.Equal(t, before, w.content())
}

// Where a flag is wrong, those after it are not read; the summary must not take for its own what they would have named.
func TestASummaryOfWrongFlagsReplacesNothingButASummary(t *testing.T) {
	w := newFileWorld(t)
	before := w.content()
	for _, file := range []string{"policy.yaml", "state/ledger.jsonl", "state/report.json", "others/lock", "to-ledger",
		"ledger-too", "token", "policy-too"} {
		text, code := w.run("run", "--summary-file", file, "--bogus", "--state", "state", "--policy", "policy.yaml")
		require.Equal(t, 64, code, text)
		require.Contains(t, text, "the summary could not be written")
	}
	w.write(w.path("candidate.yaml"), "version: 1")
	before[w.path("candidate.yaml")] = "version: 1"
	text, _ := w.run("run", "--summary-file", "candidate.yaml", "--bogus", "--policy", "candidate.yaml")
	require.Contains(t, text, "it has something else in it")
	require.Equal(t, before, w.content())
	for range 2 { // a new one, and one that is there
		_, _ = w.run("run", "--summary-file", "last.json", "--bogus")
		require.Contains(t, w.content()[w.path("last.json")], "unknown flag: --bogus")
	}
}

func TestStandardOutputThatIsTheLedgerIsRefused(t *testing.T) {
	w := newFileWorld(t)
	bare, err := exec.LookPath("tokensweep-bare") // the other one looks for secrets in what it writes
	require.NoError(t, err)
	before := w.content()
	for _, link := range []string{"state/ledger.jsonl", "ledger-too", "state/lock"} {
		for _, errors := range []bool{false, true} {
			f, err := os.OpenFile(w.path(link), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			cmd := w.command("run", "--state", "state")
			cmd.Path, cmd.Args[0] = bare, bare
			var rest bytes.Buffer
			cmd.Stdout, cmd.Stderr = f, &rest
			if errors {
				cmd.Stdout, cmd.Stderr = &rest, f
			}
			require.Error(t, cmd.Run())
			require.NoError(t, f.Close())
			require.Equal(t, 64, cmd.ProcessState.ExitCode())
			require.Equal(t, errors, rest.Len() == 0)
			if !errors {
				require.Contains(t, rest.String(), "standard output goes into the state directory state")
			}
		}
	}
	require.Equal(t, before, w.content())
}

// What lies beside all that is written as ever.
func TestOutputsBesideTheStateDirectoryAreWritten(t *testing.T) {
	w := newFileWorld(t)
	require.NoError(t, os.Mkdir(w.path("state.d"), 0o700))
	for _, file := range []string{"ledger.jsonl", "state.d/report", "state.json", "policy.yaml.json"} {
		text, code := w.run("run", "--state", "state", "--output-file", file, "--metrics-file", file+".prom",
			"--summary-file", file+".summary")
		require.Zero(t, code, text)
		require.True(t, strings.HasPrefix(w.content()[w.path(file)], "tokensweep dry-run"))
		require.NoError(t, os.Remove(w.path(file)))
	}
}
