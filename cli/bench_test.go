package cli_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// BenchmarkRun measures a whole run of the built program, as a process of its own, over an org whose
// answers take 20 ms each:
//
//	go test ./cli -run '^$' -bench Run -benchtime 3x
//
// x-ideal is wall time over pages × latency, which no client that follows links can beat. MiB-peak is
// the largest resident set of the process.
func BenchmarkRun(b *testing.B) {
	const tokens, size, latency = 100_000, 200, 20 * time.Millisecond
	program := build(b)
	policy := filepath.Join(b.TempDir(), "policy.yaml")
	require.NoError(b, os.WriteFile(policy, []byte("version: 1\nrules: [{id: idle, when: {lastUsed: {olderThan: 28d}}, then: flag}]"), 0o600))
	org := exec.Command("many-tokens", fmt.Sprint(tokens), fmt.Sprint(size), latency.String())
	url := serve(b, org)
	ideal := float64(tokens/size) * latency.Seconds()

	var wall, cpu, peak float64
	for b.Loop() {
		cmd := exec.Command(program, "run", "--policy", policy, "--output", "json", "--output-file", filepath.Join(b.TempDir(), "report.json"))
		cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + url, "OKTA_CLIENT_TOKEN=" + canary}
		began := time.Now()
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, "%s", out)
		wall += time.Since(began).Seconds()
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		peak = max(peak, float64(usage.Maxrss)/1024)
	}
	n := float64(b.N)
	b.ReportMetric(wall/n/ideal, "x-ideal")
	b.ReportMetric(cpu/n, "cpu-s")
	b.ReportMetric(peak, "MiB-peak")
}

// serve starts a process that prints a URL, and returns the URL. The org is not in this process, since
// Linux counts the memory of the process that starts another into the peak of the other.
func serve(b *testing.B, cmd *exec.Cmd) string {
	b.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(url)
}

// manyTokens is the command many-tokens TOKENS PAGE LATENCY: an org, until it is killed. One in a
// thousand of its tokens was not used for four weeks.
func manyTokens() {
	var n, size int
	_, _ = fmt.Sscan(os.Args[1]+" "+os.Args[2], &n, &size)
	latency, _ := time.ParseDuration(os.Args[3])
	all := oktatest.Many(n, now)
	for i := range all {
		all[i].LastUsed = now.Add(-time.Hour)
		if i%1000 == 0 {
			all[i].LastUsed = now.AddDate(0, 0, -29)
		}
	}
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: clock, Tokens: all, PageSize: size, Latency: latency})
	fmt.Println(org.URL())
	select {}
}

// build builds the program as it is shipped.
func build(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "tokensweep")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "tokensweep")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	return program
}
