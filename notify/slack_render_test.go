package notify_test

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
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

const slackPolicy = `version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: admin, severity: critical, description: Used by nobody for a month., when: {lastUsed: {olderThan: 26d}}, then: {quarantine: 3d}, advice: Use an OAuth app.}
  - {id: idle, severity: high, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 3d}, advice: "Ask <!channel> at https://evil.example *now*."}
  - {id: client, severity: low, when: {clientName: {notIn: [Okta API]}}, then: flag, advice: Use an OAuth app.}
`

// slackReport is a report with n findings, hostile names among them.
func slackReport(tb testing.TB, n int, mode rules.Mode) *audit.Report {
	tb.Helper()
	p, err := rules.Parse("policy.yaml", []byte(slackPolicy))
	require.NoError(tb, err)
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: mode, Started: now, Finished: now.Add(1500 * time.Millisecond), AsOf: now, OrgURL: "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyDigest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Digest: "sha256:" + strings.Repeat("fedcba9876543210", 4),
		Tokens: n + 40, Pages: 3, Complete: true, Head: ledger.Head{Seq: 17, Hash: "0123456789ab"},
	}
	for _, severity := range []rules.Severity{rules.Critical, rules.High, rules.Low} {
		for i := range n {
			used := []int{28, 20, 1}[i%3]
			if severity != []rules.Severity{rules.Critical, rules.High, rules.Low}[i%3] {
				continue
			}
			name := fmt.Sprintf("ci-deploy-%d", i)
			if i%4 == 1 {
				name = hostile[i/4%len(hostile)]
			}
			k := token(i, name, "Okta Script", 300, used)
			k.Owner = &okta.Owner{Login: okta.Some(fmt.Sprintf("ana.%d@acme.example", i%7)), Status: okta.Some("ACTIVE"), Roles: okta.Some([]string{})}
			if i%5 == 1 {
				k.Owner.Login = okta.Some("<@U123> *eve* " + hostile[i/5%len(hostile)])
			}
			v := p.Evaluate(&k, now)
			f := audit.Finding{Token: k, Matched: v.Matched, Unknown: v.Unknown, Severity: severity, At: now, Step: rules.Flag, Outcome: audit.Flagged, Change: audit.Ongoing}
			if i%6 == 0 {
				f.Change = audit.New
			}
			switch {
			case severity == rules.Low && i%2 == 0:
				f.Outcome, f.Step, f.Reason = []audit.Outcome{audit.Protected, audit.Exempt, audit.Unknown}[i/6%3], rules.Quarantine, "why not: <http://evil.example|see>"
			case severity == rules.Critical:
				f.Outcome, f.Step, f.Due = audit.WouldQuarantine, rules.Quarantine, now
			case severity == rules.High:
				f.Outcome, f.Step, f.Due = audit.Pending, rules.Quarantine, now.Add(72*time.Hour)
			}
			r.Findings = append(r.Findings, f)
		}
	}
	if n > 0 {
		r.Changes = audit.Changes{New: n / 6, Ongoing: n - n/6, Resolved: 3, Known: true}
		r.Vanished = []audit.Vanished{{ID: "00Tgone", Name: "<!here> gone", Reason: "revoked by hand: <@U1>"}}
		r.Notes = []string{"a note with `code` and <!channel>"}
	}
	return r
}

// act makes the report that of a run that acted.
func act(r *audit.Report) *audit.Report {
	r.Acted = true
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Outcome != audit.WouldQuarantine {
			continue
		}
		switch {
		case i%5 == 3:
			f.Outcome, f.Reason = audit.Failed, "Okta answered 403 E0000006: <!channel>"
			r.Code = audit.ActionFailed
		case i > 20:
			f.Outcome, f.Reason = audit.Held, "perRun allows 20"
		default:
			f.Outcome, f.Done = audit.Quarantined, true
		}
	}
	return r
}

