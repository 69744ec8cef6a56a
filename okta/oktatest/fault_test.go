package oktatest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"tokensweep/okta/oktatest"
)

const tokensPath = "/api/v1/api-tokens"

// three is an org with three tokens, a, b and c, on pages of one.
func three(t *testing.T) *oktatest.Server {
	t.Helper()
	return start(t, oktatest.Config{PageSize: 1, Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(0), Name: "a"}, {ID: oktatest.TokenID(1), Name: "b"},
		{ID: oktatest.TokenID(2), Name: "c"},
	}})
}

// next is the target of the next link, relative to the org, or "".
func next(t *testing.T, a answered) string {
	t.Helper()
	for _, line := range a.header["Link"] {
		if target, ok := strings.CutSuffix(line, `>; rel="next"`); ok {
			return strings.TrimPrefix(target, "<"+recordedHost)
		}
	}
	return ""
}

func last(t *testing.T, s *oktatest.Server) oktatest.Request {
	t.Helper()
	list := s.Requests()
	require.NotEmpty(t, list)
	return list[len(list)-1]
}

func TestFaultStatus(t *testing.T) {
	s := three(t)
	for _, c := range []struct {
		status int
		want   string
	}{
		{400, "E0000001"}, {401, "E0000011"}, {403, "E0000006"}, {404, "E0000007"}, {405, "E0000022"},
		{429, "E0000047"}, {500, "E0000009"}, {503, "E0000010"}, {502, ""}, {200, ""}, {204, ""},
	} {
		s.ClearFaults()
		s.Fault(oktatest.Fault{Method: "DELETE", Status: c.status})
		got := ask(t, s, "DELETE", tokensPath+"/"+oktatest.TokenID(0), "")
		require.Equal(t, c.status, got.status)
		if c.want == "" {
			require.Empty(t, got.body)
		} else {
			require.Contains(t, got.body, `{"errorCode":"`+c.want+`"`)
		}
		require.Equal(t, c.status, last(t, s).Status)
		require.True(t, last(t, s).Fault)
		require.Len(t, s.Tokens(), 3, "a request with Status has no effect")
	}
	s.ClearFaults()
	s.Fault(oktatest.Fault{Method: "DELETE", Status: 504, Act: true})
	require.Equal(t, 504, ask(t, s, "DELETE", tokensPath+"/"+oktatest.TokenID(0), "").status)
	require.Len(t, s.Tokens(), 2, "unless it has Act")
}

func TestFaultSkipTimesAndPrecedence(t *testing.T) {
	s := three(t)
	s.Fault(oktatest.Fault{Path: tokensPath, Skip: 1, Times: 2, Status: 500})
	s.Fault(oktatest.Fault{Path: "/api/v1/*", Status: 503})
	s.Fault(oktatest.Fault{Status: 400})
	var got []int
	for range 5 {
		got = append(got, ask(t, s, "GET", tokensPath, "").status)
	}
	require.Equal(t, []int{503, 500, 500, 503, 503}, got)
	require.Equal(t, 400, ask(t, s, "GET", "/api/v1/users/me", "").status, "* stands for one segment")
	s.ClearFaults()
	require.Equal(t, 200, ask(t, s, "GET", tokensPath, "").status)
	require.False(t, last(t, s).Fault)
	require.Panics(t, func() { s.Fault(oktatest.Fault{Path: "["}) })
}

func TestFaultOfOnePage(t *testing.T) {
	s := three(t)
	s.Fault(oktatest.Fault{Page: 2, Status: 500, Times: 1})
	one := ask(t, s, "GET", tokensPath, "")
	require.Equal(t, 200, one.status)
	require.Equal(t, 500, ask(t, s, "GET", next(t, one), "").status)
	two := ask(t, s, "GET", next(t, one), "")
	require.Equal(t, 200, two.status)
	require.Equal(t, 200, ask(t, s, "GET", next(t, two), "").status)
}

func TestFaultHangup(t *testing.T) {
	s := three(t)
	path := tokensPath + "/" + oktatest.TokenID(0)

	s.Fault(oktatest.Fault{Method: "DELETE", Hangup: true, Times: 1})
	_, err := send(t, s, "DELETE", path, "")
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, s.Tokens(), 3, "the request has not acted")

	s.Fault(oktatest.Fault{Method: "DELETE", HangupAfter: true, Times: 1})
	_, err = send(t, s, "DELETE", path, "")
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, s.Tokens(), 2, "the request has acted")

	s.Fault(oktatest.Fault{Method: "PUT", HangupAfter: true, Times: 1})
	_, err = send(t, s, "PUT", tokensPath+"/"+oktatest.TokenID(1),
		`{"name":"b","network":{"connection":"ZONE","include":["nzo1"]}}`)
	require.ErrorIs(t, err, io.EOF)
	got, ok := s.Token(oktatest.TokenID(1))
	require.True(t, ok)
	require.Equal(t, []string{"nzo1"}, got.Network.Include)

	require.Zero(t, last(t, s).Status)
	require.Equal(t, 200, ask(t, s, "GET", tokensPath, "").status, "only the one connection is gone")
}

