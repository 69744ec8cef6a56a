package ledger_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// BenchmarkOpen200k verifies and replays 200,000 records; the goal is under 2 s.
func BenchmarkOpen200k(b *testing.B) {
	const records = 200_000
	disk := new(ledgertest.Disk)
	l, err := ledger.Store{}.OpenOn(disk, clock())
	require.NoError(b, err)
	for l.Head().Seq < records {
		i := int(l.Head().Seq)
		token := fmt.Sprintf("00T%017d", i)
		intent := append1(b, l, ledger.Record{
			Kind: ledger.Intent, Run: "20261124T090000Z-7c1f2a", Token: token, Name: "deploy <ci> ü",
			Step: ledger.StepQuarantine, Rules: []string{"idle"}, Plan: "sha256:" + strings.Repeat("ab", 32),
			Reason: "lastUsed 2026-10-30T00:00:00Z is 24d old (> 21d)", By: ledger.ByRun,
			Before: &ledger.Condition{Connection: "ANYWHERE", LastUpdated: start},
		})
		append1(b, l, ledger.Record{
			Kind: ledger.Outcome, Ref: intent.Seq, Result: ledger.ResultQuarantined, Settled: true,
			After: &ledger.Condition{Connection: "ZONE", Include: []string{"nzo1a2b3c4d5e6f7g8h9"}, LastUpdated: start},
		})
		append1(b, l, ledger.Record{Kind: ledger.Noticed, Token: token, Rule: "idle", Facts: "sha256:" +
			strings.Repeat("cd", 32), Via: "slack"})
		append1(b, l, ledger.Record{Kind: ledger.Seen, Token: token, Rule: "idle"})
	}
	require.NoError(b, l.Close())
	dir := filepath.Join(b.TempDir(), "state")
	require.NoError(b, os.Mkdir(dir, 0o700))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "ledger.jsonl"), disk.Bytes(), 0o600))
	b.SetBytes(int64(len(disk.Bytes())))
	for b.Loop() {
		l, err := ledger.InDirectory(dir).Open(clock())
		require.NoError(b, err)
		require.Equal(b, uint64(records), l.Head().Seq)
		require.NoError(b, l.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}

// BenchmarkAppend appends durably; BenchmarkRawAppend is a write and an fsync of as many bytes.
func BenchmarkAppend(b *testing.B) {
	l, err := ledger.InDirectory(filepath.Join(b.TempDir(), "state")).Open(clock())
	require.NoError(b, err)
	for b.Loop() {
		append1(b, l, ledger.Record{Kind: ledger.Seen, Token: "00Tabcdefg1234567890", Rule: "idle"})
	}
	require.NoError(b, l.Close())
}

func BenchmarkRawAppend(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(b, err)
	line := append(bytes.Repeat([]byte{'x'}, 220), '\n')
	for b.Loop() {
		_, err := f.Write(line)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	require.NoError(b, f.Close())
}

// BenchmarkInventory100k writes and reads a listing of 100,000 tokens.
func BenchmarkInventory100k(b *testing.B) {
	dir := b.TempDir()
	entries := func(yield func(ledger.InventoryEntry) bool) {
		for i := range 100_000 {
			if !yield(ledger.InventoryEntry{ID: fmt.Sprintf("00T%017d", i), Name: "deploy", Client: "Okta API",
				UserID: "00u1a2b3c4d5e6f7g8h9", ExpiresAt: start.Add(time.Hour)}) {
				return
			}
		}
	}
	for b.Loop() {
		digest, err := writeInventory(ledger.InDirectory(dir), "", entries)
		require.NoError(b, err)
		m, _, err := ledger.InDirectory(dir).ReadInventory(digest, everyToken)
		require.NoError(b, err)
		require.Len(b, m, 100_000)
	}
}
