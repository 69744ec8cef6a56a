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

// CalledOff is what people were told would be done to a token, and what isn't done, or not then.
type CalledOff struct {
	// Token is the token, with its owner if they were told; of one that is not listed no more than what was remembered.
	Token okta.Token
	// Rule is the id of the rule that was announced, and Announced when.
	Rule      string
	Announced time.Time
	// Steps are what was announced and had not come; none where the ledger does not tell.
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

// calledOff tells what was called off and people have not been told of, by this run or since the last report.
func (r *run) calledOff(ctx context.Context) {
	past := r.decider.past
	for _, n := range past.Recalled {
		r.CalledOff = append(r.CalledOff, r.newCalledOff(n.Key, n.Notice, n.Reason, n.Ended))
		r.toldUpTo = n.Seq
	}
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		id, known := c.Token.UserID.Get()
		told, ever := past.OwnersTold[id]
		if c.OwnerTold = known && ever && !told.Before(c.Announced); !c.OwnerTold {
			continue
		}
		if c.Token.Owner = r.owners.get(&c.Token); c.Token.Owner == nil { // no rule concerns the token any more
			c.Token.Owner, _ = r.o.Org.Owner(ctx, id) // without one they can't be told, which is said
		}
	}
}

// wouldCallOff tells what an enforcing run would call off. It ends no notice.
func (r *run) wouldCallOff() {
	if r.judgesOtherTime() {
		return
	}
	stale, why := r.stale()
	for _, key := range stale {
		r.CalledOff = append(r.CalledOff, r.newCalledOff(key, r.decider.past.Notices[key], why[key], time.Time{}))
	}
}

func (r *run) newCalledOff(key ledger.Key, n ledger.Notice, why string, ended time.Time) CalledOff {
	c := CalledOff{Token: r.tokenAtNotice(key.Token, n), Rule: key.Rule, Announced: n.At, Why: why, Ended: ended}
	_, quarantined := r.decider.past.Quarantined[key.Token]
	for _, d := range n.Ahead {
		step := rules.Revoke
		if d.Step == ledger.StepQuarantine {
			step = rules.Quarantine
		}
		if step == rules.Quarantine && quarantined { // it has come
			continue
		}
		c.Steps = append(c.Steps, StepDue{step, n.At.Add(time.Duration(d.After) * time.Second)})
	}
	return c
}

// tokenAtNotice is a token as it is listed or, if it isn't any more, as it was at its notice.
func (r *run) tokenAtNotice(id string, n ledger.Notice) okta.Token {
	name, owner := n.Name, n.Owner
	for i := range r.inventory {
		if was := &r.inventory[i]; was.ID == id {
			name, owner = was.Name, was.UserID
		}
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
