package rules

import (
	"gopkg.in/yaml.v3"

	"tokensweep/okta"
	"tokensweep/rules/schedule"
)

// The grammar of the file: one table of keys per map. Parser and schema come from them. What a key means is said
// in full at the field of the type that it fills.

var policyKeys = []key[Policy]{
	{"version", "version: 1", "the version of this language", versionOne, (*reader).version},
	{"org", "", "the only org that this policy may be used for, such as https://acme.okta.com; any if left out",
		orgAddress,
		func(r *reader, _, v *yaml.Node, p *Policy) { p.Org = r.org(v) }},
	{"mode", "", "dry-run (default): report only; enforce: also quarantine and revoke, if the command line has " +
		"--enforce",
		oneOf(modes...), (*reader).mode},
	{"schedule", "", "when a standing process runs; cron and Kubernetes bring a schedule of their own",
		object(scheduleKeys, "cron: 0 9 * * 1-4\ntimezone: Etc/UTC"), (*reader).schedule},
	{"limits", "", "bounds on quarantines and revocations, needed to enforce; 0 means none, never no limit",
		object(limitKeys, "perRun: 3\nperDay: 5\nstopAbove:\n  count: 10\n  percent: 20"),
		func(r *reader, k, v *yaml.Node, p *Policy) {
			p.Limits = &Limits{}
			readMap(r, k, v, "limits", limitKeys, p.Limits)
		}},
	{"protect", "", "tokens that may only be flagged",
		object(protectKeys, "actOnClients:\n  - Okta API\nnewerThan: 24h"),
		func(r *reader, k, v *yaml.Node, p *Policy) {
			readMap(r, k, v, "protect", protectKeys, &p.Protect)
		}},
	{"quarantine", "", "from where a quarantined token may be used; needed if a rule quarantines",
		object(quarantineKeys, "zone: nzo1a2b3c4d5e6f7g8h9"),
		func(r *reader, k, v *yaml.Node, p *Policy) {
			p.QuarantineZone = unreadZone // so that only one mistake is noted if the zone is bad
			readMap(r, k, v, "quarantine", quarantineKeys, p)
		}},
	{"exemptions", "", "tokens to spare, until a day",
		list(0, "an exemption", object(exemptionKeys, exemptionBlock)), (*reader).exemptions},
	{"rules", "rules: with at least one rule", "what is wrong with a token, and what happens then",
		list(1, "a rule", object(ruleKeys, ruleBlock)), (*reader).rules},
	{"notify", "", "who is told; without Slack, the report is all there is",
		object(notifyKeys, "slack:\n  channel: C0SECURITY\n  on: changes"),
		func(r *reader, k, v *yaml.Node, p *Policy) {
			readMap(r, k, v, "notify", notifyKeys, &p.Notify)
		}},
}

// unreadZone stands for a quarantine zone that could not be read, in a policy that is refused anyway.
const unreadZone = "?"

var scheduleKeys = []key[schedule.Schedule]{
	{"cron", `cron: "0 9 * * 1-4"`, "minute, hour, day, month, weekday; or @hourly, @daily, @weekly",
		inWords.suchAs("0 9 * * 1-4", "@daily"),
		func(r *reader, _, v *yaml.Node, s *schedule.Schedule) {
			expression, ok := r.text(v)
			if !ok {
				return
			}
			parsed, err := schedule.Parse(expression)
			if err != nil {
				r.wrong(v, "bad schedule %s: %s", quote(expression), okta.Printable(err.Error()))
				return
			}
			parsed.Location = s.Location
			*s = *parsed
		}},
	{"timezone", "", "a name of the IANA list, default Etc/UTC", inWords.suchAs("Etc/UTC", "Europe/Berlin"),
		func(r *reader, _, v *yaml.Node, s *schedule.Schedule) {
			name, ok := r.text(v)
			if !ok {
				return
			}
			zone, err := schedule.Zone(name)
			if err != nil {
				r.wrong(v, "unknown time zone %s: %v", quote(name), err)
				return
			}
			s.Location = zone
		}},
}

var limitKeys = []key[Limits]{
	{"perRun", "perRun: 3, 0 means none", "how many one run may do; the worst and oldest go first",
		number(maxCount).suchAs(3),
		func(r *reader, _, v *yaml.Node, l *Limits) { l.PerRun = r.count(v, "perRun", maxCount) }},
	{"perDay", "perDay: 5, 0 means none", "how many may be done in 24 hours, over all runs that share the state",
		number(maxCount).suchAs(5),
		func(r *reader, _, v *yaml.Node, l *Limits) { l.PerDay = r.count(v, "perDay", maxCount) }},
	{"stopAbove", "stopAbove: {count: 10, percent: 20}",
		"more than this due at once: act on nothing, report everything", object(stopKeys, "count: 10\npercent: 20"),
		func(r *reader, k, v *yaml.Node, l *Limits) { readMap(r, k, v, "stopAbove", stopKeys, &l.StopAbove) }},
}

var stopKeys = []key[StopAbove]{
	{"count", "count: 10", "a number of tokens", number(maxCount).suchAs(10),
		func(r *reader, _, v *yaml.Node, s *StopAbove) { s.Count = r.count(v, "count", maxCount) }},
	{"percent", "percent: 20", "a share of all tokens of the org", number(100).suchAs(20),
		func(r *reader, _, v *yaml.Node, s *StopAbove) { s.Percent = r.count(v, "percent", 100) }},
}

