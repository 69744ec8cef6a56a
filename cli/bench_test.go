package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// BenchmarkTable measures the built program, and prints what it found as one table:
//
//	go test ./cli -run '^$' -bench Table -benchtime 1x
//
// A part of it is -bench 'Table/listing/10000_tokens' or 'Table/small'. The listing of 1,000,000 tokens takes
// twenty minutes, for each answer is waited for three times: by the program; by a loop around net/http that does
// nothing but follow the links and keep what it decodes; and by one that follows the links and decodes nothing, which
// shows what the machine itself adds to the answers.
func BenchmarkTable(b *testing.B) {
	t := &benchTable{}
	program := build(b)
	b.Run("listing", func(b *testing.B) {
		for _, tokens := range []int{10_000, 100_000, 1_000_000} {
			for _, latency := range []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond} {
				b.Run(fmt.Sprintf("%d tokens at %v", tokens, latency), func(b *testing.B) {
					t.listing(b, program, tokens, latency)
				})
			}
		}
	})
	b.Run("revoking", func(b *testing.B) { t.revoking(b, program) })
	b.Run("small", func(b *testing.B) {
		t.evaluation(b)
		t.appends(b)
		t.start(b, program)
	})
	fmt.Print("\n", t)
}

// benchTable is what was measured, a line each, beside its goal.
type benchTable struct{ lines [][3]string }

func (t *benchTable) add(what, measured, goal string) {
	t.lines = append(t.lines, [3]string{what, measured, goal})
}

// String is the table in Markdown.
func (t *benchTable) String() string {
	var b strings.Builder
	b.WriteString("| what | measured | goal |\n|---|---|---|\n")
	for _, l := range t.lines {
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s |\n", l[0], l[1], l[2])
	}
	return b.String()
}

// usage is what a process took.
type usage struct {
	wall, cpu time.Duration
	peak      float64 // of its resident set, in MiB
}

// measure runs a command, which must print want.
func measure(b *testing.B, cmd *exec.Cmd, want string) usage {
	b.Helper()
	began := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(began)
	require.NoError(b, err, "%s", out)
	require.Contains(b, string(out), want)
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), float64(u.Maxrss) / 1024}
}

// listing lists an org of which 100 tokens are findings, with the program and with a naive loop.
func (t *benchTable) listing(b *testing.B, program string, tokens int, latency time.Duration) {
	const size = 200
	policy := filepath.Join(b.TempDir(), "policy.yaml")
	require.NoError(b, os.WriteFile(policy, []byte("version: 1\nrules: [{id: idle, when: {lastUsed: {olderThan: "+
		"28d}}, then: flag}]"), 0o600))
	report := filepath.Join(b.TempDir(), "report.json")
	url := serve(b, exec.Command("many-tokens", fmt.Sprint(tokens), fmt.Sprint(size), latency.String()))
	ours := exec.Command(program, "run", "--policy", policy, "--output", "json", "--output-file", report)
	ours.Env = []string{"OKTA_CLIENT_ORGURL=" + url, "OKTA_CLIENT_TOKEN=" + canary}
	sweep := measure(b, ours, "")
	requireFindings(b, report, 100)
	naive := measure(b, exec.Command("naive-list", url), fmt.Sprintf("%d tokens", tokens))
	bare := measure(b, exec.Command("bare-list", url), fmt.Sprintf("%d pages", tokens/size))
	ideal := time.Duration(tokens/size) * latency
	of := func(u usage) string {
		s := fmt.Sprintf("%.2f s", u.wall.Seconds())
		if ideal > 0 {
			s += fmt.Sprintf(" = %.3f × pages × latency", u.wall.Seconds()/ideal.Seconds())
		}
		return s + fmt.Sprintf(", %.2f s CPU, %.0f MiB", u.cpu.Seconds(), u.peak)
	}
	goal := map[bool]string{true: "≤ 1.05", false: "no slower than the loop"}[ideal > 0]
	if limit := map[int]string{100_000: "24 MiB", 1_000_000: "96 MiB"}[tokens]; limit != "" {
		goal += ", under " + limit
	}
	t.add(fmt.Sprintf("listing %d tokens, %v an answer", tokens, latency), of(sweep), goal)
	t.add("— a naive loop", of(naive), "")
	t.add("— a loop that decodes nothing", of(bare), "")
	b.ReportMetric(sweep.wall.Seconds()/naive.wall.Seconds(), "x-naive")
	b.ReportMetric(sweep.peak, "MiB-peak")
}

func requireFindings(b *testing.B, report string, n int) {
	b.Helper()
	raw, err := os.ReadFile(report)
	require.NoError(b, err)
	var r struct {
		Findings []struct{ Owner struct{ Login string } }
	}
	require.NoError(b, json.Unmarshal(raw, &r))
	require.Len(b, r.Findings, n)
	for _, f := range r.Findings {
		require.NotEmpty(b, f.Owner.Login)
	}
}

