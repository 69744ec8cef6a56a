package slacktest_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

// strike posts once with a fault and tells the ts, how many messages there are then, and the error.
func strike(t *testing.T, f slacktest.Fault) (string, int, error) {
	t.Helper()
	ws, api := workspace(t)
	ws.Fault(f)
	_, ts, err := api.PostMessage("C0SEC", say("x"))
	r := ws.Requests()
	require.Len(t, r, 1)
	require.True(t, r[0].Fault)
	return ts, len(ws.Messages("C0SEC")), err
}

func TestAHangupHasNoEffectAndALostAnswerHas(t *testing.T) {
	_, n, err := strike(t, slacktest.Fault{Hangup: true})
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, n)
	_, n, err = strike(t, slacktest.Fault{HangupAfter: true})
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, n)
}

func TestAStatusIsAnsweredWithoutEffectUnlessTold(t *testing.T) {
	_, n, err := strike(t, slacktest.Fault{Status: 503})
	require.ErrorContains(t, err, "503")
	require.Zero(t, n)
	_, n, err = strike(t, slacktest.Fault{Status: 503, Act: true})
	require.ErrorContains(t, err, "503")
	require.Equal(t, 1, n)
}

func TestARateLimitCarriesItsHeader(t *testing.T) {
	_, n, err := strike(t, slacktest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}},
		Error: "ratelimited"})
	var limited *slack.RateLimitedError
	require.ErrorAs(t, err, &limited)
	require.Equal(t, 7*time.Second, limited.RetryAfter)
	require.Zero(t, n)
}

func TestAnErrorIsAnsweredAsSlackDoes(t *testing.T) {
	_, n, err := strike(t, slacktest.Fault{Error: "rate_limited"})
	require.EqualError(t, err, "rate_limited")
	require.Zero(t, n)
	_, n, err = strike(t, slacktest.Fault{Error: "fatal_error", Act: true})
	require.EqualError(t, err, "fatal_error")
	require.Equal(t, 1, n)
}

func TestABodyReplacesTheAnswer(t *testing.T) {
	ts, n, err := strike(t, slacktest.Fault{Body: `{"ok":false}`})
	require.NoError(t, err, "slack-go takes it for success")
	require.Empty(t, ts)
	require.Zero(t, n)
}

func TestHTMLIsAnsweredAsAProxyDoes(t *testing.T) {
	_, n, err := strike(t, slacktest.Fault{HTML: true})
	require.ErrorContains(t, err, "invalid character '<'")
	require.Zero(t, n)
}

func TestNoTSActsAndLeavesOutTheTS(t *testing.T) {
	ts, n, err := strike(t, slacktest.Fault{NoTS: true})
	require.NoError(t, err)
	require.Empty(t, ts)
	require.Equal(t, 1, n)
}

func TestThenChangesTheWorldBeforeTheRequestActs(t *testing.T) {
	ws, api := workspace(t)
	ws.Fault(slacktest.Fault{Then: func() { ws.AddMessage("C0SEC", slacktest.Message{Text: "first"}) }, Times: 1})
	post(t, api, "C0SEC", "second")
	require.Equal(t, "first", ws.Messages("C0SEC")[0].Text)
}

func TestADelayComesAfterTheEffectAndEndsWithTheClient(t *testing.T) {
	ws, api := workspace(t)
	ws.Fault(slacktest.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		_, _, err := api.PostMessageContext(ctx, "C0SEC", say("x"))
		failed <- err
	}()
	require.Eventually(t, func() bool { return len(ws.Messages("C0SEC")) == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)

	go func() {
		_, _, err := api.PostMessage("C0SEC", say("x"))
		failed <- err
	}()
	require.Eventually(t, func() bool { return len(ws.Messages("C0SEC")) == 2 }, 10*time.Second, time.Millisecond)
	ws.Close()
	require.ErrorIs(t, <-failed, io.EOF)
}

func TestOfSeveralFaultsTheFirstThatMatchesStrikes(t *testing.T) {
	ws, api := workspace(t)
	ws.Fault(slacktest.Fault{Method: "chat.update", Error: "never"})
	ws.Fault(slacktest.Fault{Method: "chat.postMessage", Skip: 1, Times: 1, Error: "second"})
	ws.Fault(slacktest.Fault{Method: "chat.postMessage", Skip: 1, Times: 1, Error: "third"})
	var got []string
	for range 4 {
		if _, _, err := api.PostMessage("C0SEC", say("x")); err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, "ok")
		}
	}
	require.Equal(t, []string{"ok", "second", "third", "ok"}, got)
	ws.Fault(slacktest.Fault{Error: "all"})
	_, err := api.AuthTest()
	require.EqualError(t, err, "all")
	ws.ClearFaults()
	_, err = api.AuthTest()
	require.NoError(t, err)
}

func TestEachStepOfAnUploadCanFail(t *testing.T) {
	up := slack.UploadFileParameters{Filename: "a", Content: "a", FileSize: 1, Channel: "C0SEC"}
	for method, want := range map[string]string{
		"files.getUploadURLExternal":   "GetUploadURLExternal: broken",
		slacktest.Upload:               "UploadToURL: slack server error: 400 Bad Request",
		"files.completeUploadExternal": "CompleteUploadExternal: broken",
	} {
		ws, api := workspace(t)
		ws.Fault(slacktest.Fault{Method: method, Error: "broken"})
		_, err := api.UploadFile(up)
		require.EqualError(t, err, want)
		require.Empty(t, ws.Messages("C0SEC"))
	}
}
