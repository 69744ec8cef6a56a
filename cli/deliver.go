package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
)

// delivery is how the report of a run goes out: to its output, and to the channel if there is one.
type delivery struct {
	*app
	out      *reportOutput
	channel  channel // nil for none
	progress *progress
	export   func(*audit.Report) error // writes what has the exit code in it; nil for nothing
	more     bool                      // something is to be done after the report that can change the exit code

	reported error // what the report says that went wrong
	failed   error // why it did not go out
}

// late says that the report is written last: it is for programs, and tells the exit code.
func (d *delivery) late() bool { return !d.out.form.ForPeople && !d.out.form.RowsOnly }

// announce delivers what an enforcing run is about to do, to the channel and in brief here: as text, on standard output
// if that is where the text report goes, else on standard error, which the report itself does not use.
func (d *delivery) announce(ctx context.Context, r *audit.Report) (string, error) {
	w, style, via := d.stderr, styleOf(d.stderr), "standard error"
	if d.out.form.ForPeople && d.out.file == nil {
		w, style, via = d.stdout, d.out.style, "standard output"
	}
	here := func(_ context.Context, r *audit.Report) (string, error) {
		d.progress.end()
		brief := func(w io.Writer) error {
			if err := notify.Brief(w, r, style); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "run    %s\nplan   %s\n\n", r.ID, r.Digest)
			return err
		}
		if w == d.stderr {
			return via, d.sayAll("announcement", brief, "plan", r.Digest)
		}
		return via, brief(w)
	}
	if d.channel == nil {
		return here(ctx, r)
	}
	return announceIn(d.channel, here)(ctx, r)
}

// deliver delivers the report.
func (d *delivery) deliver(ctx context.Context, r *audit.Report) error {
	d.progress.end()
	if !d.late() {
		d.reported, d.failed = r.Err, d.write(r)
	}
	if d.channel != nil {
		d.failed = errors.Join(d.failed, d.channel.Report(ctx, r))
	}
	return d.failed
}

// exported writes what has the exit code in it, by what it is so far.
func (d *delivery) exported(r *audit.Report) error {
	if d.export == nil {
		return nil
	}
	err := d.export(r)
	d.failed = errors.Join(d.failed, err)
	return err
}

// writeLate writes a report that tells the exit code.
func (d *delivery) writeLate(r *audit.Report) error {
	r.Final = !d.more
	d.reported = r.Err
	err := d.write(r)
	d.failed = errors.Join(d.failed, err)
	return err
}

// withoutReport says that there is no report to write: nothing was asked of the org, or the form is a table, which has
// no place for a failure and would look like good news.
func (d *delivery) withoutReport(r *audit.Report) bool {
	return !r.Complete && (errors.Is(r.Err, audit.ErrWrongOrg) || errors.Is(r.Err, audit.ErrRefused) ||
		d.out.form.RowsOnly)
}

// write writes the report.
func (d *delivery) write(r *audit.Report) error {
	if d.withoutReport(r) {
		return d.writeNotes(r)
	}
	if err := d.out.write(r); err != nil {
		return err
	}
	if !d.out.form.RowsOnly {
		return nil
	}
	head := ""
	if r.Head != (ledger.Head{}) {
		head = ", ledger " + r.Head.String()
	}
	if err := d.say(slog.LevelInfo, fmt.Sprintf("run %s, plan %s%s", r.ID, r.Digest, head)); err != nil {
		return err
	}
	return d.writeNotes(r)
}

// writeNotes writes to standard error what a report says besides its findings.
func (d *delivery) writeNotes(r *audit.Report) error {
	lines := slices.Clone(r.Notes)
	for _, v := range r.Vanished {
		lines = append(lines, fmt.Sprintf("the token %s (%q) is no longer listed: %s", v.ID, v.Name, v.Reason))
	}
	lines = append(lines, notify.CalledOffLines(r)...)
	for _, line := range lines {
		if err := d.say(slog.LevelInfo, line); err != nil {
			return err
		}
	}
	return nil
}

// outcome says how the run went, to the one who started it.
func (d *delivery) outcome(r *audit.Report) error {
	if r.Unended != nil {
		_ = d.say(slog.LevelWarn, "that the report was read could not be recorded, so that the next run tells of this "+
			"one once more: "+r.Unended.Error())
	}
	failed := d.failure(r)
	switch {
	case d.failed == nil:
		return failed
	case r.Code == audit.Undelivered && errors.Is(d.failed, r.Err): // all of it, not the first alone
		return &failure{code: r.Code, err: d.failed}
	}
	return sooner(failed, ended(d.failed, audit.WhileDelivering)) // what needs a person sooner has the exit code
}

// failure is what went wrong with the run, nil for nothing.
func (d *delivery) failure(r *audit.Report) error {
	if r.Err == nil {
		if r.Code == audit.OK {
			return nil
		}
		return &failure{code: r.Code}
	}
	f := &failure{code: r.Code, err: r.Err}
	if !r.Complete || r.Code == audit.NoAccess || r.Code == audit.NoLedger {
		// What stops an enforcing run otherwise says itself what to do.
		f.hint = audit.EndingOf(r.Err, audit.WhileReading).Advice
	}
	f.reported = d.out.form.ForPeople && d.out.to == "" && !d.withoutReport(r) && errors.Is(d.reported, r.Err)
	return f
}
