package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// before is the build that docs/speed.md compares with.
const before = "d5d33e8"

// BenchmarkFindings measures runs with many findings, beside the build before in the same minute:
//
//	go test ./cli -run '^$' -bench Findings -benchtime 1x
//
// The second part, 100,000 findings of 1,000,000 tokens in every form, takes twenty minutes.
func BenchmarkFindings(b *testing.B) {
	t := &benchTable{}
	ours, old := build(b), buildBefore(b)
	b.Run("30000 of 30000", func(b *testing.B) { t.besideBefore(b, ours, old, 30_000) })
	b.Run("100000 of 1000000", func(b *testing.B) { t.everyForm(b, ours, 1_000_000, 100_000) })
	fmt.Print("\n", t)
}

// buildBefore builds the build before, from the repository's history.
func buildBefore(b *testing.B) string {
	b.Helper()
	root := b.TempDir()
	archive, err := exec.Command("git", "-C", "..", "archive", before).Output()
	require.NoError(b, err, "it takes the history of the repository")
	unpack := exec.Command("tar", "-x", "-C", root)
	unpack.Stdin = bytes.NewReader(archive)
	require.NoError(b, unpack.Run())
	program := filepath.Join(root, "tokensweep-before")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	return program
}

// fiveRules all match a token that was not used for four weeks.
const fiveRules = "version: 1\nquarantine: {zone: nzo1a2b3c4d5e6f7g8h9}\nrules:\n" +
	"- {id: idle, when: {lastUsed: {olderThan: 21d}}, then: {quarantine: 3d, revoke: 7d}}\n" +
	"- {id: idle-long, severity: high, when: {lastUsed: {olderThan: 28d}}, then: flag}\n" +
	"- {id: untouched, when: {lastUpdated: {olderThan: 26d}}, then: {quarantine: 7d}}\n" +
	"- {id: anywhere, when: {all: [{network.connection: ANYWHERE}, {lastUsed: {olderThan: 14d}}]}, then: flag}\n" +
	"- {id: old, when: {all: [{created: {olderThan: 1d}}, {lastUsed: {olderThan: 20d}}]}, then: flag}\n"

// sweep makes a dry run in a form over an org, with the state of earlier runs in state, and returns what it took.
func sweep(b *testing.B, program, url, state, form string, findings int) usage {
	b.Helper()
	policy, report := filepath.Join(b.TempDir(), "policy.yaml"), filepath.Join(b.TempDir(), "report")
	require.NoError(b, os.WriteFile(policy, []byte(fiveRules), 0o600))
	cmd := exec.Command(program, "run", "--policy", policy, "--output", form, "--output-file", report, "--state", state)
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + url, "OKTA_CLIENT_TOKEN=" + canary}
	u := measure(b, cmd, "")
	written, err := os.ReadFile(report)
	require.NoError(b, err)
	require.GreaterOrEqual(b, strings.Count(string(written), "00T1fk"), findings, "%s has every finding", form)
	return u
}

// besideBefore compares a report of n findings with the build before: text and JSON, the first run and the second.
func (t *benchTable) besideBefore(b *testing.B, ours, old string, n int) {
	url := serve(b, exec.Command("many-tokens", fmt.Sprint(n), "200", "0s", fmt.Sprint(n)))
	for _, form := range []string{"text", "json"} {
		states := [2]string{filepath.Join(b.TempDir(), "state"), filepath.Join(b.TempDir(), "state")}
		for _, which := range []string{"first", "second"} {
			was := sweep(b, old, url, states[0], form, n)
			is := sweep(b, ours, url, states[1], form, n)
			t.add(fmt.Sprintf("%d findings as %s, the %s run", n, form, which),
				fmt.Sprintf("%.0f MiB = %.2f × %.0f MiB, %.2f s CPU = %.2f × %.2f s", is.peak, is.peak/was.peak,
					was.peak, is.cpu.Seconds(), is.cpu.Seconds()/was.cpu.Seconds(), was.cpu.Seconds()),
				map[string]string{"json": "0.3 × memory, 0.6 × CPU"}[form])
			b.ReportMetric(is.peak/was.peak, "x-peak-"+form)
			b.ReportMetric(is.cpu.Seconds()/was.cpu.Seconds(), "x-cpu-"+form)
		}
	}
}

// everyForm measures a report in every form, with the state of a run before.
func (t *benchTable) everyForm(b *testing.B, ours string, tokens, findings int) {
	url := serve(b, exec.Command("many-tokens", fmt.Sprint(tokens), "200", "0s", fmt.Sprint(findings)))
	state := filepath.Join(b.TempDir(), "state")
	for _, form := range []string{"ndjson", "text", "json", "csv", "markdown"} {
		u := sweep(b, ours, url, state, form, findings)
		t.add(fmt.Sprintf("%d findings of %d tokens as %s", findings, tokens, form),
			fmt.Sprintf("%.0f MiB, %.2f s CPU", u.peak, u.cpu.Seconds()), "200 MiB")
		b.ReportMetric(u.peak, "MiB-"+form)
	}
}
