package rules

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the mistakes that are found into testdata/bad-*.yaml")

// Each bad file names its mistakes in its first lines, as "# want: line:column: message".
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 80)
	for _, file := range files {
		t.Run(sentence(file, "bad-"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			if *update {
				data = withWants(t, file, data, func(data []byte) (mistakes Mistakes) {
					_, err := Parse(file, data)
					require.ErrorAs(t, err, &mistakes)
					return mistakes
				})
			}
			p, err := Load(file)
			require.Nil(t, p)
			var mistakes Mistakes
			require.ErrorAs(t, err, &mistakes)
			require.Equal(t, wants(data), found(mistakes))
			for _, m := range mistakes {
				require.Equal(t, file, m.File)
				require.NotRegexp(t, `^[A-Z]|[.!]$|[\x00-\x1f]`, m.Message)
				require.NotRegexp(t, parserWords, m.Message)
			}
		})
	}
}

// parserWords are words of the parsers of YAML, cron expressions and numbers, which reach nobody.
const parserWords = `strconv|yaml:|not find expected|any token|found (a|char|inc|un|dup)|in this context|` +
	`in \w+ of \w+:|failed to|unrecognized|above maximum|below minimum`

// Each lint file is allowed, and names in the same way what Lint says of it.
func TestLintFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/lint-*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 25)
	for _, file := range files {
		t.Run(sentence(file, "lint-"), func(t *testing.T) {
			lint := func(data []byte) Mistakes {
				p, err := Parse(file, data)
				require.NoError(t, err)
				return p.Lint(noon, nil)
			}
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			if *update {
				data = withWants(t, file, data, lint)
			}
			require.Equal(t, wants(data), found(lint(data)))
			for _, m := range lint(data) {
				require.Equal(t, file, m.File)
				require.NotRegexp(t, `^[A-Z]|[.!]$|[\x00-\x1f]`, m.Message)
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good-*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 25)
	for _, file := range files {
		t.Run(sentence(file, "good-"), func(t *testing.T) {
			p, err := Load(file)
			require.NoError(t, err)
			require.NotEmpty(t, p.Rules)
			for _, rule := range p.Rules {
				require.NotEmpty(t, rule.ID)
				require.Equal(t, DelayedStep{Step: Flag}, rule.Steps[0])
			}
		})
	}
}

func sentence(file, prefix string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".yaml"), prefix), "-", " ")
}

var wantLine = regexp.MustCompile(`(?m)^# want: (.*)\n`)

func wants(data []byte) (lines []string) {
	for _, m := range wantLine.FindAllSubmatch(data, -1) {
		lines = append(lines, string(m[1]))
	}
	return lines
}

func found(mistakes Mistakes) (lines []string) {
	for _, m := range mistakes {
		lines = append(lines, fmt.Sprintf("%d:%d: %s", m.Line, m.Column, m.Message))
	}
	return lines
}

// withWants writes what is found in a file into its head. The head moves it down, so that it is looked for twice.
func withWants(t *testing.T, file string, data []byte, find func([]byte) Mistakes) []byte {
	body := wantLine.ReplaceAllString(string(data), "")
	mistakes := find([]byte(strings.Repeat("#\n", len(find([]byte(body)))) + body))
	var head strings.Builder
	for _, line := range found(mistakes) {
		fmt.Fprintf(&head, "# want: %s\n", line)
	}
	data = []byte(head.String() + body)
	require.NoError(t, os.WriteFile(file, data, 0o644))
	return data
}