var slackOptions = notify.SlackOptions{
	Mention: []string{"S0SECOPS1", "U012AB3CD", "<!channel>", "everyone"},
	Trend:   []notify.TrendPoint{{now.AddDate(0, 0, -2), 40, 4}, {now.AddDate(0, 0, -1), 41, 5}, {now, 37, 3}},
}

func with(stage notify.SlackStage) notify.SlackOptions {
	o := slackOptions
	o.Stage = stage
	return o
}

// all are all messages that a report gives, and what they become when Slack refuses them.
func all(tb testing.TB, r *audit.Report, o notify.SlackOptions) []notify.SlackMessage {
	tb.Helper()
	t := notify.SlackReport(r, o)
	out := append([]notify.SlackMessage{t.Parent, notify.SlackWebhook(r, o)}, t.Replies...)
	if m, ok := notify.SlackAlert(r, o); ok {
		out = append(out, m)
	}
	owners := make(map[string]bool)
	for _, f := range r.Findings {
		id := f.Token.UserID.Or("")
		if owners[id] {
			continue
		}
		owners[id] = true
		if m, ok := notify.SlackOwner(r, id, o); ok {
			out = append(out, m)
		}
	}
	for _, m := range out {
		steps := 0
		for {
			plainer, ok := notify.SlackPlainer(m)
			if !ok {
				require.Empty(tb, m.Blocks)
				break
			}
			steps++
			require.Less(tb, steps, 5)
			out = append(out, plainer)
			m = plainer
		}
	}
	return out
}

func payload(tb testing.TB, m notify.SlackMessage) []byte {
	tb.Helper()
	raw, err := json.Marshal(m)
	require.NoError(tb, err)
	return raw
}

