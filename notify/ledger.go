package notify

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// LedgerText writes records for people, a line each.
func LedgerText(w io.Writer, records []ledger.Record) error {
	var b strings.Builder
	for _, r := range records {
		parts := []string{fmt.Sprintf("%6d", r.Seq), r.Time.UTC().Format(time.RFC3339), fmt.Sprintf("%-8s", r.Kind)}
		for _, word := range []string{r.Step, r.Token, r.Rule, strings.Join(r.Rules, ","), r.Result, r.Mode, r.Org,
			r.Of, r.Part, r.Via} {
			if word != "" {
				parts = append(parts, word)
			}
		}
		if r.Name != "" {
			parts = append(parts, strconv.Quote(r.Name))
		}
		if r.Reason != "" {
			parts = append(parts, "("+r.Reason+")")
		}
		if r.Doubted {
			parts = append(parts, "(time in doubt)")
		}
		if r.Kind == ledger.Ended {
			parts = append(parts, fmt.Sprintf("exit code %d", r.ExitCode))
		}
		b.WriteString(okta.Printable(strings.Join(parts, " ")) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ledgerColumns are the columns of records: every field that a record has in JSON, and what a newer version wrote.
// New ones come last.
var ledgerColumns = []string{"seq", "time", "kind", "run", "token", "name", "rule", "rules", "step", "result",
	"settled",
	"ref", "by", "reason", "plan", "policy", "org", "of", "part", "via", "doubted", "mode", "facts", "ahead", "owner",
	"told", "channel", "before", "after", "actions", "count", "critical", "counts", "exitCode", "unread", "snapshot",
	"believed", "file", "unknown"}

// LedgerCSV writes records as a table, under the rules of CSV. What has parts of its own is JSON in its cell.
func LedgerCSV(w io.Writer, records []ledger.Record) error {
	rows := [][]string{ledgerColumns}
	for i := range records {
		raw, err := json.Marshal(&records[i])
		if err != nil {
			return err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return err
		}
		row := make([]string, len(ledgerColumns))
		for j, column := range ledgerColumns {
			row[j] = okta.Printable(ledgerCell(&records[i], column, fields[column]))
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows[0], slices.Values(rows[1:]))
}

// ledgerCell is a field of a record as a cell; raw is the field as JSON, nil if it has its zero value.
func ledgerCell(r *ledger.Record, column string, raw json.RawMessage) string {
	switch column {
	case "rules":
		return strings.Join(r.Rules, " ")
	case "settled":
		if r.Kind == ledger.Outcome {
			return yesNo(r.Settled)
		}
		return ""
	case "exitCode":
		if r.Kind == ledger.Ended {
			return strconv.Itoa(r.ExitCode)
		}
	case "count":
		if r.Kind == ledger.Listed || r.Kind == ledger.Planned {
			return strconv.Itoa(r.Count)
		}
	case "unknown":
		if r.Unknown != "" {
			return "{" + r.Unknown + "}"
		}
	}
	var text string
	switch {
	case string(raw) == "true":
		return yesNo(true)
	case json.Unmarshal(raw, &text) == nil: // a number or a list is none
		return text
	}
	return string(raw)
}

// LedgerJSON writes records as the ledger itself has them, a JSON object a line.
func LedgerJSON(w io.Writer, records []ledger.Record) error {
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if r.Unknown != "" {
			line = append(append(append(line[:len(line)-1], ','), r.Unknown...), '}')
		}
		if err := JSONLine(w, line); err != nil {
			return err
		}
	}
	return nil
}
