package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// What is named instead of a word that is not known is there: commands, flags with their values, and variables. And no
// word in the tables is one that is known.
func TestWhatIsNamedInsteadIsThere(t *testing.T) {
	root := (&app{env: func(string) (string, bool) { return "", false }, summary: &summary{}}).root()
	for path, words := range otherCommands {
		for word, other := range words {
			cmd, rest, err := root.Find(strings.Fields(path + " " + other)[1:])
			require.NoError(t, err, other)
			require.NotEqual(t, path, cmd.CommandPath(), "%s: %s", word, other)
			require.NoError(t, cmd.ParseFlags(rest), "%s: %s", word, other)
			require.Empty(t, cmd.Flags().Args(), "%s: %s", word, other)
			group, _, err := root.Find(strings.Fields(path)[1:])
			require.NoError(t, err)
			for _, sub := range group.Commands() {
				require.NotEqual(t, word, sub.Name(), "it is a command of %s", path)
			}
		}
	}
	flags := make(map[string]pflag.Value)
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, either := f.Value.(*choice); either || flags[f.Name] == nil {
				flags[f.Name] = f.Value
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	for word, others := range otherFlags {
		for _, other := range others {
			name, value, _ := strings.Cut(other, " ")
			require.Contains(t, flags, name, word)
			require.NotEqual(t, word, name)
			if of, either := flags[name].(*choice); either && value != "" && name != "output" {
				require.Contains(t, of.words, value, word)
			}
		}
	}
	for word, name := range flagsElsewhere {
		_, ok := variable(name)
		require.True(t, ok, "%s: %s", word, name)
	}
}
