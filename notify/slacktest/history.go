package slacktest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is a request that the workspace received, and what became of it.
type Request struct {
	Method string      // of the API, such as "chat.postMessage", or Webhook, or Upload; "" if it is none of these
	Verb   string      // of HTTP
	Path   string      // as sent
	Query  string      // as sent, without the question mark
	Header http.Header // as sent, Authorization included
	Body   []byte      // as sent; a form may hold the token
	At     time.Time   // of its arrival, by the workspace's clock

	Status int    // of the answer; 0 where there was none, or none yet
	Error  string // of the answer, "" if ok
	Fault  bool   // whether a Fault struck it
}

// Requests returns all requests since the start or the last ResetRequests, in order of arrival. A
// request that a client has an answer to is complete in it.
func (s *Server) Requests() []Request {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	list := make([]Request, len(s.history.list))
	for i, r := range s.history.list {
		list[i] = *r
		list[i].Header, list[i].Body = r.Header.Clone(), slices.Clone(r.Body)
	}
	return list
}

// ResetRequests forgets the history of requests. Messages, files and complaints stay.
func (s *Server) ResetRequests() {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	s.history.list = nil
}

type history struct {
	mu   sync.Mutex
	list []*Request
}

// add notes a request as it arrives; its time is taken under the lock, so that times are in order too.
func (h *history) add(rec *Request, now func() time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec.At = now()
	h.list = append(h.list, rec)
}

func (h *history) body(rec *Request, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec.Body = body
}

// close completes rec. It comes before the first byte of the answer, so that a client with an answer
// finds it in the history.
func (h *history) close(rec *Request, status int, err string, fault bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec.Status, rec.Error, rec.Fault = status, err, fault
}
