package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

func TestALineIsWhatTheDocumentationSays(t *testing.T) {
	disk := diskWith(t, ledger.Record{Kind: ledger.Seen, Run: "r1", Token: "00T1", Rule: "idle"},
		ledger.Record{Kind: ledger.Ended})
	l := lines(disk.Bytes())
	require.Equal(t,
		`{"v":1,"seq":1,"time":"2026-11-24T09:00:01Z","kind":"seen","run":"r1","token":"00T1","rule":"idle",`+
			`"prev":"`+strings.Repeat("0", 64)+`","sum":"4f19f45d"}`+"\n", l[0])
	head, err := ledger.ReadFrom(strings.NewReader(l[0]), func(ledger.Record) error { return nil })
	require.NoError(t, err)
	require.Contains(t, l[1], `,"prev":"`+head.Hash+`","sum":"`)
}

// Names are a stranger's text: nothing in a line moves the cursor of a terminal or turns its text around. And no byte
// of it depends on what a later version of Unicode takes for printable.
func TestALineIsSafeToShow(t *testing.T) {
	name := "a\x1b[31m\x7f\u202e\u200b\u2028\U000e0041 é🗝 <!channel>"
	disk := diskWith(t, ledger.Record{Kind: ledger.Vanished, Token: "00T1", Name: name})
	require.Contains(t, string(disk.Bytes()),
		`"a\u001b[31m\u007f\u202e\u200b\u2028\udb40\udc41 \u00e9\ud83d\udddd \u003c!channel\u003e"`)
	require.Equal(t, name, sound(t, disk.Bytes())[0].Name)
}

// What Append returns is what a reader gets, though JSON can't hold all that was given.
func TestAppendReturnsWhatIsRead(t *testing.T) {
	disk := new(ledgertest.Disk)
	zone := time.FixedZone("CET", 3600)
	l, err := ledger.Store{}.OpenOn(disk, func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6789012, zone) })
	require.NoError(t, err)
	given := ledger.Record{
		Seq: 77, Time: start, Kind: ledger.Intent, Token: "00T1", Name: "bro\xffken", Step: ledger.StepRevoke,
		Rules:  []string{},
		Before: &ledger.Condition{Include: []string{}, LastUpdated: start.In(zone)},
	}
	stored := append1(t, l, given)
	require.Equal(t, ledger.Record{
		Seq: 1, Time: time.Date(2026, 1, 2, 2, 4, 5, 6000000, time.UTC), Kind: ledger.Intent,
		Token: "00T1", Name: "bro\ufffdken", Step: ledger.StepRevoke, Before: &ledger.Condition{LastUpdated: start},
	}, stored)
	require.Equal(t, []ledger.Record{stored}, sound(t, disk.Durable()))
	require.Equal(t, zone, given.Before.LastUpdated.Location(), "the caller's record was changed")
}

