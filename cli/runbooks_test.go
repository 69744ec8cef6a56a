package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/slacktest"
	"tokensweep/okta/oktatest"
)

// TestRunbooksAreTrue plays docs/runbooks.md. In each section the commands after "$ " in blocks of console are run, one
// after the other, and what stands below a command is what it prints: … stands for the rest of a line, or for lines,
// that are left out. A comment <!-- event: … --> is something that happens meanwhile.
func TestRunbooksAreTrue(t *testing.T) {
	raw, err := os.ReadFile("../docs/runbooks.md")
	require.NoError(t, err)
	sections := strings.Split(string(raw), "\n## ")[1:]
	require.Greater(t, len(sections), 5)
	for _, section := range sections {
		title, body, _ := strings.Cut(section, "\n")
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newRunbookWorld(t)
			step := regexp.MustCompile("(?ms)<!-- event: (.*?) -->|^ *```console\n(.*?)^ *```")
			steps := step.FindAllStringSubmatch(body, -1)
			require.NotEmpty(t, steps)
			for _, step := range steps {
				if step[1] != "" {
					w.happens(step[1])
				} else {
					w.play(step[2])
				}
			}
		})
	}
}

// runbookWorld is an org of which a dozen tokens are idle, a workspace, and a directory with a policy and a state.
type runbookWorld struct {
	t         *testing.T
	dir       string
	org       *oktatest.Server
	workspace *slacktest.Server
	ahead     atomic.Int64 // of the machine's clock before the org's, in nanoseconds
	env       []string
	code      int // of the last command
}

const runbookPolicy = `version: 1
mode: enforce
limits: {perRun: 3, perDay: 5, stopAbove: {count: 10, percent: 90}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - id: idle
    when: {lastUsed: {olderThan: 21d}, name: {like: "NAMES"}}
    then: STEPS
`

func newRunbookWorld(t *testing.T) *runbookWorld {
	t.Helper()
	w := &runbookWorld{t: t, dir: t.TempDir()}
	today := time.Now().UTC().Truncate(time.Second)
	me := oktatest.UserID(99)
	cfg := oktatest.Config{
		Credential: canary, Me: me, OwnToken: oktatest.TokenID(99),
		Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}},
		Now:   func() time.Time { return time.Now().Add(-time.Duration(w.ahead.Load())) },
	}
	add := func(n int, name, owner string, idle int) {
		cfg.Tokens = append(cfg.Tokens, oktatest.Token{
			ID: oktatest.TokenID(n), Name: name, UserID: owner,
			Created: today.AddDate(-1, 0, 0), LastUsed: today.AddDate(0, 0, -idle).Add(-30 * time.Minute),
		})
	}
	for i, what := range []string{"backup", "billing", "grafana", "hr-sync", "jira-bridge", "onboarding"} {
		add(2*i+1, what+"-eu", oktatest.UserID(2), 28-i)
		add(2*i+2, what+"-us", oktatest.UserID(2), 28-i)
	}
	for i := range 40 {
		add(100+i, fmt.Sprint("busy-", i+1), oktatest.UserID(3), i%7)
	}
	add(50, "payroll", oktatest.UserID(3), 1)
	add(99, "tokensweep", me, 0)
	cfg.Users = []oktatest.User{
		{ID: oktatest.UserID(2), Login: "kim@acme.example"}, {ID: oktatest.UserID(3), Login: "lee@acme.example"},
		{ID: me, Login: "tokensweep@acme.example", Roles: []string{"SUPER_ADMIN"}},
	}
	w.org = oktatest.Start(cfg)
	t.Cleanup(w.org.Close)
	w.workspace = slacktest.Start(slacktest.Config{
		Scopes: manifestScopes(t), BotToken: slackCanary,
		Channels: []slacktest.Channel{{ID: "C0SECURITY", Name: "security", Member: true}},
	})
	t.Cleanup(w.workspace.Close)
	w.env = append(os.Environ(), "OKTA_CLIENT_ORGURL="+w.org.URL(), "OKTA_CLIENT_TOKEN="+canary)
	w.policy("backup-*", "{quarantine: 0d}")
	return w
}

// policy writes a policy whose rule is about tokens with these names.
func (w *runbookWorld) policy(names, steps string) {
	w.t.Helper()
	w.write("policy.yaml", strings.NewReplacer("NAMES", names, "STEPS", steps).Replace(runbookPolicy))
}

func (w *runbookWorld) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

// edit replaces a part of the policy, which must be there.
func (w *runbookWorld) edit(old, new string) {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "policy.yaml"))
	require.NoError(w.t, err)
	require.Contains(w.t, string(raw), old)
	w.write("policy.yaml", strings.Replace(string(raw), old, new, 1))
}

