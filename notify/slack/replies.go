package slack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// How many messages a list may take; beyond that, findings.csv has the rest.
const listPages, otherPages = 15, 5

var severityEmoji = map[rules.Severity]string{
	rules.Critical: "red_circle", rules.High: "large_orange_circle", rules.Medium: "large_yellow_circle",
	rules.Low: "white_circle",
}

// ruleOf names the first rule of a finding, and says how many more there are.
func ruleOf(f *audit.Finding) string {
	ids := notify.RuleIDs(f)
	if len(ids) == 0 {
		for _, m := range f.Unknown {
			ids = append(ids, m.Rule.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "–"
	case 1:
		return ids[0]
	}
	return fmt.Sprintf("%s +%d", ids[0], len(ids)-1)
}

// next says what would come of a finding, or came of it and why.
func next(f *audit.Finding) string {
	s := notify.Happens(f)
	switch f.Outcome {
	case audit.Failed, audit.Held, audit.Changed, audit.Gone, audit.Flagged:
		if f.Reason != "" {
			s += ": " + f.Reason
		}
	}
	if f.Moved != "" {
		s += "; " + f.Moved
	}
	return s
}

// idle is a token's idleness in whole days.
func idle(f *audit.Finding) cell {
	n := notify.DayCount(f.Token.LastUsed(), f.At.Sub)
	if n == "" {
		return foreign(notify.LastUse(f.Token, f.At), 10)
	}
	var v float64
	_, _ = fmt.Sscan(n, &v)
	return cell{text: n, number: &v}
}

// rank orders findings for the message in the channel: what was or will be done first, the exempt last.
func rank(f *audit.Finding, acting bool) int {
	switch f.Outcome {
	case audit.Exempt:
		return len(audit.Outcomes)
	case audit.Pending, audit.Flagged, audit.Unknown, audit.Protected:
		return len(audit.Outcomes) - 1
	case audit.Quarantined:
		if !changedHere(f) {
			return len(audit.Outcomes) - 1
		}
	}
	if !acting {
		return len(audit.Outcomes) - 1
	}
	return slices.Index(audit.Outcomes, f.Outcome)
}

// worst is the table of the n findings that matter most.
func worst(r *audit.Report, n int) grid {
	acting := r.Mode == rules.Enforce
	fs := make([]*audit.Finding, len(r.Findings))
	for i := range r.Findings {
		fs[i] = &r.Findings[i]
	}
	slices.SortStableFunc(fs, func(a, b *audit.Finding) int { return rank(a, acting) - rank(b, acting) })
	t := grid{head: []string{"Severity", "Token", "Id", "Client", "Owner", "Idle days", "Okta ends it in", "Next",
		"Rule"}}
	for _, f := range fs[:n] {
		k := f.Token
		t.rows = append(t.rows, []cell{
			{text: f.Severity.String(), emoji: severityEmoji[f.Severity]}, foreign(notify.Title(k), 32),
			foreign(notify.Short(okta.Printable(k.ID)), 8),
			foreign(notify.Words(k.ClientName), 18), foreign(notify.OwnerBrief(k), 26), idle(f),
			foreign(notify.EndsIn(k, f.At), 8), foreign(next(f), 60), foreign(ruleOf(f), 24),
		})
	}
	return t
}

// leftOut counts what the message in the channel doesn't show, and says where that is.
func (b *builder) leftOut(n int) string {
	r := b.run
	var parts []string
	total := len(r.Findings)
	switch {
	case total == 0:
	case n == total:
		parts = append(parts, fmt.Sprintf("%d of %d shown.", n, total))
	case b.part == "webhook":
		parts = append(parts, fmt.Sprintf("%d of %d shown, worst first. %d more: all in the run's own output.", n,
			total, total-n))
	default:
		parts = append(parts, fmt.Sprintf("%d of %d shown, worst first. %d more: in the thread, and all in "+
			"findings.csv there.", n, total, total-n))
	}
	where := "in the thread"
	if b.part == "webhook" {
		where = "in the run's own output"
		parts = append(parts, "A webhook has no thread and no files: the list by rule, the reasons and the JSON are "+
			"in the run's own output (--output, --output-file).")
	}
	var more []string
	if len(r.Vanished) > 0 {
		more = append(more, notify.Count(len(r.Vanished), "vanished token"))
	}
	if len(r.CalledOff) > 0 && r.Mode == rules.Enforce {
		more = append(more, notify.Count(len(r.CalledOff), "called-off step"))
	}
	if len(r.Notes) > 0 {
		more = append(more, notify.Count(len(r.Notes), "note"))
	}
	if len(more) > 0 {
		parts = append(parts, strings.Join(more, " and ")+" "+where+".")
	}
	return strings.Join(parts, " ")
}

// whatToDo is advice for a run that was not completed.
func whatToDo(r *audit.Report, o Options) string {
	if o.Stage == Interrupted {
		return "The next run settles what was left open and reports it. The ledger has every step: tokensweep ledger."
	}
	return r.Code.Advice()
}

// grouped sorts findings by rule, the worst rule first, and leaves the order within a rule.
func grouped(fs []*audit.Finding) (groups [][]*audit.Finding) {
	by := make(map[string]int)
	for _, f := range fs {
		id, _, _ := strings.Cut(ruleOf(f), " +")
		i, known := by[id]
		if !known {
			i = len(groups)
			by[id] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// repliesOf is what goes into the thread. cut says that a list was too long for it.
func repliesOf(r *audit.Report, o Options) (out []Message, cut bool) {
	var main, spared []*audit.Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		switch f.Outcome {
		case audit.Protected, audit.Exempt, audit.Unknown:
			spared = append(spared, f)
		case audit.Flagged:
			if o.Stage != Before {
				main = append(main, f)
			}
		default:
			main = append(main, f)
		}
	}
	list := pagedTable{r: r, o: o, part: "list", noun: "finding", title: "by rule", most: listPages}
	if o.Stage == Before {
		list.part, list.noun, list.title = "plan", "token", "due or announced, by rule"
		spared = nil
	}
	list.head = []string{"Rule", "Severity", "Token", "Id", "Client", "Owner", "Idle days", "Okta ends it in", "Next"}
	for _, g := range grouped(main) {
		list.intro = append(list.intro, groupLine(g))
		for _, f := range g {
			k := f.Token
			list.rows = append(list.rows, []cell{
				foreign(ruleOf(f), 24), {text: f.Severity.String()}, foreign(notify.Title(k), 40),
				foreign(okta.Printable(k.ID), 24), foreign(notify.Words(k.ClientName), 24),
				foreign(notify.Owner(k), 40), idle(f), foreign(notify.EndsIn(k, f.At), 8), foreign(next(f), 100),
			})
		}
	}
	out, cut = list.messages()
	rest := pagedTable{r: r, o: o, part: "spared", noun: "token", title: "protected, exempt or not to be judged",
		most: otherPages}
	rest.head = []string{"Outcome", "Rule", "Token", "Id", "Client", "Owner", "Why"}
	for _, f := range spared {
		k := f.Token
		rest.rows = append(rest.rows, []cell{
			{text: string(f.Outcome)}, foreign(ruleOf(f), 24), foreign(notify.Title(k), 40),
			foreign(okta.Printable(k.ID), 24), foreign(notify.Words(k.ClientName), 24), foreign(notify.Owner(k), 40),
			foreign(strings.Join(f.Why(), "; "), 300),
		})
	}
	more, _ := rest.messages()
	out = append(out, more...)
	if o.Stage == Before {
		return out, cut
	}
	gone := pagedTable{r: r, o: o, part: "vanished", noun: "token", title: "no longer listed", most: otherPages}
	gone.head = []string{"Token", "Id", "Why"}
	for _, v := range r.Vanished {
		gone.rows = append(gone.rows, []cell{foreign(v.Name, 40), foreign(v.ID, 24), foreign(v.Reason, 160)})
	}
	more, _ = gone.messages()
	out = append(out, more...)
	off := calledOffTable(r, o)
	more, _ = off.messages()
	out = append(append(out, more...), notesOf(r, o)...)
	if trend := o.Trend[max(0, len(o.Trend)-chartPoints):]; len(trend) >= 3 {
		b := newBuilder(r, "trend", o)
		b.chart(trend)
		numbers := make([]string, len(trend))
		for i, p := range trend {
			numbers[i] = fmt.Sprint(p.Findings)
		}
		out = append(out, b.message(fmt.Sprintf("Findings of the last %d runs: %s.", len(trend),
			strings.Join(numbers, ", "))))
	}
	return out, cut
}

// groupLine says what a rule is about and how many tokens it has.
func groupLine(g []*audit.Finding) string {
	line := fmt.Sprintf("%s: %s", safe(strings.SplitN(ruleOf(g[0]), " +", 2)[0], 40), notify.Count(len(g), "token"))
	for _, m := range g[0].Matched[:min(1, len(g[0].Matched))] {
		line += ", " + m.Rule.Severity.String()
		if m.Rule.Description != "" {
			line += ": " + safe(m.Rule.Description, 120)
		}
	}
	return line
}

// pagedTable is a table that may need several messages.
type pagedTable struct {
	grid
	r *audit.Report
	o Options
	// part names the messages; noun and title say what the rows are.
	part, noun, title string
	intro             []string // sentences for the first message
	most              int
}

// messages writes the list, numbered. What is beyond the last message is counted.
func (l *pagedTable) messages() (out []Message, cut bool) {
	pages := l.pages()
	shown := 0
	total := min(len(pages), l.most)
	for i, page := range pages[:total] {
		b := newBuilder(l.r, fmt.Sprintf("%s-%d", l.part, i+1), l.o)
		name := notify.Count(len(l.rows), l.noun) + " " + l.title
		if total > 1 {
			name += fmt.Sprintf(" (part %d of %d)", i+1, total)
		}
		b.section("*" + name + "*")
		if i == 0 {
			b.bullets("Rules", some(l.intro, 1200))
		}
		caption := fmt.Sprintf("%d to %d of %d", shown+1, shown+len(page.rows), len(l.rows))
		shown += len(page.rows)
		b.dataTable(caption, page)
		if left := len(l.rows) - shown; i == total-1 && left > 0 {
			cut = true
			where := "findings.csv"
			if l.part == "vanished" || l.part == "called-off" {
				where = "report.json"
			}
			b.context(fmt.Sprintf("%d more, all in %s in this thread.", left, where))
		}
		out = append(out, b.message(name+", of "+host(l.r)))
	}
	return out, cut
}

// some takes as many sentences as have room, and counts the others.
func some(items []string, room int) []string {
	for i, item := range items {
		if room -= utf8.RuneCountInString(item); room < 0 || i == 40 {
			return append(slices.Clip(items[:i]), fmt.Sprintf("%d more, all in report.json in this thread.",
				len(items)-i))
		}
	}
	return items
}

// notesOf is the reply with what a reader should know of the run as a whole.
func notesOf(r *audit.Report, o Options) []Message {
	if len(r.Notes) == 0 {
		return nil
	}
	items := make([]string, len(r.Notes))
	for i, n := range r.Notes {
		items[i] = safe(n, 500)
	}
	b := newBuilder(r, "notes", o)
	b.bullets("Notes", some(items, 5000))
	return []Message{b.message(notify.Count(len(items), "note") + " on the run of " + host(r))}
}

// filesOf are the whole report for machines. A table without findings would look like good news.
func filesOf(r *audit.Report, table bool) []File {
	var out []File
	var b bytes.Buffer
	if table && notify.CSV(&b, r) == nil {
		out = append(out, File{"findings.csv", notify.Count(len(r.Findings), "finding") + " as CSV",
			bytes.Clone(b.Bytes())})
	}
	b.Reset()
	if notify.JSON(&b, r) == nil {
		out = append(out, File{"report.json", "The whole report as JSON", b.Bytes()})
	}
	return out
}
