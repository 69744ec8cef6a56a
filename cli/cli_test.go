package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// canary is the credential of all tests here. Whatever a command writes is searched for it.
const canary = "00canaryCANARYcanaryCANARYcanaryCANARY0000"

// now is the clock of the orgs in these tests.
var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
}

// tokensweep runs a command in this process, with the org at url in its environment.
func tokensweep(t *testing.T, url string, args ...string) result {
	t.Helper()
	env := map[string]string{"OKTA_CLIENT_ORGURL": url, "OKTA_CLIENT_TOKEN": canary}
	var stdout, stderr bytes.Buffer
	code := cli.Main(args, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &stdout, &stderr)
	require.NotContains(t, stdout.String()+stderr.String(), canary)
	return result{code, stdout.String(), stderr.String()}
}

// policyFile writes a policy and returns its name.
func policyFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte("version: 1\n"+text), 0o600))
	return file
}

// report is what tests look at in the JSON of a report.
type report struct {
	Run       struct{ ExitCode int }
	Inventory struct {
		Tokens, Pages int
		Complete      bool
	}
	Counts   map[string]int
	Findings []struct {
		Token struct {
			ID, Name, LastUsed string
			NeverUsed          bool
		}
		Rules []struct {
			ID      string
			Because []string
		}
		Outcome string
	}
}

func (r result) report(t *testing.T) (got report) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &got), "%s", r.stdout)
	require.Equal(t, r.code, got.Run.ExitCode)
	return got
}

// recordedOrg answers the list with what a real org answered, and users/me with a user of its own.
func recordedOrg(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/list-api-tokens.http")
	require.NoError(t, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/users/me" {
			_, _ = io.WriteString(w, `{"id":"00uq3v4l71WsFPInE1d7"}`)
			return
		}
		recorded, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
		if err != nil {
			panic(err)
		}
		for name, lines := range recorded.Header {
			w.Header()[name] = lines
		}
		_, _ = io.Copy(w, recorded.Body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Worked out by hand from the recording, as of 2025-09-29T07:15:00Z; the last use is expiresAt less 30 days:
//
//	terraform  expires 2025-10-16T05:34:42  used 2025-09-16T05:34:42 = created: never used, 13d 1h ago
//	ci-runner  expires 2025-10-29T07:14:41  used 2025-09-29T07:14:41, 19s ago, after 2025-09-25T08:14:13
//	reporting  expires 2025-10-23T09:55:22  used 2025-09-23T09:55:22, 5d 21h ago
//	scim-sync  expires 2025-10-26T07:39:35  used 2025-09-26T07:39:35, 2d 23h ago
func TestTheRecordedTokensGetTheVerdictsWorkedOutByHand(t *testing.T) {
	url := recordedOrg(t)
	run := func(policy string) (names, sentences []string) {
		r := tokensweep(t, url, "run", "--output", "json", "--as-of", "2025-09-29T07:15:00Z", "--policy",
			policyFile(t, policy))
		require.Zero(t, r.code, "%s", r.stderr)
		got := r.report(t)
		require.Equal(t, 4, got.Inventory.Tokens)
		require.True(t, got.Inventory.Complete)
		for _, f := range got.Findings {
			require.Equal(t, "flagged", f.Outcome)
			names = append(names, f.Token.Name)
			sentences = append(sentences, f.Rules[0].Because...)
		}
		return names, sentences
	}

	names, sentences := run("rules: [{id: idle, when: {lastUsed: {olderThan: 10d}}, then: flag}]")
	require.Equal(t, []string{"terraform"}, names)
	require.Equal(t, []string{"lastUsed 2025-09-16T05:34:42Z is 13d old (> 10d)"}, sentences)

	names, _ = run("rules: [{id: idle, when: {lastUsed: {olderThan: 5d}}, then: flag}]")
	require.Equal(t, []string{"terraform", "reporting"}, names, "oldest last use first")

	names, _ = run("rules: [{id: never, when: {neverUsed: true}, then: flag}]")
	require.Equal(t, []string{"terraform"}, names)

	names, sentences = run("rules: [{id: client, when: {clientName: {notIn: [Terraform Provider, Okta]}}, then: flag}]")
	require.Equal(t, []string{"terraform", "reporting", "scim-sync", "ci-runner"}, names)
	require.Equal(t, `clientName "Okta API" is not in [Terraform Provider, Okta]`, sentences[0])

	names, _ = run("rules: [{id: client, when: {clientName: {notIn: [Okta API]}}, then: flag}]")
	require.Empty(t, names)
}

func TestAnOrgOf10037TokensHasTheSameVerdictsInBothShapes(t *testing.T) {
	tokens := oktatest.Many(10_037, now)
	policy := policyFile(t, `rules:
  - {id: idle, when: {lastUsed: {olderThan: 21d}}, then: flag}
  - {id: client, severity: high, when: {clientName: {isNot: Okta API}}, then: flag}`)
	var findings [2]report
	for i, size := range []int{200, 0} {
		org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: clock, Tokens: tokens,
			PageSize: size})
		defer org.Close()
		findings[i] = tokensweep(t, org.URL(), "run", "--output", "json", "--policy", policy).report(t)
	}
	require.Equal(t, 10_037, findings[0].Inventory.Tokens)
	require.Equal(t, []int{51, 1}, []int{findings[0].Inventory.Pages, findings[1].Inventory.Pages})
	require.NotEmpty(t, findings[0].Findings)
	require.Equal(t, findings[0].Findings, findings[1].Findings)
	require.Equal(t, findings[0].Counts, findings[1].Counts)
}

