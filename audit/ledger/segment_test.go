package ledger_test

import (
	"errors"
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

// at is a clock that stands.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// nextMonth is a clock in the month after start.
func nextMonth(n int) func() time.Time { return at(start.AddDate(0, n, 0)) }

// reopened opens a ledger and closes it again.
func reopened(t *testing.T, disk ledger.Disk, now func() time.Time) *ledger.State {
	t.Helper()
	l, err := ledger.Store{}.OpenOn(disk, now)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.State()
}

func segments(t *testing.T, disk ledger.Disk) int {
	t.Helper()
	found, err := disk.Segments()
	require.NoError(t, err)
	return len(found)
}

func TestASegmentBeginsWithAMonthAndWithTheFirstRunInIt(t *testing.T) {
	last := time.Date(2026, 11, 30, 23, 59, 59, 999e6, time.UTC)
	for _, row := range []struct {
		name  string
		now   time.Time
		seals bool
	}{
		{"the same month", last, false},
		{"the next", last.Add(time.Millisecond), true},
		{"the next, by a clock in another zone", last.Add(time.Millisecond).In(time.FixedZone("", -7200)), true},
		{"the same, where it is the next in another zone", last.In(time.FixedZone("", 7200)), false},
		{"a year later", last.AddDate(1, 0, 0), true},
		{"a clock that was set back", last.AddDate(0, -3, 0), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			disk := diskWith(t, small...)
			before := reopened(t, disk, clock())
			after := reopened(t, disk, at(row.now))
			require.Equal(t, row.seals, segments(t, disk) == 1)
			require.True(t, before.Equal(after))
			again := reopened(t, disk, at(row.now))
			require.Equal(t, row.seals, segments(t, disk) == 1, "once")
			require.True(t, before.Equal(again))
		})
	}
	empty := new(ledgertest.Disk)
	reopened(t, empty, clock())
	reopened(t, empty, nextMonth(5))
	require.Zero(t, segments(t, empty), "of nothing there is no snapshot")
}

func TestASegmentThatIsLongIsFollowedByAnother(t *testing.T) {
	disk := new(ledgertest.Disk)
	long := strings.Repeat("x", 1<<20)
	for i := range 8 {
		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		require.Zero(t, segments(t, disk), "with %d MiB", i)
		append1(t, l, ledger.Record{Kind: ledger.Vanished, Token: fmt.Sprint(i), Reason: long})
		require.NoError(t, l.Close())
	}
	reopened(t, disk, clock())
	require.Equal(t, 1, segments(t, disk))
	reopened(t, disk, clock())
	require.Equal(t, 1, segments(t, disk), "though what is in force has 8 MiB by itself")
}

// Whatever fails while a segment is sealed, and whatever of it survives: nothing is lost, and the next opening seals
// it.
func TestACrashWhileASegmentIsSealedLosesNothing(t *testing.T) {
	broken := errors.New("input/output error")
	for name, fail := range map[string]func(*ledgertest.Disk){
		"the write fails": func(d *ledgertest.Disk) { d.FailWrite(1, 0, broken) },
		"the fsync fails": func(d *ledgertest.Disk) { d.FailSync(2, broken) }, // Open has the first
		"it is full":      func(d *ledgertest.Disk) { d.Limit(len(d.Bytes()) + 100) },
	} {
		for _, survives := range []int{0, 1, 500, 1 << 20} {
			t.Run(fmt.Sprintf("%s, %d bytes survive", name, survives), func(t *testing.T) {
				disk := diskWith(t, small...)
				want, content := reopened(t, disk, clock()), disk.Durable()
				fail(disk)
				_, err := ledger.Store{}.OpenOn(disk, nextMonth(1))
				require.ErrorIs(t, err, ledger.ErrUnusable)
				require.ErrorContains(t, err, "beginning a new segment")
				disk.Crash(survives)
				disk.Limit(0)
				require.Equal(t, string(content), string(disk.Durable()[:len(content)]))
				l, err := ledger.Store{}.OpenOn(disk, nextMonth(1))
				require.NoError(t, err)
				require.True(t, want.Equal(l.State()))
				append1(t, l, ledger.Record{Kind: ledger.Halt})
				require.Equal(t, 1, segments(t, disk))
				require.Len(t, sound(t, disk.Durable()), len(small)+1)
			})
		}
	}
}

