package rules

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
	"tokensweep/rules/schedule"
)

// policy reads the whole file, and then what its parts require of each other.
func (r *reader) policy(n *yaml.Node, p *Policy) {
	p.Mode = DryRun
	p.Protect = Protect{ActOnClients: []string{"Okta API"}, globs: []glob{glob("Okta API")}, NewerThan: day,
		newerThan: "24h"}
	r.ids = map[string]int{}
	start := &yaml.Node{Line: 1, Column: 1}
	readMap(r, start, n, "the policy", policyKeys, p)
	if p.Mode == Enforce && p.Limits == nil {
		r.wrong(r.enforces, needLimits)
	}
	if p.QuarantineZone == "" {
		for _, at := range r.quarantines {
			r.wrong(at, needZone)
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
	s := &schedule.Schedule{Location: time.UTC}
	readMap(r, k, v, "schedule", scheduleKeys, s)
	if s.Cron != "" {
		if err := s.Check(); err != nil {
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
		e := &Exemption{file: r.file, Line: item.Line, column: item.Column}
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
		rule := &Rule{Severity: Medium, at: placeOf(item)}
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
	id, ok := r.shaped(v, idForm, "id", ruleWord.advice)
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
func (r *reader) steps(v *yaml.Node, rule *Rule) {
	rule.Steps = []DelayedStep{{Step: Flag}}
	switch {
	case v.Kind == yaml.ScalarNode:
		if word, ok := r.oneOf(v, "step", stepNames); ok && word != Flag.String() {
			r.wrong(v, "%s must say its delay: write then: {%s: 7d}, 0d for at once", word, word)
		}
		return
	case v.Kind != yaml.MappingNode:
		r.wrongKind(v, "then must be flag or a map from step to delay, and not %s: write {quarantine: 3d, revoke: 7d}",
			kindOf(v))
		return
	case len(v.Content) == 0:
		r.wrong(v, "then is empty: write then: flag")
		return
	}
	var delays [Revoke + 1]*time.Duration
	for k, d := range r.entries(v) {
		step := stepNamed(k.Value)
		if step == 0 {
			r.wrong(k, "unknown step %s%s", quote(k.Value), suggest(k.Value, stepNames))
			continue
		}
		rule.stepAt[step] = placeOf(k)
		if step == Quarantine {
			r.quarantines = append(r.quarantines, k)
		}
		if after, ok := r.delay(step, k, d); ok {
			delays[step] = &after
		}
	}
	for step := Quarantine; step <= Revoke; step++ {
		if delays[step] != nil {
			rule.Steps = append(rule.Steps, DelayedStep{step, *delays[step]})
		}
	}
}

// delay reads the delay of one step.
func (r *reader) delay(step Step, k, v *yaml.Node) (time.Duration, bool) {
	if v.Kind == yaml.ScalarNode && v.Tag == nullTag {
		if step == Flag {
			r.wrong(k, flagAtOnce)
		} else {
			r.wrong(k, "%s must say its delay: write %s: 7d, 0d for at once", step, step)
		}
		return 0, false
	}
	after, ok := r.span(v, step.String(), true)
	if ok && step == Flag && after != 0 {
		r.wrong(v, flagAtOnce)
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
