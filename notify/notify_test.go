package notify_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
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

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func ago(days int) okta.Opt[time.Time] {
	return okta.Some(now.Add(-time.Duration(days) * 24 * time.Hour))
}

// token is one that was created and last used so many days ago.
func token(n int, name, client string, created, used int) okta.Token {
	return okta.Token{
		ID: fmt.Sprintf("00T%014d1d7", n), Name: okta.Some(name), ClientName: okta.Some(client), UserID: okta.Some(fmt.Sprintf("00u%014d1d7", n%3)),
		Created: ago(created), LastUpdated: ago(used), ExpiresAt: ago(used - 30), TokenWindow: okta.Some(okta.DefaultTokenWindow),
		Network: okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
	}
}

// hostile are names and clients that try to be something else.
var hostile = []string{
	"\x1b]0;owned\x07\x1b[31mred\x1b[2K\r", "two\nlines\tand a tab", "user\u202etxt.exe", "\u200bzero\ufeff", "\u009b31m", "bad\xffutf8",
	`=HYPERLINK("https://evil.example")`, "@SUM(A1)", "x; =cmd|'/C calc'!A0;", `a\|<img src=x onerror=alert(1)>[click](https://evil.example)`, "-", "+1", "-1+2", "＝1+1", "'quote", "a,b;c\"d\"",
	"<script>alert(1)</script>", "[link](https://evil.example)", "`code` ``more``", "|cell|", "**bold** _it_ #h", "<!channel> @here", "日本語の名前 ünïcödé 😀", "",
	strings.Repeat("long ", 100),
}

func report(t *testing.T) *audit.Report {
	t.Helper()
	p, err := rules.Parse("policy.yaml", []byte(`version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: idle, severity: high, when: {lastUsed: {olderThan: 21d}}, then: {quarantine: 3d}, advice: Use an OAuth app.}
  - {id: client, severity: low, when: {clientName: {notIn: [Okta API]}}, then: flag}
`))
	require.NoError(t, err)
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: rules.DryRun, Started: now, Finished: now.Add(1500 * time.Millisecond), AsOf: now, OrgURL: "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyDigest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Digest: "sha256:" + strings.Repeat("fedcba9876543210", 4),
		Tokens: 418, Pages: 3, Complete: true, Notes: []string{"something to know, with a name: \x1b[31m\u202e"},
	}
	add := func(k okta.Token, outcome audit.Outcome, step rules.Step, reason string) {
		v := p.Evaluate(&k, now)
		f := audit.Finding{Token: k, Matched: v.Matched, Unknown: v.Unknown, Outcome: outcome, Step: step, Reason: reason, Severity: rules.Low, At: now}
		if len(v.Matched) > 0 {
			f.Severity = v.Matched[0].Rule.Severity
		}
		if outcome == audit.Pending {
			f.Due = now.Add(72 * time.Hour)
		}
		r.Findings = append(r.Findings, f)
	}
	add(token(1, "wiki-export", "Okta API", 300, 28), audit.Pending, rules.Quarantine, "")
	never := token(2, "tried-once", "Okta API", 25, 25)
	add(never, audit.WouldQuarantine, rules.Quarantine, "")
	add(token(3, "dc01.corp.example", "Okta AD Agent", 300, 27), audit.Protected, rules.Quarantine, `client "Okta AD Agent" is not in protect.actOnClients`)
	for i, s := range hostile {
		add(token(10+i, s, s+"!", 100, 1), audit.Flagged, rules.Flag, "")
	}
	half := okta.Token{ID: "agent\x1b[0m/7", ClientName: okta.Unreadable[string](), Created: okta.Unreadable[time.Time]()}
	add(half, audit.Unknown, 0, "rule client: clientName unknown: it is malformed")
	return r
}

func failed() *audit.Report {
	return &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: rules.DryRun, Started: now, Finished: now, OrgURL: "https://acme.okta.com", PolicyFile: "policy.yaml", PolicyDigest: "sha256:00",
		Tokens: 400, Pages: 2, Err: errors.New("listing incomplete: page 3, after 400 tokens: \x1b[31mtwo different links to a next page"), Code: audit.Incomplete,
	}
}

var forms = map[string]func(*bytes.Buffer, *audit.Report) error{
	"80.txt":  func(b *bytes.Buffer, r *audit.Report) error { return notify.Text(b, r, notify.Style{Width: 80}) },
	"120.txt": func(b *bytes.Buffer, r *audit.Report) error { return notify.Text(b, r, notify.Style{}) },
	"json":    func(b *bytes.Buffer, r *audit.Report) error { return notify.JSON(b, r) },
	"csv":     func(b *bytes.Buffer, r *audit.Report) error { return notify.CSV(b, r) },
	"md":      func(b *bytes.Buffer, r *audit.Report) error { return notify.Markdown(b, r) },
}

func TestReportsLookLikeTheirGoldenFiles(t *testing.T) {
	empty := report(t)
	empty.Findings, empty.Notes = nil, nil
	for form, write := range forms {
		for name, r := range map[string]*audit.Report{"report": report(t), "empty": empty, "failed": failed()} {
			if name == "failed" && form == "csv" {
				continue // has no place for the failure, and isn't written
			}
			t.Run(name+" as "+form, func(t *testing.T) {
				var b bytes.Buffer
				require.NoError(t, write(&b, r))
				golden(t, name+"."+form, b.Bytes())
			})
		}
	}
}

func TestNothingThatDoesNotPrintIsInAnyForm(t *testing.T) {
	for form, write := range forms {
		var b bytes.Buffer
		require.NoError(t, write(&b, report(t)))
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
		v.Tokens = append(v.Tokens, f.Token)
	}
	v.Tokens[0].Network = okta.Some(okta.Network{Connection: okta.Some("ZONE"), Include: okta.Some([]string{"nzo1", "nzo2"}), Exclude: okta.Some([]string{"nzo3"})})
	for form, write := range map[string]func(*bytes.Buffer) error{
		"txt":  func(b *bytes.Buffer) error { return notify.InventoryText(b, v, notify.Style{Width: 80}) },
		"json": func(b *bytes.Buffer) error { return notify.InventoryJSON(b, v) },
		"csv":  func(b *bytes.Buffer) error { return notify.InventoryCSV(b, v) },
		"md":   func(b *bytes.Buffer) error { return notify.InventoryMarkdown(b, v) },
	} {
		t.Run(form, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			requirePrintable(t, form, b.String())
			golden(t, "inventory."+form, b.Bytes())
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
		r.Findings = []audit.Finding{{Token: k, Severity: rules.Low, Outcome: audit.Flagged, Reason: name, At: now}}
		for form, write := range forms {
			var b bytes.Buffer
			require.NoError(t, write(&b, r))
			requirePrintable(t, form, b.String())
			if form != "csv" {
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
