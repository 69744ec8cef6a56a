package audit

import (
	"slices"
	"strings"
	"time"

	"tokensweep/okta"
	"tokensweep/rules"
)

// Outcome is what became of a finding, or what would become of it.
type Outcome string

// The outcomes of a dry run.
const (
	// Flagged is reported and nothing else; in a dry run, it would be.
	Flagged Outcome = "flagged"
	// Pending is reported, and a later step is announced that is not due.
	Pending Outcome = "pending"
	// WouldQuarantine and WouldRevoke are steps that are due and that a dry run doesn't take.
	WouldQuarantine Outcome = "would-quarantine"
	WouldRevoke     Outcome = "would-revoke"
	// Protected is a token that a rule would quarantine or revoke, and that only may be flagged.
	Protected Outcome = "protected"
	// Exempt is a token that an exemption in force covers.
	Exempt Outcome = "exempt"
	// Unknown is a token that a rule, or what protects it, could not be judged for.
	Unknown Outcome = "unknown"
)

// Outcomes lists all outcomes, those that matter most first.
var Outcomes = []Outcome{WouldRevoke, WouldQuarantine, Pending, Flagged, Unknown, Protected, Exempt}

// Finding is a token that at least one rule matched, or could not be judged by.
type Finding struct {
	Token okta.Token
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
	// Reason says why it is protected, exempt or unknown. It is "" for other outcomes.
	Reason string
	// Due is when the step is or was due, if it is a quarantine or a revocation that is announced. A
	// dry run announces nothing, so there it is the time at which the step would be due had this been
	// an enforcing run.
	Due time.Time
}

// Report is what a run found and did.
type Report struct {
	// ID names the run: the time of its start and a random part.
	ID string
	// Mode is what the run was allowed to do.
	Mode rules.Mode
	// Started and Finished are on our clock; AsOf is the instant at which tokens were judged.
	Started, Finished, AsOf time.Time
	// OrgURL is the org's URL, as scheme and host.
	OrgURL string
	// PolicyFile and PolicyDigest say which policy judged.
	PolicyFile, PolicyDigest string
	// Tokens, Pages and Duplicates are what was listed; Complete says whether that is provably all.
	Tokens, Pages, Duplicates int
	Complete                  bool
	// Findings are ordered worst severity first, then oldest last use, then by id. They are empty if
	// the listing is not complete.
	Findings []Finding
	// Notes are sentences about the run as a whole that a reader should know.
	Notes []string
	// Digest is the plan's digest: the same tokens with the same outcomes under the same policy
	// give the same. It is "" if the listing is not complete.
	Digest string
	// Err is why the run could not be completed, else nil.
	Err error
	// Code is the exit code that says how it went.
	Code ExitCode
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

// Actions is how many tokens the plan would quarantine or revoke now.
func (r *Report) Actions() int { return r.Count(WouldQuarantine) + r.Count(WouldRevoke) }

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
