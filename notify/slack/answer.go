package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"tokensweep/okta"
)

// maxAnswer is how long an answer of Slack's may be, in bytes: a page of 200 messages has at most a few million.
const maxAnswer = 32 << 20

// What to check where something else answers in Slack's place.
const (
	checkWay     = "something on the way answers in Slack's place: check HTTPS_PROXY and NO_PROXY"
	checkAPIURL  = "check SLACK_API_URL, the whole base, such as https://slack-gov.com/api/; or " + checkWay
	checkWebhook = "check SLACK_WEBHOOK_URL; or " + checkWay
)

// foreignError is an answer that is not Slack's: a login page, an empty body, a redirect, a 404.
type foreignError struct {
	// what was answered, and what a person can check.
	what, advice string
}

// Error says what was answered.
func (e *foreignError) Error() string { return "the answer is not Slack's: " + e.what }

// foreignAnswer makes the error for an answer with a status and the beginning of its body.
func foreignAnswer(resp *http.Response, body []byte, advice string) *foreignError {
	what := fmt.Sprintf("%d with %s", resp.StatusCode, kindOf(body))
	if to, err := resp.Location(); err == nil { // the host alone: what is behind it may be a secret
		what = fmt.Sprintf("%d, a redirect to %s, which is not followed", resp.StatusCode,
			okta.Printable((&url.URL{Scheme: to.Scheme, Host: to.Host}).String()))
	}
	return &foreignError{what, advice}
}

// kindOf says what a body is that is not Slack's.
func kindOf(body []byte) string {
	switch text := bytes.TrimSpace(body); {
	case len(text) == 0:
		return "an empty body"
	case text[0] == '<':
		return "a page of HTML"
	}
	return "something else than it answers"
}

// slackOnly is an HTTP client for slack-go that takes for Slack's only what can be: slack-go itself calls a login page
// invalid JSON, an empty body an end of file, and {} a success.
type slackOnly struct {
	*http.Client
	advice string // for what isn't
}

// Do implements slack-go's interface of a client.
func (c slackOnly) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.Client.Do(req)
	if err != nil {
		return nil, err
	}
	file := strings.HasPrefix(req.Header.Get("Content-Type"), "multipart/")
	if code := resp.StatusCode; code >= 500 || code == http.StatusTooManyRequests ||
		code == http.StatusRequestTimeout || file && code >= 400 {
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK,
		file && !bytes.HasPrefix(body, []byte("OK")),
		!file && !isSlacks(body):
		return nil, foreignAnswer(resp, body, c.advice)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// isSlacks reports whether a body is one of Slack's API: it says whether it worked, and if not, why
// (https://docs.slack.dev/apis/web-api/#responses).
func isSlacks(body []byte) bool {
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	return json.Unmarshal(body, &said) == nil && said.OK != nil && (*said.OK || said.Error != "")
}
