package oktatest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is an answer before it is sent.
type answer struct {
	status     int
	header     http.Header
	body       []byte
	self, next string // targets of the Link header, of listings only
}

// call is a request at work.
type call struct {
	*Server
	req      *http.Request
	body     []byte
	segments []string // of the path, unescaped
	base     string   // scheme and host that the request was sent to
	header   http.Header
	app      string // client id of the service app that asks, "" for an API token
}

// maxBody bounds what is read of a request's body.
const maxBody = 1 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.leave()
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	rec := s.history.add(r, body, s.cfg.Now())

	c := &call{Server: s, req: r, body: body, segments: segments(r.URL), base: "http://" + r.Host,
		header: http.Header{}}
	if r.TLS != nil {
		c.base = "https://" + r.Host
	}
	f, faulty := s.faults.match(r.Method, r.URL.EscapedPath(), s.pageOf(r.Method, c.segments, r.URL.Query()))
	if f.Then != nil {
		f.Then()
	}
	a := c.answer(&f)
	f.apply(&a)

	inTime := s.wait(r.Context(), time.Until(arrived.Add(s.cfg.Latency+f.Delay)))
	if !inTime || f.Hangup || f.HangupAfter {
		s.history.close(rec, 0, 0, faulty)
		panic(http.ErrAbortHandler)
	}
	sent, cut := a.body, f.CutBody != 0
	if cut {
		sent = sent[:min(max(f.CutBody, 0), len(sent))]
	}
	s.history.close(rec, a.status, len(sent), faulty)
	c.send(w, a, sent, &f)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// send sends the answer, but no more of its body than body.
func (c *call) send(w http.ResponseWriter, a answer, body []byte, f *Fault) {
	h := w.Header()
	for name, lines := range a.header {
		h[name] = lines
	}
	flow := http.NewResponseController(w)
	if !f.Chunked && !f.Endless && h["Content-Length"] == nil && a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if f.Chunked || f.CutBody != 0 || f.Drip > 0 {
		_ = flow.Flush()
	}
	if f.Drip > 0 {
		for i := range body {
			_, _ = w.Write(body[i : i+1]) // a client that has gone is seen by wait
			_ = flow.Flush()
			if !c.wait(c.req.Context(), f.Drip) {
				panic(http.ErrAbortHandler)
			}
		}
	} else {
		_, _ = w.Write(body)
	}
	for f.Endless {
		if _, err := w.Write(spaces); err != nil || c.req.Context().Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if f.CutBody != 0 {
		_ = flow.Flush()
	}
}

var spaces = slices.Repeat([]byte(" "), 4096)

// segments splits a path, so that %2F stays within one. Nothing is cleaned: what a client sends as ..
// or // is not a path of the API.
func segments(u *url.URL) []string {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if clear, err := url.PathUnescape(p); err == nil {
			parts[i] = clear
		}
	}
	return parts
}

// answer decides the answer, and does to the org what the request asks for.
func (c *call) answer(f *Fault) answer {
	c.header.Set("X-Okta-Request-Id", c.ids.request())
	c.header.Set("Cache-Control", "no-cache, no-store")
	c.header.Set("Content-Type", "application/json")
	now := c.cfg.Now()
	c.header.Set("Date", now.UTC().Format(http.TimeFormat))

	var a answer
	within := true
	if !f.Hangup {
		within = c.limits.take(bucket(c.req.URL.Path), now, c.header)
	}
	switch {
	case !within:
		a = c.fail(overLimit)
	case f.acts():
		if a = c.route(); f.Twice {
			a = c.route()
		}
	}
	switch {
	case f.Proxy:
		a = proxyPage(f.Status)
	case f.Status != 0:
		a = answer{status: f.Status, header: c.header}
		if fail, ok := failureFor(f.Status, c.segments); ok {
			a = c.fail(fail)
		}
	}
	if a.header == nil {
		a.header = c.header
	}
	if a.status == http.StatusTooManyRequests && !f.Proxy {
		_, _ = c.proof(now) // whatever it is, it is used up
	}
	if a.status == http.StatusNoContent {
		a.header.Del("Content-Type")
	}
	return a
}