func TestRecordsThatMakeNoSenseAreRefused(t *testing.T) {
	disk := new(ledgertest.Disk)
	now := start
	l, err := ledger.Store{}.OpenOn(disk, func() time.Time { return now })
	require.NoError(t, err)
	append1(t, l, ledger.Record{Kind: ledger.Begun, Org: org})
	intent := append1(t, l, ledger.Record{Kind: ledger.Intent, Token: "00T1", Name: "ci", Step: ledger.StepRevoke})
	outcome := append1(t, l, ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq, Result: ledger.ResultUnknown})
	require.Equal(t, []string{"00T1", "ci", "revoke"}, []string{outcome.Token, outcome.Name, outcome.Step},
		"taken from the intent")
	append1(t, l, ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq, Result: ledger.ResultRevoked, Settled: true})
	append1(t, l, ledger.Record{Kind: ledger.Intent, Step: ledger.StepRevokeCurrent}) // its id may be unknown
	before := disk.Bytes()

	for _, row := range []struct {
		name   string
		record ledger.Record
		want   string
	}{
		{"no kind", ledger.Record{}, `recording "": there is no such kind`},
		{"an unknown kind", ledger.Record{Kind: "rumour"}, "no such kind"},
		{"a run without an org", ledger.Record{Kind: ledger.Begun}, "needs an org"},
		{"a run of another org", ledger.Record{Kind: ledger.Begun, Org: "https://other.okta.com"},
			"state directory of its own"},
		{"an intent without a token", ledger.Record{Kind: ledger.Intent, Step: ledger.StepRevoke}, "needs a token"},
		{"an intent without a step", ledger.Record{Kind: ledger.Intent, Token: "00T1"}, "and a step"},
		{"an outcome of nothing", ledger.Record{Kind: ledger.Outcome, Ref: 1}, "record 1 is no open intent"},
		{"an outcome of what is settled", ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq}, "no open intent"},
		{"a record that is too long", ledger.Record{Kind: ledger.Halt, Reason: strings.Repeat("x", ledger.MaxLine)},
			"a record may have"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := l.Append(row.record)
			require.ErrorContains(t, err, row.want)
			require.NotErrorIs(t, err, ledger.ErrPoisoned)
			require.Equal(t, row.record.Kind == ledger.Begun && row.record.Org != "",
				errors.Is(err, ledger.ErrOtherOrg))
		})
	}
	now = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err = l.Append(ledger.Record{Kind: ledger.Halt})
	require.ErrorContains(t, err, "year outside of range")
	now = start
	require.Equal(t, string(before), string(disk.Bytes()), "nothing of it was written")
	append1(t, l, ledger.Record{Kind: ledger.Begun, Org: org})
}

// A clock that was set back is told, not hidden: the order is that of Seq.
func TestTheLatestTimeStays(t *testing.T) {
	times := []time.Time{start, start.Add(time.Hour), start.Add(-time.Hour), start.AddDate(2, 0, 0)}
	next := 0
	l, err := ledger.Store{}.OpenOn(new(ledgertest.Disk), func() time.Time { next++; return times[next-1] })
	require.NoError(t, err)
	require.Zero(t, l.Latest())
	for range 3 {
		append1(t, l, ledger.Record{Kind: ledger.Resolved})
	}
	stored := append1(t, l, ledger.Record{Kind: ledger.Halt, Doubted: true})
	require.Equal(t, start.Add(time.Hour), l.Latest(), "who pulls the brake asks no org what time it is")
	require.False(t, stored.Doubted, "which goes without saying, for builds that don't know the word")
}

// Whichever write or fsync fails, and whatever of it is on the disk: nothing is written after it, what
// was acknowledged is there, and the next run can go on.
func TestEveryWriteAndFsyncFails(t *testing.T) {
	broken := errors.New("input/output error")
	whole := lines(diskWith(t, small...).Bytes())
	type fault struct {
		name string
		set  func(d *ledgertest.Disk, n int)
	}
	faults := []fault{{"fsync", func(d *ledgertest.Disk, n int) { d.FailSync(n+1, broken) }}} // Open has the first
	for _, keep := range []int{0, 1, 50, 1 << 20} {
		faults = append(faults, fault{fmt.Sprintf("write after %d bytes", keep), func(d *ledgertest.Disk, n int) {
			d.FailWrite(n, keep, broken)
		}})
	}
	for _, f := range faults {
		for n := 1; n <= len(small); n++ {
			for _, survives := range []int{0, 1, 100, 1 << 20} {
				t.Run(fmt.Sprintf("%s, of record %d, %d bytes survive", f.name, n, survives), func(t *testing.T) {
					disk := new(ledgertest.Disk)
					f.set(disk, n)
					l, err := ledger.Store{}.OpenOn(disk, clock())
					require.NoError(t, err)
					for _, r := range small[:n-1] {
						append1(t, l, r)
					}
					head, state := l.Head(), len(l.State().Findings)
					_, err = l.Append(small[n-1])
					require.ErrorIs(t, err, ledger.ErrPoisoned)
					require.ErrorIs(t, err, ledger.ErrUnusable)
					require.ErrorIs(t, err, broken)
					require.Equal(t, head, l.Head())
					require.Len(t, l.State().Findings, state)

					writes, syncs := disk.Calls()
					for range 3 {
						_, err = l.Append(ledger.Record{Kind: ledger.Halt})
						require.ErrorIs(t, err, ledger.ErrPoisoned)
					}
					after, afterSyncs := disk.Calls()
					require.Equal(t, []int{writes, syncs}, []int{after, afterSyncs}, "it was tried again")
					require.NoError(t, l.Close())

					require.Equal(t, strings.Join(whole[:n-1], ""), string(disk.Durable()), "what was acknowledged")
					disk.Crash(survives)
					l, err = ledger.Store{}.OpenOn(disk, clock())
					require.NoError(t, err)
					require.GreaterOrEqual(t, l.Head().Seq, uint64(n-1))
					append1(t, l, ledger.Record{Kind: ledger.Halt})
					require.Equal(t, whole[:n-1], lines(disk.Durable())[:n-1])
					sound(t, disk.Durable())
				})
			}
		}
	}
}

