package schedule

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write what is said of the schedules in testdata beside them")

// lines are the schedules of a file in testdata, each with what is said of it behind a tab.
func lines(t *testing.T, file string, said func(expression string) string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var got strings.Builder
	for line := range strings.Lines(string(raw)) {
		expression, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		got.WriteString(strings.TrimSuffix(expression+"\t"+said(expression), "\t") + "\n")
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	require.Equal(t, string(raw), got.String())
}

// What other crons have, and what is simply wrong, is refused in words that say what to write, none of them the
// parser's.
func TestWhatNoScheduleMeansIsRefusedWithWhatToWrite(t *testing.T) {
	lines(t, "testdata/refused.txt", func(expression string) string {
		_, err := Parse(expression)
		require.Error(t, err, expression)
		require.NotRegexp(t, `strconv|failed to|parse|panic|runtime|invalid|expected`, err.Error(), expression)
		require.Regexp(t, `write |remove |needs |names no time`, err.Error(), expression)
		return err.Error()
	})
}

// What is allowed and hardly ever meant is told of, with what to write; what is plain is not.
func TestWhatASchedulesSpellingHidesIsDoubted(t *testing.T) {
	lines(t, "testdata/doubted.txt", func(expression string) string {
		s, err := Parse(expression)
		require.NoError(t, err, expression)
		return strings.Join(s.Doubts, "; ")
	})
}

// Of a random expression we think what robfig/cron thinks: both refuse it, or both read the same values, but for a few
// spellings that it takes for something else.
func TestTheFieldsAreReadAsTheParserReadsThem(t *testing.T) {
	number := rapid.StringMatching("(\\*|\\?|[0-9]{1,2}|sun|Dec)(-([0-9]{1,2}|tue))?(/[0-9]{1,2})?")
	text := rapid.OneOf(rapid.Just("*"), number, rapid.StringMatching("[*0-9,/LWH#x-]{1,4}"))
	check := func(t require.TestingT, fields []string) (read bool) {
		expression := strings.Join(fields, " ")
		theirs, err := cron.ParseStandard(expression)
		ours, _, ourErr := parse(expression)
		if err != nil || regexp.MustCompile("[*?]-").MatchString(expression) ||
			slices.ContainsFunc(fields, func(f string) bool { return strings.Trim(f, ",") == "" }) {
			require.Error(t, ourErr)
			return false
		}
		require.NoError(t, ourErr)
		require.Equal(t, theirs, ours)
		spec := theirs.(*cron.SpecSchedule)
		for i, set := range []uint64{spec.Minute, spec.Hour, spec.Dom, spec.Month, spec.Dow} {
			spans, err := cronFields[i].read(i, fields[i])
			require.NoError(t, err)
			var want uint64
			for _, s := range spans {
				for v := s.low; v <= s.high; v += s.step {
					want |= 1 << v
				}
			}
			require.Equal(t, want, set&^(1<<63), fields[i])
		}
		return true
	}
	require.True(t, check(t, strings.Fields("*/15 0-6/2 1,15 jan-Mar SUN")), "else this shows nothing")
	rapid.Check(t, func(t *rapid.T) {
		fields := make([]string, 5)
		for i := range fields {
			fields[i] = rapid.OneOf(rapid.Just("*"), rapid.Just("*"), text).Draw(t, "field")
		}
		check(t, fields)
	})
}

// A name that some machines have and others don't, or that means another zone there, is none.
func TestAZoneMeansTheSameOnEveryMachine(t *testing.T) {
	for _, name := range []string{"", "Local", "local", "localtime", "posixrules", "Factory", "right/Europe/Berlin",
		"posix/Europe/Berlin", "Europe/Berlyn", "../Europe/Berlin", "/etc/localtime"} {
		_, err := Zone(name)
		require.EqualError(t, err, "write a name of the IANA list, such as Etc/UTC or Europe/Berlin", name)
	}
	for _, name := range []string{"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST5EDT"} {
		zone, err := Zone(name)
		require.NoError(t, err)
		require.Equal(t, name, zone.String())
	}
}

func TestTheNextRunsGoOverAChangeOfTheClock(t *testing.T) {
	s := scheduleOf(t, "30 2 * * *", "Europe/Berlin")
	var got []string
	for _, at := range s.Upcoming(time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), 3) {
		got = append(got, at.Format(time.RFC3339))
	}
	require.Equal(t, []string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}, got)
	require.Empty(t, scheduleOf(t, "0 0 29 2 *", "UTC").Upcoming(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC), 3))
}
