package notify

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/audit"
	"tokensweep/okta"
)

// statuses are in the order in which they are counted.
var statuses = []audit.Status{audit.Failure, audit.Warning, audit.Good, audit.Skipped}

// DoctorText writes checks for people: a line or more for each, and under it what to do.
func DoctorText(w io.Writer, checks []audit.Check, s Style) error {
	longest := 0
	counts := make(map[audit.Status]int)
	for _, c := range checks {
		longest = max(longest, len(c.Name))
		counts[c.Status]++
	}
	var b strings.Builder
	for _, c := range checks {
		column := len("warning  ") + longest + 2
		hang(&b, s, fmt.Sprintf("%s  %-*s  ", s.paint(statusColor(c.Status), fmt.Sprintf("%-7s", c.Status)), longest,
			c.Name), column, okta.Printable(c.Detail))
		if c.Advice != "" {
			hang(&b, s, strings.Repeat(" ", column)+"-> ", column+3, okta.Printable(c.Advice))
		}
	}
	var parts []string
	for _, status := range statuses {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", status, n))
		}
	}
	_, _ = fmt.Fprintf(&b, "\n%s: %s\n", Count(len(checks), "check"), strings.Join(parts, ", "))
	if code := audit.Worst(checks); code != audit.OK {
		_, _ = fmt.Fprintf(&b, "A run would come to the exit code %d.\n", code)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func statusColor(status audit.Status) text.Color {
	switch status {
	case audit.Failure:
		return text.FgRed
	case audit.Warning:
		return text.FgYellow
	case audit.Good:
		return text.FgGreen
	default:
		return text.FgCyan
	}
}

// jsonCheck is a contract with its readers, as the report is. ExitCode is 0 unless the status is failure.
type jsonCheck struct {
	Name     string         `json:"name"`
	Status   audit.Status   `json:"status"`
	Detail   string         `json:"detail"`
	Advice   string         `json:"advice"`
	ExitCode audit.ExitCode `json:"exitCode"`
}

// DoctorJSON writes checks as one JSON object.
func DoctorJSON(w io.Writer, checks []audit.Check) error {
	out := struct {
		Schema   int            `json:"schema"`
		ExitCode audit.ExitCode `json:"exitCode"`
		Checks   []jsonCheck    `json:"checks"`
	}{1, audit.Worst(checks), make([]jsonCheck, 0, len(checks))}
	for _, c := range checks {
		out.Checks = append(out.Checks, jsonCheck{c.Name, c.Status, c.Detail, c.Advice, c.Code})
	}
	return writeJSON(w, out)
}
