package oktatest

import (
	"net/http"
	"sync"
	"time"
)

// Request is a request that the org received, and what became of it.
type Request struct {
	Method string
	Path   string      // as sent, with its escapes
	Query  string      // as sent, without the question mark
	Header http.Header // as sent, Authorization included
	Body   []byte
	At     time.Time // of its arrival, by the org's clock

	Status int  // of the answer; 0 where there was none, or none yet
	Bytes  int  // sent of the answer's body
	Fault  bool // whether a Fault struck it
}

// Requests returns all requests since the start or the last ResetRequests, in order of arrival. A
// request that a client has an answer to is complete in it.
func (s *Server) Requests() []Request {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	list := make([]Request, len(s.history.list))
	for i, r := range s.history.list {
		list[i] = *r
	}
	return list
}

// ResetRequests forgets the history.
func (s *Server) ResetRequests() {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	s.history.list = nil
}

type history struct {
	mu   sync.Mutex
	list []*Request
}

func (h *history) add(r *http.Request, body []byte, at time.Time) *Request {
	rec := &Request{
		Method: r.Method,
		Path:   r.URL.EscapedPath(),
		Query:  r.URL.RawQuery,
		Header: r.Header.Clone(),
		Body:   body,
		At:     at,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, rec)
	return rec
}

// close completes rec. It comes before the first byte of the answer, so that a client with an answer
// finds it in the history.
func (h *history) close(rec *Request, status, bytes int, fault bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec.Status, rec.Bytes, rec.Fault = status, bytes, fault
}
