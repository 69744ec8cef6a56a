package notify

import (
	"encoding/json"
	"fmt"
	"io"
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

// LedgerCSV writes records as a table, under the rules of CSV.
func LedgerCSV(w io.Writer, records []ledger.Record) error {
	rows := [][]string{{"seq", "time", "kind", "run", "token", "name", "rule", "rules", "step", "result", "settled",
		"ref", "by", "reason", "plan", "policy", "org", "of", "part", "via", "doubted"}}
	for _, r := range records {
		ref, settled, doubted := "", "", ""
		if r.Doubted {
			doubted = yesNo(true)
		}
		if r.Kind == ledger.Outcome {
			ref, settled = strconv.FormatUint(r.Ref, 10), yesNo(r.Settled)
		}
		row := []string{
			strconv.FormatUint(r.Seq, 10), r.Time.UTC().Format(time.RFC3339Nano), string(r.Kind), r.Run, r.Token,
			r.Name, r.Rule, strings.Join(r.Rules, " "),
			r.Step, r.Result, settled, ref, r.By, r.Reason, r.Plan, r.Policy, r.Org, r.Of, r.Part, r.Via, doubted,
		}
		for i := range row {
			row[i] = okta.Printable(row[i])
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows)
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