// revoking ends 1,000 tokens under a limit of 200 requests in 5 seconds. Each is read again before, and looked for
// after: three requests of the same limit. No client can be done sooner than the windows that these take.
func (t *benchTable) revoking(b *testing.B, program string) {
	const tokens, limit, window = 1000, 200, 5 * time.Second
	today := time.Now()
	own := oktatest.Token{ID: oktatest.TokenID(-1), Name: "own", UserID: oktatest.UserID(9),
		Created: today.AddDate(-1, 0, 0), LastUsed: today}
	cfg := oktatest.Config{Credential: canary, Me: oktatest.UserID(9), OwnToken: own.ID, PageSize: 200,
		RateLimit: oktatest.RateLimit{Limit: limit, Window: window}, Tokens: []oktatest.Token{own}}
	for n := range tokens {
		cfg.Tokens = append(cfg.Tokens, oktatest.Token{ID: oktatest.TokenID(n), Name: fmt.Sprint("dead-", n),
			UserID: oktatest.UserID(1), Created: today.AddDate(-1, 0, 0), LastUsed: today.AddDate(0, 0, -20)})
	}
	org := oktatest.Start(cfg)
	defer org.Close()
	policy := filepath.Join(b.TempDir(), "policy.yaml")
	require.NoError(b, os.WriteFile(policy, []byte("version: 1\nmode: enforce\nlimits: {perRun: 1000, perDay: 1000, "+
		"stopAbove: {count: 1000, percent: 100}}\nrules: [{id: dead, when: {name: {like: 'dead-*'}}, then: {revoke: "+
		"0d}}]"), 0o600))
	cmd := exec.Command(program, "run", "--enforce", "--rate-share", "1", "--policy", policy, "--state",
		filepath.Join(b.TempDir(), "state"), "--output-file", filepath.Join(b.TempDir(), "report.txt"))
	cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + org.URL(), "OKTA_CLIENT_TOKEN=" + canary}
	u := measure(b, cmd, "")
	sent, refused := 0, 0
	for _, r := range org.Requests() {
		if strings.HasPrefix(r.Path, "/api/v1/api-tokens") {
			sent++
		}
		if r.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	require.Len(b, org.Tokens(), 1)
	least := time.Duration((sent+limit-1)/limit-1) * window
	t.add("revoking 1,000 tokens at 200 requests in 5 s",
		fmt.Sprintf("%.1f s = %.3f × the %d windows of %d requests, answers 429: %d", u.wall.Seconds(),
			u.wall.Seconds()/least.Seconds(), int(least/window), sent, refused), "≤ 1.05, 0 answers 429")
	b.ReportMetric(u.wall.Seconds()/least.Seconds(), "x-least")
	b.ReportMetric(float64(refused), "429s")
}

// evaluation judges tokens by ten rules.
func (t *benchTable) evaluation(b *testing.B) {
	text := "version: 1\nrules:\n"
	for n := range 5 {
		text += fmt.Sprintf("  - {id: idle-%d, when: {lastUsed: {olderThan: %dd}, clientName: {in: [Okta API, "+
			"other]}}, then: flag}\n", n, 25+n)
		text += fmt.Sprintf("  - {id: name-%d, when: {any: [{name: {like: '*-prod-%d'}}, {name: {matches: "+
			"'^old[0-9]+$'}}]}, then: flag}\n", n, n)
	}
	p, err := rules.Parse("policy.yaml", []byte(text))
	require.NoError(b, err)
	tokens := parsedTokens(b, 10_000)
	began, rounds := time.Now(), 0
	for ; time.Since(began) < time.Second; rounds++ {
		for i := range tokens {
			p.Evaluate(&tokens[i], now)
		}
	}
	perRule := float64(time.Since(began).Nanoseconds()) / float64(rounds*len(tokens)*len(p.Rules))
	t.add("judging a token by a rule", fmt.Sprintf("%.0f ns", perRule), "")
	b.ReportMetric(perRule, "ns/token-rule")
}

// appends compares the ledger with the least that makes a line durable: a write and an fsync.
func (t *benchTable) appends(b *testing.B) {
	const n = 300
	dir := b.TempDir()
	l, err := ledger.InDirectory(filepath.Join(dir, "state")).Open(time.Now)
	require.NoError(b, err)
	raw, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(b, err)
	line := append([]byte(strings.Repeat("x", 330)), '\n') // as long as the record
	var ours, least time.Duration
	for range n { // in turns, so that both see the same disk
		began := time.Now()
		_, err := l.Append(ledger.Record{Kind: ledger.Seen, Run: "20261124T090000Z-7c1f2a", Token: oktatest.TokenID(1),
			Rule: "idle"})
		require.NoError(b, err)
		between := time.Now()
		_, err = raw.Write(line)
		require.NoError(b, errors.Join(err, raw.Sync()))
		ours, least = ours+between.Sub(began), least+time.Since(between)
	}
	require.NoError(b, errors.Join(l.Close(), raw.Close()))
	t.add("appending to the ledger", fmt.Sprintf("%.0f records a second, %.2f × write and fsync", n/ours.Seconds(),
		ours.Seconds()/least.Seconds()), "")
	b.ReportMetric(ours.Seconds()/least.Seconds(), "x-fsync")
}

