package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// CalledOff is an announced step that is not taken, or not when it was announced.
type CalledOff struct {
	// Token is the token, with its owner if the owner was told. Of a token that is not listed it has only what was
	// remembered.
	Token okta.Token
	// Rule is the id of the rule that was announced, and Announced when.
	Rule      string
	Announced time.Time
	// Steps are the announced steps that had not been taken; none if the ledger does not tell.
	Steps []StepDue
	// Ended is when it was called off; zero where an enforcing run would.
	Ended time.Time
	// Why says why.
	Why string
	// OwnerTold says that the token's owner had been told by direct message since the announcement.
	OwnerTold bool
}

// StepDue is a step, and when it was due.
type StepDue struct {
	Step rules.Step
	Due  time.Time
}

// What says what was announced, and when it was due.
func (c *CalledOff) What() string {
	steps := make([]string, len(c.Steps))
	for i, s := range c.Steps {
		steps[i] = fmt.Sprintf("%s on %s", s.Step, s.Due.UTC().Format(time.RFC3339))
	}
	what := strings.Join(steps, ", ")
	if what == "" {
		what = "what was left"
	}
	return fmt.Sprintf("%s by rule %s, announced on %s", what, c.Rule, c.Announced.UTC().Format(time.RFC3339))
}

// calledOff returns what was called off and has not been reported, by this run or an earlier one. upTo is the last
// record of those.
func (n *notices) calledOff(ctx context.Context, l *lookup) (all []CalledOff, upTo uint64) {
	for _, recalled := range n.past.Recalled {
		all = append(all, n.newCalledOff(recalled.Key, recalled.Notice, recalled.Reason, recalled.Ended))
		upTo = recalled.Seq
	}
	for i := range all {
		c := &all[i]
		id, known := c.Token.UserID.Get()
		told, ever := n.past.OwnersTold[id]
		if c.OwnerTold = known && ever && !told.Before(c.Announced); !c.OwnerTold {
			continue
		}
		if c.Token.Owner = l.known(&c.Token); c.Token.Owner == nil { // no rule concerns the token any more
			c.Token.Owner, _ = l.owner(ctx, &c.Token) // without one they can't be told, which is said
		}
	}
	return all, upTo
}

// wouldCallOff returns what an enforcing run would call off. It ends no notice.
func (n *notices) wouldCallOff() (all []CalledOff) {
	stale, why := n.stale()
	for _, key := range stale {
		all = append(all, n.newCalledOff(key, n.past.Notices[key], why[key], time.Time{}))
	}
	return all
}

func (n *notices) newCalledOff(key ledger.Key, notice ledger.Notice, why string, ended time.Time) CalledOff {
	c := CalledOff{
		Token: n.tokenAtNotice(key.Token, notice), Rule: key.Rule, Announced: notice.At, Why: why, Ended: ended,
	}
	_, quarantined := n.past.Quarantined[key.Token]
	for _, d := range notice.Ahead {
		step := rules.Revoke
		if d.Step == ledger.StepQuarantine {
			step = rules.Quarantine
		}
		if step == rules.Quarantine && quarantined { // it has come
			continue
		}
		c.Steps = append(c.Steps, StepDue{step, notice.At.Add(time.Duration(d.After) * time.Second)})
	}
	return c
}

// tokenAtNotice is a token as it is listed or, if it isn't listed, as it was at its notice.
func (n *notices) tokenAtNotice(id string, notice ledger.Notice) okta.Token {
	name, owner := notice.Name, notice.Owner
	if is, listed := n.listed[id]; listed {
		name, owner = is.Name, is.UserID
	}
	t := okta.Token{ID: id}
	if name != "" {
		t.Name = okta.Some(name)
	}
	if owner != "" {
		t.UserID = okta.Some(owner)
	}
	return t
}

// announcedBy is what the notice of a rule announces.
func announcedBy(matched []rules.Match, rule string) (all []ledger.Delay) {
	for _, m := range matched {
		if m.Rule.ID != rule {
			continue
		}
		for _, s := range m.Rule.Steps {
			if s.Step > rules.Flag {
				all = append(all, ledger.Delay{Step: s.Step.String(), After: int64(s.After / time.Second)})
			}
		}
	}
	return all
}
