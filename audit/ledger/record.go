package ledger

import (
	"encoding/json"
	"time"
)

// Kind says what a record is about. The zero value is no kind and is never written.
type Kind string

// The kinds of records.
const (
	// Begun is the beginning of a run: Mode, Policy and Org are set, and Name where the org told its id.
	Begun Kind = "begun"
	// Ended is the end of a run: ExitCode, Counts, Unread and Told are set.
	Ended Kind = "ended"
	// Listed is a complete listing: Count and Snapshot are set, and Believed if it is too small to be.
	Listed Kind = "listed"
	// Seen is the first sight of a finding, or of one that now applies and did not before, as it could not be judged or
	// was exempt, or whose rule has another severity: Token, Rule and Facts are set, and Result if it can't be
	// judged.
	Seen Kind = "seen"
	// Resolved is the end of a finding: Token, Rule and Reason are set.
	Resolved Kind = "resolved"
	// Noticed is a notice that was delivered: Token, Name, Owner, Rule, Facts, Ahead and Via are set.
	Noticed Kind = "notice"
	// Voided is the end of a notice's validity: Token, Rule and Reason are set.
	Voided Kind = "void"
	// Intent is a change that is about to be made: Token, Name, Step, Rules, Plan, Reason, Before and By
	// are set. It is open until an Outcome settles it.
	Intent Kind = "intent"
	// Outcome is what came of the intent Ref: Result, Settled, Reason and After are set.
	Outcome Kind = "outcome"
	// Planned is a plan that was shown: Plan, Actions, Count, Critical, Mode and Policy are set, and Ref if Actions are
	// not all.
	Planned Kind = "plan"
	// Planning is a part of a plan that is too long for one record, right before it: Plan and Actions are set.
	Planning Kind = "actions"
	// Halt is the emergency brake pulled: Reason and By are set.
	Halt Kind = "halt"
	// Resume is the emergency brake released: Reason and By are set.
	Resume Kind = "resume"
	// Exempted is an exemption that saved a token: Token, Rule and Reason are set.
	Exempted Kind = "exempt"
	// Lifted is a quarantine of ours that somebody else lifted: Token and Reason are set.
	Lifted Kind = "lifted"
	// Vanished is a token that is no longer listed: Token, Name and Reason are set.
	Vanished Kind = "vanished"
	// Announcing is an announcement that is about to be posted to a channel: Of, Via and Name are set.
	Announcing Kind = "announcing"
	// Outbox is a report that is about to be posted to a channel: Of, Via, Name, File and Snapshot are set.
	Outbox Kind = "outbox"
	// Posted is a part of an announcement or a report that a channel has accepted: Of, Part, Via and Name are set.
	Posted Kind = "posted"
	// Delivered is the end of a delivery: Of is set, and Reason if it was given up.
	Delivered Kind = "delivered"
	// ClockReset is a person's word that all records with a later time are of a clock that was ahead: Reason and By are
	// set.
	ClockReset Kind = "clock"
	// Recovered is a torn last line that was set aside: File and Count are set. Only Open writes it.
	Recovered Kind = "recovered"
	// InForce is a piece of a snapshot, with which a segment begins: Part and State are set. Only Open writes it. It
	// repeats what other records say, so Read gives none.
	InForce Kind = "snapshot"
)

// Kinds are all kinds of records.
var Kinds = []Kind{Begun, Ended, Listed, Seen, Resolved, Noticed, Voided, Intent, Outcome, Planned, Halt, Resume,
	Exempted, Lifted, Vanished, Announcing, Outbox, Posted, Delivered, ClockReset, Recovered, InForce, Planning}

// The steps of an intent.
const (
	StepQuarantine    = "quarantine"
	StepRevoke        = "revoke"
	StepRestore       = "restore"
	StepRevokeCurrent = "revoke-current"
)

