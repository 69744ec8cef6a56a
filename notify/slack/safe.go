package slack

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokensweep/audit"
)

// safe is the one way into Slack for words that aren't ours. What it returns is one line of at most n
// runes, never empty, holds nothing that is invisible or turns the text around, and can be no mention, link or
// code span however it is parsed. It is literal in raw_text, rich_text and plain_text; everywhere else it
// goes through mrkdwn.
func safe(s string, n int) string {
	var b strings.Builder
	runes, marks, space := 0, 0, false
	for i, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = runes > 0
			continue
		case !strconv.IsPrint(r), blank(r), r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			continue
		case unicode.Is(unicode.M, r): // no more than three on top of each other, and none on nothing
			if marks++; marks > 3 || runes == 0 || space {
				continue
			}
		default:
			marks = 0
		}
		if runes+1 > n || space && runes+2 > n {
			return cutMark(b.String(), n)
		}
		if space {
			b.WriteByte(' ')
			runes++
			space = false
		}
		switch r {
		case '<':
			r = '‹'
		case '>':
			r = '›'
		case '`':
			r = 'ʹ'
		}
		b.WriteRune(r)
		runes++
	}
	if runes == 0 {
		return "–"
	}
	return b.String()
}

// cutMark makes room for the mark that says that something was cut off.
func cutMark(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n-1)]) + "…"
}

// blank reports whether a rune counts as printable and yet shows nothing.
func blank(r rune) bool {
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) ||
		r == 0x2800
}

// inMrkdwn escapes what Slack reads as markup, and takes the meaning from what it has no escape for.
var inMrkdwn = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "_", "ˍ", "~", "∼", ":", "꞉", "@", "＠")

// mrkdwn is safe for mrkdwn objects and for the text of a message.
func mrkdwn(s string, n int) string { return inMrkdwn.Replace(safe(s, n)) }

// host is the org without its scheme, in mrkdwn.
func host(r *audit.Report) string {
	_, after, found := strings.Cut(r.OrgURL, "://")
	if !found {
		after = r.OrgURL
	}
	return mrkdwn(after, 80)
}

// These are the shapes of the ids that may be called.
var calledUser, calledGroup = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`), regexp.MustCompile(`^S[A-Z0-9]{1,30}$`)

// mentions calls the people of the policy, at most ten; "" if there are none.
func mentions(ids []string) string {
	var out []string
	for _, id := range ids {
		switch {
		case len(out) == 10:
		case calledUser.MatchString(id):
			out = append(out, "<@"+id+">")
		case calledGroup.MatchString(id):
			out = append(out, "<!subteam^"+id+">")
		}
	}
	return strings.Join(out, " ")
}

// ourMention is a mention as mentions writes them. Nothing foreign can look like it.
var ourMention = regexp.MustCompile(`<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>`)
