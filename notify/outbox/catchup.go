package outbox

import (
	"context"
	"errors"
	"fmt"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Left is what an earlier run wanted delivered. One of the two is set.
type Left struct {
	// Content is what was given to Send, as JSON.
	Content []byte
	// Interrupted is all that is known of a run that announced what it was about to do, and then died.
	Interrupted *audit.Report
}

// CatchUp delivers what runs before that of r could not, oldest first. What can't be delivered now is left to later
// runs, for GiveUpAfter. What there is no time for (ErrNoTime), or whose turn doesn't come before ctx is done, is no
// failure. deliver says with ErrElsewhere or ledger.ErrNoParcel that a report never can be.
func (b Box) CatchUp(
	ctx context.Context, r *audit.Report, deliver func(context.Context, *Parcel, Left) error,
) error {
	past := b.Past()
	var failures []error
	for _, run := range b.waiting(past.Undelivered, r.ID) {
		if ctx.Err() != nil {
			break
		}
		d := past.Undelivered[ledger.Sending{Channel: b.Channel, Run: run}]
		p := b.left(run, r.ID, d)
		err := p.resume(ctx, d, past, deliver)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil, errors.Is(err, ErrNoTime):
			return errors.Join(failures...)
		}
		why := fmt.Errorf("the report of the run %s: %w", run, err)
		never := errors.Is(err, ledger.ErrNoParcel) || errors.Is(err, ErrElsewhere)
		if never || b.age(d, r.Started) > GiveUpAfter {
			why = fmt.Errorf("%w; it is given up: tokensweep ledger show --run %s has what the run did", why, run)
			why = errors.Join(why, p.done(why.Error()))
		}
		failures = append(failures, why)
	}
	return errors.Join(failures...)
}

// resume delivers one report.
func (p *Parcel) resume(
	ctx context.Context, d ledger.Delivery, past *ledger.State, deliver func(context.Context, *Parcel, Left) error,
) (err error) {
	left := Left{}
	if d.File == "" {
		left.Interrupted = interrupted(p.Run, d, past)
	} else if left.Content, err = p.box.Ledger.Store().ReadParcel(d.File, d.Snapshot); err != nil {
		return err
	}
	if err := deliver(ctx, p, left); err != nil {
		return err
	}
	return p.done("")
}

// interrupted is what is known of a run that announced what it was about to do, and then died.
func interrupted(run string, d ledger.Delivery, past *ledger.State) *audit.Report {
	r := &audit.Report{ID: run, Mode: rules.Enforce, OrgURL: past.Org, Acted: len(d.Outcomes) > 0}
	add := func(rec ledger.Record, outcome audit.Outcome, reason string) {
		r.Findings = append(r.Findings, audit.Finding{
			Token: &okta.Token{ID: rec.Token, Name: okta.Some(rec.Name)}, Step: stepOf(rec.Step),
			Outcome: outcome, Reason: reason, Done: true,
		})
	}
	for _, rec := range d.Outcomes {
		add(rec, audit.Outcome(rec.Result), rec.Reason)
	}
	for _, rec := range past.OpenOf(run) {
		add(rec, audit.Failed, "it is not known yet whether it was done")
	}
	return r
}

func stepOf(word string) rules.Step {
	switch word {
	case ledger.StepQuarantine:
		return rules.Quarantine
	case ledger.StepRevoke:
		return rules.Revoke
	}
	return rules.Flag
}
