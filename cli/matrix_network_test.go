package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

const listing = "/api/v1/api-tokens"

func cutPages(t *testing.T) {
	o := bubbleTrial(t, oktatest.Fault{Path: listing, Page: 1, CutBody: 300, Times: 2},
		oktatest.Fault{Path: listing, Page: 2, CutBody: 1, Times: 1})
	o.done(t, allDone...)
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 2, CutBody: 300}).nothingDone(t, audit.Incomplete,
		"gave up after 6 attempts")
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 2, CutBody: -1}).nothingDone(t, audit.Incomplete,
		"unexpected EOF")
}

func shortPages(t *testing.T) {
	commandTrial(t, oktatest.Fault{Path: listing, Page: 2, TruncateBody: 300}).nothingDone(t, audit.Incomplete,
		"it ends before the JSON array does")
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 2, Chunked: true, CutBody: 300}).nothingDone(t, audit.Incomplete,
		"unexpected EOF")
}

func oddPages(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html"}}
	for says, fault := range map[string]oktatest.Fault{
		"it ends before the JSON array does":                {Page: 2, TruncateBody: -1},
		"want a JSON array, found another JSON value":       {Page: 2, Body: "null"},
		"page 1, after 0 tokens: malformed answer: want a ": {Page: 1, Body: "{}"},
		"invalid character '<'":                             {Page: 1, Body: "<html>Sign in</html>", Header: html},
	} {
		fault.Path = listing
		commandTrial(t, fault).nothingDone(t, audit.Incomplete, says)
	}
	// As in trufflehog#4176: everything that is asked for is answered by the same page.
	commandTrial(t, oktatest.Fault{Status: http.StatusOK, Body: "<html>Sign in</html>", Header: html}).nothingDone(t,
		audit.Incomplete, "a page of HTML")
}

func slowAnswers(t *testing.T) {
	bubbleTrial(t, oktatest.Fault{Path: listing, Delay: time.Hour}).nothingDone(t, audit.Incomplete,
		"gave up after 6 attempts")
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 1, Drip: 2 * time.Minute}).nothingDone(t, audit.Incomplete,
		"the answer stopped coming")
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 1, Drip: 2 * time.Minute, Times: 1}).done(t, allDone...)
	bubbleTrial(t, oktatest.Fault{Path: listing, Page: 1, Drip: 50 * time.Second}).nothingDone(t, audit.Incomplete,
		"") // by the deadline of the whole
}

func serverErrors(t *testing.T) {
	bubbleTrial(t, oktatest.Fault{Path: listing, Status: 503, Times: 2}, oktatest.Fault{Path: listing, Page: 2,
		Status: 504, Times: 3}).done(t, allDone...)
	bubbleTrial(t, oktatest.Fault{Path: listing, Status: 503}).nothingDone(t, audit.Incomplete,
		"gave up after 6 attempts")
	commandTrial(t, oktatest.Fault{Path: listing, Status: 500}).nothingDone(t, audit.Incomplete,
		"500 Internal Server Error")
	for _, status := range []int{500, 502, 503, 504} {
		o := bubbleTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: status})
		require.Equal(t, audit.ActionFailed, o.code, o.text)
		require.Equal(t, allDone[:1], o.changes, "once, and nothing after it")
		require.Equal(t, "failed", o.of["dead-1"])
		o = bubbleTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: status, Act: true})
		require.Equal(t, "revoked", o.of["dead-1"], o.text)
		require.Equal(t, allDone[:1], o.changes)
	}
}

func tooManyRequests(t *testing.T) {
	inBubble(t, asItIs, func(w *bubbleWorld) { // for the time in it
		now := time.Now()
		for _, headers := range []http.Header{
			{}, spent("10", strconv.FormatInt(now.Unix()+40, 10)), spent("10", strconv.FormatInt(now.Unix()-1000, 10)),
			spent("10", strconv.FormatInt(now.AddDate(10, 0, 0).Unix(), 10)), spent("10", "-7"), spent("10", "soon"),
			spent("0", strconv.FormatInt(now.Unix()+40, 10)),
		} {
			w.org.Fault(oktatest.Fault{Path: listing, Status: 429, Times: 1, Header: headers})
			began := time.Now()
			w.run(strings.Replace(matrixPolicy, "perRun: 2", "perRun: 0", 1)).done(w.t)
			require.Less(w.t, time.Since(began), 6*time.Minute)
			w.org.ClearFaults()
		}
	})
	bubbleTrial(t, oktatest.Fault{Path: listing, Status: 429}).nothingDone(t, audit.Incomplete, "429 Too Many Requests")
	o := bubbleTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: 429})
	require.Equal(t, audit.ActionFailed, o.code, o.text)
	require.Equal(t, allDone[:1], o.changes)
	require.Equal(t, "failed", o.of["dead-1"])
}

// spent are the headers of a rate limit of which nothing is left.
func spent(limit, reset string) http.Header {
	return http.Header{"X-Rate-Limit-Limit": {limit}, "X-Rate-Limit-Remaining": {"0"}, "X-Rate-Limit-Reset": {reset}}
}

func clocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{10 * time.Minute, -10 * time.Minute, 24 * time.Hour, -24 * time.Hour} {
		w := newCommandWorld(t)
		cfg := matrixOrg(time.Now())
		cfg.Now = func() time.Time { return time.Now().Add(skew) }
		w.org = oktatest.Start(cfg)
		t.Cleanup(w.org.Close)
		w.run(matrixPolicy).nothingDone(t, audit.Halted, "the org's clock and ours disagree")
	}
	commandTrial(t, oktatest.Fault{NoDate: true}).done(t, allDone...)
}

