package audit_test

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit/ledger"
)

// The invariants about clocks.

func clocksAgree(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if p.skew.Abs() > 6*time.Minute && c.step != ledger.StepRestore {
			return fmt.Sprintf("%v by a clock that is wrong by %v", c, p.skew)
		}
	}
	return ""
}

// judgedByTime are the kinds of records by whose time delays, budgets, plans and listings are judged later.
var judgedByTime = map[ledger.Kind]bool{ledger.Noticed: true, ledger.Intent: true, ledger.Planned: true,
	ledger.Listed: true}

func noClockIsBelieved(w *modelWorld, p *modelProcess) string {
	if p.skew.Abs() <= 6*time.Minute {
		if _, ended := p.exitCode(); ended && p.skew.Abs() < 5*time.Minute &&
			strings.Contains(p.says(), "the ledger has records of") {
			return p.says()
		}
		return ""
	}
	for _, e := range w.book.entries {
		if r := e.record(); p.runID != "" && r.Run == p.runID && judgedByTime[r.Kind] && r.Step != ledger.StepRestore {
			return fmt.Sprintf("a record %q of the run %s, whose clock is wrong by %v", r.Kind, p.runID, p.skew)
		}
	}
	return ""
}

// says is why a process did not do what it should.
func (p *modelProcess) says() string {
	if p.report != nil {
		return fmt.Sprint(p.report.Err)
	}
	return fmt.Sprint(p.handErr)
}
