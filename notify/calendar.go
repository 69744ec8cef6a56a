package notify

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/audit"
	"tokensweep/okta"
)

// CalendarText writes a calendar for people, a heading for each day on which something happens.
func CalendarText(w io.Writer, c *audit.Calendar, s Style) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s of %s\n", s.paint(text.FgGreen, "tokensweep simulate"), okta.Printable(c.OrgURL))
	_, _ = fmt.Fprintf(&b, "from %s to %s\n%s of %s. Nothing was changed.\n", rfc3339(c.From), rfc3339(c.Until),
		Count(c.Runs, "run"), Count(c.Tokens, "token"))
	b.WriteString("\nASSUMED\n")
	for _, a := range c.Assumed {
		paragraph(&b, s, "  - ", okta.Printable(a))
	}
	b.WriteString("\n")
	paragraph(&b, s, "", totals(c.Events))
	last := ""
	for _, e := range c.Events {
		if day := e.At.UTC().Format("2006-01-02 Mon"); day != last {
			last = day
			b.WriteString("\n" + s.paint(text.FgMagenta, day) + "\n")
		}
		name := ""
		if e.Token != nil {
			name = Title(e.Token) + " (" + okta.Printable(e.Token.ID) + "): "
		}
		paragraph(&b, s, "  "+e.At.UTC().Format("15:04")+" ", name+s.paint(colorOf(audit.Outcome(e.What)), what(e))+
			because(e))
	}
	if len(c.Notes) > 0 {
		b.WriteString("\nNOTES\n")
	}
	for _, n := range c.Notes {
		paragraph(&b, s, "  - ", okta.Printable(n))
	}
	_, _ = fmt.Fprintf(&b, "\npolicy %s (%s)\n", ShortDigest(c.PolicyDigest), okta.Printable(c.PolicyFile))
	_, err := io.WriteString(w, b.String())
	return err
}

// totals counts the events by what they are, in the order of a report's outcomes.
func totals(events []audit.Event) string {
	n := make(map[string]int)
	for _, e := range events {
		n[e.What]++
	}
	order := []string{audit.Stopped, audit.Ended, audit.Cleared}
	for _, o := range slices.Backward(audit.Outcomes) {
		order = append([]string{string(o)}, order...)
	}
	var parts []string
	for _, what := range order {
		if n[what] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[what], what))
		}
	}
	if len(parts) == 0 {
		return "Nothing happens."
	}
	return "What happens: " + strings.Join(parts, ", ") + "."
}

type jsonCalendar struct {
	Schema int     `json:"schema"`
	Org    string  `json:"org"`
	From   *string `json:"from"`
	Until  *string `json:"until"`
	Policy struct {
		jsonPolicy
		Mode string `json:"mode"`
	} `json:"policy"`
	Schedule string             `json:"schedule"`
	Runs     int                `json:"runs"`
	Tokens   int                `json:"tokens"`
	Assumed  []string           `json:"assumed"`
	Events   []jsonCalendarItem `json:"events"`
	Notes    []string           `json:"notes"`
}

// jsonCalendarItem is an event; token is null for one of a whole run.
type jsonCalendarItem struct {
	At       *string    `json:"at"`
	What     string     `json:"what"`
	Token    *jsonToken `json:"token"`
	Severity string     `json:"severity"`
	Step     string     `json:"step"`
	Due      *string    `json:"due"`
	Rules    []string   `json:"rules"`
	Why      []string   `json:"why"`
}

// CalendarJSON writes a calendar as one JSON object.
func CalendarJSON(w io.Writer, c *audit.Calendar) error {
	j := jsonCalendar{
		Schema: 1, Org: c.OrgURL, From: timestamp(c.From), Until: timestamp(c.Until), Schedule: c.Schedule,
		Runs: c.Runs, Tokens: c.Tokens,
		Assumed: append([]string{}, c.Assumed...), Events: calendarItems(c.Events),
		Notes: append([]string{}, c.Notes...),
	}
	j.Policy.jsonPolicy, j.Policy.Mode = jsonPolicy{c.PolicyDigest, c.PolicyFile}, string(c.Mode)
	return writeJSON(w, j)
}

func calendarItems(events []audit.Event) []jsonCalendarItem {
	items := make([]jsonCalendarItem, 0, len(events))
	for _, e := range events {
		item := jsonCalendarItem{
			At: timestamp(e.At), What: e.What, Severity: e.Severity.String(), Step: e.Step.String(),
			Due:   timestamp(e.Due),
			Rules: append([]string{}, e.Rules...), Why: append([]string{}, e.Why...),
		}
		if e.Token != nil {
			t := tokenJSON(e.Token)
			item.Token = &t
		}
		items = append(items, item)
	}
	return items
}

// CalendarCSV writes the events of a calendar as a table, under the rules of CSV. What is assumed has no place in it.
func CalendarCSV(w io.Writer, c *audit.Calendar) error {
	rows := [][]string{slices.Concat([]string{"at", "what", "severity", "step", "due", "rules", "why"}, tokenColumns)}
	for _, e := range c.Events {
		due, cells := "", make([]string, len(tokenColumns))
		if !e.Due.IsZero() {
			due = e.Due.UTC().Format(time.RFC3339)
		}
		if e.Token != nil {
			cells = tokenCells(e.Token, e.At)
		}
		rows = append(rows, slices.Concat([]string{
			rfc3339(e.At), e.What, e.Severity.String(), e.Step.String(), due, strings.Join(e.Rules, " "),
			okta.Printable(strings.Join(e.Why, "; ")),
		}, cells))
	}
	return writeCSV(w, rows[0], slices.Values(rows[1:]))
}
