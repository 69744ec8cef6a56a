package okta

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const listPath = "/api/v1/api-tokens"

// maxLink is the longest Link header, in bytes, that is read.
const maxLink = 16 << 10

// nextQuery finds the link to the next page in the Link header lines of a listing's answer and returns
// its query: the one part of it that is trusted. It returns "" if there is no next page.
//
// The format is RFC 8288's (https://www.rfc-editor.org/rfc/rfc8288#section-3). Okta sends one line for
// each link (https://developer.okta.com/docs/reference/core-okta-api/#link-header); proxies may join
// them. What does not parse whole is an error, never the end of the list: so is a link to the listing
// whose relation is missing, given twice, or none of those that pages have. A link to another path than
// the listing's as the next page is an error; its scheme and host are ignored.
func nextQuery(lines []string) (string, error) {
	next, found := "", false
	for _, line := range lines {
		if len(line) > maxLink {
			return "", fmt.Errorf("a Link header of %d bytes: more than %d", len(line), maxLink)
		}
		links, err := parseLinks(line)
		if err != nil {
			return "", fmt.Errorf("link header %q: %w", line, err)
		}
		for _, l := range links {
			isNext, err := l.isNext()
			if err != nil {
				return "", fmt.Errorf("link header %q: %w", line, err)
			}
			if !isNext {
				continue
			}
			query, err := listQuery(l.target)
			if err != nil {
				return "", fmt.Errorf("next page %q: %w", l.target, err)
			}
			if found && query != next {
				return "", errors.New("two different links to a next page")
			}
			next, found = query, true
		}
	}
	return next, nil
}

// listQuery returns the query of a link to a page of the listing.
func listQuery(target string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", errors.New("not a URL")
	}
	if u.Path != listPath || (u.RawPath != "" && u.RawPath != listPath) {
		return "", fmt.Errorf("the path is not %s", listPath)
	}
	if u.RawQuery == "" {
		return "", errors.New("it has no query, so it would begin again at page 1")
	}
	for _, c := range []byte(u.RawQuery) {
		if c <= ' ' || c > '~' {
			return "", errors.New("its query holds a character that a URL can't")
		}
	}
	return u.RawQuery, nil
}

type link struct {
	target string
	rels   []string // values of its rel parameters
}

// isNext reports whether one of the relation types is next.
func (l link) isNext() (next bool, err error) {
	known := len(l.rels) == 1
	for rel := range strings.FieldsSeq(strings.Join(l.rels, " ")) {
		switch strings.ToLower(rel) {
		case "next":
			next = true
		case "self", "prev", "previous", "first", "last":
		default:
			known = false
		}
	}
	if known && l.rels[0] != "" {
		return next, nil
	}
	if u, err := url.Parse(l.target); err == nil && u.Path != listPath && !next {
		return false, nil // about something else
	}
	return false, fmt.Errorf("a link whose relation %q is not understood could be the one to the next page", l.rels)
}

// parseLinks reads one Link header line: links separated by commas, each <target> and parameters.
func parseLinks(s string) ([]link, error) {
	var links []link
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return links, nil
		}
		if s[0] != '<' {
			return nil, errors.New("a link must begin with <")
		}
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return nil, errors.New("a link without its closing >")
		}
		l := link{target: strings.TrimSpace(s[1:end])}
		rest, err := l.parameters(s[end+1:])
		if err != nil {
			return nil, err
		}
		links, s = append(links, l), rest
	}
}

// parameters reads the parameters of a link up to the comma that ends it, and returns what follows.
func (l *link) parameters(s string) (rest string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "" || s[0] == ',':
			return s, nil
		case s[0] != ';':
			return "", errors.New("want ; or , behind a link or a parameter")
		}
		s = strings.TrimLeft(s[1:], " \t")
		n := tokenLen(s)
		if n == 0 {
			if s == "" || s[0] == ';' || s[0] == ',' {
				continue // an empty parameter
			}
			return "", errors.New("a parameter without a name")
		}
		name, value := s[:n], ""
		s = strings.TrimLeft(s[n:], " \t")
		if strings.HasPrefix(s, "=") {
			if value, s, err = parameterValue(strings.TrimLeft(s[1:], " \t")); err != nil {
				return "", err
			}
		}
		if strings.EqualFold(name, "rel") || strings.EqualFold(name, "rel*") {
			l.rels = append(l.rels, value)
		}
	}
}

// parameterValue reads a token or a quoted string.
func parameterValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		n := tokenLen(s)
		if n == 0 {
			return "", "", errors.New("a parameter without its value")
		}
		return s[:n], s[n:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errors.New("a quoted value without its closing quote")
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quoted value without its closing quote")
}

// tokenLen is how many bytes of an RFC 9110 token s begins with; the characters of an unquoted URI are
// let through too, since servers send them.
func tokenLen(s string) int {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`";,=<>`, c) >= 0 {
			return i
		}
	}
	return len(s)
}
