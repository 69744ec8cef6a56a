package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/slacktest"
	"tokensweep/okta/oktatest"
)

// slackTrial makes an enforcing run whose announcement goes to a workspace in which something is wrong.
func slackTrial(t *testing.T, faults ...slacktest.Fault) (w slackWorld, code audit.ExitCode, text string) {
	t.Helper()
	w = newSlackWorld(t)
	for _, f := range faults {
		w.workspace.Fault(f)
	}
	p, exit := w.run(slackCanary, "--enforce")
	return w, audit.ExitCode(exit), p.stderr.String() + p.stdout.String()
}

func slackDown(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"it hangs up": {Hangup: true}, "500": {Status: 500}, "503 and a page of HTML": {Status: 503, HTML: true},
		"a page of HTML": {HTML: true},
	} {
		w, code, text := slackTrial(t, fault)
		require.Equal(t, audit.Undelivered, code, "%s: %s", name, text)
		require.Zero(t, w.deleted(), name)
	}
	w := newSlackWorld(t)
	w.workspace.Close()
	p, code := w.run(slackCanary, "--enforce")
	require.Equal(t, int(audit.Undelivered), code, p.stderr.String())
	require.Zero(t, w.deleted())
}

func slackRefuses(t *testing.T) {
	for _, word := range []string{"channel_not_found", "not_in_channel", "invalid_auth", "msg_too_long",
		"invalid_blocks", "is_archived"} {
		w, code, text := slackTrial(t, slacktest.Fault{Error: word})
		require.Equal(t, audit.Undelivered, code, "%s: %s", word, text)
		require.Contains(t, text, word)
		require.Zero(t, w.deleted(), word)
	}
}

func slackLimits(t *testing.T) {
	w, code, text := slackTrial(t, slacktest.Fault{Method: "chat.postMessage", Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {"1"}}, Times: 1})
	require.Equal(t, audit.OK, code, text)
	require.Equal(t, 1, w.deleted())
}

func slackLong(t *testing.T) {
	const idle = 400
	w := newSlackWorld(t)
	for n := range idle {
		w.org.Add(oktatest.Token{ID: oktatest.TokenID(1000 + n), Name: fmt.Sprint("many-", n),
			UserID: oktatest.UserID(1), Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now().AddDate(0, 0, -25)})
	}
	w.policy = policyFile(t, "rules: [{id: many, when: {name: {like: 'many-*'}}, then: flag}]\n"+slackSection)
	p, code := w.run(slackCanary)
	require.Zero(t, code, p.stderr.String())
	require.NotEmpty(t, w.workspace.Messages("C0SECURITY"))
	require.Contains(t, strings.ReplaceAll(w.workspace.Messages("C0SECURITY")[0].Text, ",", ""), fmt.Sprint(idle))
	require.Empty(t, w.workspace.Complaints())
}

func slackLost(t *testing.T) {
	w, code, text := slackTrial(t, slacktest.Fault{Method: "chat.postMessage", HangupAfter: true})
	require.Equal(t, audit.OK, code, text)
	require.Equal(t, 1, w.deleted())
	seen := make(map[string]bool)
	for _, m := range w.workspace.Messages("C0SECURITY") {
		if m.Metadata != nil { // files have none
			require.False(t, seen[string(m.Metadata)], "no message came twice")
			seen[string(m.Metadata)] = true
		}
	}
}

func slackMarkup(t *testing.T) {
	w := newSlackWorld(t)
	for i, name := range []string{"<!channel>", "<@U0ADMIN>", "<https://evil.example|click>", "```*b*```",
		"&lt;!here&gt;", strings.Repeat("🗝", 900), "@everyone :skull:"} {
		w.org.Add(oktatest.Token{ID: oktatest.TokenID(100 + i), Name: name, ClientName: name,
			UserID: oktatest.UserID(1), Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now()})
	}
	w.policy = policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]\n"+slackSection)
	p, code := w.run(slackCanary)
	require.Zero(t, code, p.stderr.String())
	require.NotEmpty(t, w.workspace.Messages("C0SECURITY"))
	require.Empty(t, w.workspace.Complaints(), "no mention, link or broken escape reached it")
}
