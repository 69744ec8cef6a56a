package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// summary is the line that a run leaves in a file when it has ended, however it ended.
type summary struct {
	file   string        // "" if none is wanted
	run    *runFlags     // what the run was told
	report *audit.Report // nil until there is one
}

// add defines --summary-file.
func (s *summary) add(cmd *cobra.Command, f *runFlags) {
	s.run = f
	cmd.Flags().StringVar(&s.file, "summary-file", "", fmt.Sprintf(
		"write how the run went into this `file`, as one line of JSON of at most %d bytes, also if it fails; given first, flags that are wrong are told there too", notify.MaxSummary))
}

// summarise writes the line of a command that ended with err and code. It comes after all else: that it can't be
// written is logged, and changes nothing.
func (a *app) summarise(err error, code audit.ExitCode) {
	if a.summary.file == "" {
		return
	}
	line := &notify.Summary{Report: a.summary.report, Mode: rules.DryRun, Code: code, Err: said(err)}
	if a.summary.run.enforce {
		line.Mode = rules.Enforce
	}
	if url, err := okta.ParseOrgURL(a.env.or("OKTA_CLIENT_ORGURL", "")); err == nil { // else it may be anything, a secret too
		line.OrgURL = url.String()
	}
	var b bytes.Buffer
	if err := errors.Join(notify.SummaryLine(&b, line), overwrite(a.summary.file, &b)); err != nil {
		a.logger().Warn("the summary could not be written", "reason", okta.Printable(err.Error()))
	}
}

// said is what a command complained of.
func said(err error) string {
	if f := (*failure)(nil); err == nil || (errors.As(err, &f) && f.err == nil) {
		return ""
	}
	return err.Error()
}

// overwrite replaces what is in a file, and leaves the file itself: Kubernetes reads the one that it has mounted.
func overwrite(name string, text *bytes.Buffer) error {
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() { // a pipe would wait for a reader
		return fmt.Errorf("--summary-file %s: not a regular file", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("--summary-file: %w", err)
	}
	_, err = text.WriteTo(f)
	return errors.Join(err, f.Close())
}