// At whatever byte the disk is full: the record is refused, and with room again the ledger goes on.
func TestFullDisk(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	for size := 1; size < len(whole); size += 7 {
		disk := new(ledgertest.Disk)
		disk.Limit(size)
		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		n := 0
		for ; err == nil; n++ {
			_, err = l.Append(small[n])
		}
		require.ErrorIs(t, err, ledger.ErrUnusable)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, l.Close())

		torn := disk.Bytes()
		if _, err = (ledger.Store{}).OpenOn(disk,
			clock()); err != nil { // there may be a torn line and no room to set it aside
			require.ErrorIs(t, err, ledger.ErrUnusable)
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.Equal(t, torn, disk.Bytes(), "nothing is cut off that was not set aside")
		}
		disk.Kill()
		disk.Limit(0)
		l, err = ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		append1(t, l, ledger.Record{Kind: ledger.Halt})
		require.Equal(t, whole[:len(strings.Join(lines(whole)[:n-1], ""))],
			disk.Durable()[:len(strings.Join(lines(whole)[:n-1], ""))])
	}
}

// A crash while a torn line is being recovered loses nothing and is recovered in turn.
func TestCrashWhileRecovering(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	broken := errors.New("input/output error")
	for _, keep := range []int{0, 1, 40, 1 << 20} {
		disk := ledgertest.New(whole[:len(whole)-5])
		now := func() time.Time { return start } // so that the names clash
		disk.FailWrite(1, keep, broken)
		_, err := ledger.Store{}.OpenOn(disk, now)
		require.ErrorIs(t, err, ledger.ErrPoisoned)
		disk.Crash(keep)
		l, err := ledger.Store{}.OpenOn(disk, now)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		records := sound(t, disk.Durable())
		require.GreaterOrEqual(t, len(records), len(small)-1)
		require.Contains(t, slices.Collect(maps.Values(disk.Asides())),
			whole[len(strings.Join(lines(whole)[:len(small)-1], "")):len(whole)-5])
	}
}

// An fsync that fails while opening is no ledger to build on.
func TestOpeningMakesDurableWhatItFound(t *testing.T) {
	broken := errors.New("input/output error")
	disk := diskWith(t, small...)
	disk.FailSync(1, broken)
	_, err := ledger.Store{}.OpenOn(disk, clock())
	require.ErrorIs(t, err, ledger.ErrUnusable)
	require.ErrorIs(t, err, broken)
	_, err = ledger.Store{}.OpenOn(disk, clock())
	require.NoError(t, err, "the lock was released")
}

func TestAClosedLedgerTakesNothing(t *testing.T) {
	disk := new(ledgertest.Disk)
	l, err := ledger.Store{}.OpenOn(disk, clock())
	require.NoError(t, err)
	_, err = ledger.Store{}.OpenOn(disk, clock())
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NoError(t, l.Close())
	_, err = l.Append(ledger.Record{Kind: ledger.Halt})
	require.EqualError(t, err, "the ledger takes no more records: it was closed")
	require.ErrorIs(t, err, ledger.ErrPoisoned)
	require.Empty(t, disk.Bytes())
}

