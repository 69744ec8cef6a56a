package oktatest_test

import (
	"bytes"
	"go/build"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"tokensweep/okta/oktatest"
)

func TestMany(t *testing.T) {
	now := at("2026-03-01T12:00:00Z")
	tokens := oktatest.Many(10_000, now)
	require.Equal(t, tokens, oktatest.Many(10_000, now), "the same ones each time")
	ids := map[string]bool{}
	for i, tok := range tokens {
		require.Regexp(t, `^00T[0-9A-Za-z]{17}$`, tok.ID)
		require.Regexp(t, `^00u[0-9A-Za-z]{17}$`, tok.UserID)
		require.Equal(t, oktatest.TokenID(i), tok.ID)
		require.False(t, tok.Created.After(now))
		require.False(t, !tok.LastUsed.IsZero() && tok.LastUsed.Before(tok.Created))
		ids[tok.ID] = true
	}
	require.Len(t, ids, 10_000)
	s := start(t, oktatest.Config{Now: func() time.Time { return now }, Tokens: tokens, Users: oktatest.Owners(tokens)})
	require.Len(t, s.Tokens(), 10_000, "none is expired")
	require.Equal(t, 200, ask(t, s, "GET", "/api/v1/users/"+tokens[0].UserID, "").status)
}

func TestHundredThousandTokens(t *testing.T) {
	const n = 100_000
	s := start(t, oktatest.Config{Tokens: oktatest.Many(n, time.Now()), PageSize: 200})
	seen := make(map[string]bool, n)
	pages := 0
	for target := s.URL() + tokensPath + "?limit=200"; target != ""; pages++ {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "SSWS secret")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 200, res.StatusCode)
		for part := range bytes.SplitSeq(body, []byte(`{"id":"`)) {
			if id, _, ok := bytes.Cut(part, []byte(`"`)); ok {
				seen[string(id)] = true
			}
		}
		target = ""
		for _, line := range res.Header["Link"] {
			if next, ok := strings.CutSuffix(line, `>; rel="next"`); ok {
				target = strings.TrimPrefix(next, "<")
			}
		}
	}
	require.Len(t, seen, n)
	require.Equal(t, n/200, pages)
	require.Len(t, s.Requests(), pages)
}

// The program itself contains this package, and its mistakes must not depend on those of the client.
func TestImportsNothingOfOursAndOneLibraryForSignatures(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		if path == "github.com/go-jose/go-jose/v4" {
			continue
		}
		require.NotContains(t, strings.Split(path, "/")[0], ".", path)
		require.NotContains(t, path, "tokensweep")
		require.NotContains(t, path, "test")
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkPage makes a page of 200 out of the middle of 100,000 tokens, without the network.
func BenchmarkPage(b *testing.B) {
	s := oktatest.New(oktatest.Config{Credential: "secret", PageSize: 200, Tokens: oktatest.Many(100_000, time.Now())})
	defer s.Close()
	req := httptest.NewRequest(http.MethodGet, tokensPath+"?limit=200", nil)
	req.Header.Set("Authorization", "SSWS secret")
	h := s.Handler()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, req)
		s.ResetRequests()
	}
}

// BenchmarkMillion shows what a million tokens take: to start with, and for a page.
func BenchmarkMillion(b *testing.B) {
	tokens := oktatest.Many(1_000_000, time.Now())
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := oktatest.New(oktatest.Config{Credential: "secret", PageSize: 200, Tokens: tokens})
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		s.Close()
	}
}
