package slack

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"tokensweep/audit"
)

// Plainer renders a message more simply, for a workspace that refused it: a data table as a table, a
// table or a chart as text in pieces, and at last no blocks but the text. No row is lost on the way before the
// last. It returns false if there is nothing simpler.
func Plainer(m Message) (Message, bool) {
	if len(m.Blocks) == 0 {
		return m, false
	}
	b := &builder{}
	changed := false
	for _, block := range m.Blocks {
		switch k := block.(type) {
		case *slack.DataTableBlock:
			changed = true
			b.add(plainTable(k))
		case *slack.TableBlock, *slack.DataVisualizationBlock:
			changed = true
			for i, piece := range pieces(textsOf(k)) {
				b.add(slack.NewSectionBlock(literal(piece), nil, nil,
					slack.SectionBlockOptionBlockID(fmt.Sprintf("%s.t%d", k.ID(), i))))
			}
		default:
			b.add(k)
		}
	}
	if changed {
		m.Blocks = b.blocks
		return m, true
	}
	var called []string
	for _, block := range m.Blocks {
		for _, s := range textsOf(block) {
			called = append(called, ourMention.FindAllString(s, -1)...)
		}
	}
	m.Text = strings.TrimSpace(strings.Join(called, " ") + " " + m.Text +
		" (Slack refused the details: they are in the run's own output.)")
	m.Blocks = nil
	return m, true
}

func plainTable(k *slack.DataTableBlock) slack.Block {
	b := &builder{run: &audit.Report{}}
	t := grid{}
	for i, row := range k.Rows {
		cells := make([]cell, len(row))
		for j, c := range row {
			if cells[j] = tableCell(c); i == 0 {
				t.head = append(t.head, cells[j].text)
			}
		}
		if i > 0 {
			t.rows = append(t.rows, cells)
		}
	}
	b.table(t)
	table, _ := b.blocks[0].(*slack.TableBlock)
	table.BlockID = k.BlockID + ".t"
	return table
}

// pieces joins lines to texts that fit into a section.
func pieces(lines []string) []string {
	var out []string
	var b strings.Builder
	size := 0
	for _, line := range lines {
		n := utf8.RuneCountInString(line) + 1
		if size > 0 && size+n > pieceChars {
			out = append(out, b.String())
			b.Reset()
			size = 0
		}
		if size > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
		size += n
	}
	return append(out, b.String())
}
