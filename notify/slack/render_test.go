package slack_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/notifytest"
	"tokensweep/notify/slack"
	"tokensweep/okta"
	"tokensweep/rules"
)

func TestSlackMessagesLookLikeTheirGoldenFiles(t *testing.T) {
	stopped := notifytest.Many(37, rules.Enforce)
	stopped.Stopped, stopped.Err, stopped.Code = true,
		errors.New("more is due at once than stopAbove allows: nothing is done"), audit.StopAbove
	for i := range stopped.Findings {
		if stopped.Findings[i].Outcome == audit.WouldQuarantine {
			stopped.Findings[i].Outcome, stopped.Findings[i].Reason = audit.Held,
				"the run stopped: more is due than stopAbove allows"
		}
	}
	dryPolicy := notifytest.Many(1, rules.DryRun)
	dryPolicy.PolicyMode = rules.DryRun
	failure := failed()
	failure.Notes = []string{"something about <!channel>"}
	cases := map[string]struct {
		r *audit.Report
		o slack.Options
	}{
		"failed": {failure, testOptions}, "stopped": {stopped, testOptions},
		"dry-run-policy": {dryPolicy, testOptions},
	}
	for _, n := range []int{0, 1, 37, 400, 5000} {
		if testing.Short() && n > 400 {
			continue
		}
		cases[fmt.Sprintf("dry-run-%d", n)] = struct {
			r *audit.Report
			o slack.Options
		}{notifytest.Many(n, rules.DryRun), testOptions}
		for name, stage := range map[string]slack.Stage{"before": slack.Before, "final": slack.Final,
			"interrupted": slack.Interrupted} {
			r := notifytest.Many(n, rules.Enforce)
			if r.Before = stage == slack.Before; !r.Before {
				act(r)
			}
			cases[fmt.Sprintf("enforce-%s-%d", name, n)] = struct {
				r *audit.Report
				o slack.Options
			}{r, with(stage)}
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			thread := slack.Report(c.r, c.o)
			messages := append([]slack.Message{thread.Parent, slack.OneMessage(c.r, c.o)}, thread.Replies...)
			if m, ok := slack.Alert(c.r, c.o); ok {
				messages = append(messages, m)
			}
			if m, ok := slack.OwnerMessage(c.r, fmt.Sprintf("00u%014d1d7", 0), c.o); ok {
				messages = append(messages, m)
			}
			if len(messages) > 12 && name != "dry-run-400" { // the lists are as those of 400, and long
				messages = append(messages[:3:3], messages[len(messages)-3:]...)
			}
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			require.NoError(t, e.Encode(messages))
			golden(t, name+".json", b.Bytes())
			for _, m := range all(t, c.r, c.o) {
				checkMessage(t, m)
			}
			require.LessOrEqual(t, len(thread.Parent.Blocks), 12)
			require.LessOrEqual(t, charsOf(t, thread.Parent), 3500)
			parts := make(map[string]bool)
			for _, m := range thread.Replies {
				require.False(t, parts[m.Part], m.Part)
				parts[m.Part] = true
			}
		})
	}
}

