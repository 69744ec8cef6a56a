package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

func TestWhatRecordsAmountTo(t *testing.T) {
	key := ledger.Key{Token: "00T1", Rule: "idle"}
	other := ledger.Key{Token: "00T2", Rule: "idle"}
	seen := ledger.Record{Kind: ledger.Seen, Token: "00T1", Rule: "idle"}
	noticed := ledger.Record{Kind: ledger.Noticed, Token: "00T1", Rule: "idle", Facts: "f", Via: "slack"}
	noticedOther := ledger.Record{Kind: ledger.Noticed, Token: "00T2", Rule: "idle"}
	before := ledger.Condition{Connection: "ANYWHERE", LastUpdated: start}
	after := ledger.Condition{Connection: "ZONE", Include: []string{"nzo1"}}
	intent := func(step string) ledger.Record {
		return ledger.Record{Kind: ledger.Intent, Token: "00T1", Step: step, By: ledger.ByHand, Before: &before}
	}
	outcome := func(ref uint64, result string, settled bool) ledger.Record {
		return ledger.Record{Kind: ledger.Outcome, Ref: ref, Result: result, Settled: settled, After: &after}
	}
	quarantine, settled := intent(ledger.StepQuarantine), outcome(1, ledger.ResultQuarantined, true)
	at := func(seq int) time.Time { return start.Add(time.Duration(seq) * time.Second) } // of the record seq

	for _, row := range []struct {
		name    string
		records []ledger.Record
		check   func(t *testing.T, s *ledger.State)
	}{
		{"nothing", nil, func(t *testing.T, s *ledger.State) {
			require.Equal(t, &ledger.State{}, s)
			require.Zero(t, s.IntentsSince(time.Time{}))
			require.Empty(t, s.OpenSeqs())
		}},
		{"a finding keeps the time of its first sight", []ledger.Record{seen, seen},
			func(t *testing.T, s *ledger.State) {
				require.Equal(t, map[ledger.Key]time.Time{key: at(1)}, s.Findings)
			}},
		{"a finding that was resolved is new again; a notice ends by its own record alone", []ledger.Record{
			seen, noticed, {Kind: ledger.Resolved, Token: "00T1", Rule: "idle"}, seen,
		}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, map[ledger.Key]time.Time{key: at(4)}, s.Findings)
			require.Len(t, s.Notices, 1)
		}},
		{"the last notice holds", []ledger.Record{noticed, noticed}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, map[ledger.Key]ledger.Notice{key: {At: at(2), Facts: "f", Via: "slack", Seq: 2}},
				s.Notices)
		}},
		{"a notice that is void leaves the finding",
			[]ledger.Record{seen, noticed, {Kind: ledger.Voided, Token: "00T1", Rule: "idle"}},
			func(t *testing.T, s *ledger.State) {
				require.Empty(t, s.Notices)
				require.Len(t, s.Findings, 1)
			}},
		{"an intent is open until it is settled", []ledger.Record{intent(ledger.StepRevoke),
			outcome(1, ledger.ResultUnknown, false)},
			func(t *testing.T, s *ledger.State) {
				require.Equal(t, []uint64{1}, s.OpenSeqs())
				open, ok := s.OpenFor("00T1")
				require.True(t, ok)
				require.Equal(t, uint64(1), open.Seq)
				_, ok = s.OpenFor("00T2")
				require.False(t, ok)
			}},
		{"of two open intents the newest is told", []ledger.Record{intent(ledger.StepRevoke),
			intent(ledger.StepRestore)},
			func(t *testing.T, s *ledger.State) {
				open, _ := s.OpenFor("00T1")
				require.Equal(t, uint64(2), open.Seq)
			}},
		{"a revocation ends the notices of that token only", []ledger.Record{
			intent(ledger.StepRevoke), noticed, noticedOther, outcome(1, ledger.ResultRevoked, true),
		}, func(t *testing.T, s *ledger.State) {
			require.Contains(t, s.Notices, other)
			require.NotContains(t, s.Notices, key)
			require.Equal(t, map[string]time.Time{"00T1": at(4)}, s.Revoked)
			require.Empty(t, s.Open)
		}},
		{"a revocation that is not certain is none", []ledger.Record{intent(ledger.StepRevoke), noticed,
			outcome(1, ledger.ResultRevoked, false)},
			func(t *testing.T, s *ledger.State) {
				require.Empty(t, s.Revoked)
				require.Len(t, s.Notices, 1)
			}},
		{"one that failed is none", []ledger.Record{intent(ledger.StepRevoke), noticed,
			outcome(1, ledger.ResultFailed, true)},
			func(t *testing.T, s *ledger.State) {
				require.Empty(t, s.Revoked)
				require.Empty(t, s.Open)
				require.Len(t, s.Notices, 1)
			}},
		{"a quarantine keeps what was before", []ledger.Record{quarantine, settled},
			func(t *testing.T, s *ledger.State) {
				require.Equal(t, map[string]ledger.Quarantine{
					"00T1": {Before: before, After: after, At: at(2), By: ledger.ByHand, Seq: 1},
				}, s.Quarantined)
			}},
		{"a quarantine that was restored", []ledger.Record{quarantine, settled, intent(ledger.StepRestore),
			outcome(3, ledger.ResultRestored, true)}, noQuarantine},
		{"a quarantine whose token was revoked", []ledger.Record{quarantine, settled, intent(ledger.StepRevoke),
			outcome(3, ledger.ResultRevoked, true)}, noQuarantine},
		{"a quarantine whose token was gone", []ledger.Record{quarantine, settled, intent(ledger.StepRevoke),
			outcome(3, ledger.ResultGone, true)}, noQuarantine},
		{"a quarantine that was lifted", []ledger.Record{quarantine, settled, {Kind: ledger.Lifted, Token: "00T1"}},
			noQuarantine},
		{"a quarantine whose token vanished, and may come back", []ledger.Record{quarantine, settled,
			{Kind: ledger.Vanished, Token: "00T1"}}, func(t *testing.T, s *ledger.State) {
			require.Len(t, s.Quarantined, 1)
		}},
		{"a token that was given back has no notice, and needs a new one", []ledger.Record{
			noticed, quarantine, outcome(2, ledger.ResultQuarantined, true), intent(ledger.StepRestore),
			outcome(4, ledger.ResultRestored, true),
		}, func(t *testing.T, s *ledger.State) {
			require.Empty(t, s.Notices)
			require.Contains(t, s.Released, "00T1")
		}},
		{"a notice is for its rule: the token stays one that was given back",
			[]ledger.Record{{Kind: ledger.Lifted, Token: "00T1"}, noticed}, func(t *testing.T, s *ledger.State) {
				require.Contains(t, s.Released, "00T1")
				require.Len(t, s.Notices, 1)
			}},
		{"what a run did that never ended is not reported", []ledger.Record{
			{Kind: ledger.Begun, Org: org, Run: "r1"}, {Kind: ledger.Vanished, Run: "r1", Token: "00T1"},
			{Kind: ledger.Begun, Org: org, Run: "r2"},
		}, func(t *testing.T, s *ledger.State) { require.Len(t, s.Unreported, 1) }},
		{"nor what a run did whose report reached nobody", []ledger.Record{
			{Kind: ledger.Begun, Org: org, Run: "r1"}, {Kind: ledger.Vanished, Run: "r1", Token: "00T1"},
			{Kind: ledger.Ended, Run: "r1", ExitCode: 20, Unread: true},
		}, func(t *testing.T, s *ledger.State) { require.Len(t, s.Unreported, 1) }},
		{"the end of a run reports all, that of a change by hand its own", []ledger.Record{
			{Kind: ledger.Begun, Org: org, Run: "r1"}, {Kind: ledger.Vanished, Run: "r1", Token: "00T1"},
			{Kind: ledger.Begun, Org: org, Run: "h", Mode: ledger.ByHand},
			{Kind: ledger.Vanished, Run: "h", Token: "00T2"}, {Kind: ledger.Ended, Run: "h"},
		}, func(t *testing.T, s *ledger.State) {
			require.Len(t, s.Unreported, 1)
			s.Apply(ledger.Record{Kind: ledger.Ended, Run: "r3"})
			require.Empty(t, s.Unreported)
		}},
		{"the budget counts intents, whatever came of them", []ledger.Record{
			quarantine, settled, intent(ledger.StepRevoke), intent(ledger.StepRestore),
			intent(ledger.StepRevokeCurrent),
			outcome(3, ledger.ResultFailed, true), intent(ledger.StepRevoke),
		}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, 3, s.IntentsSince(start))
			require.Equal(t, 2, s.IntentsSince(at(1)))
			require.Equal(t, 1, s.IntentsSince(at(3)))
			require.Equal(t, 0, s.IntentsSince(at(7)))
		}},
		{"the newest plan of a digest, of those that could be reviewed", []ledger.Record{
			{Kind: ledger.Planned, Plan: "p", Run: "r1", Mode: ledger.ModeDryRun},
			{Kind: ledger.Planned, Plan: "p", Run: "r2", Mode: ledger.ModeDryRun, Count: 7, Actions: []ledger.Action{
				{Token: "00T1", Step: ledger.StepRevoke}}},
			{Kind: ledger.Planned, Plan: "p", Run: "r3", Mode: "enforce"},
		}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, map[string]ledger.PlanRecord{
				"p": {At: at(2), Run: "r2", Count: 7, Seq: 2},
			}, s.Plans)
		}},
		{"the last run and listing", []ledger.Record{
			{Kind: ledger.Begun, Org: org}, {Kind: ledger.Listed, Count: 9, Snapshot: "sha256:ab"},
			{Kind: ledger.Ended, ExitCode: 20}, {Kind: ledger.Exempted},
		}, func(t *testing.T, s *ledger.State) {
			require.Equal(t, org, s.Org)
			require.Equal(t, 9, s.Listing.Count)
			require.Equal(t, 20, s.LastRun.ExitCode)
			require.Equal(t, at(4), s.Latest())
		}},
		{"halted", []ledger.Record{{Kind: ledger.Halt, Reason: "incident", By: "ann"}},
			func(t *testing.T, s *ledger.State) {
				require.Equal(t, "incident", s.Halted.Reason)
			}},
		{"halted and resumed", []ledger.Record{{Kind: ledger.Halt}, {Kind: ledger.Resume}},
			func(t *testing.T, s *ledger.State) {
				require.Nil(t, s.Halted)
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := start
			l, err := ledger.Store{}.OpenOn(new(ledgertest.Disk), func() time.Time {
				now = now.Add(time.Second)
				return now
			})
			require.NoError(t, err)
			for _, r := range row.records {
				append1(t, l, r)
			}
			row.check(t, l.State())
		})
	}
}

func noQuarantine(t *testing.T, s *ledger.State) {
	require.Empty(t, s.Quarantined)
	require.Empty(t, s.Open)
}

// An outcome that belongs to nothing can't be appended; one that is read changes nothing.
func TestAnOutcomeOfNothing(t *testing.T) {
	var s ledger.State
	s.Apply(ledger.Record{Seq: 1, Kind: ledger.Outcome, Ref: 9, Token: "00T1", Result: ledger.ResultRevoked,
		Settled: true})
	require.Empty(t, s.Revoked)
}
