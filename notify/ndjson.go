package notify

import (
	"encoding/json"
	"fmt"
	"io"

	"tokensweep/audit"
)

// findingLine is one line of NDJSON: a finding, and what it takes to know where it comes from. Collectors of logs take
// each line by itself.
type findingLine struct {
	Kind   string  `json:"kind"`
	Org    string  `json:"org"`
	Run    string  `json:"run"`
	AsOf   *string `json:"asOf"`
	Policy string  `json:"policy"`
	Plan   string  `json:"plan"`
	jsonFinding
}

// runLine is the last line of NDJSON: all of the report but its findings.
type runLine struct {
	Kind string `json:"kind"`
	jsonReport
	// Findings hides those of the report.
	Findings *struct{} `json:"findings,omitempty"`
}

// NDJSON writes a report as JSON objects, one a line: each finding, whose kind is finding, and at last the run. Of a
// run that was not completed there is the last line alone.
func NDJSON(w io.Writer, r *audit.Report) error {
	report := reportJSON(r)
	for _, f := range report.Findings {
		line := findingLine{
			Kind: "finding", Org: report.Org.URL, Run: report.Run.ID, AsOf: report.Run.AsOf,
			Policy: report.Policy.Digest, Plan: report.Plan.Digest, jsonFinding: f,
		}
		if err := writeLine(w, line); err != nil {
			return err
		}
	}
	return writeLine(w, runLine{Kind: "run", jsonReport: report})
}

func writeLine(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return JSONLine(w, raw)
}
