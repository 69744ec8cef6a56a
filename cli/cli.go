// Package cli is the command line: one file for each command, with its flags, what it reads from the
// environment, and how its result becomes output and an exit code. It decides nothing itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Main runs the program with the arguments args, its name not among them, and returns its exit code.
// lookup reads the environment as os.LookupEnv does. stderr is written by several goroutines at once, as a file allows.
// SIGINT and SIGTERM end it in an orderly way.
func Main(args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	if limit, _ := lookup("GOMEMLIMIT"); limit == "" { // else the runtime has read it, off too
		debug.SetMemoryLimit(softMemory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ignoreSignals()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	a := &app{env: environment(lookup), stdout: stdout, stderr: stderr, summary: &summary{}}
	root := a.root()
	strict(root)
	if asksForJSON(args) {
		a.logFormat.value = "json"
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	code := a.complain(err, cmd.CommandPath())
	a.summarise(cmd, err, code)
	if a.logEnd != nil {
		a.logEnd()
	}
	return int(code)
}

// softMemory is from when on memory is saved at the cost of time: garbage is collected more often the closer to it the
// program comes. It is well below the 256 Mi of the pod that deploy/ ships, and nothing fails beyond it. GOMEMLIMIT
// sets another, or none (https://pkg.go.dev/runtime#hdr-Environment_Variables).
const softMemory = 160 << 20

// app is what the commands share.
type app struct {
	env            environment
	stdout, stderr io.Writer
	logFormat      *choice
	logLevel       *choice
	runID          string // of the run under way, "" if none is
	summary        *summary
	files          *files // nil until the flags are known
	logEnd         func() // ends takeDefaultLog; nil if that has not begun
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tokensweep",
		Short: "a hygiene job for Okta API tokens",
		Long: `tokensweep lists every API token of an Okta org, judges each by the rules of a
policy file, and reports what it found. It changes nothing unless the policy
says mode: enforce and the command says --enforce.

Try it without anything:   tokensweep demo
Then with your org:        export OKTA_CLIENT_ORGURL=https://acme.okta.com
                           export OKTA_CLIENT_TOKEN_FILE=/path/to/token
                           tokensweep run --policy policy.yaml`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(checkDashes(cmd), noSecrets(cmd)); err != nil {
				return err
			}
			a.logEnd = a.takeDefaultLog()
			if err := a.checkPlaces(cmd); err != nil {
				return err
			}
			return a.checkFiles(cmd)
		},
	}
	root.SetUsageFunc(writeUsage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		a.summary.flagsWrong = true
		return flagError(cmd, err)
	})
	root.SetOut(scrubbed{a.stdout}) // what cobra itself says may repeat an argument
	root.SetErr(scrubbed{a.stderr})
	a.logFormat, a.logLevel = newChoice("text", "text", "json"), newChoice("warn", "debug", "info", "warn", "error")
	a.logFormat.add(root, root.PersistentFlags(), "log-format", "", "form of the log")
	a.logLevel.add(root, root.PersistentFlags(), "log-level", "", "least level to log")
	root.AddCommand(a.runCommand(), a.serveCommand(), a.validateCommand(), a.testCommand(), a.explainCommand(),
		a.simulateCommand(), a.tokensCommand(), a.ledgerCommand(),
		a.haltCommand(), a.resumeCommand(), a.doctorCommand(), a.demoCommand(), a.versionCommand())
	return root
}

// print writes a short result to standard output.
func (a *app) print(text string) error {
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return undelivered(err)
	}
	return nil
}

// complain tells a person what went wrong with a command and returns the exit code.
func (a *app) complain(err error, command string) audit.ExitCode {
	if err == nil {
		return audit.OK
	}
	f := failureOf(err)
	if known := new(failure); !errors.As(err, &known) {
		f.hint = "see " + command + " --help"
	}
	if a.logsJSON() {
		a.complainInLog(f)
		return f.code
	}
	var mistakes rules.Mistakes
	switch {
	case f.reported || f.err == nil:
	case errors.As(err, &mistakes):
		_, _ = fmt.Fprintln(a.stderr, mistakes.Error())
	default:
		for line := range strings.Lines(okta.Scrub(f.err.Error())) {
			_, _ = fmt.Fprintf(a.stderr, "tokensweep: %s\n", clean(strings.TrimSpace(line)))
		}
	}
	if f.hint != "" {
		_, _ = fmt.Fprintf(a.stderr, "tokensweep: %s\n", clean(f.hint))
	}
	return f.code
}

// complainInLog is complain where the log is JSON. What the report told is told here too: nobody reads the one in the
// place of the other.
func (a *app) complainInLog(f *failure) {
	more := []any{"exitCode", int(f.code)}
	if f.hint != "" {
		more = append(more, "hint", f.hint)
	}
	text := "the command ended with an exit code that says so"
	var mistakes rules.Mistakes
	switch {
	case f.err == nil:
	case errors.As(f.err, &mistakes):
		text = "the policy has mistakes"
		lines := make([]string, 0, len(mistakes))
		for _, m := range mistakes {
			lines = append(lines, m.String())
		}
		more = append(more, "mistakes", lines)
	default:
		text = strings.Join(strings.Fields(f.err.Error()), " ")
	}
	_ = a.say(slog.LevelError, text, more...)
}
