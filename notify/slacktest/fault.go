package slacktest

import (
	"net/http"
	"sync"
	"time"
)

// The names by which Fault.Method and Request.Method call the endpoints that are no methods of the API.
const (
	Webhook = "webhook" // the incoming webhook
	Upload  = "upload"  // the URL that the bytes of a file are sent to
)

// Fault is something that goes wrong with an answer, or with the world just before it. The first fields
// say which requests it strikes, the others what happens to them. The zero values of the latter change
// nothing, so a Fault with Then alone is a hook.
//
// Of Hangup, HangupAfter, HTML, Status, Body and Error the first that is set in this order decides
// whether the request has its effect, and only HangupAfter lets it have one, unless Act is set.
type Fault struct {
	Method string // such as "chat.postMessage", Webhook or Upload; "" strikes any

	Skip  int // lets that many matching requests pass first
	Times int // then strikes that many; 0 means for ever

	// Then is called once the request has been matched and before anything is done about it. It may call
	// the Server's methods, to change the world between two requests of a client.
	Then func()

	// Hangup closes the connection before any byte of an answer, and the request has had no effect.
	// HangupAfter does so after it has had its effect: the lost answer.
	Hangup, HangupAfter bool

	Status int         // is answered instead, 200 if 0
	Header http.Header // replaces header lines by name, such as Retry-After, and removes those with no value
	Body   string      // replaces the body
	// answers {"ok":false,"error":Error}; a webhook answers it as plain text, with 400 if Status is 0
	Error string
	HTML  bool // answers a page of HTML, as a proxy does
	NoTS  bool // the request has its effect, and its answer is ok:true without a ts

	Act   bool          // lets the request have its effect before Status, Body, Error or HTML is answered
	Delay time.Duration // is waited, in real time, after the effect and before the answer
}

// Fault makes f happen from now on. Of several that strike a request only the one set first happens.
func (s *Server) Fault(f Fault) {
	f.Header = f.Header.Clone()
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = append(s.faults.set, &armed{Fault: f})
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = nil
}

type faults struct {
	mu  sync.Mutex
	set []*armed
}

type armed struct {
	Fault
	passed, struck int
}

func (fs *faults) strike(method string) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.set {
		switch {
		case f.Method != "" && f.Method != method:
		case f.passed < f.Skip:
			f.passed++
		case f.Times == 0 || f.struck < f.Times:
			f.struck++
			return f.Fault, true
		}
	}
	return Fault{}, false
}

// acts says whether a request that f strikes has its effect.
func (f *Fault) acts() bool {
	switch {
	case f.Act || f.HangupAfter && !f.Hangup:
		return true
	case f.Hangup, f.HTML, f.Status != 0, f.Body != "", f.Error != "":
		return false
	}
	return true
}

const proxyPage = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>Please sign " +
	"in</h1></body></html>\n"

// spoil turns the answer to a method into what f wants of it.
func (f *Fault) spoil(method string, a answer) answer {
	plain := method == Webhook || method == Upload
	switch {
	case f.Error != "" && plain:
		a.status, a.fields, a.text = http.StatusBadRequest, nil, f.Error
	case f.Error != "":
		a = refuse(f.Error)
	case f.Status != 0 && f.Status != http.StatusOK:
		a.fields, a.text = nil, http.StatusText(f.Status)
	case f.NoTS:
		delete(a.fields, "ts")
		delete(a.fields, "message")
	}
	if f.HTML {
		a.fields, a.text, a.html = nil, proxyPage, true
	}
	if f.Body != "" {
		a.fields, a.text = nil, f.Body
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	return a
}