func TestSlackSaysWhatMatters(t *testing.T) {
	r := notifytest.Many(37, rules.DryRun)
	thread := slack.Report(r, testOptions)
	parent := string(payload(t, thread.Parent))
	for _, s := range []string{
		"Nothing was changed.", "dry-run", "acme.okta.com", "6 new, 31 ongoing, 3 resolved",
		"10 of 37 shown, worst first. 27 more", "findings.csv",
		"tokensweep run --enforce --plan " + r.Digest, "20261124T090000Z-abcdef", "sha256:0123456789abcdef",
		"17:0123456789ab", "admin, client: Use an OAuth app.",
	} {
		require.Contains(t, parent, s)
	}
	require.True(t, strings.HasPrefix(thread.Parent.Text, "Nothing was changed"), thread.Parent.Text)
	require.Equal(t, "tokensweep_run", thread.Parent.Metadata.EventType)
	require.Equal(t, "parent", thread.Parent.Metadata.EventPayload["part"])

	r.Changes.Known = false
	require.Contains(t, slack.Report(r, testOptions).Parent.Text, "can't be told what is new")

	before := notifytest.Many(37, rules.Enforce)
	o := with(slack.Before)
	require.Contains(t, slack.Report(before, o).Parent.Text, "about to quarantine 13 tokens")
	require.EqualValues(t, 1, slack.Report(before, o).Parent.Metadata.EventPayload["rev"])
	require.EqualValues(t, 2, slack.Report(act(before), testOptions).Parent.Metadata.EventPayload["rev"])
	require.NotContains(t, string(payload(t, slack.Report(before, testOptions).Parent)), "--enforce")

	broken := slack.Report(failed(), testOptions)
	require.True(t, strings.HasPrefix(broken.Parent.Text, "FAILED"), broken.Parent.Text)
	require.Contains(t, string(payload(t, broken.Parent)), "What to do")
	require.Len(t, broken.Files, 1)
	require.Equal(t, "report.json", broken.Files[0].Name)

	webhook := string(payload(t, slack.OneMessage(r, testOptions)))
	require.Contains(t, webhook, "20 of 37 shown, worst first. 17 more: all in the run's own output")
	require.NotContains(t, webhook, "findings.csv")
}

// Every finding is in a list of the thread, or counted as left out, in every rendering.
func TestSlackLosesNoFinding(t *testing.T) {
	for _, n := range []int{1, 37, 400, 5000} {
		r := notifytest.Many(n, rules.DryRun)
		thread := slack.Report(r, testOptions)
		rows, err := csv.NewReader(bytes.NewReader(thread.Files[0].Content)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, n+1)
		for plainer := range 3 {
			var b bytes.Buffer
			for _, m := range thread.Replies {
				for range plainer {
					m, _ = slack.Plainer(m)
				}
				b.Write(payload(t, m))
			}
			found, left := 0, 0
			for i := range r.Findings {
				if strings.Contains(b.String(), r.Findings[i].Token.ID) {
					found++
				}
			}
			for _, m := range regexp.MustCompile(`"(\d+) more, all in findings.csv`).FindAllStringSubmatch(b.String(),
				-1) {
				k, err := strconv.Atoi(m[1])
				require.NoError(t, err)
				left += k
			}
			require.Equal(t, n, found+left, "%d of %d", found, n)
		}
	}
}

func TestSlackGivesACommandOnlyWhereItWorks(t *testing.T) {
	r := notifytest.Many(37, rules.DryRun)
	o := testOptions
	o.Flags = "--policy prod.yaml --state /var/lib/tokensweep"
	for _, m := range []slack.Message{slack.Report(r, o).Parent, slack.OneMessage(r, o)} {
		require.Contains(t, string(payload(t, m)), "tokensweep run "+o.Flags+" --enforce --plan "+r.Digest)
	}
	r.PolicyMode = rules.DryRun // to change that makes it another policy, whose plan this is not
	for _, m := range []slack.Message{slack.Report(r, o).Parent, slack.OneMessage(r, o)} {
		require.NotContains(t, string(payload(t, m)), "--enforce")
		require.Contains(t, string(payload(t, m)),
			"To do this, write mode: enforce into the policy, make a new dry run, and have its plan reviewed")
		checkMessage(t, m)
	}
	r.Head = ledger.Head{} // nothing has the plan
	require.NotContains(t, string(payload(t, slack.Report(r, o).Parent)), "mode: enforce")
}

