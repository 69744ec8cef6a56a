package slack

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/rules"
)

// way is one of the two to Slack.
type way interface {
	Announce(context.Context, *audit.Report) (string, error)
	Report(context.Context, *audit.Report) error
	Begun() bool
}

// bothWays calls do with the delivery of one run by each way, to a workspace of its own.
func bothWays(t *testing.T, policy rules.Slack, o func(*testing.T) outbox.Box,
	do func(*testing.T, *slacktest.Server, way)) {
	t.Run("app", func(t *testing.T) {
		w := fakeWorkspace(t, slacktest.Config{})
		do(t, w, delivery(t, w, policy, o(t)))
		require.Empty(t, w.Complaints())
	})
	t.Run("webhook", func(t *testing.T) {
		w, _ := hook(t, policy)
		do(t, w, hookDelivery(t, w, policy, o(t)))
		require.Empty(t, w.Complaints())
	})
}

// sinceLastPost is a ledger in which something was posted so long before reportTime.
func sinceLastPost(d time.Duration) func(*testing.T) outbox.Box {
	return func(t *testing.T) outbox.Box {
		t.Helper()
		box := newOutbox(t, reportTime.Add(-d))
		_, err := box.Ledger.Append(ledger.Record{Kind: ledger.Posted, Of: "an earlier run", Part: partParent})
		require.NoError(t, err)
		return box
	}
}

func TestAnEnforcingRunWithNothingToAnnouncePostsWhatADryRunWould(t *testing.T) {
	for name, row := range map[string]struct {
		last   time.Duration       // since the last post
		change func(*audit.Report) // after the announcement
		want   bool
	}{
		"nothing is new":                     {change: func(*audit.Report) {}},
		"nothing is new, and a sign of life": {last: 8 * 24 * time.Hour, change: func(*audit.Report) {}, want: true},
		"something is new":                   {change: func(r *audit.Report) { r.Changes.New = 1 }, want: true},
		"something was called off": {change: func(r *audit.Report) {
			r.CalledOff = []audit.CalledOff{{Rule: "idle", Why: "it is exempt now"}}
		}, want: true},
		"it fails afterwards": {change: func(r *audit.Report) { r.Err = errors.New("the disk is full") }, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, rules.Slack{On: rules.OnChanges, Heartbeat: 7 * 24 * time.Hour},
				sinceLastPost(max(row.last, time.Hour)), func(t *testing.T, w *slacktest.Server, s way) {
					r := nothingNew("run-1")
					r.Mode, r.Before = rules.Enforce, true
					via, err := s.Announce(t.Context(), r)
					require.NoError(t, err)
					require.Contains(t, via, "slack ")
					require.Empty(t, w.Requests())
					r.Before = false
					row.change(r)
					require.NoError(t, s.Report(t.Context(), r))
					require.Equal(t, row.want, len(w.Messages(channelID)) > 0)
					require.Equal(t, row.want, s.Begun())
				})
		})
	}
}

func TestARunThatOnlyGivesANoticeAnnouncesIt(t *testing.T) {
	bothWays(t, rules.Slack{On: rules.OnChanges}, func(*testing.T) outbox.Box { return outbox.Box{} },
		func(t *testing.T, w *slacktest.Server, s way) {
			r := nothingNew("run-1")
			r.Mode, r.Before, r.Notices = rules.Enforce, true, 1
			_, err := s.Announce(t.Context(), r)
			require.NoError(t, err)
			require.Contains(t, w.Messages(channelID)[0].Text, "is about to change nothing")
			r.Before = false
			require.NoError(t, s.Report(t.Context(), r))
			require.NotContains(t, w.Messages(channelID)[len(w.Messages(channelID))-1].Text, "about to")
		})
}
