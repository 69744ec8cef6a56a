package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/rules"
)

// Stage says where in its life a run is when its report is rendered.
type Stage int

// The stages.
const (
	// Final is a run that is over.
	Final Stage = iota
	// Before is an enforcing run that announces what it is about to do.
	Before
	// Interrupted is an enforcing run that died, as a later run finds it.
	Interrupted
)

// TrendPoint is what one run found.
type TrendPoint struct {
	// At is when the run judged.
	At time.Time
	// Findings is how many findings it had, Critical how many of them were critical.
	Findings, Critical int
}

// Options is what the rendering needs to know besides the report.
type Options struct {
	// Mention are ids of users (U…, W…) and user groups (S…) to call when a person is needed. Whatever is
	// shaped otherwise is left out. They are the only live mentions.
	Mention []string
	// Stage says where in its life the run is.
	Stage Stage
	// Trend are the last runs, oldest first. With at least three there is a chart.
	Trend []TrendPoint
	// Channel is the id of the channel that reports go to, where owners may ask; "" for none.
	Channel string
	// Flags are those of run by which a command finds the same policy and state, as for a shell; "" where it finds
	// them without.
	Flags string
}

// Report renders a run's report as a message with details in its thread. Before a run acts, the
// thread has what it is about to do and what it announces; of an interrupted run there is the message only.
func Report(r *audit.Report, o Options) Thread {
	t := Thread{Parent: parentMessage(r, o, "parent", 10)}
	switch {
	case o.Stage == Interrupted:
	case !r.Complete:
		t.Replies = notesOf(r, o)
		t.Files = filesOf(r, false)
	default:
		var cut bool
		t.Replies, cut = repliesOf(r, o)
		if before := o.Stage == Before; !before || cut {
			t.Files = filesOf(r, len(r.Findings) > 0)
		}
	}
	return t
}

// OneMessage renders a report as one message without a thread, which says what it leaves out and where
// that is.
func OneMessage(r *audit.Report, o Options) Message {
	return parentMessage(r, o, "webhook", 20)
}

// parentMessage writes the message for the channel, with as many of the worst findings as fit, at most most.
func parentMessage(r *audit.Report, o Options, part string, most int) Message {
	budget := parentChars
	if part == "webhook" {
		budget = 2 * parentChars
	}
	for n := min(most, len(r.Findings)); ; n-- {
		b := newBuilder(r, part, o)
		b.parent(o, n, budget)
		if n <= 0 || sizeOf(b.blocks) <= budget {
			return b.message(sentence(r, o))
		}
	}
}

