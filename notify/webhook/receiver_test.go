package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
)

// What follows is in docs/webhook.md word by word, which a test makes sure of.

// verify returns the body of a request of tokensweep, and the id by which a repetition is known.
func verify(r *http.Request, secret []byte) (id string, body []byte, err error) {
	body, err = io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return "", nil, err
	}
	timestamp, id := r.Header.Get("X-Tokensweep-Timestamp"), r.Header.Get("X-Tokensweep-Delivery")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "", nil, errors.New("it is too old, or has no time")
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "." + id + "."))
	mac.Write(body)
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Tokensweep-Signature"))) {
		return "", nil, errors.New("it is not signed with our secret")
	}
	return id, body, nil
}

const (
	secretCanary = "canary-SECRET-canary"
	urlCanary    = "http://127.0.0.1:80/hook/canary-URL-canary"
)

// receiver is a server that verifies what it gets.
type receiver struct {
	t    *testing.T
	pipe chan net.Conn
	done chan struct{}

	mu       sync.Mutex
	requests []*http.Request     // all, in order
	bodies   [][]byte            // of all
	got      []string            // the ids of what was verified and not known, in order
	byID     map[string]sentNews // what they say
	refused  int                 // what could not be verified, or was repeated
	answers  []http.HandlerFunc  // to the next requests; after them all is accepted
}

// sentNews is what a receiver reads of a body.
type sentNews struct {
	Event       string
	Part, Parts int
	Run         struct {
		ID, Mode string
		ExitCode int
		Error    string
	}
	Org      struct{ URL string }
	Counts   map[string]int
	Findings []struct {
		Token   struct{ ID string }
		Outcome string
	}
	Vanished, CalledOff, Notes []any
}

// newReceiver starts one in memory, so that it also works in a bubble of synctest.
func newReceiver(t *testing.T, answers ...http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{
		t: t, answers: answers, byID: make(map[string]sentNews), pipe: make(chan net.Conn), done: make(chan struct{}),
	}
	server := &http.Server{Handler: r}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Serve(r)
	}()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		<-stopped
	})
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.requests, r.bodies = append(r.requests, req.Clone(context.Background())), append(r.bodies, body)
	var answer http.HandlerFunc
	if len(r.answers) > 0 {
		answer, r.answers = r.answers[0], r.answers[1:]
	}
	r.mu.Unlock()
	if answer != nil {
		answer(w, req)
		return
	}
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	r.accept(w, req)
}

func (r *receiver) accept(w http.ResponseWriter, req *http.Request) {
	id, body, err := verify(req, []byte(secretCanary))
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.byID[id]
	var news sentNews
	switch {
	case err != nil:
		r.refused++
		w.WriteHeader(http.StatusUnauthorized)
		return
	case known: // the answer to the first was lost: it is not to come again, and does nothing
		r.refused++
	case json.Unmarshal(body, &news) == nil:
		r.got, r.byID[id] = append(r.got, id), news
	}
	w.WriteHeader(http.StatusNoContent)
}

// again sends a request once more, as somebody would who has listened.
func (r *receiver) again(i int) int {
	r.t.Helper()
	r.mu.Lock()
	req, body := r.requests[i].Clone(context.Background()), string(r.bodies[i])
	r.mu.Unlock()
	req.Body = io.NopCloser(strings.NewReader(body))
	w := &recorder{header: make(http.Header)}
	r.accept(w, req)
	return w.status
}

// recorder is an answer of which only the status matters.
type recorder struct {
	header http.Header
	status int
}

func (w *recorder) Header() http.Header             { return w.header }
func (w *recorder) WriteHeader(status int)          { w.status = status }
func (w *recorder) Write(b []byte) (n int, _ error) { return len(b), nil }

// Accept implements net.Listener.
func (r *receiver) Accept() (net.Conn, error) {
	select {
	case c := <-r.pipe:
		return c, nil
	case <-r.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (r *receiver) Close() error {
	select {
	case <-r.done:
	default:
		close(r.done)
	}
	return nil
}

// Addr implements net.Listener.
func (r *receiver) Addr() net.Addr { return &net.TCPAddr{} }

// delivery is that of one run.
func (r *receiver) delivery(box outbox.Box) *Webhook {
	r.t.Helper()
	w, err := New(Config{URL: okta.NewSecret(urlCanary), Secret: okta.NewSecret(secretCanary), Outbox: box})
	require.NoError(r.t, err)
	w.client.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			client, server := net.Pipe()
			select {
			case r.pipe <- server:
				return client, nil
			case <-r.done:
				return nil, errors.New("connection refused")
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
	return w
}

// newBox is an outbox in a ledger of its own.
func newBox(t *testing.T) outbox.Box {
	t.Helper()
	return reopened(t, filepath.Join(t.TempDir(), "state"))
}

// reopened is what the next process has.
func reopened(t *testing.T, dir string) outbox.Box {
	t.Helper()
	l, err := ledger.InDirectory(dir).Open(time.Now)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return outbox.Box{Ledger: l}
}

func TestTheDocsHaveWhatIsTested(t *testing.T) {
	source, err := os.ReadFile("receiver_test.go")
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(source), "which a test makes sure of.\n\n")
	text, _, _ = strings.Cut(text, "\n\nconst (")
	docs, err := os.ReadFile("../../docs/webhook.md")
	require.NoError(t, err)
	require.Contains(t, string(docs), "```go\n"+text+"\n```")
}
