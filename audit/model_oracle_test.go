package audit_test

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// tolerance is by how much a delay may come out shorter than it is: the org's clock shows whole seconds, and a clock
// of ours that is wrong by less than five minutes is not refused.
func (w *modelWorld) tolerance() time.Duration {
	if w.skewed {
		return 10*time.Minute + time.Second
	}
	return time.Second
}

// notice remembers what an announcement told. What it does not tell any more is not announced, unless the token is
// only missing from the list.
func (w *modelWorld) notice(p *modelProcess, r *audit.Report) {
	told := make(map[ledger.Key]bool)
	for i := range r.Findings {
		f := &r.Findings[i]
		switch f.Outcome {
		case audit.Exempt, audit.Protected, audit.Unknown, audit.Flagged:
			continue
		}
		seen := seenInReport(f.Token, w.before[f.Token.ID])
		for _, m := range f.Matched {
			rule := p.policy.rule(m.Rule.ID)
			if !rule.disrupts() {
				continue
			}
			k := ledger.Key{Token: f.Token.ID, Rule: rule.id}
			told[k] = true
			n := w.notices[k]
			switch {
			case n != nil && n.text == rule.text() && n.facts == rule.facts(seen):
			case p.delivered:
				w.notices[k] = &modelNotice{at: time.Now(), by: p, text: rule.text(), facts: rule.facts(seen)}
			default:
				delete(w.notices, k)
			}
		}
	}
	for k := range w.notices {
		if _, there := w.org.Token(k.Token); there && !told[k] {
			delete(w.notices, k)
		}
	}
}

// unannounced says why a change of a run was not announced long enough ago, "" if it was: a rule of its policy
// matches the token as it was read last, and asks for the step; its delay has passed since people were told of the
// rule as it is and of the values that it reads as they are. A step without delay needs the run's own announcement
// only, but not for a token that somebody took out of quarantine.
func (w *modelWorld) unannounced(c *modelChange) string {
	if c.reading == nil {
		return "the token was not read before"
	}
	if w.released[c.id] && (w.lied || c.by.lied.Load()) {
		return "" // it said of a token that there is none, and so hid that somebody had taken it out of quarantine
	}
	t := c.reading.token
	var why []string
	for i := range c.by.policy.rules {
		r := &c.by.policy.rules[i]
		delay := r.delay(c.step)
		if delay == never || !r.matches(t, c.at) {
			continue
		}
		n := c.reading.notices[r.id]
		switch {
		case delay == 0 && c.by.delivered && !c.reading.released:
			return ""
		case n == nil:
			why = append(why, fmt.Sprintf("rule %s: people were not told", r.id))
		case n.text != r.text() || n.facts != r.facts(t):
			why = append(why, fmt.Sprintf("rule %s: people were told of %s %s, and now it is %s %s", r.id, n.text,
				n.facts, r.text(), r.facts(t)))
		case n.by == c.by:
			why = append(why, fmt.Sprintf("rule %s: people were told by the same run", r.id))
		case c.at.Sub(n.at) < delay-w.tolerance():
			why = append(why, fmt.Sprintf("rule %s: people were told %v ago, and its delay is %v", r.id, c.at.Sub(n.at),
				delay))
		default:
			return ""
		}
	}
	if why == nil {
		return "no rule asks for it"
	}
	return strings.Join(why, "; ")
}

// reviewed remembers what a dry run showed.
func (w *modelWorld) reviewed(p *modelProcess, r *audit.Report) {
	plan := &modelPlan{at: time.Now(), policy: p.policy, steps: make(map[string]string),
		tokens: make(map[string]seenToken)}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome == audit.WouldQuarantine || f.Outcome == audit.WouldRevoke {
			plan.steps[f.Token.ID] = f.Step.String()
			plan.tokens[f.Token.ID] = seenInReport(f.Token, w.before[f.Token.ID])
		}
	}
	w.plans[r.Digest], w.lastPlan = plan, r.Digest
}

// honest checks a report against the org, unless somebody changed something, or the org lied, while the run went on.
func (w *modelWorld) honest(p *modelProcess, r *audit.Report) {
	if p.meddled || p.lied.Load() {
		return
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		t, there := w.org.Token(f.Token.ID)
		switch {
		case (f.Outcome == audit.Revoked || f.Outcome == audit.Gone) && there:
			w.violatedBy(honestReports, "%s is reported as %s, and it is there", f.Token.ID, f.Outcome)
		case f.Outcome == audit.Quarantined && there && !inZone(t.Network):
			w.violatedBy(honestReports, "%s is reported as quarantined, and its network is %v", f.Token.ID, t.Network)
		case !there && known(f.Token.ExpiresAt).After(time.Now()) && !mayBeGone(f):
			w.violatedBy(honestReports, "%s is reported as %s (%s), and it is gone", f.Token.ID, f.Outcome, f.Reason)
		}
	}
}

// saysWhatIsCutOff checks that a report tells which tokens are in our quarantine, and asks for those back that the
// policy exempts.
func (w *modelWorld) saysWhatIsCutOff(p *modelProcess, r *audit.Report) {
	if p.meddled || p.lied.Load() || !r.Complete {
		return
	}
	said := make(map[string]*audit.Quarantine)
	for i := range r.Findings {
		said[r.Findings[i].Token.ID] = r.Findings[i].Quarantine
	}
	for _, q := range r.InQuarantine {
		said[q.Token.ID] = q.Quarantine
	}
	for _, t := range w.org.Tokens() {
		q, in := said[t.ID], inZone(t.Network)
		switch {
		case t.Omit != nil, t.Instead != nil: // the org doesn't tell
		case in != q.CutOff():
			w.violatedBy(cutOffIsTold, "the network of %s is %v, and the report says %q", t.ID, t.Network, q)
		case in && !w.lied && strings.HasPrefix(t.Name, p.policy.exempt) && !q.Spared:
			w.violatedBy(cutOffIsTold, "nobody is asked to give %s back, which is exempt: %q", t.ID, q)
		}
	}
}

// mayBeGone says whether a finding admits that its token may not be there any more.
func mayBeGone(f *audit.Finding) bool {
	return f.Outcome == audit.Revoked || f.Outcome == audit.Gone || f.Outcome == audit.Failed ||
		f.Outcome == audit.Quarantined
}

// due are the tokens on which a rule of the policy has something left to do, by the strongest step that asks.
func (w *modelWorld) outstanding(policy *modelPolicy, at time.Time) map[string]string {
	left := make(map[string]string)
	for _, t := range w.org.Tokens() {
		seen := seenInOrg(&t, w.before[t.ID])
		if t.UserID == me || t.Omit != nil || t.Instead != nil || policy.spares(seen, at) != "" {
			continue
		}
		for i := range policy.rules {
			r := &policy.rules[i]
			if r.matches(seen, at) && r.strongest() > left[t.ID] &&
				(r.strongest() != ledger.StepQuarantine || !inZone(t.Network)) {
				left[t.ID] = r.strongest() // "revoke" comes after "quarantine" in the alphabet, too
			}
		}
	}
	return left
}

// notSecret checks that a text that leaves the process doesn't hold the credential.
func (w *modelWorld) notSecret(where, text string) {
	if strings.Contains(text, canary) || strings.Contains(text, canary[2:20]) {
		w.violatedBy(noSecretLeaves, "%s holds the credential", where)
	}
}

// zoneOnly is the network of a token in our quarantine.
var zoneOnly = oktatest.Network{Connection: "ZONE", Include: []string{zoneID}}

var office = oktatest.Network{Connection: "ZONE", Include: []string{"nzo9office00000000000"}}