func (c *call) ok(body []byte) answer {
	return answer{status: http.StatusOK, header: c.header, body: body}
}

func (c *call) fail(f failure) answer {
	return answer{status: f.status, header: c.header, body: errorBody(c.ids.error(), f.code, f.summary, f.causes)}
}

func isList(segments []string) bool {
	return len(segments) >= 3 && slices.Equal(segments[:3], []string{"api", "v1", "api-tokens"}) &&
		(len(segments) == 3 || len(segments) == 4 && segments[3] == "")
}

// route finds the endpoint. All but the organization's own and the token endpoint need a credential.
func (c *call) route() answer {
	p := c.segments
	if slices.Equal(p, []string{".well-known", "okta-organization"}) {
		return c.reading(c.organization)
	}
	if c.req.URL.EscapedPath() == tokenEndpoint {
		return c.issue()
	}
	if no, ok := c.admitted(); !ok {
		return no
	}
	switch {
	case isList(p):
		if len(p) == 4 || c.cfg.PageSize <= 0 {
			return c.reading(c.list) // with a slash at the end: recorded, the whole list
		}
		return c.reading(c.page)
	case isDirectory(p):
		return c.reading(c.directory)
	case len(p) < 4 || p[0] != "api" || p[1] != "v1":
		return c.fail(noSuchPath)
	case len(p) == 4 && p[2] == "api-tokens":
		return c.token(p[3])
	case len(p) == 4 && p[2] == "users":
		return c.reading(c.user)
	case len(p) == 5 && p[2] == "users" && p[4] == "roles":
		return c.reading(c.roles)
	case len(p) == 4 && p[2] == "zones":
		return c.reading(c.zone)
	default:
		return c.fail(noSuchPath)
	}
}

// reading answers a path that can only be read.
func (c *call) reading(do func() answer) answer {
	if c.req.Method != http.MethodGet {
		return c.fail(badMethod)
	}
	return do()
}

// authenticated checks the API token, and counts as a use of the token that it belongs to.
func (c *call) authenticated() bool {
	auth := c.req.Header.Values("Authorization")
	if c.cfg.Credential == "" || len(auth) != 1 || auth[0] != "SSWS "+c.cfg.Credential {
		return false
	}
	return c.cfg.OwnToken == "" || c.org.use(c.cfg.OwnToken)
}

func (c *call) token(id string) answer {
	switch c.req.Method {
	case http.MethodGet:
		c.org.mu.Lock()
		e, ok := c.org.get(id)
		c.org.mu.Unlock()
		if !ok {
			return c.fail(notFound(id, "Token"))
		}
		return c.ok(appendToken(nil, &e.Token, c.base))
	case http.MethodPut:
		return c.put(id)
	case http.MethodDelete:
		if id == "current" && c.cfg.OwnToken != "" {
			id = c.cfg.OwnToken
		}
		if !c.org.remove(id) {
			return c.fail(notFound(id, "Token"))
		}
		return answer{status: http.StatusNoContent, header: c.header}
	default:
		return c.fail(badMethod)
	}
}

// put changes the network of a token and nothing else: lastUpdated moves, expiresAt does not, whatever
// else the body says (put-api-token-network.http).
func (c *call) put(id string) answer {
	var body struct {
		Name    string
		Network *Network
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return c.fail(badJSON)
	}
	if body.Name == "" {
		return c.fail(invalid("name", "The field cannot be left blank"))
	}
	if body.Network != nil && body.Network.Connection == "" {
		return c.fail(invalid("network.connection", "The field cannot be left blank"))
	}
	now := c.org.second()
	e, ok := c.org.update(id, func(t *Token) {
		if body.Network != nil {
			t.Network = *body.Network
			delete(t.Instead, "network")
		}
		t.LastUpdated = now
	})
	if !ok {
		return c.fail(notFound(id, "Token"))
	}
	return c.ok(appendToken(nil, &e.Token, c.base))
}
