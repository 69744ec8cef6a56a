package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
)

func TestWhatIsKnownOfReportsOnTheirWay(t *testing.T) {
	announcing := ledger.Record{Kind: ledger.Announcing, Of: "run-1", Via: "slack C0", Name: "C0"}
	outbox := ledger.Record{Kind: ledger.Outbox, Of: "run-1", Via: "slack C0", Name: "C0", File: "outbox-run-1.json",
		Snapshot: "sha256:0"}
	posted := ledger.Record{Kind: ledger.Posted, Of: "run-1", Part: "parent", Via: "slack C0 1.1", Name: "1.1"}
	intent := ledger.Record{Kind: ledger.Intent, Run: "run-1", Token: "00T1", Step: ledger.StepRevoke}
	at := func(seq int) time.Time { return start.Add(time.Duration(seq) * time.Second) }
	for _, row := range []struct {
		name    string
		records []ledger.Record
		check   func(t *testing.T, s *ledger.State)
	}{
		{"announced, and nothing more", []ledger.Record{announcing}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, map[ledger.Sending]ledger.Delivery{
				{Run: "run-1"}: {At: at(1), To: ledger.Place{Via: "slack C0", Name: "C0"}, Announced: true},
			}, s.Undelivered)
		}},
		{"announced, and the report is on its way", []ledger.Record{announcing, posted, outbox},
			func(t *testing.T, s *ledger.State) {
				require.Equal(t, map[ledger.Sending]ledger.Delivery{{Run: "run-1"}: {
					At: at(1), To: ledger.Place{Via: "slack C0", Name: "C0"}, Announced: true,
					File: "outbox-run-1.json", Snapshot: "sha256:0",
					Parts: map[string]ledger.Place{"parent": {Via: "slack C0 1.1", Name: "1.1"}},
				}}, s.Undelivered)
				require.Equal(t, at(2), s.LastPost)
			}},
		{"delivered, by whichever run", []ledger.Record{outbox, posted, {Kind: ledger.Delivered, Run: "run-2",
			Of: "run-1"}}, func(t *testing.T, s *ledger.State) {
			require.Empty(t, s.Undelivered)
		}},
		{"what a run did is told until its report is delivered, also if another settled it", []ledger.Record{
			announcing, intent, {Kind: ledger.Outcome, Run: "run-2", Ref: 2, Result: ledger.ResultRevoked,
				Settled: true}, {Kind: ledger.Intent, Run: "run-2", Token: "00T2", Step: ledger.StepRevoke},
		}, func(t *testing.T, s *ledger.State) {
			require.Len(t, s.Undelivered[ledger.Sending{Run: "run-1"}].Outcomes, 1)
			require.Empty(t, s.OpenOf("run-1"))
			require.Len(t, s.OpenOf("run-2"), 1)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &ledger.State{}
			for i, r := range row.records {
				r.Seq, r.Time = uint64(i+1), at(i+1)
				s.Apply(r)
			}
			row.check(t, s)
		})
	}
}

func TestTheTrendIsThatOfTheLastPlans(t *testing.T) {
	s := &ledger.State{}
	for i := range ledger.TrendLength + 5 {
		s.Apply(ledger.Record{Kind: ledger.Planned, Time: start, Count: i, Critical: i / 2})
	}
	require.Len(t, s.Trend, ledger.TrendLength)
	require.Equal(t, ledger.Point{At: start, Findings: 5, Critical: 2}, s.Trend[0])
	require.Equal(t, 24, s.Trend[ledger.TrendLength-1].Findings)
}

func TestAReportIsKeptUntilItIsDelivered(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	file, digest, err := ledger.InDirectory(dir).WriteParcel(ledger.Sending{Run: "run-1"}, []byte("report"))
	require.NoError(t, err)
	content, err := ledger.InDirectory(dir).ReadParcel(file, digest)
	require.NoError(t, err)
	require.Equal(t, "report", string(content))
	info, err := os.Stat(filepath.Join(dir, file))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	ledger.InDirectory(dir).RemoveParcels(map[ledger.Sending]ledger.Delivery{{Run: "run-1"}: {File: file}})
	_, err = ledger.InDirectory(dir).ReadParcel(file, digest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("another"), 0o600))
	_, err = ledger.InDirectory(dir).ReadParcel(file, digest)
	require.ErrorIs(t, err, ledger.ErrNoParcel)
	ledger.InDirectory(dir).RemoveParcels(nil)
	_, err = ledger.InDirectory(dir).ReadParcel(file, digest)
	require.ErrorIs(t, err, ledger.ErrNoParcel)

	for _, run := range []string{"", "../run", "a/b", "a b", "a.b"} {
		_, _, err := ledger.InDirectory(dir).WriteParcel(ledger.Sending{Run: run}, nil)
		require.ErrorIs(t, err, ledger.ErrUnusable, run)
	}
	for _, channel := range []string{"../up", "a.b", "Slack"} {
		_, _, err := ledger.InDirectory(dir).WriteParcel(ledger.Sending{Channel: channel, Run: "run-1"}, nil)
		require.ErrorIs(t, err, ledger.ErrUnusable, channel)
	}
	_, _, err = ledger.InDirectory(filepath.Join(dir, "missing")).WriteParcel(ledger.Sending{Run: "run-1"}, nil)
	require.ErrorIs(t, err, ledger.ErrUnusable)
}

// A state directory may be called anything. What its name would match as a pattern is another's.
func TestNoPathIsAPattern(t *testing.T) {
	left := []string{"outbox-run-1.json", ".outbox-run-1.json.7", ".inventory.jsonl.7"}
	for _, mine := range []string{"org[12]", "org*", "org?", `org\[12]`, "[a-"} {
		above := t.TempDir()
		others := []string{"org1", "org2", "org", "orgs", `org\1`}
		for _, dir := range append(others, mine) {
			require.NoError(t, os.Mkdir(filepath.Join(above, dir), 0o700))
			for _, file := range left {
				require.NoError(t, os.WriteFile(filepath.Join(above, dir, file), nil, 0o600))
			}
		}
		_, err := writeInventory(ledger.InDirectory(filepath.Join(above, mine)), "",
			func(func(ledger.InventoryEntry) bool) {})
		require.NoError(t, err)
		ledger.InDirectory(filepath.Join(above, mine)).RemoveParcels(nil)
		for _, file := range left {
			for _, dir := range others {
				require.FileExists(t, filepath.Join(above, dir, file), "as a pattern %s matches it", mine)
			}
			require.NoFileExists(t, filepath.Join(above, mine, file), "what is its own is cleared away")
		}
	}
}

func TestARecordOfADeliverySaysWhose(t *testing.T) {
	s := &ledger.State{}
	s.Apply(ledger.Record{Kind: ledger.Posted, Of: "unknown", Part: "parent"})
	require.Empty(t, s.Undelivered, "a part of a delivery that was never begun is no delivery")
}
