package notify_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// testReports are policy tests of which all but the last fail. Their tokens have a name and a client.
func testReports(t testing.TB, name, client string) []audit.TestReport {
	t.Helper()
	p, err := rules.Parse("policy.yaml", []byte(`version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
exemptions:
  - {match: {name: {like: "dr-*"}}, reason: drill, owner: sre@acme.example, until: 2027-01-31}
rules:
  - id: idle
    severity: high
    when: {lastUsed: {olderThan: 21d}, any: [{not: {name: vip}}, {userId: {present: false}}]}
    then: {quarantine: 3d, revoke: 80h}
`))
	require.NoError(t, err)
	tests, err := rules.ParseTests("policy.tests.yaml", []byte(`
asOf: 2026-11-24T09:00:00Z
cases:
  - name: announced
    token: {created: 2026-01-01, lastUsed: 2026-11-01T00:00:00.5Z, network: {connection: ANYWHERE}}
    owner: {status: ACTIVE}
    expect: {outcome: flagged}
  - name: quarantined and, by mistake, expected to be gone
    token: {created: 2026-01-01, lastUsed: 2026-10-30, network: {connection: ANYWHERE}}
    notified: {idle: 2026-11-20T09:00:00Z}
    quarantined: 2026-11-23T09:00:00Z
    expect: {step: none, due: 2026-11-23}
  - name: nothing known
    token: {id: 00Tabcdefg1234567890}
    expect: {unknown: [idle], step: none}
`))
	require.NoError(t, err)
	for _, c := range tests.Cases[:2] {
		c.Token.Name, c.Token.ClientName = okta.Some(name), okta.Some(client)
	}
	return []audit.TestReport{audit.RunTests(p, tests)}
}

// calendar is made of the calendars of the tokens of testReports.
func calendar(t testing.TB, name, client string) *audit.Calendar {
	t.Helper()
	c := &audit.Calendar{
		OrgURL: "https://acme.okta.com", PolicyFile: "policy.yaml", PolicyDigest: "sha256:" +
			strings.Repeat("0123456789abcdef", 4), Mode: rules.Enforce,
		From: now, Until: now.Add(30 * 24 * time.Hour), Schedule: "daily", Runs: 31, Tokens: 3,
		Assumed: []string{"nobody uses a token"}, Notes: []string{"a note about " + name},
		Events: []audit.Event{{At: now, What: audit.Stopped, Why: []string{"2 are due at once, and stopAbove allows " +
			"1: nothing is done"}}},
	}
	for _, r := range testReports(t, name, client)[0].Cases {
		if r.Explanation != nil {
			c.Events = append(c.Events, r.Explanation.Calendar...)
		}
	}
	return c
}

// calendarForms are all forms of what looks ahead, by the names of their golden files.
func calendarForms(t testing.TB, name, client string) map[string]func(io.Writer) error {
	reports, c := testReports(t, name, client), calendar(t, name, client)
	e := reports[0].Cases[1].Explanation
	all := goldenFiles("explanation", notify.ExplanationForms, e, 80, 120)
	maps.Copy(all, goldenFiles("calendar", notify.CalendarForms, c, 80))
	maps.Copy(all, goldenFiles("tests", notify.TestForms, reports))
	return all
}

func TestCalendarsLooksLikeItsGoldenFiles(t *testing.T) {
	for file, write := range calendarForms(t, "wiki-export", "Okta API") {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			golden(t, file, b.Bytes())
		})
	}
}

func TestNoNameEscapesFromCalendars(t *testing.T) {
	for _, s := range hostile {
		for file, write := range calendarForms(t, s, s+"!") {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			requirePrintable(t, file, b.String())
			switch {
			case strings.HasSuffix(file, ".json"):
				require.True(t, json.Valid(b.Bytes()), file)
			case strings.HasSuffix(file, ".xml"):
				d := xml.NewDecoder(&b)
				for {
					if _, err := d.Token(); err != nil {
						require.ErrorIs(t, err, io.EOF)
						break
					}
				}
			case strings.HasSuffix(file, ".csv"):
				rows, err := csv.NewReader(&b).ReadAll()
				require.NoError(t, err)
				for _, row := range rows {
					for _, cell := range row {
						for part := range strings.SplitSeq(cell, ";") {
							part = strings.TrimLeft(part, " ")
							require.False(t, part != "" && strings.ContainsAny(part[:1], "=+-@"), "%q", cell)
						}
					}
				}
			}
		}
	}
}

func TestCalendarsFitsItsScreenAndColorsAreOurs(t *testing.T) {
	for name, write := range map[string]func(io.Writer, notify.Style) error{
		"explanation": func(w io.Writer, s notify.Style) error {
			return notify.ExplanationText(w, testReports(t, "wiki-export", "Okta API")[0].Cases[1].Explanation, s)
		},
		"calendar": func(w io.Writer, s notify.Style) error {
			return notify.CalendarText(w, calendar(t, "wiki-export", "Okta API"), s)
		},
		"tests": func(w io.Writer, s notify.Style) error {
			return notify.TestsText(w, testReports(t, "wiki-export", "Okta API"), s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var plain, colored bytes.Buffer
			require.NoError(t, write(&plain, notify.Style{Width: 80}))
			require.NoError(t, write(&colored, notify.Style{Width: 80, Color: true}))
			require.Contains(t, colored.String(), "\x1b[")
			require.Equal(t, plain.String(), text.StripEscape(colored.String()))
			for line := range strings.Lines(plain.String()) {
				require.LessOrEqual(t, text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")), 88, "%s",
					line)
			}
			require.Error(t, write(full{}, notify.Style{}))
		})
	}
}

// full is a disk on which nothing more can be written.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