var protectKeys = []key[Protect]{
	{"actOnClients", "", "globs, default [Okta API]: tokens of all other clients are flag-only, Okta's own agents " +
		"above all", clientGlobs,
		func(r *reader, _, v *yaml.Node, p *Protect) {
			if v.Kind != yaml.SequenceNode {
				r.wrongKind(v, "actOnClients must be a list, and not %s: write [Okta API]", kindOf(v))
				return
			}
			p.globs, p.ActOnClients = nil, []string{}
			if len(v.Content) > 0 {
				p.globs, p.ActOnClients, _ = r.globs("actOnClients", v)
			}
		}},
	{"newerThan", "", "default 24h: younger tokens are flag-only; 0s protects none", delay.suchAs("24h"),
		func(r *reader, _, v *yaml.Node, p *Protect) {
			p.NewerThan, _ = r.span(v, "newerThan", true)
			p.newerThan = v.Value
		}},
}

var quarantineKeys = []key[Policy]{
	{"zone", "zone: with the id of a network zone that contains nobody",
		"the id (nzo…) of an active network zone that contains nobody, say 192.0.2.1/32", zoneID,
		func(r *reader, _, v *yaml.Node, p *Policy) {
			if zone, ok := r.text(v); ok {
				if err := okta.CheckZoneID(zone); err != nil {
					r.wrong(v, "bad %v, such as nzo1a2b3c4d5e6f7g8h9", err)
				}
				p.QuarantineZone = zone
			}
		}},
}

var exemptionKeys = []key[Exemption]{
	{"match", `match: {name: {like: "dr-*"}}`, "which tokens it spares: a condition, as in rules", anyCondition,
		func(r *reader, k, v *yaml.Node, e *Exemption) { e.match, _ = r.condition(k, v, 1) }},
	{"reason", "reason: with the words that you would tell an auditor",
		"why, in the words that you would tell an auditor",
		inWords.suchAs("disaster-recovery drill, used every quarter"),
		func(r *reader, _, v *yaml.Node, e *Exemption) { e.Reason, _ = r.words(v, "reason") }},
	{"owner", "owner: with the address of who answers for it", "the address of who answers for it",
		inWords.suchAs("sre@acme.example"),
		func(r *reader, _, v *yaml.Node, e *Exemption) { e.Owner, _ = r.words(v, "owner") }},
	{"until", "until: 2027-01-31, its last day", "its last day in UTC, or a time with its zone", someInstant,
		func(r *reader, _, v *yaml.Node, e *Exemption) {
			at, isDate, ok := r.instant(v, "until")
			if ok {
				e.Until, e.until = at, v.Value
				if isDate {
					e.Until = at.AddDate(0, 0, 1) // it holds through the end of its last day
				}
			}
		}},
}

var ruleKeys = []key[Rule]{
	{"id", "id: unused-token", "a short word by which reports and ledger refer to it",
		ruleWord, (*reader).ruleID},
	{"description", "", "what is wrong with a token that matches", inWords,
		func(r *reader, _, v *yaml.Node, rule *Rule) { rule.Description, _ = r.words(v, "description") }},
	{"severity", "", "low, medium (default), high, critical", oneOf(severities...),
		func(r *reader, _, v *yaml.Node, rule *Rule) {
			if word, ok := r.oneOf(v, "severity", severityNames); ok {
				rule.Severity, _ = ParseSeverity(word)
			}
		}},
	{"when", "when: {lastUsed: {olderThan: 21d}}", "the condition: fields, all, any, not; everything in it must hold",
		anyCondition, func(r *reader, k, v *yaml.Node, rule *Rule) {
			rule.when, _ = r.condition(k, v, 1)
			rule.source += written(v)
		}},
	{"then", "then: flag", "flag, or a map from step to delay; a delay counts from the first delivered notice",
		consequence, func(r *reader, _, v *yaml.Node, rule *Rule) {
			r.steps(v, rule)
			rule.source += written(v)
		}},
	{"advice", "", "what the owner of a token that matches should do", inWords,
		func(r *reader, _, v *yaml.Node, rule *Rule) { rule.Advice, _ = r.words(v, "advice") }},
}

var notifyKeys = []key[Notify]{
	{"slack", "slack: {channel: C0SECURITY}", "what goes to a Slack channel",
		object(slackKeys, "channel: C0SECURITY\non: changes"),
		func(r *reader, k, v *yaml.Node, n *Notify) {
			n.Slack = &Slack{On: OnChanges, Heartbeat: 7 * day}
			readMap(r, k, v, "slack", slackKeys, n.Slack)
		}},
}

var slackKeys = []key[Slack]{
	{"channel", "channel: C0SECURITY", "the id of the channel, not its name",
		channelID,
		func(r *reader, _, v *yaml.Node, s *Slack) {
			s.Channel, _ = r.shaped(v, channelForm, "channel", channelID.advice)
		}},
	{"on", "", "which runs are posted: always, changes (default), findings; failures are always posted",
		oneOf(occasionChoices...), func(r *reader, _, v *yaml.Node, s *Slack) {
			if word, ok := r.oneOf(v, "occasion", occasions); ok {
				s.On = Occasion(word)
			}
		}},
	{"heartbeat", "", "default 7d: at least one sign of life in this time", someDuration,
		func(r *reader, _, v *yaml.Node, s *Slack) { s.Heartbeat, _ = r.span(v, "heartbeat", false) }},
	{"mention", "", "ids of user groups or users to call when a person is needed",
		list(0, "an id", mentionID),
		func(r *reader, _, v *yaml.Node, s *Slack) {
			items, _ := r.list(v, "mention", "[S0SECOPS1]")
			for _, item := range items {
				id, _ := r.shaped(item, mentionForm, "mention", mentionID.advice)
				s.Mention = append(s.Mention, id)
			}
		}},
	{"owners", "", "default false: direct messages to owners about their own tokens", trueOrFalse,
		func(r *reader, _, v *yaml.Node, s *Slack) { s.Owners, _ = r.yesNo(v) }},
}

var occasions = []string{string(Always), string(OnChanges), string(OnFindings)}
