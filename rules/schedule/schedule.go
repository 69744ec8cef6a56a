// Package schedule says when a standing process runs: cron expressions of five fields, in a time zone, through every
// change of its clock.
package schedule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone means the same on a machine that has none of its own

	"github.com/robfig/cron/v3"
)

// Schedule says when a standing process runs. It comes from Parse; the zero value can't be used.
type Schedule struct {
	// Cron is the expression as it was written.
	Cron string
	// Location is the time zone in which it is meant. Parse sets UTC; another may be set before the first Next.
	Location *time.Location
	// Doubts are what is allowed in the expression and hardly ever meant, each with what to write; nil if nothing is.
	Doubts []string

	times cron.Schedule
}

// Parse reads a cron expression: minute, hour, day, month and weekday, or a word such as @daily. The error says what is
// wrong with it and what to write. Check finds one that can't be meant.
func Parse(expression string) (*Schedule, error) {
	times, doubts, err := parse(expression)
	if err != nil {
		return nil, err
	}
	return &Schedule{Cron: expression, Location: time.UTC, Doubts: doubts, times: times}, nil
}

// noZone matches what a machine may have beside the zones of the IANA list: its own zone under several names, a zone
// that says that there is none, and other copies of the list, one of which counts leap seconds.
var noZone = regexp.MustCompile(`(?i)^(|local|localtime|posixrules|factory|(posix|right)/.*)$`)

// Zone is the time zone that the IANA list has under a name. The error says what to write instead. A name that means
// another zone on another machine, such as "Local", is none of them: a policy means the same everywhere.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || noZone.MatchString(name) {
		return nil, errors.New("write a name of the IANA list, such as Etc/UTC or Europe/Berlin")
	}
	return zone, nil
}

// hourly is the bit by which robfig/cron notes that a field was written as a star.
const hourly = 1 << 63

// horizon is how far ahead a time to run is looked for.
const horizon = 5 // years

// Next is the first time after t at which to run, in UTC; zero if there is none in the next five years.
//
// Where the clock of the zone is set forward, a time that it skips comes when that is done; where it is set
// back, a time that it shows twice comes the first time alone. A schedule of every hour runs in every hour
// that passes. (robfig/cron by itself leaves out a skipped time, and sometimes all of a day without a
// midnight: https://pkg.go.dev/github.com/robfig/cron/v3#hdr-Time_zones.)
func (s *Schedule) Next(t time.Time) time.Time {
	spec, ok := s.times.(*cron.SpecSchedule)
	if !ok { // @every, which looks at no clock
		return s.times.Next(t).UTC()
	}
	everyHour := spec.Hour&hourly != 0
	from := t.UTC().Truncate(time.Second).Add(time.Second)
	for limit := from.AddDate(horizon, 0, 0); from.Before(limit); {
		start, end := from.In(s.Location).ZoneBounds()
		offset := s.offset(from)
		if !everyHour && !start.IsZero() {
			before := s.offset(start.Add(-1))
			if from.Equal(start) && skips(spec, from, before, offset) {
				return from
			}
			if shown := start.Add(before - offset); from.Before(shown) {
				from = shown.UTC() // until then the clock shows what it has shown before
			}
		}
		next := spec.Next(from.Add(offset - 1)).Add(-offset)
		switch {
		case next.Before(from):
			return time.Time{}
		case end.IsZero() || next.Before(end):
			return next
		}
		from = end.UTC()
	}
	return time.Time{}
}

// Upcoming are the first times after t at which to run, n or fewer, in UTC.
func (s *Schedule) Upcoming(t time.Time, n int) (times []time.Time) {
	for range n {
		if t = s.Next(t); t.IsZero() {
			break
		}
		times = append(times, t)
	}
	return times
}

// offset is how far the clock of the zone is ahead of UTC at t.
func (s *Schedule) offset(t time.Time) time.Duration {
	_, seconds := t.In(s.Location).Zone()
	return time.Duration(seconds) * time.Second
}

// skips reports whether a clock that goes from before to after, which are ahead of UTC, skips a time to run at
// the moment at.
func skips(spec *cron.SpecSchedule, at time.Time, before, after time.Duration) bool {
	skipped := spec.Next(at.Add(before - 1))
	return !skipped.IsZero() && skipped.Before(at.Add(after))
}

// example is what to write where five fields are wanted.
const example = `write minute, hour, day, month and weekday, such as "0 9 * * 1-4"`

// words are those that stand for an expression.
const words = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or @every with a duration such as 90m"

// parse reads an expression, and says what is doubtful in it. The error has none of the parser's words.
func parse(expression string) (times cron.Schedule, doubts []string, err error) {
	fields := strings.Fields(expression)
	switch {
	case strings.Contains(expression, "TZ="):
		return nil, nil, errors.New("a time zone goes to schedule.timezone, remove TZ=")
	case strings.HasPrefix(expression, "@"):
	case len(fields) > len(cronFields):
		return nil, nil, fmt.Errorf("it has more than 5 fields, and there are none for seconds and years: %s", example)
	case len(fields) < len(cronFields):
		return nil, nil, fmt.Errorf("it has fewer than 5 fields: %s", example)
	default:
		if doubts, err = readFields(fields); err != nil {
			return nil, nil, err
		}
	}
	defer func() {
		if p := recover(); p != nil { // the parser of robfig/cron v3.0.1 has index errors of its own
			times, doubts, err = nil, nil, errors.New(example)
		}
	}()
	times, err = cron.ParseStandard(expression)
	switch {
	case err == nil:
		return times, doubts, nil
	case strings.HasPrefix(expression, "@every"):
		return nil, nil, errors.New("@every needs a duration in hours, minutes and seconds, such as @every 90m")
	case strings.HasPrefix(expression, "@"):
		return nil, nil, fmt.Errorf("it is no word for a time: write one of %s", words)
	}
	return nil, nil, errors.New(example)
}

// readFields reads the five fields, and says what is doubtful in them.
func readFields(fields []string) (doubts []string, err error) {
	either := 0 // days of the month and weekdays that are written
	for i, f := range cronFields {
		spans, err := f.read(i, fields[i])
		if err != nil {
			return nil, err
		}
		for _, s := range spans {
			if why := f.doubt(s); why != "" {
				doubts = append(doubts, why)
			}
		}
		every := slices.ContainsFunc(spans, func(s span) bool { return s.all && s.step == 1 })
		if (i == dayField || i == weekdayField) && !every {
			either++
		}
	}
	if either == 2 {
		doubts = append(doubts, fmt.Sprintf("it names days of the month and weekdays, and runs on either: on the days "+
			"%s and on each weekday %s besides, write * for one of the two", fields[dayField], fields[weekdayField]))
	}
	return doubts, nil
}

// Check refuses a schedule that never fires, or more often than once a minute. It starts at a fixed date, so that a
// policy is right or wrong whenever it is read.
func (s *Schedule) Check() error {
	last := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if last.IsZero() {
		return errors.New("it never fires, write a day that exists")
	}
	for range 3 {
		next := s.Next(last)
		if next.Sub(last) < time.Minute {
			return errors.New("it fires more often than once a minute, write a longer time")
		}
		last = next
	}
	return nil
}
