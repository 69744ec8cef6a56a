package okta

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLinkToTheNextPage(t *testing.T) {
	const self = `<https://acme.okta.com/api/v1/api-tokens?limit=200>; rel="self"`
	for _, row := range []struct {
		name  string
		lines []string
		want  string
		err   string
	}{
		{name: "no header", lines: nil},
		{name: "only self", lines: []string{self}},
		{name: "two lines, as Okta sends them",
			lines: []string{self, `<https://acme.okta.com/api/v1/api-tokens?after=abc&limit=200>; rel="next"`},
			want:  "after=abc&limit=200"},
		{name: "one joined line", lines: []string{
			self + `, <https://acme.okta.com/api/v1/api-tokens?after=abc>; rel="next"`}, want: "after=abc"},
		{name: "next before self", lines: []string{`</api/v1/api-tokens?after=abc>; rel=next,` + self},
			want: "after=abc"},
		{name: "commas, semicolons and quotes inside of the target",
			lines: []string{`<https://acme.okta.com/api/v1/api-tokens?after=a,b;c"d>; rel="next"`},
			want:  `after=a,b;c"d`},
		{name: "parameters in any order and case",
			lines: []string{`</api/v1/api-tokens?after=abc>;title="a, <b>; rel=\"self\"" ; REL = "Next"`},
			want:  "after=abc"},
		{name: "several relation types", lines: []string{`</api/v1/api-tokens?after=abc>; rel="last next"`},
			want: "after=abc"},
		{name: "a link about something else", lines: []string{`</docs>; rel="describedby", <https://okta.com/terms>`}},
		{name: "empty parameters and elements", lines: []string{`, ,</api/v1/api-tokens?after=abc>;;rel=next;, `},
			want: "after=abc"},
		{name: "a parameter without a value", lines: []string{`</api/v1/api-tokens?after=abc>; crossorigin; rel=next`},
			want: "after=abc"},
		{name: "another scheme and host",
			lines: []string{`<ftp://evil.example:8080/api/v1/api-tokens?after=abc>; rel="next"`}, want: "after=abc"},
		{name: "no scheme", lines: []string{`<//evil.example/api/v1/api-tokens?after=abc>; rel="next"`},
			want: "after=abc"},
		{name: "the same link twice", lines: []string{`</api/v1/api-tokens?after=abc>; rel="next"`,
			`</api/v1/api-tokens?after=abc>; rel="next"`}, want: "after=abc"},
		{name: "a fragment", lines: []string{`</api/v1/api-tokens?after=abc#x>; rel="next"`}, want: "after=abc"},

		{name: "no relation", lines: []string{`</api/v1/api-tokens?after=abc>`}, err: "is not understood"},
		{name: "an empty relation", lines: []string{`</api/v1/api-tokens?after=abc>; rel`}, err: "is not understood"},
		{name: "a relation in apostrophes", lines: []string{`</api/v1/api-tokens?after=abc>; rel='next'`},
			err: "is not understood"},
		{name: "a relation with a comma", lines: []string{`</api/v1/api-tokens?after=abc>; rel="next,"`},
			err: "is not understood"},
		{name: "an encoded relation", lines: []string{`</api/v1/api-tokens?after=abc>; rel*=UTF-8''next`},
			err: "is not understood"},
		{name: "a relation type that only begins with next",
			lines: []string{`</api/v1/api-tokens?after=abc>; rel="nextish"`}, err: "is not understood"},
		{name: "two relations", lines: []string{`</api/v1/api-tokens?after=abc>; rel=self; rel=next`},
			err: "is not understood"},
		{name: "two different links",
			lines: []string{`</api/v1/api-tokens?after=a>; rel="next", </api/v1/api-tokens?after=b>; rel="next"`},
			err:   "two different links to a next page"},
		{name: "another path", lines: []string{`</api/v1/users?after=abc>; rel="next"`},
			err: "the path is not /api/v1/api-tokens"},
		{name: "an escaped path", lines: []string{`</api/v1/api%2Dtokens?after=abc>; rel="next"`},
			err: "the path is not /api/v1/api-tokens"},
		{name: "a relative path", lines: []string{`<?after=abc>; rel="next"`},
			err: "the path is not /api/v1/api-tokens"},
		{name: "no query", lines: []string{`</api/v1/api-tokens>; rel="next"`}, err: "begin again at page 1"},
		{name: "a space in the query", lines: []string{`</api/v1/api-tokens?after=a b>; rel="next"`},
			err: "a character that a URL can't"},
		{name: "no URL", lines: []string{`<%zz>; rel="next"`}, err: "not a URL"},
		{name: "no angle brackets", lines: []string{`/api/v1/api-tokens?after=a; rel="next"`},
			err: "a link must begin with <"},
		{name: "no closing bracket", lines: []string{`</api/v1/api-tokens?after=a; rel="next"`},
			err: "a link without its closing >"},
		{name: "an open quote", lines: []string{`</api/v1/api-tokens?after=a>; rel="next`},
			err: "without its closing quote"},
		{name: "a value missing", lines: []string{`</api/v1/api-tokens?after=a>; rel=`},
			err: "a parameter without its value"},
		{name: "words behind a link", lines: []string{`</api/v1/api-tokens?after=a> rel=next`}, err: "want ; or ,"},
		{name: "a header too long", lines: []string{`</api/v1/api-tokens?after=` + strings.Repeat("a", maxLink) +
			`>; rel=next`}, err: "more than 16384"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := nextQuery(row.lines)
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

// FuzzNextQuery looks for a Link header that leads anywhere but to the org's own list.
func FuzzNextQuery(f *testing.F) {
	for _, s := range []string{
		"",
		`<https://acme.okta.com/api/v1/api-tokens?limit=200>; rel="self", </api/v1/api-tokens?after=a,b>; rel="next"`,
		`</api/v1/api-tokens?after=a>;title="a, b\"";REL=next`, `</api/v1/api-tokens?after=a b>;rel=next`, `<`, `<>;`,
		`<>;=`, `<>;a="\`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		query, err := nextQuery([]string{line})
		if err != nil {
			require.Empty(t, query)
			return
		}
		if query == "" {
			return
		}
		// Whatever came out keeps to the listing of the org when it is made a URL.
		u, err := url.Parse("https://acme.okta.com" + listPath + "?" + query)
		require.NoError(t, err)
		require.Equal(t, "acme.okta.com", u.Host)
		require.Equal(t, listPath, u.Path)
		require.NotContains(t, query, " ")
	})
}
