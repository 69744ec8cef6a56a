package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

const (
	longestParagraph = 80  // words
	longestREADME    = 170 // lines
)

var (
	item     = regexp.MustCompile(`^\s*([-*+]|\d+\.)\s`)
	notProse = regexp.MustCompile(`^(\||#|<!--)`) // tables, headings, comments
)

// paragraphs are the runs of prose in a paper: an item of a list is one, a table and a block of code are none.
func paragraphs(text string) (all []string) {
	var words []string
	end := func() {
		if len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
		words = nil
	}
	for line := range strings.Lines(prose(text)) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "", notProse.MatchString(trimmed):
			end()
			continue
		case item.MatchString(line):
			end()
		}
		words = append(words, strings.Fields(trimmed)...)
	}
	end()
	return all
}

func TestNoParagraphIsLong(t *testing.T) {
	for file, text := range papers(t) {
		for _, p := range paragraphs(text) {
			require.LessOrEqual(t, len(strings.Fields(p)), longestParagraph, "%s: %s", file, p)
		}
	}
	lines := strings.Count(paper(t, "README.md"), "\n")
	require.LessOrEqual(t, lines, longestREADME, "README.md")
}

// anchors are the names by which links reach the headings of a paper, as GitHub makes them.
func anchors(text string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose(text), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				b.WriteRune(r)
			}
		}
		all[b.String()] = true
	}
	return all
}

func TestLinksInPapersLeadSomewhere(t *testing.T) {
	links := 0
	for file, text := range papers(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose(text), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := file
			if target != "" {
				to = filepath.Join(filepath.Dir(file), target)
				_, err := os.Stat(to)
				require.NoError(t, err, "%s links to %s", file, m[1])
			}
			if anchor != "" {
				require.True(t, anchors(paper(t, to))[anchor], "%s links to %s, which has no such heading", file, m[1])
			}
			links++
		}
	}
	require.Greater(t, links, 40)
}

// Whoever reads README finds every other paper from there.
func TestREADMELeadsToEveryPaper(t *testing.T) {
	readme := paper(t, "README.md")
	for file := range papers(t) {
		if file != "README.md" {
			require.Contains(t, readme, "]("+filepath.ToSlash(file)+")")
		}
	}
}

// Files of this module that papers name, as `dir/file.go` or `dir/`, are there.
func TestFilesThatPapersNameExist(t *testing.T) {
	roots := `okta|rules|audit|notify|cli|deploy|docs|findings|\.ci`
	path := regexp.MustCompile("`((?:" + roots + ")/[\\w./-]*|[\\w.-]+\\.go)`")
	for file, text := range papers(t) {
		if file == "CHANGELOG.md" {
			continue // it tells of the past
		}
		for _, m := range path.FindAllStringSubmatch(prose(text), -1) {
			if strings.Contains(m[1], "NAME") {
				continue // stands for a name
			}
			_, err := os.Stat(m[1])
			require.NoError(t, err, "%s names it", file)
		}
	}
}

// What CONTRIBUTING names of the code is in the code.
func TestIdentifiersInCONTRIBUTINGExist(t *testing.T) {
	known := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			for _, word := range regexp.MustCompile(`\w+`).FindAllString(paper(t, path), -1) {
				known[word] = true
			}
		}
		return err
	}))
	name := regexp.MustCompile("`(?:[a-z]+\\.)?([a-z]+[A-Z]\\w*|[A-Z][a-z]\\w*)`")
	names := name.FindAllStringSubmatch(prose(paper(t, "CONTRIBUTING.md")), -1)
	require.Greater(t, len(names), 30)
	for _, m := range names {
		require.True(t, known[m[1]], "%s is in no file", m[1])
	}
}

// The steps of CI that papers name are steps of .ci/run.
func TestStepsOfCIInPapersExist(t *testing.T) {
	run := paper(t, ".ci/run")
	for file, text := range papers(t) {
		for _, m := range regexp.MustCompile(`\.ci/run((?: [a-z]+)+)`).FindAllStringSubmatch(text, -1) {
			for _, step := range strings.Fields(m[1]) {
				if step != "long" && step != "list" {
					require.Regexp(t, `(?m)^  "`+step+` `, run, "%s has .ci/run%s", file, m[1])
				}
			}
		}
	}
}
