package audit_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokensweep/okta/oktatest"
)

// modelFault is something that the org does wrong.
type modelFault struct {
	says         string
	fault        oktatest.Fault
	broken, lied bool // it breaks the listing for good; it tells what is not so
	then         func(*modelWorld)
	// it strikes from the first page on, which must have room for more than one token: else nobody could tell
	steady bool
	held   bool // the change arrives later: see modelWorld.arriveLate
}

func (f modelFault) armed(p *modelProcess) oktatest.Fault {
	fault := f.fault
	fault.Then = func() {
		if f.broken {
			p.broken.Store(true)
		}
		if f.lied {
			p.lied.Store(true)
		}
		if f.then != nil {
			f.then(p.w)
		}
		if f.held {
			p.holding = true
		}
	}
	return fault
}

// moveFirst moves the first token of the list to its end.
func moveFirst(w *modelWorld) {
	all := w.org.Tokens()
	w.org.Update(all[0].ID, func(t *oktatest.Token) { t.Place = all[len(all)-1].Place + "~" })
}

const (
	listPath = "/api/v1/api-tokens"
	onePath  = "/api/v1/api-tokens/*"
	echo     = `{"errorCode":"E0000001","errorSummary":"what is SSWS ` + canary + `?"}`
)

var elsewhere = http.Header{"Location": {"http://evil.test/api/v1/api-tokens"}}