func TestEveryIncompleteListingExits22AndJudgesNothing(t *testing.T) {
	all := policyFile(t, "rules: [{id: all, severity: critical, when: {id: {present: true}}, then: flag}]")
	rows := oktatest.IncompleteListings()
	results := make([]result, len(rows))
	var running sync.WaitGroup // all at once, since some wait for retries
	for i, row := range rows {
		cfg := row.Config(canary, clock)
		cfg.Me = oktatest.UserID(1)
		org := oktatest.Start(cfg)
		defer org.Close()
		org.Fault(row.Fault)
		running.Go(func() {
			results[i] = tokensweep(t, org.URL(), "run", "--output", "json", "--fail-on", "low", "--policy", all)
		})
	}
	running.Wait()
	for i, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			require.Equal(t, 22, results[i].code)
			require.Contains(t, results[i].stderr, "tokensweep: listing incomplete: page ")
			require.Contains(t, results[i].stderr, "nothing was changed")
			got := results[i].report(t)
			require.False(t, got.Inventory.Complete)
			require.Empty(t, got.Findings)
			require.Empty(t, got.Counts)
		})
	}
}

func TestTheCredentialStaysWithTheOrg(t *testing.T) {
	received := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received <- fmt.Sprint(r.Method, " ", r.URL, " ", r.Header)
	}))
	defer elsewhere.Close()
	policy := policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]")
	for name, fault := range map[string]oktatest.Fault{
		"a link to another server": {RewriteLink: func(s string) string {
			return strings.Replace(s, "http://127.0.0.1", elsewhere.URL+"/x?y=http://127.0.0.1", 1)
		}},
		"a link to its origin": {RewriteLink: func(s string) string {
			return elsewhere.URL + s[max(0, strings.Index(s, "/api/")):]
		}},
		"a redirect to another server": {Status: http.StatusTemporaryRedirect,
			Header: http.Header{"Location": {elsewhere.URL + "/api/v1/api-tokens"}}},
	} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: clock,
				Tokens: oktatest.Many(30, now), PageSize: 10})
			defer org.Close()
			org.Fault(fault)
			for _, form := range []string{"text", "json", "csv", "markdown"} {
				tokensweep(t, org.URL(), "run", "--policy", policy, "--output", form, "--log-level", "debug",
					"--log-format", "json")
			}
			tokensweep(t, org.URL(), "tokens", "list", "--log-level", "debug")
			require.Empty(t, received)
		})
	}
}

