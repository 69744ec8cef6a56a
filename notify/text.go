package notify

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Style says for what kind of screen text is written.
type Style struct {
	// Width is how many columns there are; 0 means 120. Below 80 it counts as 80.
	Width int
	// Color allows escape sequences of ours.
	Color bool
}

func (s Style) width() int {
	if s.Width == 0 {
		return 120
	}
	return max(s.Width, 80)
}

func (s Style) paint(color text.Color, words string) string {
	if !s.Color {
		return words
	}
	return text.Colors{text.Bold, color}.Sprint(words)
}

// Text writes a report for people.
func Text(w io.Writer, r *audit.Report, s Style) error {
	b := bufio.NewWriterSize(w, 1<<16) // it keeps an error for Flush
	if !r.Complete {
		_, _ = fmt.Fprintf(b, "%s of %s\n\n", s.paint(text.FgRed, "FAILED: tokensweep "+string(r.Mode)),
			okta.Printable(r.OrgURL))
		paragraph(b, s, "Nothing was judged and nothing was changed. ", okta.Printable(r.Err.Error()))
		notes(b, r, s)
		footer(b, r)
		return b.Flush()
	}
	_, _ = fmt.Fprintf(b, "%s of %s\n", s.paint(text.FgGreen, "tokensweep "+string(r.Mode)), okta.Printable(r.OrgURL))
	_, _ = fmt.Fprintf(b, "as of %s. %s\n", r.AsOf.Format("2006-01-02 15:04:05 MST"), changed(r))
	if r.Err != nil {
		paragraph(b, s, s.paint(text.FgRed, "STOPPED: "), okta.Printable(r.Err.Error()))
	}
	_, _ = b.WriteString("\n")
	summary(b, r, s)
	findings(b, r, s)
	advice(b, r, s)
	vanished(b, r, s)
	if off := calledOff(r); len(off) > 0 {
		_, _ = b.WriteString("\n" + strings.ToUpper(CalledOffTitle(r)) + "\n")
		for _, line := range off {
			paragraph(b, s, "  - ", line)
		}
	}
	notes(b, r, s)
	enforcing(b, r)
	footer(b, r)
	return b.Flush()
}

