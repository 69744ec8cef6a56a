package okta

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// maxBody caps the answer to a request for one thing, maxErrorBody the answer to a refused one.
	maxBody, maxErrorBody = 1 << 20, 64 << 10
	// bodyStall is how long an answer's body may bring nothing, errorStall that of a refused request.
	bodyStall, errorStall = 60 * time.Second, 5 * time.Second
	// changeTimeout bounds a request that changes something, changePatience its wait for the rate limit.
	changeTimeout, changePatience = 60 * time.Second, time.Second
)

var (
	// errMalformed is an answer that arrived whole and isn't what it should be. Asking again won't help.
	errMalformed = errors.New("malformed answer")
	errTooLarge  = errors.New("answer too large")
	errStalled   = errors.New("the answer stopped coming")
)

func tlsConfig() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

// get reads one thing: decode is given the body of an answer 200.
func (c *conn) get(ctx context.Context, of subject, decode decoder) error {
	tries := c.newRetries(of.path)
	ctx, cancel := context.WithDeadline(ctx, tries.deadline)
	defer cancel()
	for {
		body, err := c.getOnce(ctx, tries)
		if err == nil {
			if err := c.about(of, body, decode); err != nil {
				return c.unanswered(ctx, http.MethodGet, of.path, err)
			}
			return nil
		}
		if err := tries.wait(ctx, err); err != nil {
			return err
		}
	}
}

func (c *conn) getOnce(ctx context.Context, tries *retries) ([]byte, error) {
	resp, err := c.open(ctx, tries, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("%w: more than %d bytes", errTooLarge, maxBody)
	}
	if err != nil {
		return nil, c.unanswered(resp.Request.Context(), http.MethodGet, tries.path,
			fmt.Errorf("reading the answer: %w", err))
	}
	return body, nil
}

// open sends one GET, when its turn has come, and returns an answer 200 whose body is still to be read
// and closed.
func (c *conn) open(ctx context.Context, tries *retries, query string) (*http.Response, error) {
	m := message{method: http.MethodGet, path: tries.path, query: query}
	if tries.done > 0 {
		m.retry, m.retryFor = strconv.Itoa(tries.done), tries.first
	}
	return c.exchange(ctx, m, http.StatusOK)
}

// change sends a request that changes something: once, whatever happens. It doesn't wait for its turn, since
// what was found out about the token would be out of date by then: see Client.Await. decode is given the
// body of an answer with the status want; nil for one that has none.
func (c *conn) change(ctx context.Context, method string, of subject, body []byte, want int, decode decoder) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	resp, err := c.exchange(ctx, message{method: method, path: of.path, body: body, changes: true}, want)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil && decode != nil {
		err = c.about(of, answer, decode)
	}
	if err != nil {
		return c.unanswered(ctx, method, of.path, fmt.Errorf("after the status %d: %w", resp.StatusCode, err))
	}
	return nil
}

// message is what is asked of the org.
type message struct {
	method, path, query string
	body                []byte
	changes             bool
	retry, retryFor     string // headers of a request that was sent before

	// nonce is for its next proof, by the challenge that it got; challenges and again count what was answered so far:
	// see mayResend.
	nonce      string
	challenges int
	again      bool
}

// exchange sends a message when its turn has come, and returns an answer with the status want. If a refusal says that
// the request was not processed, and how it would be, it is sent again: see mayResend.
func (c *conn) exchange(ctx context.Context, m message, want int) (*http.Response, error) {
	for {
		req, err := c.prepare(ctx, m)
		if err != nil {
			return nil, err
		}
		client := c.reads
		if m.changes {
			client = c.changes
		}
		resp, err := c.send(client, req, want)
		if err == nil || !c.mayResend(err, &m, bearer(req)) {
			return resp, err
		}
	}
}

// prepare waits for the turn of a message and makes the request. The error is of one that was not sent.
func (c *conn) prepare(ctx context.Context, m message) (*http.Request, error) {
	patience := time.Duration(0)
	if m.changes {
		patience = changePatience
	}
	if err := c.awaitRate(ctx, m.method, m.path, patience); err != nil {
		return nil, err
	}
	req, err := c.bareRequest(ctx, m.method, m.path, m.query, m.body)
	if err == nil && m.path != organizationPath {
		err = c.authorize(ctx, req, m.nonce)
	}
	if err != nil {
		c.pace.release(m.path, nil, &c.clock)
		e := c.unanswered(ctx, m.method, m.path, err)
		e.Sent = false
		return nil, e
	}
	if m.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if m.changes {
		req.GetBody = nil // what net/http would use to send it again
	}
	if m.retry != "" {
		req.Header.Set("X-Okta-Retry-Count", m.retry)
		if m.retryFor != "" {
			req.Header.Set("X-Okta-Retry-For", m.retryFor)
		}
	}
	return req, nil
}

// awaitRate waits until the rate limit allows a request, but no longer than patience; 0 is without end. The
// error is of one that was not sent.
func (c *conn) awaitRate(ctx context.Context, method, path string, patience time.Duration) error {
	if err := c.pace.acquire(ctx, c, method, path, patience); err != nil {
		e := c.unanswered(ctx, method, path, err)
		e.Sent = false
		return e
	}
	return nil
}

// bareRequest makes a request to the org's own origin, without a credential; there is no other place that makes
// one, and so none that could send the credential elsewhere.
func (c *conn) bareRequest(ctx context.Context, method, path, query string, body []byte) (*http.Request, error) {
	u := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: path, RawQuery: query}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

// send sends one request whose turn has come, and returns an answer with the status want.
func (c *conn) send(client *http.Client, req *http.Request, want int) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	method, path := req.Method, req.URL.Path
	sent := time.Now()
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		c.pace.release(path, nil, &c.clock)
		c.trace(Event{Method: method, Path: path})
		failed := c.unanswered(ctx, method, path, err)
		cancel(nil)
		return nil, failed
	}
	received := time.Now()
	c.trace(Event{Method: method, Path: path, Status: resp.StatusCode})
	body := &watchedBody{body: resp.Body, ctx: ctx, cancel: cancel, stall: bodyStall}
	resp.Body = body
	var refused *Error
	if resp.StatusCode != want {
		defer func() { _ = body.Close() }()
		body.stall = errorStall
		said, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // what arrived is enough for the error
		refused = c.refused(method, path, resp, said)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && (refused == nil || refused.okta) {
		c.clock.observe(date, sent, received)
	}
	c.pace.release(path, resp.Header, &c.clock)
	if c.app != nil && (refused == nil || refused.okta) {
		c.app.keepNonce(path, resp.Header, refused)
	}
	if refused != nil {
		return nil, refused
	}
	return resp, nil
}

// watchedBody ends an answer that has stopped coming, and the request's context when it is closed.
type watchedBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.stall, func() { b.cancel(errStalled) })
	defer timer.Stop()
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.cancel(nil)
	return b.body.Close()
}
