package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"tokensweep/audit/ledger"
)

// StateCheck says which store to look at, and for which kind of run.
type StateCheck struct {
	// Store is where the state is; the zero value for none.
	Store ledger.Store
	// Wanted says that the run uses the store though it is not there yet.
	Wanted bool
	// OrgURL and OrgID are the org that the ledger must be of; "" if they aren't known.
	OrgURL, OrgID string
	// Told says that the org's clock was seen, and agrees with ours.
	Told bool
	// Enforce says that an enforcing run is meant; Alone, that no other machine mounts its directory.
	Enforce, Alone bool
	// Now is our clock; nil means time.Now.
	Now func() time.Time
}

// CheckState looks at the store. It only reads, and takes no lock, so that it may be called while a run uses it.
func CheckState(c StateCheck) []Check {
	if c.Now == nil {
		c.Now = time.Now
	}
	const state = "state"
	var past ledger.State
	records := 0
	missing := c.Store.Missing()
	switch {
	case c.Store == ledger.Store{}:
		return []Check{c.none("there is no state directory, so that a run can't tell what is new",
			"name one with --state")}
	case missing && !c.Wanted && !c.Enforce:
		return []Check{c.none("there is no state directory "+c.Store.String()+", so that a run can't tell what is new",
			"name one with --state")}
	case missing:
		return []Check{c.begins("there is no state directory %s yet", c.Store)}
	}
	head, err := c.Store.Read(func(r ledger.Record) error {
		records++
		past.Apply(r)
		return nil
	})
	var torn *ledger.TornError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Check{c.begins("the state directory %s holds no ledger yet", c.Store), c.brake()}
	case err != nil && !errors.As(err, &torn):
		return []Check{failure(state, CodeOf(err), "tokensweep ledger verify names the first bad record; keep the "+
			"directory as evidence, and restore a copy", "%v", err)}
	}
	return []Check{c.ledger(&past, records, head, torn), c.brake(), checkUnsettled(&past), checkUnreported(&past)}
}

// none is the check of a run without a ledger, which an enforcing run can't do without.
func (c StateCheck) none(detail, advice string) Check {
	if c.Enforce {
		return failure("state", Usage, advice, "%s", detail+"; a change takes a ledger")
	}
	return Check{Name: "state", Status: Skipped, Detail: detail, Advice: advice}
}

// begins is the check of a store that has no ledger yet: the next run makes one.
func (c StateCheck) begins(detail string, args ...any) Check {
	detail = fmt.Sprintf(detail, args...)
	if parent, err := c.Store.Writable(); err != nil {
		return failure("state", NoLedger, "give the run a state directory of its own that it can write",
			"%s, and %s can't be written: %v", detail, parent, err)
	}
	if c, shared := c.shared(detail); shared {
		return c
	}
	return warning("state", "if there were runs before, this is the wrong directory, or its volume is not mounted",
		"%s: the next run begins without memory", detail)
}

// shared is the check of a store on a file system that several machines may mount.
func (c StateCheck) shared(detail string) (Check, bool) {
	const advice = "use a disk that one machine mounts"
	if err := checkFileSystem(c.Store, c.Alone); err != nil && c.Enforce {
		return failure("state", NoLedger, advice, "%s; %v", detail, err), true
	}
	why := sharedState(c.Store, c.Alone)
	return warning("state", advice, "%s; %s", detail, why), why != ""
}

func (c StateCheck) ledger(past *ledger.State, records int, head ledger.Head, torn *ledger.TornError) Check {
	const name = "state"
	sound := fmt.Sprintf("%s, records %d, all sound, head %s", c.Store, records, head)
	if _, err := c.Store.Writable(); err != nil {
		return failure(name, NoLedger, "give the run a state directory of its own that it can write",
			"%s; it can't be written: %v", sound, err)
	}
	other, advice := pastOf(past).differs(c.OrgURL, c.OrgID)
	if c.OrgURL != "" && past.Org != "" && past.Org != c.OrgURL {
		sound += fmt.Sprintf("; its org had the URL %s, and has the same id", past.Org)
	}
	last := past.LastRun
	shared, isShared := c.shared(sound)
	future := checkFuture(past.Latest(), c.Now(), c.Told)
	switch {
	case c.OrgURL != "" && pastOf(past).unread(c.OrgURL, c.OrgID):
		return failure(name, Incomplete, advice, "%s", pastOf(past).ofAnother(c.Store, c.OrgURL, other))
	case c.OrgURL != "" && other != "":
		return failure(name, Usage, advice, "%s", pastOf(past).ofAnother(c.Store, c.OrgURL, other))
	case future != nil:
		return failsIf(c.Enforce, name, Halted, "no run enforces before that is in order", "%v", future)
	case isShared:
		return shared
	case torn != nil:
		return warning(name, "nothing, if a run is under way; else the next one sets that line aside",
			"%s, and a last line that is not complete", sound)
	case last != nil && last.Kind == ledger.Begun:
		return warning(name, "nothing, if it is under way; else it died, and the next run tells what it did",
			"%s; the run %s, begun on %s, has not ended", sound, last.Run, last.Time.UTC().Format(time.RFC3339))
	case last != nil:
		sound += fmt.Sprintf("; last run on %s, exit code %d", last.Time.UTC().Format(time.RFC3339), last.ExitCode)
	}
	return good(name, "%s", sound)
}

func (c StateCheck) brake() Check {
	const name = "brake"
	note, err := c.Store.Halted()
	switch {
	case err != nil:
		return failsIf(c.Enforce, name, Halted, "a brake that can't be read counts as pulled", "%v", err)
	case note != nil:
		return failsIf(c.Enforce, name, Halted, "tokensweep resume ends it; runs go on to report",
			"halted by %s since %s: %s", note.By, note.At.UTC().Format(time.RFC3339), note.Reason)
	}
	return good(name, "not halted")
}

// checkUnsettled reports changes whose outcome is not known. The next enforcing run reads it.
func checkUnsettled(past *ledger.State) Check {
	seqs := past.OpenSeqs()
	if len(seqs) == 0 {
		return good("unsettled", "what came of every change is known")
	}
	first := past.Open[seqs[0]]
	return warning("unsettled", "the next enforcing run finds out by reading, and changes nothing before",
		"changes whose outcome is not known: %d, the first the %s of the token %s in run %s", len(seqs), first.Step,
		first.Token, first.Run)
}

// checkUnreported reports what runs did whose report reached nobody.
func checkUnreported(past *ledger.State) Check {
	switch {
	case len(past.Undelivered) > 0:
		return warning("unreported", "the next run posts them; ledger show --run has what was posted of one",
			"reports of which not all could be posted to their channel: %d", len(past.Undelivered))
	case len(past.Unreported) == 0:
		return good("unreported", "every run has delivered its report")
	}
	return warning("unreported", "the next report tells it",
		"changes and vanished tokens that nobody may have been told of: %d", len(past.Unreported))
}
