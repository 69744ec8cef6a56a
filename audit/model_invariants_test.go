package audit_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// invariant is something that holds after every process, whatever happened. check looks at the last process p and
// says what is wrong, "" if nothing is. Those without a check are judged where they can be seen.
type invariant struct {
	id, sentence string
	check        func(w *modelWorld, p *modelProcess) string
}

// The invariants that are judged while a process is running, or by other means than looking at the last one.
var (
	honestReports = &invariant{id: "I10",
		sentence: "Nothing is reported as revoked, gone or quarantined that is not, and nothing as untouched that is " +
			"gone."}
	orderIsNoMatter = &invariant{id: "I14", sentence: "The order of rules, of tokens and of pages, the size of " +
		"pages, and tokens that come twice change no decision."}
	lessIsLess = &invariant{id: "I15",
		sentence: "An exemption more, a lower limit or a token used lately makes nothing due that was not."}
	samePlan = &invariant{id: "I16",
		sentence: "The same inputs and the same instant give the same plan digest."}
	replayIsLive = &invariant{id: "I17",
		sentence: "The ledger alone rebuilds the state: what is read is what was in memory."}
	noSecretLeaves = &invariant{id: "I18", sentence: "The credential is in no record, report, error or trace."}
	progress       = &invariant{id: "I20",
		sentence: "Without faults, each run does as much of what is due as perRun and perDay allow, and in the end " +
			"all is done."}
	oneProcess = &invariant{id: "I26",
		sentence: "No two processes have the ledger open for writing at the same time."}
	smallEndsNone = &invariant{id: "I28",
		sentence: "A list that is too small to believe ends no notice of a token that is not on it."}
	settledIsSo = &invariant{id: "I30",
		sentence: "What is settled is so: nothing is on record as revoked, gone, quarantined or restored that is not."}
	wholeLists = &invariant{id: "I32",
		sentence: "A list that is called complete holds every token that the org held from its beginning to its end."}
	callingOffIsTold = &invariant{id: "I38",
		sentence: "Each notice that a run ends is in a report of an enforcing run that reached somebody, as called " +
			"off and why."}
	cutOffIsTold = &invariant{id: "I37",
		sentence: "A report says of each token in our quarantine that it is, whatever its outcome, and of no other."}
	toldInTheEnd = &invariant{id: "I9", sentence: "Every change that the org has seen is in the ledger, with what " +
		"came of it, and in a report that reached somebody."}
)

// invariants are all of them. The first twenty are those of the design; the others came with the model.
var invariants = []*invariant{
	{"I1", "A dry run sends nothing but GET.", dryRunOnlyReads},
	{"I2", "Every change has one intent that was durable before it was sent: the same token, step and run.",
		intentFirst},
	{"I3", "No run makes more changes than perRun, and no 24 hours see more than perDay, however many runs died.",
		withinBudget},
	{"I4", "No run changes its own token or another of the same owner, one of an unlisted client, one that is exempt " +
		"or one younger than newerThan.", sparedAreSpared},
	{"I5", "Nothing is changed by a run whose listing was not complete, or had lost more than half of its tokens.",
		completeOrNothing},
	{"I6", "Nothing is changed before people were told and the delay has passed, of the rule and the values as they " +
		"are now.", announcedFirst},
	{"I7", "Every change comes after a reading of its token, by the same run and after the announcement, that still " +
		"called for it.", readAgainFirst},
	{"I8", "No change is sent while the outcome of another is not known, and none twice.", oneAtATime},
	toldInTheEnd,
	honestReports,
	{"I11", "Every request goes to the org's own origin.", ownOriginOnly},
	{"I12", "Only the paths that the program is meant to ask are asked.", knownPathsOnly},
	{"I13", "After a write or an fsync that failed nothing more is sent, and after the brake was pulled at most what " +
		"was on its way.", stopsWhenToldTo},
	orderIsNoMatter,
	lessIsLess,
	samePlan,
	replayIsLive,
	noSecretLeaves,
	{"I19", "The exit code of a run is the one in the ledger's record of its end.", exitCodeOnRecord},
	progress,
	{"I21", "More due at once than stopAbove allows: nothing is done.", nothingAboveStop},
	{"I22", "A quarantine changes the network and nothing else, is made only if what was before is known, and is " +
		"undone to just that.", quarantineIsReversible},
	{"I23", "With --plan nothing is done but what a dry run of the last 24 hours has shown, of tokens as they were " +
		"then.", onlyWhatWasReviewed},
	{"I24", "Nothing is changed by a process whose clock and the org's disagree.", clocksAgree},
	{"I34", "Nothing that later times are judged by is written while the clocks disagree, and no process is stopped " +
		"by a clock that is right.", noClockIsBelieved},
	{"I25", "A process that can't have the ledger sends nothing.", nothingWithoutLedger},
	oneProcess,
	{"I35", "A process that has lost the ledger to another, where locks don't hold, sends no more than the change " +
		"that is on its way.", stopsForAnother},
	{"I31", "No rule about owners acts by an answer that can't be read in full, or is about somebody else.",
		nothingByHalf},
	{"I27", "A run that could not judge says why, and reports no finding.", failureIsTold},
	smallEndsNone,
	wholeLists,
	{"I33", "A run begins no change after its deadline, and says that it was that which ended it.", withinItsTime},
	{"I36", "A process that is told to end remembers no more than the record that it is writing.", endsWhenToldTo},
	cutOffIsTold,
	callingOffIsTold,
	{"I29", "A token that our last quarantine cut off can be given back, whatever is on record of that quarantine.",
		givenBackOnRequest},
	settledIsSo,
}

