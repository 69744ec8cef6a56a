package main

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/rules"
)

// layers are the packages, lowest first: each may import those before it and no other of ours.
var layers = []string{"okta", "rules", "audit", "notify", "cli", ""}

func layerOf(pkg string) int {
	dir, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(pkg, "tokensweep"), "/"), "/")
	return slices.Index(layers, dir)
}

// sources are the Go files that make the program.
func sources(t *testing.T) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return nil
	}))
	return files
}

func TestImportsPointOneWay(t *testing.T) {
	for _, file := range sources(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		dir := filepath.ToSlash(filepath.Dir(file))
		own := layerOf("tokensweep/" + strings.TrimPrefix(dir, "."))
		require.GreaterOrEqual(t, own, 0, "%s is in no layer", file)
		for _, spec := range parsed.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			require.NotEqual(t, "testing", path, "%s is part of the program", file)
			if path != "tokensweep" && !strings.HasPrefix(path, "tokensweep/") {
				continue
			}
			require.LessOrEqual(t, layerOf(path), own, "%s imports %s", file, path)
			require.NotEqual(t, "okta/oktatest", dir,
				"the fake org must not share the client's mistakes: %s imports %s", file, path)
		}
	}
}

func TestDirectDependenciesAreThoseAgreedUpon(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var direct []string
	for line := range strings.Lines(string(mod)) {
		if m := regexp.MustCompile(`^(?:require )?\s*([a-z0-9.]+/\S+) v\S+$`).FindStringSubmatch(
			strings.TrimRight(line, "\n")); m != nil {
			direct = append(direct, m[1])
		}
	}
	slices.Sort(direct)
	require.Equal(t, []string{
		"github.com/go-jose/go-jose/v4",
		"github.com/jedib0t/go-pretty/v6",
		"github.com/prometheus/client_golang",
		"github.com/prometheus/common",
		"github.com/robfig/cron/v3",
		"github.com/rogpeppe/go-internal",
		"github.com/santhosh-tekuri/jsonschema/v6", // for tests alone
		"github.com/slack-go/slack",
		"github.com/spf13/cobra",
		"github.com/spf13/pflag",
		"github.com/stretchr/testify",
		"golang.org/x/term",
		"gopkg.in/yaml.v3",
		"pgregory.net/rapid",
	}, direct)
}

func TestEveryExportedIdentifierIsDocumented(t *testing.T) {
	byDir := make(map[string][]*ast.File)
	fset := token.NewFileSet()
	for _, file := range sources(t) {
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		require.NoError(t, err)
		byDir[filepath.Dir(file)] = append(byDir[filepath.Dir(file)], parsed)
	}
	for dir, files := range byDir {
		p, err := doc.NewFromFiles(fset, files, dir)
		require.NoError(t, err)
		require.NotEmpty(t, p.Doc, "package %s", dir)
		need := func(name, text string) {
			require.NotEmpty(t, text, "%s.%s", dir, name)
		}
		values := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, spec := range v.Decl.Specs {
					if s := spec.(*ast.ValueSpec); s.Doc == nil && s.Comment == nil {
						need(s.Names[0].Name, v.Doc)
					}
				}
			}
		}
		values(slices.Concat(p.Consts, p.Vars))
		for _, f := range p.Funcs {
			need(f.Name, f.Doc)
		}
		for _, typ := range p.Types {
			need(typ.Name, typ.Doc)
			values(slices.Concat(typ.Consts, typ.Vars))
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				need(typ.Name+"."+f.Name, f.Doc)
			}
		}
	}
}

