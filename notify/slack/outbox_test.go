package slack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/rules"
)

// newOutbox is a ledger in a directory of its own; its clock stands at a time.
func newOutbox(t *testing.T, at time.Time) outbox.Box {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	return reopen(t, dir, at)
}

// reopen is what the next process has.
func reopen(t *testing.T, dir string, at time.Time) outbox.Box {
	t.Helper()
	l, err := ledger.InDirectory(dir).Open(func() time.Time { return at })
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return outbox.Box{Ledger: l}
}

func begin(t *testing.T, o outbox.Box, run string) {
	t.Helper()
	_, err := o.Ledger.Append(ledger.Record{Kind: ledger.Begun, Run: run, Org: "https://acme.okta.com",
		Mode: "enforce"})
	require.NoError(t, err)
}

// acted records a change of run-1 and what came of it, "" for a change whose outcome nobody knows.
func acted(t *testing.T, o outbox.Box, token, step, result string) {
	t.Helper()
	r, err := o.Ledger.Append(ledger.Record{Kind: ledger.Intent, Run: "run-1", Token: token, Name: "deploy <!channel>",
		Step: step, By: ledger.ByRun})
	require.NoError(t, err)
	if result != "" {
		_, err = o.Ledger.Append(ledger.Record{Kind: ledger.Outcome, Run: "run-1", Ref: r.Seq, Result: result,
			Settled: true})
		require.NoError(t, err)
	}
}

// postedParts counts the messages and files that stand in the channel, by part.
func postedParts(t *testing.T, w *slacktest.Server) map[string]int {
	t.Helper()
	parts := make(map[string]int)
	for _, m := range w.Messages(channelID) {
		if m.Deleted {
			continue
		}
		var metadata struct {
			Payload struct {
				Part string `json:"part"`
			} `json:"event_payload"`
		}
		if m.Metadata != nil {
			require.NoError(t, json.Unmarshal(m.Metadata, &metadata))
			parts[metadata.Payload.Part]++
		}
	}
	for _, f := range w.Files() {
		if f.Complete {
			parts[f.Name]++
		}
	}
	return parts
}

// enforced is the report of a run before and after it acted.
func enforced(run string) (before, after *audit.Report) {
	before, after = testRun(audit.WouldRevoke), testRun(audit.Revoked)
	for _, r := range []*audit.Report{before, after} {
		r.ID, r.Mode, r.Actions = run, rules.Enforce, 1
	}
	before.Before = true
	after.Acted, after.Findings[0].Done, after.Notes = true, true, []string{"a note"}
	return before, after
}

var reportTime = testRun(audit.Flagged).Started

func TestWhatSlackDidNotTakeIsDeliveredByTheNextRunAndThenForgotten(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, reportTime)
	w.Fault(slacktest.Fault{Times: 1, Skip: 1, Method: "chat.postMessage", Error: "channel_is_on_holiday"})
	r := testRun(audit.Flagged)
	require.ErrorContains(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(t.Context(), r),
		"channel_is_on_holiday")
	require.Equal(t, map[string]int{"parent": 1}, postedParts(t, w))
	stored, err := filepath.Glob(filepath.Join(box.Ledger.Store().String(), "outbox-*"))
	require.NoError(t, err)
	require.Len(t, stored, 1)

	next := testRun(audit.Flagged)
	next.ID, next.Changes = "20261125T090000Z-fedcba", audit.Changes{Known: true, Ongoing: 1}
	require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(), next))
	require.Equal(t, map[string]int{"parent": 1, "list-1": 1, "findings.csv": 1, "report.json": 1}, postedParts(t, w),
		"the next run itself had nothing to say")
	require.Empty(t, box.Ledger.State().Undelivered)
	stored, err = filepath.Glob(filepath.Join(box.Ledger.Store().String(), "outbox-*"))
	require.NoError(t, err)
	require.Empty(t, stored)
	require.Empty(t, w.Complaints())
}

