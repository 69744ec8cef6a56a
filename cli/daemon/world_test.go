package daemon_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/cli/daemon"
	"tokensweep/rules"
	"tokensweep/rules/schedule"
)

// begin is when every test begins: a Saturday, and the first moment of a bubble of testing/synctest.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func scheduleOf(t *testing.T, cron, zone string) *schedule.Schedule {
	t.Helper()
	p, err := rules.Parse("policy.yaml",
		fmt.Appendf(nil,
			"version: 1\nschedule: {cron: %q, timezone: %s}\nrules: [{id: a, when: {name: x}, then: flag}]", cron,
			zone))
	require.NoError(t, err)
	return p.Schedule
}

// world is a daemon in a bubble, and what it did.
type world struct {
	*daemon.Daemon
	stop context.CancelFunc
	done chan struct{}
	ask  chan os.Signal

	mu     sync.Mutex
	runs   []string // when, and why
	times  []time.Time
	events []daemon.Event
	wanted *schedule.Schedule
	wrong  error
	ahead  time.Duration // of the clock
}

// serve starts a daemon whose runs are made by run.
func serve(t *testing.T, s *schedule.Schedule, last time.Time, run func(context.Context, *world)) *world {
	t.Helper()
	w := &world{done: make(chan struct{}), ask: make(chan os.Signal, 1), wanted: s}
	var err error
	w.Daemon, err = daemon.New(daemon.Options{
		Schedule: func() (*schedule.Schedule, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.wrong != nil {
				return nil, w.wrong
			}
			return w.wanted, nil
		},
		Run: func(ctx context.Context, why daemon.Cause) {
			w.mu.Lock()
			w.times = append(w.times, time.Now().UTC())
			w.runs = append(w.runs, time.Now().UTC().Format("01-02 15:04 ")+string(why))
			w.mu.Unlock()
			run(ctx, w)
		},
		Last: last,
		Ask:  w.ask,
		Tell: func(e daemon.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.ahead)
		},
	})
	require.NoError(t, err)
	var ctx context.Context
	ctx, w.stop = context.WithCancel(t.Context())
	go func() {
		w.Serve(ctx)
		close(w.done)
	}()
	return w
}

// end stops the daemon and waits for it.
func (w *world) end() {
	w.stop()
	<-w.done
}

// told are the events of a kind.
func (w *world) told(kind daemon.Kind) []daemon.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.events), func(e daemon.Event) bool { return e.Kind != kind })
}

// set changes the world between two looks of the daemon.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func wait(d time.Duration) {
	time.Sleep(d) // in a bubble, where it takes no time
	synctest.Wait()
}

func atOnce(context.Context, *world) {}

func lasting(d time.Duration) func(context.Context, *world) {
	return func(ctx context.Context, _ *world) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
}

const day = 24 * time.Hour
