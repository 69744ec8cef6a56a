package slack

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/rules"
	"tokensweep/rules/schedule"
)

// A run takes ten seconds, and its report is posted half a minute later: a punctual schedule alone is always a little
// Short of a time since the last post.
func TestASignOfLifeComesBeforeItsTimeIsOver(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		name, cron, zone, first string
		heartbeat               time.Duration
		// such a time before each run of the schedule there is another; 0 for none
		byHand time.Duration
		runs   int
		want   []string // when something is posted
	}{
		{name: "each Monday of a schedule without weekends", cron: "0 9 * * 1-4", first: "2026-11-23",
			heartbeat: 7 * day, runs: 13, want: []string{"Mon 23 09:00", "Mon 30 09:00", "Mon 07 09:00",
				"Mon 14 09:00"}},
		{name: "sooner where the day itself would be too late", cron: "0 9 * * 1-4", first: "2026-11-25",
			heartbeat: 7 * day, runs: 11, want: []string{"Wed 25 09:00", "Mon 30 09:00", "Mon 07 09:00",
				"Mon 14 09:00"}},
		{name: "when the clocks go forward", cron: "0 9 * * 1-4", zone: "Europe/Berlin", first: "2027-03-22",
			heartbeat: 7 * day, runs: 9, want: []string{"Mon 22 08:00", "Mon 29 07:00", "Mon 05 07:00"}},
		{name: "each day", cron: "0 9 * * *", first: "2026-11-23", heartbeat: day, runs: 4,
			want: []string{"Mon 23 09:00", "Tue 24 09:00", "Wed 25 09:00", "Thu 26 09:00"}},
		{name: "each week", cron: "0 9 * * 1", first: "2026-11-23", heartbeat: 7 * day, runs: 3,
			want: []string{"Mon 23 09:00", "Mon 30 09:00", "Mon 07 09:00"}},
		{name: "not each hour", cron: "0 * * * *", first: "2026-11-23", heartbeat: day, runs: 50,
			want: []string{"Mon 23 00:00", "Tue 24 00:00", "Wed 25 00:00"}},
		{name: "after a run by hand just before", cron: "0 9 * * 1", first: "2026-11-23", heartbeat: 7 * day,
			byHand: time.Minute, runs: 3, want: []string{"Mon 23 08:59", "Mon 30 08:59", "Mon 07 08:59"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			schedule := scheduleOf(t, row.cron, row.zone)
			clock, err := time.Parse(time.DateOnly, row.first)
			require.NoError(t, err)
			clock = clock.Add(-time.Second)
			box := outboxOf(t, &clock)
			var posted []string
			run := func(at time.Time) {
				if pass(t, box, &clock, at, row.heartbeat) {
					posted = append(posted, at.Format("Mon 02 15:04"))
				}
			}
			for range row.runs {
				at := schedule.Next(clock)
				if row.byHand > 0 {
					run(at.Add(-row.byHand))
				}
				run(at)
			}
			require.Equal(t, row.want, posted)
		})
	}
}

func scheduleOf(t *testing.T, cron, zone string) *schedule.Schedule {
	t.Helper()
	if zone == "" {
		zone = "Etc/UTC"
	}
	p, err := rules.Parse("policy.yaml",
		fmt.Appendf(nil, "version: 1\nschedule: {cron: %q, timezone: %s}\nrules: [{id: a, when: {name: x}, then: "+
			"flag}]\n", cron, zone))
	require.NoError(t, err)
	return p.Schedule
}

// outboxOf is a ledger whose clock is where clock points.
func outboxOf(t *testing.T, clock *time.Time) outbox.Box {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	l, err := ledger.InDirectory(dir).Open(func() time.Time { return *clock })
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return outbox.Box{Ledger: l}
}

// pass makes a run at a time that finds nothing new, and says whether it was posted.
func pass(t *testing.T, box outbox.Box, clock *time.Time, at time.Time, heartbeat time.Duration) bool {
	t.Helper()
	r := nothingNew("run-" + at.Format("20060102T150405Z"))
	*clock = at
	_, err := box.Ledger.Append(ledger.Record{Kind: ledger.Planned, Run: r.ID, Mode: ledger.ModeDryRun})
	require.NoError(t, err)
	r.Started, r.Finished = at, at.Add(10*time.Second)
	*clock = at.Add(40 * time.Second)
	ws, _ := hook(t, rules.Slack{})
	require.NoError(t, hookDelivery(t, ws, rules.Slack{On: rules.OnChanges, Heartbeat: heartbeat}, box).Report(
		t.Context(), r))
	return len(ws.Messages(channelID)) > 0
}
