package notify

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/okta"
)

// tokenColumns are the columns that a token has in every table for machines.
var tokenColumns = []string{"name", "id", "clientName", "userId", "created", "lastUpdated", "lastUsed", "neverUsed",
	"idleDays", "expiresAt", "endsInDays", "network"}

// profileColumns are what an inventory knows of owners, and ownerColumns what a report does.
var (
	profileColumns = []string{"ownerLogin", "ownerEmail", "ownerStatus", "ownerLastLogin"}
	ownerColumns   = append(profileColumns[:len(profileColumns):len(profileColumns)], "ownerRoles")
)

func profileCells(o *okta.Owner) []string {
	if o == nil {
		return make([]string, len(profileColumns))
	}
	return []string{plain(o.Login, asIs), plain(o.Email, asIs), plain(o.Status, asIs), plain(o.LastLogin, rfc3339)}
}

func ownerCells(o *okta.Owner) []string {
	roles := ""
	if o != nil {
		roles = plain(o.Roles, func(roles []string) string { return strings.Join(roles, " ") })
	}
	return append(profileCells(o), roles)
}

func tokenCells(t *okta.Token, now time.Time) []string {
	return []string{
		plain(t.Name, asIs), okta.Printable(t.ID), plain(t.ClientName, asIs), plain(t.UserID, asIs),
		plain(t.Created, rfc3339), plain(t.LastUpdated, rfc3339), plain(t.LastUsed(), rfc3339),
		plain(t.NeverUsed(), yesNo),
		DayCount(t.LastUsed(), now.Sub), plain(t.ExpiresAt, rfc3339), DayCount(t.ExpiresAt,
			func(end time.Time) time.Duration { return end.Sub(now) }),
		plain(t.Network, network),
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
	header := slices.Concat([]string{"severity", "outcome", "step", "due", "rules", "why"}, tokenColumns, ownerColumns)
	return writeCSV(w, header, func(yield func([]string) bool) {
		for i := range r.Findings {
			f := &r.Findings[i]
			due := ""
			if !f.Due.IsZero() {
				due = f.Due.Format(time.RFC3339)
			}
			if !yield(slices.Concat([]string{
				f.Severity.String(), string(f.Outcome), f.Step.String(), due, strings.Join(RuleIDs(f), " "),
				strings.Join(Reasons(f), "; "),
			}, tokenCells(f.Token, f.At), ownerCells(f.Token.Owner))) {
				return
			}
		}
	})
}

// writeCSV writes a header and rows, which it may change.
func writeCSV(w io.Writer, header []string, rows iter.Seq[[]string]) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	for row := range rows {
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

// formula is where a spreadsheet may find one: a sign at the start of a cell, also in its wide form, or
// behind a semicolon, which is what parts cells where a comma is the decimal sign
// (https://owasp.org/www-community/attacks/CSV_Injection).
var formula = regexp.MustCompile(`(^|;)( *)([=+@＝＋－＠-])`)

// unformula puts an apostrophe before all that could be taken for a formula.
func unformula(s string) string { return formula.ReplaceAllString(s, "$1$2'$3") }

// Markdown writes a report for a wiki or an issue.
func Markdown(w io.Writer, r *audit.Report) error {
	b := bufio.NewWriterSize(w, 1<<16) // it keeps an error for Flush
	_, _ = fmt.Fprintf(b, "# tokensweep %s of %s\n\n", r.Mode, code(r.OrgURL))
	if !r.Complete {
		_, _ = fmt.Fprintf(b, "**Failed.** Nothing was judged and nothing was changed: %s\n\nRun %s\n",
			code(r.Err.Error()), r.ID)
		markdownNotes(b, r)
		return b.Flush()
	}
	_, _ = fmt.Fprintf(b, "As of %s. %s %s on %s, all of them read. %s.\n\n", r.AsOf.Format(time.RFC3339), changed(r),
		Count(r.Tokens, "token"), Count(r.Pages, "page"), BySeverity(r))
	if r.Err != nil {
		_, _ = fmt.Fprintf(b, "**Stopped:** %s\n\n", code(r.Err.Error()))
	}
	if len(r.Findings) > 0 {
		_, _ = b.WriteString("| outcome | tokens | meaning |\n|---|---:|---|\n")
		for _, o := range audit.Outcomes {
			if n := r.Count(o); n > 0 {
				_, _ = fmt.Fprintf(b, "| %s | %d | %s |\n", o, n, Meaning[o])
			}
		}
		_, _ = b.WriteString("\n| severity | token | id | client | owner | last used | Okta ends it in " +
			"| what would happen | why |\n|---|---|---|---|---|---|---|---|---|\n")
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		why := Reasons(f)
		for j := range why {
			why[j] = code(why[j])
		}
		_, _ = fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			f.Severity, code(Words(f.Token.Name)), code(f.Token.ID), code(Words(f.Token.ClientName)),
			code(Owner(f.Token)),
			LastUse(f.Token, f.At), EndsIn(f.Token, f.At), Happens(f), strings.Join(why, "<br>"))
	}
	if asks := Restorations(r); len(asks) > 0 {
		_, _ = b.WriteString("\n" + GiveBackTitle + ":\n\n")
		for _, ask := range asks {
			_, _ = fmt.Fprintf(b, "- %s\n", code(ask))
		}
	}
	if off := calledOff(r); len(off) > 0 {
		_, _ = b.WriteString("\n" + CalledOffTitle(r) + ":\n\n")
		for _, line := range off {
			_, _ = fmt.Fprintf(b, "- %s\n", code(line))
		}
	}
	if len(r.Vanished) > 0 {
		_, _ = b.WriteString("\nNo longer listed:\n\n")
		for _, v := range r.Vanished {
			_, _ = fmt.Fprintf(b, "- %s %s: %s\n", code(v.Name), code(v.ID), code(v.Reason))
		}
	}
	markdownNotes(b, r)
	_, _ = fmt.Fprintf(b, "\nRun %s, plan %s, policy %s (%s)", r.ID, r.Digest, r.PolicyDigest, code(r.PolicyFile))
	if r.Head.Seq > 0 {
		_, _ = fmt.Fprintf(b, ", ledger %d:%s", r.Head.Seq, r.Head.Hash)
	}
	_, _ = b.WriteString("\n")
	return b.Flush()
}

func markdownNotes(b textWriter, r *audit.Report) {
	if len(r.Notes) > 0 {
		_, _ = b.WriteString("\nNotes:\n\n")
	}
	for _, n := range r.Notes {
		_, _ = fmt.Fprintf(b, "- %s\n", code(n))
	}
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
	return fence + strings.ReplaceAll(s, "|", `\x7c`) + fence
}
