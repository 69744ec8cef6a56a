package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/cli/daemon"
	"tokensweep/rules/schedule"
)

func TestAYearOfWorkingDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * 1-4", "Etc/UTC"), time.Time{}, lasting(7*time.Minute))
		wait(366 * day)
		w.end()
		var want []time.Time
		for at := begin.Add(9 * time.Hour); at.Year() == 2000; at = at.Add(day) {
			if wd := at.Weekday(); wd >= time.Monday && wd <= time.Thursday {
				want = append(want, at)
			}
		}
		require.Len(t, want, 208)
		require.Equal(t, want, w.times)
		require.Empty(t, w.told(daemon.Skipped))
	})
}

func TestAYearOfDaysHasOneRunEachWhereverTheClockIsSet(t *testing.T) {
	for _, row := range []struct{ zone, cron, moved, to string }{
		{"America/New_York", "30 2 * * *", "04-02", "03:00"},
		{"America/New_York", "30 1 * * *", "", ""},
		{"Europe/Berlin", "30 2 * * *", "03-26", "03:00"},
		{"Africa/Cairo", "0 0 * * *", "04-28", "01:00"},
		{"America/Sao_Paulo", "15 0 * * *", "10-08", "01:00"},
		{"Australia/Lord_Howe", "10 2 * * *", "08-27", "02:30"},
	} {
		t.Run(row.cron+" in "+row.zone, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := scheduleOf(t, row.cron, row.zone)
				start := time.Date(2000, 1, 2, 0, 0, 0, 0, s.Location)
				wait(start.Add(-time.Second).Sub(begin))
				w := serve(t, s, time.Time{}, lasting(time.Minute))
				wait(time.Date(2001, 1, 1, 0, 0, 0, 0, s.Location).Sub(start))
				w.end()
				usual := w.times[0].In(s.Location).Format("15:04")
				days := make(map[string]int)
				for _, at := range w.times {
					date, hour := at.In(s.Location).Format("01-02"), at.In(s.Location).Format("15:04")
					days[date]++
					require.Equal(t, 1, days[date], "runs on %s", date)
					if date == row.moved {
						require.Equal(t, row.to, hour)
					} else {
						require.Equal(t, usual, hour, "on %s", date)
					}
				}
				require.Len(t, days, 365)
			})
		})
	}
}

func TestARunThatIsDueWhileAnotherIsUnderWayIsSkippedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 * * * *", "Etc/UTC"), time.Time{}, lasting(150*time.Minute))
		wait(8*time.Hour + time.Minute)
		w.end()
		require.Equal(t, []string{"01-01 01:00 schedule", "01-01 04:00 schedule", "01-01 07:00 schedule"}, w.runs)
		var skipped []int
		for _, e := range w.told(daemon.Skipped) {
			require.Equal(t, daemon.Scheduled, e.Cause)
			skipped = append(skipped, e.At.Hour())
		}
		require.Equal(t, []int{2, 3, 5, 6, 8}, skipped)
	})
}

func TestARunThatEndsWhenTheNextIsDueMakesRoomForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 * * * *", "Etc/UTC"), time.Time{}, func(context.Context, *world) {
			time.Sleep(time.Hour - 1)
		})
		wait(50*time.Hour + time.Minute)
		w.stop()
		<-w.done
		require.Len(t, w.runs, 50)
		require.Empty(t, w.told(daemon.Skipped))
	})
}

func TestAPanicIsToldAndTheScheduleGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "@daily", "Etc/UTC"), time.Time{}, func(_ context.Context, w *world) {
			if len(w.runs) <= 3 {
				panic(fmt.Sprintf("run %d", len(w.runs)))
			}
		})
		wait(5*day + time.Minute)
		w.end()
		require.Len(t, w.runs, 5)
		told := w.told(daemon.Panicked)
		require.Len(t, told, 3)
		require.Len(t, w.told(daemon.Ended), 5)
		require.EqualError(t, told[0].Err, "panic: run 1")
		require.Contains(t, string(told[0].Stack), "daemon_test.go")
	})
}

