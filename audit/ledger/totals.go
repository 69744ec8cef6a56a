package ledger

import (
	"maps"
	"strings"
	"time"
)

// SumMark is in each name of Record.Counts whose numbers are to be summed over the passes of a ledger.
const SumMark = "/"

// Ends are the passes that ended with one exit code.
type Ends struct {
	// Count is how many, Last when the last of them ended.
	Count int
	Last  time.Time
}

// Totals are counts over all runs of a ledger: those of counters for which no process stands. They are small, whatever
// the length of the ledger. The zero value is that of an empty ledger.
type Totals struct {
	// Ends are the passes that ended, by exit code, but for Last. Changes by hand are no passes.
	Ends map[int]Ends
	// Sums are what the passes in Ends have counted, by the names with a SumMark in Record.Counts.
	Sums map[string]int
	// Outcomes are the outcomes on record, by hand or not, by step and result with a SumMark between. One that is not
	// certain counts, and counts again when it is settled.
	Outcomes map[string]int
	// Pass is the id of the last pass that began.
	Pass string
	// Last is the end of the last pass that ended, nil before any. It is not among the others yet: a pass may write its
	// end twice, and then the second one counts.
	Last *Record
}

// Apply takes in the next record.
func (t *Totals) Apply(r Record) {
	switch {
	case r.Kind == Begun && r.Mode != ByHand:
		t.Pass = r.Run
	case r.Kind == Outcome:
		put(&t.Outcomes, r.Step+SumMark+r.Result, t.Outcomes[r.Step+SumMark+r.Result]+1)
	case r.Kind == Ended && r.Run == t.Pass:
		if t.Last != nil && t.Last.Run != r.Run {
			t.add(t.Last)
		}
		t.Last = &r
	}
}

// add takes the end of a pass in for good.
func (t *Totals) add(end *Record) {
	put(&t.Ends, end.ExitCode, Ends{t.Ends[end.ExitCode].Count + 1, end.Time})
	for name, n := range end.Counts {
		if strings.Contains(name, SumMark) {
			put(&t.Sums, name, t.Sums[name]+n)
		}
	}
}

// All are the totals with the last pass among the others, as if it had ended with code. Nothing of t is shared.
func (t *Totals) All(code int) Totals {
	all := Totals{Ends: maps.Clone(t.Ends), Sums: maps.Clone(t.Sums), Outcomes: maps.Clone(t.Outcomes)}
	if t.Last != nil {
		last := *t.Last
		last.ExitCode = code
		all.add(&last)
	}
	return all
}

// back takes in that times later than now are of a clock that was ahead.
func (t *Totals) back(now time.Time) {
	for code, ends := range t.Ends {
		if ends.Last.After(now) {
			t.Ends[code] = Ends{ends.Count, now}
		}
	}
	if t.Last != nil && t.Last.Time.After(now) {
		last := *t.Last
		last.Time, t.Last = now, &last
	}
}
