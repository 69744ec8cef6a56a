package rules

import (
	"fmt"
	"strings"
	"time"
)

// Survey is what a complete listing of an org tells of a policy.
type Survey struct {
	// Tokens is how many tokens there are.
	Tokens int
	// Rules is whom each rule reaches; a rule that is not in it concerns no token.
	Rules map[*Rule]Reach
	// Exemptions is whom each exemption reaches, also one that has ended. Of one that reads owners only the tokens are
	// counted that a rule concerns: other owners are not looked up.
	Exemptions map[*Exemption]Reach
	// Clients is how many tokens each client has, by its name, "" where there was none.
	Clients map[string]int
}

// Reach counts the tokens that a rule concerns, as a run reports them, or that an exemption may cover. A token is in
// one of the three counts.
type Reach struct {
	// Matched tokens match for certain. Unknown tokens could not be judged, or it could not be told whether something
	// may be done to them, as an exemption could not be judged.
	Matched, Unknown int
	// Exempt tokens match a rule and are covered by an exemption; 0 for an exemption.
	Exempt int
}

// Lint says what can't work in the policy or is dangerous, though it is allowed: rules that can never match, steps that
// never come, exemptions that hide too much or nothing, texts that no token is likely to have. It is certain of what it
// says, and does not find everything. now is when it is asked, seen what a listing told; nil if there was none. It
// returns nothing for a policy that it has no doubts of.
func (p *Policy) Lint(now time.Time, seen *Survey) Mistakes {
	l := &linter{Policy: p, prover: prover{now, maxAllSteps}, ever: prover{oldestTime, maxAllSteps}, seen: seen,
		can: make(map[*Rule]bool)}
	for _, rule := range p.Rules {
		l.rule(rule)
		l.steps(rule)
		l.values(&rule.when)
	}
	for _, e := range p.Exemptions {
		l.exemption(e)
		l.values(&e.match)
	}
	l.clientValues()
	l.limits()
	if p.Schedule != nil {
		for _, why := range p.Schedule.Doubts {
			l.warn(p.places["schedule.cron"], "schedule %s: %s", quote(p.Schedule.Cron), why)
		}
	}
	l.mistakes.sort()
	return l.mistakes
}

type linter struct {
	*Policy
	prover
	ever     prover // of what was possible earlier, too: a notice may be older than today
	seen     *Survey
	can      map[*Rule]bool // rules that can match
	mistakes Mistakes
}

func (l *linter) warn(at place, format string, args ...any) {
	l.mistakes = append(l.mistakes, Mistake{l.File, at.line, at.column, fmt.Sprintf(format, args...)})
}

// rule warns of a rule that can never match, or of parts of it that can't.
func (l *linter) rule(rule *Rule) {
	ok, why := l.possible(nil, goal{&rule.when, true})
	l.can[rule] = ok
	if !ok {
		l.warn(why.at, "rule %s can never match: %s", rule.ID, why.why)
		return
	}
	l.dead(&rule.when, "rule "+rule.ID)
}

// dead warns of alternatives that never come: of what can never be true in them or, within not, never false.
func (l *linter) dead(when *node, of string) {
	told := make(map[place]bool)
	goal{when, true}.alternatives(func(any goal) {
		for i := range any.node.parts {
			ok, why := l.possible(map[*node]int{any.node: i}, goal{when, true})
			if !ok && !told[why.at] {
				told[why.at] = true
				l.warn(why.at, "this part of %s can never be %t: %s", of, why.holds, why.why)
			}
		}
	})
}

// steps warns of steps that never come, or that come without the gentler one before them.
func (l *linter) steps(rule *Rule) {
	if !l.can[rule] || len(rule.Steps) == 1 || !l.clients(rule) {
		return
	}
	after := make(map[Step]time.Duration)
	for _, s := range rule.Steps {
		after[s.Step] = s.After
	}
	quarantine, quarantines := after[Quarantine]
	revoke, revokes := after[Revoke]
	switch {
	case !revokes:
	case revoke == 0:
		l.warn(rule.stepAt[Revoke], "rule %s ends tokens for good in the run that first sees them, with no gentler "+
			"step before: write quarantine: 0d and a later revoke", rule.ID)
	case quarantines && quarantine >= revoke:
		l.warn(rule.stepAt[Quarantine], "rule %s revokes before it would quarantine (%s, and %s): write a shorter "+
			"delay for quarantine, or leave it out", rule.ID, formatDuration(revoke), formatDuration(quarantine))
	case !quarantines && rule.stepAt[Flag] == place{}:
		l.warn(rule.stepAt[Revoke], "rule %s revokes with no quarantine before it, in which a mistake could be "+
			"noticed and undone: add quarantine with a shorter delay, or flag: 0d if the notice is warning enough",
			rule.ID)
	}
	for _, s := range rule.Steps[1:] {
		if l.neverDue(rule, s.After) {
			l.warn(rule.stepAt[s.Step], "%s: %s never comes: the tokens of rule %s are not used for so long that "+
				"Okta itself ends them before: write shorter delays, or a shorter time in when", s.Step,
				formatDuration(s.After), rule.ID)
		}
	}
}