func TestSlackMessagesLookLikeTheirGoldenFiles(t *testing.T) {
	stopped := slackReport(t, 37, rules.Enforce)
	stopped.Stopped, stopped.Err, stopped.Code = true, errors.New("more is due at once than stopAbove allows: nothing is done"), audit.StopAbove
	for i := range stopped.Findings {
		if stopped.Findings[i].Outcome == audit.WouldQuarantine {
			stopped.Findings[i].Outcome, stopped.Findings[i].Reason = audit.Held, "the run stopped: more is due than stopAbove allows"
		}
	}
	failure := failed()
	failure.Notes = []string{"something about <!channel>"}
	cases := map[string]struct {
		r *audit.Report
		o notify.SlackOptions
	}{
		"failed": {failure, slackOptions}, "stopped": {stopped, slackOptions},
	}
	for _, n := range []int{0, 1, 37, 400, 5000} {
		cases[fmt.Sprintf("dry-run-%d", n)] = struct {
			r *audit.Report
			o notify.SlackOptions
		}{slackReport(t, n, rules.DryRun), slackOptions}
		for name, stage := range map[string]notify.SlackStage{"before": notify.SlackBefore, "final": notify.SlackFinal, "interrupted": notify.SlackInterrupted} {
			r := slackReport(t, n, rules.Enforce)
			if r.Before = stage == notify.SlackBefore; !r.Before {
				act(r)
			}
			cases[fmt.Sprintf("enforce-%s-%d", name, n)] = struct {
				r *audit.Report
				o notify.SlackOptions
			}{r, with(stage)}
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			thread := notify.SlackReport(c.r, c.o)
			messages := append([]notify.SlackMessage{thread.Parent, notify.SlackWebhook(c.r, c.o)}, thread.Replies...)
			if m, ok := notify.SlackAlert(c.r, c.o); ok {
				messages = append(messages, m)
			}
			if m, ok := notify.SlackOwner(c.r, fmt.Sprintf("00u%014d1d7", 0), c.o); ok {
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
			golden(t, "slack/"+name+".json", b.Bytes())
			for _, m := range all(t, c.r, c.o) {
				checkSlack(t, m)
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
	r := slackReport(t, 37, rules.DryRun)
	thread := notify.SlackReport(r, slackOptions)
	parent := string(payload(t, thread.Parent))
	for _, s := range []string{
		"Nothing was changed.", "dry-run", "acme.okta.com", "6 new, 31 ongoing, 3 resolved", "10 of 37 shown, worst first. 27 more", "findings.csv",
		"tokensweep run --enforce --plan " + r.Digest, "20261124T090000Z-abcdef", "sha256:0123456789abcdef", "17:0123456789ab", "admin, client: Use an OAuth app.",
	} {
		require.Contains(t, parent, s)
	}
	require.True(t, strings.HasPrefix(thread.Parent.Text, "Nothing was changed"), thread.Parent.Text)
	require.Equal(t, "tokensweep_run", thread.Parent.Metadata.EventType)
	require.Equal(t, "parent", thread.Parent.Metadata.EventPayload["part"])

	r.Changes.Known = false
	require.Contains(t, notify.SlackReport(r, slackOptions).Parent.Text, "can't be told what is new")

	before := slackReport(t, 37, rules.Enforce)
	o := with(notify.SlackBefore)
	require.Contains(t, notify.SlackReport(before, o).Parent.Text, "about to quarantine 13 tokens")
	require.EqualValues(t, 1, notify.SlackReport(before, o).Parent.Metadata.EventPayload["rev"])
	require.EqualValues(t, 2, notify.SlackReport(act(before), slackOptions).Parent.Metadata.EventPayload["rev"])
	require.NotContains(t, string(payload(t, notify.SlackReport(before, slackOptions).Parent)), "--enforce")

	broken := notify.SlackReport(failed(), slackOptions)
	require.True(t, strings.HasPrefix(broken.Parent.Text, "FAILED"), broken.Parent.Text)
	require.Contains(t, string(payload(t, broken.Parent)), "What to do")
	require.Len(t, broken.Files, 1)
	require.Equal(t, "report.json", broken.Files[0].Name)

	webhook := string(payload(t, notify.SlackWebhook(r, slackOptions)))
	require.Contains(t, webhook, "20 of 37 shown, worst first. 17 more: all in the run's own output")
	require.NotContains(t, webhook, "findings.csv")
}

// Every finding is in a list of the thread, or counted as left out, in every rendering.
func TestSlackLosesNoFinding(t *testing.T) {
	for _, n := range []int{1, 37, 400, 5000} {
		r := slackReport(t, n, rules.DryRun)
		thread := notify.SlackReport(r, slackOptions)
		rows, err := csv.NewReader(bytes.NewReader(thread.Files[0].Content)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, n+1)
		for plainer := range 3 {
			var b bytes.Buffer
			for _, m := range thread.Replies {
				for range plainer {
					m, _ = notify.SlackPlainer(m)
				}
				b.Write(payload(t, m))
			}
			found, left := 0, 0
			for i := range r.Findings {
				if strings.Contains(b.String(), r.Findings[i].Token.ID) {
					found++
				}
			}
			for _, m := range regexp.MustCompile(`"(\d+) more, all in findings.csv`).FindAllStringSubmatch(b.String(), -1) {
				k, err := strconv.Atoi(m[1])
				require.NoError(t, err)
				left += k
			}
			require.Equal(t, n, found+left, "%d of %d", found, n)
		}
	}
}

func TestSlackAlertCallsOnlyForWhatNeedsAPerson(t *testing.T) {
	quiet := slackReport(t, 37, rules.DryRun)
	for i := range quiet.Findings {
		quiet.Findings[i].Change = audit.Ongoing
	}
	_, ok := notify.SlackAlert(quiet, slackOptions)
	require.False(t, ok)
	_, ok = notify.SlackAlert(slackReport(t, 37, rules.Enforce), with(notify.SlackBefore))
	require.False(t, ok)

	m, ok := notify.SlackAlert(act(slackReport(t, 37, rules.Enforce)), slackOptions)
	require.True(t, ok)
	require.True(t, m.Broadcast)
	require.Contains(t, m.Text, "changes failed")
	require.Contains(t, m.Text, "new critical findings")
	raw := string(payload(t, m))
	require.Contains(t, raw, `\u003c!subteam^S0SECOPS1\u003e \u003c@U012AB3CD\u003e`)
	require.NotContains(t, raw, "everyone")
	for m.Blocks != nil {
		m, _ = notify.SlackPlainer(m)
	}
	require.Contains(t, m.Text, "<!subteam^S0SECOPS1>", "people are called even without blocks")

	for _, r := range []*audit.Report{failed(), {ID: "x", Mode: rules.Enforce}} { // even one that says nothing of why
		m, ok = notify.SlackAlert(r, slackOptions)
		require.True(t, ok)
		require.Contains(t, m.Text, "the run failed")
		checkSlack(t, m)
		checkSlack(t, notify.SlackReport(r, slackOptions).Parent)
	}
}

func TestSlackOwnerHearsOfTheirOwnTokensOnly(t *testing.T) {
	r := slackReport(t, 37, rules.DryRun)
	id := r.Findings[0].Token.UserID.Or("")
	m, ok := notify.SlackOwner(r, id, slackOptions)
	require.True(t, ok)
	raw := string(payload(t, m))
	for i := range r.Findings {
		if r.Findings[i].Token.UserID.Or("") != id {
			require.NotContains(t, raw, r.Findings[i].Token.ID)
		}
	}
	require.Contains(t, raw, r.Findings[0].Token.ID)
	for i := range r.Findings {
		r.Findings[i].Change = audit.Ongoing
	}
	for _, user := range []string{id, "", "nobody"} {
		_, ok = notify.SlackOwner(r, user, slackOptions)
		require.False(t, ok, "%q", user)
	}
	r.Findings[0].Outcome, r.Findings[0].Done = audit.Quarantined, true
	_, ok = notify.SlackOwner(r, id, slackOptions)
	require.True(t, ok)
	r.Findings[0].Done = false // by an earlier run
	_, ok = notify.SlackOwner(r, id, slackOptions)
	require.False(t, ok)
}

func TestSlackRenderingIsPureAndReadsBack(t *testing.T) {
	for _, n := range []int{0, 37, 400} {
		again := all(t, slackReport(t, n, rules.DryRun), slackOptions)
		for i, m := range all(t, slackReport(t, n, rules.DryRun), slackOptions) {
			raw := payload(t, m)
			require.Equal(t, string(raw), string(payload(t, again[i])))
			var back notify.SlackMessage
			require.NoError(t, json.Unmarshal(raw, &back))
			require.Equal(t, m.Part, back.Part)
			require.Equal(t, string(raw), string(payload(t, back)))
			a, okA := notify.SlackPlainer(m)
			b, okB := notify.SlackPlainer(back)
			require.Equal(t, okA, okB)
			require.Equal(t, string(payload(t, a)), string(payload(t, b)), "what was read back degrades as the original")
		}
	}
}

func TestSlackChartNeedsThreeRuns(t *testing.T) {
	r := slackReport(t, 1, rules.DryRun)
	for n, want := range map[int]bool{0: false, 2: false, 3: true, 60: true} {
		o := slackOptions
		o.Trend = make([]notify.TrendPoint, n) // all at the same time
		last := notify.SlackReport(r, o).Replies
		m := last[len(last)-1]
		require.Equal(t, want, m.Part == "trend", "%d runs", n)
		checkSlack(t, m)
	}
}

func FuzzSlackSafe(f *testing.F) {
	for i, s := range hostile {
		for kind := range byte(12) {
			f.Add(kind, s, hostile[(i+1)%len(hostile)], hostile[(i+5)%len(hostile)])
		}
	}
	f.Add(byte(0), "<!subteam^S0SECOPS1>", "&lt;!channel&gt;", "a&b <https://evil.example|x> ``` *b* _i_ ~s~ :x: @here")
	f.Add(byte(1), strings.Repeat("&", 5000), strings.Repeat("\u0301", 99), "\u3164\u2800\ufe0f")
	tame := make(map[byte][]notify.SlackMessage)
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
			checkSlack(t, m)
			for _, mark := range []string{"*", "_", "~", "`", ":", "@"} {
				require.Equal(t, marks(t, tame[kind][i], mark), marks(t, m, mark), "%s in mrkdwn of %s", mark, payload(t, m))
			}
		}
	})
}

// strangers is a report of one of 12 kinds, in which every field that others write is theirs.
func strangers(kind byte, x, y, z string) (*audit.Report, notify.SlackOptions) {
	rule := &rules.Rule{ID: "idle", Description: y, Advice: "to do: " + z, Severity: rules.Critical}
	match := []rules.Match{{Rule: rule, Because: []string{x}}}
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", OrgURL: "https://" + z, PolicyFile: x, PolicyDigest: "sha256:00", Digest: "sha256:11", AsOf: now, Complete: true,
		Err: errors.New("failed: " + y), Notes: []string{x, y}, Vanished: []audit.Vanished{{ID: z, Name: x, Reason: y}},
	}
	for i, out := range audit.Outcomes {
		k := token(i, x, y, 100, 20)
		k.UserID = okta.Some("00u1")
		k.Owner = &okta.Owner{Login: okta.Some(z), Unknown: x}
		f := audit.Finding{Token: k, Matched: match, Severity: rules.Critical, Outcome: out, Step: rules.Revoke, Reason: y, At: now, Due: now}
		if out == audit.Unknown {
			f.Matched, f.Unknown = nil, match
		}
		r.Findings = append(r.Findings, f)
	}
	r.Mode = []rules.Mode{rules.DryRun, rules.Enforce}[kind/3%2]
	if kind >= 6 { // a failed run has no findings; one that stopped has
		r.Complete, r.Findings = false, nil
	}
	o := with(notify.SlackStage(kind % 3))
	o.Mention = append([]string{"no" + x, "<" + y, z + "!"}, o.Mention...)
	return r, o
}

