package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// What callers branch on; use errors.Is on whatever a method of this package returned. An answer that is not Okta's own
// is none of the first three, whatever its status is.
var (
	// ErrUnauthorized is Okta's answer 401, or a 400 about a proof of possession: the credential is wrong, revoked or
	// expired, or its owner is.
	ErrUnauthorized = errors.New("okta does not accept the credential")
	// ErrForbidden is Okta's answer 403, or a 401 about a feature: the credential lacks the permission or the scope, or
	// the org the feature.
	ErrForbidden = errors.New("okta does not permit this to the credential")
	// ErrNotFound is Okta's answer 404 with the code for a thing that is not there: no such token or user, or none any
	// more. After a change it says only how things are now: the same request may have come twice, and have been carried
	// out the first time.
	ErrNotFound = errors.New("okta knows no such thing")
	// ErrIncomplete is a listing that is not provably complete. Nothing may be concluded from it.
	ErrIncomplete = errors.New("the listing is incomplete")
)

// Error is a request that didn't bring what was asked for. It never holds a secret.
type Error struct {
	// Method and Path are what was asked; the path is without its query.
	Method, Path string
	// Status is the answer's status, or 0 where no answer arrived.
	Status int
	// Code is Okta's errorCode, such as E0000011: the one part of its errors that Okta supports for
	// decisions (https://developer.okta.com/docs/reference/error-codes/). What is wrong with an access token or
	// a login has OAuth's code, such as invalid_client. Empty if there was none, and where the answer is not Okta's.
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
	// okta says that Okta itself gave the answer; absent, that it says that what was asked for is not there.
	okta, absent bool
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

// MayHaveActed reports whether a change (PUT, DELETE) may have happened all the same: its answer was lost or is not
// Okta's, or says neither that it was done as it should nor that it was refused; or it is a 404, as Okta gives to a
// request that a proxy has sent a second time. Only reading the token again can tell.
func (e *Error) MayHaveActed() bool {
	refused := e.okta && e.Status >= 300 && e.Status < 500 && e.Status != http.StatusNotFound
	return e.Sent && !refused
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is find the sentinels of this package, in answers that are Okta's.
func (e *Error) Is(target error) bool {
	if !e.okta {
		return false
	}
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
		return target == ErrNotFound && e.absent
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

// unanswered makes the error for a request that no usable answer followed. ctx is the request's: if it has
// ended, that is the cause.
func (c *conn) unanswered(ctx context.Context, method, path string, cause error) *Error {
	// url.Error repeats the method and shows the query.
	if u := (*url.Error)(nil); errors.As(cause, &u) {
		cause = u.Err
	}
	e := &Error{Method: method, Path: path, Err: cause, Sent: true, retry: retryAdvice{allowed: isTransient(cause)}}
	if ended := context.Cause(ctx); ended != nil {
		e.Err, e.retry.allowed = ended, errors.Is(ended, errStalled)
	}
	e.Summary = c.presentable(e.Err).Error()
	return e
}

// scrub removes the credential from a text that came from outside.
func (c *conn) scrub(text string) string {
	if c.app != nil {
		return c.app.scrub(text)
	}
	return c.token.Scrub(text)
}

// presentable makes an error that may quote an answer safe to show: printable, not too long, and without
// the credential, however a server came to repeat it. It still is what it was.
func (c *conn) presentable(err error) error {
	return &presented{cut(Printable(c.scrub(err.Error())), 600), err}
}

type presented struct {
	text string
	err  error
}

func (s *presented) Error() string { return s.text }
func (s *presented) Unwrap() error { return s.err }

// originOf names the origin of a URL that came from a header, without what else it may hold.
func originOf(location string) string {
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
