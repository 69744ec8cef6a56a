package rules

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone means the same on a machine that has none of its own

	"github.com/robfig/cron/v3"
)

// Schedule says when a standing process runs. A Schedule comes from Load or Parse; the zero value
// can't be used.
type Schedule struct {
	// Cron is the expression as it was written.
	Cron string
	// Location is the time zone in which it is meant; UTC if the policy names none.
	Location *time.Location

	times cron.Schedule
}

// Next is the first time after t at which to run, in UTC.
func (s *Schedule) Next(t time.Time) time.Time {
	// A cron.Schedule without a zone of its own works in that of the time which it is given.
	return s.times.Next(t.In(s.Location)).UTC()
}

// parseCron reads a cron expression of five fields, or a word such as @daily.
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

// checkTimes refuses a schedule that never fires, or more often than once a minute. It starts at a
// fixed date, so that a policy is right or wrong whenever it is read.
func checkTimes(s *Schedule) error {
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
