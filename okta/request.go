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

// get reads the one thing at path: decode is given the body of an answer 200.
func (c *conn) get(ctx context.Context, path string, decode func([]byte) error) error {
	tries := c.newRetries(path)
	ctx, cancel := context.WithDeadline(ctx, tries.deadline)
	defer cancel()
	for {
		body, err := c.getOnce(ctx, tries)
		if err == nil {
			if err := decode(body); err != nil {
				return c.unanswered(ctx, http.MethodGet, path, err)
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
		return nil, c.unanswered(resp.Request.Context(), http.MethodGet, tries.path, fmt.Errorf("reading the answer: %w", err))
	}
	return body, nil
}

// open sends one GET, when its turn has come, and returns an answer 200 whose body is still to be read
// and closed.
func (c *conn) open(ctx context.Context, tries *retries, query string) (*http.Response, error) {
	if err := c.turn(ctx, http.MethodGet, tries.path, 0); err != nil {
		return nil, err
	}
	req, err := c.request(ctx, http.MethodGet, tries.path, query, nil)
	if err != nil {
		return nil, err
	}
	if tries.done > 0 {
		req.Header.Set("X-Okta-Retry-Count", strconv.Itoa(tries.done))
		if tries.first != "" {
			req.Header.Set("X-Okta-Retry-For", tries.first)
		}
	}
	return c.send(c.reads, req, http.StatusOK)
}

// change sends a request that changes something: once, whatever happens. It doesn't wait for its turn, since
// what was found out about the token would be out of date by then: see Client.Await. decode is given the
// body of an answer with the status want.
func (c *conn) change(ctx context.Context, method, path string, body []byte, want int, decode func([]byte) error) error {
	if err := c.turn(ctx, method, path, changePatience); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	req, err := c.request(ctx, method, path, "", body)
	if err != nil {
		return err
	}
	req.GetBody = nil // what net/http would use to send it again
	resp, err := c.send(c.changes, req, want)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil {
		err = decode(answer)
	}
	if err != nil {
		return c.unanswered(ctx, method, path, fmt.Errorf("after the status %d: %w", resp.StatusCode, err))
	}
	return nil
}

// turn waits until the rate limit allows a request, but no longer than patience; 0 is without end. The
// error is of one that was not sent.
func (c *conn) turn(ctx context.Context, method, path string, patience time.Duration) error {
	if err := c.pace.take(ctx, c, method, path, patience); err != nil {
		e := c.unanswered(ctx, method, path, err)
		e.Sent = false
		return e
	}
	return nil
}

// request makes a request to the org's own origin; there is no other place that makes one, and so none
// that could send the credential elsewhere.
func (c *conn) request(ctx context.Context, method, path, query string, body []byte) (*http.Request, error) {
	u := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: path, RawQuery: query}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		c.pace.give(path, nil, &c.clock)
		return nil, c.unanswered(ctx, method, path, err)
	}
	if path != organizationPath {
		req.Header.Set("Authorization", "SSWS "+c.token.Reveal())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// send sends one request whose turn has come, and returns an answer with the status want.
func (c *conn) send(client *http.Client, req *http.Request, want int) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	method, path := req.Method, req.URL.Path
	sent := time.Now()
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		c.pace.give(path, nil, &c.clock)
		c.trace(Event{Method: method, Path: path})
		failed := c.unanswered(ctx, method, path, err)
		cancel(nil)
		return nil, failed
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.clock.observe(date, sent, time.Now())
	}
	c.pace.give(path, resp.Header, &c.clock)
	c.trace(Event{Method: method, Path: path, Status: resp.StatusCode})
	body := &watchedBody{body: resp.Body, ctx: ctx, cancel: cancel, stall: bodyStall}
	resp.Body = body
	if resp.StatusCode != want {
		defer func() { _ = body.Close() }()
		body.stall = errorStall
		said, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // what arrived is enough for the error
		return nil, c.refused(method, path, resp, said)
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
