package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
)

// logger makes the logger that the flags ask for. Every line of a run has its id, and every text in a line is fit to
// be printed, whoever wrote it.
func (a *app) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(a.logLevel.value)) // a choice is one of its words
	return a.loggerFrom(level)
}

// loggerFrom is logger for what is to be logged from a level on, whatever the flags say.
func (a *app) loggerFrom(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: printable}
	var handler slog.Handler = slog.NewTextHandler(a.stderr, o)
	if a.logsJSON() {
		handler = slog.NewJSONHandler(a.stderr, o)
	}
	if a.runID != "" {
		handler = handler.WithAttrs([]slog.Attr{slog.String("run", a.runID)})
	}
	return slog.New(handler)
}

// logsJSON reports whether all that is said is to be a line of JSON: a log collector reads it.
func (a *app) logsJSON() bool { return a.logFormat.value == "json" }

// asksForJSON finds --log-format json among arguments that were not parsed yet, since one that is wrong is told in that
// form, too.
func asksForJSON(args []string) (json bool) {
	const flag = "--log-format"
	for i, arg := range args {
		switch {
		case arg == "--":
			return json
		case arg == flag && i+1 < len(args):
			json = args[i+1] == "json"
		case strings.HasPrefix(arg, flag+"="):
			json = arg == flag+"=json"
		}
	}
	return json
}

// say tells something besides the result on standard error, for a person, or as a line of the log if that is JSON. What
// is said is said at whatever level the log begins.
func (a *app) say(level slog.Level, text string, more ...any) error {
	if a.logsJSON() {
		a.loggerFrom(slog.LevelDebug).Log(context.Background(), level, text, more...)
		return nil
	}
	_, err := fmt.Fprintf(a.stderr, "tokensweep: %s\n", clean(text))
	return err
}

// sayAll is say for a text of lines that a function writes, which stands as it is where the log is no JSON.
func (a *app) sayAll(what string, write func(io.Writer) error, more ...any) error {
	if !a.logsJSON() {
		return write(a.stderr)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	return a.say(slog.LevelInfo, what, append(more, "lines", strings.Split(strings.TrimSpace(text.String()), "\n"))...)
}

// takeDefaultLog logs what Go's own packages write to the default logger, as net/http does, and returns how to end
// that.
func (a *app) takeDefaultLog() (end func()) {
	flags, to := log.Flags(), log.Writer()
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(a.logger().Handler(), slog.LevelWarn).Writer())
	return func() {
		log.SetOutput(to)
		log.SetFlags(flags)
	}
}

// withRun is the program for the time of one run.
func (a *app) withRun(id string) *app {
	b := *a
	b.runID = id
	return &b
}

// printable makes a text of strangers safe to log: it shows what does not print as escapes, and removes what looks
// like a credential.
func printable(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 && attr.Key == slog.LevelKey {
		return attr
	}
	switch attr.Value.Kind() {
	case slog.KindString:
		return slog.String(attr.Key, clean(attr.Value.String()))
	case slog.KindAny:
		words, ok := attr.Value.Any().([]string)
		if !ok {
			return slog.String(attr.Key, clean(fmt.Sprint(attr.Value.Any())))
		}
		words = slices.Clone(words)
		for i := range words {
			words[i] = clean(words[i])
		}
		return slog.Any(attr.Key, words)
	}
	return attr
}

// clean makes any text fit to be told: it has nothing that does not print, and nothing that looks like a credential.
func clean(text string) string { return okta.Printable(okta.Scrub(text)) }

// recorded takes in the records of a run: into metrics, and into the log.
func (a *app) recorded(m *metrics.Set) func(ledger.Record) {
	log := a.logger()
	return func(r ledger.Record) {
		m.Recorded(r)
		logRecord(log, r)
	}
}

// logRecord logs what a run has just put on record and somebody would want to find in a log: changes, notices, the
// brake, and what others did.
func logRecord(log *slog.Logger, r ledger.Record) {
	switch r.Kind {
	case ledger.Intent:
		log.Info("change begins", "token", r.Token, "name", r.Name, "step", r.Step, "rules", r.Rules, "by", r.By, "seq",
			r.Seq)
	case ledger.Outcome:
		level := slog.LevelInfo
		if r.Result == ledger.ResultFailed || r.Result == ledger.ResultUnknown {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "change ended", "token", r.Token, "name", r.Name, "step", r.Step, "result",
			r.Result,
			"settled", r.Settled, "reason", r.Reason, "seq", r.Seq, "intent", r.Ref)
	case ledger.Noticed:
		log.Info("notice", "token", r.Token, "rule", r.Rule, "via", r.Via, "seq", r.Seq)
	case ledger.Voided:
		log.Info("notice is void", "token", r.Token, "rule", r.Rule, "reason", r.Reason, "seq", r.Seq)
	case ledger.Lifted:
		log.Warn("quarantine was lifted", "token", r.Token, "reason", r.Reason, "seq", r.Seq)
	case ledger.Vanished:
		log.Info("token vanished", "token", r.Token, "name", r.Name, "reason", r.Reason, "seq", r.Seq)
	case ledger.Exempted:
		log.Info("exempt", "token", r.Token, "rule", r.Rule, "reason", r.Reason, "seq", r.Seq)
	case ledger.Halt:
		log.Warn("halted", "reason", r.Reason, "by", r.By, "seq", r.Seq)
	case ledger.Resume:
		log.Info("resumed", "reason", r.Reason, "by", r.By, "seq", r.Seq)
	}
}

// logReport logs how a run went, and before that each finding of which something was done, or would have been.
// Tokens that are only reported are in the report.
func logReport(log *slog.Logger, r *audit.Report) {
	for i := range r.Findings {
		f := &r.Findings[i]
		switch f.Outcome {
		case audit.Flagged, audit.Pending, audit.Protected, audit.Exempt, audit.Unknown:
			continue
		case audit.Quarantined:
			if !f.Done { // by an earlier run
				continue
			}
		}
		ids := make([]string, 0, len(f.Matched))
		for _, m := range f.Matched {
			ids = append(ids, m.Rule.ID)
		}
		name, _ := f.Token.Name.Get()
		client, _ := f.Token.ClientName.Get()
		log.Info("finding", "token", f.Token.ID, "name", name, "client", client, "rules", ids, "severity",
			f.Severity.String(), "step", f.Step.String(), "outcome", string(f.Outcome), "reason", f.Reason)
	}
	log.Info("run finished", "mode", string(r.Mode), "complete", r.Complete, "tokens", r.Tokens, "pages", r.Pages,
		"findings", len(r.Findings), "took", r.Finished.Sub(r.Started).Round(time.Millisecond).String(), "exitCode",
		int(r.Code), "plan", r.Digest, "ledger", r.Head.String())
}
