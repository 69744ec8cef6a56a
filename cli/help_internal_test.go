package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// Every help fits on a terminal of 80 columns.
func TestHelpIsEightyColumnsWide(t *testing.T) {
	var stdout bytes.Buffer
	root := (&app{env: func(string) (string, bool) { return "", false }, stdout: &stdout, stderr: &stdout,
		summary: &summary{}}).root()
	commands := 0
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		stdout.Reset()
		require.NoError(t, c.Help())
		require.Contains(t, stdout.String(), "Usage:")
		for line := range strings.Lines(stdout.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), helpWidth, "%s: %s",
				c.CommandPath(), line)
		}
		commands++
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	require.Greater(t, commands, 15)
}

// Every flag that names a file or a directory is known to be read, kept or written: checkFiles refuses outputs onto the
// others.
func TestEveryFlagThatNamesAFileSaysWhatItIsFor(t *testing.T) {
	root := (&app{env: func(string) (string, bool) { return "", false }, summary: &summary{}}).root()
	met := make(map[string]bool)
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind, _ := pflag.UnquoteUsage(f)
			_, known := fileFlags[f.Name]
			require.Equal(t, known, kind == "file" || kind == "directory", "%s --%s %s", c.CommandPath(), f.Name, kind)
			if known {
				met[f.Name] = true
			}
		})
		for _, sub := range c.Commands() {
			require.Nil(t, sub.PersistentPreRunE, "it would come in place of checkFiles")
			visit(sub)
		}
	}
	visit(root)
	require.Len(t, met, len(fileFlags))
}
