package audit_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var playMutants = flag.Bool("mutants", false, "build each mutant, and check that TestModel catches it")

// mutantHistories is how many histories a mutant may live through before it counts as not caught.
const mutantHistories = 30_000

// mutant is a planted bug: a file of testdata/mutants. The first line says what is wrong, the second which invariants
// may catch it. Then come files of the program with a text that is in each once, and what it becomes.
type mutant struct {
	name, sentence string
	caughtBy       []string
	edits          []mutantEdit
}

type mutantEdit struct{ file, text, becomes string }

func readMutants(t *testing.T) (all []mutant) {
	t.Helper()
	paths, err := filepath.Glob("testdata/mutants/*.txt")
	require.NoError(t, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		lines := strings.Split(string(archive.Comment), "\n")
		m := mutant{name: strings.TrimSuffix(filepath.Base(path), ".txt"), sentence: lines[0]}
		by, ok := strings.CutPrefix(lines[1], "caught by: ")
		require.True(t, ok, path)
		m.caughtBy = strings.Fields(by)
		require.Zero(t, len(archive.Files)%2, path)
		for i := 0; i < len(archive.Files); i += 2 {
			require.Equal(t, "becomes", archive.Files[i+1].Name, path)
			m.edits = append(m.edits, mutantEdit{archive.Files[i].Name, string(archive.Files[i].Data),
				string(archive.Files[i+1].Data)})
		}
		all = append(all, m)
	}
	return all
}

// apply makes the mutated files, by the path of the original.
func (m *mutant) apply(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, e := range m.edits {
		path, err := filepath.Abs(filepath.Join("..", e.file))
		require.NoError(t, err)
		text, known := files[path]
		if !known {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			text = string(raw)
		}
		if !strings.Contains(text, e.text) { // a part of a line
			e.text, e.becomes = strings.TrimSuffix(e.text, "\n"), strings.TrimSuffix(e.becomes, "\n")
		}
		require.Equal(t, 1, strings.Count(text, e.text), "%s: the text is in %s as often", m.name, e.file)
		files[path] = strings.Replace(text, e.text, e.becomes, 1)
	}
	for path, text := range files {
		_, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		require.NoError(t, err, m.name)
	}
	return files
}

// TestEveryMutantIsCaught checks the model: each planted bug must make it fail, by an invariant that is meant to see
// such a bug. Without -mutants it checks that each can be planted.
//
//	go test ./audit -run TestEveryMutantIsCaught -mutants -v
func TestEveryMutantIsCaught(t *testing.T) {
	all := readMutants(t)
	require.GreaterOrEqual(t, len(all), 20)
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			files := m.apply(t)
			for _, id := range m.caughtBy {
				require.True(t, slices.ContainsFunc(invariants, func(i *invariant) bool { return i.id == id }),
					"there is no %s", id)
			}
			if *playMutants {
				by, after := m.play(t, m.build(t, files))
				require.Contains(t, m.caughtBy, by, "caught, but not by what should")
				t.Logf("%s Caught by %s after %s histories.", m.sentence, by, after)
			}
		})
	}
}

// build builds the tests of this package with the mutated files in place of the originals.
func (m *mutant) build(t *testing.T, files map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for path, text := range files {
		mutated := filepath.Join(dir, fmt.Sprint(len(overlay.Replace), ".go"))
		require.NoError(t, os.WriteFile(mutated, []byte(text), 0o600))
		overlay.Replace[path] = mutated
	}
	text, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600))
	program = filepath.Join(dir, "mutant.test")
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay",
		filepath.Join(dir, "overlay.json"), "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

var (
	violation = regexp.MustCompile(`\b(I\d+): `)
	lived     = regexp.MustCompile(`failed after (\d+) tests`)
)

// play lets the model loose on a mutant, with the same histories each time.
func (m *mutant) play(t *testing.T, program string) (by, after string) {
	t.Helper()
	cmd := exec.Command(program, "-test.run=^TestModel$", "-shards=1", fmt.Sprint("-histories=", mutantHistories),
		"-rapid.seed=8", "-rapid.nofailfile", "-rapid.shrinktime=0s", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit), "%v", err)
	require.Error(t, err, "it lived through %d histories: %s", mutantHistories, m.sentence)
	found, histories := violation.FindSubmatch(out), lived.FindSubmatch(out)
	require.True(t, found != nil && histories != nil, "it failed in another way than by an invariant:\n%s", out)
	return string(found[1]), string(histories[1])
}
