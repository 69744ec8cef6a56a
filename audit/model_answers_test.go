package audit_test

import (
	"fmt"
	"net/http"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// Answers that are not the org's, and requests that arrive late.

// proxyFaults are a proxy's answers in the place of the org's: to a change that it didn't pass on, or that was carried
// out, to readings, and to what a run asks first.
func proxyFaults() (all []modelFault) {
	for _, status := range []int{403, 404, 408} {
		add := func(what string, f modelFault) {
			f.says = fmt.Sprintf("a proxy answers %s with a page and %d", what, status)
			f.fault.Status, f.fault.Proxy = status, true
			all = append(all, f)
		}
		add("a change", modelFault{fault: oktatest.Fault{Method: "[change]", Times: 1}})
		add("a change that was carried out", modelFault{fault: oktatest.Fault{Method: "[change]", Act: true, Times: 1}})
		add("a reading", modelFault{fault: oktatest.Fault{Method: "GET", Path: onePath, Times: 1}})
		add("each reading", modelFault{fault: oktatest.Fault{Method: "GET", Path: onePath}})
		add("the list", modelFault{fault: oktatest.Fault{Path: listPath}, broken: true})
		add("who asks whose credential it is", modelFault{fault: oktatest.Fault{Path: "/api/v1/users/me"}})
	}
	return all
}

// drawLate draws a quarantine that is held up on its way, the run that reads that it was not done, what happens
// meanwhile, its arrival, and somebody who wants the token back.
func drawLate(d dice, tokens int) act {
	held := modelFault{says: "a quarantine is held up on its way", held: true}
	held.fault = oktatest.Fault{Method: http.MethodPut, Status: http.StatusGatewayTimeout, Proxy: true, Times: 1}
	arrives := act{"it arrives", func(w *modelWorld) { w.arriveLate() }}
	back := act{"by hand, it is taken out of quarantine", func(w *modelWorld) {
		if w.late >= 0 {
			w.start(modelRun{byHand: ledger.StepRestore, token: w.late})
		}
	}}
	settles := modelRun{enforce: true}
	settles.draw(d, tokens)
	return inTurn(modelRun{enforce: true, faults: []modelFault{held}}.act(), settles.act(), arrives, back)
}

// arriveLate carries out a quarantine that was held up.
func (w *modelWorld) arriveLate() {
	time.Sleep(2 * time.Second)
	id := w.held
	was, there := w.org.Token(id)
	w.held, w.late = "", -1
	if !there {
		return
	}
	w.org.Update(id, func(t *oktatest.Token) { t.Network, t.LastUpdated = zoneOnly, time.Now().Truncate(time.Second) })
	if !inZone(was.Network) {
		before := was.Network
		for _, c := range w.changes { // what was made of it meanwhile nobody saw: it goes back to what the request met
			if c.id == id && c.step == ledger.StepQuarantine && c.there {
				before = c.truth.Network
			}
		}
		w.before[id] = &before
	}
	for n := range ownToken {
		if w.id(n) == id {
			w.late = n
		}
	}
}

// cutOff says whether a token is in our quarantine, and anybody can see that.
func (w *modelWorld) cutOff(id string) bool {
	t, there := w.org.Token(id)
	return there && inZone(t.Network) && t.Omit == nil && t.Instead == nil && w.before[id] != nil
}

func givenBackOnRequest(_ *modelWorld, p *modelProcess) string {
	calm := len(p.faults) == 0 && len(p.incidents) == 0 && !p.failed && p.opened == nil
	if p.byHand == ledger.StepRestore && p.cutOff && calm && p.outcome != audit.Restored {
		return fmt.Sprintf("the token %d: %q, %v", p.token, p.outcome, p.handErr)
	}
	return ""
}

// settledTruly checks an outcome that is about to be recorded against the org.
func (w *modelWorld) settledTruly(p *modelProcess, r *ledger.Record) {
	t, there := w.org.Token(r.Token)
	so := true
	switch r.Result {
	case ledger.ResultRevoked, ledger.ResultGone:
		so = !there
	case ledger.ResultQuarantined:
		so = !there || inZone(t.Network)
	case ledger.ResultRestored:
		so = !there || !inZone(t.Network)
	}
	if r.Settled && !so {
		w.violatedBy(settledIsSo, "the %s of %s, by %s: %s (%s)", r.Step, r.Token, p.runID, r.Result, r.Reason)
	}
}
