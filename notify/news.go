package notify

import (
	"encoding/json"
	"fmt"
	"slices"

	"tokensweep/audit"
)

// Event says what a channel tells of a run.
type Event string

// The events.
const (
	// Announcement is what an enforcing run is about to do.
	Announcement Event = "announcement"
	// Final is the report of a run that is over.
	Final Event = "report"
	// Interrupted is what is known of an enforcing run that announced what it was about to do, and then died.
	Interrupted Event = "interrupted"
)

// jsonNews has the summary of the report's JSON, and of its lists what is news. Like that, it is a contract with its
// readers.
type jsonNews struct {
	Schema int   `json:"schema"`
	Event  Event `json:"event"`
	// Part counts from 1 to Parts.
	Part      int                   `json:"part"`
	Parts     int                   `json:"parts"`
	Run       jsonRun               `json:"run"`
	Org       jsonOrg               `json:"org"`
	Policy    jsonPolicy            `json:"policy"`
	Plan      jsonPlan              `json:"plan"`
	Inventory jsonInventory         `json:"inventory"`
	Counts    map[audit.Outcome]int `json:"counts"`
	Changes   jsonChanges           `json:"changes"`
	Findings  []json.RawMessage     `json:"findings"`
	Vanished  []json.RawMessage     `json:"vanished"`
	CalledOff []json.RawMessage     `json:"calledOff"`
	Notes     []json.RawMessage     `json:"notes"`
	Ledger    jsonLedger            `json:"ledger"`
}

// News renders for machines the summary of a report and what is news in it: the findings that are new or moved, that
// are announced for the first time, or that the run acted on or failed to act on; in an announcement also all that is
// about to be done or is announced; what vanished; what was called off; notes. It comes in parts of at most so many
// bytes, unless a single item is longer. Each part has the summary, and the lists go on from one part to the next.
// There is at least one part. What does not print is an escape, as in JSON.
func News(r *audit.Report, e Event, most int) ([]json.RawMessage, error) {
	head, tail := headJSON(r), tailJSON(r)
	j := jsonNews{
		Schema: head.Schema, Event: e, Run: head.Run, Org: head.Org, Policy: head.Policy, Plan: head.Plan,
		Inventory: head.Inventory, Counts: head.Counts, Changes: head.Changes, Ledger: tail.Ledger,
	}
	items, err := newsOf(r, e, tail)
	if err != nil {
		return nil, err
	}
	empty, err := json.Marshal(j.with(nil))
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	room := most - len(escaped(empty)) - len("99999999") // for the numbers of parts
	var parts [][]newsItem
	size := 0
	for i := range items {
		n := len(items[i].raw) + len(",")
		if i == 0 || size+n > room {
			parts, size = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], items[i])
		size += n
	}
	if len(parts) == 0 {
		parts = [][]newsItem{nil}
	}
	out := make([]json.RawMessage, len(parts))
	for i, part := range parts {
		j.Part, j.Parts = i+1, len(parts)
		raw, err := json.Marshal(j.with(part))
		if err != nil {
			return nil, fmt.Errorf("writing JSON: %w", err)
		}
		out[i] = escaped(raw)
	}
	return out, nil
}

// newsItem is one item of a list of jsonNews.
type newsItem struct {
	list func(*jsonNews) *[]json.RawMessage
	raw  json.RawMessage
}

// with is j with some items and no others. Its lists are never null.
func (j jsonNews) with(items []newsItem) jsonNews {
	none := []json.RawMessage{}
	j.Findings, j.Vanished, j.CalledOff, j.Notes = none, none, none, none
	for _, item := range items {
		list := item.list(&j)
		*list = append(slices.Clip(*list), item.raw)
	}
	return j
}

// newsOf are the items of all lists, in their order.
func newsOf(r *audit.Report, e Event, tail jsonTail) (items []newsItem, err error) {
	add := func(v any, list func(*jsonNews) *[]json.RawMessage) {
		raw, wrong := json.Marshal(v)
		if wrong != nil && err == nil {
			err = fmt.Errorf("writing JSON: %w", wrong)
		}
		items = append(items, newsItem{list, escaped(raw)})
	}
	for i := range r.Findings {
		if isNews(&r.Findings[i], e) {
			add(findingJSON(&r.Findings[i]), func(j *jsonNews) *[]json.RawMessage { return &j.Findings })
		}
	}
	for _, v := range tail.Vanished {
		add(v, func(j *jsonNews) *[]json.RawMessage { return &j.Vanished })
	}
	for _, c := range tail.CalledOff {
		add(c, func(j *jsonNews) *[]json.RawMessage { return &j.CalledOff })
	}
	for _, n := range tail.Notes {
		add(n, func(j *jsonNews) *[]json.RawMessage { return &j.Notes })
	}
	return items, err
}

// isNews reports whether nobody has been told of a finding, or of what has come of it.
func isNews(f *audit.Finding, e Event) bool {
	switch f.Outcome {
	case audit.Failed, audit.Changed, audit.Gone:
		return true
	case audit.WouldQuarantine, audit.WouldRevoke, audit.Pending:
		if e == Announcement {
			return true
		}
	}
	return f.Change != audit.Ongoing || f.Moved != "" || f.Announced || f.Done
}