// A plan is read where it is on record, however long ago.
func TestAPlanIsReadFromItsSegment(t *testing.T) {
	disk := new(ledgertest.Disk)
	want := make(map[string][]ledger.Action)
	for month := range 3 {
		l, err := ledger.Store{}.OpenOn(disk, at(start.AddDate(0, month, 0)))
		require.NoError(t, err)
		for n := range 2 {
			digest := fmt.Sprint("sha256:", month, n)
			want[digest] = []ledger.Action{{Token: digest, Step: ledger.StepRevoke}}
			append1(t, l, ledger.Record{Kind: ledger.Planned, Plan: digest, Mode: ledger.ModeDryRun,
				Actions: want[digest]})
			for digest, plan := range l.State().Plans {
				actions, err := l.Actions(plan)
				require.NoError(t, err)
				require.Equal(t, want[digest], actions)
			}
		}
		if month > 0 {
			require.NotContains(t, l.State().Plans, fmt.Sprint("sha256:", month-1, 0), "it is too old")
		}
		_, err = l.Actions(ledger.PlanRecord{Seq: 99})
		require.ErrorIs(t, err, ledger.ErrLost)
		require.NoError(t, l.Close())
	}
}

// sealedState is a state directory with two sealed segments and the one that is written to.
func sealedState(t *testing.T) (dir string, files [3]string) {
	t.Helper()
	dir = stateWith(t, small...)
	for n := range 2 {
		l, err := ledger.InDirectory(dir).Open(nextMonth(n + 1))
		require.NoError(t, err)
		append1(t, l, ledger.Record{Kind: ledger.Seen, Token: fmt.Sprint("00T", n+2), Rule: "idle"})
		append1(t, l, ledger.Record{Kind: ledger.Resolved, Token: fmt.Sprint("00T", n+2), Rule: "idle"})
		require.NoError(t, l.Close())
	}
	sealed, err := filepath.Glob(filepath.Join(dir, "ledger-*.jsonl"))
	require.NoError(t, err)
	require.Len(t, sealed, 2)
	return dir, [3]string{sealed[0], sealed[1], filepath.Join(dir, "ledger.jsonl")}
}

