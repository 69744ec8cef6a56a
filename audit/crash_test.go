package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// accident is what happens to the disk in a run, at the nth of something.
type accident struct {
	name   string
	arm    func(d *ledgertest.Disk, n int)
	after  func(d *ledgertest.Disk) // the process ends; nil if it ends by itself
	killed bool                     // its report is not seen
	blind  bool                     // the disk has lost something that a reader still sees
}

var errIO = syscall.EIO

func failWrite(keep int) func(*ledgertest.Disk, int) {
	return func(d *ledgertest.Disk, n int) { d.FailWrite(n, keep, errIO) }
}

func failSync(d *ledgertest.Disk, n int) { d.FailSync(n, errIO) }

func crash(keep int) func(*ledgertest.Disk) {
	return func(d *ledgertest.Disk) { d.Crash(keep) }
}

const (
	whole = 1 << 20 // more than any write
	some  = 600     // of a write of several records, one or two and a part of the next
)

// A write that fails with nothing stored, after which the process dies, is also a kill right after the
// fsync before; a sync that fails, after which all stays, a kill right after the write.
var accidents = []accident{
	{name: "the process dies before a write", arm: failWrite(0), after: (*ledgertest.Disk).Kill, killed: true},
	{name: "the machine crashes between a write and its fsync, and all of it is lost", arm: failSync, after: crash(0),
		killed: true},
	{name: "the machine crashes between a write and its fsync, and all of it stays", arm: failSync, after: crash(whole),
		killed: true},
	{name: "the machine crashes between a write of several records and its fsync, and some of them stay", arm: failSync,
		after: crash(some), killed: true},
	{name: "a write fails with nothing stored", arm: failWrite(0)},
	{name: "a write fails with a part stored", arm: failWrite(40)},
	{name: "a write of several records fails with some of them stored", arm: failWrite(some)},
	{name: "a write fails with all stored", arm: failWrite(whole)},
	{name: "a write fails with all stored, and the machine crashes and keeps a part", arm: failWrite(whole),
		after: crash(40)},
	{name: "an fsync fails", arm: failSync, blind: true},
	{name: "an fsync fails, and the machine crashes and keeps nothing", arm: failSync, after: crash(0)},
	{name: "an fsync fails, and the machine crashes and keeps a part", arm: failSync, after: crash(40)},
	{name: "an fsync fails, and the machine crashes and keeps all", arm: failSync, after: crash(whole)},
}

// stride is how far apart the places are that are tried: all of them, or with -short, as under the race detector in CI,
// every fifth.
func stride() int {
	if testing.Short() {
		return 5
	}
	return 1
}

// strikes makes one run with the accident at the nth place, and reports whether there is such a place.
func (c *crashWorld) strikes(a accident, n int) bool {
	a.arm(c.disk, n)
	c.believed = a.blind
	r := c.run(a.killed)
	struck := c.now.failed.Load()
	if a.killed && !struck && r != nil {
		c.reports = append(c.reports, r) // it came to its end after all
	}
	c.disk.FailWrite(0, 0, nil) // what didn't strike is not to strike later
	c.disk.FailSync(0, nil)
	if a.after != nil {
		a.after(c.disk)
	}
	return struck
}

func TestARunWhoseLedgerFailsAtAnyPlaceHarmsNothing(t *testing.T) {
	for _, a := range accidents {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			places := 0
			for struck := true; struck; places += stride() {
				t.Run(fmt.Sprint("at place ", places+1), func(t *testing.T) {
					struck = false
					c := newCrashWorld(t)
					c.goWrong()
					struck = c.strikes(a, places+1)
					c.recover()
				})
			}
			require.Greater(t, places, 10, "the sweep has gone through a whole run")
		})
	}
}

