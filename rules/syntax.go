package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var yamlPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxAdvice is what to say for what yaml.v3 says, by its first words.
var syntaxAdvice = []struct{ theirs, ours string }{
	{"mapping values are not allowed", "there can be no key here: put text that contains a colon in " +
		"quotes, or mend the indentation"},
	{"could not find expected ':'", "this line has no key: write a colon and a space behind the " +
		"key, or mend the indentation and the quotes"},
	{"did not find expected key", "there must be a key here: mend the indentation, or the quotes before it"},
	{"did not find expected '-' indicator", "there must be an item of the list here: write - before " +
		"it, indented as the other items"},
	{"did not find expected ',' or ']'", "a [ is not closed, or a comma is missing: mend the " +
		"brackets or the quotes in them"},
	{"did not find expected ',' or '}'", "a { is not closed, or a comma is missing: mend the " +
		"brackets or the quotes in them"},
	{"did not find expected node content", "a value is missing, or a bracket is too many: mend the brackets"},
	{"block sequence entries are not allowed", "a list can't begin on the line of its key: begin it " +
		"on the next line"},
	{"found unexpected end of stream", "a quote is not closed: close it"},
	{"found unexpected document indicator", "a quote is not closed: close it"},
	{"found unknown escape character", "a backslash in double quotes begins an escape, and there is " +
		"none like this: write two of them, or single quotes"},
	{"found a tab character", tabAdvice},
	{"control characters are not allowed", "a control character is here: remove it"},
	{"found undefined tag handle", "tags (!name) are not read: put text that begins with ! in quotes"},
	{"did not find expected comment or line break", "nothing may follow | or > on its line: write the text below it"},
	{"found incompatible YAML document", "the file is read as YAML 1.1, and %YAML asks for another " +
		"version: remove that line"},
	{"found duplicate %YAML directive", "%YAML is there twice: remove both lines"},
	{"found unknown directive name", "a line that begins with % is a directive, and this one is not " +
		"known: remove it"},
}

const tabAdvice = "a tab can't indent: write spaces"

// syntax notes an error of the YAML parser, at the place where the text stops being YAML.
func (r *reader) syntax(data []byte, err error) {
	found := yamlPrefix.FindStringSubmatch(err.Error())
	theirs := err.Error()
	line := 1
	if found != nil {
		theirs = theirs[len(found[0]):]
		if n, err := strconv.Atoi(found[1]); err == nil {
			line = n
		}
	}
	reported := line
	if n := firstBadLine(data); n > 0 {
		line = n
	}
	for _, n := range []int{line - 1, line} {
		if column, what := oddSpace(r.line(n)); column > 0 {
			r.wrongAt(n, column, "%s", what)
			return
		}
	}
	for n := min(line, reported); n <= line; n++ {
		if column, text := commentInBrackets(r.line(n)); column > 0 {
			r.wrongAt(n, column, "# begins a comment, which takes the closing bracket with it: write %s, in quotes, "+
				"or the id of a channel", quote(text))
			return
		}
	}
	if column, text := unquotedStart(r.line(line)); column > 0 && needsQuotes(theirs) {
		r.wrongAt(line, column, "%s", quoteAdvice(text))
		return
	}
	ours := "mend the indentation, quotes or brackets"
	for _, advice := range syntaxAdvice {
		if strings.HasPrefix(theirs, advice.theirs) {
			ours = advice.ours
		}
	}
	if needsQuotes(theirs) && strings.Contains(r.line(line), "\t") {
		ours = tabAdvice
	}
	r.wrongAt(line, 1, "not valid YAML: %s", ours)
}

// line is a line of the file, counted from 1; "" if there is none.
func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	return strings.TrimSuffix(string(r.lines[n-1]), "\r")
}

// needsQuotes says that the parser stumbled over how a text begins.
func needsQuotes(theirs string) bool {
	for _, words := range []string{"unknown anchor", "did not find expected alphabetic or numeric character",
		"found character that cannot start any token"} {
		if strings.HasPrefix(theirs, words) {
			return true
		}
	}
	return false
}

// quoteAdvice is what to say of a text that begins with a character to which YAML gives a meaning.
func quoteAdvice(text string) string {
	inQuotes := "write " + quote(text)
	if text[0] == '*' {
		return fmt.Sprintf("%s without quotes is an alias, and aliases are not read: %s, or the value itself", text,
			inQuotes)
	}
	return fmt.Sprintf("text that begins with %c needs quotes: %s", text[0], inQuotes)
}

// unquotedStart finds the first text of a line that begins, without quotes, with a character to which YAML gives a
// meaning. The column counts characters from 1; it is 0 if there is none.
func unquotedStart(line string) (column int, text string) {
	return scan(line, func(c rune, start, _ bool) bool { return start && strings.ContainsRune("*&@%`", c) })
}

// commentInBrackets finds a comment of a line where a value in brackets would begin: it takes the closing bracket with
// it. The column counts characters from 1; it is 0 if there is none.
func commentInBrackets(line string) (column int, text string) {
	return scan(line, func(c rune, start, flow bool) bool { return start && flow && c == '#' })
}

