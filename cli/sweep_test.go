package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"tokensweep/audit/ledger"

	"github.com/stretchr/testify/require"
)

var sweepAll = flag.Bool("sweep", false, "kill a run at each of its points, not at one in twenty-five")

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

func Here(place int) {
	if now() {
		die(place)
	}
}

func Torn(place int, f *os.File, p []byte) {
	if now() {
		_, _ = f.Write(p[:len(p)/2])
		die(place)
	}
}

func Around(place int, t http.RoundTripper) http.RoundTripper { return around{t, place} }

type around struct {
	http.RoundTripper
	place int
}

func (a around) RoundTrip(r *http.Request) (*http.Response, error) {
	Here(a.place)
	defer Here(a.place)
	return a.RoundTripper.RoundTrip(r)
}

func now() bool { return passed.Add(1) == at }

func die(place int) {
	_ = os.WriteFile(os.Getenv("CRASH_PLACE"), []byte(strconv.Itoa(place)), 0o600)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}
`

// crashpoints are the places of the program at which it can be killed: around each write and fsync of the ledger, each
// file that is put in place, the report, and each request to Okta and Slack. The texts are in their files once; PLACE
// becomes the number of the row.
var crashpoints = [...]struct{ file, text, becomes string }{
	{"audit/ledger/recordsfile.go", "	_, err := d.file.Write(p)\n",
		"	crashpoint.Here(PLACE)\n	crashpoint.Torn(PLACE, d.file, p)\n	_, err := d.file.Write(p)\n"},
	{"audit/ledger/recordsfile.go", "Sync() error { return d.file.Sync() }",
		"Sync() error { crashpoint.Here(PLACE); defer crashpoint.Here(PLACE); return d.file.Sync() }"},
	{"audit/ledger/recordsfile.go", "	_, err = f.Write(p)\n",
		"	crashpoint.Here(PLACE)\n	crashpoint.Torn(PLACE, f, p)\n	_, err = f.Write(p)\n"},
	{"audit/ledger/recordsfile.go", "		err = f.Sync()\n",
		"		crashpoint.Here(PLACE)\n		err = f.Sync()\n		crashpoint.Here(PLACE)\n"},
	{"audit/ledger/recordsfile.go", "	if err := d.file.Truncate(size); err != nil {\n",
		"	crashpoint.Here(PLACE)\n	defer crashpoint.Here(PLACE)\n	if err := d.file.Truncate(size); err != " +
			"nil {\n"},
	{"audit/ledger/segmentfile.go", "	if err := link(d.path(ledgerFile), d.path(sealed)); err != nil {\n",
		"	crashpoint.Here(PLACE)\n	err := link(d.path(ledgerFile), d.path(sealed))\n" +
			"	crashpoint.Here(PLACE)\n	if err != nil {\n"},
	{"audit/ledger/directory.go", "	if err := f.Sync(); err != nil {\n",
		"	crashpoint.Here(PLACE)\n	if err := f.Sync(); err != nil {\n"},
	{"audit/ledger/directory.go", "	if err := os.Rename(f.Name(), d.path(name)); err != nil {\n",
		"	crashpoint.Here(PLACE)\n	defer crashpoint.Here(PLACE)\n	if err := os.Rename(f.Name(), " +
			"d.path(name)); err != nil {\n"},
	{"audit/ledger/inventory.go", "	return w.d.keep(", "	crashpoint.Here(PLACE)\n	return w.d.keep("},
	{"cli/output.go", "	if err := o.form.Write(o.w, result, o.style); err != nil || o.file == nil {\n",
		"	crashpoint.Here(PLACE)\n	defer crashpoint.Here(PLACE)\n" +
			"	if err := o.form.Write(o.w, result, o.style); err != nil || o.file == nil {\n"},
	{"okta/request.go", "	resp, err := client.Do(req.WithContext(ctx))\n",
		"	crashpoint.Here(PLACE)\n	resp, err := client.Do(req.WithContext(ctx))\n	crashpoint.Here(PLACE)\n"},
	{"notify/slack/sender.go", "	defaultPause = time.Second\n",
		"	defaultPause = time.Millisecond // the workspace of the test is in no hurry\n"},
	{"notify/outbox/http.go", "	return &http.Client{\n",
		"	return &http.Client{\n		Transport: crashpoint.Around(PLACE, http.DefaultTransport),\n"},
}

// buildSwept builds the program with its crash points.
func buildSwept(t *testing.T) (program string) {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	files := map[string]string{filepath.Join(root, "crashpoint", "crashpoint.go"): crashpoint}
	for place, c := range crashpoints {
		path := filepath.Join(root, c.file)
		text, edited := files[path]
		if !edited {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			text = string(raw)
		}
		const imported = "import (\n\t\"tokensweep/crashpoint\"\n"
		if strings.Contains(c.becomes, "crashpoint.") && !strings.Contains(text, imported) {
			text = strings.Replace(text, "import (\n", imported, 1)
		}
		require.Equal(t, 1, strings.Count(text, c.text), "%s: %s", c.file, c.text)
		files[path] = strings.Replace(text, c.text, strings.ReplaceAll(c.becomes, "PLACE", strconv.Itoa(place)), 1)
	}
	return buildEdited(t, files)
}

// buildEdited builds the program with other texts in place of some of its files.
func buildEdited(t *testing.T, files map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
	overlay := sourceOverlay{inheritedOverlay(t)}
	for path, text := range files {
		edited := filepath.Join(dir, fmt.Sprint(len(overlay.Replace), ".go"))
		require.NoError(t, os.WriteFile(edited, []byte(text), 0o600))
		overlay.Replace[path] = edited
	}
	raw, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), raw, 0o600))
	program = filepath.Join(dir, "tokensweep")
	out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program,
		"tokensweep").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// sourceOverlay is what go build reads instead of the sources.
type sourceOverlay struct{ Replace map[string]string }

// inheritedOverlay is what the overlay in GOFLAGS replaces, which gives way to one on the command line: .ci/clock's.
func inheritedOverlay(t *testing.T) map[string]string {
	t.Helper()
	overlay := sourceOverlay{make(map[string]string)}
	for word := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		if file, ok := strings.CutPrefix(word, "-overlay="); ok {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &overlay))
		}
	}
	return overlay.Replace
}

// sweepWorld is an org, and the workspace and the webhook that its sweeps are reported to.
type sweepWorld struct {
	slackWorld
	webhook *webhookReceiver // nil for none
}

func newSweepWorld(t *testing.T, program string, webhook bool) sweepWorld {
	w := sweepWorld{slackWorld: newSlackWorld(t)}
	w.program = program
	w.begunLastMonth()
	w.policy = policyFile(t, strings.TrimPrefix(killPolicy, "version: 1\n")+slackSection)
	w.env = []string{"SLACK_BOT_TOKEN=" + slackCanary, "SLACK_API_URL=" + w.workspace.URL()}
	if webhook {
		w.webhook = newWebhookReceiver(t, w.deleted)
		w.env = append(w.env, w.webhook.settings()...)
	}
	return w
}

// killedAt makes a run that is killed at its nth point, and reports at which place that was, -1 if it didn't get that
// far.
func (w sweepWorld) killedAt(n int) (place int) {
	already := len(w.changes())
	said := filepath.Join(w.t.TempDir(), "place")
	p := w.prepare(canary)
	p.cmd.Env = append(p.cmd.Env, fmt.Sprint("CRASH_AT=", n), "CRASH_PLACE="+said)
	p.begin(w.t)
	place = -1
	if p.code() == -1 {
		raw, err := os.ReadFile(said)
		require.NoError(w.t, err)
		place, err = strconv.Atoi(string(raw))
		require.NoError(w.t, err)
	} else {
		require.Zero(w.t, p.code(), "%s", p.stderr.String())
		w.report(p)
	}
	require.LessOrEqual(w.t, len(w.changes())-already, killPerRun, "perRun")
	return place
}

// checkSlack checks that Slack shows what came of each change, and nothing twice.
func (w sweepWorld) checkSlack() {
	said := make(map[string]bool) // "METHOD ID" of the changes whose outcome is shown
	parts := make(map[string]bool)
	for _, m := range w.workspace.Messages("C0SECURITY") {
		for id, method := range killDue {
			cell := map[string]string{http.MethodDelete: `"text":"revoked`,
				http.MethodPut: `"text":"quarantined"`}[method]
			settled := map[string]string{http.MethodDelete: "the revoke of the token ",
				http.MethodPut: "the quarantine of the token "}[method]
			blocks := string(m.Blocks)
			if strings.Contains(blocks, id) && strings.Contains(blocks, cell) || strings.Contains(blocks, settled+id) {
				said[method+" "+id] = true
			}
		}
		if len(m.Metadata) > 0 {
			require.False(w.t, parts[string(m.Metadata)], "posted twice: %s", m.Metadata)
			parts[string(m.Metadata)] = true
		}
	}
	require.NotEmpty(w.t, parts)
	require.Empty(w.t, w.workspace.Complaints())
	for _, change := range w.changes() {
		require.True(w.t, said[change], "Slack shows what came of %s", change)
	}
}

