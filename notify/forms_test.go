package notify_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/notify/notifytest"
	"tokensweep/okta"
)

// eachForm writes a result in every form of a table.
func eachForm[T any](t *testing.T, forms notify.Forms[T], result T) {
	t.Helper()
	require.NotEmpty(t, forms)
	require.True(t, forms[0].ForPeople, "the default is for people")
	for _, f := range forms {
		require.Regexp(t, `^[a-z]+$`, f.Name)
		found, ok := forms.Find(f.Name)
		require.True(t, ok)
		var b, again bytes.Buffer
		require.NoError(t, f.Write(&b, result, notify.Style{}), f.Name)
		require.NoError(t, found.Write(&again, result, notify.Style{}), f.Name)
		require.Equal(t, b.String(), again.String(), "%s is there twice", f.Name)
		require.Regexp(t, `\n$`, b.String(), f.Name)
		requirePrintable(t, f.Name, b.String())
	}
	_, ok := forms.Find("none")
	require.False(t, ok)
	require.Len(t, forms.Names(), len(forms))
}

// goldenFiles are the forms of a result by the names of their golden files. What is for people is there as on screens
// of some widths, or as in a file if no width is given.
func goldenFiles[T any](name string, forms notify.Forms[T], result T, widths ...int) map[string]func(io.Writer) error {
	all := make(map[string]func(io.Writer) error)
	for _, f := range forms {
		write := func(width int) func(io.Writer) error {
			return func(w io.Writer) error { return f.Write(w, result, notify.Style{Width: width}) }
		}
		switch ending := cmp.Or(fileEndings[f.Name], f.Name); {
		case f.ForPeople && len(widths) > 0:
			for _, width := range widths {
				all[fmt.Sprintf("%s.%d.%s", name, width, ending)] = write(width)
			}
		default:
			all[name+"."+ending] = write(0)
		}
	}
	return all
}

// fileEndings are the forms whose files are not named by the form.
var fileEndings = map[string]string{"text": "txt", "markdown": "md", "junit": "junit.xml"}

func TestEveryFormWritesItsResult(t *testing.T) {
	token := okta.Token{ID: "00T00000000000000001", Name: okta.Some(strings.Join(hostile, " "))}
	eachForm(t, notify.ReportForms, notifytest.Report())
	eachForm(t, notify.InventoryForms, &notify.Inventory{Tokens: []okta.Token{token}, Pages: 1})
	eachForm(t, notify.TokenForms, notify.TokenAt{Token: token})
	eachForm(t, notify.ExplanationForms, &audit.Explanation{Token: token})
	eachForm(t, notify.CalendarForms, &audit.Calendar{})
	eachForm(t, notify.RecordForms, []ledger.Record{{Kind: ledger.Halt, Reason: strings.Join(hostile, " ")}})
	eachForm(t, notify.CheckForms, []audit.Check{{Name: "org", Status: audit.Good}})
	eachForm(t, notify.TestForms, []audit.TestReport{{}})
}