// parent writes its blocks with the n worst findings.
func (b *builder) parent(o Options, n, budget int) {
	r := b.run
	b.header(headline(r, o))
	b.section(verdict(r, o))
	if r.Err != nil {
		b.bullets("Why", []string{safe(r.Err.Error(), 500)})
	}
	if !r.Complete || o.Stage == Interrupted {
		b.bullets("What to do", []string{whatToDo(r, o)})
		if b.part == "webhook" && len(r.Notes) > 0 {
			b.context(notify.Count(len(r.Notes), "note") + " of this run: in the run's own output.")
		}
		b.context(footer(r))
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
	b.context(footer(r))
	items := adviceItems(r, budget-sizeOf(b.blocks)-len("What to do")-60)
	b.bullets("What to do", items)
	if len(items) > 0 { // the footer comes last
		b.blocks[advised], b.blocks[advised+1] = b.blocks[advised+1], b.blocks[advised]
	}
}

// headline is the verdict in a few words, all ours.
func headline(r *audit.Report, o Options) string {
	run := "tokensweep " + string(r.Mode) + ": "
	switch {
	case o.Stage == Interrupted:
		return run + "INTERRUPTED, " + notify.Count(r.Done(audit.Revoked)+r.Done(audit.Quarantined), "change") + " done"
	case !r.Complete:
		return run + "FAILED, nothing was judged"
	case r.Err != nil || r.Stopped:
		return run + "STOPPED, " + doneWords(r)
	case o.Stage == Before:
		return run + "about to " + dueWords(r)
	case r.Acted:
		return run + doneWords(r)
	case due(r) > 0:
		return run + notify.Count(len(r.Findings), "finding") + ", would " + dueWords(r)
	}
	return run + notify.BySeverity(r)
}

// sentence is the whole verdict for a notification.
func sentence(r *audit.Report, o Options) string {
	on := "tokensweep " + string(r.Mode) + " of " + host(r)
	switch {
	case o.Stage == Interrupted:
		return fmt.Sprintf("INTERRUPTED: %s ended before it could report; known to be done: %s.", on, doneWords(r))
	case !r.Complete:
		return fmt.Sprintf("FAILED: %s: nothing was judged and nothing was changed: %s", on, mrkdwn(why(r), 300))
	case r.Err != nil || r.Stopped:
		return fmt.Sprintf("STOPPED: %s: %s; %s: %s", on, doneWords(r), notify.BySeverity(r), mrkdwn(why(r), 300))
	case o.Stage == Before:
		return fmt.Sprintf("%s is about to %s; %s, %s.", on, dueWords(r), notify.BySeverity(r), delta(r))
	case r.Acted:
		return fmt.Sprintf("%s: %s; %s, %s.", on, doneWords(r), notify.BySeverity(r), delta(r))
	}
	s := fmt.Sprintf("Nothing was changed: %s: %s, %s", on, notify.BySeverity(r), delta(r))
	if due(r) > 0 {
		s += "; an enforcing run would " + dueWords(r)
	}
	return s + "."
}

// verdict opens the message: what was changed, of which org, in which mode, and what is new.
func verdict(r *audit.Report, o Options) string {
	var b strings.Builder
	switch {
	case o.Stage == Interrupted:
		_, _ = fmt.Fprintf(&b, ":x: *INTERRUPTED.* The run ended before it could report. Known to be done: %s.",
			doneWords(r))
	case !r.Complete:
		b.WriteString(":x: *FAILED.* Nothing was judged and nothing was changed.")
	case r.Err != nil || r.Stopped:
		_, _ = fmt.Fprintf(&b, ":octagonal_sign: *STOPPED:* %s.", doneWords(r))
	case o.Stage == Before:
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
		notify.Count(r.Tokens, "token"), notify.Count(r.Pages, "page"), notify.BySeverity(r), delta(r))
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
		parts = append(parts, "revoke "+notify.Count(n, "token"))
	}
	if n := r.Count(audit.WouldQuarantine); n > 0 {
		parts = append(parts, "quarantine "+notify.Count(n, "token"))
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
			lines = append(lines, fmt.Sprintf("• *%d %s*: %s", n, out, notify.Meaning[out]))
		}
	}
	return strings.Join(lines, "\n")
}

// footer names what a reader needs to find this run again.
func footer(r *audit.Report) string {
	parts := []string{"run " + safe(r.ID, 60)}
	if r.Digest != "" {
		parts = append(parts, "plan "+safe(r.Digest, 80))
	}
	if r.PolicyDigest != "" {
		parts = append(parts, "policy "+safe(notify.ShortDigest(r.PolicyDigest), 40)+" ("+safe(r.PolicyFile, 60)+")")
	}
	if r.Head.Seq > 0 {
		parts = append(parts, "ledger "+safe(r.Head.String(), 40))
	}
	return strings.Join(parts, " · ")
}

// planned reports whether a dry run has made a plan that has something to do and that a ledger knows.
func planned(r *audit.Report, o Options) bool {
	return r.Mode == rules.DryRun && o.Stage == Final && due(r) > 0 && r.Digest != "" && r.Head.Seq > 0
}

// Restorations says which quarantines to undo, and how.
func (b *builder) restorations(o Options) {
	asks := notify.Restorations(b.run)
	for i := range asks {
		asks[i] = safe(strings.TrimSpace(asks[i]+" "+o.Flags), 300)
	}
	b.bullets(notify.GiveBackTitle, some(asks, 1000))
}

// enforcing says what it takes to carry out the plan. One made by a policy in mode: dry-run never can be: with another
// mode it is another policy, and its plans are void.
func (b *builder) enforcing(o Options) {
	if b.run.PolicyMode != rules.Enforce {
		b.section(notify.EnforceFirst)
		return
	}
	line := "tokensweep run"
	if o.Flags != "" {
		line += " " + safe(o.Flags, 400)
	}
	b.command(notify.EnforceTitle, line+" --enforce --plan "+safe(b.run.Digest, 80))
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
