package notify_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify"
)

// Every field that a record has in the ledger has a column, and one that is filled has a cell that isn't empty.
func TestLedgerCSVHasEveryField(t *testing.T) {
	r := ledger.Record{Kind: ledger.Outcome, Unknown: `"newer":1`}
	fields := reflect.ValueOf(&r).Elem()
	var names []string
	for i := range fields.NumField() {
		if fields.Type().Field(i).Name == "State" {
			continue // of pieces of snapshots, which nobody is shown
		}
		if name, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
		switch f := fields.Field(i).Addr().Interface().(type) {
		case *string:
			*f = "x"
			if fields.Type().Field(i).Name == "Unknown" {
				*f = `"newer":1`
			}
		case *[]string:
			*f = []string{"a", "b"}
		case *bool:
			*f = true
		case *int:
			*f = 7
		case *uint64:
			*f = 8
		case *time.Time:
			*f = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		case *[]ledger.Action:
			*f = []ledger.Action{{Token: "00T", Step: ledger.StepRevoke}}
		case *[]ledger.Delay:
			*f = []ledger.Delay{{}}
		case *map[string]int:
			*f = map[string]int{"flagged": 3}
		case **ledger.Condition:
			*f = &ledger.Condition{Connection: "ANYWHERE"}
		case *ledger.Kind:
		default:
			t.Fatalf("%s: fill it in this test", fields.Type().Field(i).Name)
		}
	}
	var b bytes.Buffer
	require.NoError(t, notify.LedgerCSV(&b, []ledger.Record{r, {Kind: ledger.Ended}, {Kind: ledger.Listed}}))
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	cells := make(map[string]string)
	for i, column := range rows[0] {
		cells[column] = rows[1][i]
	}
	for _, name := range append(names, "unknown") {
		require.NotEmpty(t, cells[name], name)
	}
	require.Equal(t, "2026-11-23T09:00:00Z", cells["time"])
	require.Equal(t, "a b", cells["rules"])
	require.Equal(t, "yes", cells["settled"])
	require.Equal(t, `{"newer":1}`, cells["unknown"])
	require.True(t, json.Valid([]byte(cells["before"])), cells["before"])
	require.JSONEq(t, `[{"token":"00T","step":"revoke"}]`, cells["actions"])
	at := func(row int, column string) string {
		for i, name := range rows[0] {
			if name == column {
				return rows[row][i]
			}
		}
		t.Fatal(column)
		return ""
	}
	require.Equal(t, "0", at(2, "exitCode"), "0 is an exit code")
	require.Empty(t, at(2, "settled"))
	require.Equal(t, "0", at(3, "count"), "of no tokens")
}