func TestARunWhoseLedgerAndOrgFailAtOnceHarmsNothing(t *testing.T) {
	first, second := "/api/v1/api-tokens/"+oktatest.TokenID(1), "/api/v1/api-tokens/"+oktatest.TokenID(2)
	lost := func(method, path string, acted bool) oktatest.Fault {
		return oktatest.Fault{Method: method, Path: path, Times: 1, Hangup: !acted, HangupAfter: acted}
	}
	// The first reading is the one before the change, the second the one that asks what came of it.
	unread := func(path string) oktatest.Fault {
		return oktatest.Fault{Method: http.MethodGet, Path: path, Skip: 1, Times: 1, Status: 500}
	}
	for _, org := range []struct {
		name   string
		faults []oktatest.Fault
	}{
		{"the answer to a DELETE is lost, and it was done", []oktatest.Fault{lost(http.MethodDelete, first, true)}},
		{"the answer to a DELETE is lost, and it was not done",
			[]oktatest.Fault{lost(http.MethodDelete, first, false)}},
		{"the answer to a DELETE is lost, it was done, and reading fails",
			[]oktatest.Fault{lost(http.MethodDelete, first, true), unread(first)}},
		{"the answer to a PUT is lost, and it was done", []oktatest.Fault{lost(http.MethodPut, second, true)}},
		{"the answer to a PUT is lost, and it was not done", []oktatest.Fault{lost(http.MethodPut, second, false)}},
		{"the answer to a PUT is lost, it was done, and reading fails",
			[]oktatest.Fault{lost(http.MethodPut, second, true), unread(second)}},
	} {
		for _, a := range accidents[:4] {
			t.Run(org.name+": "+a.name, func(t *testing.T) {
				t.Parallel()
				for n, struck := 1, true; struck; n += stride() {
					t.Run(fmt.Sprint("at place ", n), func(t *testing.T) {
						struck = false
						c := newCrashWorld(t)
						c.goWrong(org.faults...)
						struck = c.strikes(a, n)
						c.recover()
					})
				}
			})
		}
	}
}

// A run that found a whole ledger and died is followed by one that dies at the same place: a loop of
// crashes, as of a pod that is started again and again.
func TestRunsThatFailAgainAndAgainHarmNothing(t *testing.T) {
	for _, a := range accidents[:4] {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			for n, struck := 1, true; struck; n += stride() {
				t.Run(fmt.Sprint("at place ", n), func(t *testing.T) {
					struck = false
					c := newCrashWorld(t)
					c.goWrong()
					require.NoError(t, c.run(false).Err)
					for range 4 {
						c.pass(10 * time.Minute)
						struck = c.strikes(a, n) || struck
					}
					c.recover()
				})
			}
		})
	}
}

func TestTheListingInForceOutlivesRunsThatFailToRecordTheirs(t *testing.T) {
	c := newCrashWorld(t)
	c.goWrong()
	require.NoError(t, c.run(false).Err)
	c.refused = ledger.Listed
	for range 2 {
		c.pass(time.Minute)
		require.ErrorContains(t, c.run(false).Err, "(listed)")
	}
	c.refused = ""
	c.pass(time.Minute)
	require.NoError(t, c.run(false).Err)
}

func TestWhatARunDidThatReachedNobodyIsInTheNextReport(t *testing.T) {
	c := newCrashWorld(t)
	c.goWrong()
	c.deliverErr = errors.New("broken pipe")
	r := c.run(true) // revokes, records it, and nobody sees its report
	require.Equal(t, audit.Undelivered, r.Code)
	c.pass(time.Minute)
	require.Equal(t, audit.Undelivered, c.run(true).Code) // lists, records that, and is not seen either
	c.pass(time.Minute)
	c.deliverErr = nil
	r = c.run(false)
	require.NoError(t, r.Err)
	told := strings.Join(r.Notes, "\n")
	require.Contains(t, told, "the revoke of the token "+oktatest.TokenID(1))
	require.Contains(t, told, "the token "+oktatest.TokenID(1)+
		" (\"dead-1\") was no longer listed: revoked by tokensweep")
	c.pass(time.Minute)
	require.NotContains(t, strings.Join(c.run(false).Notes, "\n"), oktatest.TokenID(1), "it is told once")
}

