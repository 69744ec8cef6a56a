package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/rules"
)

// What a message may hold. Slack allows more in some places; a message within these can also be
// rendered more simply without losing a row.
const (
	parentChars = 3500 // of the message in the channel
	pageRows    = 99   // of a table, without its header
	pageChars   = 6000 // of a table
	pieceChars  = 2900 // of a section
	chartPoints = 20   // of a chart
)

// cell is a cell of a table. Its text is safe.
type cell struct {
	text, emoji string
	number      *float64
}

func foreign(s string, n int) cell { return cell{text: safe(s, n)} }

func (c cell) size() int { return utf8.RuneCountInString(c.text) }

// grid is a table: its header and its rows.
type grid struct {
	head []string
	rows [][]cell
}

// builder collects the blocks of one message.
type builder struct {
	run    *audit.Report
	part   string
	rev    int
	blocks []slack.Block
}

func newBuilder(r *audit.Report, part string, o Options) *builder {
	rev := 1
	if o.Stage != Before && r.Mode == rules.Enforce {
		rev = 2
	}
	return &builder{run: r, part: part, rev: rev}
}

// id is new for each revision of a message, as Slack wants it.
func (b *builder) id() string {
	return fmt.Sprintf("%s.%s.%d.%d", b.part, safe(b.run.ID, 60), b.rev, len(b.blocks))
}

func (b *builder) add(block slack.Block) { b.blocks = append(b.blocks, block) }

func (b *builder) message(text string) Message {
	r := b.run
	return Message{Text: text, Blocks: b.blocks, Part: b.part, Metadata: slack.SlackMetadata{
		EventType: EventType,
		EventPayload: map[string]any{
			"schema": 1, "run_id": safe(r.ID, 60), "part": b.part, "rev": b.rev,
			"findings": len(r.Findings), "actions": due(r), "revoked": r.Count(audit.Revoked),
			"quarantined": r.Done(audit.Quarantined), "failed": r.Count(audit.Failed), "exit_code": int(r.Code),
		},
	}}
}

func literal(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

// header takes words of ours only.
func (b *builder) header(s string) {
	b.add(slack.NewHeaderBlock(literal(safe(s, 150)), slack.HeaderBlockOptionBlockID(b.id())))
}

// section takes mrkdwn, in which what is foreign went through mrkdwn.
func (b *builder) section(s string) {
	b.add(slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, s, false, true), nil, nil,
		slack.SectionBlockOptionBlockID(b.id())))
}

// context takes safe text.
func (b *builder) context(s string) { b.add(slack.NewContextBlock(b.id(), literal(s))) }

func span(s string, bold bool) slack.RichTextSectionElement {
	if bold {
		return slack.NewRichTextSectionTextElement(s, &slack.RichTextSectionTextStyle{Bold: true})
	}
	return slack.NewRichTextSectionTextElement(s, nil)
}

// bullets writes a title of ours and safe sentences under it.
func (b *builder) bullets(title string, items []string) {
	if len(items) == 0 {
		return
	}
	list := make([]slack.RichTextElement, len(items))
	for i, item := range items {
		list[i] = slack.NewRichTextSection(span(item, false))
	}
	b.add(slack.NewRichTextBlock(b.id(), slack.NewRichTextSection(span(title, true)),
		slack.NewRichTextList(slack.RTEListBullet, 0, list...)))
}

// command writes a command line that can be copied.
func (b *builder) command(title, line string) {
	b.add(slack.NewRichTextBlock(b.id(), slack.NewRichTextSection(span(title, true)),
		&slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{
			span(line, false)}}))
}

func (b *builder) table(t grid) {
	block := slack.NewTableBlock(b.id())
	cells := make([]slack.TableCell, len(t.head))
	settings := make([]slack.ColumnSetting, len(t.head))
	for i, h := range t.head {
		cells[i] = slack.NewTableRichTextCell(slack.NewRichTextSection(span(h, true)))
		settings[i] = slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: true}
	}
	block.Rows = append(block.Rows, cells)
	for _, row := range t.rows {
		cells := make([]slack.TableCell, len(row))
		for i, c := range row {
			cells[i] = slack.NewTableRawTextCell(c.text)
			if c.emoji != "" {
				cells[i] = slack.NewTableRichTextCell(
					slack.NewRichTextSection(slack.NewRichTextSectionEmojiElement(c.emoji, 0, nil),
						span(" "+c.text, false)))
			}
		}
		block.Rows = append(block.Rows, cells)
	}
	b.add(block.WithColumnSettings(settings...))
}

func (b *builder) dataTable(caption string, t grid) {
	block := slack.NewDataTableBlock(caption, slack.DataTableBlockOptionBlockID(b.id())).WithPageSize(10)
	head := make([]slack.DataTableCell, len(t.head))
	for i, h := range t.head {
		head[i] = slack.NewDataTableRawTextCell(h)
	}
	block.Rows = append(block.Rows, head)
	for _, row := range t.rows {
		cells := make([]slack.DataTableCell, len(row))
		for i, c := range row {
			if c.number != nil {
				cells[i] = slack.NewDataTableRawNumberCell(*c.number).WithText(c.text)
			} else {
				cells[i] = slack.NewDataTableRawTextCell(c.text)
			}
		}
		block.Rows = append(block.Rows, cells)
	}
	b.add(block)
}

