package rules

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// The grammar of the file: one table of keys per map. What a key means is said at the field of the
// type that it fills.

var policyKeys = []key[Policy]{
	{"version", "version: 1", (*reader).version},
	{"org", "", func(r *reader, _, v *yaml.Node, p *Policy) { p.Org = r.org(v) }},
	{"mode", "", (*reader).mode},
	{"schedule", "", (*reader).schedule},
	{"limits", "", func(r *reader, k, v *yaml.Node, p *Policy) {
		p.Limits = &Limits{}
		readMap(r, k, v, "limits", limitKeys, p.Limits)
	}},
	{"protect", "", func(r *reader, k, v *yaml.Node, p *Policy) {
		readMap(r, k, v, "protect", protectKeys, &p.Protect)
	}},
	{"quarantine", "", func(r *reader, k, v *yaml.Node, p *Policy) {
		p.QuarantineZone = unreadZone // so that only one mistake is noted if the zone is bad
		readMap(r, k, v, "quarantine", quarantineKeys, p)
	}},
	{"exemptions", "", (*reader).exemptions},
	{"rules", "rules: with at least one rule", (*reader).rules},
	{"notify", "", func(r *reader, k, v *yaml.Node, p *Policy) {
		readMap(r, k, v, "notify", notifyKeys, &p.Notify)
	}},
}

// unreadZone stands for a quarantine zone that could not be read, in a policy that is refused anyway.
const unreadZone = "?"

var scheduleKeys = []key[Schedule]{
	{"cron", `cron: "0 9 * * 1-4"`, func(r *reader, _, v *yaml.Node, s *Schedule) {
		expression, ok := r.words(v, "cron")
		if !ok {
			return
		}
		times, err := parseCron(expression)
		if err != nil {
			r.wrong(v, "bad schedule %s: %s", quote(expression), okta.Printable(err.Error()))
			return
		}
		s.Cron, s.times = expression, times
	}},
	{"timezone", "", func(r *reader, _, v *yaml.Node, s *Schedule) {
		name, ok := r.text(v)
		if !ok {
			return
		}
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			r.wrong(v, "unknown time zone %s: write a name of the IANA list, such as Etc/UTC or Europe/Berlin", quote(name))
			return
		}
		s.Location = zone
	}},
}

var limitKeys = []key[Limits]{
	{"perRun", "perRun: 3, 0 means none", func(r *reader, _, v *yaml.Node, l *Limits) { l.PerRun = r.count(v, "perRun", maxCount) }},
	{"perDay", "perDay: 5, 0 means none", func(r *reader, _, v *yaml.Node, l *Limits) { l.PerDay = r.count(v, "perDay", maxCount) }},
	{"stopAbove", "stopAbove: {count: 10, percent: 20}", func(r *reader, k, v *yaml.Node, l *Limits) {
		readMap(r, k, v, "stopAbove", stopKeys, &l.StopAbove)
	}},
}

var stopKeys = []key[StopAbove]{
	{"count", "count: 10", func(r *reader, _, v *yaml.Node, s *StopAbove) { s.Count = r.count(v, "count", maxCount) }},
	{"percent", "percent: 20", func(r *reader, _, v *yaml.Node, s *StopAbove) { s.Percent = r.count(v, "percent", 100) }},
}

var protectKeys = []key[Protect]{
	{"actOnClients", "", func(r *reader, _, v *yaml.Node, p *Protect) {
		if v.Kind != yaml.SequenceNode {
			r.wrongKind(v, "actOnClients must be a list, and not %s: write [Okta API]", kindOf(v))
			return
		}
		p.globs, p.ActOnClients = nil, []string{}
		if len(v.Content) > 0 {
			p.globs, p.ActOnClients, _ = r.globs("actOnClients", v)
		}
	}},
	{"newerThan", "", func(r *reader, _, v *yaml.Node, p *Protect) {
		p.NewerThan, _ = r.span(v, "newerThan", true)
		p.newerThan = v.Value
	}},
}

var quarantineKeys = []key[Policy]{
	{"zone", "zone: with the id of a network zone that contains nobody", func(r *reader, _, v *yaml.Node, p *Policy) {
		if zone, ok := r.text(v); ok {
			if err := okta.CheckZoneID(zone); err != nil {
				r.wrong(v, "bad %v, such as nzo1a2b3c4d5e6f7g8h9", err)
			}
			p.QuarantineZone = zone
		}
	}},
}