func TestADiskThatIsFullAtAnySizeHarmsNothing(t *testing.T) {
	c := newCrashWorld(t)
	c.goWrong()
	require.NoError(t, c.run(false).Err)
	content := c.disk.Bytes()
	var sizes []int
	for at := 0; at < len(content); { // around the end of each line, and within it
		end := at + bytes.IndexByte(content[at:], '\n') + 1
		sizes = append(sizes, at+1, at+40, (at+end)/2, end-1, end)
		at = end
	}
	for part := range 4 {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			for i := part; i < len(sizes); i += 4 {
				t.Run(fmt.Sprint("full at byte ", sizes[i]), func(t *testing.T) {
					c := newCrashWorld(t)
					c.goWrong()
					c.disk.Limit(sizes[i])
					if r := c.run(false); sizes[i] < len(
						content)-40 { // the random part of a run's id aside, all have the same size
						require.Equal(t, audit.NoLedger, r.Code)
					}
					c.pass(time.Minute)
					c.run(false) // still full: at most something else goes wrong
					c.disk.Limit(0)
					c.recover()
				})
			}
		})
	}
}

func TestATokenWhoseChangeCantBeSettledIsHeld(t *testing.T) {
	path := "/api/v1/api-tokens/" + oktatest.TokenID(1)
	c := newCrashWorld(t)
	// The DELETE is lost and not done; neither the reading after it nor that of the next run works.
	c.goWrong(oktatest.Fault{Method: http.MethodDelete, Path: path, Times: 1, Hangup: true},
		oktatest.Fault{Method: http.MethodGet, Path: path, Skip: 1, Times: 2, Status: 500})
	require.Equal(t, audit.ActionFailed, c.run(false).Code)
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, c.changes())

	c.pass(time.Minute)
	c.connect()
	l, err := ledger.InDirectory(c.state).OpenOn(c.disk, func() time.Time { return c.clock })
	require.NoError(t, err)
	c.now = new(witness)
	r := c.enforceOn(t.Context(), strings.Replace(crashPolicy, "quiet-", "none-", 1), "", l)
	require.NoError(t, l.Close())
	require.ErrorContains(t, r.Err, "is not known, and nothing else is changed before it is")
	require.Contains(t, strings.Join(r.Notes, "\n"), "is still not known")
	for _, f := range r.Findings {
		if f.Token.ID == oktatest.TokenID(1) {
			require.Equal(t, audit.Held, f.Outcome)
			require.Contains(t, f.Reason, "is not known, and nothing else is changed before it is")
		}
	}
	require.Equal(t, 1, strings.Count(strings.Join(c.changes(), "\n"), oktatest.TokenID(1)),
		"never a second one while one is open")
	c.recover()
}

func TestAfterAFailedWriteTheReportSaysWhatWasDoneAndWhatWasNot(t *testing.T) {
	c := newCrashWorld(t)
	c.goWrong()
	c.refused = ledger.Outcome
	r := c.run(false)
	require.Equal(t, audit.NoLedger, r.Code)
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, c.changes())
	byName := map[string]audit.Finding{}
	for _, f := range r.Findings {
		byName[known(f.Token.Name)] = f
	}
	require.Equal(t, audit.Failed, byName["dead-1"].Outcome)
	require.Contains(t, byName["dead-1"].Reason, "revoked, but that could not be recorded")
	require.Equal(t, audit.Held, byName["quiet-1"].Outcome)
	require.Contains(t, byName["quiet-1"].Reason, "the run stopped acting")
	require.Equal(t, rules.Quarantine, byName["quiet-1"].Step)

	c.refused = ""
	c.pass(time.Minute)
	r = c.run(false)
	require.NoError(t, r.Err)
	require.Contains(t, strings.Join(r.Notes, "\n"), "settled by reading: the revoke of the token "+oktatest.TokenID(1))
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(1), "PUT " + oktatest.TokenID(2), "DELETE " +
		oktatest.TokenID(3)}, c.changes())
}

// The first run of a month begins a new segment, and fails at any place, that one among them.
func TestARunThatBeginsASegmentAndFailsAtAnyPlaceHarmsNothing(t *testing.T) {
	for _, a := range accidents {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			for n, struck := 1, true; struck; n += stride() {
				t.Run(fmt.Sprint("at place ", n), func(t *testing.T) {
					struck = false
					c := newCrashWorld(t)
					c.goWrong()
					c.clock = time.Date(now.Year(), now.Month(), 30, 23, 0, 0, 0, time.UTC)
					require.NoError(t, c.run(false).Err)
					c.pass(2 * time.Hour)
					struck = c.strikes(a, n)
					c.recover()
					sealed, err := c.disk.Segments()
					require.NoError(t, err)
					require.Len(t, sealed, 1)
				})
			}
		})
	}
}
