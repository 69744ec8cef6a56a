package notify

import (
	"bufio"
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
	jsonHead
	jsonTail
}

// NDJSON writes a report as JSON objects, one a line: each finding, whose kind is finding, and at last the run. Of a
// run that was not completed there is the last line alone.
func NDJSON(w io.Writer, r *audit.Report) error {
	out := bufio.NewWriterSize(w, 1<<16)
	head := headJSON(r)
	for f := range findingsJSON(r) {
		line := findingLine{
			Kind: "finding", Org: head.Org.URL, Run: head.Run.ID, AsOf: head.Run.AsOf,
			Policy: head.Policy.Digest, Plan: head.Plan.Digest, jsonFinding: f,
		}
		if err := writeLine(out, line); err != nil {
			return err
		}
	}
	if err := writeLine(out, runLine{"run", head, tailJSON(r)}); err != nil {
		return err
	}
	return out.Flush()
}

func writeLine(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return JSONLine(w, raw)
}