// checkWebhook checks that the webhook was told what came of each change, the same on every try, and that nothing is
// left.
func (w sweepWorld) checkWebhook() {
	if w.webhook == nil {
		return
	}
	_, _ = w.webhook.accepted() // nothing was refused, and nothing came in two ways
	said := make(map[string]bool)
	for _, body := range w.webhook.bodies {
		var news struct {
			Findings []struct {
				Token   struct{ ID string }
				Outcome string
			}
			Notes []string
		}
		require.NoError(w.t, json.Unmarshal(body, &news))
		for id, method := range killDue {
			step, outcome := "the revoke of the token ", "revoked"
			if method == http.MethodPut {
				step, outcome = "the quarantine of the token ", "quarantined"
			}
			for _, f := range news.Findings {
				said[method+" "+id] = said[method+" "+id] || f.Token.ID == id && f.Outcome == outcome
			}
			if strings.Contains(strings.Join(news.Notes, "\n"), step+id) {
				said[method+" "+id] = true
			}
		}
	}
	for _, change := range w.changes() {
		require.True(w.t, said[change], "the webhook was told what came of %s", change)
	}
	open := make(map[string]bool)
	for _, r := range w.records() {
		switch {
		case r.Channel == "":
		case r.Kind == ledger.Announcing, r.Kind == ledger.Outbox:
			open[r.Of] = true
		case r.Kind == ledger.Delivered:
			delete(open, r.Of)
		}
	}
	require.Empty(w.t, open)
}

