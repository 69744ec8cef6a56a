package okta

import (
	"regexp"
	"strings"
	"unicode"
)

// secretForms are credentials that can be recognised by their form alone. The ids of tokens, users and zones (00T…,
// 20 characters) don't match.
var secretForms = regexp.MustCompile(strings.Join([]string{
	// an SSWS token: 42 characters; gitleaks' rule okta-access-token
	`\b00[\w=-]{40}\b`,
	// a signed token: an access token, a client assertion, a proof of possession
	`eyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?`,
	// Slack's tokens: https://docs.slack.dev/authentication/tokens
	`(?i:\b(xox[a-z](\.xox[a-z])?|xapp|xwfp)-[\w.-]{6,})`,
	`(?i:hooks\.slack(-gov)?\.com/[^\s"'` + "`" +
		`<>)]+)`, // Slack's webhooks: whoever has the address may post
	`\bT[A-Z0-9]{6,}/B[A-Z0-9]{6,}/\w{16,}`,                               // what is secret of such an address
	`\b(AKIA|ASIA)[A-Z0-9]{16}\b`,                                         // AWS's access keys
	`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\z)`, // PEM
	`(?i:\b[a-z][a-z0-9+.-]*:/{1,2}[^\s/?#"'<>@:]*:[^\s/?#"'<>@]+@)`,      // a password in a URL
	`\\?"(d|p|q|dp|dq|qi|k)\\?"\s*:\s*\\?"[\w=-]{16,}\\?"`,                // the private members of a JWK, RFC 7518, 6
}, "|"))

var (
	// A URL may have lost a slash where it was taken for a path.

	// secretInURL is the user information of a URL, or of a proxy that is written without its scheme.
	secretInURL = regexp.MustCompile(
		`(?i)([a-z][a-z0-9+.-]*:/{1,2})[^\s/?#"'<>]*@|[^\s/:@"'(<]+:[^\s/@"']+@([\w.-]+:\d)`)
	// queryOfURL is what follows the path of a URL: signatures, keys and tokens are handed on there.
	queryOfURL = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*:/{1,2}[^\s?#"'<>]*)([?#])[^\s"'<>]*[^\s"'<>:.,;)]`)
	// secretWords are runs of base64 that are as long as a secret key of AWS, or as a line of PEM or more.
	secretWords = regexp.MustCompile(`[\w/+.-]{40,}={0,2}`)
)

// HoldsSecret reports whether a text has a credential in it, by its form, or is one. One that it doesn't know may be
// there too.
func HoldsSecret(text string) bool {
	return secretForms.MatchString(text) || secretWords.FindString(text) == text && isKey(text)
}

// Scrub removes from a text whatever has the form of a credential, or is where one could be: the user information and
// the query of a URL, and words that look like keys. Every message about a value that may have been put into the wrong
// setting is scrubbed by it.
func Scrub(text string) string {
	text = secretForms.ReplaceAllLiteralString(text, redacted)
	text = secretInURL.ReplaceAllString(text, "${1}"+redacted+"@${2}")
	text = queryOfURL.ReplaceAllString(text, "${1}${2}"+redacted)
	return secretWords.ReplaceAllStringFunc(text, func(word string) string {
		if isKey(strings.TrimRight(word, ".=")) {
			return redacted
		}
		return word
	})
}

// isKey reports whether a word looks like a secret key of AWS (40 characters of base64) or like key material (60 or
// more). Digests are in small letters, and paths have more slashes.
func isKey(word string) bool {
	var upper, lower, digit bool
	for _, r := range word {
		upper, lower, digit = upper || unicode.IsUpper(r), lower || unicode.IsLower(r), digit || unicode.IsDigit(r)
	}
	slashes := strings.Count(word, "/")
	switch {
	case !upper || !lower || !digit || strings.Contains(word, "."):
		return false
	case len(word) == 40:
		return !strings.ContainsAny(word, "_-") && slashes <= 3 && (word[0] != '/' || slashes == 1)
	}
	return len(word) >= 60 && word[0] != '/' && slashes*12 < len(word) && !strings.Contains(word, "-")
}
