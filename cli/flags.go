package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/audit"
	"tokensweep/rules"
)

// choice is a flag whose value is one of a few words.
type choice struct {
	value string
	words []string
}

func newChoice(value string, words ...string) *choice { return &choice{value, words} }

// add defines the flag, one of one letter unless that is "", and its completion.
func (c *choice) add(cmd *cobra.Command, flags *pflag.FlagSet, name, short, usage string) {
	flags.VarP(c, name, short, fmt.Sprintf("%s: %s", usage, strings.Join(c.words, ", ")))
	if err := cmd.RegisterFlagCompletionFunc(name,
		cobra.FixedCompletions(c.words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // two flags of one name
	}
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return "word" }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("want one of %s", strings.Join(c.words, ", "))
	}
	c.value = s
	return nil
}

// severityFlag is a flag whose value is a severity; the zero value is none.
type severityFlag struct{ rules.Severity }

// String implements pflag.Value.
func (f *severityFlag) String() string {
	if f.Severity == 0 {
		return ""
	}
	return f.Severity.String()
}

// Type implements pflag.Value.
func (f *severityFlag) Type() string { return "severity" }

// Set implements pflag.Value.
func (f *severityFlag) Set(s string) (err error) {
	if f.Severity, err = rules.ParseSeverity(s); err != nil {
		return errors.New("want one of low, medium, high, critical") // the error has the word
	}
	return nil
}

// instantFlag is a flag whose value is a moment: RFC 3339, or a date, which means its first moment in UTC.
type instantFlag struct{ time.Time }

// String implements pflag.Value.
func (f *instantFlag) String() string {
	if f.IsZero() {
		return ""
	}
	return f.Format(time.RFC3339)
}

// Type implements pflag.Value.
func (f *instantFlag) Type() string { return "time" }

// Set implements pflag.Value.
func (f *instantFlag) Set(s string) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			f.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("want a time like 2026-11-23T09:00:00Z, or a date")
}

// ageFlag is a flag whose value is how old a plan may be.
type ageFlag struct{ time.Duration }

// String implements pflag.Value.
func (f *ageFlag) String() string {
	if f.Duration == audit.DefaultPlanAge {
		return "24h"
	}
	return rules.FormatDuration(f.Duration)
}

// Type implements pflag.Value.
func (f *ageFlag) Type() string { return "time" }

// Set implements pflag.Value.
func (f *ageFlag) Set(s string) error {
	d, err := rules.ParseDuration(s)
	if err == nil && (d <= 0 || d > audit.MaxPlanAge) {
		err = fmt.Errorf("want more than 0 and at most %s", rules.FormatDuration(audit.MaxPlanAge))
	}
	if err == nil {
		f.Duration = d
	}
	return err
}
