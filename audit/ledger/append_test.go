package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// found are records of n new findings.
func found(n int) (records []ledger.Record) {
	for i := range n {
		records = append(records, ledger.Record{Kind: ledger.Seen, Token: fmt.Sprint("00T", i), Rule: "idle"})
	}
	return records
}

func TestManyRecordsCostOneWriteAndOneFsync(t *testing.T) {
	disk := new(ledgertest.Disk)
	l, err := ledger.Store{}.OpenOn(disk, clock())
	require.NoError(t, err)
	_, opening := disk.Calls()
	stored, err := l.AppendAll(found(30_000))
	require.NoError(t, err)
	writes, syncs := disk.Calls()
	require.Equal(t, []int{1, 1}, []int{writes, syncs - opening})
	require.Equal(t, stored, sound(t, disk.Durable()))
	require.Len(t, l.State().Findings, 30_000)
	require.Equal(t, string(diskWith(t, found(30_000)...).Bytes()), string(disk.Bytes()), "as one by one")

	none, err := l.AppendAll(nil)
	require.NoError(t, err)
	require.Empty(t, none)
	after, afterSyncs := disk.Calls()
	require.Equal(t, []int{writes, syncs}, []int{after, afterSyncs}, "of none, nothing is written")
}

func TestTheRecordsBeforeOneThatIsRefusedAreWritten(t *testing.T) {
	for refused := range 4 {
		disk := new(ledgertest.Disk)
		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		records := slices.Insert(found(3), refused, ledger.Record{Kind: "rumour"})
		stored, err := l.AppendAll(records)
		require.ErrorIs(t, err, ledger.ErrRefused)
		require.ErrorContains(t, err, `recording "rumour"`)
		require.Len(t, stored, refused)
		require.Len(t, l.State().Findings, refused)
		append1(t, l, ledger.Record{Kind: ledger.Halt})
		require.Len(t, sound(t, disk.Durable()), refused+1)
	}
}

// Whatever of a write that fails is on the disk, and whatever of it survives: none of its records counts, nothing is
// written after it, and the next run goes on with those that are whole.
func TestAWriteOfManyRecordsFails(t *testing.T) {
	broken := errors.New("input/output error")
	whole := lines(diskWith(t, append([]ledger.Record{small[0]}, found(3)...)...).Bytes())
	length := len(strings.Join(whole[1:], ""))
	for kept := -1; kept <= length; kept += 31 { // -1: it is the fsync that fails
		for survives := 0; survives <= length+30; survives += 31 {
			disk := new(ledgertest.Disk)
			l, err := ledger.Store{}.OpenOn(disk, clock())
			require.NoError(t, err)
			append1(t, l, small[0])
			if kept < 0 {
				disk.FailSync(1, broken)
			} else {
				disk.FailWrite(1, kept, broken)
			}
			head := l.Head()
			stored, err := l.AppendAll(found(3))
			require.ErrorIs(t, err, ledger.ErrPoisoned)
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, "writing the records 2 (seen) to 4 (seen)")
			require.Empty(t, stored)
			require.Equal(t, head, l.Head())
			require.Empty(t, l.State().Findings)
			_, err = l.AppendAll(found(3))
			require.ErrorIs(t, err, ledger.ErrPoisoned)
			require.NoError(t, l.Close())

			disk.Crash(survives)
			left := min(survives, len(disk.Bytes())-len(whole[0]))
			l, err = ledger.Store{}.OpenOn(disk, clock())
			require.NoError(t, err)
			records := sound(t, disk.Durable())
			for i, line := range whole[1:] {
				if left -= len(line); left >= 0 {
					require.Equal(t, fmt.Sprint("00T", i), records[i+1].Token, "what is whole is kept")
				}
			}
			append1(t, l, ledger.Record{Kind: ledger.Halt})
		}
	}
}