// scan finds the first character of a line, outside quotes and comments, that is wanted: start says whether a text may
// begin there, flow whether a bracket is open. The column counts characters from 1; it is 0 if there is none.
func scan(line string, wanted func(c rune, start, flow bool) bool) (column int, text string) {
	runes := []rune(line)
	start, flow := true, 0
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		ends := i+1 == len(runes) || runes[i+1] == ' '
		switch {
		case wanted(c, start, flow > 0):
			return i + 1, unquotedText(string(runes[i:]), flow > 0)
		case c == '#' && (i == 0 || runes[i-1] == ' '):
			return 0, ""
		case start && (c == '"' || c == '\''):
			for i++; i < len(runes) && runes[i] != c; i++ {
				if c == '"' && runes[i] == '\\' {
					i++
				}
			}
			start = false
		case c == '[' || c == '{':
			flow++
			start = true
		case c == ']' || c == '}':
			flow--
		case c == ',' && flow > 0 || c == ':' && ends || start && c == '-' && ends:
			start = true
		case c != ' ':
			start = false
		}
	}
	return 0, ""
}

// unquotedText is the text with which the rest of a line begins.
func unquotedText(rest string, inFlow bool) string {
	if i := strings.Index(rest, " #"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexAny(rest, ",]}"); inFlow && i > 0 {
		rest = rest[:i]
	}
	return strings.TrimRight(rest, " \t")
}

// oddSpaces are characters that look like a space, or like nothing, and that YAML takes for letters.
var oddSpaces = map[rune]string{
	'\u00a0': "a no-break space", '\u202f': "a narrow no-break space", '\u2007': "a figure space",
	'\u2003': "an em space", '\u2002': "an en space", '\u2009': "a thin space", '\u3000': "an ideographic space",
	'\u200b': "a zero-width space", '\u2060': "a word joiner", '\ufeff': "a byte order mark",
}

// oddSpace finds the first character of a line that only looks like the space behind a colon or a hyphen, or like
// indentation, and says so. The column counts characters from 1; it is 0 if there is none.
func oddSpace(line string) (column int, what string) {
	before := ' '
	for i, c := range []rune(line) {
		if name := oddSpaces[c]; name != "" && strings.ContainsRune(" :-[{,", before) {
			return i + 1, fmt.Sprintf("%s (U+%04X) is here, which is no space to YAML: write a plain space", name, c)
		}
		before = c
	}
	return 0, ""
}

// vetSpaces notes a text without quotes that begins with a character which only looks like a space, or a key that has
// one behind a colon. It makes the text what was meant, or one that is passed over, so that nothing more is said of it.
func (r *reader) vetSpaces(n *yaml.Node, isKey bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return
	}
	column, what := oddSpace(n.Value)
	if column == 0 || !isKey && column > 1 {
		return
	}
	r.wrongAt(n.Line, n.Column+column-1, "%s, or put the text in quotes if it belongs to it", what)
	n.Value = strings.TrimLeftFunc(n.Value, func(c rune) bool { return oddSpaces[c] != "" })
	if column > 1 { // a key and its value in one
		n.Tag = ""
	}
}

// commentAt is the comment that stands where the value of a node without one would, "" if none does.
func (r *reader) commentAt(n *yaml.Node) string {
	runes := []rune(r.line(n.Line))
	if n.Kind != yaml.ScalarNode || n.Value != "" || n.Column < 1 || n.Column > len(runes) {
		return ""
	}
	if rest := strings.TrimSpace(string(runes[n.Column-1:])); strings.HasPrefix(rest, "#") {
		return rest
	}
	return ""
}

// orComment is what to write instead of no value: what is given, or the comment that stands in its place in quotes.
func (r *reader) orComment(n *yaml.Node, instead string) string {
	if comment := r.commentAt(n); comment != "" {
		return fmt.Sprintf("# begins a comment, write it in quotes if it is the value, %s", quote(comment))
	}
	return instead
}

// firstBadLine finds where a text that isn't YAML stops being so: the line after the longest run of
// lines that parses alone. The line that yaml.v3 gives can be that of the surrounding block instead,
// or missing. It returns 0 where the search would cost too much.
func firstBadLine(data []byte) int {
	ends := []int{0}
	for i, c := range data {
		if c == '\n' || i == len(data)-1 {
			ends = append(ends, i+1)
		}
	}
	budget := 8 << 20 // bytes parsed in the search, so that a large file can't make it slow
	parses := func(lines int) bool {
		budget -= ends[lines]
		d := yaml.NewDecoder(bytes.NewReader(data[:ends[lines]]))
		for {
			var n yaml.Node
			if err := decode(d, &n); err != nil {
				return errors.Is(err, io.EOF)
			}
		}
	}
	good, bad := 0, len(ends)-1
	for budget > 0 {
		for bad-good > 1 && budget > 0 {
			if half := (good + bad) / 2; parses(half) {
				good = half
			} else {
				bad = half
			}
		}
		// A text or list over several lines does not parse until it is closed: look a little further.
		ahead := bad + 1
		for last := min(bad+50, len(ends)-1); ahead < last && budget > 0 && !parses(ahead); {
			ahead++
		}
		if budget <= 0 || ahead >= min(bad+50, len(ends)-1) {
			break
		}
		good, bad = ahead, len(ends)-1
	}
	if budget <= 0 {
		return 0
	}
	return bad
}
