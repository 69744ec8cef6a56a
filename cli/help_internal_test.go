package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Every help fits on a terminal of 80 columns.
func TestHelpIsEightyColumnsWide(t *testing.T) {
	var stdout bytes.Buffer
	root := (&app{env: func(string) (string, bool) { return "", false }, stdout: &stdout, stderr: &stdout, summary: &summary{}}).root()
	commands := 0
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		stdout.Reset()
		require.NoError(t, c.Help())
		require.Contains(t, stdout.String(), "Usage:")
		for line := range strings.Lines(stdout.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), helpWidth, "%s: %s", c.CommandPath(), line)
		}
		commands++
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	require.Greater(t, commands, 15)
}
