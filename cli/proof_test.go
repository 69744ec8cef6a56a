package cli_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write PROOF.md anew")

// TestPROOFIsWhatIsProved holds PROOF.md against the tests: it is made of their sources, and -update makes it.
func TestPROOFIsWhatIsProved(t *testing.T) {
	t.Chdir("..")
	var b strings.Builder
	b.WriteString(`# What is proved, and where

Made of the tests themselves by ` + "`go test ./cli -run PROOF -update`" + `; ` + "`go test ./cli`" +
		` holds it against them.

## Invariants

Held by ` + "`go test ./audit -run TestModel`" +
		` in every random history, most of them after each process, by what an onlooker saw:
the org's side of each change, the lines on the disk, what reached people. CI plays 5,000 histories,
and ` + "`.ci/run long`" + ` 100,000.

| id | what always holds | where |
|---|---|---|
`)
	invariants := idsIn(t, "audit/model_invariants_test.go", regexp.MustCompile(`^I\d+$`))
	for _, i := range invariants {
		where := i.function
		if where == "" {
			where = i.name
		}
		_, _ = fmt.Fprintf(&b, "| %s | %s | `%s` in [%s](../%s) |\n", i.id, i.sentence, where, filepath.Base(i.file),
			i.file)
	}
	b.WriteString("\n## Planted bugs\n\nEach is built into the program, and must be caught by one of these " +
		"invariants:\n`go test ./audit -run TestEveryMutantIsCaught -mutants -v`. It would be a bug of the model if " +
		"one lived.\n\n| what is wrong | caught by | the change |\n|---|---|---|\n")
	caught := make(map[string]bool)
	for _, m := range mutantsIn(t, "audit/testdata/mutants") {
		_, _ = fmt.Fprintf(&b, "| %s | %s | [%s](../%s) |\n", m.sentence, m.id, m.name, m.file)
		for id := range strings.FieldsSeq(m.id) {
			caught[id] = true
		}
	}
	for _, i := range invariants {
		require.True(t, caught[i.id], "no planted bug shows that %s can fail", i.id)
	}
	b.WriteString("\n## Fault matrix\n\nEach row is played over real HTTP by `go test ./cli -run TestFaultMatrix`: " +
		"against the built program as a process of\nits own or, where it takes hours, in a bubble in which time " +
		"costs nothing.\n\n| id | what goes wrong, and what a run does | where |\n|---|---|---|\n")
	for _, row := range idsIn(t, "cli/matrix_test.go", regexp.MustCompile(`^[NSK]\d\d$`)) {
		_, _ = fmt.Fprintf(&b, "| %s | %s | `%s` |\n", row.id, row.sentence, row.function)
	}
	b.WriteString("\n## Crashes\n\n| what is shown | where |\n|---|---|\n")
	for _, file := range []string{"audit/crash_test.go", "cli/kill_test.go", "cli/sweep_test.go",
		"audit/ledger/damage_test.go"} {
		for _, f := range functionsIn(t, file, "Test") {
			_, _ = fmt.Fprintf(&b, "| %s | `%s` in [%s](../%s) |\n", spoken(strings.TrimPrefix(f.Name.Name, "Test")),
				f.Name.Name, file, file)
		}
	}
	b.WriteString("\n## Fuzz targets\n\nCI fuzzes each for 10 s, with the seeds that are kept, and " +
		"`.ci/run long` for two minutes.\n\n| target | what it does |\n|---|---|\n")
	for _, file := range testFiles(t) {
		for _, f := range functionsIn(t, file, "Fuzz") {
			doc := strings.Join(strings.Fields(f.Doc.Text()), " ")
			if doc = strings.TrimPrefix(doc, f.Name.Name+" "); doc == "" {
				doc = "tries: " + strings.ToLower(spoken(strings.TrimPrefix(f.Name.Name, "Fuzz")))
			}
			_, _ = fmt.Fprintf(&b, "| `%s` in %s | %s |\n", f.Name.Name, filepath.Dir(file),
				strings.ReplaceAll(doc, "|", `\|`))
		}
	}
	b.WriteString(longRuns(t))
	if *update {
		require.NoError(t, os.WriteFile(".ci/PROOF.md", []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(".ci/PROOF.md")
	require.NoError(t, err)
	if b.String() != string(have) { // which is too long to be shown twice
		t.Fatal(".ci/PROOF.md is not what the tests say: go test ./cli -run PROOF -update")
	}
}

// longRuns is the table of what .ci/run long has shown, from the file that it writes.
func longRuns(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(".ci/long.txt")
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("\n## Long runs\n\nWhat takes too long for each landing, as `.ci/run long` showed it last. " +
		"`.ci/run list` says what each step does.\n\n| step | on | commit | took | what it showed |\n" +
		"|---|---|---|---|---|\n")
	for line := range strings.Lines(string(raw)) {
		_, _ = fmt.Fprintf(&b, "| %s |\n", strings.Join(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), " | "))
	}
	return b.String()
}

// proof is a row of a list: an id, a sentence, and the function that tests it or the name of the variable.
type proof struct{ id, sentence, function, name, file string }

// idsIn finds the composite literals of a file that begin with an id, in the order of the ids.
func idsIn(t *testing.T, file string, form *regexp.Regexp) (rows []proof) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	name := ""
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			name = spec.Names[0].Name
		}
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) < 2 {
			return true
		}
		p := proof{id: text(lit.Elts[0]), sentence: text(lit.Elts[1]), name: name, file: file}
		if form.MatchString(p.id) {
			require.NotEmpty(t, p.sentence, "%s in %s", p.id, file)
			if len(lit.Elts) > 2 {
				if f, ok := lit.Elts[2].(*ast.Ident); ok {
					p.function = f.Name
				}
			}
			rows = append(rows, p)
		}
		return true
	})
	require.NotEmpty(t, rows)
	slices.SortFunc(rows, func(a, b proof) int {
		x, _ := strconv.Atoi(a.id[1:])
		y, _ := strconv.Atoi(b.id[1:])
		if a.id[0] != b.id[0] {
			return strings.Index("INSK", a.id[:1]) - strings.Index("INSK", b.id[:1])
		}
		return x - y
	})
	return rows
}

// text is the value of a string literal, also behind a key or in parts; "" for anything else.
func text(e ast.Expr) string {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		e = kv.Value
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value)
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return text(e.X) + text(e.Y)
		}
	}
	return ""
}

func mutantsIn(t *testing.T, dir string) (rows []proof) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.txt")
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := strings.SplitN(string(raw), "\n", 3)
		rows = append(rows, proof{id: strings.TrimPrefix(lines[1], "caught by: "), sentence: lines[0],
			name: strings.TrimSuffix(filepath.Base(file), ".txt"), file: filepath.ToSlash(file)})
	}
	require.NotEmpty(t, rows)
	return rows
}

func functionsIn(t *testing.T, file, prefix string) (all []*ast.FuncDecl) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, prefix) {
			all = append(all, f)
		}
	}
	return all
}

func testFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, dir := range []string{"audit/ledger", "notify", "notify/slack", "notify/slacktest", "okta", "rules"} {
		some, err := filepath.Glob(dir + "/*_test.go")
		require.NoError(t, err)
		files = append(files, some...)
	}
	return files
}

var wordStart = regexp.MustCompile(`[A-Z][a-z0-9']*|[A-Z]+`)

// spoken makes a sentence of the name of a test.
func spoken(name string) string {
	words := wordStart.FindAllString(name, -1)
	for i := range words {
		if i > 0 {
			words[i] = strings.ToLower(words[i])
		}
	}
	return strings.Join(words, " ")
}