func TestSlackAlertCallsOnlyForWhatNeedsAPerson(t *testing.T) {
	quiet := notifytest.Many(37, rules.DryRun)
	for i := range quiet.Findings {
		quiet.Findings[i].Change, quiet.Findings[i].Fresh = audit.Ongoing, nil
	}
	_, ok := slack.Alert(quiet, testOptions)
	require.False(t, ok)
	quiet.Findings[0].Change, quiet.Findings[0].Fresh = audit.New, []*rules.Rule{
		{ID: "noted", Severity: rules.Low}} // a lesser rule begins to apply to a critical one
	require.Equal(t, rules.Critical, quiet.Findings[0].Severity)
	_, ok = slack.Alert(quiet, testOptions)
	require.False(t, ok)
	quiet.Findings[0].Fresh = append(quiet.Findings[0].Fresh, &rules.Rule{ID: "super", Severity: rules.Critical})
	called, ok := slack.Alert(quiet, testOptions)
	require.True(t, ok)
	require.Contains(t, string(payload(t, called)), "rule super")
	called, ok = slack.Alert(&audit.Report{OrgURL: quiet.OrgURL, Err: fmt.Errorf("%w: listing incomplete",
		audit.ErrInterrupted), Code: audit.Halted}, testOptions)
	require.True(t, ok, "a deadline may end every run")
	require.Contains(t, string(payload(t, called)), "See who or what ended the program")
	_, ok = slack.Alert(notifytest.Many(37, rules.Enforce), with(slack.Before))
	require.False(t, ok)

	m, ok := slack.Alert(act(notifytest.Many(37, rules.Enforce)), testOptions)
	require.True(t, ok)
	require.True(t, m.Broadcast)
	require.Contains(t, m.Text, "changes failed")
	require.Contains(t, m.Text, "new critical findings")
	raw := string(payload(t, m))
	require.Contains(t, raw, `\u003c!subteam^S0SECOPS1\u003e \u003c@U012AB3CD\u003e`)
	require.NotContains(t, raw, "everyone")
	for m.Blocks != nil {
		m, _ = slack.Plainer(m)
	}
	require.Contains(t, m.Text, "<!subteam^S0SECOPS1>", "people are called even without blocks")

	for _, r := range []*audit.Report{failed(), {ID: "x", Mode: rules.Enforce}} { // even one that says nothing of why
		m, ok = slack.Alert(r, testOptions)
		require.True(t, ok)
		require.Contains(t, m.Text, "the run failed")
		checkMessage(t, m)
		checkMessage(t, slack.Report(r, testOptions).Parent)
	}
}

func TestSlackOwnerHearsOfTheirOwnTokensOnly(t *testing.T) {
	r := notifytest.Many(37, rules.DryRun)
	id, _ := r.Findings[0].Token.UserID.Get()
	m, ok := slack.OwnerMessage(r, id, testOptions)
	require.True(t, ok)
	raw := string(payload(t, m))
	for i := range r.Findings {
		if r.Findings[i].Token.UserID != okta.Some(id) {
			require.NotContains(t, raw, r.Findings[i].Token.ID)
		}
	}
	require.Contains(t, raw, r.Findings[0].Token.ID)
	for i := range r.Findings {
		r.Findings[i].Change = audit.Ongoing
	}
	for _, user := range []string{id, "", "nobody"} {
		_, ok = slack.OwnerMessage(r, user, testOptions)
		require.False(t, ok, "%q", user)
	}
	r.Findings[0].Outcome, r.Findings[0].Done = audit.Quarantined, true
	_, ok = slack.OwnerMessage(r, id, testOptions)
	require.True(t, ok)
	r.Findings[0].Done = false // by an earlier run
	_, ok = slack.OwnerMessage(r, id, testOptions)
	require.False(t, ok)
}

func TestSlackRenderingIsPureAndReadsBack(t *testing.T) {
	for _, n := range []int{0, 37, 400} {
		again := all(t, notifytest.Many(n, rules.DryRun), testOptions)
		for i, m := range all(t, notifytest.Many(n, rules.DryRun), testOptions) {
			raw := payload(t, m)
			require.Equal(t, string(raw), string(payload(t, again[i])))
			var back slack.Message
			require.NoError(t, json.Unmarshal(raw, &back))
			require.Equal(t, m.Part, back.Part)
			require.Equal(t, string(raw), string(payload(t, back)))
			a, okA := slack.Plainer(m)
			b, okB := slack.Plainer(back)
			require.Equal(t, okA, okB)
			require.Equal(t, string(payload(t, a)), string(payload(t, b)),
				"what was read back degrades as the original")
		}
	}
}