func TestTheDemoShowsEveryOutcomeOfADryRun(t *testing.T) {
	r := tokensweep(t, "", "demo", "--output", "json")
	require.Zero(t, r.code)
	got := r.report(t)
	require.Greater(t, got.Inventory.Pages, 2)
	for _, outcome := range []string{"flagged", "pending", "would-quarantine", "would-revoke", "held", "protected",
		"exempt", "unknown"} {
		require.Positive(t, got.Counts[outcome], outcome)
	}
	require.Len(t, got.Counts, 8)

	r = tokensweep(t, "", "demo")
	require.Zero(t, r.code)
	require.Contains(t, r.stdout, "it may be the token that this run uses")
	require.Contains(t, r.stdout, "export OKTA_CLIENT_ORGURL=")
	_, slack, _ := strings.Cut(r.stdout, "In Slack this reads")
	for _, want := range []string{"#security", ":mag: *Nothing was changed.*", "15 findings by rule",
		"[file findings.csv:", "‹!channel›", "A dry run tells no owner", "@S0SECOPS1"} {
		require.Contains(t, slack, want)
	}
	require.NotContains(t, slack, "--enforce --plan", "no ledger has the plan")
	require.NotContains(t, r.stdout, "\x1b")
	require.Empty(t, r.stderr)

	r = tokensweep(t, "", "demo", "--show-policy")
	require.Zero(t, r.code)
	_, rest, found := strings.Cut(r.stdout, "version: 1\n")
	require.True(t, found)
	require.Zero(t, tokensweep(t, "", "validate", "--policy", policyFile(t, rest)).code)
}

func TestAReportThatCannotBeWrittenIsSaid(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: clock})
	defer org.Close()
	env := map[string]string{"OKTA_CLIENT_ORGURL": org.URL(), "OKTA_CLIENT_TOKEN": canary,
		"TOKENSWEEP_POLICY": policyFile(t, "rules: [{id: a, when: {name: x}, then: flag}]")}
	var stderr bytes.Buffer
	code := cli.Main([]string{"run"}, func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		brokenPipe{}, &stderr)
	require.Equal(t, 27, code)
	require.Equal(t, "tokensweep: writing the result: the pipe is broken\n", stderr.String())
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, fmt.Errorf("the pipe is broken") }

func TestTheDemoOfEnforcingShowsEveryStep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "slack")
	r := tokensweep(t, "", "demo", "--enforce", "--slack-out", dir)
	require.Zero(t, r.code, "%s%s", r.stdout, r.stderr)
	require.Empty(t, r.stderr)
	for _, want := range []string{
		"\nNothing was changed.\n", "About to change 4 tokens.", "Changed: 2 revoked, 2 quarantined, 0 failed.",
		"quarantined - wiki-export",
		": restored\n", "pending: revoke in ", "pending: quarantine in 3d, unless Okta ends it before - wiki-export",
		"revoked by tokensweep on ", "Okta ended it, unused, on ", "perRun allows 4 in one run",
		"(the wiki export runs once a month)",
	} {
		require.Contains(t, r.stdout, want)
	}
	_, slack, _ := strings.Cut(r.stdout, "In Slack all of this")
	for _, want := range []string{
		":broom: *Changed: 2 revoked, 2 quarantined, 0 failed, 1 held.*", "tokensweep run --enforce --plan sha256:",
		"Owners who were told of their tokens by direct message",
		"Findings of the last 3 runs", "Direct message to kim", "Okta API tokens of yours",
	} {
		require.Contains(t, slack, want)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(dir, file.Name()))
		require.NoError(t, err)
		var message struct{ Blocks []any }
		require.NoError(t, json.Unmarshal(raw, &message), file.Name())
		require.NotEmpty(t, message.Blocks)
	}
	require.Regexp(t, `(?m)^\s+\d+ \S+ outcome  restore 00T\w+ restored`, r.stdout)
	require.Regexp(t, `(?m)^\s+\d+ \S+ intent   revoke 00T\w+ never-used `, r.stdout)
}
