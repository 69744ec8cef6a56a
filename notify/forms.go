package notify

import (
	"io"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// Form is one way to write a result of type T.
type Form[T any] struct {
	// Name is the word for it on the command line.
	Name string
	// Write writes the result, as much of it at a time as it likes. Style fits what people read to their terminal; its
	// zero value is for a file.
	Write func(w io.Writer, result T, s Style) error
	// ForPeople says that the form is text that is read from top to bottom: what happens besides is told between its
	// lines. Of the other forms, programs get nothing but the result, and people are told on standard error.
	ForPeople bool
	// RowsOnly says that the form is the rows of a table and no more. It has no place for notes, which go to standard
	// error, nor for a failure: a run that was not completed writes nothing, since an empty table looks like good news.
	RowsOnly bool
}

// Forms are all forms of a result of type T, the default first. Flags, completion, help and rendering come from these
// tables and nothing else.
type Forms[T any] []Form[T]

// Names are the names of the forms, in the order of the table.
func (fs Forms[T]) Names() []string {
	names := make([]string, 0, len(fs))
	for _, f := range fs {
		names = append(names, f.Name)
	}
	return names
}

// Find returns the form of that name. ok is false if there is none.
func (fs Forms[T]) Find(name string) (f Form[T], ok bool) {
	for _, f := range fs {
		if f.Name == name {
			return f, true
		}
	}
	return Form[T]{}, false
}

// unstyled is a form that looks the same on every terminal.
func unstyled[T any](write func(io.Writer, T) error) func(io.Writer, T, Style) error {
	return func(w io.Writer, result T, _ Style) error { return write(w, result) }
}

// TokenAt is a token as it was seen at a time by the org's clock.
type TokenAt struct {
	Token okta.Token
	At    time.Time
}

// The forms of each kind of result.
var (
	// ReportForms are those of the report of a run.
	ReportForms = Forms[*audit.Report]{
		{Name: "text", Write: Text, ForPeople: true},
		{Name: "json", Write: unstyled(JSON)},
		{Name: "ndjson", Write: unstyled(NDJSON)},
		{Name: "csv", Write: unstyled(CSV), RowsOnly: true},
		{Name: "markdown", Write: unstyled(Markdown)},
	}
	// InventoryForms are those of the tokens of an org.
	InventoryForms = Forms[*Inventory]{
		{Name: "text", Write: InventoryText, ForPeople: true},
		{Name: "json", Write: unstyled(InventoryJSON)},
		{Name: "csv", Write: unstyled(InventoryCSV), RowsOnly: true},
		{Name: "markdown", Write: unstyled(InventoryMarkdown)},
	}
	// TokenForms are those of one token.
	TokenForms = Forms[TokenAt]{
		{
			Name:      "text",
			Write:     unstyled(func(w io.Writer, t TokenAt) error { return TokenText(w, &t.Token, t.At) }),
			ForPeople: true,
		},
		{Name: "json", Write: unstyled(func(w io.Writer, t TokenAt) error { return TokenJSON(w, &t.Token) })},
	}
	// ExplanationForms are those of what a policy makes of a token.
	ExplanationForms = Forms[*audit.Explanation]{
		{Name: "text", Write: ExplanationText, ForPeople: true},
		{Name: "json", Write: unstyled(ExplanationJSON)},
	}
	// CalendarForms are those of what the days to come bring.
	CalendarForms = Forms[*audit.Calendar]{
		{Name: "text", Write: CalendarText, ForPeople: true},
		{Name: "json", Write: unstyled(CalendarJSON)},
		{Name: "csv", Write: unstyled(CalendarCSV), RowsOnly: true},
	}
	// RecordForms are those of records of the ledger.
	RecordForms = Forms[[]ledger.Record]{
		{Name: "text", Write: unstyled(LedgerText), ForPeople: true},
		{Name: "json", Write: unstyled(LedgerJSON)},
		{Name: "csv", Write: unstyled(LedgerCSV), RowsOnly: true},
	}
	// CheckForms are those of what doctor has looked at.
	CheckForms = Forms[[]audit.Check]{
		{Name: "text", Write: DoctorText, ForPeople: true},
		{Name: "json", Write: unstyled(DoctorJSON)},
	}
	// TestForms are those of the results of policy tests.
	TestForms = Forms[[]audit.TestReport]{
		{Name: "text", Write: TestsText, ForPeople: true},
		{Name: "json", Write: unstyled(TestsJSON)},
		{Name: "junit", Write: unstyled(TestsJUnit)},
	}
)
