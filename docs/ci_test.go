package docs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ci runs a script of .ci on a log, and returns what it says and whether it failed.
func ci(t *testing.T, script, log string, args ...string) (says string, failed bool) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash")
	}
	file := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(file, []byte(log), 0o600))
	out, err := exec.Command("bash", append([]string{".ci/" + script, file}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit), "%v", err)
	return string(out), err != nil
}

// However much one package says, the names of all that failed come first, and the reasons of each are there.
func TestCISaysAllThatFailed(t *testing.T) {
	var loud strings.Builder
	for n := range 2000 {
		_, _ = fmt.Fprintf(&loud, "    --- FAIL: TestLoud/%d (0.00s)\n        b_test.go:3: too loud\n", n)
	}
	log := "=== RUN   TestEarly\n--- FAIL: TestEarly (0.00s)\n    a_test.go:3: the early reason\nFAIL\n" +
		"FAIL\texample/a\t0.1s\nok  \texample/fine\t0.1s\n?   \texample/none\t[no test files]\n" +
		"--- FAIL: TestLoud (0.00s)\n" + loud.String() + "FAIL\nFAIL\texample/b\t0.1s\n" +
		"=== RUN   TestRace\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 7:\n" + strings.Repeat("  frame\n", 30) +
		"the last frame\n--- FAIL: TestRace (0.00s)\nFAIL\texample/c\t0.1s\n" +
		"# example/d\nd/d.go:7:1: syntax error\nFAIL\texample/d [build failed]\n" +
		"=== RUN   TestBoom\npanic: boom\n\ngoroutine 7 [running]:\n"
	says, failed := ci(t, "failures", log)
	require.False(t, failed, says)
	names, reasons, _ := strings.Cut(says, "\n\n")
	for _, name := range []string{"FAIL\texample/a", "TestEarly", "FAIL\texample/b", "TestLoud/7 ", "FAIL\texample/c",
		"FAIL\texample/d",
		"WARNING: DATA RACE", "TestRace", "panic: boom", "does not end"} {
		require.Contains(t, names, name)
	}
	for _, reason := range []string{"the early reason", "too loud", "the last frame", "syntax error",
		"goroutine 7 [running]"} {
		require.Contains(t, reasons, reason)
	}
	require.NotContains(t, says, "example/fine")
	require.Less(t, strings.Count(says, "\n"), 400)
}

// A fuzz target that only ran what it began with has shown nothing new.
func TestCISaysWhatAFuzzTargetHasTried(t *testing.T) {
	baseline := "fuzz: elapsed: 0s, gathering baseline coverage: 0/3 completed\n"
	fuzzing := baseline + "fuzz: elapsed: 1s, gathering baseline coverage: 3/3 completed, now fuzzing with 1 workers\n"
	for name, row := range map[string]struct {
		log, says string
		failed    bool
	}{
		"new inputs": {fuzzing + "fuzz: elapsed: 3s, execs: 40 (13/sec), new interesting: 0 (total: 3)\n" +
			"fuzz: elapsed: 10s, execs: 163 (13/sec), new interesting: 1 (total: 4)\nPASS\n",
			"x:FuzzX: execs: 163, of which 160 are new\n", false},
		"the time was over before": {baseline + "fuzz: elapsed: 9s, gathering baseline coverage: 2/3 completed\n",
			"x:FuzzX: nothing new was tried, since the time was over while it ran the inputs that it began with", true},
		"none after them": {fuzzing + "fuzz: elapsed: 10s, execs: 3 (0/sec), new interesting: 0 (total: 3)\nPASS\n",
			"x:FuzzX: nothing new was tried after the 3 inputs that it began with", true},
		"not a word": {"PASS\n", "nothing new was tried", true},
	} {
		says, failed := ci(t, "fuzzed", row.log, "x:FuzzX")
		require.Contains(t, says, row.says, name)
		require.Equal(t, row.failed, failed, name)
	}
}
