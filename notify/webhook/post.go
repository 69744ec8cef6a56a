package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
)

// The headers of a request.
const (
	headerTimestamp = "X-Tokensweep-Timestamp" // Unix seconds of this try
	headerDelivery  = "X-Tokensweep-Delivery"  // the run and the part, the same on every try
	headerSignature = "X-Tokensweep-Signature"
)

// sign is the value of the signature's header, version 1.
func sign(key okta.Secret, timestamp, delivery string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = mac.Write([]byte(timestamp + "." + delivery + ".")) // a hash fails never
	_, _ = mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// later are the answers after which a try again may help, besides those of 500 and more.
var later = []int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}

// post sends one part once, signed anew. To send it twice does no harm: the receiver knows it by its delivery.
func (w *Webhook) post(ctx context.Context, delivery string, body []byte) error {
	resp, err := w.do(ctx, http.MethodPost, body, func(h http.Header) {
		timestamp := strconv.FormatInt(time.Now().Unix(), 10)
		h.Set("Content-Type", "application/json")
		h.Set(headerTimestamp, timestamp)
		h.Set(headerDelivery, delivery)
		h.Set(headerSignature, sign(w.secret, timestamp, delivery, body))
	})
	if err != nil {
		return &outbox.Later{Err: err}
	}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return fmt.Errorf("the receiver answered %d, and no redirect is followed: "+
			"set TOKENSWEEP_WEBHOOK_URL to where it is", code)
	case code >= 500 || slices.Contains(later, code):
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 where it is no number
		return &outbox.Later{
			Err:  fmt.Errorf("the receiver answered %d", code),
			Wait: time.Duration(max(0, seconds)) * time.Second,
		}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("the receiver answered %d: check TOKENSWEEP_WEBHOOK_SECRET, and both clocks", code)
	default:
		return fmt.Errorf("the receiver answered %d: check TOKENSWEEP_WEBHOOK_URL", code)
	}
}

// do makes one request. What the receiver says besides its status is not read. No error has a secret.
func (w *Webhook) do(ctx context.Context, method string, body []byte, set func(http.Header)) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("bad TOKENSWEEP_WEBHOOK_URL")
	}
	set(req.Header)
	resp, err := w.client.Do(req)
	if sent := (*url.Error)(nil); errors.As(err, &sent) {
		err = sent.Err // without the URL
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer within %v", answerTimeout)
		}
		return nil, errors.New(okta.Printable(w.secret.Scrub(w.url.Scrub(err.Error()))))
	}
	return resp, resp.Body.Close()
}

// Check looks whether there is somebody to deliver to. It delivers nothing, so that whether the signature is accepted
// can't be told.
func (w *Webhook) Check(ctx context.Context) []audit.Check {
	c := audit.Check{Name: Channel, Status: audit.Good}
	resp, err := w.do(ctx, http.MethodHead, nil, func(http.Header) {})
	switch {
	case err != nil:
		c.Status, c.Code, c.Detail = audit.Failure, audit.Undelivered, "it can't be reached: "+err.Error()
		c.Advice = "check TOKENSWEEP_WEBHOOK_URL and the way there; HTTPS_PROXY and NO_PROXY are honoured"
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		c.Status, c.Detail = audit.Warning, fmt.Sprintf("it answers %d, and no redirect is followed", resp.StatusCode)
		c.Advice = "set TOKENSWEEP_WEBHOOK_URL to where it is"
	default:
		c.Detail = fmt.Sprintf("it can be reached (it answers %d to HEAD); nothing was delivered", resp.StatusCode)
	}
	return []audit.Check{c}
}