func TestSlackChartNeedsThreeRuns(t *testing.T) {
	r := notifytest.Many(1, rules.DryRun)
	for n, want := range map[int]bool{0: false, 2: false, 3: true, 60: true} {
		o := testOptions
		o.Trend = make([]slack.TrendPoint, n) // all at the same time
		last := slack.Report(r, o).Replies
		m := last[len(last)-1]
		require.Equal(t, want, m.Part == "trend", "%d runs", n)
		checkMessage(t, m)
	}
}

// FuzzSlackSafe looks for names that become a mention, a link or markup in any message, or make one too long.
func FuzzSlackSafe(f *testing.F) {
	for i, s := range hostile {
		for kind := range byte(12) {
			if testing.Short() && int(kind) != i%12 {
				continue // each name once, and each kind
			}
			f.Add(kind, s, hostile[(i+1)%len(hostile)], hostile[(i+5)%len(hostile)])
		}
	}
	f.Add(byte(0), "<!subteam^S0SECOPS1>", "&lt;!channel&gt;", "a&b <https://evil.example|x> ``` *b* _i_ ~s~ :x: @here")
	f.Add(byte(1), strings.Repeat("&", 5000), strings.Repeat("\u0301", 99), "\u3164\u2800\ufe0f")
	tame := make(map[byte][]slack.Message)
	for kind := range byte(12) {
		r, o := strangers(kind, "a", "b", "c")
		tame[kind] = all(f, r, o)
	}
	f.Fuzz(func(t *testing.T, kind byte, x, y, z string) {
		kind %= 12
		r, o := strangers(kind, x, y, z)
		messages := all(t, r, o)
		require.Len(t, messages, len(tame[kind]))
		for i, m := range messages {
			checkMessage(t, m)
			for _, mark := range []string{"*", "_", "~", "`", ":", "@"} {
				require.Equal(t, marks(t, tame[kind][i], mark), marks(t, m, mark), "%s in mrkdwn of %s", mark,
					payload(t, m))
			}
		}
	})
}

// strangers is a report of one of 12 kinds, in which every field that others write is theirs.
func strangers(kind byte, x, y, z string) (*audit.Report, slack.Options) {
	p, err := rules.Parse("policy.yaml", []byte("version: 1\nrules: [{id: idle, severity: critical, when: {name: "+
		"{like: '*'}}, then: flag}]"))
	if err != nil {
		panic(err) // the policy above is at fault
	}
	p.Rules[0].Description, p.Rules[0].Advice = y, "to do: "+z
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", OrgURL: "https://" + z, PolicyFile: x, PolicyDigest: "sha256:00",
		Digest: "sha256:11", AsOf: now, Complete: true,
		Err: errors.New("failed: " + y), Notes: []string{x, y}, Vanished: []audit.Vanished{{ID: z, Name: x, Reason: y}},
	}
	for i, out := range audit.Outcomes {
		k := token(i, x, y, 100, 20)
		k.UserID = okta.Some("00u1")
		k.Owner = &okta.Owner{Login: okta.Some(z), Unknown: x}
		v := p.Evaluate(&k, now)
		f := audit.Finding{Token: &k, Matched: v.Matched, Severity: rules.Critical, Outcome: out, Step: rules.Revoke,
			Reason: y, At: now, Due: now}
		if out == audit.Unknown {
			f.Matched, f.Unknown = nil, v.Matched
		}
		r.Findings = append(r.Findings, f)
	}
	r.Mode = []rules.Mode{rules.DryRun, rules.Enforce}[kind/3%2]
	if kind >= 6 { // a failed run has no findings; one that stopped has
		r.Complete, r.Findings = false, nil
	}
	o := with(slack.Stage(kind % 3))
	o.Mention = append([]string{"no" + x, "<" + y, z + "!"}, o.Mention...)
	return r, o
}

func BenchmarkSlackReport5000(b *testing.B) {
	r := notifytest.Many(5000, rules.DryRun)
	for b.Loop() {
		slack.Report(r, testOptions)
	}
}

// Below is what Slack allows, checked on the JSON that is sent.
