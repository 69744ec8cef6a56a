package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is a time in autumn, after the clocks were set back.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func scheduleOf(t *testing.T, expression, zone string) *Schedule {
	t.Helper()
	s, err := Parse(expression)
	require.NoError(t, err)
	s.Location, err = Zone(zone)
	require.NoError(t, err)
	require.NoError(t, s.Check())
	return s
}

// In a year of minutes, looked at one by one, a schedule runs at those which the clock of the zone shows as
// written: each once, and those that the clock skips when it has done so.
func TestSchedulesKeepTheirTimesThroughAYearOfClockChanges(t *testing.T) {
	at := func(hour, minute int) func(time.Time) bool {
		return func(w time.Time) bool { return w.Hour() == hour && w.Minute() == minute }
	}
	on := func(day time.Weekday, f func(time.Time) bool) func(time.Time) bool {
		return func(w time.Time) bool { return w.Weekday() == day && f(w) }
	}
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Beirut",
		"America/Santiago", "Asia/Kathmandu"}
	if testing.Short() {
		zones = zones[:3]
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	years := make(map[string][]minute)
	for _, zone := range zones {
		years[zone] = yearOf(t, start, zone)
	}
	for _, row := range []struct {
		expression string
		everyHour  bool
		shows      func(wall time.Time) bool
	}{
		{"0 9 * * 1-4", false, func(w time.Time) bool {
			return w.Weekday() >= time.Monday && w.Weekday() <= time.Thursday && at(9, 0)(w)
		}},
		{"30 2 * * *", false, at(2, 30)},
		{"30 1 * * *", false, at(1, 30)},
		{"15 0 * * *", false, at(0, 15)},
		{"@daily", false, at(0, 0)},
		{"0 9 * * 0", false, on(time.Sunday, at(9, 0))},
		{"0 9 * * 5", false, on(time.Friday, at(9, 0))},
		{"*/20 2,23 * * *", false, func(w time.Time) bool {
			return w.Minute()%20 == 0 && (w.Hour() == 2 || w.Hour() == 23)
		}},
		{"0 */2 * * *", false, func(w time.Time) bool { return w.Hour()%2 == 0 && w.Minute() == 0 }},
		{"45 * * * *", true, func(w time.Time) bool { return w.Minute() == 45 }},
		{"@hourly", true, func(w time.Time) bool { return w.Minute() == 0 }},
		{"*/15 * * * *", true, func(w time.Time) bool { return w.Minute()%15 == 0 }},
	} {
		for _, zone := range zones {
			t.Run(row.expression+" in "+zone, func(t *testing.T) {
				s := scheduleOf(t, row.expression, zone)
				var want, got []time.Time
				for _, m := range years[zone] {
					runs := row.shows(m.wall) && (row.everyHour || !m.again)
					for skipped := m.wall.Add(-m.skipped); skipped.Before(m.wall) &&
						!row.everyHour; skipped = skipped.Add(time.Minute) {
						runs = runs || row.shows(skipped)
					}
					if runs {
						want = append(want, m.at)
					}
				}
				for next := s.Next(start.Add(-time.Second)); next.Before(start.AddDate(1, 0, 0)); next = s.Next(next) {
					got = append(got, next)
				}
				require.NotEmpty(t, want)
				require.Equal(t, want, got)

				// Wherever between two of these it is asked, the answer is the later one.
				for i, w := range want[1:] {
					for _, d := range []time.Duration{-time.Second, -1, -7 * time.Minute, want[i].Sub(w)} {
						if got := s.Next(w.Add(d)); !got.Equal(w) {
							require.Equal(t, w, got, "after %v", w.Add(d))
						}
					}
				}
			})
		}
	}
}

// minute is one of a year: what the clock shows then, written in UTC, whether it has shown that before, and how
// much it skips to get there.
type minute struct {
	at, wall time.Time
	again    bool
	skipped  time.Duration
}

func yearOf(t *testing.T, start time.Time, zone string) (year []minute) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	furthest := time.Time{}
	for at := start; at.Before(start.AddDate(1, 0, 0)); at = at.Add(time.Minute) {
		w := at.In(location)
		m := minute{at: at, wall: time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), 0, 0, time.UTC)}
		if !furthest.IsZero() {
			m.again = !m.wall.After(furthest)
			m.skipped = max(0, m.wall.Sub(furthest)-time.Minute)
		}
		if m.wall.After(furthest) {
			furthest = m.wall
		}
		year = append(year, m)
	}
	return year
}

func TestASkippedDayIsMadeUpFor(t *testing.T) {
	s := scheduleOf(t, "0 9 * * *", "Pacific/Apia") // which had no 30 December 2011
	require.Equal(t, "2011-12-29 09:00", s.Next(time.Date(2011, 12, 29, 12, 0, 0, 0, time.UTC)).In(s.Location).Format(
		"2006-01-02 15:04"))
	require.Equal(t, "2011-12-31 00:00", s.Next(time.Date(2011, 12, 29, 20, 0, 0, 0, time.UTC)).In(s.Location).Format(
		"2006-01-02 15:04"))
	require.Equal(t, "2011-12-31 09:00", s.Next(time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)).In(s.Location).Format(
		"2006-01-02 15:04"))
}

func TestAScheduleOfADistanceLooksAtNoClock(t *testing.T) {
	s := scheduleOf(t, "@every 90m", "Europe/Berlin")
	require.Equal(t, noon.Add(90*time.Minute), s.Next(noon))
}

func TestAScheduleThatHasNoNextTimeSaysSo(t *testing.T) {
	s := scheduleOf(t, "0 0 29 2 *", "Europe/Berlin")
	require.Equal(t, "2028-02-28T23:00:00Z", s.Next(noon).Format(time.RFC3339))
	require.True(t, s.Next(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)).IsZero()) // 2100 is no leap year
}

// Times of public reports about robfig/cron and its neighbours: https://github.com/robfig/cron/issues/541,
// https://github.com/kelektiv/node-cron/issues/563, https://github.com/rundeck/rundeck/issues/6879. A time that the
// clock skips comes right after, one that it shows twice comes once.
func TestTimesThatOthersSkipOrDouble(t *testing.T) {
	for _, row := range []struct{ expression, zone, from, first, second string }{
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"0 2 * * *", "US/Pacific", "2026-03-07T12:00:00Z", "2026-03-08T10:00:00Z", "2026-03-09T09:00:00Z"},
		{"0 1 * * *", "US/Pacific", "2026-10-31T12:00:00Z", "2026-11-01T08:00:00Z", "2026-11-02T09:00:00Z"},
		{"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"},
		{"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"0 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:00:00Z"},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"},
	} {
		from, err := time.Parse(time.RFC3339, row.from)
		require.NoError(t, err)
		var got []string
		for _, at := range scheduleOf(t, row.expression, row.zone).Upcoming(from, 2) {
			got = append(got, at.Format(time.RFC3339))
		}
		require.Equal(t, []string{row.first, row.second}, got, "%s in %s", row.expression, row.zone)
	}
}