// The built program, enforcing and reporting to Slack, is killed at each write, fsync, file put in place and request,
// and in the middle of each line of the ledger; the next is killed while it finds out what happened, or later. Then
// runs that are left alone must find everything in order, and finish the work.
func TestARunThatIsKilledAtAnyWriteFsyncOrSendHarmsNothing(t *testing.T) {
	program := buildSwept(t)
	step := 25
	if *sweepAll {
		step = 1
	}
	const parts = 4 // at once
	var died [len(crashpoints)]atomic.Int64
	t.Run("sweep", func(t *testing.T) {
		for part := range parts {
			t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
				t.Parallel()
				for n, killed := 1+part*step, true; killed; n += parts * step {
					killed = t.Run(fmt.Sprint("at point ", n), func(t *testing.T) {
						w := newSweepWorld(t, program, part%2 == 1)
						first, second := w.killedAt(n), -1
						if killed = first >= 0; killed {
							died[first].Add(1)
							soon := 1 + n*7%61
							if first == 0 { // there may be half a line to set aside
								soon = 1 + n%13
							}
							second = w.killedAt(soon)
						}
						if second >= 0 {
							died[second].Add(1)
						}
						for range 3 {
							w.clean()
						}
						w.check()
						w.finished(2)
						w.checkSlack()
						w.checkWebhook()
					}) && killed
				}
			})
		}
	})
	total := int64(0)
	for place := range died {
		total += died[place].Load()
	}
	t.Logf("killed at %d points", total)
	for place, c := range crashpoints {
		if strings.Contains(c.becomes, "PLACE") && *sweepAll {
			require.NotZero(t, died[place].Load(), "nothing was killed in %s at %s", c.file, c.text)
		}
	}
}
