package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"tokensweep/audit"
	"tokensweep/rules"
)

// MaxSummary is how long a summary is at most, in bytes with its line break: what Kubernetes keeps of a container's
// last message (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/).
const MaxSummary = 4096

// Summary is what a line about a run is made of.
type Summary struct {
	// Report is the run's; nil if the command ended before there was one. Mode and OrgURL are used instead then.
	Report *audit.Report
	// Mode is what the command was told to do.
	Mode rules.Mode
	// OrgURL is the org that it was told to look at, "" if it didn't get that far.
	OrgURL string
	// Code is the exit code of the command.
	Code audit.ExitCode
	// Err is what the command complained of, "" if of nothing.
	Err string
}

// jsonSummary is the report's JSON without what grows with the number of tokens.
type jsonSummary struct {
	Schema int     `json:"schema"`
	Run    jsonRun `json:"run"`
	Org    struct {
		URL string `json:"url"`
	} `json:"org"`
	Plan      jsonPlan              `json:"plan"`
	Inventory jsonInventory         `json:"inventory"`
	Counts    map[audit.Outcome]int `json:"counts"`
	Changes   jsonChanges           `json:"changes"`
	Ledger    jsonLedger            `json:"ledger"`
}

// IsSummary reports whether a text is what SummaryLine writes.
func IsSummary(text []byte) bool { return bytes.HasPrefix(text, []byte(`{"schema":1,"run":{"id":`)) }

// SummaryLine writes a run as one line of JSON of at most MaxSummary bytes, which has nothing in it that does not
// print. Its fields are those of the same name in the report's JSON. The error is cut where it would not fit.
func SummaryLine(w io.Writer, s *Summary) error {
	j := jsonSummary{
		Schema: 1, Run: jsonRun{Mode: s.Mode, ExitCode: s.Code, Final: true}, Counts: make(map[audit.Outcome]int),
	}
	j.Org.URL = s.OrgURL
	if r := s.Report; r != nil {
		j.Run = jsonRun{ID: r.ID, Mode: r.Mode, Started: timestamp(r.Started), Finished: timestamp(r.Finished),
			AsOf: timestamp(r.AsOf), ExitCode: s.Code, Final: true}
		j.Org.URL = r.OrgURL
		j.Plan = jsonPlan{r.Digest, r.Actions}
		j.Inventory = jsonInventory{r.Tokens, r.Pages, r.Duplicates, r.Complete}
		j.Changes = changesJSON(r)
		j.Ledger.Head = head(r.Head)
		for _, o := range audit.Outcomes {
			if n := r.Count(o); n > 0 {
				j.Counts[o] = n
			}
		}
	}
	j.Org.URL = truncateJSON(j.Org.URL, maxSummaryURL)
	without, err := jsonLine(j)
	if err != nil {
		return err
	}
	j.Run.Error = truncateJSON(s.Err, MaxSummary-len(without))
	line, err := jsonLine(j)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, line)
	return err
}

// maxSummaryURL is more than the longest host name with scheme and port takes, in bytes.
const maxSummaryURL = 512

// truncateJSON returns as much of the start of s as takes at most so many bytes in JSON, with an ellipsis if that is
// not all.
func truncateJSON(s string, bytes int) string {
	size := func(s string) int {
		line, err := jsonLine(s)
		if err != nil {
			panic(err) // a string always is JSON
		}
		return len(line) - len("\"\"\n")
	}
	if len(s) <= bytes && size(s) <= bytes {
		return s
	}
	runes := []rune(s[:min(len(s), bytes+1)]) // no byte of text takes less than a byte
	return string(runes[:sort.Search(len(runes), func(n int) bool { return size(string(runes[:n+1])+"…") > bytes })]) +
		"…"
}

// jsonLine is v as JSONLine writes it.
func jsonLine(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("writing JSON: %w", err)
	}
	var b strings.Builder
	if err := JSONLine(&b, raw); err != nil {
		return "", err
	}
	return b.String(), nil
}
