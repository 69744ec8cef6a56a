package notify

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"tokensweep/audit"
	"tokensweep/okta"
)

// tokenColumns are the columns that a token has in every table for machines.
var tokenColumns = []string{"name", "id", "clientName", "userId", "created", "lastUpdated", "lastUsed", "neverUsed", "idleDays", "expiresAt", "endsInDays", "network"}

func tokenCells(t *okta.Token, now time.Time) []string {
	blank := func(s string) string {
		if s == missing || s == malformed {
			return ""
		}
		return s
	}
	return []string{
		blank(words(t.Name)), okta.Printable(t.ID), blank(words(t.ClientName)), blank(words(t.UserID)),
		blank(instant(t.Created)), blank(instant(t.LastUpdated)), blank(instant(t.LastUsed())), blank(cell(t.NeverUsed(), yesNo)),
		dayCount(t.LastUsed(), now.Sub), blank(instant(t.ExpiresAt)), dayCount(t.ExpiresAt, func(end time.Time) time.Duration { return end.Sub(now) }),
		blank(network(t)),
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// CSV writes a report's findings, a line each, under a header line. A cell that a spreadsheet would take
// for a formula has an apostrophe before it. A report of an incomplete listing has no findings: don't
// write it, since an empty table looks like good news.
func CSV(w io.Writer, r *audit.Report) error {
	rows := [][]string{append([]string{"severity", "outcome", "step", "due", "rules", "why"}, tokenColumns...)}
	for i := range r.Findings {
		f := &r.Findings[i]
		due := ""
		if !f.Due.IsZero() {
			due = f.Due.Format(time.RFC3339)
		}
		rows = append(rows, append([]string{
			f.Severity.String(), string(f.Outcome), f.Step.String(), due, strings.Join(ruleIDs(f), " "), strings.Join(reasons(f), "; "),
		}, tokenCells(&f.Token, r.AsOf)...))
	}
	return writeCSV(w, rows)
}

func ruleIDs(f *audit.Finding) (ids []string) {
	for _, m := range f.Matched {
		ids = append(ids, m.Rule.ID)
	}
	return ids
}

func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, row := range rows {
		for i := range row {
			row[i] = unformula(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// unformula keeps spreadsheets from taking a cell for a formula
// (https://owasp.org/www-community/attacks/CSV_Injection); some take the wide forms of the signs too.
func unformula(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", first) {
		return "'" + s
	}
	return s
}

// Markdown writes a report for a wiki or an issue.
func Markdown(w io.Writer, r *audit.Report) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "# tokensweep %s of %s\n\n", r.Mode, code(r.OrgURL))
	if !r.Complete {
		_, _ = fmt.Fprintf(&b, "**Failed.** Nothing was judged and nothing was changed: %s\n\nRun %s\n", code(r.Err.Error()), r.ID)
		_, err := io.WriteString(w, b.String())
		return err
	}
	_, _ = fmt.Fprintf(&b, "As of %s. Nothing was changed. %s on %s, all of them read. %s.\n\n", r.AsOf.Format(time.RFC3339), count(r.Tokens, "token"), count(r.Pages, "page"), bySeverity(r))
	if len(r.Findings) > 0 {
		b.WriteString("| outcome | tokens | meaning |\n|---|---:|---|\n")
		for _, o := range audit.Outcomes {
			if n := r.Count(o); n > 0 {
				_, _ = fmt.Fprintf(&b, "| %s | %d | %s |\n", o, n, meaning[o])
			}
		}
		b.WriteString("\n| severity | token | id | client | owner | last used | Okta ends it in | what would happen | why |\n|---|---|---|---|---|---|---|---|---|\n")
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		why := reasons(f)
		for j := range why {
			why[j] = code(why[j])
		}
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			f.Severity, code(words(f.Token.Name)), code(f.Token.ID), code(words(f.Token.ClientName)), code(words(f.Token.UserID)),
			lastUse(&f.Token, r.AsOf), endsIn(&f.Token, r.AsOf), happens(f, r.AsOf), strings.Join(why, "<br>"))
	}
	if len(r.Notes) > 0 {
		b.WriteString("\nNotes:\n\n")
		for _, n := range r.Notes {
			_, _ = fmt.Fprintf(&b, "- %s\n", code(n))
		}
	}
	_, _ = fmt.Fprintf(&b, "\nRun %s, plan %s, policy %s (%s)\n", r.ID, r.Digest, r.PolicyDigest, code(r.PolicyFile))
	_, err := io.WriteString(w, b.String())
	return err
}

// code is the one way into Markdown for words that aren't ours: as a code span, in which nothing is
// markup, a link or a mention. The fence is longer than any run of backticks within
// (https://spec.commonmark.org/0.31.2/#code-spans), and | is escaped for tables.
func code(s string) string {
	s = okta.Printable(s)
	if s == "" {
		return ""
	}
	longest, run := 0, 0
	for _, c := range s {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}
