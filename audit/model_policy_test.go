package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// A modelPolicy is a policy twice: as the YAML that the program reads, and as values from which the model judges
// tokens by itself. The two share no code.
type modelPolicy struct {
	says                                   string
	dry                                    bool
	perRun, perDay, stopCount, stopPercent int
	onlyOthers                             bool   // protect.actOnClients names another client
	exempt                                 string // names that begin so
	rules                                  []modelRule
	parsed, reversed                       *rules.Policy // as it is, and with its rules in the other order
	exempting, limiting                    *rules.Policy // with an exemption more, and with a lower perRun
}

// never is the delay of a step that a rule does not take.
const never time.Duration = -1

// modelRule matches tokens whose name begins with one of prefixes or, if there are none, that are idle for longer
// than idle; with anywhere also only those that can be used from anywhere.
type modelRule struct {
	id                 string
	prefixes           []string
	idle               time.Duration
	anywhere           bool
	common             bool // and only if the owner is no super administrator
	quarantine, revoke time.Duration
}

// The rules of most policies. Each reads something else of a token: its name, its last use, its network.
var (
	deadRule  = modelRule{id: "dead", prefixes: []string{"dead-", "spare-"}, quarantine: never, revoke: 0}
	quietRule = modelRule{id: "quiet", prefixes: []string{"quiet-"}, quarantine: 0, revoke: never}
	laterRule = modelRule{id: "later", prefixes: []string{"later-"}, anywhere: true, quarantine: day, revoke: 3 * day}
	idleRule  = modelRule{id: "idle", idle: 14 * day, quarantine: 2 * day, revoke: 4 * day}
)

// modelPolicies are those that a history switches between; the first is in force when nothing is said.
var modelPolicies = func() []*modelPolicy {
	base := modelPolicy{perRun: 2, perDay: 3, stopCount: 4, stopPercent: 100, exempt: "spare-",
		rules: []modelRule{deadRule, quietRule, laterRule, idleRule}}
	variant := func(says string, change func(*modelPolicy)) *modelPolicy {
		p := base
		p.rules, p.says = slices.Clone(base.rules), says
		change(&p)
		return &p
	}
	list := []*modelPolicy{
		variant("the first", func(*modelPolicy) {}),
		variant("one that exempts dead-", func(p *modelPolicy) { p.exempt = "dead-" }),
		variant("one that exempts later-", func(p *modelPolicy) { p.exempt = "later-" }),
		variant("one with shorter delays", func(p *modelPolicy) {
			p.rules[2].quarantine, p.rules[2].revoke, p.rules[3].quarantine, p.rules[3].revoke = never, day, day, 2*day
		}),
		variant("one that only flags what is idle or later-", func(p *modelPolicy) {
			p.rules[2].quarantine, p.rules[2].revoke, p.rules[3].quarantine, p.rules[3].revoke = never, never, never,
				never
		}),
		variant("one with perRun 0", func(p *modelPolicy) { p.perRun = 0 }),
		variant("one with perDay 0", func(p *modelPolicy) { p.perDay = 0 }),
		variant("one with perRun 1 and perDay 1", func(p *modelPolicy) { p.perRun, p.perDay = 1, 1 }),
		variant("one with stopAbove 1", func(p *modelPolicy) { p.stopCount = 1 }),
		variant("one with stopAbove 20 percent", func(p *modelPolicy) { p.stopPercent = 20 }),
		variant("one that may not act on Okta API", func(p *modelPolicy) { p.onlyOthers = true }),
		variant("one that spares super administrators", func(p *modelPolicy) { p.rules[0] = commonRule }),
		variant("one that is for dry runs", func(p *modelPolicy) { p.dry = true }),
	}
	for _, p := range list {
		p.parsed = mustParse(p.yaml(p.rules))
		reversed := slices.Clone(p.rules)
		slices.Reverse(reversed)
		p.reversed = mustParse(p.yaml(reversed))
		p.more()
	}
	return list
}()

// calmPolicy is the first one with limits that nothing reaches but perRun and perDay, for the end of a history.
var calmPolicy = func() *modelPolicy {
	p := *modelPolicies[0]
	p.says, p.stopCount = "the first without stopAbove", 100
	p.parsed = mustParse(p.yaml(p.rules))
	return &p
}()

func mustParse(text string) *rules.Policy {
	p, err := rules.Parse("policy.yaml", []byte(text))
	if err != nil {
		panic(err)
	}
	return p
}

// yaml is the policy as the program reads it.
func (p *modelPolicy) yaml(order []modelRule) string {
	mode, clients := "enforce", "Okta API"
	if p.dry {
		mode = "dry-run"
	}
	if p.onlyOthers {
		clients = "Another"
	}
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "version: 1\nmode: %s\nlimits: {perRun: %d, perDay: %d, stopAbove: {count: %d, percent: "+
		"%d}}\nprotect: {actOnClients: [%s]}\nquarantine: {zone: %s}\n",
		mode, p.perRun, p.perDay, p.stopCount, p.stopPercent, clients, zoneID)
	_, _ = fmt.Fprintf(&b, "exemptions: [{match: {name: {like: \"%s*\"}}, reason: drill, owner: sre, until: "+
		"2099-12-31}]\nrules:\n", p.exempt)
	for _, r := range order {
		_, _ = fmt.Fprintf(&b, "  - {id: %s, when: {%s}, then: %s}\n", r.id, r.when(), r.then())
	}
	return b.String()
}