// Every request of an enforcing run's delivery fails in turn, before Slack has seen it or after it has done it,
// and with it all that follow: Slack is gone. The next run must leave the channel as if nothing had happened.
func TestSlackGoesAwayAtEveryRequestAndTheNextRunFinishesTheReport(t *testing.T) {
	whole := map[string]int{"parent": 1, "plan-1": 1, "list-1": 1, "notes": 1, "findings.csv": 1, "report.json": 1}
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			w := fakeWorkspace(t, slacktest.Config{})
			box := newOutbox(t, reportTime)
			before, done := enforced(testRun(audit.Flagged).ID)
			s := delivery(t, w, rules.Slack{On: rules.Always}, box)
			gone := slacktest.Fault{Skip: n, Times: 1, HangupAfter: true,
				Then: func() { w.Fault(slacktest.Fault{Hangup: true}) }}
			if !after {
				gone = slacktest.Fault{Skip: n, Hangup: true}
			}
			w.Fault(gone)
			_, announceErr := s.Announce(t.Context(), before)
			if announceErr != nil { // nothing was changed
				done = testRun(audit.Held)
				done.Mode, done.Err = rules.Enforce, announceErr
			}
			reportErr := s.Report(t.Context(), done)
			requests := len(w.Requests())
			w.ClearFaults()

			next := testRun(audit.Flagged)
			next.ID, next.Changes = "20261125T090000Z-fedcba", audit.Changes{Known: true, Ongoing: 1}
			again := delivery(t, w, rules.Slack{On: rules.OnChanges}, reopenOf(t, box))
			require.NoError(t, again.Report(t.Context(), next), "request %d", n)
			parts := postedParts(t, w)
			if announceErr == nil {
				require.Equal(t, whole, parts, "request %d, after %v", n, after)
			} else {
				require.Equal(t, 1, parts["parent"], "request %d: %v", n, parts)
				require.Equal(t, 1, parts["alert"], "request %d: %v", n, parts)
			}
			require.Empty(t, w.Complaints())
			if announceErr == nil && reportErr == nil {
				require.Greater(t, n, 8, "every request had its turn")
				require.LessOrEqual(t, requests, n+1)
				break
			}
		}
	}
}

// reopenOf gives the next process the ledger of the last.
func reopenOf(t *testing.T, o outbox.Box) outbox.Box {
	t.Helper()
	require.NoError(t, o.Ledger.Close())
	return reopen(t, o.Ledger.Store().String(), reportTime)
}

func TestARunThatDiedBetweenPostAndActionIsFoundByTheNext(t *testing.T) {
	for _, row := range []struct {
		name string
		acts func(*testing.T, outbox.Box)
		says string
	}{
		{"before its first change", func(*testing.T, outbox.Box) {}, "INTERRUPTED, 0 changes done"},
		{"after two", func(t *testing.T, o outbox.Box) {
			acted(t, o, "00T1", ledger.StepRevoke, ledger.ResultRevoked)
			acted(t, o, "00T2", ledger.StepQuarantine, ledger.ResultQuarantined)
		}, "INTERRUPTED, 2 changes done"},
		{"in the middle of one", func(t *testing.T, o outbox.Box) {
			acted(t, o, "00T1", ledger.StepRevoke, ledger.ResultRevoked)
			acted(t, o, "00T2", ledger.StepRevoke, "")
		}, "INTERRUPTED, 1 change done"},
		{"in the middle of one that its successor settled", func(t *testing.T, o outbox.Box) {
			acted(t, o, "00T1", ledger.StepRevoke, "")
			_, err := o.Ledger.Append(ledger.Record{Kind: ledger.Outcome, Run: "run-2",
				Ref: o.Ledger.State().OpenSeqs()[0], Result: ledger.ResultRevoked, Settled: true})
			require.NoError(t, err)
		}, "INTERRUPTED, 1 change done"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := fakeWorkspace(t, slacktest.Config{})
			box := newOutbox(t, reportTime)
			begin(t, box, "run-1")
			before, _ := enforced("run-1")
			_, err := delivery(t, w, rules.Slack{On: rules.Always}, box).Announce(t.Context(), before)
			require.NoError(t, err)
			row.acts(t, box)

			next := testRun(audit.Flagged)
			next.ID, next.Changes = "run-2", audit.Changes{Known: true, Ongoing: 1}
			policy := rules.Slack{On: rules.OnChanges, Mention: []string{"S0SECOPS1"}}
			require.NoError(t, delivery(t, w, policy, reopenOf(t, box)).Report(t.Context(), next))
			first := w.Messages(channelID)[0]
			require.Len(t, first.Versions, 2, "the announcement was rewritten")
			require.Contains(t, string(first.Blocks), row.says)
			require.Equal(t, map[string]int{"parent": 1, "plan-1": 1, "alert": 1}, postedParts(t, w))
			messages := w.Messages(channelID)
			require.Contains(t, messages[len(messages)-1].Text+string(messages[len(messages)-1].Blocks), "S0SECOPS1",
				"people are called")
			require.Empty(t, w.Complaints())
		})
	}
}

