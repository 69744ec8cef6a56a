package oktatest

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
)

// ErrorBody is the JSON body of an Okta error with that code, for a Fault.Body; each cause becomes one of
// errorCauses. The errorId is always the same.
func ErrorBody(code, summary string, causes ...string) string {
	return string(errorBody("oaeNTp5Jl-OTK2NMx8CxStA9g", code, summary, causes))
}

type errorWire struct {
	Code    string       `json:"errorCode"`
	Summary string       `json:"errorSummary"`
	Link    string       `json:"errorLink"`
	ID      string       `json:"errorId"`
	Causes  []errorCause `json:"errorCauses"`
}

type errorCause struct {
	Summary string `json:"errorSummary"`
}

func errorBody(id, code, summary string, causes []string) []byte {
	e := errorWire{Code: code, Summary: summary, Link: code, ID: id, Causes: []errorCause{}}
	for _, c := range causes {
		e.Causes = append(e.Causes, errorCause{c})
	}
	return encode(e)
}

// failure is an error answer.
type failure struct {
	status        int
	code, summary string
	causes        []string
}

// The recorded ones are E0000007, E0000029 and E0000047; the others are documented
// (https://developer.okta.com/docs/reference/error-codes/).
var (
	badCursor    = failure{400, "E0000029", "Invalid paging request.", []string{"Invalid cursor."}}
	badLimit     = invalid("limit", "The limit must be between 1 and 200")
	badJSON      = failure{400, "E0000003", "The request body was not well-formed.", nil}
	badToken     = failure{401, "E0000011", "Invalid token provided", nil}
	forbidden    = failure{403, "E0000006", "You do not have permission to perform the requested action", nil}
	noSuchPath   = failure{404, "E0000008", "The requested path was not found", nil}
	badMethod    = failure{405, "E0000022", "The endpoint does not support the provided HTTP method", nil}
	overLimit    = failure{429, "E0000047", "API call exceeded rate limit due to too many requests.", nil}
	serverError  = failure{500, "E0000009", "Internal Server Error", nil}
	readOnlyMode = failure{503, "E0000010", "Service is in read only mode", nil}
)

func invalid(field, cause string) failure {
	return failure{http.StatusBadRequest, "E0000001", "Api validation failed: " + field, []string{field + ": " + cause}}
}

// notFound is recorded for tokens. That users and zones differ in the kind alone is assumed.
func notFound(id, kind string) failure {
	return failure{http.StatusNotFound, "E0000007", "Not found: Resource not found: " + id + " (" + kind + ")", nil}
}

// proxyPage is the answer of a proxy.
func proxyPage(status int) answer {
	header := http.Header{"Content-Type": {"text/html"}, "Server": {"proxy"}}
	page := fmt.Sprintf("<html><head><title>%d</title></head><body>%s</body></html>\n", status, http.StatusText(status))
	return answer{status: status, header: header, body: []byte(page)}
}

// failureFor is what Okta says along with a status, for a Fault without a body. It reports false where
// nothing is known, as for 502, which comes from in front of Okta.
func failureFor(status int, segments []string) (failure, bool) {
	switch status {
	case http.StatusBadRequest:
		return invalid("request", "The request is not valid"), true
	case http.StatusNotFound:
		if len(segments) == 4 && segments[2] == "api-tokens" {
			return notFound(segments[3], "Token"), true
		}
		if len(segments) >= 4 && segments[2] == "users" {
			return notFound(segments[3], "User"), true
		}
		if len(segments) == 4 && segments[2] == "zones" {
			return notFound(segments[3], "NetworkZone"), true
		}
		return noSuchPath, true
	}
	for _, f := range []failure{badToken, forbidden, badMethod, overLimit, serverError, readOnlyMode} {
		if f.status == status {
			return f, true
		}
	}
	return failure{}, false
}

// ids makes the random ids of answers, the same ones in each run, so that output of tests is stable.
type ids struct {
	mu  sync.Mutex
	rng *rand.ChaCha8
}

func newIDs() ids { return ids{rng: rand.NewChaCha8([32]byte{})} }

func (i *ids) bytes() []byte {
	b := make([]byte, 16)
	i.mu.Lock()
	defer i.mu.Unlock()
	_, _ = i.rng.Read(b) // never fails
	return b
}

// request is an id for X-Okta-Request-Id, as recorded: 32 hex digits.
func (i *ids) request() string { return hex.EncodeToString(i.bytes()) }

// error is an errorId, as recorded: oae and 22 characters of URL-safe base64.
func (i *ids) error() string { return "oae" + b64.EncodeToString(i.bytes()) }
