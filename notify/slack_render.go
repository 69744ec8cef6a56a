package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/rules"
)

// SlackEventType is the type of the metadata of every message.
const SlackEventType = "tokensweep_run"

// SlackStage says where in its life a run is when its report is rendered.
type SlackStage int

// The stages.
const (
	// SlackFinal is a run that is over.
	SlackFinal SlackStage = iota
	// SlackBefore is an enforcing run that announces what it is about to do.
	SlackBefore
	// SlackInterrupted is an enforcing run that died, as a later run finds it.
	SlackInterrupted
)

// TrendPoint is what one run found.
type TrendPoint struct {
	// At is when the run judged.
	At time.Time
	// Findings is how many findings it had, Critical how many of them were critical.
	Findings, Critical int
}

// SlackOptions is what the rendering needs to know besides the report.
type SlackOptions struct {
	// Mention are ids of users (U…, W…) and user groups (S…) to call when a person is needed. Whatever is
	// shaped otherwise is left out. They are the only live mentions.
	Mention []string
	// Stage says where in its life the run is.
	Stage SlackStage
	// Trend are the last runs, oldest first. With at least three there is a chart.
	Trend []TrendPoint
	// Flags are those of run by which a command finds the same policy and state, as for a shell; "" where it finds
	// them without.
	Flags string
}

// SlackMessage is one message, ready to be posted, with no unfurling and no parsing. Its JSON is the body of a
// post without a channel, and can be read back.
type SlackMessage struct {
	// Text is the message in one sentence, for notifications and for screens without blocks. It is
	// escaped: don't escape it again.
	Text string
	// Blocks are what people see.
	Blocks []slack.Block
	// Metadata is by what the message is found again: ids and counts, nothing else.
	Metadata slack.SlackMetadata
	// Broadcast says that a reply is also shown in the channel.
	Broadcast bool
	// Part names the message within its run.
	Part string
}

// slackJSON is the body of chat.postMessage, as far as it is known before there is a channel.
type slackJSON struct {
	Text        string              `json:"text"`
	Blocks      slack.Blocks        `json:"blocks"`
	Broadcast   bool                `json:"reply_broadcast,omitempty"`
	UnfurlLinks bool                `json:"unfurl_links"`
	UnfurlMedia bool                `json:"unfurl_media"`
	Metadata    slack.SlackMetadata `json:"metadata"`
}

// MarshalJSON writes the message as the body of a post.
func (m SlackMessage) MarshalJSON() ([]byte, error) {
	blocks := m.Blocks
	if blocks == nil {
		blocks = []slack.Block{}
	}
	return json.Marshal(slackJSON{Text: m.Text, Blocks: slack.Blocks{BlockSet: blocks}, Broadcast: m.Broadcast,
		Metadata: m.Metadata})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *SlackMessage) UnmarshalJSON(raw []byte) error {
	var j slackJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("reading a Slack message: %w", err)
	}
	part, _ := j.Metadata.EventPayload["part"].(string)
	*m = SlackMessage{Text: j.Text, Blocks: j.Blocks.BlockSet, Broadcast: j.Broadcast, Metadata: j.Metadata, Part: part}
	return nil
}

// SlackThread is the report of a run.
type SlackThread struct {
	// Parent goes to the channel.
	Parent SlackMessage
	// Replies go to its thread, in this order.
	Replies []SlackMessage
	// Files go to its thread.
	Files []SlackFile
}

// SlackFile is a file for a thread.
type SlackFile struct {
	// Name is the file's name, Title what is shown.
	Name, Title string
	// Content is never empty.
	Content []byte
}

// SlackReport renders a run's report as a message with details in its thread. Before a run acts, the
// thread has what it is about to do and what it announces; of an interrupted run there is the message only.
func SlackReport(r *audit.Report, o SlackOptions) SlackThread {
	t := SlackThread{Parent: slackParent(r, o, "parent", 10)}
	switch {
	case o.Stage == SlackInterrupted:
	case !r.Complete:
		t.Replies = slackNotes(r, o)
		t.Files = slackFiles(r, false)
	default:
		var cut bool
		t.Replies, cut = slackReplies(r, o)
		if before := o.Stage == SlackBefore; !before || cut {
			t.Files = slackFiles(r, len(r.Findings) > 0)
		}
	}
	return t
}

// SlackWebhook renders a report as one message without a thread, which says what it leaves out and where
// that is.
func SlackWebhook(r *audit.Report, o SlackOptions) SlackMessage {
	return slackParent(r, o, "webhook", 20)
}

// slackParent writes the message for the channel, with as many of the worst findings as fit, at most most.
func slackParent(r *audit.Report, o SlackOptions, part string, most int) SlackMessage {
	budget := slackParentChars
	if part == "webhook" {
		budget = 2 * slackParentChars
	}
	for n := min(most, len(r.Findings)); ; n-- {
		b := newSlack(r, part, o)
		b.parent(o, n, budget)
		if n <= 0 || slackSize(b.blocks) <= budget {
			return b.message(slackSentence(r, o))
		}
	}
}

