package okta

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// BenchmarkDecoders decodes a page of 200 tokens with the decoder and with the one before it, in turn, and reports the
// ratio of the times that they took.
func BenchmarkDecoders(b *testing.B) {
	page := firstPage(b)
	decode := func(read func(io.Reader, func(Token) error) error) time.Duration {
		began, n := time.Now(), 0
		require.NoError(b, read(strings.NewReader(page), func(Token) error { n++; return nil }))
		require.Equal(b, 200, n)
		return time.Since(began)
	}
	var before, after time.Duration
	for b.Loop() {
		before += decode(oldTokens)
		after += decode(newTokens)
	}
	b.ReportMetric(float64(after)/float64(before), "new/old")
	for _, d := range []struct {
		name string
		read func(io.Reader, func(Token) error) error
	}{{"new", newTokens}, {"old", oldTokens}} {
		b.ReportMetric(testing.AllocsPerRun(20, func() { decode(d.read) })/200, d.name+"-allocs/token")
	}
	b.ReportMetric(float64(len(page))/200, "B/token")
}

// firstPage is what an org of many tokens answers first.
func firstPage(b *testing.B) string {
	b.Helper()
	org := oktatest.Start(oktatest.Config{Credential: canary, PageSize: 200, Tokens: oktatest.Many(300, time.Now())})
	b.Cleanup(org.Close)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, org.URL()+listPath+"?limit=200", nil)
	require.NoError(b, err)
	req.Header.Set("Authorization", fmt.Sprintf("SSWS %s", canary))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(b, http.StatusOK, resp.StatusCode)
	page, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	return string(page)
}
