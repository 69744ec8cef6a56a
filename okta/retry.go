package okta

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxRetries is how often a request that reads is sent again.
	maxRetries = 5
	// callDeadline bounds a request that reads with all its retries, waits and bodies.
	callDeadline = 15 * time.Minute
	// The first wait of a backoff, and the longest; each is twice the one before, less up to half of it.
	backoffBase, backoffCap = 500 * time.Millisecond, 30 * time.Second
	// A wait for a rate limit is never shorter or longer than this, whatever the headers say.
	minRateWait, maxRateWait = time.Second, 5 * time.Minute
)

// retryAdvice is what a failed attempt says about another one.
type retryAdvice struct {
	allowed bool
	// after is how long the org wants us to wait; 0 leaves it to the backoff.
	after time.Duration
}

// adviceOf reads an answer that refuses a request. For a rate limit it is the rule of Okta's SDKs: wait
// from the answer's own Date to X-Rate-Limit-Reset, and a second more for the seconds that both lack
// (https://github.com/okta/okta-sdk-golang, Get429BackoffTime). The limit on concurrent requests gives 0
// as its limit and only a suggestion as its reset
// (https://developer.okta.com/docs/reference/rl2-concurrency/): back off.
func adviceOf(resp *http.Response) retryAdvice {
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return retryAdvice{allowed: true}
	case http.StatusTooManyRequests:
		limit, _, reset, ok := rateLimit(resp.Header)
		date, err := http.ParseTime(resp.Header.Get("Date"))
		if !ok || limit == 0 || err != nil {
			return retryAdvice{allowed: true}
		}
		wait := reset.Sub(date) + time.Second
		return retryAdvice{allowed: true, after: min(max(wait, minRateWait), maxRateWait)}
	}
	return retryAdvice{}
}

// isTransient reports whether a request failed for a reason that may pass: not a wrong name, not a
// certificate, not an answer that arrived and makes no sense.
func isTransient(err error) bool {
	var (
		dns       *net.DNSError
		cert      *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
		op        *net.OpError
		login     *LoginError
		scope     *ScopeError
	)
	switch {
	case errors.Is(err, errMalformed), errors.Is(err, errTooLarge):
		return false
	case errors.As(err, &login), errors.As(err, &scope): // was tried again where it happened
		return false
	case errors.As(err, &dns) && dns.IsNotFound:
		return false
	case errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &record),
		errors.As(err, &op) && strings.HasSuffix(op.Op, " error"): // crypto/tls names its alerts so
		return false
	}
	return true
}

// retries counts the attempts of one request.
type retries struct {
	conn         *conn
	method, path string
	deadline     time.Time
	done         int
	// first is the id of the first request that failed, which Okta's SDKs send along
	// (https://github.com/okta/okta-sdk-golang#connection-retry--rate-limiting).
	first string
}

func (c *conn) newRetries(path string) *retries {
	return &retries{conn: c, method: http.MethodGet, path: path, deadline: time.Now().Add(callDeadline)}
}

// wait sleeps before the next attempt, or returns failed if there should be none.
func (r *retries) wait(ctx context.Context, failed error) error {
	var e *Error
	if !errors.As(failed, &e) || !e.retry.allowed {
		return failed
	}
	if r.done == maxRetries {
		return fmt.Errorf("%w; gave up after %d attempts", failed, r.done+1)
	}
	wait, reason := e.retry.after, "the rate limit is used up"
	if wait == 0 {
		backoff := min(backoffBase<<r.done, backoffCap)
		wait = backoff/2 + rand.N(backoff/2)
		reason = fmt.Sprintf("trying again after: %v", failed)
	}
	until := time.Now().Add(wait)
	end := r.deadline
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	if until.After(end) {
		return fmt.Errorf("%w; the next attempt would come after the deadline", failed)
	}
	if r.done == 0 {
		r.first = e.RequestID
	}
	r.done++
	r.conn.trace(Event{Method: r.method, Path: r.path, Until: until, Reason: reason,
		RateLimit: e.Status == http.StatusTooManyRequests})
	if err := Sleep(ctx, wait); err != nil {
		return fmt.Errorf("%w, while waiting to try again after: %w", err, failed)
	}
	return nil
}

// Sleep waits for d, or until ctx ends; then the error is the cause of that.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
