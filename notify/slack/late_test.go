package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/rules"
)

// backlog is a ledger with the reports of n runs that Slack took nothing of: late-1, late-2 and so on. Each has a
// change that failed.
func backlog(t *testing.T, w *slacktest.Server, n int) outbox.Box {
	t.Helper()
	return backlogOf(t, w, slices.Repeat([]*audit.Report{testRun(audit.Failed)}, n)...)
}

// backlogOf is one of the given reports.
func backlogOf(t *testing.T, w *slacktest.Server, reports ...*audit.Report) outbox.Box {
	t.Helper()
	box := newOutbox(t, reportTime)
	w.Fault(slacktest.Fault{Error: "is_archived"})
	for i, r := range reports {
		late := *r
		late.ID = fmt.Sprintf("late-%d", i+1)
		require.Error(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(t.Context(), &late))
	}
	w.ClearFaults()
	require.Len(t, box.Ledger.State().Undelivered, len(reports))
	return reopenOf(t, box)
}

// nothingNew is the report of a run that has nothing to tell where only changes are wanted.
func nothingNew(run string) *audit.Report {
	r := testRun(audit.Flagged)
	r.ID, r.Changes = run, audit.Changes{Known: true, Ongoing: 1}
	return r
}

// postedRuns names the run of each message in the channel itself, in their order.
func postedRuns(t *testing.T, w *slacktest.Server) (runs []string) {
	t.Helper()
	for _, m := range w.Messages(channelID) {
		var metadata struct {
			Payload struct {
				Run  string `json:"run_id"`
				Part string `json:"part"`
			} `json:"event_payload"`
		}
		if m.Metadata == nil {
			continue
		}
		if require.NoError(t, json.Unmarshal(m.Metadata, &metadata)); metadata.Payload.Part == partParent {
			runs = append(runs, metadata.Payload.Run)
		}
	}
	return runs
}

func TestAnAnnouncementDoesNotWaitForWhatEarlierRunsLeft(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	s := delivery(t, w, rules.Slack{On: rules.OnChanges}, backlog(t, w, 3))
	before, after := enforced("run-1")
	_, err := s.Announce(t.Context(), before)
	require.NoError(t, err)
	require.Equal(t, []string{"run-1"}, postedRuns(t, w))
	require.NoError(t, s.Report(t.Context(), after))
	require.Equal(t, []string{"run-1", "late-1", "late-2", "late-3"}, postedRuns(t, w))
	require.Empty(t, s.outbox.Past().Undelivered)
	require.Empty(t, w.Complaints())
}

func TestAWebhooksAnnouncementDoesNotWaitForWhatEarlierRunsLeft(t *testing.T) {
	ws, w := hook(t, rules.Slack{On: rules.Always})
	w.outbox = newOutbox(t, reportTime)
	ws.Fault(slacktest.Fault{Method: slacktest.Webhook, Times: 1, Error: "no_service"})
	require.Error(t, w.Report(t.Context(), testRun(audit.Flagged)))
	w = hookDelivery(t, ws, rules.Slack{On: rules.OnChanges}, w.outbox)
	before, after := enforced("run-1")
	_, err := w.Announce(t.Context(), before)
	require.NoError(t, err)
	require.Len(t, ws.Messages(channelID), 1)
	require.Contains(t, ws.Messages(channelID)[0].Text, "about to revoke 1 token")
	require.NoError(t, w.Report(t.Context(), after))
	require.Len(t, ws.Messages(channelID), 3)
	require.Empty(t, w.outbox.Past().Undelivered)
}

func TestWhatThereIsNoTimeForIsLeftToTheNextRunAndFailsNothing(t *testing.T) {
	for name, hinder := range map[string]func(*Bot, *slacktest.Server, context.CancelFunc){
		"the time is over": func(s *Bot, _ *slacktest.Server, _ context.CancelFunc) { s.patience = 0 },
		"Slack wants a longer pause": func(_ *Bot, w *slacktest.Server, _ context.CancelFunc) {
			w.Fault(slacktest.Fault{Method: "chat.postMessage", Skip: 1, Status: http.StatusTooManyRequests,
				Header: http.Header{"Retry-After": {"3600"}}})
		},
		"the run is to end while a message is on its way": func(
			_ *Bot, w *slacktest.Server, cancel context.CancelFunc) {
			w.Fault(slacktest.Fault{Method: "chat.postMessage", Times: 1, Then: cancel})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := fakeWorkspace(t, slacktest.Config{})
			box := backlog(t, w, 2)
			s := delivery(t, w, rules.Slack{On: rules.OnChanges}, box)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			hinder(s, w, cancel)
			require.NoError(t, s.Report(ctx, nothingNew("run-1")))
			require.Len(t, box.Ledger.State().Undelivered, 2)
			w.ClearFaults()
			require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, reopenOf(t, box)).Report(t.Context(),
				nothingNew("run-2")))
			require.Equal(t, []string{"late-1", "late-2"}, postedRuns(t, w), "each once")
			require.Empty(t, w.Complaints())
		})
	}
}

func TestARunThatIsToEndPostsItsOwnReportAndLeavesTheOthers(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := backlog(t, w, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(ctx, nothingNew("run-1")))
	require.Equal(t, []string{"run-1"}, postedRuns(t, w))
	require.Len(t, box.Ledger.State().Undelivered, 2)
}

func TestForRunsThatFailedPeopleAreCalledOnceHoweverLateAndForWhatIsToldOnceAlways(t *testing.T) {
	failed, fresh := testRun(audit.Flagged), testRun(audit.Flagged)
	failed.Complete, failed.Code, failed.Err = false, audit.Incomplete, errors.New("listing incomplete")
	fresh.Findings[0].Fresh = []*rules.Rule{{ID: "super", Severity: rules.Critical}}
	for _, row := range []struct {
		name   string
		late   []*audit.Report
		alerts int
	}{
		{"runs that failed", []*audit.Report{failed, failed, failed}, 1},
		{"a new critical finding after a run that failed", []*audit.Report{failed, fresh, failed}, 2},
		{"changes that failed", []*audit.Report{testRun(audit.Failed), testRun(audit.Failed)}, 2},
		{"nothing that needs people", []*audit.Report{testRun(audit.Flagged), testRun(audit.Flagged)}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := fakeWorkspace(t, slacktest.Config{})
			box := backlogOf(t, w, row.late...)
			require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(),
				nothingNew("run-1")))
			parts := postedParts(t, w)
			require.Equal(t, len(row.late), parts["parent"])
			require.Equal(t, row.alerts, parts["alert"])
			require.Empty(t, box.Ledger.State().Undelivered)
		})
	}
}

func TestWhatNobodyWasToldOfIsPostedThoughNoFindingIsNew(t *testing.T) {
	for name, change := range map[string]func(*audit.Report){
		"a list that is too small to believe":     func(r *audit.Report) { r.Shrunken = true },
		"what came of a change of an earlier run": func(r *audit.Report) { r.Belated = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := fakeWorkspace(t, slacktest.Config{})
			r := nothingNew("run-1")
			change(r)
			require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, newOutbox(t, reportTime)).Report(
				t.Context(), r))
			require.Equal(t, []string{"run-1"}, postedRuns(t, w))
		})
	}
}
