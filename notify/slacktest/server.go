package slacktest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is a running fake workspace. All methods may be called from many goroutines at once.
type Server struct {
	cfg     Config
	url     string
	http    *http.Server
	done    chan struct{} // closed by Close
	close   sync.Once
	working sync.WaitGroup
	faults  faults
	history history

	mu         sync.Mutex // holds for everything below
	channels   []*channel
	files      []*File
	complaints []string
	closed     bool
	clock      clock
	dms, fileN int
}

// Start starts a workspace on a free port of 127.0.0.1. Like httptest.NewServer it panics if it cannot
// listen. The caller must Close it.
func Start(cfg Config) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("slacktest: listening: %v", err))
	}
	s := &Server{cfg: cfg.withDefaults(), url: "http://" + l.Addr().String(), done: make(chan struct{})}
	for _, c := range s.cfg.Channels {
		s.channels = append(s.channels, &channel{Channel: c})
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.http.Serve(l) }()
	return s
}

// URL is the base URL of the API, with a slash at the end: the one for slack-go's OptionAPIURL.
func (s *Server) URL() string { return s.url + "/api/" }

// WebhookURL is the URL of the incoming webhook. As with Slack it is a secret, and any other path below
// /services/ is answered no_service.
func (s *Server) WebhookURL() string { return s.url + s.webhookPath() }

func (s *Server) webhookPath() string {
	return "/services/" + s.cfg.TeamID + "/" + s.cfg.BotID + "/fakeWebhookSecret"
}

// Close stops the workspace: it cuts all connections, waiting answers are not sent, and it returns when
// no request is at work any more. Messages and history stay readable. Close may be called twice.
func (s *Server) Close() {
	s.close.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.done)
		_ = s.http.Close()
	})
	s.working.Wait()
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.working.Add(1)
	return true
}

// method names the endpoint of a path.
func method(path string) string {
	switch {
	case strings.HasPrefix(path, "/services/"):
		return Webhook
	case strings.HasPrefix(path, uploadPath):
		return Upload
	}
	name, _ := strings.CutPrefix(path, "/api/")
	if name == path {
		return ""
	}
	return name
}

// maxBody is the most that is read of a request.
const maxBody = 64 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.working.Done()
	name := method(r.URL.Path)
	rec := &Request{Method: name, Verb: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Header: r.Header.Clone()}
	s.history.add(rec, s.cfg.Now)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	s.history.body(rec, body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone, or sends without end
	}

	f, struck := s.faults.strike(name)
	if f.Then != nil {
		f.Then()
	}
	a := answer{status: http.StatusOK, fields: map[string]any{"ok": true}}
	if f.acts() {
		a = s.act(name, r, body)
	}
	a = f.spoil(name, a)
	alive := s.wait(r.Context(), f.Delay)
	if f.Hangup || f.HangupAfter || !alive {
		s.history.close(rec, 0, "", struck)
		panic(http.ErrAbortHandler)
	}
	if a.fields != nil {
		w.Header().Set("X-OAuth-Scopes", strings.Join(s.cfg.Scopes, ","))
	}
	for key, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(key)] = values
	}
	s.history.close(rec, a.status, a.err(), struck)
	a.write(w)
}

// act does what a request asks for.
func (s *Server) act(name string, r *http.Request, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch name {
	case "":
		return answer{status: http.StatusNotFound, text: "not found"}
	case Webhook:
		return s.webhook(r, body)
	case Upload:
		return s.upload(r, body)
	}
	m, ok := methods[name]
	if !ok {
		return refuse("unknown_method")
	}
	args, e := readArgs(r, body)
	if e != "" {
		return refuse(e)
	}
	switch token := bearer(r, args); {
	case token == "":
		return refuse("not_authed")
	case s.cfg.BotToken == "" || token != s.cfg.BotToken:
		return refuse("invalid_auth")
	}
	if args.json && !m.json {
		return refuse("invalid_arguments", reasons("[ERROR] this method takes no JSON [json-pointer:]"))
	}
	if m.scope != "" && !s.cfg.has(m.scope) {
		return s.missing(m.scope)
	}
	return m.do(s, args)
}

// wait returns true after d, or false as soon as the client or the workspace is gone.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}