// modelFaults are what a process may meet. Those of single requests strike once, after as many as are skipped.
var modelFaults = []modelFault{
	{says: "a page is cut once", fault: oktatest.Fault{Path: listPath, CutBody: 40, Times: 1}},
	{says: "the list is not available once", fault: oktatest.Fault{Path: listPath, Status: 503, Times: 1}},
	{says: "the list is asked too often once", fault: oktatest.Fault{Path: listPath, Status: 429, Times: 1}},
	{says: "the next page is said to be at another host", fault: oktatest.Fault{Path: listPath,
		RewriteLink: func(to string) string { return strings.Replace(to, "127.0.0.1", "evil.test", 1) }}},
	{says: "the list takes half a minute", fault: oktatest.Fault{Path: listPath, Delay: 30 * time.Second, Times: 1}},
	{says: "a reading takes half a minute", fault: oktatest.Fault{Method: "GET", Path: onePath, Delay: 30 * time.Second,
		Times: 1}},
	{says: "the list fails", fault: oktatest.Fault{Path: listPath, Status: 500}, broken: true},
	{says: "the second page fails", fault: oktatest.Fault{Path: listPath, Page: 2, Status: 500}, broken: true},
	{says: "the second page breaks off again and again", fault: oktatest.Fault{Path: listPath, Page: 2, CutBody: 40},
		broken: true},
	{says: "the list ends within a token", fault: oktatest.Fault{Path: listPath, TruncateBody: 40}, broken: true},
	{says: "the second page ends within a token", fault: oktatest.Fault{Path: listPath, Page: 2, TruncateBody: 40},
		broken: true},
	{says: "the second page is null", fault: oktatest.Fault{Path: listPath, Page: 2, Body: "null"}, broken: true},
	{says: "the list redirects elsewhere", fault: oktatest.Fault{Path: listPath, Status: 302, Header: elsewhere},
		broken: true},
	{says: "the list repeats the credential", fault: oktatest.Fault{Path: listPath, Status: 400, Body: echo},
		broken: true},
	{says: "something on the way keeps one Link line of each answer", fault: oktatest.Fault{Path: listPath,
		FirstLink: true}, steady: true},
	{says: "the first token moves to the end of the list while it is read", fault: oktatest.Fault{Path: listPath,
		Page: 2, Times: 1}, then: moveFirst},
	{says: "the first token moves to the end of the list each time that it is read",
		fault: oktatest.Fault{Path: listPath, Page: 2}, then: moveFirst},
	{says: "nobody says whose credential it is", fault: oktatest.Fault{Path: "/api/v1/users/me", Status: 403}},
	{says: "the zone does not exist", fault: oktatest.Fault{Path: "/api/v1/zones/*", Status: 404}, lied: true},
	{says: "a reading fails", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 500, Times: 1}},
	{says: "a reading is answered late", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 503, Times: 1}},
	{says: "a reading is cut", fault: oktatest.Fault{Method: "GET", Path: onePath, Hangup: true, Times: 1}},
	{says: "a reading finds nothing", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 404, Times: 1},
		lied: true},
	{says: "a reading is forbidden", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 403, Times: 1}},
	{says: "there is no such path for a reading", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 404,
		Body: noSuchPath, Times: 1}},
	{says: "a reading repeats the credential", fault: oktatest.Fault{Method: "GET", Path: onePath, Status: 400,
		Body: echo, Times: 1}},
	{says: "a change is lost on its way", fault: oktatest.Fault{Method: "[change]", Hangup: true, Times: 1}},
	{says: "the answer to a change is lost", fault: oktatest.Fault{Method: "[change]", HangupAfter: true, Times: 1}},
	{says: "the answers to all changes are lost", fault: oktatest.Fault{Method: "[change]", HangupAfter: true}},
	{says: "a change fails", fault: oktatest.Fault{Method: "[change]", Status: 500, Times: 1}},
	{says: "a change is said to have failed", fault: oktatest.Fault{Method: "[change]", Status: 504, Act: true,
		Times: 1}},
	{says: "a change is one too many", fault: oktatest.Fault{Method: "[change]", Status: 429, Times: 1}},
	{says: "a change is forbidden", fault: oktatest.Fault{Method: "[change]", Status: 403, Times: 1}},
	{says: "a change finds nothing", fault: oktatest.Fault{Method: "[change]", Status: 404, Times: 1}},
	{says: "a change is sent twice on its way", fault: oktatest.Fault{Method: "[change]", Twice: true, Times: 1}},
	{says: "there is no such path for a change", fault: oktatest.Fault{Method: "[change]", Status: 404,
		Body: noSuchPath, Times: 1}},
	{says: "a change has no effect and is answered 204", fault: oktatest.Fault{Method: "[change]", Status: 204,
		Times: 1}},
	{says: "a change has no effect and is answered 200", fault: oktatest.Fault{Method: "[change]", Status: 200,
		Body: "{}", Times: 1}},
	{says: "a change has an effect and a strange answer", fault: oktatest.Fault{Method: "[change]", Status: 202,
		Body: "{}", Act: true, Times: 1}},
	{says: "a change redirects elsewhere", fault: oktatest.Fault{Method: "[change]", Status: 307, Header: elsewhere,
		Times: 1}},
}

// about says what a fault strikes: the list, what is asked before it, a reading of a token, or a change.
func (f *modelFault) about() int {
	switch {
	case f.fault.Method == "[change]":
		return 3
	case f.fault.Path == listPath:
		return 0
	case f.fault.Path == onePath:
		return 2
	}
	return 1
}

// modelFaultsAbout are the faults by what they strike.
var modelFaultsAbout = func() (of [4][]modelFault) {
	for _, f := range slices.Concat(modelFaults, proxyFaults(), oddAnswers) {
		of[f.about()] = append(of[f.about()], f)
	}
	return of
}()

func drawFault(d dice) modelFault {
	f := pick(d, modelFaultsAbout[pick(d, 0, 1, 2, 2, 3, 3)]...)
	if !f.steady {
		f.fault.Skip = pick(d, 0, 0, 1, 2)
	}
	if f.fault.Method == "[change]" {
		f.fault.Method = pick(d, http.MethodDelete, http.MethodPut)
	}
	if f.fault.Skip > 0 {
		f.says += fmt.Sprintf(" (after %d that don't)", f.fault.Skip)
	}
	return f
}
