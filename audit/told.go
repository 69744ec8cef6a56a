package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/rules"
)

// severities are the highest severities that the last run's findings had, by token. A token is left out of which a rule
// was recorded without one.
func (m *memory) severities() map[string]rules.Severity {
	worst, unknown := make(map[string]rules.Severity), make(map[string]bool)
	for key := range m.decider.past.Findings {
		severity, err := rules.ParseSeverity(m.decider.past.Severities[key])
		unknown[key.Token] = unknown[key.Token] || err != nil
		worst[key.Token] = max(worst[key.Token], severity)
	}
	for token, is := range unknown {
		if is {
			delete(worst, token)
		}
	}
	return worst
}

// moved says what has changed about a finding that was one already: its severity, which was before, or when its step is
// due. An exempt one is no news.
func (m *memory) moved(f *Finding, before rules.Severity) string {
	if f.Outcome == Exempt {
		return ""
	}
	var says []string
	now := rules.Severity(0)
	for _, match := range slices.Concat(f.Matched, f.Unknown) {
		now = max(now, match.Rule.Severity)
	}
	if before != 0 && before != now {
		says = append(says, fmt.Sprintf("its severity was %s, and is %s", before, now))
	}
	if was, ok := m.announcedFor(f); ok && !was.Equal(f.Due) {
		says = append(says, fmt.Sprintf("its %s was announced for %s, and is due on %s", f.Step,
			was.UTC().Format(time.RFC3339), f.Due.UTC().Format(time.RFC3339)))
	}
	return strings.Join(says, "; ")
}

// announcedFor is when the step that a finding waits for was due by the notices on record. Only an enforcing run tells
// of it, since only that ends notices.
func (m *memory) announcedFor(f *Finding) (due time.Time, ok bool) {
	if m.report.Mode != rules.Enforce || f.Outcome != Pending {
		return due, false
	}
	for key, notice := range m.decider.past.Notices {
		if key.Token != f.Token.ID {
			continue
		}
		for _, d := range notice.Ahead {
			at := notice.At.Add(time.Duration(d.After) * time.Second)
			if d.Step == f.Step.String() && (!ok || at.Before(due)) {
				due, ok = at, true
			}
		}
	}
	return due, ok
}