// The results of an outcome that State acts upon, and the two that say that nothing is certain or changed.
const (
	ResultRevoked     = "revoked"
	ResultQuarantined = "quarantined"
	ResultRestored    = "restored"
	ResultGone        = "gone"
	ResultFailed      = "failed"
	ResultUnknown     = "unknown"
)

// ModeDryRun is the mode of a run that changes nothing, in Begun and Planned.
const ModeDryRun = "dry-run"

// Who wants a change.
const (
	ByRun  = "run"
	ByHand = "hand"
)

// Record is one line of the ledger. Its zero value is no record: Kind is required. A field that is not
// named for the record's kind is usually not set; the comment of each field says where it is.
type Record struct {
	// Seq is the number of the record, from 1. Append fills it.
	Seq uint64 `json:"seq"`
	// Time is when the record was written by the clock given to Open, in UTC and whole milliseconds.
	// Append fills it. A clock that was set back makes it smaller than that of the record before:
	// the order of records is that of Seq.
	Time time.Time `json:"time"`
	// Doubted says that Time may be wrong: the org's clock disagreed with ours, or was not seen. It may be set in all
	// kinds, but for those by whose time later times are judged. Halt, Resume and Recovered don't need it: nothing is
	// judged by their time.
	Doubted bool `json:"doubted,omitempty"`
	// Kind says what the record is about.
	Kind Kind `json:"kind"`
	// Run is the id of the run that wrote the record; it may be set in all kinds.
	Run string `json:"run,omitempty"`
	// Org is the URL of the org, in Begun. All runs of a ledger are of the same org, which is known by that, or by
	// its id.
	Org string `json:"org,omitempty"`
	// Mode is the run's mode, in Begun and Planned.
	Mode string `json:"mode,omitempty"`
	// Policy is the digest of the policy file, in Begun and Planned.
	Policy string `json:"policy,omitempty"`
	// Token is the id of the token, in Seen, Resolved, Noticed, Voided, Intent, Exempted, Lifted and
	// Vanished, and in Outcome, where Append takes it from the intent if it is empty.
	Token string `json:"token,omitempty"`
	// Name is the name of the token, in Noticed, Intent, Outcome and Vanished. It is a stranger's text; in
	// Announcing and Outbox, what the channel calls the place that Via is, and in Posted what it calls the part: the id
	// of a channel of Slack, and the ts of a message. In Begun it is the id of the org, which versions before did not
	// write, and pass over.
	Name string `json:"name,omitempty"`
	// Rule is the id of the rule, in Seen, Resolved, Noticed, Voided and Exempted.
	Rule string `json:"rule,omitempty"`
	// Step is what is to be done, in Intent and Outcome: one of the Step constants.
	Step string `json:"step,omitempty"`
	// Rules are the ids of the rules that ask for the step, in Intent.
	Rules []string `json:"rules,omitempty"`
	// Plan is the digest of the plan, in Planned, Planning and Intent.
	Plan string `json:"plan,omitempty"`
	// Facts is a digest of the values that the rule reads, in Noticed: the notice holds for these only. In Seen it is
	// the severity of the rule, which versions before did not write, and pass over.
	Facts string `json:"facts,omitempty"`
	// Ahead are the steps that the notice announces, in Noticed.
	Ahead []Delay `json:"ahead,omitempty"`
	// Owner is the id of the token's owner, in Noticed.
	Owner string `json:"owner,omitempty"`
	// Told is the number of the last record that ended a notice and that the run's report has told, in Ended.
	Told uint64 `json:"told,omitempty"`
	// Via is how the notice was delivered, in Noticed, where the report goes, in Announcing and Outbox, and
	// where the part is, in Posted.
	Via string `json:"via,omitempty"`
	// Of is the id of the run whose report it is, in Announcing, Outbox, Posted and Delivered: a later run may
	// deliver what an earlier one could not.
	Of string `json:"of,omitempty"`
	// Channel is the channel of which Announcing, Outbox, Posted and Delivered are, "" for Slack. Versions
	// that know Slack alone refuse a ledger in which another is named: they would post its reports to Slack.
	Channel string `json:"channel,omitempty"`
	// Part names the part of a report, in Posted, and of the State, in InForce.
	Part string `json:"part,omitempty"`
	// Ref is the Seq of the intent, in Outcome; in Planned, how many records right before it have the first of its
	// actions.
	Ref uint64 `json:"ref,omitempty"`
	// Result is what came of the intent, in Outcome: one of the Result constants or another word; ResultUnknown in
	// Seen.
	Result string `json:"result,omitempty"`
	// Settled says that the result is certain, in Outcome. While it is false the intent stays open.
	Settled bool `json:"settled,omitempty"`
	// Reason is why, in words for a reader, in Resolved, Voided, Intent, Outcome, Halt, Resume, Exempted,
	// Lifted, Vanished, Delivered and ClockReset.
	Reason string `json:"reason,omitempty"`
	// By is who wants it: ByRun or ByHand in Intent, a person's name or "" in Halt, Resume and ClockReset.
	By string `json:"by,omitempty"`
	// Before is the token's condition before the change, in Intent.
	Before *Condition `json:"before,omitempty"`
	// After is the token's condition after the change, in Outcome.
	After *Condition `json:"after,omitempty"`
	// Actions are what a plan would do, in Planned and Planning.
	Actions []Action `json:"actions,omitempty"`
	// Count is the number of tokens in Listed, of decisions in Planned, of bytes in Recovered.
	Count int `json:"count,omitempty"`
	// Critical is how many of the decisions are about critical findings, in Planned.
	Critical int `json:"critical,omitempty"`
	// Counts are the numbers of findings by outcome, in Ended. Names with a SumMark are of what is summed over passes.
	Counts map[string]int `json:"counts,omitempty"`
	// ExitCode is the exit code of the run, in Ended.
	ExitCode int `json:"exitCode,omitempty"`
	// Unread says that the report reached nobody, in Ended: what the run did is told by the next.
	Unread bool `json:"unread,omitempty"`
	// Snapshot is the digest that InventoryDraft.Store returned, in Listed, or WriteParcel, in Outbox.
	Snapshot string `json:"snapshot,omitempty"`
	// Believed is the Snapshot of the last listing that was not too small, in Listed of one that is.
	Believed string `json:"believed,omitempty"`
	// Unknown are the fields of a record that a newer version wrote and this one doesn't know, as JSON without the
	// braces; "" for none. The record may be read without them. Append doesn't write them.
	Unknown string `json:"-"`
	// File is the name of the file in the state directory that holds the torn line, in Recovered, or the
	// report, in Outbox.
	File string `json:"file,omitempty"`
	// State is a piece of what is in force, as JSON, in InForce.
	State json.RawMessage `json:"state,omitempty"`
}

// Condition is what a quarantine changes of a token. The zero value is an unknown condition.
type Condition struct {
	// Connection is the network condition: ANYWHERE, ZONE or another word of Okta's; "" if unknown.
	Connection string `json:"connection,omitempty"`
	// Include and Exclude are the ids of network zones; nil and empty are the same.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// LastUpdated is the token's time of last change; zero if unknown.
	LastUpdated time.Time `json:"lastUpdated,omitzero"`
}

// inUTC is a copy of c with its time in UTC.
func (c *Condition) inUTC() *Condition {
	if c == nil {
		return nil
	}
	copied := *c
	copied.LastUpdated = c.LastUpdated.UTC()
	return &copied
}

// Action is one step of a plan.
type Action struct {
	// Token is the id of the token.
	Token string `json:"token"`
	// Step is one of the Step constants.
	Step string `json:"step"`
	// Rules are the ids of the rules that ask for the step.
	Rules []string `json:"rules,omitempty"`
	// Facts is a digest of what the decision was based on: the token's identity and the values that the
	// rules read.
	Facts string `json:"facts,omitempty"`
}