func TestARunThatDiedBeforeItKnewOfItsAnnouncementIsFoundByItsMetadata(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, time.Now())
	before, _ := enforced("run-1")
	s := delivery(t, w, rules.Slack{On: rules.Always}, box)
	_, err := s.Announce(t.Context(), before)
	require.NoError(t, err)
	// A ledger that has no more than that something was to be announced.
	other := newOutbox(t, time.Now())
	_, err = other.Announce("run-1", ledger.Place{Via: "slack " + channelID, Name: channelID}, time.Now())
	require.NoError(t, err)
	// What others write about the run is not ours.
	w.AddMessage(channelID, slacktest.Message{User: "U0MALLORY", Text: "x",
		Metadata: json.RawMessage(
			`{"event_type":"tokensweep_run","event_payload":{"run_id":"run-1","part":"parent"}}`)})

	next := testRun(audit.Flagged)
	next.ID, next.Changes = "run-2", audit.Changes{Known: true, Ongoing: 1}
	require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, other).Report(t.Context(), next))
	require.Contains(t, w.Messages(channelID)[0].Text, "INTERRUPTED")
	require.Empty(t, other.Ledger.State().Undelivered)
}

func TestAnAnnouncementThatSomebodyDeletedIsPostedAnewWithTheResults(t *testing.T) {
	w, s := workspace(t, rules.Slack{On: rules.Always})
	before, after := enforced("run-1")
	_, err := s.Announce(t.Context(), before)
	require.NoError(t, err)
	_, _, err = s.api.DeleteMessageContext(t.Context(), channelID, parent(s.own))
	require.NoError(t, err)
	require.NoError(t, s.Report(t.Context(), after))
	require.Equal(t, map[string]int{"parent": 1, "plan-1": 1, "list-1": 1, "notes": 1, "findings.csv": 1,
		"report.json": 1}, postedParts(t, w))
}

func TestAReportWhoseMessageSomebodyDeletedBeforeItWasWholeIsPostedAnew(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, reportTime)
	w.Fault(slacktest.Fault{Times: 1, Method: "files.completeUploadExternal", Error: "invalid_arguments"})
	s := delivery(t, w, rules.Slack{On: rules.Always}, box)
	require.Error(t, s.Report(t.Context(), testRun(audit.Flagged)))
	_, _, err := s.api.DeleteMessageContext(t.Context(), channelID, parent(s.own))
	require.NoError(t, err)

	next := testRun(audit.Flagged)
	next.ID, next.Changes = "run-2", audit.Changes{Known: true, Ongoing: 1}
	require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, reopenOf(t, box)).Report(t.Context(), next))
	messages := w.Messages(channelID)
	parent := messages[slices.IndexFunc(messages, func(m slacktest.Message) bool {
		return m.ThreadTS == "" && !m.Deleted
	})]
	require.True(t, slices.ContainsFunc(messages, func(m slacktest.Message) bool {
		return m.ThreadTS == parent.TS && strings.Contains(string(m.Metadata), "list-1")
	}))
	for _, f := range w.Files() {
		require.True(t, !f.Complete || f.ThreadTS == parent.TS)
	}
}

