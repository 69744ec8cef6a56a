package notify_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/notify/notifytest"
	"tokensweep/okta"
	"tokensweep/rules"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

var (
	now     = notifytest.Now
	hostile = notifytest.Hostile
	token   = notifytest.Token
	failed  = notifytest.Failed
)

func report(*testing.T) *audit.Report { return notifytest.Report() }

// goldenReport are the forms of a report by the names of their golden files.
func goldenReport(name string, r *audit.Report) map[string]func(io.Writer) error {
	return goldenFiles(name, notify.ReportForms, r, 80, 120)
}

func TestReportsLookLikeTheirGoldenFiles(t *testing.T) {
	empty := report(t)
	empty.Findings, empty.Notes = nil, nil
	for name, r := range map[string]*audit.Report{"report": report(t), "empty": empty, "failed": failed()} {
		for file, write := range goldenReport(name, r) {
			if file == "failed.csv" {
				continue // has no place for the failure, and isn't written
			}
			t.Run(file, func(t *testing.T) {
				var b bytes.Buffer
				require.NoError(t, write(&b))
				golden(t, file, b.Bytes())
			})
		}
	}
}

func TestNothingThatDoesNotPrintIsInAnyForm(t *testing.T) {
	for form, write := range goldenReport("report", report(t)) {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		requirePrintable(t, form, b.String())
	}
}

func requirePrintable(t *testing.T, form, s string) {
	t.Helper()
	require.True(t, utf8.ValidString(s), form)
	for _, r := range s {
		require.True(t, r == '\n' || strconv.IsPrint(r), "%s holds %U", form, r)
	}
}

func TestTextFitsItsScreen(t *testing.T) {
	for _, width := range []int{80, 100, 120, 200} {
		var b bytes.Buffer
		r := report(t)
		for i := range r.Findings { // a word that is longer than the screen can't be broken
			r.Findings[i].Token.Name = okta.Some(strings.Repeat("名", 200))
		}
		require.NoError(t, notify.Text(&b, r, notify.Style{Width: width}))
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if strings.Contains(line, " ") && !strings.Contains(line, `\`) {
				require.LessOrEqual(t, text.StringWidthWithoutEscSequences(line), width, "%s", line)
			}
		}
	}
}

func TestColorsAreOursAlone(t *testing.T) {
	var plain, colored bytes.Buffer
	require.NoError(t, notify.Text(&plain, report(t), notify.Style{Width: 80}))
	require.NoError(t, notify.Text(&colored, report(t), notify.Style{Width: 80, Color: true}))
	require.NotContains(t, plain.String(), "\x1b")
	require.Contains(t, colored.String(), "\x1b[")
	require.Equal(t, plain.String(), text.StripEscape(colored.String()))
}

func TestCSVHasNoFormulas(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, notify.CSV(&b, report(t)))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+len(report(t).Findings))
	for _, row := range rows {
		for _, cell := range row {
			for part := range strings.SplitSeq(cell, ";") { // as where a comma is the decimal sign
				part = strings.TrimLeft(part, " ")
				require.False(t, part != "" && strings.ContainsAny(part[:1], "=+-@\t\r\n"), "%q", cell)
				require.False(t, strings.HasPrefix(part, "＝"), "%q", cell)
			}
		}
	}
}

func TestJSONGivesNamesBackAsTheyWere(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, notify.JSON(&b, report(t)))
	var got struct {
		Findings []struct{ Token struct{ Name *string } }
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	for i, s := range hostile {
		require.Equal(t, strings.ToValidUTF8(s, "\ufffd"), *got.Findings[3+i].Token.Name)
	}
	require.Nil(t, got.Findings[3+len(hostile)].Token.Name)
	require.NotContains(t, b.String(), `"because": null`)
}

func TestMarkdownRowsStayRows(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, notify.Markdown(&b, report(t)))
	rows := 0
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "| high |") || strings.HasPrefix(line, "| low |") {
			rows++
			require.Equal(t, 10, strings.Count(line, "|"), "%s", line)
		}
	}
	require.Equal(t, len(report(t).Findings), rows)
}

func TestInventoriesLookLikeTheirGoldenFiles(t *testing.T) {
	v := &notify.Inventory{OrgURL: "https://acme.okta.com", At: now, Pages: 1}
	for _, f := range report(t).Findings {
		v.Tokens = append(v.Tokens, *f.Token)
	}
	v.Tokens[0].Network = okta.Some(okta.Network{Connection: okta.Some("ZONE"),
		Include: okta.Some([]string{"nzo1", "nzo2"}), Exclude: okta.Some([]string{"nzo3"})})
	for file, write := range goldenFiles("inventory", notify.InventoryForms, v, 80) {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			requirePrintable(t, file, b.String())
			golden(t, file, b.Bytes())
		})
	}
	var b bytes.Buffer
	require.NoError(t, notify.TokenText(&b, &v.Tokens[0], now))
	require.NoError(t, notify.TokenText(&b, &v.Tokens[len(v.Tokens)-1], now))
	require.NoError(t, notify.TokenJSON(&b, &v.Tokens[0]))
	requirePrintable(t, "token", b.String())
	golden(t, "token.txt", b.Bytes())
}

// FuzzNoNameEscapesFromAnyForm looks for a name that reaches a terminal, a table or a wiki as more than text.
func FuzzNoNameEscapesFromAnyForm(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, client string) {
		r := failed()
		r.Complete, r.AsOf = true, now
		k := token(1, name, client, 100, 1)
		r.Findings = []audit.Finding{{Token: &k, Severity: rules.Low, Outcome: audit.Flagged, Reason: name, At: now}}
		for file, write := range goldenReport("report", r) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			requirePrintable(t, file, b.String())
			if file != "report.csv" {
				continue
			}
			rows, err := csv.NewReader(&b).ReadAll()
			require.NoError(t, err)
			require.Len(t, rows, 2)
			for _, cell := range rows[1] {
				for part := range strings.SplitSeq(cell, ";") {
					part = strings.TrimLeft(part, " ")
					require.False(t, part != "" && strings.ContainsAny(part[:1], "=+-@"), "%q", cell)
				}
			}
		}
	})
}
