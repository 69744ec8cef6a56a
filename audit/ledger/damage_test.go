package ledger_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// A ledger that is cut anywhere is a shorter one, or has a torn last line that is set aside.
func TestLedgerCutAtEveryOffset(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	all := sound(t, whole)
	for cut := range len(whole) {
		kept := bytes.Count(whole[:cut], []byte{'\n'})
		tail := whole[bytes.LastIndexByte(whole[:cut], '\n')+1 : cut]
		disk := ledgertest.New(whole[:cut])

		records, head, err := read(whole[:cut])
		require.Len(t, records, kept, "cut at %d", cut)
		require.Equal(t, uint64(kept), head.Seq)
		torn := new(ledger.TornError)
		require.Equal(t, len(tail) > 0, errors.As(err, &torn), "cut at %d: %v", cut, err)
		require.Equal(t, len(tail), torn.Bytes)
		require.NotErrorIs(t, err, ledger.ErrDamaged)

		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err, "cut at %d", cut)
		require.NoError(t, l.Close())
		records = sound(t, disk.Durable())
		if len(all[:kept]) > 0 {
			require.Equal(t, all[:kept], records[:kept], "cut at %d", cut)
		}
		if len(tail) == 0 {
			require.Len(t, records, kept)
			require.Empty(t, disk.Asides())
			continue
		}
		require.Len(t, records, kept+1)
		require.Equal(t, ledger.Recovered, records[kept].Kind)
		require.Equal(t, len(tail), records[kept].Count)
		require.Equal(t, map[string][]byte{records[kept].File: tail}, disk.Asides())
	}
}

// stride is how far apart the bytes are that are tried: all of them, or with -short, as under the race detector in CI,
// every seventh.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// No byte of a ledger may differ.
func TestLedgerFlippedAtEveryOffset(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	all := sound(t, whole)
	masks := []byte{1, 2, 4, 8, 16, 32, 64, 128}
	for at := 0; at < len(whole); at += stride() {
		for _, mask := range append(masks, whole[at], whole[at]^'\n') { // the last two make a zero and a newline
			if mask == 0 {
				continue
			}
			flipped := bytes.Clone(whole)
			flipped[at] ^= mask
			good := bytes.Count(whole[:at], []byte{'\n'})

			records, _, err := read(flipped)
			require.ErrorIs(t, err, ledger.ErrDamaged, "byte %d xor %#x", at, mask)
			require.Len(t, records, good, "byte %d xor %#x", at, mask)
			if good > 0 {
				require.Equal(t, all[:good], records)
			}
			damage := new(ledger.DamageError)
			require.ErrorAs(t, err, &damage)
			require.Equal(t, good+1, damage.Line)
			require.Equal(t, uint64(good+1), damage.Seq)
			require.Equal(t, int64(bytes.LastIndexByte(whole[:at], '\n')+1), damage.Offset)

			disk := ledgertest.New(flipped)
			_, err = ledger.Store{}.OpenOn(disk, clock())
			require.ErrorIs(t, err, ledger.ErrDamaged)
			require.Equal(t, flipped, disk.Bytes(), "a damaged ledger was changed")
			require.Empty(t, disk.Asides())
		}
	}
}

// With a torn last line, a flip in it leaves it torn; one anywhere else is damage.
func TestTornLedgerFlippedAtEveryOffset(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	whole = whole[:len(whole)-9]
	all := sound(t, whole[:bytes.LastIndexByte(whole, '\n')+1])
	for at := 0; at < len(whole); at += stride() {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[at] ^= 1 << bit
			records, _, err := read(flipped)
			torn := new(ledger.TornError)
			if !errors.As(err, &torn) {
				require.ErrorIs(t, err, ledger.ErrDamaged, "byte %d", at)
			} else {
				require.GreaterOrEqual(t, int64(at), torn.Offset)
			}
			if len(records) > 0 {
				require.Equal(t, all[:len(records)], records, "byte %d", at)
			}
		}
	}
}

