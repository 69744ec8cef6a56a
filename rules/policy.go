package rules

import (
	"fmt"
	"time"

	"tokensweep/okta"
	"tokensweep/rules/schedule"
)

// Policy is one policy file, checked and compiled. It does not change after Parse, so that many
// goroutines may use it at once. A Policy comes from Load or Parse only.
type Policy struct {
	// File is the name of the file as it was given.
	File string
	// Digest is "sha256:" and the hex digest of the file's bytes.
	Digest string
	// Org is the only org that the policy may be used for, as scheme://host[:port] in lower case; ""
	// where any will do.
	Org string
	// Mode says whether the policy allows to act at all.
	Mode Mode
	// Schedule is when a standing process runs; nil where the policy has none.
	Schedule *schedule.Schedule
	// Limits bound what is done; never nil in a policy that enforces.
	Limits *Limits
	// Protect names the tokens that may only be flagged.
	Protect Protect
	// QuarantineZone is the id of a network zone that contains nobody; never "" where a rule quarantines.
	QuarantineZone string
	// Exemptions and Rules are in the order of the file. There is at least one rule.
	Exemptions []*Exemption
	Rules      []*Rule
	// Notify says who is told.
	Notify Notify

	places map[string]place // of limits
}

// Mode is what a policy allows a run to do.
type Mode string

const (
	// DryRun allows to report only. It is the default.
	DryRun Mode = "dry-run"
	// Enforce allows to quarantine and revoke, if the command line agrees.
	Enforce Mode = "enforce"
)

// Severity is how bad a rule thinks that a match is. Greater is worse; the zero value is no severity.
type Severity int

// The severities. Medium is the default of a rule.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

var severityNames = []string{"low", "medium", "high", "critical"}

// String is the word of the policy, or "none" for the zero value.
func (s Severity) String() string {
	if s < Low || s > Critical {
		return "none"
	}
	return severityNames[s-Low]
}

// ParseSeverity reads low, medium, high or critical. The error names these.
func ParseSeverity(word string) (Severity, error) {
	for i, name := range severityNames {
		if word == name {
			return Low + Severity(i), nil
		}
	}
	return 0, fmt.Errorf("unknown severity %s%s", quote(word), suggest(word, severityNames))
}

// Step is what happens to a token. Greater is stronger; the zero value is nothing.
type Step int

// The steps.
const (
	// Flag reports the token and changes nothing.
	Flag Step = iota + 1
	// Quarantine restricts the token to the policy's QuarantineZone, which can be undone.
	Quarantine
	// Revoke deletes the token, which can't be undone.
	Revoke
)

var stepNames = []string{"flag", "quarantine", "revoke"}

// String is the word of the policy, or "none" for the zero value.
func (s Step) String() string {
	if s < Flag || s > Revoke {
		return "none"
	}
	return stepNames[s-Flag]
}

// DelayedStep is a step of a rule and its delay.
type DelayedStep struct {
	Step Step
	// After is how long after the first delivered notice the step is due; 0 is in the run that first
	// sees the token, once its report was delivered. For Flag it is always 0.
	After time.Duration
}

// Limits bound how many quarantines and revocations happen. 0 means none at all, never "no limit".
type Limits struct {
	// PerRun is how many one run may do.
	PerRun int
	// PerDay is how many may be done in 24 hours.
	PerDay int
	// StopAbove is how many may be due at once before none is done.
	StopAbove StopAbove
}

// StopAbove is a number of tokens due at once that can only be a mistake.
type StopAbove struct {
	// Count is a number of tokens.
	Count int
	// Percent is a share of all listed tokens, 0 to 100.
	Percent int
}

// Protect names the tokens that may be flagged but neither quarantined nor revoked.
type Protect struct {
	// ActOnClients are globs for the names of the only clients whose tokens may be acted on. An empty
	// list lets none be acted on.
	ActOnClients []string
	// NewerThan is the age that a token must have reached before it may be acted on.
	NewerThan time.Duration

	globs     []glob // ActOnClients, compiled
	newerThan string // NewerThan as written
}

// Rule is one rule of a policy.
type Rule struct {
	// ID is the rule's own short word, by which reports and ledger refer to it.
	ID string
	// Description and Advice are for people; either may be "".
	Description, Advice string
	// Severity is never zero.
	Severity Severity
	// Steps are what happens to a token that matches, the weakest first. The first is always Flag.
	Steps []DelayedStep

	when   node
	source string // of when and then, as written

	at     place             // of the rule in the file
	stepAt [Revoke + 1]place // of the steps that are written there; zero for the others
}

// Exemption spares the tokens that it matches, until it ends.
type Exemption struct {
	// Reason and Owner are for people and never empty.
	Reason, Owner string
	// Until is the first instant at which it no longer holds.
	Until time.Time
	// Line is where it starts in the file.
	Line int

	file   string
	column int
	until  string // as written
	match  node
}

// Ended reports whether the exemption no longer holds.
func (e *Exemption) Ended(now time.Time) bool { return !now.Before(e.Until) }

// String names the exemption for people, safe to print:
// exemption at policy.yaml:27 ("dr drill", sre@acme.example, until 2027-01-31).
func (e *Exemption) String() string {
	return fmt.Sprintf("exemption at %s:%d %s", okta.Printable(e.file), e.Line, e.label())
}

// label is what String says behind the place.
func (e *Exemption) label() string {
	return fmt.Sprintf("(%s, %s, until %s)", quote(e.Reason), unquoted(e.Owner), e.until)
}

// Notify says who is told what a run found.
type Notify struct {
	// Slack is nil where nobody is told there.
	Slack *Slack
}

// Slack says what goes to a Slack channel.
type Slack struct {
	// Channel is the id of the channel.
	Channel string
	// On is which runs are posted. Failures are posted always.
	On Occasion
	// Heartbeat is the longest time without a post.
	Heartbeat time.Duration
	// Mention are the ids of users and user groups to call when a person is needed; it may be empty.
	Mention []string
	// Owners says whether owners get messages about their own tokens.
	Owners bool
}

// Occasion is which runs are posted.
type Occasion string

const (
	// Always posts every run.
	Always Occasion = "always"
	// OnChanges posts a run whose findings differ from those of the last. It is the default.
	OnChanges Occasion = "changes"
	// OnFindings posts a run that found anything.
	OnFindings Occasion = "findings"
)
