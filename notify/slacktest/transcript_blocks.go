package slacktest

import (
	"fmt"
	"strings"
)

func (t *transcript) blocks(in string, blocks []any) {
	for _, v := range blocks {
		m, _ := v.(map[string]any)
		t.block(in, m)
	}
}

func (t *transcript) block(in string, m map[string]any) {
	switch kind := str(m, "type"); kind {
	case "header":
		h := t.text(m["text"])
		t.line(in, h)
		t.line(in, strings.Repeat("=", runes(h)))
	case "section":
		if m["text"] != nil {
			t.line(in, t.text(m["text"]))
		}
		for _, f := range list(m["fields"]) {
			t.line(in, strings.ReplaceAll(t.text(f), "\n", ": "))
		}
		if a, ok := m["accessory"].(map[string]any); ok {
			t.line(in, t.element(a))
		}
	case "context":
		t.line(in, "~ "+t.all(m["elements"], " "))
	case "actions":
		t.line(in, t.all(m["elements"], " "))
	case "divider":
		t.line(in, "----")
	case "image":
		t.line(in, t.element(m))
	case "markdown":
		t.line(in, t.mrkdwn(str(m, "text")))
	case "rich_text":
		t.line(in, strings.TrimSuffix(t.rich(m), "\n"))
	case "table":
		t.table(in, list(m["rows"]), list(m["column_settings"]))
	case "data_table":
		t.line(in, str(m, "caption"))
		t.table(in, list(m["rows"]), nil)
	case "data_visualization":
		t.line(in, chartLine(m))
	default:
		t.line(in, "["+kind+"]")
		t.blocks(in, list(m["child_blocks"]))
	}
}

// text is what a text object shows.
func (t *transcript) text(v any) string {
	m, _ := v.(map[string]any)
	if str(m, "type") == "mrkdwn" {
		return t.mrkdwn(str(m, "text"))
	}
	return str(m, "text")
}

func (t *transcript) all(v any, sep string) string {
	var parts []string
	for _, e := range list(v) {
		m, _ := e.(map[string]any)
		parts = append(parts, t.element(m))
	}
	return strings.Join(parts, sep)
}

func (t *transcript) element(m map[string]any) string {
	switch kind := str(m, "type"); kind {
	case "mrkdwn", "plain_text":
		return t.text(m)
	case "image":
		return "[image: " + str(m, "alt_text") + "]"
	case "button":
		if url := str(m, "url"); url != "" {
			return "[" + t.text(m["text"]) + ": " + url + "]"
		}
		return "[" + t.text(m["text"]) + "]"
	default:
		return "[" + kind + "]"
	}
}

// rich is the text of a rich_text block or of a part of one. Every part of it ends its line.
func (t *transcript) rich(m map[string]any) string {
	var b strings.Builder
	n := 0
	for _, v := range list(m["elements"]) {
		e, _ := v.(map[string]any)
		switch kind := str(e, "type"); kind {
		case "rich_text_section", "rich_text_preformatted":
			b.WriteString(t.rich(e) + "\n")
		case "rich_text_quote":
			b.WriteString("> " + strings.ReplaceAll(t.rich(e), "\n", "\n> ") + "\n")
		case "rich_text_list":
			for _, w := range list(e["elements"]) {
				item, _ := w.(map[string]any)
				n++
				mark := "- "
				if str(e, "style") == "ordered" {
					mark = fmt.Sprintf("%d. ", n)
				}
				b.WriteString(mark + t.rich(item) + "\n")
			}
		case "link":
			if s := str(e, "text"); s != "" {
				b.WriteString(s + " (" + str(e, "url") + ")")
			} else {
				b.WriteString(str(e, "url"))
			}
		case "emoji":
			b.WriteString(":" + str(e, "name") + ":")
		case "user":
			b.WriteString(t.person(str(e, "user_id")))
		case "usergroup":
			b.WriteString(t.group(str(e, "usergroup_id")))
		case "broadcast":
			b.WriteString("@" + str(e, "range"))
		case "date":
			b.WriteString(str(e, "fallback"))
		default:
			b.WriteString(str(e, "text"))
		}
	}
	return b.String()
}

func (t *transcript) cell(v any) string {
	m, _ := v.(map[string]any)
	switch str(m, "type") {
	case "rich_text":
		return strings.ReplaceAll(strings.TrimSuffix(t.rich(m), "\n"), "\n", " ")
	case "action_cell":
		e, _ := m["element"].(map[string]any)
		return t.element(e)
	case "raw_number":
		if s := str(m, "text"); s != "" {
			return s
		}
		return str(m, "value")
	}
	return strings.ReplaceAll(str(m, "text"), "\n", " ")
}

// table writes rows in columns as wide as their widest cell.
func (t *transcript) table(in string, rows, settings []any) {
	var width []int
	cells := make([][]string, len(rows))
	for i, r := range rows {
		for j, c := range list(r) {
			s := t.cell(c)
			cells[i] = append(cells[i], s)
			if j == len(width) {
				width = append(width, 0)
			}
			width[j] = max(width[j], runes(s))
		}
	}
	for i, row := range cells {
		for j, s := range row {
			pad := strings.Repeat(" ", width[j]-runes(s))
			if right(settings, j) {
				row[j] = pad + s
			} else {
				row[j] = s + pad
			}
		}
		t.line(in, "| "+strings.Join(row, " | ")+" |")
		if i == 0 {
			rule := make([]string, len(row))
			for j := range row {
				rule[j] = strings.Repeat("-", width[j])
			}
			t.line(in, "|-"+strings.Join(rule, "-|-")+"-|")
		}
	}
}

func right(settings []any, column int) bool {
	if column >= len(settings) {
		return false
	}
	m, _ := settings[column].(map[string]any)
	return str(m, "align") == "right"
}

// chartLine is a chart as one line: its title and its numbers.
func chartLine(m map[string]any) string {
	chart, _ := m["chart"].(map[string]any)
	var parts []string
	point := func(v any) string {
		p, _ := v.(map[string]any)
		return str(p, "label") + " " + str(p, "value")
	}
	for _, v := range list(chart["segments"]) {
		parts = append(parts, point(v))
	}
	for _, v := range list(chart["series"]) {
		s, _ := v.(map[string]any)
		var points []string
		for _, w := range list(s["data"]) {
			points = append(points, point(w))
		}
		parts = append(parts, str(s, "name")+": "+strings.Join(points, ", "))
	}
	return fmt.Sprintf("[%s chart] %s: %s", str(chart, "type"), str(m, "title"), strings.Join(parts, "; "))
}
