package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/cli"
)

// generated stands at the top of each reference, below its title.
const generated = "<!-- Written by go test ./cli -run Reference -update. -->\n\n"

// The references in docs are made from the tables that the program works by; -update writes them anew.
func TestReferencesFollowTheTables(t *testing.T) {
	for name, write := range map[string]func(*testing.T) string{
		"environment.md": environmentReference, "commands.md": commandReference,
	} {
		t.Run(name, func(t *testing.T) {
			file, want := filepath.Join("../docs", name), write(t)
			if *update {
				require.NoError(t, os.MkdirAll("../docs", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
			}
			got, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		})
	}
}

func environmentReference(*testing.T) string {
	return "# Environment and exit codes\n\n" + generated + variableReference() + exitReference()
}

func variableReference() string {
	var b strings.Builder
	b.WriteString("## Variables\n\n" +
		"The program reads these variables, the files that they and its flags name, and nothing else: no home\n" +
		"directory, no dot files. Every secret can be given as a file instead: the same name with `_FILE`. It is an\n" +
		"error to set both.\n\n| name | secret | meaning |\n|---|---|---|\n")
	for _, foreign := range []bool{false, true} {
		if foreign {
			b.WriteString("\nGo's own libraries read these, proxies also by their names in small letters:\n\n" +
				"| name | meaning |\n|---|---|\n")
		}
		for _, v := range cli.Variables {
			switch {
			case v.Foreign != foreign:
			case foreign:
				fmt.Fprintf(&b, "| `%s` | %s |\n", v.Name, v.Meaning)
			case v.Secret:
				fmt.Fprintf(&b, "| `%s`, `%[1]s_FILE` | yes | %s |\n", v.Name, v.Meaning)
			default:
				fmt.Fprintf(&b, "| `%s` | | %s |\n", v.Name, v.Meaning)
			}
		}
	}
	return b.String()
}

func exitReference() string {
	var b strings.Builder
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	byNumber := slices.SortedFunc(slices.Values(audit.Exits), func(a, b audit.Exit) int { return int(a.Code - b.Code) })
	for _, e := range byNumber {
		fmt.Fprintf(&b, "| %d | %s |\n", e.Code, e.Meaning)
	}
	order := make([]string, 0, len(audit.Exits))
	for _, e := range audit.Exits[:len(audit.Exits)-1] { // 0 is what is left
		order = append(order, fmt.Sprint(int(e.Code)))
	}
	b.WriteString("\n1 and 2 are left to Go and the shell, so that a Job's `podFailurePolicy` can tell them\n" +
		"apart. When several codes apply, the one that needs a person soonest is taken: " +
		strings.Join(order, ", ") + ".\n")
	return b.String()
}

func commandReference(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n" + generated + "This is what `--help` says of every command.\n")
	cli.Commands(t, func(path, short, help string) {
		if !strings.HasPrefix(help, short) {
			help = short + "\n\n" + help
		}
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s```\n", path, help)
	})
	return b.String()
}

// Whatever of the environment the program reads is in the table, and so in the reference.
func TestEveryVariableThatIsReadIsInTheTable(t *testing.T) {
	known := make(map[string]bool)
	for _, v := range cli.Variables {
		require.Regexp(t, `^[A-Z][A-Z0-9_]+$`, v.Name)
		require.NotEmpty(t, v.Meaning, v.Name)
		require.False(t, known[v.Name], "%s is there twice", v.Name)
		known[v.Name] = true
		known[v.Name+"_FILE"] = v.Secret
	}
	quoted := regexp.MustCompile(`"((?:OKTA|SLACK|TOKENSWEEP|AWS)_[A-Z0-9_]+|HTTPS?_PROXY|NO_PROXY)"`)
	environment := regexp.MustCompile(`os\.(?:Getenv|LookupEnv|Environ|ExpandEnv)\(`)
	read := make(map[string]bool)
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		hidden := d != nil && path != ".." && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range quoted.FindAllSubmatch(source, -1) {
			require.True(t, known[string(m[1])], "%s reads %s", path, m[1])
			read[string(m[1])] = true
		}
		if filepath.Base(path) != "main.go" {
			require.False(t, environment.Match(source), "%s: the environment comes from main.go", path)
		}
		return nil
	}))
	for _, v := range cli.Variables {
		require.True(t, v.Foreign || read[v.Name], "nobody reads %s", v.Name)
	}
}