func BenchmarkSlackReport5000(b *testing.B) {
	r := slackReport(b, 5000, rules.DryRun)
	for b.Loop() {
		notify.SlackReport(r, slackOptions)
	}
}

// Below is what Slack allows, checked on the JSON that is sent.

type object = map[string]any

// marks counts a mark in everything that Slack parses.
func marks(t *testing.T, m notify.SlackMessage, mark string) int {
	n := strings.Count(m.Text, mark)
	walk(decoded(t, m)["blocks"], func(o object) {
		if o["type"] == "mrkdwn" {
			n += strings.Count(o["text"].(string), mark)
		}
	})
	return n
}

func decoded(tb testing.TB, m notify.SlackMessage) object {
	tb.Helper()
	var o object
	require.NoError(tb, json.Unmarshal(payload(tb, m), &o))
	return o
}

func walk(v any, each func(object)) {
	switch k := v.(type) {
	case []any:
		for _, e := range k {
			walk(e, each)
		}
	case object:
		each(k)
		for _, e := range k {
			walk(e, each)
		}
	}
}

// charsOf counts the text of all blocks.
func charsOf(tb testing.TB, m notify.SlackMessage) int {
	return textIn(decoded(tb, m)["blocks"])
}

func textIn(v any) int {
	n := 0
	walk(v, func(o object) {
		for _, key := range []string{"text", "caption", "title", "label", "name"} {
			if s, ok := o[key].(string); ok && o["type"] != "emoji" {
				n += utf8.RuneCountInString(s)
			}
		}
	})
	return n
}

