package cli

import (
	"context"
	"fmt"
	"log/slog"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
	"tokensweep/rules"
)

// pass makes one pass over the org and writes the report.
func (a *app) pass(ctx context.Context, client *okta.Client, policy *rules.Policy, f *runFlags,
	progress *progress) error {
	if f.metrics == nil { // the demo's, at which nobody looks
		f.id, f.metrics = audit.NewID(f.now()), metrics.New(metrics.Source{}, version())
	}
	a = a.withRun(f.id)
	out, err := f.out.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	l, err := a.openLedger(f)
	if err != nil {
		return err
	}
	if l != nil {
		defer func() {
			f.tellMemory(l)
			_ = l.Close()
		}()
		var unwatch func()
		ctx, unwatch = audit.Watch(ctx, l.Store(), f.enforce)
		defer unwatch()
	}
	channel, err := a.channelOf(policy, f, l)
	if err != nil {
		return err
	}
	d := &delivery{app: a, out: out, channel: channel, progress: progress, export: f.export, more: f.revokeOwn}
	o := audit.Options{
		ID: f.id, Org: client.Reader, Policy: policy, AsOf: f.asOf.Time, FailOn: f.failOn.Severity,
		Ledger: l, StateAlone: f.state.alone, Now: f.now, Recorded: a.recorded(f.metrics), Progress: progress.listed,
		Tally:   f.tally,
		Deliver: func(r *audit.Report) error { return d.deliver(ctx, r) },
		Flags:   f.locations(),
		Export: func(r *audit.Report) error {
			f.metrics.Report(r)
			f.tellMemory(l)
			return d.exported(r)
		},
	}
	if d.late() {
		o.Write = d.writeLate
	}
	if f.notes != nil {
		o.Notes = f.notes()
	}
	if f.enforce {
		o.Enforce = &audit.Enforcement{
			Org: client, Plan: f.plan, PlanMaxAge: f.planAge.Duration, Announce: d.announce,
		}
	}
	r := audit.Run(ctx, o)
	f.metrics.Report(r)
	logReport(a.logger(), r)
	a.summary.report = r
	failed := d.outcome(r)
	if f.revokeOwn {
		failed = sooner(failed, a.revokeOwn(ctx, audit.Hand{
			Org: client, Policy: policy, Ledger: l, StateAlone: f.state.alone,
			Reason: "--revoke-own-token-after", Now: f.now, Recorded: o.Recorded, Tell: a.note,
		}))
	}
	return failed
}

// tellMemory gives what the ledger knows to whoever wants it.
func (f *runFlags) tellMemory(l *ledger.Ledger) {
	if l != nil && f.remember != nil {
		f.remember(l)
	}
}

// revokeOwn ends the token in use, and says on standard error what came of it, since the report is written.
// It is tried after an interrupted run too: a token that was made for one audit is not to stay.
func (a *app) revokeOwn(ctx context.Context, h audit.Hand) error {
	h.Deliver = func(outcome audit.Outcome, reason string) error {
		if reason != "" {
			reason = " (" + reason + ")"
		}
		return a.say(slog.LevelInfo, fmt.Sprintf("the token in use: %s%s; ledger %s", outcome, reason,
			h.Ledger.Head()))
	}
	outcome, _, err := h.RevokeCurrent(context.WithoutCancel(ctx))
	if outcome == "" {
		_ = h.Deliver("not revoked", err.Error()) // the exit code says so too
	}
	return handFailure(err)
}

// openLedger opens the ledger, if the run has one.
func (a *app) openLedger(f *runFlags) (*ledger.Ledger, error) {
	if f.enforce || f.revokeOwn {
		return f.state.open(f.now)
	}
	return f.state.openIfWanted(f.now)
}
