package rules

import "regexp"

// The forms of keys that take a few words, or ids, and what each word means.

var modes = []choice{
	{string(DryRun), "report only; the default"},
	{string(Enforce), "also quarantine and revoke, if the command line has --enforce"},
}

var severities = []choice{
	{Low.String(), "worth knowing"},
	{Medium.String(), "to be mended in time; the default"},
	{High.String(), "to be mended soon"},
	{Critical.String(), "to be mended now"},
}

var occasionChoices = []choice{
	{string(Always), "every run is posted"},
	{string(OnChanges), "runs whose findings differ from those of the last; the default"},
	{string(OnFindings), "runs that found anything"},
}

var (
	idForm      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	channelForm = regexp.MustCompile(`^[CGD][A-Z0-9]+$`)
	mentionForm = regexp.MustCompile(`^[SUW][A-Z0-9]+$`)
)

var (
	ruleWord = &form{words: "a short word", examples: []any{"unused-token"},
		advice: "write at most 64 small letters, digits and hyphens, a letter first, such as unused-token",
		schema: schema{"type": "string", "pattern": idForm.String()}}
	channelID = &form{words: "the id of a channel", examples: []any{"C0SECURITY"},
		advice: "write the id of the channel, such as C0SECURITY, from the end of its details in Slack",
		schema: schema{"type": "string", "pattern": channelForm.String()}}
	mentionID = &form{words: "the id of a user group or a user", examples: []any{"S0SECOPS1"},
		advice: "write the id of a user group (S…) or a user (U… or W…), not a name",
		schema: schema{"type": "string", "pattern": mentionForm.String()}}
)

// What two parts of a policy require of each other.
const (
	needLimits = "mode: enforce needs limits: add perRun, perDay and stopAbove: {count, percent}, 0 means none"
	needZone   = "a rule that quarantines needs a zone: add quarantine: {zone: …} with the id of a network zone " +
		"that contains nobody"
	flagAtOnce = "flagging can't wait, a token is reported in the run that first sees it: write flag: 0d"
)

// thenAdvice is what an editor says of a consequence that is neither flag nor a map.
const thenAdvice = "write flag, or a map from step to delay, such as {quarantine: 3d, revoke: 7d}"

// consequence is the form of then. Of two ways that are both wrong an editor speaks of the first.
var consequence = &form{words: "flag, or a map of steps", schema: schema{
	"anyOf": []schema{
		{
			"title": "then (a map of steps)", "allOf": []schema{{"type": "object", "errorMessage": thenAdvice}},
			"additionalProperties": false, "minProperties": 1,
			"properties": members{
				{Flag.String(), described(Flag.String(), "implied, and can't wait: 0d", noDelay)},
				{Quarantine.String(), described(Quarantine.String(),
					"restrict it to quarantine.zone after this time, which can be undone", delay)},
				{Revoke.String(), described(Revoke.String(), "end it for good after this time", delay)},
			},
		},
		{"const": Flag.String(), "description": "report it, and change nothing", "errorMessage": thenAdvice},
	},
	"defaultSnippets": []schema{
		snippet("quarantine: 3d", "restrict it three days after the first notice"),
		snippet("quarantine: 3d\nrevoke: 7d", "restrict it, and four days later end it for good"),
		snippet("flag: 0d\nrevoke: 7d", "end it for good seven days after the first notice, which is warning enough"),
	},
}}

// Examples, as an editor writes them.
const (
	conditionBlock = "lastUsed:\n  olderThan: 21d"
	ruleBlock      = "id: unused-token\nwhen:\n  lastUsed:\n    olderThan: 21d\nthen: flag"
	exemptionBlock = "match:\n  name:\n    like: dr-*\nreason: disaster-recovery drill, used every quarter\n" +
		"owner: sre@acme.example\nuntil: 2027-01-31"
)
