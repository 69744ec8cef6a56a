package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"

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
	{"I36", "A process that is told to end remembers no more than what it is writing.", endsWhenToldTo},
	cutOffIsTold,
	callingOffIsTold,
	{"I29", "A token that our last quarantine cut off can be given back, whatever is on record of that quarantine.",
		givenBackOnRequest},
	settledIsSo,
	{"I39", "A process goes on with a state of its own org, whatever its URL, and remembers nothing in another " +
		"org's and changes nothing by it.", ownStateOnly},
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

// replayed checks what was read of a ledger against what the process before had in memory.
func (w *modelWorld) replayed(now *ledger.State) {
	if w.lastState != nil && !alike(reflect.ValueOf(w.lastState), reflect.ValueOf(now)) {
		w.violatedBy(replayIsLive, "in memory %+v\n  read %+v", w.lastState, now)
	}
	w.lastState = nil
}

// alike reports whether two values are the same in all that they hold, private fields too. A map or a list that is
// empty is as good as none: which of them it is depends on whether there once was something in it. In records there is
// never an empty one.
func alike(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || a.Pointer() == b.Pointer() || alike(a.Elem(), b.Elem()))
	case reflect.Struct:
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		for i := 0; i < a.Len() && a.Len() == b.Len(); i++ {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		inRecord := a.Type().Elem().Kind() == reflect.String // of which JSON makes none if it is empty
		return a.Len() == b.Len() && (!inRecord || a.IsNil() == b.IsNil())
	case reflect.Map:
		for _, key := range a.MapKeys() {
			if v := b.MapIndex(key); !v.IsValid() || !alike(a.MapIndex(key), v) {
				return false
			}
		}
		counts := a.Type().Elem().Kind() == reflect.Int // of a record, too
		return a.Len() == b.Len() && (!counts || a.IsNil() == b.IsNil())
	}
	return a.Equal(b)
}

// inTheEnd checks what holds after a run without any fault.
func (w *modelWorld) inTheEnd() {
	if _, err := ledger.ReadFrom(bytes.NewReader(w.disk.Bytes()), nil); err != nil {
		w.violatedBy(replayIsLive, "in the end the ledger, with all its segments, is not sound: %v", err)
	}
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