// Brief writes what a run is about to do or has done, without the findings that it only reports.
func Brief(w io.Writer, r *audit.Report, s Style) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s of %s, as of %s\n%s\n", s.paint(text.FgGreen, "tokensweep "+string(r.Mode)),
		okta.Printable(r.OrgURL), r.AsOf.Format("2006-01-02 15:04:05 MST"), changed(r))
	if r.Err != nil {
		paragraph(&b, s, s.paint(text.FgRed, "STOPPED: "), okta.Printable(r.Err.Error()))
	}
	if !r.Before && r.Complete {
		summary(&b, r, s)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		switch f.Outcome {
		case audit.Flagged, audit.Unknown, audit.Protected, audit.Exempt:
			continue
		}
		line := fmt.Sprintf("%s (%s)", Words(f.Token.Name), okta.Printable(f.Token.ID))
		if f.Reason != "" {
			line += ": " + okta.Printable(f.Reason)
		}
		paragraph(&b, s, "  "+s.paint(colorOf(f.Outcome), happensNow(f, r.Before))+" - ", line)
	}
	for _, v := range r.Vanished {
		paragraph(&b, s, "  no longer listed - ", okta.Printable(fmt.Sprintf("%s (%s): %s", v.Name, v.ID, v.Reason)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// changed says what the run has changed.
func changed(r *audit.Report) string {
	switch {
	case r.Before && (r.Err != nil || r.Actions == 0):
		return "Nothing will be changed."
	case r.Before:
		return fmt.Sprintf("About to change %s.", Count(r.Actions, "token"))
	case !r.Acted:
		return "Nothing was changed."
	}
	return fmt.Sprintf("Changed: %d revoked, %d quarantined, %d failed.", r.Done(audit.Revoked),
		r.Done(audit.Quarantined), r.Done(audit.Failed))
}

func notes(b textWriter, r *audit.Report, s Style) {
	if len(r.Notes) > 0 {
		_, _ = b.WriteString("\nNOTES\n")
	}
	for _, n := range r.Notes {
		paragraph(b, s, "  - ", okta.Printable(n))
	}
}

func vanished(b textWriter, r *audit.Report, s Style) {
	if len(r.Vanished) > 0 {
		_, _ = b.WriteString("\nNO LONGER LISTED\n")
	}
	for _, v := range r.Vanished {
		paragraph(b, s, "  - ", okta.Printable(fmt.Sprintf("%s (%s): %s", v.Name, v.ID, v.Reason)))
	}
}

// enforcing writes what it takes to carry out the plan, on one line to copy.
func enforcing(b textWriter, r *audit.Report) {
	switch {
	case !r.PlanKept || r.Actions == 0:
	case r.PolicyMode != rules.Enforce:
		_, _ = b.WriteString("\n" + EnforceFirst + "\n")
	default:
		flags := r.Flags
		if flags != "" {
			flags += " "
		}
		_, _ = fmt.Fprintf(b, "\n%s\n  tokensweep run %s--enforce --plan %s\n", EnforceTitle, okta.Printable(flags),
			r.Digest)
	}
}

// footer names what a reader needs to find this run again.
func footer(b textWriter, r *audit.Report) {
	_, _ = fmt.Fprintf(b, "\nrun    %s\n", r.ID)
	if r.Complete {
		_, _ = fmt.Fprintf(b, "plan   %s\npolicy %s (%s)\n", r.Digest, ShortDigest(r.PolicyDigest),
			okta.Printable(r.PolicyFile))
	}
	if r.Head.Seq > 0 {
		_, _ = fmt.Fprintf(b, "ledger %s\n", r.Head)
	}
}

func summary(b textWriter, r *audit.Report, s Style) {
	_, _ = fmt.Fprintf(b, "%s on %s, all of them read.\n%s.\n", Count(r.Tokens, "token"), Count(r.Pages, "page"),
		BySeverity(r))
	if c := r.Changes; c.Known {
		_, _ = fmt.Fprintf(b, "Since the last run: %d new, %d ongoing, %d resolved.\n", c.New, c.Ongoing, c.Resolved)
		if c.Moved > 0 {
			_, _ = fmt.Fprintf(b, "Of the ongoing, %d have another severity or another date now.\n", c.Moved)
		}
	}
	for _, o := range audit.Outcomes {
		if n := r.Count(o); n > 0 {
			_, _ = fmt.Fprintf(b, "  %s %4d  %s\n", s.paint(colorOf(o), fmt.Sprintf("%-16s", o)), n, Meaning[o])
		}
	}
}

func colorOf(o audit.Outcome) text.Color {
	switch o {
	case audit.WouldRevoke, audit.WouldQuarantine, audit.Revoked, audit.Quarantined, audit.Failed:
		return text.FgRed
	case audit.Pending, audit.Flagged, audit.Unknown, audit.Held, audit.Changed:
		return text.FgYellow
	default:
		return text.FgCyan
	}
}

// findings writes the table, and under each row what would happen and why.
func findings(b textWriter, r *audit.Report, s Style) {
	t := newTokenTable(s, func(yield func(row) bool) {
		for i := range r.Findings {
			if !yield(row{r.Findings[i].Token, r.Findings[i].At}) {
				return
			}
		}
	})
	for i := range r.Findings {
		f := &r.Findings[i]
		if i == 0 || f.Severity != r.Findings[i-1].Severity {
			title := s.paint(text.FgMagenta, strings.ToUpper(f.Severity.String()))
			_, _ = fmt.Fprintf(b, "\n%s\n%s\n", title, t.header())
		}
		_, _ = b.WriteString(t.line(row{f.Token, f.At}) + "\n")
		if whole := t.cut(f.Token, s.width()-4); whole != "" {
			paragraph(b, s, "    ", whole)
		}
		what := happensNow(f, r.Before)
		for j, why := range Reasons(f) {
			if j == 0 {
				paragraph(b, s, "    "+s.paint(colorOf(f.Outcome), what)+" - ", why)
			} else {
				paragraph(b, s, "    ", why)
			}
		}
	}
}

// advice writes what to do: which quarantines to undo, and what the policy advises about each rule that matched.
func advice(b textWriter, r *audit.Report, s Style) {
	given := make(map[*rules.Rule]bool)
	if asks := Restorations(r); len(asks) > 0 {
		_, _ = b.WriteString("\n" + GiveBackTitle + "\n")
		for _, ask := range asks {
			paragraph(b, s, "  - ", ask)
		}
	}
	for i := range r.Findings {
		for _, m := range r.Findings[i].Matched {
			if m.Rule.Advice == "" || given[m.Rule] {
				continue
			}
			if len(given) == 0 {
				_, _ = b.WriteString("\nWHAT TO DO\n")
			}
			given[m.Rule] = true
			paragraph(b, s, "  - ", m.Rule.ID+": "+okta.Printable(m.Rule.Advice))
		}
	}
}

// row is a token in a table, and the instant from which its times are counted.
type row struct {
	token *okta.Token
	at    time.Time
}

// columns are the widths of those columns of a table of tokens that can't have what they want.
type columns struct {
	name, client, owner int
	user                func(id string) string // how an owner is shown of whom only the id is known
}

// columnsOf shares out the width. The id is always whole: the next command needs it.
func columnsOf(s Style) columns {
	if s.width() >= 110 {
		return columns{s.width() - 84, 15, 20, func(id string) string { return id }}
	}
	return columns{s.width() - 71, 10, 12, Short}
}

// cut repeats, a line long at most, the cells of a token that had to be cut in the table; "" if none had.
func (c columns) cut(t *okta.Token, line int) string {
	var whole []string
	for _, cell := range []struct {
		words string
		width int
	}{{Title(t), c.name}, {Words(t.ClientName), c.client}, {ownerWith(t, c.user), c.owner}} {
		if fit(cell.words, cell.width) != cell.words {
			whole = append(whole, fit(cell.words, line))
		}
	}
	return strings.Join(whole, " · ")
}

// tokenTable lays out a table of tokens, a line at a time, two spaces between columns. So a table of any length takes
// no memory.
type tokenTable struct {
	columns
	widths [6]int
}

var tokenTitles = [6]string{"NAME", "ID", "CLIENT", "OWNER", "LAST USED", "ENDS IN"}

// newTokenTable is as wide as its rows want.
func newTokenTable(s Style, rows iter.Seq[row]) tokenTable {
	t := tokenTable{columns: columnsOf(s)}
	t.widen(tokenTitles)
	for r := range rows {
		t.widen(t.cells(r))
	}
	return t
}

func (t *tokenTable) widen(cells [6]string) {
	for i, cell := range cells {
		t.widths[i] = max(t.widths[i], text.StringWidthWithoutEscSequences(cell))
	}
}

func (t *tokenTable) cells(r row) [6]string {
	k := r.token
	return [6]string{
		fit(Title(k), t.name), okta.Printable(k.ID), fit(Words(k.ClientName), t.client),
		fit(ownerWith(k, t.user), t.owner), LastUse(k, r.at), EndsIn(k, r.at),
	}
}

func (t *tokenTable) header() string { return t.join(tokenTitles) }

func (t *tokenTable) line(r row) string { return t.join(t.cells(r)) }

func (t *tokenTable) join(cells [6]string) string {
	for i := range cells {
		cells[i] = text.Pad(cells[i], t.widths[i], ' ')
	}
	return strings.TrimRight(strings.Join(cells[:], "  "), " ")
}

// textWriter is where text goes that is written piece by piece: a bufio.Writer or a strings.Builder, which need no look
// at each error.
type textWriter interface {
	io.Writer
	io.StringWriter
}

// fit cuts a text to n columns of a screen, and marks that it did.
func fit(words string, n int) string { return text.Snip(words, n, "…") }

// paragraph writes words behind a first indent, broken at spaces to the width of the screen; the lines
// that follow are indented by six.
func paragraph(b textWriter, s Style, indent, words string) { hang(b, s, indent, 6, words) }

// hang is paragraph, with the lines that follow indented by so many columns.
func hang(b textWriter, s Style, indent string, rest int, words string) {
	line, used := indent, text.StringWidthWithoutEscSequences(indent)
	first := true
	for word := range strings.FieldsSeq(words) {
		n := text.StringWidthWithoutEscSequences(word)
		switch {
		case first:
			line, used, first = line+word, used+n, false
		case used+1+n > s.width():
			_, _ = b.WriteString(line + "\n")
			line, used = strings.Repeat(" ", rest)+word, rest+n
		default:
			line, used = line+" "+word, used+1+n
		}
	}
	_, _ = b.WriteString(line + "\n")
}