// Random records, appended in one or several goes with crashes between: the state of the live ledger is
// that of reading it.
func TestReplayIsLive(t *testing.T) {
	kinds := []ledger.Kind{
		ledger.Begun, ledger.Ended, ledger.Listed, ledger.Seen, ledger.Resolved, ledger.Noticed, ledger.Voided,
		ledger.Intent,
		ledger.Outcome, ledger.Planned, ledger.Halt, ledger.Resume, ledger.Exempted, ledger.Lifted, ledger.Vanished,
		ledger.Announcing, ledger.Outbox, ledger.Posted, ledger.Delivered, ledger.ClockReset,
	}
	rapid.Check(t, func(t *rapid.T) {
		disk := new(ledgertest.Disk)
		seconds, months := clock(), 0
		now := func() time.Time { return seconds().AddDate(0, months, 0) }
		l, err := ledger.Store{}.OpenOn(disk, now)
		require.NoError(t, err)
		strings := rapid.SliceOfN(rapid.String(), 0, 2)
		condition := rapid.Custom(func(t *rapid.T) ledger.Condition {
			return ledger.Condition{
				Connection: rapid.SampledFrom([]string{"", "ANYWHERE", "ZONE"}).Draw(t, "connection"),
				Include:    strings.Draw(t, "include"), Exclude: strings.Draw(t, "exclude"),
				LastUpdated: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "updated"), 0),
			}
		})
		var together []ledger.Record // that are written at once
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
				together = nil
				months += rapid.IntRange(0, 1).Draw(t, "months")
				before := *l.State()
				disk.Crash(0)
				l, err = ledger.Store{}.OpenOn(disk, now)
				require.NoError(t, err)
				require.True(t, before.Equal(l.State()), "in force before:\n%+v\nand after:\n%+v", before, l.State())
			}
			r := ledger.Record{
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Run: rapid.String().Draw(t, "run"), Org: org,
				Token: rapid.SampledFrom([]string{"00T1", "00T2", "00T3"}).Draw(t, "token"),
				Name:  rapid.String().Draw(t, "name"),
				Of:    rapid.SampledFrom([]string{"run1", "run2"}).Draw(t, "of"),
				Part:  rapid.SampledFrom([]string{"parent", "owner-00u1", "owner-00u2"}).Draw(t, "part"),
				Rule:  rapid.SampledFrom([]string{"idle", "agent"}).Draw(t, "rule"), Rules: strings.Draw(t, "rules"),
				Step: rapid.SampledFrom([]string{ledger.StepQuarantine, ledger.StepRevoke, ledger.StepRestore}).Draw(t,
					"step"),
				Plan:   rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "plan"),
				Reason: string(rapid.SliceOf(rapid.Byte()).Draw(t, "reason")),
				Result: rapid.SampledFrom([]string{"revoked", "quarantined", "restored", "gone", "failed", "unknown"}).
					Draw(t, "result"),
				Settled: rapid.Bool().Draw(t, "settled"), Count: rapid.Int().Draw(t, "count"),
				ExitCode: rapid.IntRange(0, 99).Draw(t, "exit"),
				Counts:   rapid.MapOfN(rapid.String(), rapid.Int(), 0, 2).Draw(t, "counts"),
				Actions: []ledger.Action{
					{Token: "00T1", Step: ledger.StepRevoke, Rules: strings.Draw(t, "of the action")}},
			}
			if r.Kind == ledger.Begun { // all are of one org
				r.Name = rapid.SampledFrom([]string{"", orgID}).Draw(t, "id of the org")
			}
			if rapid.Bool().Draw(t, "has conditions") {
				before, after := condition.Draw(t, "before"), condition.Draw(t, "after")
				r.Before, r.After = &before, &after
			}
			if open := l.State().OpenSeqs(); len(open) > 0 {
				r.Ref = rapid.SampledFrom(open).Draw(t, "ref")
			} else if r.Kind == ledger.Outcome {
				continue
			}
			if together = append(together, r); rapid.IntRange(0, 2).Draw(t, "and more") > 0 {
				continue
			}
			_, err := l.AppendAll(together)
			require.NoError(t, err)
			together = nil
		}
		var replayed ledger.State
		head, err := ledger.ReadFrom(bytes.NewReader(disk.Durable()), func(r ledger.Record) error {
			replayed.Apply(r)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, l.Head(), head)
		require.True(t, l.State().Equal(&replayed), "in memory:\n%+v\nreplayed:\n%+v", l.State(), replayed)
	})
}
