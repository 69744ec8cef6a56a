package notify_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/rules"
)

// summary is what tests read of a line.
type summary struct {
	Schema int
	Run    struct {
		ID, Mode, Error string
		ExitCode        int
	}
	Org    struct{ URL string }
	Plan   struct{ Digest string }
	Counts map[string]int
	Ledger struct{ Head string }
}

// summarise renders a summary and checks what holds for each.
func summarise(t require.TestingT, s *notify.Summary) (line string, got summary) {
	var b bytes.Buffer
	require.NoError(t, notify.SummaryLine(&b, s))
	line = b.String()
	require.LessOrEqual(t, len(line), notify.MaxSummary)
	require.Equal(t, 1, strings.Count(line, "\n"))
	require.True(t, strings.HasSuffix(line, "}\n"), "%q", line)
	require.NotRegexp(t, `[^\P{C}\n]`, line, "something in it does not print")
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	return line, got
}

func TestSummariesLookLikeTheirGoldenFile(t *testing.T) {
	enforced := report(t)
	enforced.Mode, enforced.Head = rules.Enforce, ledger.Head{Seq: 104, Hash: strings.Repeat("55e7", 16)}
	enforced.Changes, enforced.Actions = audit.Changes{New: 5, Ongoing: 29, Resolved: 3, Known: true}, 12
	var all bytes.Buffer
	for _, s := range []*notify.Summary{
		{Report: enforced, Code: audit.OK},
		{Report: failed(), Code: audit.Incomplete, Err: failed().Err.Error()},
		{Mode: rules.Enforce, OrgURL: "https://acme.okta.com", Code: audit.BadPolicy,
			Err: "policy.yaml:3:5: unknown key \"rule\": did you mean rules?\npolicy.yaml:9:7: no"},
		{Mode: rules.DryRun, Code: audit.Usage, Err: "unknown flag: --enforcee"},
	} {
		line, _ := summarise(t, s)
		all.WriteString(line)
	}
	golden(t, "summary.jsonl", all.Bytes())
}

func TestASummaryFitsAndIsOneLineWhateverTheRunComplainsOf(t *testing.T) {
	texts := rapid.OneOf(
		rapid.String(), rapid.SampledFrom(hostile),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 64), func(b []byte) string { return string(b) }),
	)
	repeated := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(texts.Draw(t, "text"), rapid.SampledFrom([]int{1, 50, 5000}).Draw(t, "times"))
	})
	rapid.Check(t, func(t *rapid.T) {
		s := &notify.Summary{Mode: rules.DryRun, OrgURL: repeated.Draw(t, "org"), Code: audit.Usage,
			Err: repeated.Draw(t, "error")}
		if rapid.Bool().Draw(t, "reported") {
			s.Report = huge(s.OrgURL)
		}
		_, got := summarise(t, s)
		if want := string([]rune(s.Err)); got.Run.Error != want {
			kept, cut := strings.CutSuffix(got.Run.Error, "…")
			require.True(t, cut && strings.HasPrefix(want, kept), "%q", got.Run.Error)
		}
	})
}

// huge is a report with every outcome, whose numbers are as long as they can be.
func huge(org string) *audit.Report {
	at := time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	most := math.MaxInt
	r := &audit.Report{
		ID: "99991231T235959Z-abcdef", Mode: rules.Enforce, Started: at, Finished: at, AsOf: at, OrgURL: org,
		Digest: "sha256:" + strings.Repeat("f", 64),
		Tokens: most, Pages: most, Duplicates: most, Actions: most, Changes: audit.Changes{New: most, Ongoing: most,
			Resolved: most, Known: true},
		Head: ledger.Head{Seq: math.MaxUint64, Hash: strings.Repeat("f", 64)},
	}
	for _, o := range audit.Outcomes {
		r.Findings = append(r.Findings, audit.Finding{Outcome: o})
	}
	return r
}

func TestALongErrorIsCutAndTheRestOfTheSummaryIsNot(t *testing.T) {
	long := "listing incomplete: " + strings.Repeat("日本語\u202e\x1b", 100_000)
	line, got := summarise(t, &notify.Summary{Report: huge("https://acme.okta.com"), Code: audit.Incomplete, Err: long})
	require.Equal(t, 22, got.Run.ExitCode)
	require.Len(t, got.Counts, len(audit.Outcomes))
	require.NotEmpty(t, got.Plan.Digest)
	require.NotEmpty(t, got.Ledger.Head)
	require.True(t, strings.HasPrefix(got.Run.Error, "listing incomplete: 日本語\u202e\x1b"))
	require.True(t, strings.HasSuffix(got.Run.Error, "…"))
	require.Greater(t, len(line), notify.MaxSummary-20, "as much is kept as there is room for")
}

func TestAShortErrorIsNotCut(t *testing.T) {
	_, got := summarise(t, &notify.Summary{Code: audit.Usage, Err: "wrong …"})
	require.Equal(t, "wrong …", got.Run.Error)
}