var exemptionKeys = []key[Exemption]{
	{"match", `match: {name: {like: "dr-*"}}`, func(r *reader, k, v *yaml.Node, e *Exemption) { e.match, _ = r.condition(k, v, 1) }},
	{"reason", "reason: with the words that you would tell an auditor", func(r *reader, _, v *yaml.Node, e *Exemption) { e.Reason, _ = r.words(v, "reason") }},
	{"owner", "owner: with the address of who answers for it", func(r *reader, _, v *yaml.Node, e *Exemption) { e.Owner, _ = r.words(v, "owner") }},
	{"until", "until: 2027-01-31, its last day", func(r *reader, _, v *yaml.Node, e *Exemption) {
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
	{"id", "id: unused-token", (*reader).ruleID},
	{"description", "", func(r *reader, _, v *yaml.Node, rule *Rule) { rule.Description, _ = r.words(v, "description") }},
	{"severity", "", func(r *reader, _, v *yaml.Node, rule *Rule) {
		if word, ok := r.oneOf(v, "severity", severityNames); ok {
			rule.Severity, _ = ParseSeverity(word)
		}
	}},
	{"when", "when: {lastUsed: {olderThan: 21d}}", func(r *reader, k, v *yaml.Node, rule *Rule) {
		rule.when, _ = r.condition(k, v, 1)
		rule.source += written(v)
	}},
	{"then", "then: flag", func(r *reader, _, v *yaml.Node, rule *Rule) {
		rule.Steps = r.steps(v)
		rule.source += written(v)
	}},
	{"advice", "", func(r *reader, _, v *yaml.Node, rule *Rule) { rule.Advice, _ = r.words(v, "advice") }},
}

var notifyKeys = []key[Notify]{
	{"slack", "slack: {channel: C0SECURITY}", func(r *reader, k, v *yaml.Node, n *Notify) {
		n.Slack = &Slack{On: OnChanges, Heartbeat: 7 * day}
		readMap(r, k, v, "slack", slackKeys, n.Slack)
	}},
}

var slackKeys = []key[Slack]{
	{"channel", "channel: C0SECURITY", func(r *reader, _, v *yaml.Node, s *Slack) {
		s.Channel, _ = r.shaped(v, channelForm, "channel", "write the id of the channel, such as C0SECURITY, from the end of its details in Slack")
	}},
	{"on", "", func(r *reader, _, v *yaml.Node, s *Slack) {
		if word, ok := r.oneOf(v, "occasion", []string{string(Always), string(OnChanges), string(OnFindings)}); ok {
			s.On = Occasion(word)
		}
	}},
	{"heartbeat", "", func(r *reader, _, v *yaml.Node, s *Slack) { s.Heartbeat, _ = r.span(v, "heartbeat", false) }},
	{"mention", "", func(r *reader, _, v *yaml.Node, s *Slack) {
		items, _ := r.list(v, "mention", "[S0SECOPS1]")
		for _, item := range items {
			id, _ := r.shaped(item, mentionForm, "mention", "write the id of a user group (S…) or a user (U… or W…), not a name")
			s.Mention = append(s.Mention, id)
		}
	}},
	{"owners", "", func(r *reader, _, v *yaml.Node, s *Slack) { s.Owners, _ = r.yesNo(v) }},
}

var (
	idForm      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	channelForm = regexp.MustCompile(`^[CGD][A-Z0-9]+$`)
	mentionForm = regexp.MustCompile(`^[SUW][A-Z0-9]+$`)
)

// policy reads the whole file, and then what its parts require of each other.
func (r *reader) policy(n *yaml.Node, p *Policy) {
	p.Mode = DryRun
	p.Protect = Protect{ActOnClients: []string{"Okta API"}, globs: []glob{glob("Okta API")}, NewerThan: day, newerThan: "24h"}
	r.ids = map[string]int{}
	start := &yaml.Node{Line: 1, Column: 1}
	readMap(r, start, n, "the policy", policyKeys, p)
	if p.Mode == Enforce && p.Limits == nil {
		r.wrong(r.enforces, "mode: enforce needs limits: add perRun, perDay and stopAbove: {count, percent}, 0 means none")
	}
	if p.QuarantineZone == "" {
		for _, at := range r.quarantines {
			r.wrong(at, "a rule that quarantines needs a zone: add quarantine: {zone: …} with the id of a network zone that contains nobody")
		}
	}
}

func (r *reader) version(_, v *yaml.Node, _ *Policy) {
	if v.Kind != yaml.ScalarNode || v.Value != "1" || v.Tag != intTag {
		r.wrongKind(v, "unknown version %s: write version: 1, without quotes", quote(v.Value))
	}
}

func (r *reader) mode(_, v *yaml.Node, p *Policy) {
	if word, ok := r.oneOf(v, "mode", []string{string(DryRun), string(Enforce)}); ok {
		p.Mode, r.enforces = Mode(word), v
	}
}

// org reads the address of an org and returns it as okta.ParseOrgURL does.
func (r *reader) org(v *yaml.Node) string {
	s, ok := r.text(v)
	if !ok {
		return ""
	}
	u, err := okta.ParseOrgURL(s)
	if err != nil {
		r.wrong(v, "%v", err)
		return ""
	}
	return u.String()
}

func (r *reader) schedule(k, v *yaml.Node, p *Policy) {
	s := &Schedule{Location: time.UTC}
	readMap(r, k, v, "schedule", scheduleKeys, s)
	if s.times != nil {
		if err := checkTimes(s); err != nil {
			at := k
			for ck, cv := range r.entries(v) {
				if ck.Value == "cron" {
					at = cv
				}
			}
			r.wrong(at, "bad schedule %s: %v", quote(s.Cron), err)
		}
	}
	p.Schedule = s
}

func (r *reader) exemptions(_, v *yaml.Node, p *Policy) {
	items, _ := r.list(v, "exemptions", `- match: {name: {like: "dr-*"}} and so on`)
	for _, item := range items {
		e := &Exemption{file: r.file, Line: item.Line}
		readMap(r, item, item, "the exemption", exemptionKeys, e)
		p.Exemptions = append(p.Exemptions, e)
	}
}

func (r *reader) rules(k, v *yaml.Node, p *Policy) {
	items, ok := r.list(v, "rules", "- id: idle and so on")
	if ok && len(items) == 0 {
		r.wrong(k, "rules is empty: write at least one rule")
	}
	for _, item := range items {
		rule := &Rule{Severity: Medium}
		readMap(r, item, item, "the rule", ruleKeys, rule)
		p.Rules = append(p.Rules, rule)
	}
}

// written is what a node says, without its comments and its layout.
func written(n *yaml.Node) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%d %q(", n.Kind, n.Value)
	for _, c := range n.Content {
		b.WriteString(written(c))
	}
	b.WriteString(")")
	return b.String()
}

func (r *reader) ruleID(_, v *yaml.Node, rule *Rule) {
	id, ok := r.shaped(v, idForm, "id", "write at most 64 small letters, digits and hyphens, a letter first, such as unused-token")
	if !ok {
		return
	}
	if line := r.ids[id]; line > 0 {
		r.wrong(v, "duplicate rule id %q: line %d has it already, write another one", id, line)
		return
	}
	r.ids[id] = v.Line
	rule.ID = id
}

// steps reads what a rule does: flag, or a map from step to delay.
func (r *reader) steps(v *yaml.Node) []DelayedStep {
	steps := []DelayedStep{{Step: Flag}}
	switch {
	case v.Kind == yaml.ScalarNode:
		if word, ok := r.oneOf(v, "step", stepNames); ok && word != Flag.String() {
			r.wrong(v, "%s must say its delay: write then: {%s: 7d}, 0d for at once", word, word)
		}
		return steps
	case v.Kind != yaml.MappingNode:
		r.wrongKind(v, "then must be flag or a map from step to delay, and not %s: write {quarantine: 3d, revoke: 7d}", kindOf(v))
		return steps
	case len(v.Content) == 0:
		r.wrong(v, "then is empty: write then: flag")
		return steps
	}
	var delays [Revoke + 1]*time.Duration
	for k, d := range r.entries(v) {
		step := stepNamed(k.Value)
		if step == 0 {
			r.wrong(k, "unknown step %s%s", quote(k.Value), suggest(k.Value, stepNames))
			continue
		}
		if step == Quarantine {
			r.quarantines = append(r.quarantines, k)
		}
		if after, ok := r.delay(step, k, d); ok {
			delays[step] = &after
		}
	}
	for step := Quarantine; step <= Revoke; step++ {
		if delays[step] != nil {
			steps = append(steps, DelayedStep{step, *delays[step]})
		}
	}
	return steps
}

// delay reads the delay of one step.
func (r *reader) delay(step Step, k, v *yaml.Node) (time.Duration, bool) {
	const atOnce = "flagging can't wait, a token is reported in the run that first sees it: write flag: 0d"
	if v.Kind == yaml.ScalarNode && v.Tag == nullTag {
		if step == Flag {
			r.wrong(k, atOnce)
		} else {
			r.wrong(k, "%s must say its delay: write %s: 7d, 0d for at once", step, step)
		}
		return 0, false
	}
	after, ok := r.span(v, step.String(), true)
	if ok && step == Flag && after != 0 {
		r.wrong(v, atOnce)
		return 0, false
	}
	return after, ok
}

func stepNamed(word string) Step {
	for i, name := range stepNames {
		if word == name {
			return Flag + Step(i)
		}
	}
	return 0
}
