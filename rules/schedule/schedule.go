// Package schedule says when a standing process runs: cron expressions of five fields, in a time zone, through every
// change of its clock.
package schedule

import (
	"errors"
	"fmt"
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

	times cron.Schedule
}

// Parse reads a cron expression: minute, hour, day, month and weekday, or a word such as @daily. The error says what is
// wrong with it and what to write. Check finds one that can't be meant.
func Parse(expression string) (*Schedule, error) {
	times, err := parseCron(expression)
	if err != nil {
		return nil, err
	}
	return &Schedule{Cron: expression, Location: time.UTC, times: times}, nil
}

// Zone is the time zone that the IANA list has under a name. The error says what to write instead. The zone of the
// machine, "Local", is none of them: a policy means the same everywhere.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
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

func parseCron(expression string) (times cron.Schedule, err error) {
	if strings.Contains(expression, "TZ=") {
		return nil, errors.New("a time zone goes to schedule.timezone, remove TZ=")
	}
	for _, field := range strings.Fields(expression) {
		if strings.Trim(field, ",") == "" {
			return nil, fmt.Errorf("the field %q names no time", field)
		}
	}
	defer func() {
		if p := recover(); p != nil { // the parser of robfig/cron v3.0.1 has index errors of its own
			err = fmt.Errorf("%v", p)
		}
		if err != nil {
			times, err = nil, fmt.Errorf(`%w, write minute, hour, day, month and weekday, such as "0 9 * * 1-4"`, err)
		}
	}()
	return cron.ParseStandard(expression)
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
