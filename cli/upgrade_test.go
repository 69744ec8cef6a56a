package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slack"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// upgradeCase is a state directory that build d5d33e8 has written, and what that build found next:
// see testdata/upgrade/make.
type upgradeCase struct {
	// At is the clock of the next run, Tokens are those of the org then.
	At     time.Time
	Tokens []oktatest.Token
	// Plan is the digest of the plan that d5d33e8 makes on a copy of the state, Findings what it finds.
	Plan     string
	Code     audit.ExitCode
	Findings []upgradeFinding
}

type upgradeFinding struct {
	Token, Outcome, Step, Severity string
	Rules                          []string
	Due                            time.Time
}

// upgradeCases are the directories in testdata/upgrade.
var upgradeCases = []string{"runs", "killed", "undelivered", "halted"}

// upgraded is this build on a copy of such a state, its org and its workspace.
type upgraded struct {
	upgradeCase
	t      *testing.T
	state  string
	org    *oktatest.Server
	slack  *slacktest.Server
	policy *rules.Policy
}

func upgrade(t *testing.T, name string) *upgraded {
	t.Helper()
	dir := filepath.Join("testdata", "upgrade", name)
	w := &upgraded{t: t, state: filepath.Join(t.TempDir(), "state")}
	require.NoError(t, os.CopyFS(w.state, os.DirFS(filepath.Join(dir, "state"))))
	require.NoError(t, os.Chmod(w.state, 0o700))
	raw, err := os.ReadFile(filepath.Join(dir, "case.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &w.upgradeCase))
	for i := range w.Tokens {
		w.Tokens[i].Raw = nil // a null that was read is none
	}
	text, err := os.ReadFile(filepath.Join("testdata", "upgrade", "policy.yaml"))
	require.NoError(t, err)
	w.policy, err = rules.Parse("policy.yaml", text)
	require.NoError(t, err, "the policy of that build is one of this")
	clock := func() time.Time { return w.At }
	w.org = oktatest.Start(oktatest.Config{
		Credential: canary, Me: oktatest.UserID(9), OwnToken: oktatest.TokenID(99), PageSize: 4, Now: clock,
		Zones: []oktatest.Zone{{ID: w.policy.QuarantineZone, Name: "nobody"}},
		Users: []oktatest.User{
			{ID: oktatest.UserID(1), Login: "ada@example.com", FirstName: "Ada", LastName: "L"},
			{ID: oktatest.UserID(2), Login: "bob@example.com", Status: "SUSPENDED"},
			{ID: oktatest.UserID(7), Login: "vault@example.com"},
		},
		Tokens: w.Tokens,
	})
	t.Cleanup(w.org.Close)
	w.slack = slacktest.Start(slacktest.Config{
		BotToken: canary, Now: clock,
		Channels: []slacktest.Channel{{ID: w.policy.Notify.Slack.Channel, Name: "okta-hygiene", Member: true}},
		Users:    []slacktest.User{{ID: "U0ADA000001", Email: "ada@example.com"}},
	})
	t.Cleanup(w.slack.Close)
	return w
}

// run makes the next run. With a plan it is an enforcing one, which keeps to that plan unless it is "all".
func (w *upgraded) run(plan string) *audit.Report {
	w.t.Helper()
	client, err := okta.New(okta.Options{
		OrgURL: w.policy.Org, Token: okta.NewSecret(canary), RateShare: 1, Transport: w.org.Transport(),
	})
	require.NoError(w.t, err)
	l, err := ledger.InDirectory(w.state).Open(func() time.Time { return w.At })
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, l.Close()) }()
	bot, err := slack.NewBot(slack.Config{
		Secret: okta.NewSecret(canary), APIURL: w.slack.URL(), Policy: w.policy.Notify.Slack,
		Outbox: outbox.Box{Ledger: l}, Pause: -1,
	})
	require.NoError(w.t, err)
	o := audit.Options{
		Org: client.Reader, Policy: w.policy, Ledger: l, Now: func() time.Time { return w.At },
		Deliver: func(r *audit.Report) error { return bot.Report(context.Background(), r) },
	}
	if plan != "" {
		o.Enforce = &audit.Enforcement{Org: client, Announce: bot.Announce, Plan: plan}
		if plan == "all" {
			o.Enforce.Plan = ""
		}
	}
	return audit.Run(w.t.Context(), o)
}

