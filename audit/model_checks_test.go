package audit_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

func dryRunOnlyReads(_ *modelWorld, p *modelProcess) string {
	for _, r := range p.requests {
		if !p.enforce && p.byHand == "" && r.method != http.MethodGet {
			return r.method + " " + r.path
		}
	}
	return ""
}

func intentFirst(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		n := 0
		for _, i := range c.open {
			if i.Token == c.id && i.Step == c.step && i.Run == p.runID {
				n++
			}
		}
		if n != 1 {
			return fmt.Sprintf("%v had %d intents", c, n)
		}
	}
	return ""
}

func withinBudget(w *modelWorld, p *modelProcess) string {
	if p.byHand == "" && len(p.changes) > p.policy.perRun {
		return fmt.Sprintf("%d changes, and perRun is %d", len(p.changes), p.policy.perRun)
	}
	for _, c := range p.changes {
		spent := 0
		for _, other := range w.changes {
			if other.step != ledger.StepRestore && !other.at.After(c.at) && c.at.Sub(other.at) < day-w.tolerance() {
				spent++
			}
		}
		if c.step != ledger.StepRestore && spent > p.policy.perDay {
			return fmt.Sprintf("%v is the change number %d within 24 hours, and perDay is %d", c, spent,
				p.policy.perDay)
		}
	}
	return ""
}

func sparedAreSpared(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if c.truth.UserID == me {
			return fmt.Sprintf("%v, which has the owner of the token in use", c)
		}
		if c.reading == nil || c.step == ledger.StepRestore {
			continue
		}
		if why := p.policy.spares(c.reading.token, c.reading.at); why != "" {
			return fmt.Sprintf("%v: %s", c, why)
		}
	}
	return ""
}

func completeOrNothing(_ *modelWorld, p *modelProcess) string {
	switch {
	case p.byHand != "" || len(p.changes) == 0:
	case p.broken.Load():
		return fmt.Sprintf("%v, and the listing was broken", p.changes[0])
	case p.shrunken && !p.meddled:
		return fmt.Sprintf("%v, and more than half of the tokens were missing", p.changes[0])
	}
	return ""
}

func announcedFirst(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		switch {
		case c.unannounced != "":
			return fmt.Sprintf("%v: %s", c, c.unannounced)
		case p.byHand == "" && !c.told:
			return fmt.Sprintf("%v: the announcement of the run reached nobody", c)
		}
	}
	return ""
}

func readAgainFirst(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if c.reading == nil || p.byHand == "" && !c.reading.told {
			return fmt.Sprintf("%v", c)
		}
	}
	return ""
}

func oneAtATime(w *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if len(c.open) > 1 {
			return fmt.Sprintf("%v, while %d intents are open", c, len(c.open)-1)
		}
	}
	if len(p.changes) == 0 {
		return ""
	}
	intents, _ := w.book.changes(w.book.size)
	sent, intended := make(map[string]int), make(map[string]int)
	for _, i := range intents {
		intended[i.Token]++
	}
	for _, c := range w.changes {
		if sent[c.id]++; sent[c.id] > intended[c.id] {
			return fmt.Sprintf("%v was sent %d times, with %d intents", c, sent[c.id], intended[c.id])
		}
	}
	return ""
}

func ownOriginOnly(_ *modelWorld, p *modelProcess) string {
	for _, r := range p.requests {
		if r.origin != p.place.url {
			return fmt.Sprintf("%s %s%s", r.method, r.origin, r.path)
		}
	}
	return ""
}

var (
	mayRead = regexp.MustCompile(`^/\.well-known/okta-organization$|` +
		`^/api/v1/(api-tokens(/00T\w{17})?|users/(me|00u\w{17}(/roles)?)|zones/nzo\w{17})$`)
	mayChange = regexp.MustCompile(`^/api/v1/api-tokens/00T\w{17}$`)
)

func knownPathsOnly(_ *modelWorld, p *modelProcess) string {
	for _, r := range p.requests {
		known := mayChange.MatchString(r.path) && (r.method == http.MethodPut || r.method == http.MethodDelete)
		if r.method == http.MethodGet {
			known = mayRead.MatchString(r.path)
		}
		if !known {
			return r.method + " " + r.path
		}
	}
	return ""
}

func stopsWhenToldTo(_ *modelWorld, p *modelProcess) string {
	switch {
	case p.afterBad > 0:
		return fmt.Sprintf("%d requests after a write or an fsync failed", p.afterBad)
	case p.braked > 1, p.tooLate, p.halted && p.braked > 0:
		return fmt.Sprintf("%d changes while the brake was pulled", p.braked)
	}
	return ""
}