// start starts the program and ends it at once, in turns with a program that does nothing: that is the machine's part.
func (t *benchTable) start(b *testing.B, program string) {
	source, nothing := filepath.Join(b.TempDir(), "nothing.go"), filepath.Join(b.TempDir(), "nothing")
	require.NoError(b, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	out, err := exec.Command("go", "build", "-o", nothing, source).CombinedOutput()
	require.NoError(b, err, "%s", out)
	var all, least []time.Duration
	for range 40 {
		all = append(all, measure(b, exec.Command(program, "--version"), "tokensweep").wall)
		least = append(least, measure(b, exec.Command(nothing), "").wall)
	}
	middle := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds()) / 1000
	}
	median := middle(all)
	info, err := os.Stat(program)
	require.NoError(b, err)
	size := float64(info.Size()) / (1 << 20)
	t.add("starting, start to end of a process", fmt.Sprintf("%.1f ms, a program that does nothing %.1f ms", median,
		middle(least)), "under 10 ms")
	t.add("size of the binary", fmt.Sprintf("%.1f MiB", size), "under 16 MiB")
	b.ReportMetric(median, "ms-start")
	b.ReportMetric(size, "MiB-binary")
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

// manyTokens is the command many-tokens TOKENS PAGE LATENCY [IDLE]: an org, until it is killed. A hundred of its
// tokens were not used for four weeks, or so many.
func manyTokens() {
	var n, size int
	_, _ = fmt.Sscan(os.Args[1]+" "+os.Args[2], &n, &size)
	latency, _ := time.ParseDuration(os.Args[3])
	idle := 100
	if len(os.Args) > 4 {
		_, _ = fmt.Sscan(os.Args[4], &idle)
	}
	now := time.Now() // that of the program, or it remembers nothing
	all := oktatest.Many(n, now)
	for i := range all {
		all[i].LastUsed = now.Add(-time.Hour)
		if i%(n/idle) == 0 {
			all[i].LastUsed = now.AddDate(0, 0, -29)
		}
	}
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Tokens: all,
		Users: oktatest.Owners(all), PageSize: size, Latency: latency})
	fmt.Println(org.URL())
	select {}
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// naiveToken is what a quick script would decode.
type naiveToken struct {
	ID, Name, ClientName, UserID, TokenWindow string

	Created, LastUpdated, ExpiresAt time.Time
	Network                         struct{ Connection string }
}

// naiveList is the command naive-list URL: it follows the links and keeps all tokens, without a look at what could be
// wrong.
func naiveList() {
	var all []naiveToken
	followLinks(func(body io.ReadCloser) {
		var page []naiveToken
		if err := json.NewDecoder(body).Decode(&page); err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, body)
		_ = body.Close()
		all = append(all, page...)
	})
	idle := 0
	for _, t := range all {
		if now.Sub(t.ExpiresAt.AddDate(0, 0, -30)) > 28*24*time.Hour {
			idle++
		}
	}
	fmt.Printf("%d tokens, %d idle\n", len(all), idle)
}

// bareList is the command bare-list URL: it follows the links, and lets the pages go by.
func bareList() {
	var bodies sync.WaitGroup
	pages := 0
	followLinks(func(body io.ReadCloser) {
		pages++
		bodies.Go(func() {
			_, _ = io.Copy(io.Discard, body)
			_ = body.Close()
		})
	})
	bodies.Wait()
	fmt.Printf("%d pages\n", pages)
}

func followLinks(page func(io.ReadCloser)) {
	for url := os.Args[1] + "/api/v1/api-tokens?limit=200"; url != ""; {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "SSWS "+canary)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		page(resp.Body)
		url = ""
		for _, line := range resp.Header.Values("Link") {
			if m := nextLink.FindStringSubmatch(line); m != nil {
				url = m[1]
			}
		}
	}
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

// parsedTokens are tokens as the client reads them.
func parsedTokens(b *testing.B, n int) []okta.Token {
	b.Helper()
	org := oktatest.New(oktatest.Config{Credential: canary, Tokens: oktatest.Many(n, now), Now: clock})
	defer org.Close()
	client, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Token: okta.NewSecret(canary), RateShare: 1,
		Transport: org.Transport()})
	require.NoError(b, err)
	tokens := make([]okta.Token, 0, n)
	require.NoError(b, client.List(b.Context(), okta.ListOptions{}).Read(func() func(okta.Token) error {
		return func(t okta.Token) error {
			tokens = append(tokens, t)
			return nil
		}
	}))
	require.Len(b, tokens, n)
	return tokens
}
