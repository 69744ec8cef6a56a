package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

// BenchmarkBefore measures the built program and the build before it, in turns, on what depends on the state
// directory, and prints both and their ratio as one table:
//
//	go test ./cli -run '^$' -bench Before -benchtime 1x
func BenchmarkBefore(b *testing.B) {
	t := &benchTable{}
	builds := [2]string{buildBefore(b), build(b)}
	b.Run("three years", func(b *testing.B) {
		for _, actions := range []int{5, 50} {
			b.Run(fmt.Sprintf("plans of %d", actions), func(b *testing.B) { t.threeYears(b, builds, actions) })
		}
	})
	b.Run("new findings", func(b *testing.B) { t.newFindings(b, builds) })
	fmt.Print("\n", t)
}

// compare adds a line about both builds, the one before first.
func (t *benchTable) compare(b *testing.B, what, goal string, of [2]usage) {
	ratio := of[1].cpu.Seconds() / of[0].cpu.Seconds()
	text := func(u usage) string {
		return fmt.Sprintf("%.2f s, %.2f s CPU, %.0f MiB", u.wall.Seconds(), u.cpu.Seconds(), u.peak)
	}
	t.add(what, fmt.Sprintf("%s; before %s: %.3f × wall, %.3f × CPU", text(of[1]), text(of[0]),
		of[1].wall.Seconds()/of[0].wall.Seconds(), ratio), goal)
	b.ReportMetric(ratio, "x-cpu")
	b.ReportMetric(of[1].peak, "MiB-peak")
}

// stateRun is a run of a program with a state directory, of the org at a URL.
func stateRun(b *testing.B, program, url, state, policy string) usage {
	b.Helper()
	report := filepath.Join(b.TempDir(), "report.txt")
	cmd := exec.Command(program, "run", "--policy", policy, "--state", state, "--output-file", report)
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + url, "OKTA_CLIENT_TOKEN=" + canary}
	return measure(b, cmd, "")
}

// least is the quicker of two.
func least(a, c usage) usage {
	if a.cpu == 0 || c.cpu < a.cpu {
		return c
	}
	return a
}

// threeYears makes runs on a ledger of three years, in which a run was made every hour. The build before reads it
// whole; this one seals it in the first run.
func (t *benchTable) threeYears(b *testing.B, builds [2]string, actions int) {
	url := serve(b, exec.Command("many-tokens", "1000", "200", "0s"))
	policy := policyFile(b, "rules: [{id: none, when: {name: {is: nobody}}, then: flag}]\n")
	old := filepath.Join(b.TempDir(), "old")
	size := hourlyRuns(b, old, url, actions)
	states := [2]string{old, filepath.Join(b.TempDir(), "new")}
	out, err := exec.Command("cp", "-a", states[0], states[1]).CombinedOutput()
	require.NoError(b, err, "%s", out)
	first := [2]usage{}
	for i, program := range builds {
		first[i] = stateRun(b, program, url, states[i], policy)
	}
	var later [2]usage
	for range 3 {
		for i, program := range builds {
			later[i] = least(later[i], stateRun(b, program, url, states[i], policy))
		}
	}
	what := fmt.Sprintf("a run on a ledger of three years, %d MB, 26,280 plans of %d", size/1e6, actions)
	t.compare(b, what+", the first one, which seals", "", first)
	t.compare(b, what, "0.1 × CPU, under 32 MiB", later)
}

// hourlyRuns makes a ledger of dry runs, one an hour for three years, each with another plan, and a change a day. Its
// records are such as both builds write. It returns its size.
func hourlyRuns(b *testing.B, dir, url string, actions int) int64 {
	b.Helper()
	at := time.Now().AddDate(-3, 0, 0)
	l, err := ledger.InDirectory(dir).Open(func() time.Time { return at })
	require.NoError(b, err)
	token := func(n int) string { return fmt.Sprintf("00T%017d", n) }
	for hour := range 3 * 365 * 24 {
		at = at.Add(time.Hour - time.Minute)
		run := fmt.Sprintf("20260101T%06dZ-abcdef", hour)
		plan := ledger.Record{Kind: ledger.Planned, Run: run, Plan: fmt.Sprintf("sha256:%064d", hour),
			Mode: ledger.ModeDryRun, Policy: "sha256:" + strings.Repeat("ab", 32), Count: actions}
		for n := range actions {
			plan.Actions = append(plan.Actions, ledger.Action{Token: token(hour + n), Step: ledger.StepQuarantine,
				Rules: []string{"idle-for-28-days"}, Facts: fmt.Sprintf("%032d", n)})
		}
		records := []ledger.Record{
			{Kind: ledger.Begun, Run: run, Org: url, Mode: ledger.ModeDryRun, Policy: plan.Policy},
			{Kind: ledger.Seen, Run: run, Token: token(hour), Rule: "idle-for-28-days", Facts: "high"},
			{Kind: ledger.Resolved, Run: run, Token: token(hour - 24*30), Rule: "idle-for-28-days",
				Reason: "it is gone"},
			plan,
			{Kind: ledger.Ended, Run: run, Counts: map[string]int{"flagged": actions}},
		}
		_, err := l.AppendAll(records)
		require.NoError(b, err)
		if hour%24 > 0 {
			continue
		}
		intent, err := l.Append(ledger.Record{Kind: ledger.Intent, Run: run, Token: token(hour),
			Step: ledger.StepRevoke, By: ledger.ByRun, Rules: []string{"idle-for-28-days"},
			Reason: "last used 40 days ago"})
		require.NoError(b, err)
		_, err = l.Append(ledger.Record{Kind: ledger.Outcome, Run: run, Ref: intent.Seq, Result: ledger.ResultRevoked,
			Settled: true})
		require.NoError(b, err)
	}
	require.NoError(b, l.Close())
	info, err := os.Stat(filepath.Join(dir, "ledger.jsonl"))
	require.NoError(b, err)
	return info.Size()
}

// newFindings makes the first run on an org of which every token is a finding.
func (t *benchTable) newFindings(b *testing.B, builds [2]string) {
	const tokens = 30_000
	url := serve(b, exec.Command("many-tokens", fmt.Sprint(tokens), "200", "0s"))
	policy := policyFile(b, `rules: [{id: all, when: {name: {like: "*-*"}}, then: flag}]`+"\n")
	var with, without [2]usage
	for range 2 {
		for i, program := range builds {
			with[i] = least(with[i], stateRun(b, program, url, filepath.Join(b.TempDir(), "state"), policy))
			without[i] = least(without[i], stateRun(b, program, url, "", policy))
		}
	}
	t.compare(b, "a first run with 30,000 findings", "", with)
	for i := range with {
		with[i] = usage{with[i].wall - without[i].wall, with[i].cpu - without[i].cpu, with[i].peak - without[i].peak}
	}
	t.compare(b, "— of that, remembering them (less the same run without a state directory)", "0.1 × wall", with)
}
