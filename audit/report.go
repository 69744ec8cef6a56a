package audit

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Outcome is what became of a finding, or what would become of it.
type Outcome string

// The outcomes of a dry run, and of an enforcing run before it acts.
const (
	// Flagged is reported and nothing else; in a dry run, it would be.
	Flagged Outcome = "flagged"
	// Pending is reported, and a later step is announced that is not due.
	Pending Outcome = "pending"
	// WouldQuarantine and WouldRevoke are steps that are due and not taken, or not yet.
	WouldQuarantine Outcome = "would-quarantine"
	WouldRevoke     Outcome = "would-revoke"
	// Protected is a token that a rule would quarantine or revoke, and that only may be flagged.
	Protected Outcome = "protected"
	// Exempt is a token that an exemption in force covers.
	Exempt Outcome = "exempt"
	// Unknown is a token that a rule, or what protects it, could not be judged for.
	Unknown Outcome = "unknown"
	// Held is due, and kept back: over a limit, not in the reviewed plan, or because the run stopped.
	Held Outcome = "held"
	// Quarantined is cut off by this run or by an earlier one.
	Quarantined Outcome = "quarantined"
)

// The outcomes of a run that acts.
const (
	// Revoked is ended for good, by this run.
	Revoked Outcome = "revoked"
	// Restored is a quarantine that was ended by hand. No finding has it.
	Restored Outcome = "restored"
	// Gone had already vanished when its turn came.
	Gone Outcome = "gone"
	// Changed is no longer what was decided on, and was left alone.
	Changed Outcome = "changed"
	// Failed was not done, or nobody knows yet whether it was.
	Failed Outcome = "failed"
)

// Outcomes lists all outcomes, those that matter most first.
var Outcomes = []Outcome{
	Failed, Revoked, Quarantined, WouldRevoke, WouldQuarantine, Held, Changed, Gone, Pending, Flagged, Unknown,
	Protected, Exempt,
}

// Change tells a finding apart from those of the run before.
type Change string

// The changes. Findings of the run before that are not there any more are resolved.
const (
	// New was no finding in the last complete run, or a rule applies to it that did not: it did not match, could not be
	// judged, or an exemption was in its way.
	New Change = "new"
	// Ongoing was one already, of all the rules that apply.
	Ongoing Change = "ongoing"
)

// Finding is a token that at least one rule matched, or could not be judged by.
type Finding struct {
	// Token is the token as it was judged; never nil, and never changed.
	Token *okta.Token
	// At is the instant at which it was judged: Report.AsOf, or the moment of its use or change if that came
	// while the list was read.
	At time.Time
	// Severity is the highest of the rules that matched or, if none did, of those that could not be
	// judged.
	Severity rules.Severity
	// Matched are the rules that the token matches, Unknown those that could not be judged for it,
	// each with the sentences that say why.
	Matched, Unknown []rules.Match
	// Step is the step that Outcome is about: what is or would be done, what comes next if it is
	// pending, what it is spared if it is protected or exempt.
	Step    rules.Step
	Outcome Outcome
	// Reason says why it is protected, exempt, unknown, held, gone, changed or failed, since when it is quarantined, or
	// of one that is flagged which exemption could not be judged. It is "" for other outcomes.
	Reason string
	// Remark says that the token was edited since its last use, or that its times don't go together; "" if nothing is
	// odd. A quarantine of ours is no edit.
	Remark string
	// Quarantine says that the token is in our quarantine, whatever the outcome; nil if it isn't.
	Quarantine *Quarantine
	// Due is when the step is or was due, if it is a quarantine or a revocation. Before a notice was
	// delivered it is the time at which the step would be due, were the notice delivered now.
	Due time.Time
	// Change is "" where nothing is remembered of the run before.
	Change Change
	// Moved says what has changed about a finding that was one already, since people were last told: its severity, or
	// when its step is due; "" for nothing.
	Moved string
	// Fresh are the rules that apply to the token and did not before; all that apply where nothing is remembered.
	Fresh []*rules.Rule

	// Done says that this run has changed the token, or may have; Announced, that it has delivered the notice
	// of a later step for the first time, or anew.
	Done, Announced bool

	stepRules   []string      // ids of the rules that ask for Step, where it is due
	unannounced []rules.Match // those whose notice must still be delivered: there was none, or it is void
}

// disrupting are the rules that matched and do more than flag.
func (f *Finding) disrupting() iter.Seq[rules.Match] {
	return func(yield func(rules.Match) bool) {
		for i := range f.Matched {
			if strongestStep(f.Matched[i:i+1]) > rules.Flag && !yield(f.Matched[i]) {
				return
			}
		}
	}
}

