package alerts

import (
	"strings"
	"testing"
	"time"
)

// row is what is known of one org or CronJob, a value an hour, and when an alert is for it.
type row struct {
	alert, series string
	at            time.Duration
	fires         bool
}

// lines are series, one a line.
func lines(series ...string) string { return strings.Join(series, "\n") }

var (
	builds  = of("a", "build_info", "1x400")
	ranOnce = of("a", "last_run_timestamp_seconds", "0x400")
	ranFor  = func(days int) string { return of("a", "last_run_timestamp_seconds", runsUntil(days)) }
)

var ofRuns = []row{
	{"TokensweepNoSuccess", of("a", "last_success_timestamp_seconds", "0x300"), 4*day + time.Hour, false},
	{"TokensweepNoSuccess", of("a", "last_success_timestamp_seconds", "0x300"), 4*day + 3*time.Hour, true},
	{"TokensweepNoSuccess", of("a", "last_success_timestamp_seconds", "0+3600x300"), 10 * day, false},

	{"TokensweepNeverSucceeded", lines(builds, ranFor(3)), day + 12*time.Hour, false},
	{"TokensweepNeverSucceeded", lines(builds, ranFor(3)), 2 * day, true},
	{"TokensweepNeverSucceeded", lines(builds, ranFor(9)), 8*day + 12*time.Hour, true},
	{"TokensweepNeverSucceeded", lines(builds, ranFor(3), of("b", "last_success_timestamp_seconds", "0x300")),
		2 * day, true},
	{"TokensweepNeverSucceeded", lines(builds, ranFor(9), of("a", "last_success_timestamp_seconds", "0x300")),
		3 * day, false},
	{"TokensweepNeverSucceeded", lines(builds, ranFor(9),
		`tokensweep_last_success_timestamp_seconds{org="a",policy="other"} 0x300`), 3 * day, true},

	{"TokensweepAbsent", `up{job="other"} 1x300`, day, true},
	{"TokensweepAbsent", builds, day, false},
	{"TokensweepAbsent", lines(of("b", "build_info", "1x10")), 10*time.Hour + 30*time.Minute, false},

	{"TokensweepOrgAbsent", lines(of("b", "build_info", "1x400"), of("a", "build_info", "1x24"),
		of("a", "last_success_timestamp_seconds", "0x24")), 2 * day, true},
	{"TokensweepOrgAbsent", lines(of("b", "build_info", "1x400"), of("a", "build_info", "1x24"),
		of("a", "last_success_timestamp_seconds", "0x24")), 6 * day, false}, // it may be meant
	{"TokensweepOrgAbsent", lines(of("b", "build_info", "1x400"), of("a", "build_info", "1x24")), 2 * day, false},
	{"TokensweepOrgAbsent", lines(builds, of("a", "last_success_timestamp_seconds", "0x400")), 2 * day, false},
	{"TokensweepOrgAbsent", lines(`tokensweep_build_info{org="a",policy="p",version="v1"} 1x24 _x400`,
		`tokensweep_build_info{org="a",policy="p",version="v2"} _x25 1x400`,
		of("a", "last_success_timestamp_seconds", "0x400")), 26 * time.Hour, false},
	{"TokensweepOrgAbsent", lines(of("a", "build_info", "1x24"), of("a", "last_success_timestamp_seconds", "0x24"),
		`tokensweep_build_info{org="a",policy="other"} 1x400`), 2 * day, true},

	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "0x300")), day, false},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "10x300")), day, false},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "21x300")), day, false},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "2x300")), day, true},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "20x300")), day, true},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "65x300")), 4 * day, true},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "65x300")), 5 * day, false},
	{"TokensweepRunFailed", lines(ranOnce, of("a", "last_run_exit_code", "0x300"),
		`tokensweep_last_run_exit_code{org="a",policy="other"} 65x300`), day, false}, // another's end is no end of it

	{"TokensweepStopAbove", lines(ranOnce, of("a", "last_run_stopped", "1x300")), day, true},
	{"TokensweepStopAbove", lines(ranOnce, of("a", "last_run_stopped", "0x300")), day, false},
	{"TokensweepStopAbove", lines(ranOnce, of("a", "last_run_stopped", "1x300")), 5 * day, false},

	{"TokensweepPolicyInvalid", of("a", "policy_valid", "0x300"), day, true},
	{"TokensweepPolicyInvalid", of("a", "policy_valid", "1x300"), day, false},
	{"TokensweepOverdue", of("a", "next_run_timestamp_seconds", "86400x300"), day + 30*time.Minute, false},
	{"TokensweepOverdue", of("a", "next_run_timestamp_seconds", "86400x300"), day + 2*time.Hour, true},
	{"TokensweepOverdue", of("a", "next_run_timestamp_seconds", "0x300"), day, true},
	{"TokensweepRunsSkipped", of("a", "runs_skipped_total", "3x300"), 2 * day, false},
	{"TokensweepRunsSkipped", of("a", "runs_skipped_total", "0x40 1x100"), 2 * day, true},
}

