package audit_test

import (
	"fmt"
	"maps"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// calmDown ends a history: nothing goes wrong any more. After one run all is told, and after some more all is done.
func (w *modelWorld) calmDown(h *modelHistory) {
	if len(w.changes) == 0 && len(w.book.open(w.book.size)) == 0 && !h.toTheEnd {
		return // nothing is to be told
	}
	w.setBrake(false)
	w.policy, w.place = calmPolicy, w.calmPlace()
	for again := true; again; { // one more if the listing has lost most of its tokens: that is believed the second time
		time.Sleep(25 * time.Hour)
		p := w.clean()
		if p == nil {
			return
		}
		again = p.report.Code == audit.Incomplete
	}
	w.allEndsAreTold()
	if w.inTheEnd(); h.toTheEnd {
		w.allIsDone(len(h.tokens))
	}
}

// allIsDone waits until all is due that was announced, and makes runs until it is done.
func (w *modelWorld) allIsDone(tokens int) {
	announced := w.outstanding(calmPolicy, time.Now())
	time.Sleep(4 * day)
	for range tokens + 1 {
		time.Sleep(25 * time.Hour)
		left := w.outstanding(calmPolicy, time.Now())
		maps.DeleteFunc(left, func(id, step string) bool { return announced[id] != step })
		if len(left) == 0 {
			return
		}
		p := w.clean()
		if p == nil {
			return
		}
		if p.report.Code != audit.Incomplete && len(p.changes) < min(len(left), calmPolicy.perRun) {
			w.violatedBy(progress, "%v are due, and a run without faults made %d changes: %s", left, len(p.changes),
				reportText(p.report))
			return
		}
	}
	w.violatedBy(progress, "something is due still")
}

// clean makes a run without any fault, and returns nil if something is wrong.
func (w *modelWorld) clean() *modelProcess {
	p := w.start(modelRun{enforce: true})
	switch {
	case w.wrong != "":
	case p.report == nil:
		w.violatedBy(progress, "a run without faults could not begin: %v", p.opened)
	case p.report.Code == audit.Incomplete && p.shrunken:
	case p.report.Code != audit.OK:
		w.violatedBy(progress, "a run without faults ends with %d: %v", p.report.Code, p.report.Err)
	}
	if w.wrong != "" {
		return nil
	}
	return p
}

// allEndsAreTold checks that people have heard of each notice that a run has ended.
func (w *modelWorld) allEndsAreTold() {
	for _, e := range w.book.entries {
		if !e.is(ledger.Voided) {
			continue
		}
		if r := e.record(); !w.toldOff[ending(r.Token, r.Rule, r.Time)] {
			w.violatedBy(callingOffIsTold, "what rule %s announced for %s, which was called off by %s: %s", r.Rule,
				r.Token, r.Run, r.Reason)
		}
	}
}

// ending names the end of a notice.
func ending(token, rule string, at time.Time) string {
	return fmt.Sprint(token, " ", rule, " ", at.UnixMilli())
}
