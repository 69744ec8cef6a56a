package oktatest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a running fake org. All methods may be called from many goroutines at once.
type Server struct {
	cfg     Config
	org     *org
	limits  limiter
	faults  faults
	history history
	ids     ids
	auth    *authorization

	url      string
	http     *http.Server
	listener net.Listener // nil if made by New
	pipes    *pipes
	done     chan struct{} // closed by Close

	mu     sync.Mutex
	idle   sync.Cond
	active int // handlers at work
	closed bool
}

// made counts the orgs whose ids are made up.
var made atomic.Int64

// Start starts an org on a free port of 127.0.0.1. Like httptest.NewServer it panics if it cannot
// listen. The caller must Close it.
func Start(cfg Config) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("oktatest: listening: %v", err))
	}
	s := New(cfg)
	s.listener, s.url = l, "http://"+l.Addr().String()
	go func() { _ = s.http.Serve(l) }()
	return s
}

// New makes an org that listens on no port: it is reached by Dial, or by mounting Handler. The caller
// must Close it.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ID == "" {
		cfg.ID = OrgID(int(made.Add(1)))
	}
	s := &Server{
		cfg:    cfg,
		org:    newOrg(cfg),
		limits: limiter{rate: cfg.RateLimit, buckets: map[string]*window{}},
		ids:    newIDs(),
		auth:   newAuthorization(cfg.OAuth.Apps),
		url:    "http://okta.test",
		pipes:  newPipes(),
		done:   make(chan struct{}),
	}
	s.cfg.Tokens, s.cfg.Users, s.cfg.Zones = nil, nil, nil // the org has its own; these may be large
	s.idle.L = &s.mu
	s.http = &http.Server{Handler: s.Handler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.http.Serve(s.pipes) }()
	return s
}

// URL is the org's base URL, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Handler answers requests as the org does, for mounting it on another listener, such as one with TLS.
// Links then name the scheme and host that the request was sent to.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Dial connects to the org in memory, whatever the address. As DialContext of an http.Transport it makes
// the org reachable without a network, and so inside of a testing/synctest bubble, where New, unlike
// Start, may be called.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.pipes.dial(ctx)
}

// Close stops the org: it cuts all connections, waiting answers are not sent, and it returns when no
// request is at work any more. The state and the history stay readable.
func (s *Server) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.done)
		_ = s.http.Close() // closes the listeners too
		_ = s.pipes.Close()
		if s.listener != nil {
			_ = s.listener.Close() // in case Serve had not got to it
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active > 0 {
		s.idle.Wait()
	}
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.active++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.idle.Broadcast()
}

// spin is how far a timer may overshoot: Go waits in whole milliseconds where a process is idle.
const spin = 1500 * time.Microsecond

// wait returns true after d, or false as soon as the client or the org is gone. On a real network it is
// exact to a few microseconds, so that benchmarks of clients measure the client.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	end, early := time.Now().Add(d), time.Duration(0)
	if s.listener != nil && d > 2*spin {
		early = spin
	}
	t := time.NewTimer(d - early)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return false
	case <-s.done:
		return false
	}
	for early > 0 && time.Now().Before(end) {
		runtime.Gosched()
	}
	return true
}