func TestWhatWasMissedIsMadeUpForOnce(t *testing.T) {
	for name, row := range map[string]struct {
		last time.Time
		want []string
	}{
		"three were missed": {begin.Add(-3*day - time.Hour),
			[]string{"01-01 00:00 catch-up", "01-01 09:00 schedule", "01-02 09:00 schedule"}},
		"one was missed": {begin.Add(-16 * time.Hour),
			[]string{"01-01 00:00 catch-up", "01-01 09:00 schedule", "01-02 09:00 schedule"}},
		"none was missed": {begin.Add(-15 * time.Hour),
			[]string{"01-01 09:00 schedule", "01-02 09:00 schedule"}},
		"nothing is known":            {time.Time{}, []string{"01-01 09:00 schedule", "01-02 09:00 schedule"}},
		"the last run is yet to come": {begin.Add(time.Hour), []string{"01-01 09:00 schedule", "01-02 09:00 schedule"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), row.last, lasting(time.Minute))
				wait(2 * day)
				w.end()
				require.Equal(t, row.want, w.runs)
			})
		})
	}
}

func TestADistanceCountsFromTheLastRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "@every 12h", "Etc/UTC"), begin.Add(-5*time.Hour), atOnce)
		wait(20 * time.Hour)
		w.end()
		require.Equal(t, []string{"01-01 07:00 schedule", "01-01 19:00 schedule"}, w.runs)
	})
}

func TestABrokenScheduleIsToldOnceAndTheOneInForceStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 * * * *", "Etc/UTC"), time.Time{}, atOnce)
		wait(90 * time.Minute)
		w.set(func() { w.wrong = errors.New("policy.yaml:3:1: unknown key") })
		wait(3 * time.Hour)
		require.Len(t, w.runs, 4)
		require.Len(t, w.told(daemon.Broken), 1)
		w.set(func() { w.wrong = errors.New("policy.yaml:4:1: something else") })
		wait(time.Hour)
		require.Len(t, w.told(daemon.Broken), 2)
		require.Empty(t, w.told(daemon.Mended))
		w.set(func() { w.wrong = nil })
		wait(time.Hour)
		w.end()
		require.Len(t, w.told(daemon.Mended), 1)
		require.Len(t, w.runs, 6)
		require.Empty(t, w.told(daemon.Changed))
	})
}

func TestWithoutAScheduleThereIsNoDaemon(t *testing.T) {
	wrong := errors.New("policy.yaml: no such file")
	_, err := daemon.New(daemon.Options{Schedule: func() (*schedule.Schedule, error) { return nil, wrong }})
	require.ErrorIs(t, err, wrong)
}

func TestAChangedScheduleIsTakenUpWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * 1", "Etc/UTC"), time.Time{}, atOnce)
		wait(10 * time.Hour)
		w.set(func() { w.wanted = scheduleOf(t, "0 9 * * 1", "Etc/UTC") })
		wait(time.Hour)
		require.Empty(t, w.told(daemon.Changed), "the same words are the same schedule")
		w.set(func() { w.wanted = scheduleOf(t, "2 11 * * *", "Etc/UTC") })
		wait(3 * time.Minute)
		w.set(func() { w.wanted = scheduleOf(t, "2 11 * * *", "America/New_York") })
		wait(day)
		w.end()
		require.Equal(t, []string{"01-01 11:02 schedule", "01-01 16:02 schedule"}, w.runs)
		require.Len(t, w.told(daemon.Changed), 2)
	})
}

func TestWhatANewScheduleHasPassedIsNotMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), time.Time{}, atOnce)
		wait(12 * time.Hour)
		w.set(func() { w.wanted = scheduleOf(t, "0 10 * * *", "Etc/UTC") })
		wait(day)
		w.end()
		require.Equal(t, []string{"01-01 09:00 schedule", "01-02 10:00 schedule"}, w.runs)
	})
}

func TestARunCanBeAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), time.Time{}, lasting(10*time.Minute))
		wait(time.Hour)
		w.ask <- syscall.SIGHUP
		wait(5 * time.Minute)
		w.ask <- syscall.SIGHUP
		wait(day)
		w.end()
		require.Equal(t, []string{"01-01 01:00 asked", "01-01 09:00 schedule"}, w.runs)
		told := w.told(daemon.Skipped)
		require.Len(t, told, 1)
		require.Equal(t, daemon.Asked, told[0].Cause)
	})
}

func TestTheRunUnderWayIsWaitedForAndNoOtherBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finished := false
		w := serve(t, scheduleOf(t, "0 * * * *", "Etc/UTC"), time.Time{}, func(ctx context.Context, _ *world) {
			<-ctx.Done()
			time.Sleep(3 * time.Hour) // the change in flight, the report
			finished = true
		})
		wait(time.Hour)
		w.ask <- syscall.SIGHUP
		w.stop()
		select {
		case <-w.done:
			require.Fail(t, "it did not wait")
		case <-time.After(time.Hour):
		}
		<-w.done
		require.True(t, finished)
		require.Len(t, w.runs, 1)
	})
}

func TestAClockThatIsSetMovesTheRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), time.Time{}, atOnce)
		wait(10 * time.Hour)
		w.set(func() { w.ahead = 3*day - 2*time.Hour }) // it is 8:00, three days later: two runs are past
		wait(30 * time.Minute)
		require.Len(t, w.runs, 2, "one for all that the clock went past")
		wait(time.Hour)
		require.Len(t, w.runs, 3)
		w.set(func() { w.ahead -= 30 * day }) // it was far ahead, and is corrected
		wait(day)
		w.end()
		require.Len(t, w.runs, 4, "not only a month later")
		require.Empty(t, w.told(daemon.Skipped))
	})
}

func TestReadyIsAScheduleThatLivesAndARunThatIsNotOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), time.Time{}, lasting(70*time.Minute))
		wait(time.Minute)
		require.NoError(t, w.Ready())
		require.Equal(t, begin.Add(9*time.Hour), w.Next())
		wait(9*time.Hour + 30*time.Minute)
		require.NoError(t, w.Ready(), "a run is under way")
		wait(30 * time.Minute)
		require.EqualError(t, w.Ready(), "the run that began at 2000-01-01T09:00:00Z has not ended")
		wait(time.Hour)
		require.NoError(t, w.Ready())
		w.end()
		wait(5 * time.Minute)
		require.ErrorContains(t, w.Ready(), "the schedule is dead: it last looked at the clock at 2000-01-01T11:")
	})
}

func TestAScheduleThatNeverFiresAgainIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC).Sub(begin)) // 2100 is no leap year
		w := serve(t, scheduleOf(t, "0 0 29 2 *", "Etc/UTC"), time.Time{}, atOnce)
		wait(time.Hour)
		require.EqualError(t, w.Ready(), "the schedule never fires again")
		w.end()
		require.Empty(t, w.runs)
	})
}

func TestHealthReadinessAndMetricsAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, scheduleOf(t, "0 9 * * *", "Etc/UTC"), time.Time{}, lasting(3*time.Hour))
		h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintln(w, "numbers")
		}))
		get := func(method, path string) string {
			got := httptest.NewRecorder()
			h.ServeHTTP(got, httptest.NewRequest(method, path, nil))
			return fmt.Sprint(got.Code, " ", got.Body)
		}
		wait(time.Minute)
		require.Equal(t, "200 ok\n", get("GET", "/healthz"))
		require.Equal(t, "200 ok\n", get("GET", "/readyz"))
		require.Equal(t, "200 numbers\n", get("GET", "/metrics"))
		require.Contains(t, get("POST", "/healthz"), "405 ")
		require.Contains(t, get("GET", "/"), "404 ")
		wait(11 * time.Hour)
		require.Equal(t, "200 ok\n", get("GET", "/healthz"))
		require.Equal(t, "503 the run that began at 2000-01-01T09:00:00Z has not ended\n", get("GET", "/readyz"))
		w.end()
	})
}
