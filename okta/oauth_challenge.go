package okta

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// challenge reads why an access token or a proof was refused, from the WWW-Authenticate header: the body of such an
// answer is empty
// (https://github.com/okta/terraform-provider-okta/issues/2392, https://www.rfc-editor.org/rfc/rfc6750#section-3).
func challenge(header http.Header) (code, description, scope string) {
	for _, line := range header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(line, " "); !strings.EqualFold(scheme, "DPoP") &&
			!strings.EqualFold(scheme, "Bearer") {
			continue // another's, such as a proxy's
		}
		for _, m := range challengeParameter.FindAllStringSubmatch(line, -1) {
			switch m[1] {
			case "error":
				code = m[2]
			case "error_description":
				description = m[2]
			case "scope":
				scope = m[2]
			}
		}
	}
	return code, description, scope
}

var challengeParameter = regexp.MustCompile(`(?:^|[\s,])([a-z_]+)="([^"]*)"`)

// mayResend reports whether a refused request may be sent again at once, with a new proof, and sets the nonce for that.
// It counts in m what it has allowed: a few challenges to use a nonce, since other requests may use nonces up, and one
// other refusal.
//
// A request that changes something may be sent again after one refusal only: use_dpop_nonce. It says that the proof
// lacked a nonce that the server wants in it, comes with that nonce, and is given before anything else about the
// request is looked at (RFC 9449, section 9): the request was not processed. No other refusal proves that.
func (c *conn) mayResend(err error, m *message, token string) bool {
	var e *Error
	if c.app == nil || !errors.As(err, &e) || !e.okta ||
		(e.Status != http.StatusBadRequest && e.Status != http.StatusUnauthorized) {
		return false
	}
	if e.oauth == wantsNonce {
		m.nonce = e.nonce
		m.challenges++
		return e.nonce != "" && (m.challenges == 1 || !m.changes && m.challenges <= maxChallenges)
	}
	m.nonce = ""
	if m.changes || m.again {
		return false
	}
	m.again = true
	switch {
	case e.oauth == "invalid_dpop_proof":
		// Our clock was set, or net/http has sent the request twice over a connection that was about to close.
		return true
	case e.Code == noFeature:
		return false
	case e.Status == http.StatusUnauthorized:
		c.app.end(token) // revoked, or ended before its time
		return true
	}
	return false
}

// bearer is the access token that a request carries, "" if it is none.
func bearer(req *http.Request) string {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if scheme != "DPoP" && scheme != "Bearer" {
		return ""
	}
	return token
}
