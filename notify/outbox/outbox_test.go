package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

var errDown = errors.New("the receiver is down")

// place is where reports go.
var place = ledger.Place{Via: "mail to security", Name: "security"}

// world is a ledger whose clock is set by hand.
type world struct {
	t   *testing.T
	dir string
	now time.Time
	box outbox.Box
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "state"), now: start}
	l, err := ledger.InDirectory(w.dir).Open(func() time.Time { return w.now })
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	w.box = outbox.Box{Ledger: l, Channel: "mail"}
	return w
}

// lose makes a run whose report is not delivered.
func (w *world) lose(box outbox.Box, run string) {
	w.t.Helper()
	p := box.New(run, place, w.now)
	require.ErrorIs(w.t, p.Send(map[string]string{"of": run}, func() error { return errDown }), errDown)
}

// catchUp gives what was delivered, in order, by a later run.
func (w *world) catchUp(run string, fail error) (got []string, err error) {
	w.t.Helper()
	err = w.box.CatchUp(w.t.Context(), &audit.Report{ID: run, Started: w.now},
		func(_ context.Context, p *outbox.Parcel, left outbox.Left) error {
			if fail == nil {
				got = append(got, fmt.Sprintf("%s %s", p.Run, left.Content))
			}
			return fail
		})
	return got, err
}

func (w *world) files() (names []string) {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	require.NoError(w.t, err)
	for _, e := range entries {
		if match, _ := filepath.Match("outbox-*", e.Name()); match {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestALaterRunDeliversWhatWasLeftOldestFirst(t *testing.T) {
	w := newWorld(t)
	w.lose(w.box, "run-2")
	w.now = w.now.Add(time.Hour)
	w.lose(w.box, "run-1")
	require.Equal(t, []string{"outbox-run-1.mail.json", "outbox-run-2.mail.json"}, w.files())
	got, err := w.catchUp("run-3", errDown)
	require.ErrorIs(t, err, errDown)
	require.ErrorContains(t, err, "the report of the run run-2")
	require.Empty(t, got)
	got, err = w.catchUp("run-4", nil)
	require.NoError(t, err)
	require.Equal(t, []string{`run-2 {"of":"run-2"}`, `run-1 {"of":"run-1"}`}, got)
	require.Empty(t, w.box.Past().Undelivered)
	require.Empty(t, w.files())
}

func TestEachChannelHasItsOwn(t *testing.T) {
	w := newWorld(t)
	slack := outbox.Box{Ledger: w.box.Ledger}
	w.lose(w.box, "run-1")
	w.lose(slack, "run-1")
	require.Len(t, w.files(), 2)
	got, err := w.catchUp("run-2", nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, []string{"outbox-run-1.json"}, w.files(), "what is Slack's is left to Slack")
	require.Contains(t, w.box.Past().Undelivered, ledger.Sending{Run: "run-1"})
	require.Zero(t, w.box.Past().LastPost)
}

func TestAPartThatWasAcceptedIsKnownToLaterRuns(t *testing.T) {
	w := newWorld(t)
	p := w.box.New("run-1", place, w.now)
	require.ErrorIs(t, p.Send("x", func() error {
		p.Accepted("first", ledger.Place{Via: "mail 17", Name: "17"})
		return errDown
	}), errDown)
	require.NoError(t, w.box.CatchUp(t.Context(), &audit.Report{ID: "run-2"},
		func(_ context.Context, p *outbox.Parcel, _ outbox.Left) error {
			at, accepted := p.Part("first")
			require.True(t, accepted)
			require.Equal(t, ledger.Place{Via: "mail 17", Name: "17"}, at)
			_, accepted = p.Part("second")
			require.False(t, accepted)
			require.True(t, p.Doubtful)
			return nil
		}))
}

func TestAReportIsGivenUp(t *testing.T) {
	for name, row := range map[string]struct {
		wait  time.Duration
		err   error
		spoil func(*world)
		gone  bool
	}{
		"not before a week is over":     {wait: outbox.GiveUpAfter, err: errDown},
		"after a week":                  {wait: outbox.GiveUpAfter + time.Minute, err: errDown, gone: true},
		"where it can't go any more":    {err: outbox.ErrElsewhere, gone: true},
		"where another version made it": {err: ledger.ErrNoParcel, gone: true},
		"where it was changed": {gone: true, err: errDown, spoil: func(w *world) {
			require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, w.files()[0]), []byte("{}"), 0o600))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.lose(w.box, "run-1")
			if row.spoil != nil {
				row.spoil(w)
			}
			w.now = w.now.Add(row.wait)
			_, err := w.catchUp("run-2", row.err)
			require.Error(t, err)
			if row.gone {
				require.ErrorContains(t, err, "it is given up: tokensweep ledger show --run run-1 has what the run did")
			}
			_, err = w.catchUp("run-3", row.err)
			require.Equal(t, row.gone, err == nil, "it is said once: %v", err)
		})
	}
}

func TestWhatThereIsNoTimeForIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.lose(w.box, "run-1")
	_, err := w.catchUp("run-2", fmt.Errorf("%w: in an hour", outbox.ErrNoTime))
	require.NoError(t, err)
	got, err := w.catchUp("run-3", nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestARunThatDiedIsToldOfByWhatTheLedgerHas(t *testing.T) {
	w := newWorld(t)
	_, err := w.box.Announce("run-1", place, w.now)
	require.NoError(t, err)
	for _, token := range []string{"00T1", "00T2"} {
		r, err := w.box.Ledger.Append(ledger.Record{
			Kind: ledger.Intent, Run: "run-1", Token: token, Step: ledger.StepRevoke, By: ledger.ByRun,
		})
		require.NoError(t, err)
		if token == "00T1" {
			_, err = w.box.Ledger.Append(ledger.Record{
				Kind: ledger.Outcome, Run: "run-1", Ref: r.Seq, Result: ledger.ResultRevoked, Settled: true,
			})
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.box.CatchUp(t.Context(), &audit.Report{ID: "run-2"},
		func(_ context.Context, _ *outbox.Parcel, left outbox.Left) error {
			require.Nil(t, left.Content)
			require.Equal(t, 1, left.Interrupted.Done(audit.Revoked))
			require.Equal(t, 1, left.Interrupted.Count(audit.Failed))
			return nil
		}))
	require.Empty(t, w.box.Past().Undelivered)
}

func TestRetry(t *testing.T) {
	later := func(wait time.Duration) error { return &outbox.Later{Err: errDown, Wait: wait} }
	for name, row := range map[string]struct {
		errs  []error // of the tries, the last one again and again
		limit time.Duration
		tries int
		took  time.Duration
		err   error
	}{
		"at once":                  {errs: []error{nil}, tries: 1},
		"what is refused for good": {errs: []error{errDown}, tries: 1, err: errDown},
		"longer each time":         {errs: []error{later(0)}, tries: 3, took: 15 * time.Second, err: errDown},
		"as the receiver wants":    {errs: []error{later(time.Minute), nil}, tries: 2, took: time.Minute},
		"a pause that there is no time for": {
			errs: []error{later(time.Hour)}, limit: time.Minute, tries: 1, err: outbox.ErrNoTime,
		},
		"the time is over while it waits": {errs: []error{later(0)}, limit: -time.Second, tries: 1, err: errDown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				switch {
				case row.limit > 0:
					ctx, cancel = context.WithTimeout(t.Context(), row.limit)
				case row.limit < 0:
					cancel()
				}
				defer cancel()
				began, tries := time.Now(), 0
				err := outbox.Retry(ctx, 3, func() error {
					tries++
					return row.errs[min(tries, len(row.errs))-1]
				})
				require.Equal(t, row.tries, tries)
				require.Equal(t, row.took, time.Since(began))
				require.ErrorIs(t, err, row.err)
				if err != nil {
					require.Equal(t, errDown.Error(), err.Error())
				}
			})
		})
	}
}

func TestWhatMayBeCalled(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://hooks.example/x?k=1": true, "http://127.0.0.1:80/x": true, "http://[::1]/x": true,
		"http://hooks.example/x": false, "https://user:pw@hooks.example": false, "https://": false, "nonsense": false,
		"ftp://hooks.example": false, "": false, "https://h ooks/": false,
	} {
		_, got := outbox.ParseURL(raw)
		require.Equal(t, ok, got, raw)
	}
}
