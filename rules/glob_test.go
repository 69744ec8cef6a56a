package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGlobs(t *testing.T) {
	tests := []struct {
		name, glob, text string
		want             bool
	}{
		{"a star is any run", "dr-*", "dr-", true},
		{"a star also crosses a slash", "a*c", "a/b/c", true},
		{"the start counts", "dr-*", "xdr-1", false},
		{"the end counts", "*-dr", "a-drx", false},
		{"a star goes back", "*ab?", "abab!", true},
		{"two stars are one", "a**b", "ab", true},
		{"a question mark is one character", "a?c", "aäc", true},
		{"a question mark is not none", "a?c", "ac", false},
		{"a question mark takes a broken byte", "a?c", "a\xffc", true},
		{"a broken byte is not the character that stands for it", "a\uFFFDc", "a\xffc", false},
		{"a backslash makes a star plain", `a\*b`, "a*b", true},
		{"a plain star is no run", `a\*b`, "axb", false},
		{"a bracket with a backslash", `a\[b]`, "a[b]", true},
		{"a backslash itself", `a\\b`, `a\b`, true},
		{"capitals count", "dr-*", "DR-1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g, err := compileGlob(test.glob)
			require.NoError(t, err)
			require.Equal(t, test.want, g.match(test.text))
		})
	}
}