// neverDue says that Okta ends every token that matches the rule before the delay is over: none was used lately
// enough when it got its notice, and a use after that makes the notice void, since no way to match leaves out all that
// a use changes.
func (l *linter) neverDue(rule *Rule, delay time.Duration) bool {
	match := goal{&rule.when, true}
	read := make(map[*field]bool)
	rule.when.reads(read)
	still, late := []goal{match}, asks(lastUsed, "newerThan", argument{limit: window - delay})
	for i := range fields {
		f := &fields[i]
		if n, moves := unmoved(f); moves && read[f] {
			still = append(still, goal{&n, true})
		}
		if f.name == lastUsed && read[f] { // where it is missing, it is not known when the token was used last
			late = node{join: joinAny, parts: []node{late, asks(f.name, "present", argument{})}}
		}
	}
	usable, _ := l.ever.possible(nil, still...)
	lasting, _ := l.ever.possible(nil, match, goal{&late, true})
	return !usable && !lasting
}

// unmoved is the condition under which a use of the token doesn't change a field; of most fields it never does.
func unmoved(f *field) (n node, moves bool) {
	missing := asks(f.name, "present", argument{})
	switch f.onUse {
	case movedByEach:
		return missing, true
	case endedByFirst:
		return node{join: joinAny, parts: []node{asks(f.name, "is", argument{}), missing}}, true
	}
	return node{}, false
}

// asks is a condition of one operator.
func asks(name, op string, arg argument) node {
	f := fieldNamed(name)
	return node{leaf: leaf{field: f, op: operatorFor(op, f.kind()), arg: arg}}
}

// clients warns of steps that protect.actOnClients keeps from being taken, and reports whether any can be.
func (l *linter) clients(rule *Rule) (acts bool) {
	step := rule.Steps[len(rule.Steps)-1].Step
	client := asks("clientName", "like", argument{words: l.Protect.ActOnClients, list: true})
	client.leaf.fits = func(v string) bool { return matchesAny(l.Protect.globs, v) }
	if ok, _ := l.possible(nil, goal{&rule.when, true}, goal{&client, true}); !ok || len(l.Protect.ActOnClients) == 0 {
		l.warn(rule.stepAt[step], "rule %s can only flag: protect.actOnClients (%s) leaves out every client that it "+
			"matches: name the client there, or write then: flag", rule.ID, unquotedList(l.Protect.ActOnClients))
		return false
	}
	goal{&rule.when, true}.leaves(func(c claim) {
		if c.field.name != "clientName" {
			return
		}
		var out []string
		for _, client := range c.allowed() {
			if !matchesAny(l.Protect.globs, client) {
				out = append(out, client)
			}
		}
		if len(out) > 0 {
			l.warn(c.at, "rule %s can only flag the tokens of %s: protect.actOnClients (%s) leaves them out", rule.ID,
				quotedList(out), unquotedList(l.Protect.ActOnClients))
		}
	})
	return true
}

// exemption warns of one that spares nothing, or a whole rule.
func (l *linter) exemption(e *Exemption) {
	at := place{e.Line, e.column}
	ok, why := l.possible(nil, goal{&e.match, true})
	switch {
	case e.Ended(l.now):
		still := ""
		if l.seen != nil {
			still = fmt.Sprintf(", and tokens that it matches are exempt no more (%d)", l.seen.Exemptions[e].Matched)
		}
		l.warn(at, "the exemption %s has ended%s: remove it, or renew it", e.label(), still)
		return
	case !ok:
		l.warn(why.at, "the exemption %s can never match: %s", e.label(), why.why)
		return
	case l.seen != nil:
		l.reach(at, e, l.seen.Exemptions[e])
	}
	l.dead(&e.match, "the exemption "+e.label())
	for _, rule := range l.Rules {
		if !l.can[rule] {
			continue
		}
		if spares, _ := l.possible(nil, goal{&rule.when, true}, goal{&e.match, false}); !spares {
			l.warn(at, "the exemption %s covers all of rule %s, which comes to nothing while it holds: make it "+
				"narrower, or remove the rule", e.label(), rule.ID)
		}
	}
}

// reach warns of an exemption that covers no token for certain.
func (l *linter) reach(at place, e *Exemption, seen Reach) {
	switch {
	case seen.Matched > 0:
	case seen.Unknown > 0:
		l.warn(at, "the exemption %s could not be judged for any of the tokens that it may cover (%d), to which "+
			"nothing is done before it can: "+
			"keep it, and see with tokensweep explain what is not known of them", e.label(), seen.Unknown)
	case !e.Reads(Owners):
		l.warn(at, "the exemption %s matches no token: remove it", e.label())
	}
}

// limits warns of bounds that the org never reaches.
func (l *linter) limits() {
	if l.Limits == nil || l.seen == nil {
		return
	}
	for _, bound := range []struct {
		name string
		of   int
	}{
		{"limits.perRun", l.Limits.PerRun}, {"limits.perDay", l.Limits.PerDay},
		{"stopAbove.count", l.Limits.StopAbove.Count},
	} {
		if bound.of > l.seen.Tokens {
			l.warn(l.places[bound.name],
				"%s is %d, and the org has %d tokens: it limits nothing, write what a bad day may cost",
				bound.name[strings.LastIndexByte(bound.name, '.')+1:], bound.of, l.seen.Tokens)
		}
	}
}
