package slack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/notify/notifytest"
	"tokensweep/notify/slack"
)

func TestTheThreadSaysWhatWasCalledOff(t *testing.T) {
	thread := slack.Report(notifytest.CalledOff(true), testOptions)
	require.Contains(t, string(payload(t, thread.Parent)), "1 called-off step")
	var replies strings.Builder
	for _, m := range thread.Replies {
		checkMessage(t, m)
		replies.Write(payload(t, m))
	}
	due, announced := now.Add(72*time.Hour).Format(time.RFC3339), now.Add(-24*time.Hour).Format(time.RFC3339)
	require.Contains(t, replies.String(), "revoke on "+due+" by rule idle, announced on "+announced)
	require.Contains(t, replies.String(), "it is exempt now")
}

func TestOnlyAnOwnerWhoWasToldHearsThatItWasCalledOff(t *testing.T) {
	m, ok := slack.OwnerMessage(notifytest.CalledOff(true), "00uowner", testOptions)
	require.True(t, ok)
	require.Contains(t, string(payload(t, m)), "Called off: announced, and it does not come")
	checkMessage(t, m)
	for _, user := range []string{"00uother", ""} {
		_, ok = slack.OwnerMessage(notifytest.CalledOff(true), user, testOptions)
		require.False(t, ok)
	}
	_, ok = slack.OwnerMessage(notifytest.CalledOff(false), "00uowner", testOptions)
	require.False(t, ok)
}
