package notify_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// FuzzCSV looks for a text that becomes a formula in one of the tables, breaks a line or a cell, or is lost.
func FuzzCSV(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[(i+1)%len(hostile)], hostile[(i+3)%len(hostile)])
	}
	f.Add("=1+1", " ;=cmd|' /C calc'!A0", "'\"=1,\"")
	f.Add("\uff1d1", "\t=1", "a;;  @SUM(1)")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		k := token(1, x, y, 100, 1)
		k.ID, k.UserID = z, okta.Some(x)
		k.Network = okta.Some(okta.Network{Connection: okta.Some(y), Include: okta.Some([]string{x, z})})
		inventory := new(bytes.Buffer)
		require.NoError(t, notify.InventoryCSV(inventory, &notify.Inventory{At: now, Tokens: []okta.Token{k}}))
		rows := cells(t, inventory)
		require.Equal(t, []string{okta.Printable(x), okta.Printable(z), okta.Printable(y)}, []string{
			sameText(rows[1][0], okta.Printable(x)), sameText(rows[1][1], okta.Printable(z)),
			sameText(rows[1][2], okta.Printable(y)),
		})

		k.Owner = &okta.Owner{Login: okta.Some(x), Email: okta.Some(y), Status: okta.Some(z),
			LastLogin: okta.Some(now.Add(-time.Hour)), Roles: okta.Some([]string{z, y})}
		report := new(bytes.Buffer)
		require.NoError(t, notify.CSV(report, &audit.Report{Complete: true, Findings: []audit.Finding{
			{Token: &k, Severity: rules.Low, Outcome: audit.Held, Reason: y, At: now},
		}}))
		cells(t, report)
	})
}

// cells reads a table of two lines, and checks each cell as a spreadsheet would see it, by commas or by semicolons.
func cells(t *testing.T, text *bytes.Buffer) [][]string {
	t.Helper()
	rows, err := csv.NewReader(text).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Len(t, rows[1], len(rows[0]))
	for _, cell := range rows[1] {
		requirePrintable(t, "a cell", cell)
		for part := range strings.SplitSeq(cell, ";") {
			begins := strings.TrimLeft(part, " \u00a0\u3000")
			for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
				require.False(t, strings.HasPrefix(begins, sign), "%q", cell)
			}
		}
	}
	return rows
}

// sameText is want if a cell shows it with nothing but apostrophes more, else the cell.
func sameText(cell, want string) string {
	if strings.ReplaceAll(cell, "'", "") == strings.ReplaceAll(want, "'", "") {
		return want
	}
	return cell
}