// past is what the ledger says.
func (w *upgraded) past() *ledger.State {
	w.t.Helper()
	past := new(ledger.State)
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error { past.Apply(r); return nil })
	require.NoError(w.t, err)
	return past
}

func TestUpgradeFindsWhatTheBuildBeforeFinds(t *testing.T) {
	for _, name := range upgradeCases {
		t.Run(name, func(t *testing.T) {
			w := upgrade(t, name)
			r := w.run("")
			require.NoError(t, r.Err)
			var found []upgradeFinding
			for _, f := range r.Findings {
				next := upgradeFinding{
					Token: f.Token.ID, Outcome: string(f.Outcome), Step: f.Step.String(), Severity: f.Severity.String(),
					Due: f.Due,
				}
				for _, m := range f.Matched {
					next.Rules = append(next.Rules, m.Rule.ID)
				}
				found = append(found, next)
			}
			require.Equal(t, w.Findings, found)
			require.Equal(t, w.Code, r.Code)
			require.Equal(t, w.Plan, r.Digest, "the same plan has the same digest")
			require.True(t, r.Changes.Known)
			require.Zero(t, r.Changes.New, "what that build has seen is not new")
			require.Empty(t, r.Vanished, "its inventory is read")
		})
	}
}

// A change that was under way when the process was killed is settled by reading, done or not.
func TestUpgradeSettlesTheOpenIntent(t *testing.T) {
	for name, done := range map[string]bool{"okta did it": true, "okta did not": false} {
		t.Run(name, func(t *testing.T) {
			w := upgrade(t, "killed")
			seqs := w.past().OpenSeqs()
			require.Len(t, seqs, 1)
			intent := w.past().Open[seqs[0]]
			require.Equal(t, ledger.StepQuarantine, intent.Step)
			if !done {
				require.True(t, w.org.Update(intent.Token, func(t *oktatest.Token) {
					t.Network = oktatest.Network{}
					t.LastUpdated = intent.Before.LastUpdated
				}))
			}
			r := w.run("all")
			require.NoError(t, r.Err)
			past := w.past()
			require.Empty(t, past.Open)
			require.Contains(t, past.Quarantined, intent.Token, "then, or now")
			require.Equal(t, intent.Before.Connection, past.Quarantined[intent.Token].Before.Connection)
			require.Empty(t, past.Undelivered, "that the run died after its announcement is told")
		})
	}
}

func TestUpgradeDeliversTheReport(t *testing.T) {
	w := upgrade(t, "undelivered")
	require.Len(t, w.past().Undelivered, 1)
	stored, err := filepath.Glob(filepath.Join(w.state, "outbox-*"))
	require.NoError(t, err)
	require.Len(t, stored, 1)
	r := w.run("")
	require.NoError(t, r.Err)
	require.Empty(t, w.past().Undelivered)
	stored, err = filepath.Glob(filepath.Join(w.state, "outbox-*"))
	require.NoError(t, err)
	require.Empty(t, stored)
	threads := 0
	for _, m := range w.slack.Messages(w.policy.Notify.Slack.Channel) {
		if m.ThreadTS == "" {
			threads++
		}
	}
	require.Equal(t, 2, threads, "that report, and the one of this run")
	require.Empty(t, w.slack.Complaints())
}

// A plan that was reviewed before the upgrade is kept to, as long as it would be without one.
func TestUpgradeKeepsToTheReviewedPlan(t *testing.T) {
	w := upgrade(t, "undelivered")
	require.Contains(t, w.past().Plans, w.Plan, "it was made by the last dry run of that build")
	r := w.run(w.Plan)
	require.NoError(t, r.Err)
	require.Positive(t, r.Done(audit.Quarantined))
}

func TestUpgradeKeepsTheBrakePulled(t *testing.T) {
	w := upgrade(t, "halted")
	r := w.run("all")
	require.Equal(t, audit.Halted, r.Code)
	require.ErrorContains(t, r.Err, "halted by kim since 2026-11-28T10:00:00Z: deploys fail")
	require.NoError(t, ledger.InDirectory(w.state).ClearHalt())
	require.NotContains(t, w.run("all").Notes, "halted")
}
