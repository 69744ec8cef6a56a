package daemon

import (
	"time"

	"tokensweep/rules/schedule"
)

// Kind says what an event is about.
type Kind string

// The kinds of events.
const (
	// Awaits is that the next run comes at At; zero if none will.
	Awaits Kind = "awaits"
	// Began is a run that was due at At, for Cause.
	Began Kind = "began"
	// Ended is the end of the run that began last, however it went; the next one comes at At.
	Ended Kind = "ended"
	// Skipped is a run that was due at At, for Cause, and left out since another was under way.
	Skipped Kind = "skipped"
	// Panicked is a run for Cause that ended by a panic: Err says which, Stack where.
	Panicked Kind = "panicked"
	// Broken is a schedule that can't be read, as Err says: the one in force stays. It is told once.
	Broken Kind = "broken"
	// Mended is that it can be read again.
	Mended Kind = "mended"
	// Changed is that Schedule is in force from now on.
	Changed Kind = "changed"
)

// Event is something that happens to the schedule. Fields that are not named for its Kind are zero.
type Event struct {
	Kind     Kind
	Cause    Cause
	At       time.Time
	Err      error
	Stack    []byte
	Schedule *schedule.Schedule
}