func endsWhenToldTo(_ *modelWorld, p *modelProcess) string {
	if len(p.late) > 1 {
		return fmt.Sprintf("it went on with %v", p.late)
	}
	return ""
}

func exitCodeOnRecord(w *modelWorld, p *modelProcess) string {
	code, ended := p.exitCode()
	if !ended {
		return ""
	}
	if p.failed {
		if code != audit.NoLedger && code != audit.Usage {
			return fmt.Sprintf("exit code %d after a write or an fsync failed", code)
		}
		return ""
	}
	if code == audit.Usage && (p.byHand == "" || p.runID == "") || len(w.book.entries) == 0 { // refused before it began
		return ""
	}
	if p.place.untold(p.recordedURL, p.recordedID) && (code == audit.Incomplete || code == audit.Halted) { // likewise
		return ""
	}
	if p.usurped && code == audit.Locked { // the ledger is the other's
		return ""
	}
	end := w.book.last().record()
	if end.Kind != ledger.Ended || end.Run != p.runID || end.ExitCode != int(code) {
		return fmt.Sprintf("exit code %d, and the last record is %+v", code, end)
	}
	return ""
}

// exitCode is how a process that came to its end says that it went.
func (p *modelProcess) exitCode() (code audit.ExitCode, ended bool) {
	var failed *audit.HandError
	switch {
	case p.died.Load() || p.opened != nil:
		return 0, false
	case p.report != nil:
		return p.report.Code, true
	case p.byHand == "":
		return 0, false
	case errors.As(p.handErr, &failed):
		return failed.Code, true
	}
	return audit.OK, p.handErr == nil
}

func stopsForAnother(_ *modelWorld, p *modelProcess) string {
	if p.usurped && len(p.changes) > p.mayStill {
		return fmt.Sprintf("%v", p.changes[p.mayStill])
	}
	return ""
}

func failureIsTold(_ *modelWorld, p *modelProcess) string {
	if r := p.report; r != nil && !p.died.Load() && !r.Complete && (r.Err == nil || len(r.Findings) > 0) {
		return fmt.Sprintf("error %v, exit code %d, %d findings", r.Err, r.Code, len(r.Findings))
	}
	return ""
}

func nothingAboveStop(_ *modelWorld, p *modelProcess) string {
	if len(p.changes) > 0 && p.byHand == "" &&
		(p.due > p.policy.stopCount || p.due*100 > p.policy.stopPercent*p.tokens) {
		return fmt.Sprintf("%v, with %d due", p.changes[0], p.due)
	}
	return ""
}

func quarantineIsReversible(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		switch {
		case c.step == ledger.StepRevoke || !c.acted:
		case c.after.Name != c.truth.Name || c.after.ClientName != c.truth.ClientName ||
			c.after.UserID != c.truth.UserID:
			return fmt.Sprintf("%v changed more than the network: %+v, %+v", c, c.truth, c.after)
		case c.step == ledger.StepQuarantine && (!inZone(c.after.Network) || c.reading != nil &&
			c.reading.token.network == ""):
			return fmt.Sprintf("%v of a token whose network was %v made it %v", c, c.truth.Network, c.after.Network)
		case c.step == ledger.StepRestore && (c.before == nil || !sameNetwork(*c.before, c.after.Network)):
			return fmt.Sprintf("%v put back %v, and it was %v", c, c.after.Network, c.before)
		}
	}
	return ""
}

func onlyWhatWasReviewed(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if !p.plan || p.byHand != "" || c.reading == nil {
			continue
		}
		plan := p.keepTo
		switch {
		case plan == nil:
			return fmt.Sprintf("%v, and no plan was reviewed", c)
		case plan.policy != p.policy || p.began.Sub(plan.at) > 24*time.Hour+10*time.Minute:
			return fmt.Sprintf("%v by a plan of another policy, or %v old", c, p.began.Sub(plan.at))
		case plan.steps[c.id] != c.step:
			return fmt.Sprintf("%v, and in the plan was %q", c, plan.steps[c.id])
		}
		was, is := plan.tokens[c.id], c.reading.token
		for i := range p.policy.rules {
			r := &p.policy.rules[i]
			if was.name != is.name || was.client != is.client || r.disrupts() && r.matches(is, c.at) &&
				r.facts(was) != r.facts(is) {
				return fmt.Sprintf("%v, of which the plan showed %+v, and it is %+v", c, was, is)
			}
		}
	}
	return ""
}

func nothingWithoutLedger(_ *modelWorld, p *modelProcess) string {
	switch {
	case p.opened == nil:
	case len(p.requests) > 0:
		return fmt.Sprintf("%v", p.requests[0])
	case !errors.Is(p.opened, ledger.ErrUnusable) || !p.failed:
		return fmt.Sprintf("it could not be opened: %v", p.opened)
	}
	return ""
}
