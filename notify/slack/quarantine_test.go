package slack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/notifytest"
	"tokensweep/notify/slack"
)

func TestTheThreadSaysThatATokenIsInQuarantine(t *testing.T) {
	r := notifytest.CutOff()
	var b strings.Builder
	for _, m := range slack.Report(r, testOptions).Replies {
		b.Write(payload(t, m))
	}
	b.Write(payload(t, slack.Report(r, slack.Options{Flags: "--state s"}).Parent))
	since, ends := now.Add(-24*time.Hour).Format(time.RFC3339), now.Add(72*time.Hour).Format(time.RFC3339)
	require.Contains(t, b.String(), "quarantined since "+since)
	require.Contains(t, b.String(), ": nobody can use it, and Okta ends it for that on "+ends)
	require.Contains(t, b.String(), "tokensweep tokens restore "+r.Findings[0].Token.ID)
	require.Contains(t, b.String(), "tokensweep tokens restore "+r.InQuarantine[0].Token.ID+" --state s")
}

func TestAnOwnerHearsThatTheirSparedTokenIsCutOff(t *testing.T) {
	r := notifytest.CutOff()
	r.Findings[0].Change = audit.New
	m, ok := slack.OwnerMessage(r, "00uowner", testOptions)
	require.True(t, ok)
	raw := string(payload(t, m))
	require.Contains(t, raw, r.Findings[0].Token.ID)
	require.Contains(t, raw, r.InQuarantine[0].Token.ID)
	require.Contains(t, raw, "nobody can use it")
	checkMessage(t, m)
}