func TestWhatIsDamageAndWhatIsTorn(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	l := lines(whole)
	forged := func(change func(body string) string) string {
		body, _, _ := strings.Cut(l[2], `,"sum"`)
		return l[0] + l[1] + ledger.Seal(change(body)) + "\n" + l[3]
	}
	replace := func(from, to string) func(string) string {
		return func(body string) string { return strings.Replace(body, from, to, 1) }
	}
	name := strings.Index(l[3], "é")
	for _, row := range []struct {
		name    string
		content string
		good    int    // records before the first bad one
		damage  string // in the error, or
		torn    int    // bytes
		newer   bool
	}{
		{name: "nothing at all"},
		{name: "two lines that were swapped", content: l[0] + l[2] + l[1] + l[3], good: 1,
			damage: "line 2, which begins at byte 231 and should be record 2, is record 3: a line was removed"},
		{name: "a line that was removed", content: l[0] + l[1] + l[3], good: 2, damage: "is record 4"},
		{name: "the first line removed", content: l[1] + l[2], good: 0, damage: "is record 2"},
		{name: "a line that was repeated", content: l[0] + l[1] + l[1] + l[2], good: 2, damage: "is record 2"},
		{name: "an empty line", content: l[0] + "\n" + l[1], good: 1, damage: "is not what was written"},
		{name: "an empty line at the end", content: l[0] + "\n", good: 1, damage: "is not what was written"},
		{name: "carriage returns", content: strings.ReplaceAll(l[0], "\n", "\r\n"), good: 0,
			damage: "is not what was written"},
		{name: "another record in its place, with a right sum", content: forged(replace("slack", "email")), good: 3,
			damage: "line before it, which was changed"},
		{name: "a newer version", content: forged(replace(`"v":1`, `"v":2`)), good: 2,
			damage: "a newer version wrote it", newer: true},
		{name: "a kind that is unknown", content: forged(replace(`"kind":"notice"`, `"kind":"rumour"`)), good: 2,
			damage: "a newer version wrote it", newer: true},
		{name: "a key that is unknown and has to be known", content: forged(replace(`"via":"slack"`,
			`"via":"slack","mood":1,"crit":["mood"]`)), good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key that has to be known and is missing", content: forged(replace(`"via":"slack"`,
			`"via":"slack","crit":["mood"]`)), good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key that is unknown, twice", content: forged(replace(`"facts"`, `"mood":1,"mood":1,"facts"`)),
			good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key that is unknown, and a space", content: forged(replace(`"facts"`, `"mood": 1,"facts"`)),
			good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key that is unknown, and what is no ASCII", content: forged(replace(`"facts"`,
			`"mood":"\u202e","facts"`)), good: 3, damage: "line before it, which was changed"},
		{name: "a key that is unknown, and a raw character", content: forged(replace(`"facts"`,
			"\"mood\":\"\u202e\",\"facts\"")), good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key that is unknown within a condition", content: forged(replace(`"facts"`,
			`"before":{"mood":1},"facts"`)), good: 2, damage: "a newer version wrote it", newer: true},
		{name: "a key twice", content: forged(replace(`"facts"`, `"token":"00T1","facts"`)), good: 2,
			damage: "a newer version wrote it", newer: true},
		{name: "a space", content: forged(replace(`,"facts"`, `, "facts"`)), good: 2,
			damage: "a newer version wrote it", newer: true},
		{name: "a key in capitals", content: forged(replace(`"facts"`, `"Facts"`)), good: 2,
			damage: "a newer version wrote it", newer: true},
		{name: "a line of another ledger", content: l[0] +
			lines(diskWith(t, ledger.Record{Kind: ledger.Halt}, ledger.Record{Kind: ledger.Resume}).Bytes())[1],
			good: 1, damage: "doesn't follow the line before it"},
		{name: "a last line that ends within a character", content: l[0] + l[1] + l[2] + l[3][:name+1], good: 3,
			torn: name + 1},
		{name: "a last line that is whole but for its newline", content: l[0] + strings.TrimSuffix(l[1], "\n"), good: 1,
			torn: len(l[1]) - 1},
		{name: "a last line of zeros", content: l[0] + strings.Repeat("\x00", 300), good: 1, torn: 300},
		{name: "a part of a line and zeros", content: l[0] + l[1][:20] + strings.Repeat("\x00", 300), good: 1,
			torn: 320},
		{name: "a whole last line and one more byte", content: l[0] + strings.TrimSuffix(l[1], "\n") + "\x0b", good: 1,
			damage: "no newline comes after it"},
		{name: "a newline that became a zero, and a torn line", content: l[0] + strings.TrimSuffix(l[1], "\n") +
			"\x00" + l[2][:9], good: 1, damage: "no newline comes after it"},
		{name: "a line longer than any record", content: l[0] + strings.Repeat("x", ledger.MaxLine+200_000) + "\n",
			good: 1, damage: "no record is that long"},
	} {
		t.Run(row.name, func(t *testing.T) {
			records, head, err := read([]byte(row.content))
			require.Len(t, records, row.good)
			require.Equal(t, uint64(row.good), head.Seq)
			torn, damage := new(ledger.TornError), new(ledger.DamageError)
			disk := ledgertest.New([]byte(row.content))
			opened, openErr := ledger.Store{}.OpenOn(disk, clock())
			switch {
			case row.damage != "":
				require.ErrorContains(t, err, row.damage)
				require.ErrorAs(t, err, &damage)
				require.Equal(t, row.newer, damage.Newer)
				require.Equal(t, err, openErr)
				require.Equal(t, row.content, string(disk.Bytes()))
				return
			case row.torn > 0:
				require.ErrorAs(t, err, &torn)
				require.Equal(t, row.torn, torn.Bytes)
			default:
				require.NoError(t, err)
			}
			require.NoError(t, openErr)
			append1(t, opened, ledger.Record{Kind: ledger.Halt})
			sound(t, disk.Durable())
		})
	}
}

