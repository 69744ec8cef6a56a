package ledger_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// start is the first instant of clock.
var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

const org = "https://acme.okta.com"

// clock is a clock that goes on by a second and some each time it is read.
func clock() func() time.Time {
	now := start
	return func() time.Time {
		now = now.Add(time.Second + time.Microsecond)
		return now
	}
}

// append1 appends one record.
func append1(t testing.TB, l *ledger.Ledger, r ledger.Record) ledger.Record {
	t.Helper()
	stored, err := l.Append(r)
	require.NoError(t, err)
	return stored
}

// small are the records of a small ledger that has something of everything.
var small = []ledger.Record{
	{Kind: ledger.Begun, Run: "r1", Org: org, Mode: "enforce", Policy: "sha256:ab"},
	{Kind: ledger.Seen, Token: "00T1", Rule: "idle"},
	{Kind: ledger.Noticed, Token: "00T1", Rule: "idle", Facts: "f1", Via: "slack"},
	{Kind: ledger.Intent, Token: "00T1", Name: "dé\u202eploy \"<1>\" 🗝\n", Step: ledger.StepQuarantine,
		Rules: []string{"idle"},
		By:    ledger.ByRun, Before: &ledger.Condition{Connection: "ANYWHERE", LastUpdated: start}},
	{Kind: ledger.Outcome, Ref: 4, Result: ledger.ResultQuarantined, Settled: true,
		After: &ledger.Condition{Connection: "ZONE", Include: []string{"nzo1"}}},
	{Kind: ledger.Ended, Run: "r1", ExitCode: 20, Counts: map[string]int{"quarantined": 1, "flagged": 2}},
}

// diskWith is a disk with a ledger of these records.
func diskWith(t testing.TB, records ...ledger.Record) *ledgertest.Disk {
	t.Helper()
	disk := new(ledgertest.Disk)
	l, err := ledger.Store{}.OpenOn(disk, clock())
	require.NoError(t, err)
	for _, r := range records {
		append1(t, l, r)
	}
	require.NoError(t, l.Close())
	return disk
}

// read returns the records of a ledger up to the first bad one, and what Read says.
func read(content []byte) (records []ledger.Record, head ledger.Head, err error) {
	head, err = ledger.ReadFrom(bytes.NewReader(content), func(r ledger.Record) error {
		records = append(records, r)
		return nil
	})
	return records, head, err
}

// sound returns the records of a ledger without a flaw.
func sound(t testing.TB, content []byte) []ledger.Record {
	t.Helper()
	records, _, err := read(content)
	require.NoError(t, err)
	return records
}

// lines splits a ledger into its lines, each with its newline.
func lines(content []byte) []string {
	all := strings.SplitAfter(string(content), "\n")
	return all[:len(all)-1]
}
