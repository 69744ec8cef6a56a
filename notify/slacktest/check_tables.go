package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
)

func (c *checker) table(p string, m map[string]any) {
	if c.tables++; c.tables > 1 {
		c.bad(p, "only_one_table_allowed")
	}
	rows := list(m["rows"])
	c.between(p+"/rows", len(rows), 1, maxTableRows)
	for i, v := range rows {
		at := fmt.Sprintf("%s/rows/%d", p, i)
		cells := list(v)
		c.between(at, len(cells), 1, maxTableColumns)
		for j, w := range cells {
			c.tableText += c.cell(fmt.Sprintf("%s/%d", at, j), w, "raw_text", "raw_number", "rich_text")
		}
	}
	if c.tableText > maxTableText {
		c.bad(p+"/rows", "must be less than %d characters in all cells", maxTableText+1)
	}
	settings := list(m["column_settings"])
	if len(settings) > maxTableColumns {
		c.bad(p+"/column_settings", "no more than %d items allowed", maxTableColumns)
	}
	for i, v := range settings {
		at := fmt.Sprintf("%s/column_settings/%d", p, i)
		if v == nil {
			continue // Slack skips a column that way
		}
		if s := c.object(at, v); s != nil {
			c.keys(at, s, "align", "is_wrapped")
			c.oneOf(at, s, "align", "left", "center", "right")
			if w, ok := s["is_wrapped"]; ok && w != true && w != false {
				c.bad(at+"/is_wrapped", "must be a boolean")
			}
		}
	}
}

func (c *checker) dataTable(p string, m map[string]any) {
	c.str(p, m, "caption", 1, maxText)
	rows := list(m["rows"])
	c.between(p+"/rows", len(rows), 2, maxDataRows)
	width := -1
	for i, v := range rows {
		at := fmt.Sprintf("%s/rows/%d", p, i)
		cells := list(v)
		c.between(at, len(cells), 1, maxTableColumns)
		if width < 0 {
			width = len(cells)
		} else if len(cells) != width {
			c.bad(at, "must have %d cells, as the header does", width)
		}
		kinds := []string{"raw_text"}
		if i > 0 {
			kinds = []string{"raw_text", "raw_number", "rich_text", "action_cell"}
		}
		for j, w := range cells {
			c.dataTableText += c.cell(fmt.Sprintf("%s/%d", at, j), w, kinds...)
		}
	}
	if c.dataTableText > maxDataTableText {
		c.bad(p+"/rows", "must be less than %d characters in all cells", maxDataTableText+1)
	}
	c.integer(p, m, "page_size", 1, maxPageSize)
	c.integer(p, m, "row_header_column_index", 0, max(width-1, 0))
}

// cell checks a cell of a table and returns how many characters it has.
func (c *checker) cell(p string, v any, kinds ...string) int {
	m := c.object(p, v)
	if m == nil {
		return 0
	}
	kind, _ := m["type"].(string)
	if !slices.Contains(kinds, kind) {
		c.bad(p+"/type", "unsupported type: %s", kind)
		return 0
	}
	switch kind {
	case "raw_text":
		c.keys(p, m, "type", "text")
		return runes(c.str(p, m, "text", 1, maxText))
	case "raw_number":
		c.keys(p, m, "type", "value", "text")
		if _, ok := number(m["value"]); !ok {
			c.bad(p+"/value", "must be a number")
		}
		return runes(c.str(p, m, "text", 1, maxText)) // Slack's own types ask for it
	case "rich_text":
		text := c.text
		c.richText(p, m)
		c.text = text // the text of tables has a limit of its own
		n := richRunes(m)
		if n == 0 && !shows(m) {
			c.bad(p, "must be more than 0 characters")
		}
		return n
	default: // action_cell
		text := c.text
		if e := c.object(p+"/element", m["element"]); e != nil {
			c.actionIDs = map[string]bool{} // one action_id may serve all rows
			c.element(p+"/element", e, "button")
		}
		n := c.text - text
		c.text = text
		if f, ok := m["fallback"]; ok {
			n += c.cell(p+"/fallback", f, "raw_text", "raw_number")
		}
		return n
	}
}

