package cli

import (
	"bytes"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// DemoOrg is the org of the demo.
var DemoOrg = demoOrg

// Commands calls f for each command and its help, in the order of the help of the program.
func Commands(t *testing.T, f func(path, short, help string)) {
	t.Helper()
	var help bytes.Buffer
	a := &app{env: func(string) (string, bool) { return "", false }, stdout: &help, stderr: &help, summary: &summary{}}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		help.Reset()
		require.NoError(t, c.Help())
		f(c.CommandPath(), c.Short, help.String())
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
}
