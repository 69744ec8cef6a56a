package audit_test

import (
	"fmt"
	"strings"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// announcement sees what an enforcing run says is about to happen.
func (w *modelWorld) announcement(p *modelProcess, r *audit.Report) {
	p.announced, p.delivered, p.tokens = true, p.announce != fails, r.Tokens
	p.shrunken = w.shrunken(p.base, p.clock())
	for i := range r.Findings {
		switch r.Findings[i].Outcome {
		case audit.WouldQuarantine, audit.WouldRevoke, audit.Held:
			p.due++
		}
	}
	w.notSecret("the announcement", reportText(r))
	w.whole(p, r)
	w.notice(p, r)
}

// reported sees the report of a process.
func (w *modelWorld) reported(p *modelProcess, r *audit.Report) {
	w.notSecret("the report", reportText(r))
	w.whole(p, r)
	w.honest(p, r)
	w.saysWhatIsCutOff(p, r)
	if r.Mode != "enforce" && r.Complete {
		w.reviewed(p, r)
	}
	if p.modelRun.report == fails {
		return
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Done:
			w.told[f.Token.ID+" "+f.Step.String()]++
		case f.Outcome == audit.Quarantined:
			w.told[f.Token.ID+" "+ledger.StepQuarantine]++
		}
	}
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		w.toldOff[ending(c.Token.ID, c.Rule, c.Ended)] = c.Why != "" && r.Complete
	}
	for _, v := range r.Vanished {
		if strings.HasPrefix(v.Reason, "revoked by tokensweep") {
			w.told[v.ID+" "+ledger.StepRevoke]++
		}
	}
	for _, n := range r.Notes {
		w.checkNote(n)
	}
}

// checkNote takes in a sentence that tells somebody of a change.
func (w *modelWorld) checkNote(note string) {
	for _, step := range []string{ledger.StepRevoke, ledger.StepQuarantine, ledger.StepRestore} {
		if _, rest, ok := strings.Cut(note, "the "+step+" of the token "); ok {
			w.told[rest[:min(len(rest), 20)]+" "+step]++
		}
	}
}

// reportText is all text of a report.
func reportText(r *audit.Report) string {
	var b strings.Builder
	_, _ = fmt.Fprintln(&b, r.Err, strings.Join(r.Notes, "\n"))
	for i := range r.Findings {
		b.WriteString(r.Findings[i].Reason)
	}
	return b.String()
}