func TestReadGoesThroughAllSegments(t *testing.T) {
	dir, files := sealedState(t)
	require.Equal(t, "ledger-00000000000000000001.jsonl", filepath.Base(files[0]))
	var kinds []ledger.Kind
	var replayed ledger.State
	head, err := ledger.InDirectory(dir).Read(func(r ledger.Record) error {
		kinds = append(kinds, r.Kind)
		replayed.Apply(r)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []ledger.Kind{ledger.Begun, ledger.Seen, ledger.Noticed, ledger.Intent, ledger.Outcome,
		ledger.Ended, ledger.Seen, ledger.Resolved, ledger.Seen, ledger.Resolved}, kinds)
	past, same, err := ledger.InDirectory(dir).State()
	require.NoError(t, err)
	require.Equal(t, head, same)
	require.True(t, past.Equal(&replayed))
	require.NoError(t, ledger.InDirectory(dir).CheckHead(head.String()))

	first, _, err := read(content(t, files[0]))
	require.NoError(t, err)
	_, head, err = read(content(t, files[0]))
	require.NoError(t, err)
	require.Equal(t, uint64(len(first)), head.Seq)
	require.NoError(t, ledger.InDirectory(dir).CheckHead(head.String()), "of a segment that was sealed")
	require.ErrorIs(t, ledger.InDirectory(dir).CheckHead("3:000000000000"), ledger.ErrDamaged)
	require.ErrorIs(t, ledger.InDirectory(dir).CheckHead("9999:000000000000"), ledger.ErrDamaged)
}

func content(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return raw
}

// Loss shows: at the opening already where sizes and names tell, and in any case to who reads all.
func TestWhatIsMissingOrChangedInSegmentsIsFound(t *testing.T) {
	edit := func(file string, change func(string) string) error {
		raw, err := os.ReadFile(file)
		return errors.Join(err, os.WriteFile(file, []byte(change(string(raw))), 0o600))
	}
	for _, row := range []struct {
		name   string
		damage func(files [3]string) error
		opens  bool // the opening can't see it
		says   string
	}{
		{"the first segment is missing", func(f [3]string) error { return os.Remove(f[0]) }, false, "missing"},
		{"the second is missing", func(f [3]string) error { return os.Remove(f[1]) }, false, "missing"},
		{"the one that is written to is missing", func(f [3]string) error { return os.Remove(f[2]) }, false,
			"missing or empty"},
		{"the one that is written to is empty", func(f [3]string) error { return os.Truncate(f[2], 0) }, false,
			"missing or empty"},
		{"a segment is shorter by its last line", func(f [3]string) error {
			return edit(f[0], func(s string) string { return s[:strings.LastIndexByte(s[:len(s)-1], '\n')+1] })
		}, false, "segment"},
		{"a segment is empty", func(f [3]string) error { return os.Truncate(f[0], 0) }, false, "segment"},
		{"a byte of a segment is another", func(f [3]string) error {
			return edit(f[0], func(s string) string { return strings.Replace(s, "idle", "idlf", 1) })
		}, true, "ledger-00000000000000000001.jsonl: the ledger is damaged: line 2"},
		{"two segments have changed places", func(f [3]string) error {
			return errors.Join(os.Rename(f[0], f[0]+"x"), os.Rename(f[1], f[0]), os.Rename(f[0]+"x", f[1]))
		}, false, "segment"},
		{"the one that is written to is an older one", func(f [3]string) error {
			raw, err := os.ReadFile(f[0])
			return errors.Join(err, os.WriteFile(f[2], raw, 0o600))
		}, false, "there is one that begins with record"},
		{"a segment is cut in mid-line, and as long as before", func(f [3]string) error {
			return edit(f[0], func(s string) string { return s[:len(s)-20] + strings.Repeat(" ", 20) })
		}, true, "not complete"},
		{"the snapshot's last piece is missing", func(f [3]string) error {
			return edit(f[2], func(s string) string {
				all := strings.SplitAfter(s, "\n")
				return strings.Join(all[:3], "")
			})
		}, false, "a part of the snapshot"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, files := sealedState(t)
			require.NoError(t, row.damage(files))
			bad := func(err error) {
				t.Helper()
				require.Error(t, err)
				require.True(t, errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrLost), "%v", err)
				require.ErrorContains(t, err, row.says)
			}
			_, err := ledger.InDirectory(dir).Read(nil)
			bad(err)
			_, _, err = ledger.InDirectory(dir).State()
			if !row.opens {
				bad(err)
			}
			l, err := ledger.InDirectory(dir).Open(nextMonth(2))
			if row.opens {
				require.NoError(t, err)
				require.NoError(t, l.Close())
				return
			}
			bad(err)
		})
	}
}

// An older copy of what is written to is told from a sealing that did not end, and nothing is removed for it.
func TestAnOlderCopyOfWhatWasSealedIsFoundAtTheOpening(t *testing.T) {
	dir := stateWith(t, small...)
	active := filepath.Join(dir, "ledger.jsonl")
	old := content(t, active)
	l, err := ledger.InDirectory(dir).Open(clock())
	require.NoError(t, err)
	append1(t, l, ledger.Record{Kind: ledger.Halt})
	require.NoError(t, l.Close())
	whole := content(t, active)
	l, err = ledger.InDirectory(dir).Open(nextMonth(1))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, os.WriteFile(active, old, 0o600))
	_, err = ledger.InDirectory(dir).Open(nextMonth(1))
	require.ErrorIs(t, err, ledger.ErrLost)
	require.ErrorContains(t, err, "was sealed with")
	require.Equal(t, whole, content(t, filepath.Join(dir, "ledger-00000000000000000001.jsonl")))
}