// blackHole accepts a connection, and nothing else ever happens on it.
func blackHole(context.Context, string, string) (net.Conn, error) {
	c, other := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, other) }()
	return c, nil
}

func blackHoles(t *testing.T) {
	inBubble(t, asItIs, func(w *bubbleWorld) {
		w.dial = blackHole
		w.run(matrixPolicy).nothingDone(w.t, audit.Incomplete,
			"timeout awaiting response headers; gave up after 6 attempts")
	})
}

func lostAnswers(t *testing.T) {
	o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, HangupAfter: true, Times: 1})
	require.Equal(t, allDone[:1], o.changes, o.text)
	require.Equal(t, "revoked", o.of["dead-1"], "reading it found nothing")
	require.Contains(t, o.text, "the answer was lost; reading it finds nothing")

	// Reading fails too: the next run settles it.
	w := newCommandWorld(t, oktatest.Fault{Method: http.MethodDelete, HangupAfter: true, Times: 1},
		oktatest.Fault{Method: http.MethodGet, Path: listing + "/" + oktatest.TokenID(1), Skip: 1, Times: 1,
			Status: 500})
	o = w.run(matrixPolicy)
	require.Equal(t, audit.ActionFailed, o.code, o.text)
	require.Equal(t, "failed", o.of["dead-1"])
	o = w.run(matrixPolicy)
	o.done(t, "PUT "+oktatest.TokenID(2), "DELETE "+oktatest.TokenID(3))
	require.Contains(t, o.text, "settled by reading: the revoke of the token "+oktatest.TokenID(1))
}

func oddAnswers(t *testing.T) {
	for _, status := range []int{200, 202, 301, 302, 307, 400, 404, 409, 500} {
		o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: status, Times: 1, Body: "{}"})
		require.Equal(t, audit.ActionFailed, o.code, "%d: %s", status, o.text)
		require.Equal(t, "failed", o.of["dead-1"], "%d", status)
		require.Equal(t, allDone[:1], o.changes, "%d", status)
	}
	o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: 204, Times: 1})
	require.Equal(t, []any{audit.ActionFailed, "failed"}, []any{o.code, o.of["dead-1"]}, "204, and the token is there")
}

func hugeAnswers(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for range 300 {
		_, err := z.Write(spaces)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	commandTrial(t, oktatest.Fault{Path: listing, Endless: true}).nothingDone(t, audit.Incomplete, "answer too large")
	commandTrial(t, oktatest.Fault{Path: listing, Body: bomb.String(),
		Header: http.Header{"Content-Encoding": {"gzip"}}}).nothingDone(t, audit.Incomplete, "answer too large")
	commandTrial(t, oktatest.Fault{Path: listing, Body: `[{"id":"` + strings.Repeat("x", 8<<20) + `"}]`}).nothingDone(t,
		audit.Incomplete, "answer too large")
	bubbleTrial(t, oktatest.Fault{Path: listing, Header: http.Header{"X-Big": {strings.Repeat("x", 1<<20)}}}).
		nothingDone(t, audit.Incomplete, "server response headers exceeded")
	bubbleTrial(t, oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/users/me", Endless: true}).nothingDone(t,
		audit.Incomplete, "answer too large")
}

func redirects(t *testing.T) {
	elsewhere, asked := sink(t)
	for _, status := range []int{301, 302, 307, 308} {
		to := http.Header{"Location": {elsewhere + listing}}
		commandTrial(t, oktatest.Fault{Path: listing, Status: status, Header: to}).nothingDone(t, audit.Incomplete,
			"redirects are not followed")
		o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: status, Header: to})
		require.Equal(t, audit.ActionFailed, o.code, o.text)
		require.Equal(t, allDone[:1], o.changes)
	}
	require.Zero(t, asked())
}

func proxies(t *testing.T) {
	refusing := func(status string) (url string, heard *bytes.Buffer) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		heard = new(bytes.Buffer)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				buf := make([]byte, 4096)
				n, _ := c.Read(buf)
				heard.Write(buf[:n])
				_, _ = fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status)
				_ = c.Close()
			}
		}()
		return "http://" + l.Addr().String(), heard
	}
	auth, heardAuth := refusing("407 Proxy Authentication Required")
	bad, heardBad := refusing("502 Bad Gateway")
	none, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, none.Close())
	running := make(map[string]*process) // at once, since each tries for ten seconds or so
	for says, proxy := range map[string]string{"Proxy Authentication Required": auth, "Bad Gateway": bad,
		"connection refused": "http://" + none.Addr().String()} {
		running[says] = newKillWorld(t).through(t, "https://acme.okta.com", "HTTPS_PROXY="+proxy)
	}
	for says, r := range running {
		require.Equal(t, int(audit.Incomplete), r.code(), r.stderr.String())
		require.Contains(t, r.stderr.String()+r.stdout.String(), says)
	}
	for _, heard := range []*bytes.Buffer{heardAuth, heardBad} {
		require.Contains(t, heard.String(), "CONNECT acme.okta.com:443")
		require.NotContains(t, heard.String(), canary)
	}
}

// through makes an enforcing run of the built program against another address.
func (w *killWorld) through(t *testing.T, url string, env ...string) *process {
	t.Helper()
	p := w.prepare(canary)
	p.cmd.Env = append([]string{"OKTA_CLIENT_ORGURL=" + url, "OKTA_CLIENT_TOKEN=" + canary, "HOME=" + os.TempDir()},
		env...)
	p.begin(t)
	return p
}