func TestAReplyWhoseThreadIsGoneDoesNotStayInTheChannel(t *testing.T) {
	w, s := workspace(t, rules.Slack{On: rules.Always})
	w.Fault(slacktest.Fault{Method: "chat.postMessage", Skip: 1, Times: 1, Then: func() {
		_, _, err := s.api.DeleteMessageContext(t.Context(), channelID, parent(s.own))
		require.NoError(t, err)
	}, Act: true})
	require.ErrorIs(t, s.Report(t.Context(), testRun(audit.Flagged)), errNoThread)
	require.Empty(t, postedParts(t, w))
}

func TestAReportThatCannotBeDeliveredIsGivenUpAndSaysSo(t *testing.T) {
	for name, row := range map[string]struct {
		age   time.Duration
		spoil func(*testing.T, string)
	}{
		"after a week": {8 * 24 * time.Hour, func(*testing.T, string) {}},
		"when it was changed": {time.Hour, func(t *testing.T, file string) {
			require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
		}},
		"when it is not there": {time.Hour, func(t *testing.T, file string) { require.NoError(t, os.Remove(file)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := fakeWorkspace(t, slacktest.Config{})
			box := newOutbox(t, reportTime)
			w.Fault(slacktest.Fault{Method: "chat.postMessage", Error: "is_archived"})
			r := testRun(audit.Flagged)
			require.Error(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(t.Context(), r))
			row.spoil(t, filepath.Join(box.Ledger.Store().String(), "outbox-"+r.ID+".json"))

			next := testRun(audit.Flagged)
			next.ID, next.Started = "run-2", r.Started.Add(row.age)
			next.Changes = audit.Changes{Known: true, Ongoing: 1}
			err := delivery(t, w, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(), next)
			require.ErrorContains(t, err, "the report of the run "+r.ID)
			require.ErrorContains(t, err, "it is given up")
			require.Empty(t, box.Ledger.State().Undelivered)
			require.NoError(t, delivery(t, w, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(), next),
				"it is said once")
		})
	}
}

func TestALedgerThatFailsKeepsNothingFromBeingPosted(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, reportTime)
	require.NoError(t, box.Ledger.Close())
	s := delivery(t, w, rules.Slack{On: rules.Always}, box)
	before, _ := enforced("run-1")
	_, err := s.Announce(t.Context(), before)
	require.Error(t, err, "what can't be recorded is not announced")
	require.Error(t, s.Report(t.Context(), testRun(audit.Flagged)))
	require.Equal(t, 1, postedParts(t, w)["report.json"], "the report is there all the same")
}

func TestAWebhookDeliversWhatAnEarlierRunCouldNot(t *testing.T) {
	ws, w := hook(t, rules.Slack{On: rules.Always})
	box := newOutbox(t, reportTime)
	w.outbox = box
	ws.Fault(slacktest.Fault{Method: slacktest.Webhook, Times: 1, Status: 404, Error: "no_service"})
	require.Error(t, w.Report(t.Context(), testRun(audit.Flagged)))
	next := testRun(audit.Flagged)
	next.ID, next.Changes = "run-2", audit.Changes{Known: true, Ongoing: 1}
	require.NoError(t, hookDelivery(t, ws, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(), next))
	require.Len(t, ws.Messages(channelID), 1)

	before, _ := enforced("run-3")
	_, err := hookDelivery(t, ws, rules.Slack{On: rules.OnChanges}, box).Announce(t.Context(), before)
	require.NoError(t, err)
	next.ID = "run-4"
	require.NoError(t, hookDelivery(t, ws, rules.Slack{On: rules.OnChanges}, box).Report(t.Context(), next))
	messages := ws.Messages(channelID)
	require.Len(t, messages, 4, "the report, the announcement, that it was interrupted, the call for people")
	require.Contains(t, messages[2].Text, "INTERRUPTED")
}
