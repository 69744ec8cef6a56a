package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// summary is the line that a run leaves in a file when it has ended, however it ended.
type summary struct {
	file       string        // "" if none is wanted
	run        *runFlags     // what the run was told
	report     *audit.Report // nil until there is one
	flagsWrong bool          // the flags are wrong, so that nobody knows what others would have named
}

const summaryFlag = "--summary-file"

// add defines --summary-file.
func (s *summary) add(cmd *cobra.Command, f *runFlags) {
	s.run = f
	cmd.Flags().StringVar(&s.file, summaryFlag[2:], "", fmt.Sprintf(
		"write how the run went into this `file`, as one line of JSON of at most %d bytes, also if it fails; given "+
			"first, flags that are wrong are told there too", notify.MaxSummary))
}

// check finds out before the run whether the line can be written. Where it can't, that is said once, and not again at
// the end.
func (s *summary) check(a *app) error {
	if s.file == "" {
		return nil
	}
	name := s.file
	target, err := a.files.target(summaryFlag, name)
	if err != nil {
		return err
	}
	if err := overwritable(target); err != nil {
		s.file = ""
		return usage("%s %s: %w", summaryFlag, name, err)
	}
	return nil
}

// overwritable finds out whether a file can be written that is there, or made where there is none. It changes nothing.
func overwritable(target string) error {
	st, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writable(target)
	case err != nil:
		return cause(err)
	case !st.Mode().IsRegular(): // a pipe would wait for a reader
		return errors.New("not a regular file")
	}
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return cause(err)
	}
	return f.Close()
}

// summarise writes the line of a command that ended with err and code. It comes after all else: that it can't be
// written is logged, and changes nothing.
func (a *app) summarise(cmd *cobra.Command, err error, code audit.ExitCode) {
	if a.summary.file == "" {
		return
	}
	if a.files == nil {
		a.files = a.filesOf(cmd)
	}
	line := &notify.Summary{Report: a.summary.report, Mode: rules.DryRun, Code: code, Err: errorText(err)}
	if a.summary.run.enforce {
		line.Mode = rules.Enforce
	}
	if url, err := okta.ParseOrgURL(a.env.or("OKTA_CLIENT_ORGURL",
		"")); err == nil { // else it may be anything, a secret too
		line.OrgURL = url.String()
	}
	var b bytes.Buffer
	if err := errors.Join(notify.SummaryLine(&b, line), a.overwrite(&b)); err != nil {
		a.logger().Warn("the summary could not be written", "reason", clean(err.Error()))
	}
}

// errorText is what a command complained of.
func errorText(err error) string {
	if f := (*failure)(nil); err == nil || (errors.As(err, &f) && f.err == nil) {
		return ""
	}
	return okta.Scrub(err.Error())
}

// overwrite replaces what is in the summary's file, and leaves the file itself: Kubernetes reads the one that it has
// mounted.
func (a *app) overwrite(text *bytes.Buffer) error {
	target, err := a.files.target(summaryFlag, a.summary.file)
	if err != nil {
		return err
	}
	if st, err := os.Stat(target); err == nil && !st.Mode().IsRegular() { // a pipe would wait for a reader
		return fmt.Errorf("%s %s: not a regular file", summaryFlag, a.summary.file)
	}
	if was, err := os.ReadFile(target); a.summary.flagsWrong && err == nil && len(was) > 0 && !notify.IsSummary(was) {
		return fmt.Errorf(
			"%s %s: it has something else in it, and since a flag is wrong nobody can tell what it is for", summaryFlag,
			a.summary.file)
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("%s %s: %w", summaryFlag, a.summary.file, cause(err)) // the name is told as it was given
	}
	_, err = text.WriteTo(f)
	return errors.Join(err, f.Close())
}
