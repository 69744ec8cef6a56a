package outbox

import (
	"context"
	"errors"
	"time"

	"tokensweep/audit"
	"tokensweep/okta"
)

// Later is the error of what was not accepted now and may be if it is tried again, and would do no harm twice.
type Later struct {
	Err error
	// Wait is how long the receiver wants to be left alone; 0 if it doesn't say.
	Wait time.Duration
}

// Error is that of Err.
func (e *Later) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Later) Unwrap() error { return e.Err }

// step is how much longer each pause is than the one before, where the receiver says nothing.
const step = 5 * time.Second

// Retry tries something until its error is none, or not a Later, at most so many times. It waits in between as the
// receiver wants, or a little longer each time. A pause that would outlast ctx makes the error an ErrNoTime as well.
func Retry(ctx context.Context, tries int, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		var later *Later
		if !errors.As(err, &later) {
			return err
		}
		if n == tries {
			return later.Err
		}
		wait := time.Duration(n) * step
		if later.Wait > 0 {
			wait = later.Wait
		}
		if end, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(end) {
			return noTime{later.Err}
		}
		if okta.Sleep(ctx, wait) != nil {
			return later.Err
		}
	}
}

// noTime is an error that is an ErrNoTime as well, and says what it said before.
type noTime struct{ error }

// Unwrap returns the error, and ErrNoTime.
func (e noTime) Unwrap() []error { return []error{e.error, ErrNoTime} }

// grace is how long a run that was told to end goes on to tell of it.
const grace = 10 * time.Second

// Gracefully returns a context for what a run has to tell at its end: it ends ten seconds after ctx, at the earliest.
func Gracefully(ctx context.Context) (context.Context, context.CancelFunc) {
	late, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })
	return late, func() { stop(); end() }
}

// Silent reports whether an enforcing run has nothing to announce: no step is due, and no notice is to be given.
func Silent(r *audit.Report) bool {
	return r.Count(audit.WouldQuarantine)+r.Count(audit.WouldRevoke) == 0 && r.Notices == 0
}