// shows says whether rich text without a character shows something all the same, such as an emoji.
func shows(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, shows)
	case map[string]any:
		kind, _ := v["type"].(string)
		return kind != "text" && slices.Contains(richKinds, kind) || shows(v["elements"])
	}
	return false
}

func (c *checker) chart(p string, m map[string]any) {
	if c.charts++; c.charts > maxCharts {
		c.bad(p, "no more than %d data_visualization blocks allowed", maxCharts)
	}
	c.text += runes(c.str(p, m, "title", 1, maxChartTitle))
	chart := c.object(p+"/chart", m["chart"])
	if chart == nil {
		return
	}
	p += "/chart"
	switch kind, _ := chart["type"].(string); kind {
	case "pie":
		c.keys(p, chart, "type", "segments")
		segments := list(chart["segments"])
		c.between(p+"/segments", len(segments), 1, maxSeries)
		for i, v := range segments {
			at := fmt.Sprintf("%s/segments/%d", p, i)
			if s := c.object(at, v); s != nil {
				c.str(at, s, "label", 1, maxLabel)
				if n, ok := number(s["value"]); !ok || n <= 0 {
					c.bad(at+"/value", "must be a number greater than 0")
				}
			}
		}
	case "bar", "area", "line":
		c.keys(p, chart, "type", "series", "axis_config")
		c.series(p, chart, c.axis(p, chart))
	default:
		c.bad(p+"/type", "unsupported type: %s", kind)
	}
}

func (c *checker) axis(p string, chart map[string]any) []string {
	axis := c.object(p+"/axis_config", chart["axis_config"])
	p += "/axis_config"
	c.str(p, axis, "x_label", 0, maxAxisLabel)
	c.str(p, axis, "y_label", 0, maxAxisLabel)
	items := list(axis["categories"])
	c.between(p+"/categories", len(items), 1, maxPoints)
	var categories []string
	for i, v := range items {
		at := fmt.Sprintf("%s/categories/%d", p, i)
		s, _ := v.(string)
		if n := runes(s); n < 1 || n > maxLabel {
			c.bad(at, "must be a string of 1 to %d characters", maxLabel)
		}
		if slices.Contains(categories, s) {
			c.bad(at, "must be unique")
		}
		categories = append(categories, s)
	}
	return categories
}

func (c *checker) series(p string, chart map[string]any, categories []string) {
	items := list(chart["series"])
	c.between(p+"/series", len(items), 1, maxSeries)
	names := map[string]bool{}
	for i, v := range items {
		at := fmt.Sprintf("%s/series/%d", p, i)
		s := c.object(at, v)
		if s == nil {
			continue
		}
		name := c.str(at, s, "name", 1, maxLabel)
		if names[name] {
			c.bad(at+"/name", "must be unique")
		}
		names[name] = true
		data := list(s["data"])
		c.between(at+"/data", len(data), 1, maxPoints)
		if len(data) != len(categories) {
			c.bad(at+"/data", "must have one point for each of %d categories", len(categories))
		}
		seen := map[string]bool{}
		for j, w := range data {
			in := fmt.Sprintf("%s/data/%d", at, j)
			point := c.object(in, w)
			if point == nil {
				continue
			}
			label := c.str(in, point, "label", 1, maxLabel)
			if !slices.Contains(categories, label) || seen[label] {
				c.bad(in+"/label", "must be one of the categories, and each once")
			}
			seen[label] = true
			if _, ok := number(point["value"]); !ok {
				c.bad(in+"/value", "must be a number")
			}
		}
	}
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// integer checks a number that may be absent.
func (c *checker) integer(p string, m map[string]any, key string, least, most int) {
	v, ok := m[key]
	if !ok {
		return
	}
	n, ok := number(v)
	if !ok || n != float64(int(n)) || int(n) < least || int(n) > most {
		c.bad(join(p, key), "must be an integer from %d to %d", least, most)
	}
}
