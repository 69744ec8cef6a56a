package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// errAwaited ends a run because somebody waits for the state directory.
var errAwaited = errors.New("somebody waits to change something by hand, which goes first")

// watchStep is how often a watched run checks whether it must end.
const watchStep = time.Second

// Watch returns a context for a run that uses the store. It ends with ctx, when somebody waits for the ledger to change
// something by hand, and when the brake is pulled on an enforcing run. A run that begins halted is not ended by the
// brake: it goes on to report. stop ends the watching.
func Watch(ctx context.Context, store ledger.Store, enforce bool) (watched context.Context, stop func()) {
	watched, end := context.WithCancelCause(ctx)
	wanted := func() error {
		if store.Awaited() {
			return errAwaited
		}
		if !enforce {
			return nil
		}
		return brakeError(store.Halted())
	}
	if enforce && brakeError(store.Halted()) != nil {
		enforce = false
	}
	go func() {
		tick := time.NewTicker(watchStep)
		defer tick.Stop()
		for {
			if why := wanted(); why != nil {
				end(why)
			}
			select {
			case <-watched.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return watched, func() { end(nil) }
}

// brakeError is the brake as an error; nil if it is not pulled. One that can't be read counts as pulled.
func brakeError(note *ledger.HaltNote, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errHalted, err)
	case note != nil:
		return fmt.Errorf("%w by %s since %s: %s (tokensweep resume ends it)", errHalted, okta.Printable(note.By),
			note.At.UTC().Format(time.RFC3339), okta.Printable(note.Reason))
	}
	return nil
}

// ErrDeadline is the end of a run that took as long as it may.
var ErrDeadline = errors.New("its deadline has passed")

// Within returns a context for a run that may take as long as d; it also ends with ctx. A run that it ends is
// interrupted as by a signal: a change under way is finished, and the rest is left to the next run. stop releases its
// timer.
func Within(ctx context.Context, d time.Duration) (bounded context.Context, stop func()) {
	bounded, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { end(fmt.Errorf("%w: it may take %v (--deadline)", ErrDeadline, d)) })
	return bounded, func() {
		timer.Stop()
		end(nil)
	}
}

// interruption is ErrInterrupted, and why ctx ended if that was not a signal.
func interruption(ctx context.Context) error {
	if why := context.Cause(ctx); errors.Is(why, errAwaited) || errors.Is(why, errHalted) ||
		errors.Is(why, ErrDeadline) {
		return fmt.Errorf("%w: %w", ErrInterrupted, why)
	}
	return ErrInterrupted
}

// failed is the error of a run and its exit code. An error that comes from the end of ctx does not count as a failure
// of the org, with one exception: a list that could not be read before the deadline is as incomplete as one that could
// not be read at all.
func failed(ctx context.Context, err error, listed bool) (ExitCode, error) {
	code := CodeOf(err)
	late := errors.Is(context.Cause(ctx), ErrDeadline)
	switch {
	case ctx.Err() == nil, code != Incomplete && code != Halted:
	case late && !listed && errors.Is(err, ErrInterrupted):
		return Incomplete, err
	case late && !listed:
		return Incomplete, fmt.Errorf("%w: %w", interruption(ctx), err)
	case !errors.Is(err, ErrInterrupted):
		return Halted, fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	return code, err
}