// check checks all invariants after a process.
func (w *modelWorld) check(p *modelProcess) {
	for _, i := range invariants {
		if i.check == nil {
			continue
		}
		if wrong := i.check(w, p); wrong != "" {
			w.violatedBy(i, "%s", wrong)
		}
	}
}

func (w *modelWorld) violatedBy(i *invariant, format string, args ...any) {
	w.violated("%s: %s\n  %s", i.id, i.sentence, fmt.Sprintf(format, args...))
}

func (c *modelChange) String() string { return fmt.Sprintf("the %s of %s", c.step, c.id) }

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
		if r.origin != orgURL {
			return fmt.Sprintf("%s %s%s", r.method, r.origin, r.path)
		}
	}
	return ""
}

var (
	mayRead   = regexp.MustCompile(`^/api/v1/(api-tokens(/00T\w{17})?|users/(me|00u\w{17}(/roles)?)|zones/nzo\w{17})$`)
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
	if p.byHand == "" && code == audit.Usage || len(w.book.entries) == 0 { // refused before it began
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

// replayed checks what was read of a ledger against what the process before had in memory.
func (w *modelWorld) replayed(now *ledger.State) {
	if w.lastState != nil && !reflect.DeepEqual(w.lastState, now) {
		w.violatedBy(replayIsLive, "in memory %+v\n  read %+v", w.lastState, now)
	}
	w.lastState = nil
}

// inTheEnd checks what holds after a run without any fault.
func (w *modelWorld) inTheEnd() {
	intents, settled := w.book.changes(w.book.size)
	for _, c := range w.changes {
		own := slices.IndexFunc(intents, func(i *ledger.Record) bool {
			return i.Token == c.id && i.Step == c.step &&
				i.Run == c.by.runID
		})
		switch {
		case own < 0:
			w.violatedBy(toldInTheEnd, "%v is not in the ledger", c)
		case settled[intents[own].Seq] == nil:
			w.violatedBy(toldInTheEnd, "what came of %v is not settled", c)
		case c.acted && settled[intents[own].Seq].Result == ledger.ResultFailed && !c.undone:
			w.violatedBy(toldInTheEnd, "%v is on record as failed, and it was done", c)
		case c.acted && w.told[c.id+" "+c.step] == 0:
			w.violatedBy(toldInTheEnd, "%v is in no report that reached anybody", c)
		}
	}
}

func withinItsTime(_ *modelWorld, p *modelProcess) string {
	if p.deadline == 0 || p.meddled {
		return ""
	}
	for _, c := range p.changes {
		if late := c.at.Sub(p.began) - p.deadline; late > 0 {
			return fmt.Sprintf("%v came %v after it", c, late)
		}
	}
	if r := p.report; r != nil && !p.died.Load() && p.ended.Sub(p.began) < p.deadline &&
		errors.Is(r.Err, audit.ErrDeadline) {
		return fmt.Sprintf("%v, after %v", r.Err, p.ended.Sub(p.began))
	}
	return ""
}
