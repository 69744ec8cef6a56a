package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// demoRun is the demo of enforcing: an org, a state directory, and a clock that is moved.
type demoRun struct {
	*app
	org    *oktatest.Server
	slack  *demoSlack
	policy *rules.Policy
	state  ledger.Store
	ahead  atomic.Int64 // of the real clock, in nanoseconds
}

func (d *demoRun) now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

// demoEnforce runs the job several times over two weeks, and restores one token by hand.
func (a *app) demoEnforce(ctx context.Context, slackOut string) error {
	policy, err := rules.Parse("demo.yaml", bytes.Replace(demoPolicy, []byte("mode: dry-run"), []byte("mode: enforce"),
		1))
	if err != nil {
		return err
	}
	d := &demoRun{app: a, policy: policy}
	dir, err := os.MkdirTemp("", "tokensweep-demo-")
	if err != nil {
		return usage("making a state directory for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d.state = ledger.InDirectory(dir)
	d.org = oktatest.Start(demoOrg(d.now))
	defer d.org.Close()
	d.slack = newDemoSlack(policy, d.now)
	defer d.slack.Close()

	for _, step := range []struct {
		days  int
		title string
		do    func(context.Context) error
	}{
		{0, "Day 0: a dry run makes a plan, and changes nothing", func(ctx context.Context) error {
			return d.run(ctx, false)
		}},
		{0, "Day 0: the first enforcing run takes the steps that have no delay, and announces the others",
			func(ctx context.Context) error { return d.run(ctx, true) }},
		{3, "Day 3: what was announced three days ago, and is still idle, is quarantined",
			func(ctx context.Context) error { return d.run(ctx, true) }},
		{0, "Day 3: somebody needs wiki-export; one command gives it back", d.restore},
		{4, "Day 7: what is still idle is revoked; what was restored is announced anew",
			func(ctx context.Context) error { return d.run(ctx, true) }},
		{0, "The ledger has every change, and what led to it", d.show},
		{0, "In Slack all of this reads as follows", func(context.Context) error {
			return d.print(d.slack.transcript())
		}},
	} {
		d.pass(step.days)
		if err := d.print("\n== " + step.title + "\n\n"); err != nil {
			return err
		}
		if err := step.do(ctx); err != nil {
			return ended(err, audit.WhileChanging)
		}
	}
	if slackOut != "" {
		if err := d.slack.write(slackOut, d.files); err != nil {
			return err
		}
	}
	return d.print("\nThis was a demo: the org and the workspace are part of the program, and are gone.\n")
}

// pass moves the clock, and lets the tokens that are in daily use be used. A minute more than whole days
// pass, since a delay is over when all of it is.
func (d *demoRun) pass(days int) {
	if days > 0 {
		d.ahead.Add(int64(days)*int64(24*time.Hour) + int64(time.Minute))
	}
	for _, t := range d.org.Tokens() {
		cutOff := slices.Contains(t.Network.Include, demoZone)
		if days > 0 && !cutOff && d.now().Sub(t.LastUsed) < 12*24*time.Hour {
			d.org.Use(t.ID)
		}
	}
}

// open is what a command of the demo begins with: a client of the org, and the ledger, which it must close.
func (d *demoRun) open() (*okta.Client, *ledger.Ledger, error) {
	client, err := okta.New(okta.Options{OrgURL: d.org.URL(), Token: okta.NewSecret(demoCredential),
		UserAgent: userAgent()})
	if err != nil {
		return nil, nil, err
	}
	l, err := d.state.Open(d.now)
	return client, l, err
}

// run makes one pass.
func (d *demoRun) run(ctx context.Context, enforce bool) error {
	client, l, err := d.open()
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	bot, err := d.slack.delivery(d.policy, outbox.Box{Ledger: l})
	if err != nil {
		return err
	}
	brief := func(r *audit.Report) error { return notify.Brief(d.stdout, r, styleOf(d.stdout)) }
	o := audit.Options{Org: client.Reader, Policy: d.policy, Ledger: l, StateAlone: true, Now: d.now}
	o.Deliver = func(r *audit.Report) error { return errors.Join(brief(r), bot.Report(ctx, r)) }
	if enforce {
		o.Enforce = &audit.Enforcement{Org: client,
			Announce: announceIn(bot, func(_ context.Context, r *audit.Report) (string, error) {
				return "standard output", brief(r)
			})}
	}
	return audit.Run(ctx, o).Err
}

// restore ends the quarantine of the token wiki-export.
func (d *demoRun) restore(ctx context.Context) error {
	client, l, err := d.open()
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	for _, t := range d.org.Tokens() {
		if t.Name != "wiki-export" {
			continue
		}
		h := audit.Hand{Org: client, Policy: d.policy, Ledger: l, StateAlone: true,
			Reason: "the wiki export runs once a month", Now: d.now}
		outcome, reason, err := h.Restore(ctx, t.ID)
		if err != nil {
			return err
		}
		return d.print(fmt.Sprintf("$ tokensweep tokens restore %s --reason %q\n%s: %s%s\n", t.ID, h.Reason, t.ID,
			outcome, reason))
	}
	return nil
}

// show prints the changes that the ledger has.
func (d *demoRun) show(context.Context) error {
	var records []ledger.Record
	head, err := d.state.Read(func(r ledger.Record) error {
		if r.Kind == ledger.Intent || r.Kind == ledger.Outcome {
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := notify.LedgerText(d.stdout, records); err != nil {
		return undelivered(err)
	}
	return d.print(fmt.Sprintf("head %s\n", head))
}
