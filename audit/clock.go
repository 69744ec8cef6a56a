package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// maxClockDifference is how far the org's clock and ours may differ. Beyond that a run says so, does not act, and
// remembers nothing.
const maxClockDifference = 5 * time.Minute

// maxLead is how far in the future a record may be. When it was written, our clock may have been maxClockDifference
// ahead of the org's; now it may be as far behind.
const maxLead = 2 * maxClockDifference

// errClocks is a clock that makes delays and budgets meaningless.
var errClocks = errors.New("by this clock nothing can be judged")

// clockError is an errClocks that says what is wrong with it.
type clockError struct{ text string }

func (e *clockError) Error() string        { return e.text }
func (e *clockError) Is(target error) bool { return target == errClocks }

// compareClocks returns an error if the org's clock and ours, which shows now, disagree. told reports whether the org
// tells the time at all.
func compareClocks(org *okta.Reader, now time.Time) (told bool, err error) {
	offset, told := org.ClockOffset()
	if !told {
		return false, nil
	}
	if by := time.Now().Add(offset).Sub(now).Abs(); by > maxClockDifference {
		return true, &clockError{fmt.Sprintf("the org's clock and ours disagree by %v: set the clock of this machine",
			by.Round(time.Second))}
	}
	return true, nil
}

// ClockTold reports whether the org has told the time, and agrees with our clock, which shows now.
func ClockTold(org *okta.Reader, now time.Time) bool {
	told, err := compareClocks(org, now)
	return told && err == nil
}

// checkFuture returns an error if the ledger has records from the future. Either our clock was set back, or it is right
// now and was ahead then. told says that the org's clock was seen and agrees with ours, which decides between the two.
func checkFuture(latest, now time.Time, told bool) error {
	if latest.Sub(now) <= maxLead {
		return nil
	}
	const way = "tokensweep ledger reset-clock ends that, and keeps what the ledger knows"
	text := fmt.Sprintf("the ledger has records of %s: the clock was set back", latest.UTC().Format(time.RFC3339))
	if told {
		return &clockError{text + ", and rightly, since the org's agrees with it now: it was ahead when they were " +
			"written; " + way}
	}
	return &clockError{text + ", or was ahead when they were written, and the org does not tell the time: set the " +
		"clock of this machine; if it is right, " + way}
}

// ClockReset accepts a ledger that has records from the future.
type ClockReset struct {
	// Org tells what time it is; Ledger is the one with records of the future.
	Org    *okta.Reader
	Ledger *ledger.Ledger
	// Reason and By are for the record.
	Reason, By string
	// Confirm asks a person whether our clock, which shows now, is right; told says that the org's agrees with it.
	Confirm func(now, latest time.Time, told bool) error
	// Now is our clock; nil means time.Now.
	Now func() time.Time
}

// Do records, after Confirm, that records later than now were written by a clock that was ahead. done reports whether
// there were any. The error is that of Confirm, of the org, or of the ledger; or it says that the org's clock and ours
// disagree, so that ours is the wrong one.
func (c ClockReset) Do(ctx context.Context) (done bool, err error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	past := c.Ledger.State()
	which := &identity{org: c.Org}
	if err := which.continues(ctx, c.Ledger.Store(), pastOf(past)); err != nil {
		return false, err
	}
	if _, err := whoAmI(ctx, c.Org); err != nil {
		return false, err
	}
	which.ask(ctx)
	if err := which.continues(ctx, c.Ledger.Store(), pastOf(past)); err != nil {
		return false, err
	}
	now, latest := c.Now().UTC(), c.Ledger.Latest()
	told, err := compareClocks(c.Org, now)
	if err != nil || checkFuture(latest, now, told) == nil {
		return false, err
	}
	if err := c.Confirm(now, latest, told); err != nil {
		return false, err
	}
	_, err = c.Ledger.Append(ledger.Record{Kind: ledger.ClockReset, Reason: c.Reason, By: c.By})
	return err == nil, err
}
