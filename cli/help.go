package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how wide help is at most, in columns.
const helpWidth = 80

// writeUsage writes how a command is used in the words of cobra, and not wider than helpWidth. A usage template of
// cobra's could do that too, but would link text/template, which makes the program a quarter larger.
func writeUsage(c *cobra.Command) error {
	var b strings.Builder
	part := func(title, body string) {
		if body = strings.TrimRight(body, " \n"); body != "" {
			_, _ = fmt.Fprintf(&b, "\n%s:\n%s\n", title, body)
		}
	}
	b.WriteString("Usage:\n")
	if c.Runnable() {
		_, _ = fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	commands := ""
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			commands += fmt.Sprintf("  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	if commands != "" {
		_, _ = fmt.Fprintf(&b, "  %s [command]\n", c.CommandPath())
	}
	part("Examples", c.Example)
	part("Available Commands", commands)
	part("Flags", c.LocalFlags().FlagUsagesWrapped(helpWidth))
	part("Global Flags", c.InheritedFlags().FlagUsagesWrapped(helpWidth))
	if commands != "" {
		_, _ = fmt.Fprintf(&b, "\nUse %s [command] --help for more about a command.\n", c.CommandPath())
	}
	_, err := io.WriteString(c.OutOrStderr(), b.String())
	return err
}