// happens is what the comments of the runbooks say.
func (w *runbookWorld) happens(event string) {
	w.t.Helper()
	state := filepath.Join(w.dir, "state")
	quiet := func(args ...string) { w.run("tokensweep " + strings.Join(args, " ")) }
	switch event {
	case "a dozen tokens match":
		w.policy("*", "{quarantine: 0d}")
	case "stopAbove is raised to 15":
		w.edit("count: 10", "count: 15")
	case "backup-eu and backup-us were revoked":
		w.policy("backup-*", "{revoke: 0d}")
		quiet("run", "--state", "state", "--enforce")
	case "backup-eu and backup-us were quarantined":
		quiet("run", "--state", "state", "--enforce")
	case "billing-eu was quarantined by hand":
		quiet("tokens", "quarantine", oktatest.TokenID(3), "--state", "state", "--reason", "drill", "--yes")
	case "kim makes a new backup-eu, and an exemption is written":
		token, _ := w.org.Token(oktatest.TokenID(3))
		token.ID, token.Name = oktatest.TokenID(60), "backup-eu"
		w.org.Add(token)
		w.edit("rules:", "exemptions:\n  - {match: {name: {like: \"backup-*\"}}, reason: used by the yearly restore, "+
			"owner: kim@acme.example, until: 2099-12-31}\nrules:")
	case "Slack is down":
		w.env = append(w.env, "SLACK_BOT_TOKEN="+slackCanary, "SLACK_API_URL="+w.workspace.URL())
		w.edit("rules:", "notify: {slack: {channel: C0SECURITY}}\nrules:")
		w.workspace.Fault(slacktest.Fault{Status: 503})
	case "Slack is up again":
		w.workspace.ClearFaults()
	case "a copy of the state is kept, and a run is made after it":
		quiet("run", "--state", "state")
		w.run("mkdir -p backup && cp -a state backup/")
		quiet("run", "--state", "state")
	case "a bit of the ledger flips":
		file := filepath.Join(state, "ledger.jsonl")
		raw, err := os.ReadFile(file)
		require.NoError(w.t, err)
		raw[bytes.IndexByte(raw, '\n')+20] ^= 1
		require.NoError(w.t, os.WriteFile(file, raw, 0o600))
	case "the clock of the machine is an hour fast":
		w.ahead.Store(int64(time.Hour))
	case "the clock is right again":
		w.ahead.Store(0)
	case "an early build wrote records of the future":
		l, err := ledger.InDirectory(state).Open(func() time.Time { return time.Now().AddDate(1, 0, 0) })
		require.NoError(w.t, err)
		_, err = l.Append(ledger.Record{
			Kind: ledger.Begun, Run: "20281123T090000Z-7c1f2a", Mode: "dry-run", Org: w.org.URL(),
		})
		require.NoError(w.t, errors.Join(err, l.Close()))
	default:
		require.Fail(w.t, "no such event", event)
	}
}

// run runs a line as a shell does, and returns what it prints.
func (w *runbookWorld) run(line string) string {
	w.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		require.ErrorAs(w.t, err, new(*exec.ExitError))
	}
	w.code = cmd.ProcessState.ExitCode()
	require.NotContains(w.t, string(out), canary)
	w.t.Logf("$ %s\n%s(exit code %d)", line, out, w.code)
	return string(out)
}

// play runs the commands of a block, and compares what they print.
func (w *runbookWorld) play(block string) {
	w.t.Helper()
	for _, part := range regexp.MustCompile(`(?m)^ *\$ `).Split(block, -1)[1:] {
		line, expected, _ := strings.Cut(part, "\n")
		if line == "echo $?" {
			require.Equal(w.t, strings.TrimSpace(expected), fmt.Sprint(w.code))
			continue
		}
		got := w.normal(w.run(w.filled(line)))
		for want := range strings.Lines(w.normal(expected)) {
			beginning, _, cut := strings.Cut(strings.TrimSpace(want), "…")
			if beginning == "" {
				continue
			}
			pattern := `(?m)^ *` + regexp.QuoteMeta(beginning)
			if !cut {
				pattern += ` *$`
			}
			place := regexp.MustCompile(pattern).FindStringIndex(got)
			require.NotNil(w.t, place, "%s: %q is not printed, or earlier", line, beginning)
			got = got[place[1]:]
		}
	}
}

// filled is a command with the last plan and the last run of the ledger in place of the example's.
func (w *runbookWorld) filled(line string) string {
	var plan, run string
	if strings.Contains(line, "sha256:") || strings.Contains(line, "--run ") {
		_, err := ledger.InDirectory(filepath.Join(w.dir, "state")).Read(func(r ledger.Record) error {
			if r.Kind == ledger.Planned {
				plan = r.Plan
			}
			if r.Run != "" {
				run = r.Run
			}
			return nil
		})
		require.NoError(w.t, err)
	}
	line = regexp.MustCompile(`sha256:\S+`).ReplaceAllString(line, plan)
	return regexp.MustCompile(`--run \S+`).ReplaceAllString(line, "--run "+run)
}

// normal takes out of a text what differs each time: addresses, times, ids of runs, digests.
func (w *runbookWorld) normal(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{regexp.QuoteMeta(w.org.URL()), "https://acme.okta.com"},
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?`, "TIME"},
		{`\d{4}-\d\d-\d\d`, "DATE"},
		{`\d{8}T\d{6}Z-[0-9a-f]{6}`, "RUN"},
		{`sha256:[0-9a-f]+…?`, "DIGEST"},
		{`\b\d+:[0-9a-f]{12}\b`, "HEAD"},
		{`byte \d+`, "byte 1"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}
