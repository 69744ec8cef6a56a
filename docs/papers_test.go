// Package docs has the tests of README, CONTRIBUTING and the papers beside them: what they say is so. What .ci says
// of a failure is tested here too.
package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/rules"
)

// papers are what people read, by file name: README and all that it leads to.
func papers(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "findings/*.md"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			all[filepath.ToSlash(file)] = paper(t, file)
		}
	}
	require.Greater(t, len(all), 10)
	return all
}

func paper(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(raw)
}

var fence = regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```$")

// prose is a paper without its blocks of code.
func prose(text string) string { return fence.ReplaceAllString(text, "") }

// program builds the program once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tokensweep-papers-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "tokensweep")
	if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		return "", &os.PathError{Op: string(out), Path: file, Err: err}
	}
	return file, nil
})

// TestMain has all tests run where README is.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	code := m.Run()
	if file, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// helps are the results of helpOf, by command.
var helps = make(map[string]string)

// helpOf returns the help of a command, and whether there is one of this name.
func helpOf(t *testing.T, command ...string) (string, bool) {
	t.Helper()
	key := strings.Join(command, " ")
	if help, known := helps[key]; known {
		return help, help != ""
	}
	file, err := program()
	require.NoError(t, err)
	help, err := exec.Command(file, slices.Concat(command, []string{"--help"})...).CombinedOutput()
	if err != nil {
		help = nil
	}
	helps[key] = string(help)
	return string(help), err == nil
}

// subcommands are the names of the commands below a command.
func subcommands(t *testing.T, command ...string) (names []string) {
	t.Helper()
	help, known := helpOf(t, command...)
	require.True(t, known, "%v", command)
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+) `).FindAllStringSubmatch(list, -1) {
		names = append(names, m[1])
	}
	return names
}

// invocations are the commands in a paper that begin with tokensweep, as words: in blocks of code and between
// backticks.
func invocations(text string) (all [][]string) {
	lines := regexp.MustCompile("`[^`\n]+`").FindAllString(prose(text), -1)
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(block[3], "\n")...)
	}
	for _, line := range lines {
		line = strings.TrimPrefix(strings.Trim(line, " `"), "$ ")
		if i := strings.IndexAny(line, "|>#;&"); i >= 0 {
			line = line[:i]
		}
		if words := strings.Fields(line); len(words) > 1 && words[0] == "tokensweep" {
			all = append(all, words[1:])
		}
	}
	return all
}

func TestCommandsInPapersExist(t *testing.T) {
	seen := 0
	for file, text := range papers(t) {
		if file == "CHANGELOG.md" {
			continue // it tells of the past
		}
		for _, words := range invocations(text) {
			command := words[:1]
			if len(words) > 1 && slices.Contains(subcommands(t, words[0]), words[1]) {
				command = words[:2]
			}
			help, known := helpOf(t, command...)
			require.True(t, known, "%s: tokensweep %v", file, words)
			require.Contains(t, help, "tokensweep "+strings.Join(command, " "), "%s: tokensweep %v", file, words)
			for _, word := range words {
				if flag, _, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "-") {
					require.Regexp(t, regexp.QuoteMeta(flag)+`\b`, help, "%s: tokensweep %v", file, words)
				}
			}
			seen++
		}
	}
	require.Greater(t, seen, 30)
}

// foreign are flags in papers that belong to other programs.
var foreign = []string{"--cached", "--build-arg", "--platform"}

func TestFlagsInPapersExist(t *testing.T) {
	var all strings.Builder
	for _, name := range subcommands(t) {
		help, _ := helpOf(t, name)
		all.WriteString(help)
		if strings.Contains(help, "[command]") {
			for _, sub := range subcommands(t, name) {
				help, _ := helpOf(t, name, sub)
				all.WriteString(help)
			}
		}
	}
	for file, text := range papers(t) {
		for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(prose(text), -1) {
			if strings.Contains(code, "kubectl") {
				continue
			}
			for _, flag := range regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(code, -1) {
				if !slices.Contains(foreign, flag) {
					require.Regexp(t, regexp.QuoteMeta(flag)+`\b`, all.String(), "%s: %s", file, code)
				}
			}
		}
	}
}

func TestPapersExplainEveryCommandAndOutcome(t *testing.T) {
	var all strings.Builder
	for file, text := range papers(t) {
		if file != "docs/commands.md" { // which only repeats what --help says
			all.WriteString(text)
		}
	}
	names := subcommands(t)
	require.Greater(t, len(names), 12)
	for _, name := range names {
		if name != "help" {
			require.Regexp(t, `(tokensweep|go run \.) `+name, all.String(), "the command %s is explained", name)
		}
	}
	reports := paper(t, "docs/reports.md")
	for _, outcome := range audit.Outcomes {
		require.Regexp(t, "(?m)^\\| `"+string(outcome)+"` \\|", reports, "outcome %s is explained", outcome)
	}
}

func TestPoliciesInPapersAreValid(t *testing.T) {
	whole := 0
	for file, paper := range papers(t) {
		for _, b := range fence.FindAllStringSubmatch(paper, -1) {
			text := strings.ReplaceAll("\n"+b[3], "\n"+b[1], "\n")
			if b[2] != "yaml" || !strings.Contains(text, "\nrules:") {
				continue // a part of one
			}
			if !strings.Contains(text, "\nversion:") {
				text = "version: 1\n" + text
			}
			_, err := rules.Parse(file, []byte(text))
			require.NoError(t, err, "%s: %s", file, text)
			whole++
		}
	}
	require.Greater(t, whole, 2)
}

// What a paper calls a proof is one: a test or benchmark that there is, or a row of .ci/PROOF.md.
func TestTestsThatPapersNameExist(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "-co", "--exclude-standard", "*_test.go").Output()
	if err != nil {
		t.Skip("not a clone")
	}
	var sources bytes.Buffer
	for _, file := range strings.Fields(string(files)) {
		source, err := os.ReadFile(file)
		if err == nil { // else it was removed, and git doesn't know yet
			sources.Write(source)
		}
	}
	proof, rows := paper(t, ".ci/PROOF.md"), 0
	for file, text := range papers(t) {
		named := regexp.MustCompile(`go test.*`).ReplaceAllString(text, "") // which takes a part of a name
		for _, name := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(named, -1) {
			require.Contains(t, sources.String(), "func "+name+"(", "%s names %s", file, name)
		}
		for _, m := range regexp.MustCompile(`-bench '?([A-Z]\w+)`).FindAllStringSubmatch(text, -1) {
			require.Contains(t, sources.String(), "func Benchmark"+m[1], "%s has -bench %s", file, m[1])
		}
		for _, m := range regexp.MustCompile(`go test[^\n]* -run '?\^?(\w+)`).FindAllStringSubmatch(text, -1) {
			part := strings.TrimPrefix(m[1], "Test")
			require.Regexp(t, `func (Test|Fuzz)\w*`+part, sources.String(), "%s has -run %s", file, m[1])
		}
		for _, row := range regexp.MustCompile(`\b(?:I|N|S|K)\d{1,2}\b`).FindAllString(text, -1) {
			require.Contains(t, proof, "| "+row+" |", "%s names the row", file)
			rows++
		}
	}
	require.Greater(t, rows, 20)
}
