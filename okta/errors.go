package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// What callers branch on; use errors.Is on whatever a method of this package returned.
var (
	// ErrUnauthorized is an answer 401, or a 400 about a proof of possession: the credential is wrong, revoked or
	// expired, or its owner is.
	ErrUnauthorized = errors.New("okta does not accept the credential")
	// ErrForbidden is an answer 403, or a 401 about a feature: the credential lacks the permission or the scope, or the
	// org the feature.
	ErrForbidden = errors.New("okta does not permit this to the credential")
	// ErrNotFound is an answer 404: no such token or user, or none any more.
	ErrNotFound = errors.New("okta knows no such thing")
	// ErrIncomplete is a listing that is not provably complete. Nothing may be concluded from it.
	ErrIncomplete = errors.New("the listing is incomplete")
)

// noFeature is the errorCode of an answer 401 that says nothing against the credential: "You do not have permission to
// access the feature you are requesting" (https://developer.okta.com/docs/reference/error-codes/#E0000015).
const noFeature = "E0000015"

// Error is a request that didn't bring what was asked for. It never holds a secret.
type Error struct {
	// Method and Path are what was asked; the path is without its query.
	Method, Path string
	// Status is the answer's status, or 0 where no answer arrived.
	Status int
	// Code is Okta's errorCode, such as E0000011: the one part of its errors that Okta supports for
	// decisions (https://developer.okta.com/docs/reference/error-codes/). What is wrong with an access token or
	// a login has OAuth's code, such as invalid_client. Empty if there was none.
	Code string
	// Summary says what came back, in Okta's words or ours; printable.
	Summary string
	// RequestID is the answer's X-Okta-Request-Id, for Okta's support. Empty if there was none.
	RequestID string
	// Err is the cause where no usable answer arrived, else nil.
	Err error
	// Sent says that the request may have reached the org.
	Sent bool

	// retry is what the answer said about trying again.
	retry retryAdvice
	// oauth is OAuth's code, wherever the answer has it: it may have one of Okta's as well. nonce is what the
	// answer brought for a proof.
	oauth, nonce string
}

// Error gives everything but the cause's type on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
		for _, s := range []string{e.Code, e.Summary} {
			if s != "" {
				b.WriteString(", " + s)
			}
		}
	} else {
		b.WriteString(e.Summary)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// MayHaveActed reports whether a change (PUT, DELETE) may have happened all the same: its answer was lost,
// or says neither that it was done as it should nor that it was refused. Only reading can tell.
func (e *Error) MayHaveActed() bool {
	return e.Sent && (e.Status < 300 || e.Status >= 500)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is find the sentinels of this package by the status and, for proofs, by OAuth's code.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusBadRequest:
		return target == ErrUnauthorized && (e.oauth == "invalid_dpop_proof" || e.oauth == "use_dpop_nonce")
	case http.StatusUnauthorized:
		if e.Code == noFeature {
			return target == ErrForbidden
		}
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound:
		return target == ErrNotFound
	}
	return false
}

// IncompleteError is a listing that broke off or can't be trusted. It is ErrIncomplete, and also what
// caused it.
type IncompleteError struct {
	// Page is the page at fault, counted from 1.
	Page int
	// Tokens is how many tokens had been read by then.
	Tokens int
	// Err says what was wrong.
	Err error
}

// Error names the page and the cause.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("listing incomplete: page %d, after %d tokens: %v", e.Page, e.Tokens, e.Err)
}

// Unwrap returns ErrIncomplete and the cause.
func (e *IncompleteError) Unwrap() []error { return []error{ErrIncomplete, e.Err} }

// refused makes the error for an answer with a status that the request doesn't expect. body is the
// beginning of the answer's body.
func (c *conn) refused(method, path string, resp *http.Response, body []byte) *Error {
	e := &Error{
		Method: method, Path: path, Status: resp.StatusCode, Sent: true,
		RequestID: cut(Printable(c.scrub(resp.Header.Get("X-Okta-Request-Id"))), 100),
		retry:     adviceOf(resp), nonce: resp.Header.Get("DPoP-Nonce"),
	}
	var said struct {
		ErrorCode    string
		ErrorSummary string
		ErrorCauses  []struct{ ErrorSummary string }
		Error        string
		Description  string `json:"error_description"`
	}
	code, description, scope := challenge(resp.Header)
	e.oauth = code
	switch {
	case resp.StatusCode/100 == 3:
		e.Summary = "it redirects to " + place(resp.Header.Get("Location")) + ", and redirects are not followed: is this the org's own URL?"
	case json.Unmarshal(body, &said) == nil && said.ErrorCode != "":
		e.Code, e.Summary = said.ErrorCode, said.ErrorSummary
		for _, cause := range said.ErrorCauses {
			e.Summary += ": " + cause.ErrorSummary
		}
	case said.Error != "": // the token endpoint: RFC 6749, section 5.2
		e.oauth, e.Code, e.Summary = said.Error, said.Error, said.Description
	case code != "":
		e.Code, e.Summary = code, description
		if scope != "" {
			e.Summary += " (scope " + scope + ")"
		}
	case len(body) > 0:
		e.Summary = "the answer is not an error of Okta's API: is this an Okta org?"
	}
	if c.app != nil && e.Status == http.StatusForbidden && e.Code != "insufficient_scope" && path != tokenPath {
		e.Summary += ": besides its scopes the service app needs an admin role that permits this"
	}
	if e.oauth = c.scrub(e.oauth); c.app != nil && e.oauth != "" { // it says more than the code for any bad token
		e.Code = e.oauth
	}
	e.Code, e.Summary = Printable(c.scrub(e.Code)), cut(Printable(c.scrub(e.Summary)), 500)
	return e
}

// unanswered makes the error for a request that no usable answer followed. ctx is the request's: if it has
// ended, that is the cause.
func (c *conn) unanswered(ctx context.Context, method, path string, cause error) *Error {
	// url.Error repeats the method and shows the query.
	if u := (*url.Error)(nil); errors.As(cause, &u) {
		cause = u.Err
	}
	e := &Error{Method: method, Path: path, Err: cause, Sent: true, retry: retryAdvice{allowed: isBroken(cause)}}
	if ended := context.Cause(ctx); ended != nil {
		e.Err, e.retry.allowed = ended, errors.Is(ended, errStalled)
	}
	e.Summary = c.presentable(e.Err).Error()
	return e
}

// scrub removes the credential from a stranger's text.
func (c *conn) scrub(text string) string {
	if c.app != nil {
		return c.app.scrub(text)
	}
	return c.token.Scrub(text)
}

// presentable makes an error that may quote an answer safe to show: printable, not too long, and without
// the credential, however a server came to repeat it. It still is what it was.
func (c *conn) presentable(err error) error {
	return &shown{cut(Printable(c.scrub(err.Error())), 600), err}
}

type shown struct {
	text string
	err  error
}

func (s *shown) Error() string { return s.text }
func (s *shown) Unwrap() error { return s.err }

// place names the origin of a URL that came from a header, without what else it may hold.
func place(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return "another path"
	}
	return Printable(cut(u.Scheme+"://"+u.Host, 100))
}

// cut shortens a text to n bytes, at the end of a rune, and marks that it did.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
