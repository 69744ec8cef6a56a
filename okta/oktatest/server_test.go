package oktatest_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"tokensweep/okta/oktatest"
)

func TestRateLimitWindows(t *testing.T) {
	clock := newClock()
	s := start(t, oktatest.Config{Now: clock.Now, Me: "00u1", RateLimit: oktatest.RateLimit{
		Limit: 2, Window: 1500 * time.Millisecond}})
	clock.Sleep(300 * time.Millisecond)
	end := strconv.FormatInt(clock.Now().Unix()+2, 10)
	request := func(target string, status int, remaining, reset string) {
		t.Helper()
		got := ask(t, s, "GET", target, "")
		require.Equal(t, status, got.status)
		require.Equal(t, "2", got.header.Get("X-Rate-Limit-Limit"))
		require.Equal(t, remaining, got.header.Get("X-Rate-Limit-Remaining"))
		require.Equal(t, reset, got.header.Get("X-Rate-Limit-Reset"))
	}
	request(tokensPath, 200, "1", end)
	request("/api/v1/zones/no", 404, "0", end) // tokens and zones share a bucket
	request(tokensPath+"/no", 429, "0", end)
	request("/api/v1/users/00u1", 200, "1", end) // users have their own
	request("/api/v1/users/00u1/roles", 200, "0", end)
	request("/api/v1/users/00u1", 429, "0", end)
	request("/api/v1/users/me", 200, "1", end) // and so has users/me
	require.NotContains(t, ask(t, s, "GET", "/.well-known/okta-organization", "").header, "X-Rate-Limit-Limit")

	clock.Sleep(1699 * time.Millisecond)
	request(tokensPath, 429, "0", end)
	clock.Sleep(time.Millisecond)
	request(tokensPath, 200, "1", strconv.FormatInt(clock.Now().Unix()+2, 10))

	require.NotContains(t, ask(t, three(t), "GET", tokensPath, "").header, "X-Rate-Limit-Limit", "no limit, no headers")
}

func TestHistory(t *testing.T) {
	clock := newClock()
	s := start(t, oktatest.Config{Now: clock.Now, Tokens: named("a")})
	got := ask(t, s, "PUT", tokensPath+"/a%2Fb?x=%41", `{"name":"a"}`)
	list := s.Requests()
	require.Len(t, list, 1)
	r := list[0]
	require.Equal(t, "PUT", r.Method)
	require.Equal(t, tokensPath+"/a%2Fb", r.Path)
	require.Equal(t, "x=%41", r.Query)
	require.Equal(t, []string{"SSWS secret"}, r.Header["Authorization"])
	require.JSONEq(t, `{"name":"a"}`, string(r.Body))
	require.Equal(t, clock.Now(), r.At)
	require.Equal(t, 404, r.Status)
	require.Equal(t, len(got.body), r.Bytes-len("oaeNTp5Jl-OTK2NMx8CxStA9g")+len("random"))
	s.ResetRequests()
	require.Empty(t, s.Requests())
}

func TestLatency(t *testing.T) {
	s := start(t, oktatest.Config{Latency: 5 * time.Millisecond, Tokens: named("a")})
	began := time.Now()
	ask(t, s, "GET", tokensPath, "")
	require.GreaterOrEqual(t, time.Since(began), 5*time.Millisecond)
}

// An org made by New works inside of a bubble, where an hour of latency takes no time.
func TestSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := oktatest.New(oktatest.Config{Credential: "secret", Latency: time.Hour, Tokens: named("a")})
		transport := &http.Transport{DialContext: s.Dial}
		began := time.Now()
		for range 2 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+tokensPath, nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", "SSWS secret")
			res, err := transport.RoundTrip(req)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Contains(t, string(body), oktatest.TokenID(0))
		}
		require.Equal(t, 2*time.Hour, time.Since(began))
		transport.CloseIdleConnections()
		s.Close()
	})
}

func TestCloseTwice(t *testing.T) {
	s := oktatest.Start(oktatest.Config{})
	s.Close()
	s.Close()
	_, err := s.Dial(t.Context(), "", "")
	require.Error(t, err)
}

// All at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := start(t, oktatest.Config{PageSize: 50, OwnToken: oktatest.TokenID(0), Tokens: oktatest.Many(500, time.Now()),
		RateLimit: oktatest.RateLimit{Limit: 1 << 30}})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 25 {
				id := oktatest.TokenID(1 + 100*w + i)
				ask(t, s, "GET", tokensPath+"?limit=200", "")
				ask(t, s, "DELETE", tokensPath+"/"+id, "")
				s.Add(oktatest.Token{ID: id, Name: fmt.Sprint("again ", i)})
				s.Use(id)
				s.Update(id, func(tok *oktatest.Token) { tok.Network.Include = append(tok.Network.Include, "nzo1") })
				s.Fault(oktatest.Fault{Path: "/" + id, Times: 1, Then: func() {}})
				s.Tokens()
				s.Requests()
			}
		})
	}
	all.Wait()
	require.Len(t, s.Tokens(), 500)
	require.Len(t, s.Requests(), 200)
}