func (f *Finding) ruleIDs() []string {
	ids := make([]string, 0, len(f.Matched))
	for _, m := range f.Matched {
		ids = append(ids, m.Rule.ID)
	}
	return ids
}

// Vanished is a token that the last complete listing had and this one hasn't.
type Vanished struct {
	ID, Name string
	// Reason says why, as far as is known.
	Reason string
}

// Changes compares with the run before. Known is false where nothing is remembered of one.
type Changes struct {
	New, Ongoing, Resolved int
	// Moved is how many of the ongoing have something that is news: see Finding.Moved.
	Moved int
	Known bool
}

// Report is what a run found and did.
type Report struct {
	// ID names the run: see NewID.
	ID string
	// Mode is what the run was allowed to do. Before is set while an enforcing run announces what it is
	// about to do; Acted says that a change was at least begun.
	Mode          rules.Mode
	Before, Acted bool
	// Started and Finished are on our clock; AsOf is the instant at which tokens were judged.
	Started, Finished, AsOf time.Time
	// OrgURL is the org's URL, as scheme and host.
	OrgURL string
	// PolicyFile and PolicyDigest say which policy judged, PolicyMode what it allows an enforcing run.
	PolicyFile, PolicyDigest string
	PolicyMode               rules.Mode
	// Tokens, Pages and Duplicates are what was listed; Complete says whether that is provably all.
	Tokens, Pages, Duplicates int
	Complete                  bool
	// Clients is how many tokens each client has, by its name as Okta gave it, "" where there was none. It is nil
	// if the listing is not complete.
	Clients map[string]int
	// Findings are ordered worst severity first, then oldest last use, then by id. They are empty if
	// the listing is not complete.
	Findings []Finding
	// Changes says how the findings differ from those of the run before, Vanished which tokens are gone.
	Changes  Changes
	Vanished []Vanished
	// CalledOff is what had been announced and does not come; in a dry run, what an enforcing run would call off.
	CalledOff []CalledOff
	// InQuarantine are the tokens in our quarantine that no finding is about.
	InQuarantine []InQuarantine
	// Stopped says that more was due at once than stopAbove allows.
	Stopped    bool
	stopReason string
	// Notes are sentences about the run as a whole that a reader should know.
	Notes []string
	// Shrunken says that the listing is too small to believe: nothing is concluded from what it lacks.
	Shrunken bool
	// Belated is how many outcomes and vanished tokens of earlier runs the notes tell, of which nobody was told.
	Belated int
	// PlanKept says that the ledger has the plan, so that an enforcing run can be told to keep to it.
	PlanKept bool
	// Flags are those of run by which a command finds the same policy and state, as for a shell; "" where it finds them
	// without.
	Flags string
	// Actions is how many tokens the plan quarantines or revokes now.
	Actions int
	// Notices is how many notices an enforcing run gives with its announcement; 0 before that.
	Notices int
	// Head is the ledger's head after the run; zero without a ledger.
	Head ledger.Head
	// Digest is the plan's digest: the same tokens with the same outcomes under the same policy
	// give the same. It is "" if the listing is not complete.
	Digest string
	// Err is why the run could not be completed, else nil. With a complete listing it is why an
	// enforcing run did not act, or stopped acting.
	Err error
	// Code is the exit code that says how it went. Final says that nothing can change it any more.
	Code  ExitCode
	Final bool
	// Unended is why the ledger does not say that the report was read, though it was: the next run tells what this one
	// did once more. It changes no exit code, since that is on record and in the report.
	Unended error
}

// note adds a sentence to the notes.
func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Count returns how many findings have the outcome o.
func (r *Report) Count(o Outcome) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Outcome == o {
			n++
		}
	}
	return n
}

// Done returns how many tokens this run has changed with the outcome o.
func (r *Report) Done(o Outcome) int {
	n := 0
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Done && f.Outcome == o {
			n++
		}
	}
	return n
}

// critical counts the findings of the highest severity that no exemption covers.
func (r *Report) critical() int {
	n := 0
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == rules.Critical && f.Outcome != Exempt {
			n++
		}
	}
	return n
}

// sortFindings puts the findings into the order of Report.Findings. Tokens whose last use is not known come
// after the others of their severity.
func sortFindings(fs []Finding) {
	slices.SortFunc(fs, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		ua, knownA := a.Token.LastUsed().Get()
		ub, knownB := b.Token.LastUsed().Get()
		switch {
		case knownA && knownB && !ua.Equal(ub):
			return ua.Compare(ub)
		case knownA != knownB && knownA:
			return -1
		case knownA != knownB:
			return 1
		}
		return strings.Compare(a.Token.ID, b.Token.ID)
	})
}