// parent writes its blocks with the n worst findings.
func (b *slackBuilder) parent(o SlackOptions, n, budget int) {
	r := b.run
	b.header(slackHeadline(r, o))
	b.section(slackVerdict(r, o))
	if r.Err != nil {
		b.bullets("Why", []string{safe(r.Err.Error(), 500)})
	}
	if !r.Complete || o.Stage == SlackInterrupted {
		b.bullets("What to do", []string{whatToDo(r, o)})
		if b.part == "webhook" && len(r.Notes) > 0 {
			b.context(count(len(r.Notes), "note") + " of this run: in the run's own output.")
		}
		b.context(slackFooter(r))
		return
	}
	if s := outcomeCounts(r); s != "" {
		b.section(s)
	}
	if n > 0 {
		b.table(worst(r, n))
	}
	if s := b.leftOut(n); s != "" {
		b.context(s)
	}
	if planned(r, o) {
		b.enforcing(o)
	}
	b.restorations(o)
	advised := len(b.blocks)
	b.context(slackFooter(r))
	items := adviceItems(r, budget-slackSize(b.blocks)-len("What to do")-60)
	b.bullets("What to do", items)
	if len(items) > 0 { // the footer comes last
		b.blocks[advised], b.blocks[advised+1] = b.blocks[advised+1], b.blocks[advised]
	}
}

// slackHeadline is the verdict in a few words, all ours.
func slackHeadline(r *audit.Report, o SlackOptions) string {
	run := "tokensweep " + string(r.Mode) + ": "
	switch {
	case o.Stage == SlackInterrupted:
		return run + "INTERRUPTED, " + count(r.Done(audit.Revoked)+r.Done(audit.Quarantined), "change") + " done"
	case !r.Complete:
		return run + "FAILED, nothing was judged"
	case r.Err != nil || r.Stopped:
		return run + "STOPPED, " + doneWords(r)
	case o.Stage == SlackBefore:
		return run + "about to " + dueWords(r)
	case r.Acted:
		return run + doneWords(r)
	case due(r) > 0:
		return run + count(len(r.Findings), "finding") + ", would " + dueWords(r)
	}
	return run + bySeverity(r)
}

// slackSentence is the whole verdict for a notification.
func slackSentence(r *audit.Report, o SlackOptions) string {
	on := "tokensweep " + string(r.Mode) + " of " + host(r)
	switch {
	case o.Stage == SlackInterrupted:
		return fmt.Sprintf("INTERRUPTED: %s ended before it could report; known to be done: %s.", on, doneWords(r))
	case !r.Complete:
		return fmt.Sprintf("FAILED: %s: nothing was judged and nothing was changed: %s", on, mrkdwn(why(r), 300))
	case r.Err != nil || r.Stopped:
		return fmt.Sprintf("STOPPED: %s: %s; %s: %s", on, doneWords(r), bySeverity(r), mrkdwn(why(r), 300))
	case o.Stage == SlackBefore:
		return fmt.Sprintf("%s is about to %s; %s, %s.", on, dueWords(r), bySeverity(r), delta(r))
	case r.Acted:
		return fmt.Sprintf("%s: %s; %s, %s.", on, doneWords(r), bySeverity(r), delta(r))
	}
	s := fmt.Sprintf("Nothing was changed: %s: %s, %s", on, bySeverity(r), delta(r))
	if due(r) > 0 {
		s += "; an enforcing run would " + dueWords(r)
	}
	return s + "."
}

// slackVerdict opens the message: what was changed, of which org, in which mode, and what is new.
func slackVerdict(r *audit.Report, o SlackOptions) string {
	var b strings.Builder
	switch {
	case o.Stage == SlackInterrupted:
		_, _ = fmt.Fprintf(&b, ":x: *INTERRUPTED.* The run ended before it could report. Known to be done: %s.",
			doneWords(r))
	case !r.Complete:
		b.WriteString(":x: *FAILED.* Nothing was judged and nothing was changed.")
	case r.Err != nil || r.Stopped:
		_, _ = fmt.Fprintf(&b, ":octagonal_sign: *STOPPED:* %s.", doneWords(r))
	case o.Stage == SlackBefore:
		_, _ = fmt.Fprintf(&b, ":hourglass_flowing_sand: *About to %s.* Nothing is changed yet.", dueWords(r))
	case r.Acted:
		_, _ = fmt.Fprintf(&b, ":broom: *Changed: %s.*", doneWords(r))
	default:
		b.WriteString(":mag: *Nothing was changed.*")
	}
	_, _ = fmt.Fprintf(&b, "\n*%s* of *%s*", r.Mode, host(r))
	if !r.Complete {
		return b.String()
	}
	_, _ = fmt.Fprintf(&b, ", as of %s: %s on %s, all of them read.\n%s; %s.",
		r.AsOf.UTC().Format("2006-01-02 15:04 MST"),
		count(r.Tokens, "token"), count(r.Pages, "page"), bySeverity(r), delta(r))
	return b.String()
}

// delta says what is new since the last run, or that it can't be told.
func delta(r *audit.Report) string {
	if !r.Changes.Known {
		return "it can't be told what is new, since nothing is remembered of a run before"
	}
	return fmt.Sprintf("%d new, %d ongoing, %d resolved since the last run", r.Changes.New, r.Changes.Ongoing,
		r.Changes.Resolved)
}

