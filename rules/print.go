package rules

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// YAML writes the policy as it is understood: every default is filled in, comments and layout are gone. Reading it
// again gives a policy that says the same, though not one of the same digest.
func (p *Policy) YAML() []byte {
	m := mapping()
	m.add("version", integer(1))
	m.addText("org", p.Org)
	m.add("mode", word(string(p.Mode)))
	if s := p.Schedule; s != nil {
		m.add("schedule", mapping().addText("cron", s.Cron).addText("timezone", s.Location.String()))
	}
	if l := p.Limits; l != nil {
		m.add("limits", mapping().add("perRun", integer(l.PerRun)).add("perDay", integer(l.PerDay)).
			add("stopAbove", mapping().add("count", integer(l.StopAbove.Count)).add("percent",
				integer(l.StopAbove.Percent))))
	}
	m.add("protect", mapping().add("actOnClients", wordsOf(p.Protect.ActOnClients)).add("newerThan",
		word(p.Protect.newerThan)))
	if p.QuarantineZone != "" {
		m.add("quarantine", mapping().addText("zone", p.QuarantineZone))
	}
	exemptions, rules := sequence(), sequence()
	for _, e := range p.Exemptions {
		exemptions.Content = append(exemptions.Content, e.printed().Node)
	}
	if len(p.Exemptions) > 0 {
		m.add("exemptions", printed{exemptions})
	}
	for _, r := range p.Rules {
		rules.Content = append(rules.Content, r.printed().Node)
	}
	m.add("rules", printed{rules})
	if s := p.Notify.Slack; s != nil {
		m.add("notify", mapping().add("slack", s.printed()))
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(m.Node) // maps, lists and texts: nothing that can't be written
	_ = e.Close()
	return b.Bytes()
}

// NextRuns are the next five runs of the schedule after now, in its zone and in UTC: as comments of the policy, a line
// each, "" if it has no schedule.
func (p *Policy) NextRuns(now time.Time) string {
	if p.Schedule == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The next runs of the schedule, in %s and in UTC:\n", p.Schedule.Location)
	for _, at := range p.Schedule.Upcoming(now, 5) {
		fmt.Fprintf(&b, "#   %s   %s\n", at.In(p.Schedule.Location).Format("Mon "+time.RFC3339), formatTime(at))
	}
	return b.String()
}

func (e *Exemption) printed() printed {
	return mapping().add("match", printed{e.match.printed()}).addText("reason", e.Reason).addText("owner", e.Owner).add(
		"until", word(e.until))
}

func (r *Rule) printed() printed {
	m := mapping().addText("id", r.ID).addText("description", r.Description).add("severity", word(r.Severity.String())).
		add("when", printed{r.when.printed()})
	if len(r.Steps) == 1 {
		m.add("then", word(Flag.String()))
	} else {
		then := mapping()
		for _, s := range r.Steps {
			if s.Step > Flag || r.stepAt[Flag] != (place{}) {
				then.add(s.Step.String(), word(formatDelay(s)))
			}
		}
		m.add("then", then)
	}
	return m.addText("advice", r.Advice)
}

// formatDelay is the delay of a step; nothing is written in days, as people do.
func formatDelay(s DelayedStep) string {
	if s.After == 0 {
		return "0d"
	}
	return formatDuration(s.After)
}

func (s *Slack) printed() printed {
	m := mapping().addText("channel", s.Channel).add("on", word(string(s.On))).add("heartbeat",
		word(formatDuration(s.Heartbeat)))
	if len(s.Mention) > 0 {
		m.add("mention", wordsOf(s.Mention))
	}
	return m.add("owners", word(strconv.FormatBool(s.Owners)))
}

// printed is the condition in the shape in which it was written.
func (n *node) printed() *yaml.Node {
	m := mapping()
	if n.join == joinAll && !n.listed && !n.oneField() {
		for i := range n.parts {
			m.Content = append(m.Content, n.parts[i].printed().Content...)
		}
		return m.Node
	}
	switch n.join {
	case joinLeaf:
		m.add(n.leaf.field.name, mapping().add(n.leaf.op.name, n.leaf.arg.printed(n.leaf.op)))
	case joinNot:
		m.add("not", printed{n.parts[0].printed()})
	case joinAll, joinAny:
		if !n.listed { // several operators on one field
			ops := mapping()
			for i := range n.parts {
				l := &n.parts[i].leaf
				ops.add(l.op.name, l.arg.printed(l.op))
			}
			m.add(n.parts[0].leaf.field.name, ops)
			break
		}
		list := sequence()
		for i := range n.parts {
			list.Content = append(list.Content, n.parts[i].printed())
		}
		m.add(map[join]string{joinAll: "all", joinAny: "any"}[n.join], printed{list})
	}
	return m.Node
}

// oneField says that a conjunction is of several operators on one field. In a map each key comes once, so that leaves
// of one field can't come from one.
func (n *node) oneField() bool {
	for i := range n.parts {
		if n.parts[i].join != joinLeaf || n.parts[i].leaf.field != n.parts[0].leaf.field {
			return false
		}
	}
	return true
}

func (a *argument) printed(o *operator) printed {
	switch {
	case o.argument == trueOrFalse:
		return word(strconv.FormatBool(a.yes))
	case a.list:
		return wordsOf(a.words)
	case o.kind == textKind || o.kind == listKind:
		return text(a.words[0])
	}
	return word(a.words[0]) // durations and times
}

// printed is a YAML node that is being made.
type printed struct{ *yaml.Node }

func mapping() printed { return printed{&yaml.Node{Kind: yaml.MappingNode}} }

func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode} }

func (m printed) add(key string, value printed) printed {
	m.Content = append(m.Content, word(key).Node, value.Node)
	return m
}

// addText adds a text, if there is one.
func (m printed) addText(key, s string) printed {
	if s == "" {
		return m
	}
	return m.add(key, text(s))
}

// word is a scalar that is written as it is.
func word(s string) printed { return printed{&yaml.Node{Kind: yaml.ScalarNode, Value: s}} }

func integer(n int) printed { return word(strconv.Itoa(n)) }

// plainText is text that needs no quotes, unless YAML takes it for something else.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ._/@-]*[A-Za-z0-9]$`)

// text is a scalar that is read as text, whatever it looks like.
func text(s string) printed {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: textTag, Value: s}
	if !plainText.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return printed{n}
}

func wordsOf(all []string) printed {
	list := sequence()
	list.Style = yaml.FlowStyle
	for _, s := range all {
		list.Content = append(list.Content, text(s).Node)
	}
	return printed{list}
}
