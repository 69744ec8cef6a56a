package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/cli/daemon"
	"tokensweep/notify"
	"tokensweep/notify/metrics"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/rules"
	"tokensweep/rules/schedule"
)

// panicCode is the exit code by which metrics know a run that panicked: what Go ends a process with.
const panicCode audit.ExitCode = 2

// service is a daemon that sweeps an org.
type service struct {
	*app
	flags   runFlags // of every run
	listen  string
	label   policyLabel
	log     *slog.Logger
	metrics *metrics.Service

	mu    sync.Mutex
	notes []string // for the next report
}

func (a *app) serveCommand() *cobra.Command {
	s := &service{app: a, flags: runFlags{now: time.Now}}
	cmd := &cobra.Command{
		Use:   "serve [FILE]",
		Short: "runs on the policy's schedule, with health checks and metrics",
		Long: `serve makes a run whenever the policy's schedule says so, one at a time. The
policy, the credentials and the ledger are read afresh for each; a policy that
is broken then is reported, and the schedule of the last good one stays in
force. A run that was missed while nothing served is made up for once, at the
start.

SIGTERM ends it with 0, after the change in flight and the report; SIGHUP and
SIGUSR1 ask for a run at once. It answers /healthz, /readyz and /metrics over
plain HTTP, and logs from the level info on unless --log-level says otherwise.`,
		Example: `  tokensweep serve policy.yaml --state state
  tokensweep serve --enforce --listen 0.0.0.0:9090 --output json`,
		Args: orPolicy(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				a.logLevel.value = "info"
			}
			return s.serve(cmd.Context())
		},
	}
	flags := cmd.Flags()
	a.addPolicy(flags, &s.flags.policy, "policy `file`")
	flags.Float64Var(&s.flags.rateShare, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	flags.BoolVar(&s.flags.enforce, "enforce", false, "take the steps that are due; the policy must say mode: enforce")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9090", "`address` to answer HTTP at")
	s.label.add(cmd)
	s.flags.state.add(cmd, a.env)
	s.flags.state.addAlone(cmd)
	s.flags.addDeadline(flags)
	s.flags.out = addOutputFlags(cmd, notify.ReportForms)
	return cmd
}

func (s *service) serve(ctx context.Context) error {
	s.log = s.logger()
	history, err := s.check(ctx)
	if err != nil {
		return err
	}
	s.metrics = metrics.NewService(
		metrics.Source{Org: hostOf(s.env.orgURL()), Policy: s.label.of(s.flags.policy)}, version())
	s.metrics.Recall(history)
	ask := make(chan os.Signal, 1)
	if len(runNow) > 0 { // of none, Notify would make all
		signal.Notify(ask, runNow...)
		defer signal.Stop(ask)
	}
	d, err := daemon.New(daemon.Options{Schedule: s.schedule, Run: s.sweep, Last: history.Began, Ask: ask, Tell: s.tell,
		Now: s.flags.now})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return usage("--listen: %w", err)
	}
	return s.serveBoth(ctx, d, l)
}

// check finds out before anything is served what would fail every run.
func (s *service) check(ctx context.Context) (history audit.History, err error) {
	if s.flags.state.dir == "" {
		return history, usage("--state is empty: a service takes a ledger")
	}
	s.flags.state.given = true
	if err := errors.Join(checkShare(s.flags.rateShare), s.flags.checkDeadline(), s.label.check()); err != nil {
		return history, err
	}
	policy, err := loadPolicy(s.flags.policy)
	if err != nil {
		return history, err
	}
	if s.flags.enforce && policy.Mode != rules.Enforce {
		return history, usage("the policy %s says mode: %s; it takes mode: enforce and --enforce", policy.File,
			policy.Mode)
	}
	client, err := s.env.client(okta.Options{RateShare: s.flags.rateShare, UserAgent: userAgent()},
		audit.Scopes(policy, s.flags.enforce))
	if err != nil {
		return history, err
	}
	if _, err := s.slackFor(policy, s.flags.enforce, outbox.Box{}, ""); err != nil {
		return history, err
	}
	if _, err := s.webhookFor(outbox.Box{}); err != nil {
		return history, err
	}
	out, err := s.flags.out.open(s.app)
	if err != nil {
		return history, err
	}
	out.discard()
	history, err = s.history()
	if err != nil {
		return history, err
	}
	if err := audit.RightOrg(ctx, client.Reader, policy, s.flags.state.store(), history); err != nil {
		return history, ended(err, audit.WhileReading)
	}
	return history, nil
}