// due is how many tokens the plan would quarantine or revoke now.
func due(r *audit.Report) int { return r.Count(audit.WouldQuarantine) + r.Count(audit.WouldRevoke) }

// changedHere reports whether this very run changed a token: one may be in quarantine since an earlier run.
func changedHere(f *audit.Finding) bool {
	return f.Done && (f.Outcome == audit.Revoked || f.Outcome == audit.Quarantined)
}

const unchanged = "nothing was changed"

// doneWords says what was changed.
func doneWords(r *audit.Report) string {
	revoked, quarantined, failed := r.Done(audit.Revoked), r.Done(audit.Quarantined), r.Count(audit.Failed)
	if revoked+quarantined+failed == 0 {
		return unchanged
	}
	s := fmt.Sprintf("%d revoked, %d quarantined, %d failed", revoked, quarantined, failed)
	if held := r.Count(audit.Held); held > 0 {
		s += fmt.Sprintf(", %d held", held)
	}
	return s
}

// dueWords says what is due.
func dueWords(r *audit.Report) string {
	var parts []string
	if n := r.Count(audit.WouldRevoke); n > 0 {
		parts = append(parts, "revoke "+count(n, "token"))
	}
	if n := r.Count(audit.WouldQuarantine); n > 0 {
		parts = append(parts, "quarantine "+count(n, "token"))
	}
	if len(parts) == 0 {
		return "change nothing"
	}
	return strings.Join(parts, " and ")
}

// why is what kept a run from being completed.
func why(r *audit.Report) string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Stopped:
		return "more is due at once than stopAbove allows"
	}
	return "the reason is not known"
}

// outcomeCounts lists how many findings have which outcome.
func outcomeCounts(r *audit.Report) string {
	var lines []string
	for _, out := range audit.Outcomes {
		if n := r.Count(out); n > 0 {
			lines = append(lines, fmt.Sprintf("• *%d %s*: %s", n, out, meaning[out]))
		}
	}
	return strings.Join(lines, "\n")
}

// slackFooter names what a reader needs to find this run again.
func slackFooter(r *audit.Report) string {
	parts := []string{"run " + safe(r.ID, 60)}
	if r.Digest != "" {
		parts = append(parts, "plan "+safe(r.Digest, 80))
	}
	if r.PolicyDigest != "" {
		parts = append(parts, "policy "+safe(shortDigest(r.PolicyDigest), 40)+" ("+safe(r.PolicyFile, 60)+")")
	}
	if r.Head.Seq > 0 {
		parts = append(parts, "ledger "+safe(r.Head.String(), 40))
	}
	return strings.Join(parts, " · ")
}

// planned reports whether a dry run has made a plan that has something to do and that a ledger knows.
func planned(r *audit.Report, o SlackOptions) bool {
	return r.Mode == rules.DryRun && o.Stage == SlackFinal && due(r) > 0 && r.Digest != "" && r.Head.Seq > 0
}

// restorations says which quarantines to undo, and how.
func (b *slackBuilder) restorations(o SlackOptions) {
	asks := restorations(b.run)
	for i := range asks {
		asks[i] = safe(strings.TrimSpace(asks[i]+" "+o.Flags), 300)
	}
	b.bullets(giveBack, some(asks, 1000))
}

// enforcing says what it takes to carry out the plan. One made by a policy in mode: dry-run never can be: with another
// mode it is another policy, and its plans are void.
func (b *slackBuilder) enforcing(o SlackOptions) {
	if b.run.PolicyMode != rules.Enforce {
		b.section("To do this, write mode: enforce into the policy, make a new dry run, and have its plan reviewed: " +
			"that of this run is void then.")
		return
	}
	line := "tokensweep run"
	if o.Flags != "" {
		line += " " + safe(o.Flags, 400)
	}
	b.command("To do exactly this, within 24 hours of this run:", line+" --enforce --plan "+safe(b.run.Digest, 80))
}

// adviceItems is what the policy advises about the rules that matched, each advice once, in at most room
// characters; what has no room is counted.
func adviceItems(r *audit.Report, room int) []string {
	var order []string
	by := make(map[string][]string)
	given := make(map[*rules.Rule]bool)
	for i := range r.Findings {
		for _, m := range r.Findings[i].Matched {
			if m.Rule.Advice == "" || given[m.Rule] {
				continue
			}
			given[m.Rule] = true
			if by[m.Rule.Advice] == nil {
				order = append(order, m.Rule.Advice)
			}
			by[m.Rule.Advice] = append(by[m.Rule.Advice], safe(m.Rule.ID, 40))
		}
	}
	var items []string
	for i, advice := range order {
		item := safe(strings.Join(by[advice], ", "), 80) + ": " + safe(advice, 300)
		if room -= utf8.RuneCountInString(item); room < 0 || i == 8 {
			if left := len(order) - i; left > 0 {
				items = append(items, fmt.Sprintf("%d more rules have advice: see the policy.", left))
			}
			return items
		}
		items = append(items, item)
	}
	return items
}
