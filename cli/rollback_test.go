package cli_test

import (
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// earlier is given by .ci/rollback, which builds it from the history.
var earlier = flag.String("earlier", "", "the program of an earlier build, to go back to")

// command makes a process of a program with the world's org, credential, policy and state.
func (w *killWorld) command(program string, args ...string) *process {
	w.t.Helper()
	p := &process{cmd: exec.Command(program, append(args, "--state", w.state)...), done: make(chan struct{})}
	p.cmd.Env = append([]string{
		"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary, "TOKENSWEEP_POLICY=" + w.policy,
	}, w.env...)
	p.begin(w.t)
	return p
}

// What this build writes can be read by an earlier one until a feature that it doesn't have was used.
func TestAnEarlierBuildReadsWhatThisOneWrites(t *testing.T) {
	if *earlier == "" {
		t.Skip("-earlier names no program")
	}
	w := newKillWorld(t)
	for _, args := range [][]string{
		{"run"}, {"run"}, {"halt", "--reason", "drill"}, {"run"}, {"resume"}, {"ledger", "verify"},
	} {
		for _, program := range []string{w.program, *earlier} {
			p := w.command(program, args...)
			require.Zero(t, p.code(), "%s %v: %s", program, args, p.stderr.String())
		}
	}
	last, err := os.OpenFile(filepath.Join(w.state, "ledger.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = last.WriteString(`{"v":1,"seq":`)
	require.NoError(t, err)
	require.NoError(t, last.Close())
	require.Zero(t, w.command(w.program, "run").code(), "a torn line is set aside")
	require.Zero(t, w.command(*earlier, "ledger", "verify").code(), "which is recorded as before")

	// The first record that it can't read is a notice which says what it announces.
	idle := oktatest.Token{ID: oktatest.TokenID(20), Name: "idle", UserID: oktatest.UserID(1),
		Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now().AddDate(0, 0, -25)}
	w.org.Add(idle)
	require.NoError(t, os.WriteFile(w.policy, []byte(strings.Replace(killPolicy, "rules:\n", "rules:\n"+
		"  - {id: idle, when: {name: {is: idle}}, then: {revoke: 3d}}\n", 1)), 0o600))
	p := w.command(w.program, "run", "--enforce")
	require.Zero(t, p.code(), "%s", p.stderr.String())
	p = w.command(*earlier, "ledger", "verify")
	require.Equal(t, int(audit.NoLedger), p.code())
	require.Contains(t, p.stderr.String(), "a newer version wrote it; use that one")
	before := w.records()
	require.Equal(t, int(audit.NoLedger), w.command(*earlier, "run", "--enforce").code())
	require.Equal(t, before, w.records(), "it changes nothing")
}

// Once a segment was sealed, an earlier build refuses the state: it takes it neither for a new one nor for what is left
// of it.
func TestAnEarlierBuildRefusesASealedState(t *testing.T) {
	if *earlier == "" {
		t.Skip("-earlier names no program")
	}
	w := newKillWorld(t)
	w.begunLastMonth()
	require.Zero(t, w.command(*earlier, "run").code(), "one file, of last month")
	require.Zero(t, w.command(w.program, "run").code())
	sealed, err := filepath.Glob(filepath.Join(w.state, "ledger-*.jsonl"))
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	before := w.records()
	for _, args := range [][]string{{"ledger", "verify"}, {"run"}, {"run", "--enforce"}, {"ledger", "show"}} {
		p := w.command(*earlier, args...)
		require.Equal(t, int(audit.NoLedger), p.code(), "%v: %s", args, p.stderr.String())
		require.Contains(t, p.stderr.String(), "a newer version wrote it; use that one")
	}
	require.Equal(t, before, w.records(), "it changes nothing")
	require.Zero(t, w.command(w.program, "ledger", "verify").code())
}

// A record that this build can't read is nothing that it guesses at.
func TestARecordOfANewerBuildEndsARun(t *testing.T) {
	w := newKillWorld(t)
	require.Zero(t, w.command(w.program, "run").code())
	l, err := ledger.InDirectory(w.state).Open(time.Now)
	require.NoError(t, err)
	head := l.Head()
	require.NoError(t, l.Close())
	path := filepath.Join(w.state, "ledger.jsonl")
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, what := range []string{`"kind":"dream"`, `"kind":"halt","mood":1,"crit":["mood"]`} {
		line := ledgerLine(head, what)
		require.NoError(t, os.WriteFile(path, append(written[:len(written):len(written)], line...), 0o600))
		for _, args := range [][]string{{"run"}, {"run", "--enforce"}, {"ledger", "verify"}, {"ledger", "show"}} {
			p := w.command(w.program, args...)
			require.Equal(t, int(audit.NoLedger), p.code(), "%v", args)
			require.Contains(t, p.stderr.String(), "a newer version wrote it; use that one")
		}
	}
	require.Empty(t, w.changes())
	require.NoError(t, os.WriteFile(path, append(written[:len(written):len(written)],
		ledgerLine(head, `"kind":"resume","mood":1`)...), 0o600))
	require.Zero(t, w.command(w.program, "run").code(), "a field that may be ignored is")
	p := w.command(w.program, "ledger", "show", "--output", "json")
	require.Zero(t, p.code())
	require.Contains(t, p.stdout.String(), `"kind":"resume","mood":1}`, "and is kept")
}

// ledgerLine is the next line after head, with these fields and a right sum.
func ledgerLine(head ledger.Head, fields string) string {
	line := fmt.Sprintf(`{"v":1,"seq":%d,"time":"2026-11-30T12:00:00Z",%s,"prev":"%s"`, head.Seq+1, fields, head.Hash)
	sum := crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli))
	return fmt.Sprintf(`%s,"sum":"%08x"}`, line, sum) + "\n"
}
