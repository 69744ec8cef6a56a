// Package daemon runs a job on a schedule until it is stopped: one run at a time, whatever becomes of each. It
// knows nothing of what the job does.
//
// Of robfig/cron only the parser is used, in package rules. Its scheduler sleeps by the monotonic clock, forgets
// what was missed before it started, and with its own Recover and SkipIfStillRunning in the wrong order never runs a
// job again that panicked once (https://github.com/robfig/cron/issues/366).
package daemon

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"tokensweep/rules/schedule"
)

const (
	// slice is how long the daemon sleeps at most, before it looks at the clock and the schedule again.
	slice = time.Minute
	// patience is how long a run may take before Ready says so.
	patience = time.Hour
)

// Cause is why a run is begun.
type Cause string

// The causes.
const (
	// Scheduled is a time of the schedule.
	Scheduled Cause = "schedule"
	// CatchUp is a time of the schedule that passed while no process was there to run.
	CatchUp Cause = "catch-up"
	// Asked is somebody who did not want to wait.
	Asked Cause = "asked"
)

// Options say what is run and when. Schedule and Run are required.
type Options struct {
	// Schedule reads the schedule that is wanted. It is asked before each run, and at least once a minute. An
	// error leaves the schedule in force.
	Schedule func() (*schedule.Schedule, error)
	// Run makes one run. When ctx ends it should return soon, and is waited for. It may panic.
	Run func(ctx context.Context, why Cause)
	// Last is when the last run before this process began. If a time of the schedule has passed since, a run is
	// begun at once: one, however many have. Zero is none that is known, and then nothing was missed.
	Last time.Time
	// Ask asks for a run at once with each value; nil never does.
	Ask <-chan os.Signal
	// Tell, if not nil, is told what happens, by several goroutines at once.
	Tell func(Event)
	// Now is our clock; nil means time.Now.
	Now func() time.Time
}

// Daemon runs a job on a schedule. It comes from New, and serves once.
type Daemon struct {
	o        Options
	schedule *schedule.Schedule
	broken   string // what was last wrong with the schedule, "" if nothing is
	missed   bool   // next is a time that passed before the start
	last     time.Time
	ended    chan struct{} // one value for each run

	mu    sync.Mutex // guards what Ready reads
	next  time.Time  // zero if the schedule has no next time
	since time.Time  // when the run under way began, zero if none is
	seen  time.Time  // when the clock was last looked at
}

// New makes a daemon and reads the schedule for the first time, which must succeed.
func New(o Options) (*Daemon, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(Event) {}
	}
	d := &Daemon{o: o, ended: make(chan struct{}, 1)}
	var err error
	if d.schedule, err = o.Schedule(); err != nil {
		return nil, err
	}
	now := d.now()
	first := d.schedule.Next(now)
	if d.last = o.Last; !d.last.IsZero() && d.last.Before(now) {
		first = d.schedule.Next(d.last)
		d.missed = !first.IsZero() && !first.After(now)
	}
	d.seen = now
	d.await(first)
	return d, nil
}

// now is the wall clock alone: with a monotonic reading, a clock that is set would not be noticed.
func (d *Daemon) now() time.Time { return d.o.Now().UTC().Round(0) }

// Serve runs the job until ctx ends and the run under way, if there is one, has returned.
func (d *Daemon) Serve(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(d.turn(ctx))
		select {
		case <-timer.C:
		case <-d.ended:
			d.end()
		case <-d.o.Ask:
			d.begin(ctx, Asked, d.now())
		case <-ctx.Done():
		}
		timer.Stop()
	}
	if d.running() {
		<-d.ended
		d.end()
	}
}

// turn looks at the schedule and the clock, begins the run that is due, and returns how long to sleep.
func (d *Daemon) turn(ctx context.Context) time.Duration {
	now := d.now()
	d.reread(now)
	select {
	case <-d.ended: // it makes room for the one that is due at this moment
		d.end()
	default:
	}
	if !d.next.IsZero() && !now.Before(d.next) {
		why := Scheduled
		if d.missed {
			why, d.missed = CatchUp, false
		}
		d.begin(ctx, why, d.next)
		d.await(d.schedule.Next(now))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = now
	if d.next.IsZero() {
		return slice
	}
	return min(slice, d.next.Sub(now))
}

// reread takes up a schedule that has changed, and finds the next time anew if the clock was set back.
func (d *Daemon) reread(now time.Time) {
	wanted, err := d.o.Schedule()
	switch {
	case err != nil && err.Error() != d.broken:
		d.broken = err.Error()
		d.o.Tell(Event{Kind: Broken, Err: err})
	case err == nil && d.broken != "":
		d.broken = ""
		d.o.Tell(Event{Kind: Mended})
	}
	changed := err == nil && (wanted.Cron != d.schedule.Cron ||
		wanted.Location.String() != d.schedule.Location.String())
	if changed {
		d.schedule = wanted
		d.o.Tell(Event{Kind: Changed, Schedule: wanted})
	}
	if !changed && !now.Before(d.seen.Add(-slice)) {
		return
	}
	d.missed = false
	next := d.schedule.Next(now)
	if !d.last.IsZero() && d.last.Before(now) { // "@every 12h" counts from the last run
		if fromLast := d.schedule.Next(d.last); fromLast.After(now) {
			next = fromLast
		}
	}
	d.await(next)
}

// begin begins a run that is due since due, unless one is under way.
func (d *Daemon) begin(ctx context.Context, why Cause, due time.Time) {
	if d.running() {
		d.o.Tell(Event{Kind: Skipped, Cause: why, At: due})
		return
	}
	d.last = d.now()
	d.underWay(d.last)
	d.o.Tell(Event{Kind: Began, Cause: why, At: due})
	go d.run(ctx, why)
}

// run makes one run. That it panics is told, and the next one comes all the same.
func (d *Daemon) run(ctx context.Context, why Cause) {
	defer func() {
		if p := recover(); p != nil {
			d.o.Tell(Event{Kind: Panicked, Cause: why, Err: fmt.Errorf("panic: %v", p), Stack: debug.Stack()})
		}
		d.ended <- struct{}{}
	}()
	d.o.Run(ctx, why)
}

// end notes that the run under way has ended.
func (d *Daemon) end() {
	d.underWay(time.Time{})
	d.o.Tell(Event{Kind: Ended, At: d.next})
}

// await makes next the time of the next run.
func (d *Daemon) await(next time.Time) {
	d.mu.Lock()
	d.next = next
	d.mu.Unlock()
	d.o.Tell(Event{Kind: Awaits, At: next})
}

// underWay notes when the run under way began; zero if it has ended.
func (d *Daemon) underWay(since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.since = since
}

func (d *Daemon) running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.since.IsZero()
}

// Next is when the next run is due, zero if the schedule has no next time. It may have passed, if the run was missed
// and Serve has not begun.
func (d *Daemon) Next() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next
}

// Ready returns nil if the schedule is alive and no run is overdue; else the error says what is wrong. A run that
// takes more than an hour is overdue.
func (d *Daemon) Ready() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	switch {
	case now.Sub(d.seen) > 3*slice:
		return fmt.Errorf("the schedule is dead: it last looked at the clock at %s", d.seen.Format(time.RFC3339))
	case !d.since.IsZero() && now.Sub(d.since) > patience:
		return fmt.Errorf("the run that began at %s has not ended", d.since.Format(time.RFC3339))
	case d.next.IsZero():
		return fmt.Errorf("the schedule never fires again")
	}
	return nil
}