// A snapshot that says something else than the records before it is found, though its sums and the chain are right.
func TestASnapshotThatSaysSomethingElseIsFound(t *testing.T) {
	for name, forge := range map[string]func(string) string{
		"no open finding":   func(s string) string { return cutPart(s, "findings") },
		"no notice":         func(s string) string { return cutPart(s, "notices") },
		"another org":       func(s string) string { return strings.Replace(s, "acme", "evil", 1) },
		"a change less":     func(s string) string { return cutPart(s, "changes") },
		"another size":      func(s string) string { return strings.Replace(s, `"size":`, `"size":1`, 1) },
		"another last hash": func(s string) string { return strings.Replace(s, `"hash":"`, `"hash":"0`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := stateWith(t, small...)
			l, err := ledger.InDirectory(dir).Open(nextMonth(1))
			require.NoError(t, err)
			require.NoError(t, l.Close())
			_, err = ledger.InDirectory(dir).Read(nil)
			require.NoError(t, err)
			file := filepath.Join(dir, "ledger.jsonl")
			require.NoError(t, os.WriteFile(file, []byte(ledger.Chained(forge(string(content(t, file))))), 0o600))
			_, err = ledger.InDirectory(dir).Read(nil)
			require.ErrorIs(t, err, ledger.ErrDamaged)
		})
	}
}

// cutPart takes the records of a section out of a snapshot, and makes its count fit.
func cutPart(snapshot, section string) string {
	var kept []string
	cut := 0
	for _, line := range strings.SplitAfter(snapshot, "\n") {
		if strings.Contains(line, `"part":"`+section+`"`) {
			cut++
			continue
		}
		kept = append(kept, line)
	}
	all := strings.Join(kept, "")
	for n := range 100 {
		all = strings.Replace(all, fmt.Sprintf(`"parts":%d}`, n), fmt.Sprintf(`"parts":-%d}`, n-cut), 1)
	}
	return strings.Replace(all, `"parts":-`, `"parts":`, 1)
}

// Where a file can't have two names, its segment is a copy.
func TestASegmentIsCopiedWhereFilesHaveOneName(t *testing.T) {
	ledger.WithoutLinks(t)
	dir, files := sealedState(t)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	_, err := ledger.InDirectory(dir).Read(nil)
	require.NoError(t, err)
}

// What a sealing has left that did not come to its end is no segment, and the next one makes it anew.
func TestASealingThatDidNotEndIsMadeAnew(t *testing.T) {
	for name, leave := range map[string]func(active, sealed string) error{
		"a second name": os.Link,
		"a copy": func(active, sealed string) error {
			raw, err := os.ReadFile(active)
			return errors.Join(err, os.WriteFile(sealed, raw, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stateWith(t, small...)
			active := filepath.Join(dir, "ledger.jsonl")
			sealed := filepath.Join(dir, "ledger-00000000000000000001.jsonl")
			require.NoError(t, leave(active, sealed))
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".ledger.jsonl.123"), []byte("half"), 0o600))
			l, err := ledger.InDirectory(dir).Open(clock())
			require.NoError(t, err)
			append1(t, l, ledger.Record{Kind: ledger.Halt})
			require.NoError(t, l.Close())
			_, err = ledger.InDirectory(dir).Read(nil)
			require.NoError(t, err)
			whole := content(t, active)
			l, err = ledger.InDirectory(dir).Open(nextMonth(1))
			require.NoError(t, err)
			require.NoError(t, l.Close())
			require.Equal(t, string(whole), string(content(t, sealed)))
			_, err = ledger.InDirectory(dir).Read(nil)
			require.NoError(t, err)
			require.NoFileExists(t, filepath.Join(dir, ".ledger.jsonl.123"))
		})
	}
}
