package oktatest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Transport answers requests without any connection: it calls the org's handler, and everything that a Fault does to
// an answer looks to a client as it would on a network. It is for tests that make millions of requests; what they
// can't see is how a client treats its connections.
func (s *Server) Transport() http.RoundTripper { return direct{s.Handler()} }

type direct struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &written{header: http.Header{}}
	cut := w.serve(d.handler, in)
	if cut && w.status == 0 {
		return nil, errClosed
	}
	body := io.Reader(bytes.NewReader(w.body))
	switch {
	case w.status == http.StatusNoContent:
		body = http.NoBody // there is none to break off
	case cut:
		body = io.MultiReader(body, brokenOff{})
	}
	return &http.Response{
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// errClosed is what a client sees of a connection that was closed before an answer.
var errClosed = errors.New("the connection was closed without an answer")

// brokenOff is the end of a body that broke off.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// written is an answer, as far as the handler came.
type written struct {
	header http.Header
	status int
	body   []byte
}

func (w *written) Header() http.Header { return w.header }

func (w *written) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *written) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// serve calls the handler, and reports whether it cut the connection.
func (w *written) serve(h http.Handler, r *http.Request) (cut bool) {
	defer func() {
		p := recover()
		err, _ := p.(error)
		switch {
		case errors.Is(err, http.ErrAbortHandler):
			cut = true
		case p != nil:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}
