package oktatest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func TestTheTransportAnswersAsTheServerDoes(t *testing.T) {
	for name, fault := range map[string]oktatest.Fault{
		"as it is":                    {},
		"an error":                    {Status: http.StatusTooManyRequests},
		"no answer":                   {Hangup: true},
		"no answer, though it acted":  {HangupAfter: true},
		"a body that breaks off":      {CutBody: 5},
		"a body that never begins":    {CutBody: -1},
		"a chunked one that does too": {CutBody: 5, Chunked: true},
		"another body":                {Body: "null"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			t.Run(method+" "+name, func(t *testing.T) { sameAnswer(t, method, fault) })
		}
	}
}

// sameAnswer asks over a connection and without one.
func sameAnswer(t *testing.T, method string, fault oktatest.Fault) {
	t.Helper()
	type answer struct {
		status, left int
		header       http.Header
		body         string
		failed       bool
	}
	ask := func(client func(*oktatest.Server) *http.Client) (a answer) {
		org := oktatest.Start(oktatest.Config{Credential: "secret", Tokens: []oktatest.Token{
			{ID: oktatest.TokenID(1), Name: "ci"}}, Now: newClock().Now})
		defer org.Close()
		org.Fault(fault)
		req, err := http.NewRequest(method, org.URL()+"/api/v1/api-tokens/"+oktatest.TokenID(1), strings.NewReader(""))
		require.NoError(t, err)
		req.Header.Set("Authorization", "SSWS secret")
		resp, err := client(org).Do(req)
		if a.left = len(org.Tokens()); err != nil {
			a.failed = true
			return a
		}
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		resp.Header.Del("Content-Length")
		a.status, a.header, a.body, a.failed = resp.StatusCode, resp.Header, strings.ReplaceAll(string(text), org.URL(),
			""), err != nil
		return a
	}
	require.Equal(t,
		ask(func(*oktatest.Server) *http.Client { return new(http.Client) }),
		ask(func(org *oktatest.Server) *http.Client { return &http.Client{Transport: org.Transport()} }))
}