func TestFaultBody(t *testing.T) {
	s := three(t)
	whole := ask(t, s, "GET", tokensPath, "")
	fault := func(f oktatest.Fault) (*http.Response, string, error) {
		f.Times = 1
		s.Fault(f)
		res, err := send(t, s, "GET", tokensPath, "")
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return res, neutral(string(body), s.URL()), err
	}
	size := int64(len(strings.ReplaceAll(whole.body, recordedHost, s.URL())))

	res, body, err := fault(oktatest.Fault{CutBody: 10})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, size, res.ContentLength)
	require.Equal(t, whole.body[:10], body)
	require.Equal(t, 10, last(t, s).Bytes)

	res, body, err = fault(oktatest.Fault{CutBody: -1})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, size, res.ContentLength)
	require.Empty(t, body)

	res, body, err = fault(oktatest.Fault{CutBody: 10, Chunked: true})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the last chunk is missing")
	require.Equal(t, int64(-1), res.ContentLength)
	require.Equal(t, whole.body[:10], body)

	res, body, err = fault(oktatest.Fault{TruncateBody: 10})
	require.NoError(t, err)
	require.Equal(t, int64(10), res.ContentLength)
	require.Equal(t, whole.body[:10], body)

	_, body, err = fault(oktatest.Fault{TruncateBody: -1})
	require.NoError(t, err)
	require.Empty(t, body)

	_, body, err = fault(oktatest.Fault{Append: "[]"})
	require.NoError(t, err)
	require.Equal(t, whole.body+"[]", body)

	res, body, err = fault(oktatest.Fault{Body: "<html>", Header: http.Header{"content-type": {"text/html"},
		"cache-control": nil}})
	require.NoError(t, err)
	require.Equal(t, "<html>", body)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, []string{"text/html"}, res.Header["Content-Type"])
	require.NotContains(t, res.Header, "Cache-Control")

	res, body, err = fault(oktatest.Fault{Chunked: true})
	require.NoError(t, err)
	require.Equal(t, []string{"chunked"}, res.TransferEncoding)
	require.Equal(t, whole.body, body)

	res, body, err = fault(oktatest.Fault{Body: "[]", Drip: time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, "[]", body)
	require.Equal(t, int64(2), res.ContentLength)
}

func TestFaultEndless(t *testing.T) {
	s := three(t)
	s.Fault(oktatest.Fault{Endless: true})
	res, err := send(t, s, "GET", tokensPath, "")
	require.NoError(t, err)
	n, err := io.CopyN(io.Discard, res.Body, 10<<20)
	require.NoError(t, err)
	require.Equal(t, int64(10<<20), n)
	require.NoError(t, res.Body.Close())
	s.Close() // returns, as the client is gone
}

func TestFaultLinks(t *testing.T) {
	s := three(t)
	one := next(t, ask(t, s, "GET", tokensPath, ""))
	two := next(t, ask(t, s, "GET", one, ""))

	s.Fault(oktatest.Fault{Page: 1, RewriteLink: func(target string) string {
		return strings.Replace(target, s.URL(), "https://evil.example", 1)
	}})
	got := ask(t, s, "GET", tokensPath, "").header["Link"]
	require.Equal(t, "<https://evil.example"+one+`>; rel="next"`, got[1])

	s.Fault(oktatest.Fault{Page: 2, RewriteLink: func(string) string { return "" }})
	got = ask(t, s, "GET", one, "").header["Link"]
	require.Equal(t, []string{"<" + recordedHost + one + `>; rel="self"`}, got)

	s.Fault(oktatest.Fault{Page: 3, RewriteLink: func(target string) string { return target + s.URL() + tokensPath }})
	require.Equal(t, tokensPath, next(t, ask(t, s, "GET", two, "")),
		"the last page has none to rewrite, but can get one")

	s.ClearFaults()
	lines := []string{`<x>; rel="next", <y>; rel="next"`, "<"}
	s.Fault(oktatest.Fault{Link: lines, Times: 1})
	require.Equal(t, lines, ask(t, s, "GET", tokensPath, "").header["Link"])
	s.Fault(oktatest.Fault{Link: []string{}})
	require.NotContains(t, ask(t, s, "GET", tokensPath, "").header, "Link")
}

func TestFaultDate(t *testing.T) {
	s := three(t)
	s.Fault(oktatest.Fault{NoDate: true, Times: 1})
	require.NotContains(t, ask(t, s, "GET", tokensPath, "").header, "Date")
	s.Fault(oktatest.Fault{Date: at("2001-02-03T04:05:06Z"), Times: 1})
	require.Equal(t, "Sat, 03 Feb 2001 04:05:06 GMT", ask(t, s, "GET", tokensPath, "").header.Get("Date"))
}

// Then is where the world changes between two requests of a client.
func TestFaultThen(t *testing.T) {
	s := three(t)
	id := oktatest.TokenID(1)
	s.Fault(oktatest.Fault{Method: "GET", Path: tokensPath + "/*", Times: 1,
		Then: func() { require.True(t, s.Remove(id)) }})
	require.Equal(t, 404, ask(t, s, "GET", tokensPath+"/"+id, "").status, "removed before the answer was made")
	require.True(t, last(t, s).Fault)
}

func TestFaultDelay(t *testing.T) {
	s := three(t)
	s.Fault(oktatest.Fault{Delay: 5 * time.Millisecond, Times: 1})
	began := time.Now()
	require.Equal(t, 200, ask(t, s, "GET", tokensPath, "").status)
	require.GreaterOrEqual(t, time.Since(began), 5*time.Millisecond)

	// A client that gives up gets no answer, but has had its effect.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Fault(oktatest.Fault{Delay: time.Hour, Then: cancel})
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.URL()+tokensPath+"/"+oktatest.TokenID(0), nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "SSWS secret")
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	s.Close() // waits for no hour
	require.Zero(t, last(t, s).Status)
	require.Len(t, s.Tokens(), 2)
}
