// Package okta is a client for the part of Okta's management API that deals with API tokens
// (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/).
//
// # Use
//
// New gives a Client for one org. Client.List reads all tokens, page by page:
//
//	var tokens []okta.Token
//	err := client.List(ctx, okta.ListOptions{}).Read(func() func(okta.Token) error {
//		tokens = nil // a list that moved while it was read is read again
//		return func(t okta.Token) error {
//			tokens = append(tokens, t)
//			return nil
//		}
//	})
//	if err != nil {
//		return err // the listing is incomplete: forget what was read
//	}
//
// Without an error, the visitor of the last reading has seen every token of the org once. Everything that casts doubt
// on that (a cut page, a repeated cursor, a link to something else, or one that was taken away) is an IncompleteError.
//
// # What can change something
//
// A Reader reads and can't do anything else; a Client is a Reader that can also revoke tokens and
// change their network condition. Code that must not change anything is given the Reader alone.
//
// # What it takes care of
//
// Requests that read are tried again where that helps; requests that change something are sent once,
// whatever happens. (The one exception is an answer that says, by its definition, that the request was not
// processed: the demand for a nonce in a proof of possession.) A service app logs in by itself, and again before its
// access token ends. The client follows the rate-limit headers and leaves a share of the org's budget to
// others. The credential goes to the org's own origin and nowhere else: links are re-based,
// redirects are errors. Ids are checked before a URL is made of them.
//
// Errors are of type *Error, or wrap it: what was asked, what came back, and sentinels to branch on.
package okta

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options says which org to talk to and how. OrgURL and one of Token and App are required.
type Options struct {
	// OrgURL is the org's URL; see ParseOrgURL for what is accepted.
	OrgURL string
	// Token is the SSWS credential. It is not used if App is set.
	Token Secret
	// App, if not nil, is the service app to log in as, instead of with an API token.
	App *ServiceApp
	// RateShare is the share of the org's rate limit, over 0 and up to 1, that this client may use in
	// each window; the rest stays free for others. 0 means DefaultRateShare.
	RateShare float64
	// UserAgent names the program to the org's administrators, who see it in their logs. "" means
	// "tokensweep".
	UserAgent string
	// Trace, if not nil, is told of every answer and every wait. It is called on several goroutines at
	// once and must not block.
	Trace func(Event)
	// Dial, if not nil, makes the connections instead of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Transport, if not nil, carries the requests instead of connections that this package makes, and Dial
	// is not used. It must not send a request twice. It is for tests that ask an org in memory.
	Transport http.RoundTripper
}

// DefaultRateShare is the share of a rate limit that is used where Options doesn't say.
const DefaultRateShare = 0.5

// Event is one step of a request, for progress displays, logs and metrics.
type Event struct {
	// Method and Path are what is asked, the path without its query.
	Method, Path string
	// Status is the status of an answer, 0 if none came or the event is a wait.
	Status int
	// Until is when the wait that now begins will end; zero if the event is not a wait.
	Until time.Time
	// Reason says, in words, why it waits.
	Reason string
	// RateLimit says that it waits for a rate limit, and not to try again after a failure.
	RateLimit bool
}

// Reader reads an org's tokens and their owners. It has no method that changes anything.
type Reader struct{ conn *conn }

// Client is a Reader that can also revoke tokens and change their network condition.
type Client struct{ *Reader }

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := ParseOrgURL(o.OrgURL)
	if err != nil {
		return nil, err
	}
	var app *app
	if o.App != nil {
		if app, err = newApp(*o.App); err != nil {
			return nil, err
		}
	} else if err := CheckToken(o.Token); err != nil {
		return nil, err
	}
	if o.RateShare == 0 {
		o.RateShare = DefaultRateShare
	}
	if !(o.RateShare > 0 && o.RateShare <= 1) {
		return nil, fmt.Errorf("bad rate share %v: want more than 0 and at most 1", o.RateShare)
	}
	if o.UserAgent == "" {
		o.UserAgent = "tokensweep"
	}
	if o.Trace == nil {
		o.Trace = func(Event) {}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &Client{&Reader{&conn{
		base: base, token: o.Token, app: app, agent: o.UserAgent, trace: o.Trace,
		reads:   httpClient(transport(o, false)),
		changes: httpClient(transport(o, true)),
		pace:    pacer{share: o.RateShare},
	}}}, nil
}

// CheckToken refuses what can be no API token. The error shows nothing of it.
func CheckToken(token Secret) error {
	if token.IsZero() {
		return errors.New("the API token is empty")
	}
	if scheme, _, _ := strings.Cut(token.Reveal(), " "); strings.EqualFold(scheme, "SSWS") {
		return errors.New("the API token begins with SSWS, which is not a part of it: leave that out")
	}
	for _, c := range []byte(token.Reveal()) {
		if c <= ' ' || c > '~' {
			return errors.New("the API token holds a space, a line break or another character that no token has")
		}
	}
	return nil
}

// OrgURL is the org's URL as scheme and host.
func (r *Reader) OrgURL() string { return r.conn.base.String() }

// ClockOffset is how far the org's clock is ahead of ours, as the Date headers so far tell; ok is false
// if there was none. The headers give whole seconds, so a single answer leaves up to a second of doubt.
func (r *Reader) ClockOffset() (offset time.Duration, ok bool) { return r.conn.clock.offset() }

// conn is what a Reader and the Client around it share.
type conn struct {
	base           *url.URL
	token          Secret
	app            *app // nil with an API token
	agent          string
	trace          func(Event)
	reads, changes *http.Client
	pace           pacer
	clock          clock
	answered       answered
}

// transport makes the connections. Those for changes are made anew for each request and speak HTTP/1.1,
// so that net/http can't send a request twice: it does that on a connection that it kept alive, and for
// HTTP/2 streams that the server refused.
func transport(o Options, changes bool) http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            o.Dial,
		TLSClientConfig:        tlsConfig(),
		TLSHandshakeTimeout:    15 * time.Second,
		ResponseHeaderTimeout:  60 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		MaxIdleConnsPerHost:    4,
		ReadBufferSize:         64 << 10, // pages have 100 KiB
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      !changes,
		DisableKeepAlives:      changes,
		Protocols:              new(http.Protocols),
	}
	// A connection that died without a word is closed, as with HTTP/1.1: else all attempts would go there.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(!changes)
	return t
}

func httpClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
