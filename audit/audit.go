// Package audit runs the job: it lists an org's tokens, judges each by the policy at one instant, plans
// what is due, and reports. An enforcing run then takes the steps that are due, one token at a time.
//
// Run does all of it. Without Options.Enforce it is a dry run: it is given an okta.Reader, which has no
// method that changes anything. The ledger, where there is one, tells it about earlier runs.
//
// Explain, Simulate, Survey and RunTests look without acting: at one token, at the days to come, at what a policy
// concerns, at examples. They decide by the same code.
//
// Deciding is a function of values (decide.go, plan.go); acting is in one place (act.go): a record of the
// intent on disk, one request, a record of the outcome.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

var (
	// ErrWrongOrg is a policy or a ledger that belongs to another org than the one that the environment
	// names. Nothing was asked of that org that takes a credential, unless its URL is the ledger's.
	ErrWrongOrg = errors.New("wrong org")
	// ErrRefused is a change that may not be made, for a reason that a person must remove. Nothing was done.
	ErrRefused = errors.New("refused")
	// ErrInterrupted is a run whose context ended, by a signal or because Watch ended it. The next run does what this
	// one had not done.
	ErrInterrupted = errors.New("the run was interrupted")
)

// Options says what a run needs. Org and Policy are required.
type Options struct {
	// ID names the run; "" makes a new one. It comes from NewID.
	ID     string
	Org    *okta.Reader
	Policy *rules.Policy
	// AsOf is the instant at which tokens are judged; zero means the org's own clock. An enforcing run
	// takes no other.
	AsOf time.Time
	// FailOn is the severity from which on a finding makes the exit code Findings; zero means none does.
	FailOn rules.Severity
	// Progress, if not nil, is told from time to time how many pages and tokens were read.
	Progress func(pages, tokens int)
	// Ledger remembers earlier runs; it must be open. Its store has the rest of the state. A dry run can do without.
	Ledger *ledger.Ledger
	// StateAlone says that no other machine mounts the state directory, though it is on FUSE.
	StateAlone bool
	// Deliver, if not nil, delivers the finished report. The end of the run is recorded after that. If delivery fails,
	// the next run reports what this one did.
	Deliver func(*Report) error
	// Export, if not nil, writes what has the exit code in it and can be written anew, such as metrics.
	Export func(*Report) error
	// Write, if not nil, writes the report where its exit code is read, and can't be changed any more. It comes last:
	// until it has returned without an error, the end on record says that nobody has read the report.
	Write func(*Report) error
	// Tally, if not nil, is what the run has counted so far, for Record.Counts of its end: the names have a SumMark.
	Tally func() map[string]int
	// Recorded, if not nil, is called with each record that the run has just written to the ledger.
	Recorded func(ledger.Record)
	// Flags are those of Report.
	Flags string
	// Notes are sentences from outside that the report should tell.
	Notes []string
	// Now is our clock; nil means time.Now.
	Now func() time.Time
	// Enforce makes it an enforcing run; nil is a dry run. It needs a Ledger.
	Enforce *Enforcement
}

// Enforcement is what only an enforcing run needs.
type Enforcement struct {
	// Org makes the changes; it is the client around Options.Org.
	Org *okta.Client
	// Plan is the digest of a reviewed plan to keep to, "" to act on all that is due.
	Plan string
	// PlanMaxAge is how old that plan may be; 0 means DefaultPlanAge.
	PlanMaxAge time.Duration
	// Announce delivers the report that says what is about to happen, and returns where it went. Nothing is changed
	// before it has returned without an error. The delays of the policy count from then.
	Announce func(context.Context, *Report) (via string, err error)
}

// NewID makes the id of a run: the time of its start and a random part.
func NewID(started time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// verdictCode is the exit code of a complete pass. A rule that could not be judged counts like one that matched. An
// exempt finding does not count.
func (r *Report) verdictCode(failOn rules.Severity) ExitCode {
	for _, f := range r.Findings {
		for _, m := range slices.Concat(f.Matched, f.Unknown) {
			if failOn > 0 && m.Rule.Severity >= failOn && f.Outcome != Exempt {
				return Findings
			}
		}
	}
	return OK
}
