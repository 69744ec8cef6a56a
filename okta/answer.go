package okta

import (
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// This file finds out whether Okta itself gave an answer. Proxies, balancers and gateways stand between this program
// and Okta, and may answer in its place: without passing the request on, or after Okta has carried it out. So a status
// alone proves nothing. An answer of another status than the request should have counts as Okta's only if it has the
// form of Okta's errors: JSON with an errorCode (https://developer.okta.com/docs/reference/error-codes/), a challenge
// to an access token, or OAuth's error at the token endpoint. Any other is treated as if the connection had been cut.

// noSuchThing is the errorCode of an answer 404 about a thing that isn't there; an unknown path has another. noFeature
// is that of an answer 401 that says nothing against the credential: "You do not have permission to access the feature
// you are requesting" (https://developer.okta.com/docs/reference/error-codes/#E0000015).
const noSuchThing, noFeature = "E0000007", "E0000015"

var (
	// oktaCode is the form of Okta's error codes, oauthCode that of OAuth's, which the token endpoint has in either
	// place.
	oktaCode  = regexp.MustCompile(`^E[0-9]{7}$`)
	oauthCode = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)
)

// refusal is what Okta says in an answer that refuses a request. oauth is OAuth's code, wherever the answer has it.
type refusal struct{ code, summary, oauth string }

// saidByOkta reads an answer that is not what the request should have; ok is false if it isn't Okta's.
func (c *conn) saidByOkta(path string, resp *http.Response, body []byte) (said refusal, ok bool) {
	code, description, scope := challenge(resp.Header)
	if c.app == nil || resp.StatusCode < 400 || resp.StatusCode > 403 {
		code =
			"" // it is for access tokens, and for these statuses (https://www.rfc-editor.org/rfc/rfc6750#section-3.1)
	}
	said.oauth = code
	var says struct {
		ErrorCode    string `json:"errorCode"`
		ErrorSummary string `json:"errorSummary"`
		ErrorCauses  []struct {
			ErrorSummary string `json:"errorSummary"`
		} `json:"errorCauses"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &says) != nil {
		says.ErrorCode, says.Error = "", ""
	}
	login := path == tokenPath
	switch {
	case oktaCode.MatchString(says.ErrorCode), login && oauthCode.MatchString(says.ErrorCode):
		said.code, said.summary = says.ErrorCode, says.ErrorSummary
		for _, cause := range says.ErrorCauses {
			said.summary += ": " + cause.ErrorSummary
		}
		if login && said.oauth == "" && oauthCode.MatchString(said.code) {
			said.oauth = said.code
		}
	case login && oauthCode.MatchString(says.Error): // RFC 6749, section 5.2
		said.oauth, said.code, said.summary = says.Error, says.Error, says.Description
	case code != "":
		said.code, said.summary = code, description
		if scope != "" {
			said.summary += " (scope " + scope + ")"
		}
	default:
		return refusal{}, false
	}
	return said, true
}

// absent reports whether Okta says that what a path names is not there. A list always is.
func (s refusal) absent(status int, asked string) bool {
	return status == http.StatusNotFound && s.code == noSuchThing && asked != listPath && !s.aboutAnother(asked)
}

// anyID is an id of Okta's: of a token, a user or a zone.
var anyID = regexp.MustCompile(`\b(00T|00u|nzo)\w{17}\b`)

// aboutAnother reports whether a summary names things of the kind that was asked for, and not the one itself. (One that
// names none is in words that Okta has changed, as it may.)
func (s refusal) aboutAnother(asked string) bool {
	id := path.Base(strings.TrimSuffix(asked, "/roles"))
	another := false
	for _, named := range anyID.FindAllString(s.summary, -1) {
		if named == id {
			return false
		}
		another = another || anyID.MatchString(id) && named[:3] == id[:3]
	}
	return another
}

// refused makes the error for an answer with a status that the request doesn't expect. body is the
// beginning of the answer's body.
func (c *conn) refused(method, path string, resp *http.Response, body []byte) *Error {
	said, ours := c.saidByOkta(path, resp, body)
	e := &Error{
		Method: method, Path: path, Status: resp.StatusCode, Sent: true,
		Code: said.code, Summary: said.summary,
		RequestID: cut(Printable(c.scrub(resp.Header.Get("X-Okta-Request-Id"))), 100),
		retry:     adviceOf(resp), nonce: resp.Header.Get("DPoP-Nonce"),
		okta: ours, absent: said.absent(resp.StatusCode, path),
	}
	switch {
	case resp.StatusCode/100 == 3:
		e.Summary = "it redirects to " + originOf(resp.Header.Get("Location")) +
			", and redirects are not followed: is this the org's own URL?"
	case !ours:
		e.Summary = "this answer is not Okta's: something on the way gave it, such as a proxy, or is this no Okta org?"
	case c.app != nil && e.Status == http.StatusForbidden && e.Code != "insufficient_scope" && path != tokenPath:
		e.Summary += ": besides its scopes the service app needs an admin role that permits this"
	}
	if e.oauth = c.scrub(said.oauth); c.app != nil && e.oauth != "" { // it says more than the code for any bad token
		e.Code = e.oauth
	}
	e.Code, e.Summary = Printable(c.scrub(e.Code)), cut(Printable(c.scrub(e.Summary)), 500)
	return e
}