func TestREADMEIsTrue(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(raw)
	require.Contains(t, readme, "go run . demo")
	require.Contains(t, readme, "go test ./...")

	program := filepath.Join(t.TempDir(), "tokensweep")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	commands := regexp.MustCompile(
		`(?m)^\s*tokensweep ([a-z]+(?: [a-z]+)?)((?: +--?[a-z-]+(?:[ =][^\s|>-][^\s|>]*)?)*)`).FindAllStringSubmatch(
		readme, -1)
	require.NotEmpty(t, commands)
	for _, c := range commands {
		args := append(strings.Fields(c[1]), "--help")
		help, err := exec.Command(program, args...).CombinedOutput()
		require.NoError(t, err, "%s: %s", c[0], help)
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(c[2], -1) {
			require.Contains(t, string(help), flag, "%s", c[0])
		}
	}
	help, err := exec.Command(program, "--help").Output()
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^  ([a-z]+)  +`).FindAllStringSubmatch(string(help), -1)
	require.Greater(t, len(names), 12)
	for _, c := range names {
		if c[1] != "help" && c[1] != "tokensweep" {
			require.Regexp(t, `(tokensweep|go run \.) `+c[1], readme, "the command %s is explained", c[1])
		}
	}
	exits, err := os.ReadFile("audit/exit.go")
	require.NoError(t, err)
	codes := regexp.MustCompile(`ExitCode = (\d+)`).FindAllStringSubmatch(string(exits), -1)
	require.Greater(t, len(codes), 10)
	for _, code := range codes {
		require.Regexp(t, `(?m)^\| `+code[1]+` \|`, readme, "exit code %s is explained", code[1])
	}
	for _, outcome := range audit.Outcomes {
		require.Regexp(t, "(?m)^\\| `"+string(outcome)+"` \\|", readme, "outcome %s is explained", outcome)
	}
}

func readREADME(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(raw)
}

func TestREADMENamesEveryVariableThatIsRead(t *testing.T) {
	files, err := filepath.Glob("cli/*.go")
	require.NoError(t, err)
	readme := readREADME(t)
	named := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"((?:OKTA|SLACK|TOKENSWEEP)_[A-Z_]+)"`).FindAllSubmatch(source, -1) {
			require.Regexp(t, `\b`+strings.TrimSuffix(string(m[1]), "_FILE")+`\b`, readme, "%s reads %s", file, m[1])
			named++
		}
	}
	require.Greater(t, named, 4)
}

func TestPoliciesInREADMEAreValid(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(readREADME(t), -1)
	require.NotEmpty(t, blocks)
	whole := 0
	for _, b := range blocks {
		text := strings.ReplaceAll("\n"+b[2], "\n"+b[1], "\n")
		if !strings.Contains(text, "\nrules:") {
			continue // a part of one
		}
		if !strings.Contains(text, "\nversion:") {
			text = "version: 1\n" + text
		}
		_, err := rules.Parse("README.md", []byte(text))
		require.NoError(t, err, "%s", text)
		whole++
	}
	require.Positive(t, whole)
}

// What README calls a proof is one: a test or benchmark that there is, or a row of .ci/PROOF.md.
func TestTestsThatREADMENamesExist(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "*_test.go").Output()
	if err != nil {
		t.Skip("not a clone")
	}
	var sources bytes.Buffer
	for _, file := range strings.Fields(string(files)) {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		sources.Write(source)
	}
	readme := readREADME(t)
	for _, name := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(readme, -1) {
		require.True(t, bytes.Contains(sources.Bytes(), []byte("func "+name+"(")), "README names %s", name)
	}
	for _, name := range regexp.MustCompile(`-bench '?([A-Z]\w+)`).FindAllStringSubmatch(readme, -1) {
		require.True(t, bytes.Contains(sources.Bytes(), []byte("func Benchmark"+name[1])), "README has -bench %s",
			name[1])
	}
	for _, sweep := range regexp.MustCompile(`-run (\w+)`).FindAllStringSubmatch(readme, -1) {
		require.True(t, regexp.MustCompile(`func Test\w*`+strings.TrimPrefix(sweep[1], "Test")).Match(sources.Bytes()),
			"README has -run %s", sweep[1])
	}
	proof, err := os.ReadFile(".ci/PROOF.md")
	require.NoError(t, err)
	rows := regexp.MustCompile(`\b(?:I|N|S|K)\d{1,2}\b`).FindAllString(readme, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.Contains(t, string(proof), "| "+row+" |", "README names the row")
	}
}