var (
	live   = regexp.MustCompile(`<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>`)
	entity = regexp.MustCompile(`&(amp|lt|gt);`)
)

// requireDead makes sure that parsed text holds no markup but that of ours.
func requireDead(tb testing.TB, part, s string) {
	tb.Helper()
	calls := live.FindAllString(s, -1)
	if part == "alert" {
		for _, c := range calls {
			require.Contains(tb, []string{"<!subteam^S0SECOPS1>", "<@U012AB3CD>"}, c)
		}
		s = live.ReplaceAllString(s, "")
	}
	require.NotContains(tb, s, "<", part)
	require.NotContains(tb, s, ">", part)
	require.NotContains(tb, s, "`", part)
	require.NotContains(tb, s, "://", part)
	require.NotContains(tb, entity.ReplaceAllString(s, ""), "&", part)
}

// checkSlack makes sure that a message is within Slack's limits and harmless.
func checkSlack(t testing.TB, m notify.SlackMessage) {
	t.Helper()
	o := decoded(t, m)
	require.NotEmpty(t, m.Text)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Text), 4000)
	requireDead(t, m.Part, m.Text)
	require.Equal(t, false, o["unfurl_links"])
	require.Equal(t, false, o["unfurl_media"])
	for key, v := range o["metadata"].(object)["event_payload"].(object) {
		if s, ok := v.(string); ok {
			require.Contains(t, []string{"run_id", "part"}, key)
			require.LessOrEqual(t, len(s), 100)
		}
	}
	blocks := o["blocks"].([]any)
	require.LessOrEqual(t, len(blocks), 50)
	require.LessOrEqual(t, textIn(blocks), 11000)
	ids, tables := make(map[any]bool), 0
	for _, block := range blocks {
		k := block.(object)
		id := k["block_id"].(string)
		require.False(t, id == "" || len(id) > 255 || ids[id], "%q", id)
		ids[id] = true
		switch k["type"] {
		case "header":
			requireText(t, k["text"], "plain_text", 150)
		case "section":
			requireText(t, k["text"], "", 3000)
		case "context":
			require.LessOrEqual(t, len(k["elements"].([]any)), 10)
			for _, e := range k["elements"].([]any) {
				requireText(t, e, "", 2000)
			}
		case "rich_text":
			require.NotEmpty(t, k["elements"])
		case "table", "data_table":
			tables++
			rows := k["rows"].([]any)
			most, chars := 100, 10000
			if k["type"] == "data_table" {
				most, chars = 201, 20000
				require.NotEmpty(t, k["caption"])
			} else {
				for _, s := range k["column_settings"].([]any) {
					require.Equal(t, "left", s.(object)["align"])
				}
			}
			require.True(t, len(rows) >= 2 && len(rows) <= most, "%d rows", len(rows))
			require.LessOrEqual(t, textIn(rows), chars)
			for _, row := range rows {
				require.Len(t, row, len(rows[0].([]any)))
				require.LessOrEqual(t, len(row.([]any)), 20)
			}
		case "data_visualization":
			require.LessOrEqual(t, utf8.RuneCountInString(k["title"].(string)), 50)
			categories := k["chart"].(object)["axis_config"].(object)["categories"].([]any)
			require.LessOrEqual(t, len(categories), 20)
			labels := make(map[any]bool)
			for _, c := range categories {
				require.LessOrEqual(t, len(c.(string)), 20)
				require.False(t, labels[c], c)
				labels[c] = true
			}
		default:
			require.Fail(t, "unexpected block", "%v", k["type"])
		}
	}
	require.LessOrEqual(t, tables, 1)
	walk(blocks, func(k object) {
		s, isText := k["text"].(string)
		switch k["type"] {
		case "mrkdwn":
			require.Equal(t, true, k["verbatim"])
			require.NotContains(t, k, "emoji")
			requireDead(t, m.Part, s)
		case "plain_text":
			require.Equal(t, false, k["emoji"])
			require.NotContains(t, k, "verbatim")
		case "link", "user", "usergroup", "broadcast", "channel", "date", "team", "color", "image", "button":
			require.Fail(t, "nobody wrote this", "%v", k)
		}
		if isText {
			require.NotEmpty(t, strings.TrimSpace(s))
			require.True(t, utf8.ValidString(s))
			hidden := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) })
			require.Negative(t, hidden, s)
			if k["type"] != "mrkdwn" {
				require.False(t, strings.ContainsAny(s, "<>`"), "%q", s)
			}
		}
	})
}

func requireText(t testing.TB, v any, kind string, most int) {
	t.Helper()
	o := v.(object)
	if kind != "" {
		require.Equal(t, kind, o["type"])
	}
	n := utf8.RuneCountInString(o["text"].(string))
	require.True(t, n > 0 && n <= most, "%d characters", n)
}
