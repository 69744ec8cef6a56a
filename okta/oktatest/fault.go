package oktatest

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Fault is something that goes wrong with an answer, or with the world just before it. The first fields
// say which requests it strikes, the others what happens to them; several things may happen at once,
// such as a Delay before a Hangup. The zero values of the latter change nothing, so a Fault with Then
// alone is a hook.
type Fault struct {
	Method string // "" strikes any method
	Path   string // "" strikes any path; else the path as sent, or a pattern for path.Match
	Page   int    // 0 strikes anything; else only the nth page of a listing, counted from 1 along the cursors

	Skip  int // lets that many matching requests pass first
	Times int // then strikes that many; 0 means for ever

	// Then is called once the request has been matched and before anything is done about it. It may call
	// the Server's methods, to change the world between two requests of a client.
	Then func()

	// Hangup closes the connection before any byte of an answer, and the request has had no effect.
	// HangupAfter does so after it has had its effect: the lost 204.
	// (Go's http.Transport asks again by itself if this happens to a GET on a connection used before.)
	Hangup, HangupAfter bool

	// Status is answered instead, and the request has no effect unless Act is set. With no Body it comes
	// with Okta's error body for that status, where there is one. It has the headers of any answer, with
	// those of Config.RateLimit, against which it counts.
	Status int
	Act    bool

	// Proxy says that a proxy answers with that Status, by a page of HTML and without any of Okta's headers: instead of
	// Okta or, with Act, after the request has had its effect.
	Proxy bool

	// Twice says that a proxy sends the request twice, as some do over a connection that breaks: it has its effect
	// twice, and the second answer arrives.
	Twice bool

	// Body, if set, replaces the body. Header replaces header lines by name, and removes those with no
	// value.
	Body   string
	Header http.Header

	// RewriteLink changes the target of the Link with rel="next" of a listing. It is called with "" where
	// there is none, and leaves it out by returning "". Link replaces all Link lines as they are.
	RewriteLink func(target string) string
	Link        []string
	// FirstLink lets only the first of several Link lines through, as a proxy does that keeps one line of a name.
	// Okta's first is self.
	FirstLink bool

	Date   time.Time // if not zero, the time of the Date header
	NoDate bool      // leaves out the Date header

	// TruncateBody sends only that many bytes of the body, with a Content-Length that agrees. CutBody
	// announces all of them, sends only that many and closes the connection. -1 means no bytes at all.
	TruncateBody, CutBody int

	Append  string        // is sent after the body, and counted in Content-Length
	Chunked bool          // sends no Content-Length; with CutBody, the last chunk is missing
	Endless bool          // sends spaces after the body until the client goes away; implies Chunked
	Delay   time.Duration // comes on top of Config.Latency
	Drip    time.Duration // is waited after every byte of the body
}

// Fault makes f happen from now on. Of several that strike a request only the one set first happens.
// It panics if f.Path is a malformed pattern.
func (s *Server) Fault(f Fault) {
	if _, err := path.Match(f.Path, ""); err != nil {
		panic(fmt.Sprintf("oktatest: bad pattern in Fault.Path %q: %v", f.Path, err))
	}
	f.Header, f.Link = f.Header.Clone(), slices.Clone(f.Link)
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = append(s.faults.set, &activeFault{Fault: f})
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.set = nil
}

type faults struct {
	mu  sync.Mutex
	set []*activeFault
}

type activeFault struct {
	Fault
	passed, used int
}

// match returns the fault that happens to a request; page is 0 where it is not for a listing.
func (fs *faults) match(method, urlPath string, page int) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.set {
		switch {
		case !f.matches(method, urlPath, page):
		case f.passed < f.Skip:
			f.passed++
		case f.Times == 0 || f.used < f.Times:
			f.used++
			return f.Fault, true
		}
	}
	return Fault{}, false
}

func (f *Fault) matches(method, urlPath string, page int) bool {
	if f.Method != "" && f.Method != method || f.Page != 0 && f.Page != page {
		return false
	}
	if f.Path == "" || f.Path == urlPath {
		return true
	}
	ok, _ := path.Match(f.Path, urlPath) // Fault has checked the pattern
	return ok
}

// acts says whether a request that f strikes has its effect.
func (f *Fault) acts() bool {
	return f.HangupAfter || f.Act || (f.Status == 0 && !f.Hangup)
}

// apply turns an answer, already that of f.Status if there is one, into what f wants of it.
func (f *Fault) apply(a *answer) {
	if f.Body != "" {
		a.body = []byte(f.Body)
	}
	if f.RewriteLink != nil && a.self != "" {
		a.next = f.RewriteLink(a.next)
	}
	a.setLinks()
	if f.Link != nil {
		a.header["Link"] = f.Link
	}
	if lines := a.header["Link"]; f.FirstLink && len(lines) > 1 {
		a.header["Link"] = lines[:1]
	}
	if !f.Date.IsZero() {
		a.header.Set("Date", f.Date.UTC().Format(http.TimeFormat))
	}
	if f.NoDate {
		a.header["Date"] = nil // net/http would add one otherwise
	}
	for name, lines := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = lines
	}
	if f.TruncateBody != 0 {
		a.body = a.body[:min(max(f.TruncateBody, 0), len(a.body))]
	}
	if f.Append != "" {
		a.body = append(slices.Clip(a.body), f.Append...)
	}
}