func (r *modelRule) when() string {
	var parts []string
	if r.prefixes != nil {
		parts = append(parts, fmt.Sprintf("name: {matches: \"^(%s)\"}", strings.Join(r.prefixes, "|")))
	} else {
		parts = append(parts, fmt.Sprintf("lastUsed: {olderThan: %dh}", int(r.idle.Hours())))
	}
	if r.anywhere {
		parts = append(parts, "network.connection: {is: ANYWHERE}")
	}
	if r.common {
		parts = append(parts, "owner.roles: {containsNone: [SUPER_ADMIN]}")
	}
	return strings.Join(parts, ", ")
}

func (r *modelRule) then() string {
	var parts []string
	for step, after := range map[string]time.Duration{"quarantine": r.quarantine, "revoke": r.revoke} {
		if after != never {
			parts = append(parts, fmt.Sprintf("%s: %dh", step, int(after.Hours())))
		}
	}
	if parts == nil {
		return "flag"
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

// text is what a notice is about: the rule as it is written.
func (r *modelRule) text() string { return r.when() + " " + r.then() }

func (r *modelRule) disrupts() bool { return r.quarantine != never || r.revoke != never }

// strongest is the last step that the rule takes, "" if it only flags.
func (r *modelRule) strongest() string {
	switch {
	case r.revoke != never:
		return ledger.StepRevoke
	case r.quarantine != never:
		return ledger.StepQuarantine
	}
	return ""
}

// delay is that of a step, never if the rule doesn't take it.
func (r *modelRule) delay(step string) time.Duration {
	if step == ledger.StepRevoke {
		return r.revoke
	}
	return r.quarantine
}

// seenToken is what the rules of the model read of a token.
type seenToken struct {
	id, name, client string
	created, used    time.Time
	network          string // as it is but for our own quarantine; "" if the org doesn't tell
}

// seenInOrg reads a token of the fake org. before is what its network was before our quarantine, nil if it is in none.
func seenInOrg(t *oktatest.Token, before *oktatest.Network) seenToken {
	s := seenToken{id: t.ID, name: t.Name, client: t.ClientName, created: t.Created, used: t.LastUsed,
		network: t.Network.Connection}
	if before != nil && inZone(t.Network) {
		s.network = before.Connection
	}
	if s.network == "" {
		s.network = "ANYWHERE"
	}
	if t.Omit != nil || t.Instead != nil {
		s.network = ""
	}
	if s.client == "" {
		s.client = "Okta API"
	}
	if s.used.IsZero() {
		s.used = s.created
	}
	return s
}

// seenInReport reads a token of a report.
func seenInReport(t *okta.Token, before *oktatest.Network) seenToken {
	s := seenToken{
		id: t.ID, name: known(t.Name), client: known(t.ClientName), created: known(t.Created),
		used: known(t.LastUsed()), network: known(known(t.Network).Connection),
	}
	if before != nil && slices.Equal(known(known(t.Network).Include), []string{zoneID}) {
		if s.network = before.Connection; s.network == "" {
			s.network = "ANYWHERE"
		}
	}
	return s
}

func inZone(n oktatest.Network) bool {
	return n.Connection == "ZONE" && slices.Equal(n.Include, []string{zoneID})
}

// matches judges a token at an instant.
func (r *modelRule) matches(t seenToken, at time.Time) bool {
	if r.anywhere && t.network != "ANYWHERE" {
		return false
	}
	if r.prefixes == nil {
		return at.Sub(t.used) > r.idle
	}
	return slices.ContainsFunc(r.prefixes, func(p string) bool { return strings.HasPrefix(t.name, p) })
}

// facts are the values that the rule reads.
func (r *modelRule) facts(t seenToken) string {
	facts := t.name
	if r.prefixes == nil {
		facts = t.used.UTC().Format(time.RFC3339)
	}
	if r.anywhere {
		facts += " " + t.network
	}
	return facts
}

// spares says why the policy lets nobody act on a token, "" if it doesn't.
func (p *modelPolicy) spares(t seenToken, at time.Time) string {
	switch {
	case strings.HasPrefix(t.name, p.exempt):
		return "it is exempt"
	case t.client != "Okta API" || p.onlyOthers:
		return "it is of a client that may not be acted on"
	case at.Sub(t.created) < day:
		return "it is younger than a day"
	}
	return ""
}

func (p *modelPolicy) rule(id string) *modelRule {
	for i := range p.rules {
		if p.rules[i].id == id {
			return &p.rules[i]
		}
	}
	return nil
}