// pages splits rows so that each page is a table within Slack's limits.
func (t grid) pages() []grid {
	var out []grid
	head := 0
	for _, h := range t.head {
		head += utf8.RuneCountInString(h)
	}
	size, from := head, 0
	for i, row := range t.rows {
		n := 0
		for _, c := range row {
			n += c.size()
		}
		if i > from && (size+n > pageChars || i-from == pageRows) {
			out = append(out, grid{t.head, t.rows[from:i]})
			size, from = head, i
		}
		size += n
	}
	if from < len(t.rows) {
		out = append(out, grid{t.head, t.rows[from:]})
	}
	return out
}

// chart draws how many findings the last runs had. Its labels are different, as Slack wants them.
func (b *builder) chart(trend []TrendPoint) {
	labels := trendLabels(trend)
	var all, critical []slack.DataVisualizationDataPoint
	for i, p := range trend {
		all = append(all, slack.NewDataVisualizationDataPoint(labels[i], float64(p.Findings)))
		critical = append(critical, slack.NewDataVisualizationDataPoint(labels[i], float64(p.Critical)))
	}
	b.add(slack.NewDataVisualizationBlock(fmt.Sprintf("Findings of the last %d runs", len(trend)),
		slack.NewDataVisualizationLineChart(
			slack.NewDataVisualizationAxisConfig(labels...),
			slack.NewDataVisualizationDataSeries("findings", all...), slack.NewDataVisualizationDataSeries("critical",
				critical...),
		), slack.DataVisualizationBlockOptionBlockID(b.id())))
}

func trendLabels(trend []TrendPoint) []string {
	for _, layout := range []string{"01-02", "01-02 15:04", "06-01-02 15:04:05"} {
		labels, seen := make([]string, len(trend)), make(map[string]bool)
		for i, p := range trend {
			labels[i] = p.At.UTC().Format(layout)
			seen[labels[i]] = true
		}
		if len(seen) == len(trend) {
			return labels
		}
	}
	labels := make([]string, len(trend))
	for i, p := range trend {
		labels[i] = fmt.Sprintf("%s #%d", p.At.UTC().Format(time.DateOnly), i+1)
	}
	return labels
}

// textsOf are all texts of a block, in order, a row of a table as one line.
func textsOf(block slack.Block) []string {
	switch k := block.(type) {
	case *slack.HeaderBlock:
		return []string{k.Text.Text}
	case *slack.SectionBlock:
		return []string{k.Text.Text}
	case *slack.ContextBlock:
		var out []string
		for _, e := range k.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				out = append(out, t.Text)
			}
		}
		return out
	case *slack.RichTextBlock:
		return richTexts(k.Elements)
	case *slack.TableBlock:
		out := make([]string, len(k.Rows))
		for i, row := range k.Rows {
			cells := make([]string, len(row))
			for j, c := range row {
				cells[j] = tableCellText(c)
			}
			out[i] = strings.Join(cells, " | ")
		}
		return out
	case *slack.DataTableBlock:
		out := []string{k.Caption}
		for _, row := range k.Rows {
			cells := make([]string, len(row))
			for j, c := range row {
				cells[j] = tableCell(c).text
			}
			out = append(out, strings.Join(cells, " | "))
		}
		return out
	case *slack.DataVisualizationBlock:
		return chartTexts(k)
	}
	return nil
}

func tableCellText(c slack.TableCell) string {
	switch k := c.(type) {
	case *slack.TableRawTextCell:
		return k.Text
	case *slack.TableRawNumberCell:
		return k.Text
	case *slack.TableRichTextCell:
		return strings.TrimSpace(strings.Join(richTexts(k.Elements), " "))
	}
	return ""
}

func tableCell(c slack.DataTableCell) cell {
	switch k := c.(type) {
	case *slack.DataTableRawTextCell:
		return cell{text: k.Text}
	case *slack.DataTableRawNumberCell:
		return cell{text: k.Text, number: &k.Value}
	}
	return cell{text: "–"}
}

func chartTexts(k *slack.DataVisualizationBlock) []string {
	out := []string{k.Title}
	line, ok := k.Chart.(*slack.DataVisualizationLineChart)
	if !ok {
		return out
	}
	for _, s := range line.Series {
		points := make([]string, len(s.Data))
		for i, p := range s.Data {
			points[i] = fmt.Sprintf("%s %.0f", p.Label, p.Value)
		}
		out = append(out, s.Name+": "+strings.Join(points, ", "))
	}
	return out
}

func richTexts(elements []slack.RichTextElement) []string {
	var out []string
	for _, e := range elements {
		var spans []slack.RichTextSectionElement
		switch k := e.(type) {
		case *slack.RichTextSection:
			spans = k.Elements
		case *slack.RichTextPreformatted:
			spans = k.Elements
		case *slack.RichTextList:
			out = append(out, richTexts(k.Elements)...)
		}
		var b strings.Builder
		for _, s := range spans {
			if t, ok := s.(*slack.RichTextSectionTextElement); ok {
				b.WriteString(t.Text)
			}
		}
		if b.Len() > 0 {
			out = append(out, b.String())
		}
	}
	return out
}

// sizeOf counts the characters of blocks.
func sizeOf(blocks []slack.Block) int {
	n := 0
	for _, b := range blocks {
		for _, s := range textsOf(b) {
			n += utf8.RuneCountInString(s)
		}
	}
	return n
}
