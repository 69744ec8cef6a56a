package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var sweepAll = flag.Bool("sweep", false, "kill a run at each of its points, not at one in fifteen")

// crashpoint is the package that the swept program has besides. A process that is told to by its environment kills
// itself when it comes to a point for the nth time, counted over all points. (strace could do so at system calls, but
// counts them for each thread, and a Go program has several.)
const crashpoint = `package crashpoint

import (
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

var (
	passed atomic.Int64
	at, _  = strconv.ParseInt(os.Getenv("CRASH_AT"), 10, 64)
)

func Here() {
	if now() {
		die()
	}
}

func Torn(f *os.File, p []byte) {
	if now() {
		_, _ = f.Write(p[:len(p)/2])
		die()
	}
}

func Around(t http.RoundTripper) http.RoundTripper { return around{t} }

type around struct{ http.RoundTripper }

func (a around) RoundTrip(r *http.Request) (*http.Response, error) {
	Here()
	defer Here()
	return a.RoundTripper.RoundTrip(r)
}

func now() bool { return passed.Add(1) == at }

func die() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}
`

// crashpoints are the places of the program at which it can be killed: around each write and fsync of the ledger, each
// file that is put in place, the report, and each request to Okta and Slack. The texts are in their files once.
var crashpoints = []struct{ file, text, becomes string }{
	{"audit/ledger/directory.go", "	_, err := d.file.Write(p)\n", "	crashpoint.Here()\n	crashpoint.Torn(d.file, p)\n	_, err := d.file.Write(p)\n"},
	{"audit/ledger/directory.go", "Sync() error { return d.file.Sync() }", "Sync() error { crashpoint.Here(); defer crashpoint.Here(); return d.file.Sync() }"},
	{"audit/ledger/directory.go", "	_, err = f.Write(p)\n", "	crashpoint.Here()\n	crashpoint.Torn(f, p)\n	_, err = f.Write(p)\n"},
	{"audit/ledger/directory.go", "		err = f.Sync()\n", "		crashpoint.Here()\n		err = f.Sync()\n		crashpoint.Here()\n"},
	{"audit/ledger/directory.go", "	if err := d.file.Truncate(size); err != nil {\n", "	crashpoint.Here()\n	defer crashpoint.Here()\n	if err := d.file.Truncate(size); err != nil {\n"},
	{"audit/ledger/replace.go", "	if err := f.Sync(); err != nil {\n", "	crashpoint.Here()\n	if err := f.Sync(); err != nil {\n"},
	{"audit/ledger/replace.go", "	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {\n", "	crashpoint.Here()\n	defer crashpoint.Here()\n	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {\n"},
	{"audit/ledger/inventory.go", "		if err := os.Rename(current,", "		crashpoint.Here()\n		if err := os.Rename(current,"},
	{"cli/output.go", "	if err := render(o.w); err != nil || o.file == nil {\n", "	crashpoint.Here()\n	defer crashpoint.Here()\n	if err := render(o.w); err != nil || o.file == nil {\n"},
	{"okta/request.go", "	resp, err := client.Do(req.WithContext(ctx))\n", "	crashpoint.Here()\n	resp, err := client.Do(req.WithContext(ctx))\n	crashpoint.Here()\n"},
	{"notify/slack_sender.go", "	slackPause = time.Second\n", "	slackPause = time.Millisecond // the workspace of the test is in no hurry\n"},
	{"notify/slack_sender.go", "	return &http.Client{\n", "	return &http.Client{\n		Transport: crashpoint.Around(http.DefaultTransport),\n"},
}

// buildSwept builds the program with its crash points.
func buildSwept(t *testing.T) (program string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	files := map[string]string{filepath.Join(root, "crashpoint", "crashpoint.go"): crashpoint}
	for _, c := range crashpoints {
		path := filepath.Join(root, c.file)
		text, edited := files[path]
		if !edited {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			text = strings.Replace(string(raw), "import (\n", "import (\n\t\"tokensweep/crashpoint\"\n", 1)
		}
		require.Equal(t, 1, strings.Count(text, c.text), "%s: %s", c.file, c.text)
		files[path] = strings.Replace(text, c.text, c.becomes, 1)
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for path, text := range files {
		edited := filepath.Join(dir, fmt.Sprint(len(overlay.Replace), ".go"))
		require.NoError(t, os.WriteFile(edited, []byte(text), 0o600))
		overlay.Replace[path] = edited
	}
	raw, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), raw, 0o600))
	program = filepath.Join(dir, "tokensweep")
	out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "tokensweep").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// sweepWorld is an org and the workspace that its sweeps are reported to.
type sweepWorld struct{ slackWorld }

func newSweepWorld(t *testing.T, program string) sweepWorld {
	w := sweepWorld{newSlackWorld(t)}
	w.program = program
	w.policy = policyFile(t, strings.TrimPrefix(killPolicy, "version: 1\n")+slackSection)
	w.env = []string{"SLACK_BOT_TOKEN=" + slackCanary, "SLACK_API_URL=" + w.workspace.URL()}
	return w
}

// killedAt makes a run that is killed at its nth point, and reports whether it got that far.
func (w sweepWorld) killedAt(n int) (killed bool) {
	already := len(w.changes())
	p := w.prepare(canary)
	p.cmd.Env = append(p.cmd.Env, fmt.Sprint("CRASH_AT=", n))
	p.begin(w.t)
	killed = p.code() == -1
	if !killed {
		require.Zero(w.t, p.code(), "%s", p.stderr.String())
		w.report(p)
	}
	require.LessOrEqual(w.t, len(w.changes())-already, killPerRun, "perRun")
	return killed
}

// checkSlack checks that people were told of each change, in order.
func (w sweepWorld) checkSlack() {
	var said strings.Builder
	for _, m := range w.workspace.Messages("C0SECURITY") {
		_, _ = fmt.Fprintln(&said, m.Text, string(m.Blocks))
	}
	for _, change := range w.changes() {
		_, id, _ := strings.Cut(change, " ")
		require.Contains(w.t, said.String(), killNames[id], "Slack was told of %s", change)
	}
	require.Empty(w.t, w.workspace.Complaints())
}

// The built program, enforcing and reporting to Slack, is killed at each write, fsync, file put in place and request,
// and in the middle of each line of the ledger; the next is killed soon after its start, while it finds out what happened. Then runs
// that are left alone must find everything in order, and finish the work.
func TestARunThatIsKilledAtAnyWriteFsyncOrSendHarmsNothing(t *testing.T) {
	program := buildSwept(t)
	step := 25
	if *sweepAll {
		step = 1
	}
	const parts = 4 // at once
	var struck atomic.Int64
	t.Run("sweep", func(t *testing.T) {
		for part := range parts {
			t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
				t.Parallel()
				for n, killed := 1+part*step, true; killed; n += parts * step {
					t.Run(fmt.Sprint("at point ", n), func(t *testing.T) {
						w := newSweepWorld(t, program)
						if killed = w.killedAt(n); killed {
							struck.Add(1)
							w.killedAt(1 + n%12)
						}
						for range 3 {
							w.clean()
						}
						w.check()
						w.checkSlack()
					})
				}
			})
		}
	})
	require.Greater(t, int(struck.Load())*step, 100, "the sweep has gone through a whole run")
	t.Logf("killed at %d points", struck.Load())
}