// ksm is what kube-state-metrics says of a CronJob that was made at the beginning.
func ksm(name string, suspended string, more ...string) string {
	return lines(append(more, cronJob(name, "created", "0x600"), cronJob(name, "spec_suspend", suspended))...)
}

const longest = 4*day + 2*time.Hour

var ofCronJobs = []row{
	// It has never started a job.
	{"TokensweepCronJobNotRun", ksm("tokensweep", "0x600"), longest + time.Hour, true},
	{"TokensweepCronJobNotRun", ksm("tokensweep", "0x600"), longest, false},
	{"TokensweepCronJobNotRun", ksm("eu-tokensweep-b", "0x600"), longest + time.Hour, true},
	{"TokensweepCronJobNotRun", ksm("backup", "0x600"), longest + time.Hour, false},
	// The last was long ago, or not.
	{"TokensweepCronJobNotRun", ksm("tokensweep", "0x600", cronJob("tokensweep", "status_last_schedule_time",
		"86400x600")), day + longest + time.Hour, true},
	{"TokensweepCronJobNotRun", ksm("tokensweep", "0x600", cronJob("tokensweep", "status_last_schedule_time",
		"0+3600x600")), 10 * day, false},
	// It is suspended, was until not long ago, or was once.
	{"TokensweepCronJobNotRun", ksm("tokensweep", "1x600"), 10 * day, false},
	{"TokensweepCronJobNotRun", ksm("tokensweep", "1x200 0x400"), 10 * day, false},
	{"TokensweepCronJobNotRun", ksm("tokensweep", "1x48 0x500"), 10 * day, true},
	{"TokensweepCronJobNotRun", ksm("tokensweep", "0x600", ksm("tokensweep-b", "1x600")), longest + time.Hour, true},

	{"TokensweepCronJobNoSuccess", ksm("tokensweep", "0x600", cronJob("tokensweep", "status_last_schedule_time",
		"0+3600x600")), longest + time.Hour, true},
	{"TokensweepCronJobNoSuccess", ksm("tokensweep", "0x600", cronJob("tokensweep", "status_last_schedule_time",
		"0+3600x600"), cronJob("tokensweep", "status_last_successful_time", "0+3600x600")), 10 * day, false},
	{"TokensweepCronJobNoSuccess", ksm("tokensweep", "0x600", cronJob("tokensweep", "status_last_schedule_time",
		"0+3600x600"), cronJob("tokensweep", "status_last_successful_time", "86400x600")), 10 * day, true},
	{"TokensweepCronJobNoSuccess", ksm("tokensweep", "0x600"), 10 * day, false}, // no job was started: the other one
	{"TokensweepCronJobNoSuccess", ksm("tokensweep", "1x600", cronJob("tokensweep", "status_last_schedule_time",
		"0+3600x600")), 10 * day, false},
	{"TokensweepCronJobNoSuccess", ksm("backup", "0x600", cronJob("backup", "status_last_schedule_time",
		"0+3600x600")), 10 * day, false},
}

// Each alert of the file is one that fires, and one that doesn't.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	_, byName := alerts(t)
	seen := make(map[string]map[bool]bool)
	for _, row := range append(ofRuns, ofCronJobs...) {
		rule, ok := byName[row.alert]
		if !ok {
			t.Fatalf("there is no alert %s", row.alert)
		}
		if seen[row.alert] == nil {
			seen[row.alert] = make(map[bool]bool)
		}
		seen[row.alert][row.fires] = true
		firing := newWorld(t, row.series).firing(t, rule, row.at)
		if fires := len(firing) > 0; fires != row.fires {
			t.Errorf("%s after %v of\n%s\nfires: %v, should: %v", row.alert, row.at, row.series, fires, row.fires)
		}
		for _, l := range firing {
			if row.alert != "TokensweepAbsent" && (l.Get("org") != "a" || l.Get("policy") != "p") &&
				!strings.Contains(l.Get("cronjob"), "tokensweep") {
				t.Errorf("%s is about %s", row.alert, l)
			}
		}
		if len(firing) > 1 {
			t.Errorf("%s fires %d times: %s", row.alert, len(firing), firing)
		}
	}
	for name := range byName {
		if !seen[name][true] || !seen[name][false] {
			t.Errorf("%s is not tried both firing and silent", name)
		}
	}
}
