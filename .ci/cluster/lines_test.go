package cluster_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is a command of a paper: a line of a block of code, with those that it goes on in, or code within a sentence.
type line struct{ file, text string }

var (
	fence  = regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```$")
	inline = regexp.MustCompile("`(kubectl [^`]+)`")
)

// linesOf are the kubectl lines of all papers, in their order.
func linesOf(t *testing.T) (lines []line) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	require.NoError(t, err)
	for _, file := range append([]string{filepath.Join(root, "README.md")}, files...) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		name, rest := strings.TrimPrefix(file, root+"/"), string(raw)
		for {
			at := fence.FindStringSubmatchIndex(rest)
			prose := rest
			if at != nil {
				prose = rest[:at[0]]
			}
			for _, m := range inline.FindAllStringSubmatch(prose, -1) {
				lines = append(lines, line{name, strings.Join(strings.Fields(m[1]), " ")})
			}
			if at == nil {
				break
			}
			block := strings.ReplaceAll("\n"+rest[at[6]:at[7]], "\n"+rest[at[2]:at[3]], "\n")
			for _, command := range commands(t, block) {
				if strings.Contains(command, "kubectl") {
					lines = append(lines, line{name, command})
				}
			}
			rest = rest[at[1]:]
		}
	}
	return lines
}

// commands are the commands of a block of code: a line, and those after it until the shell takes it for whole.
func commands(t *testing.T, block string) (whole []string) {
	t.Helper()
	command := ""
	for text := range strings.Lines(block) {
		if command += text; strings.TrimSpace(command) == "" || strings.HasSuffix(text, "\\\n") {
			continue
		}
		if exec.Command("bash", "-n", "-c", command).Run() == nil {
			whole = append(whole, strings.TrimSpace(command))
			command = ""
		}
	}
	require.NotContains(t, command, "kubectl", "no shell takes this for whole")
	return whole // what is left is no command: YAML, JSON, what a program prints
}

// remarks are the kubectl lines in comments of the manifests, with what follows in their sentence.
func remarks(t *testing.T) (lines []line) {
	t.Helper()
	deploy := filepath.Join(root, "deploy")
	require.NoError(t, filepath.WalkDir(deploy, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(file)
		for _, m := range regexp.MustCompile(`(?m)^ *#.*?(kubectl -?[a-z].*)$`).FindAllStringSubmatch(string(raw), -1) {
			lines = append(lines, line{strings.TrimPrefix(file, root+"/"), m[1]})
		}
		return err
	}))
	return lines
}
