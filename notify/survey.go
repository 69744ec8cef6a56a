package notify

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/rules"
)

// SurveyText writes for people how many tokens each rule of a policy concerns.
func SurveyText(w io.Writer, p *rules.Policy, c *rules.Survey) error {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"RULE", "MATCH", "UNKNOWN", "EXEMPT"})
	for _, rule := range p.Rules {
		reach := c.Rules[rule]
		t.AppendRow(table.Row{rule.ID, reach.Matched, reach.Unknown, reach.Exempt})
	}
	var b strings.Builder
	for line := range strings.Lines(t.Render() + "\n") {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	_, _ = fmt.Fprintf(&b, "of %s\n\n", Count(c.Tokens, "token"))
	_, err := io.WriteString(w, b.String())
	return err
}

// plainStyle is columns with two spaces between them and nothing else, so that a row is one line.
func plainStyle() table.Style {
	st := table.StyleDefault
	st.Options = table.OptionsNoBordersAndSeparators
	st.Box.PaddingLeft, st.Box.PaddingRight = "", "  "
	st.Format.Header = text.FormatDefault
	return st
}