// history opens the ledger as a run does, and is what it tells.
func (s *service) history() (history audit.History, err error) {
	l, err := s.flags.state.open(s.flags.now)
	switch {
	case errors.Is(err, ledger.ErrLocked): // somebody changes something by hand; the next run finds out
		if history, err = audit.ReadHistory(s.flags.state.store(), s.flags.now()); err != nil {
			return history, ended(err, audit.WhileOpening)
		}
		return history, nil
	case err != nil:
		return history, err
	}
	defer func() { _ = l.Close() }() // all that was written is durable
	return audit.HistoryOf(l.State(), l.Head(), s.flags.now()), nil
}

// schedule reads the schedule of the policy.
func (s *service) schedule() (*schedule.Schedule, error) {
	policy, err := loadPolicy(s.flags.policy)
	switch {
	case err != nil:
		return nil, err
	case policy.Schedule == nil:
		return nil, usage(`the policy %s has no schedule: add schedule: {cron: "0 9 * * 1-4"}`, policy.File)
	}
	return policy.Schedule, nil
}

// httpPatience bounds what a client of the HTTP server may take, and how long its answers are waited for at the end.
const httpPatience = 10 * time.Second

// serveBoth serves the schedule and HTTP until ctx ends. The server goes last, so that the end can be watched.
func (s *service) serveBoth(ctx context.Context, d *daemon.Daemon, l net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := &http.Server{
		Handler: d.Handler(s.metrics.Handler()), ReadTimeout: httpPatience, WriteTimeout: httpPatience,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	broken := make(chan error, 1)
	go func() {
		err := server.Serve(l)
		if !errors.Is(err, http.ErrServerClosed) {
			err = fmt.Errorf("answering HTTP at %s: %w", l.Addr(), err)
			broken <- err
			cancel(err)
		}
	}()
	s.log.Info("serving", "listen", l.Addr().String(), "policy", s.flags.policy, "state", s.flags.state.dir, "enforce",
		s.flags.enforce, "next", d.Next().UTC().Format(time.RFC3339), "version", version())
	d.Serve(ctx)
	s.log.Info("stopped")
	closing, done := context.WithTimeout(context.Background(), httpPatience)
	defer done()
	_ = server.Shutdown(closing) // whoever still waits for an answer then gets none
	select {
	case err := <-broken:
		return usage("%w", err)
	default:
		return nil
	}
}

// sweep makes one run. How it goes is in its report, the log and the metrics.
func (s *service) sweep(ctx context.Context, why daemon.Cause) {
	f := s.flags
	began := f.now()
	f.id, f.metrics, f.notes = audit.NewID(began), s.metrics.Set, s.takeNotes
	a := s.withRun(f.id)
	code := panicCode
	defer func() { s.metrics.Ended(began, f.now(), code) }()
	a.logger().Info("run is due", "cause", string(why))
	err := a.run(ctx, &f)
	code = audit.OK
	if err == nil {
		return
	}
	failed := failureOf(err)
	code = failed.code
	said := []any{"exitCode", int(code)}
	if failed.err != nil {
		said = append(said, "error", failed.err.Error())
	}
	if failed.hint != "" {
		said = append(said, "hint", failed.hint)
	}
	a.logger().Error("run failed", said...)
}

// takeNotes are what the next report should tell of the service.
func (s *service) takeNotes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.notes
	s.notes = nil
	return notes
}

func (s *service) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, clean(fmt.Sprintf(format, args...)))
}

// tell takes in what happens to the schedule.
func (s *service) tell(e daemon.Event) {
	at := e.At.UTC().Format(time.RFC3339)
	switch e.Kind {
	case daemon.Awaits:
		s.metrics.Next(e.At)
	case daemon.Began:
		if e.Cause == daemon.CatchUp {
			s.note("this run makes up for the one that was due at %s, when nothing ran", at)
		}
	case daemon.Ended:
		s.log.Info("idle", "next", at)
	case daemon.Skipped:
		s.metrics.Skipped()
		s.log.Warn("run is skipped: another is under way", "cause", string(e.Cause), "due", at)
		s.note("the run that was due at %s (%s) was skipped, since another was under way", at, e.Cause)
	case daemon.Panicked:
		s.metrics.Panicked()
		s.log.Error("run panicked", "cause", string(e.Cause), "error", e.Err, "stack", string(e.Stack))
		s.note("a run before this one ended by a %v", e.Err)
	case daemon.Broken:
		s.metrics.PolicyValid(false)
		s.log.Error("the policy can't be used: the schedule in force stays", "error", e.Err)
	case daemon.Mended:
		s.metrics.PolicyValid(true)
		s.log.Info("the policy can be used again")
	case daemon.Changed:
		s.log.Info("schedule changed", "cron", e.Schedule.Cron, "timezone", e.Schedule.Location.String())
	}
}
