package outbox

import (
	"net/http"
	"net/url"
	"time"

	"tokensweep/okta"
)

// NewClient makes a client whose requests end after a time at the latest. It follows no redirect, which could carry a
// message or a token elsewhere: the answer is the redirect.
func NewClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ParseURL parses a URL of https, or of plain http for a loopback address. It may be a
// secret, and so there is no error that could repeat it.
func ParseURL(raw string) (u *url.URL, ok bool) {
	u, err := url.Parse(raw)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && okta.IsLoopback(u.Hostname()))
	if !secure || u.Host == "" || u.User != nil {
		return nil, false
	}
	return u, true
}