// An older copy is sound in itself: only the head that was published tells.
func TestAnOlderCopyHasAnotherHead(t *testing.T) {
	disk := diskWith(t, small...)
	_, published, err := read(disk.Bytes())
	require.NoError(t, err)
	_, old, err := read([]byte(strings.Join(lines(disk.Bytes())[:4], "")))
	require.NoError(t, err)
	require.NotEqual(t, published, old)
	require.Equal(t, "4:"+old.Hash[:12], old.String())
	require.Equal(t, "0", ledger.Head{}.String())
}

func TestReadingEndsWhereItFails(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	enough := errors.New("enough")
	n := 0
	head, err := ledger.ReadFrom(bytes.NewReader(whole), func(ledger.Record) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	require.Equal(t, enough, err)
	require.Equal(t, uint64(3), head.Seq)

	broken := errors.New("input/output error")
	_, err = ledger.ReadFrom(iotest.ErrReader(broken), func(ledger.Record) error { return nil })
	require.ErrorIs(t, err, ledger.ErrUnusable)
	require.ErrorIs(t, err, broken)
	_, err = ledger.ReadFrom(iotest.OneByteReader(bytes.NewReader(whole)), func(ledger.Record) error { return nil })
	require.NoError(t, err)
}

// FuzzRead looks for content that is accepted and is not what its records would be written as.
func FuzzRead(f *testing.F) {
	whole := diskWith(f, small...).Bytes()
	f.Add([]byte{})
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(append(bytes.Clone(whole), make([]byte, 50)...))
	f.Add([]byte(ledger.Seal(`{"v":1,"seq":1,"time":"2026-11-24T09:00:00Z","kind":"halt","prev":"`+
		strings.Repeat("0", 64)+`"`) + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		// With its sums put right, more of what the fuzzer makes is looked at.
		for _, content := range [][]byte{content, reseal(content)} {
			records, head, err := read(content)
			require.Equal(t, uint64(len(records)), head.Seq)
			if err != nil {
				continue
			}
			disk := new(ledgertest.Disk)
			next := 0
			l, err := ledger.Store{}.OpenOn(disk, nil)
			require.NoError(t, err)
			for ; next < len(records); next++ {
				require.NoError(t, ledger.AppendAsIs(l, records[next]))
			}
			require.Equal(t, string(content), string(disk.Bytes()))
		}
	})
}

// reseal gives each line of content the sum that fits.
func reseal(content []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(content)) {
		body, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), `,"sum":"`)
		out = append(out, ledger.Seal(body)+"\n"...)
	}
	return out
}
