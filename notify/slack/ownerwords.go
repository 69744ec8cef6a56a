package slack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// moment is a time for people.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// What the steps do to a token, for its owner.
var stepDoes = map[rules.Step]string{
	rules.Quarantine: "it is cut off: nobody can use it, until an administrator gives it back",
	rules.Revoke:     "it is ended for good, and can't be given back",
}

// comes says to the owner of a token what comes of it, and when.
func comes(f *audit.Finding) string {
	does := stepDoes[f.Step]
	switch f.Outcome {
	case audit.Pending:
		says := "On " + moment(f.Due) + " " + does
		if after, due, ok := stepAfter(f); ok {
			says += fmt.Sprintf("; on %s %s", moment(due), stepDoes[after])
		}
		return says
	case audit.WouldQuarantine, audit.WouldRevoke:
		return "Now " + does
	case audit.Held:
		return "Soon " + does + " (it waits: " + f.Reason + ")"
	case audit.Revoked:
		return "It was ended for good. What still needs access takes a new token"
	case audit.Quarantined:
		if f.Quarantine != nil && !f.Quarantine.CutOff() {
			break
		}
		return "It is cut off: nobody can use it, until an administrator gives it back"
	case audit.Failed:
		tried := "Cutting it off"
		if f.Step == rules.Revoke {
			tried = "Ending it for good"
		}
		return tried + " was tried, and is not known to be done (" + f.Reason + ")"
	case audit.Gone:
		return "It was to be changed, and was not there any more"
	case audit.Changed:
		return "It was to be changed, and was left alone, since it is no longer what was decided on: " + f.Reason
	case audit.Protected:
		return "Nothing is done to it (" + f.Reason + ")"
	case audit.Flagged:
		return "Nothing is done to it by itself, and somebody should look at it"
	}
	return notify.Happens(f)
}

// stepAfter is the step that follows the one that a finding waits for, if a single rule asks for both.
func stepAfter(f *audit.Finding) (after rules.Step, due time.Time, ok bool) {
	var rule *rules.Rule
	for _, m := range f.Matched {
		if !disrupts(m.Rule) {
			continue
		}
		if rule != nil {
			return 0, due, false
		}
		rule = m.Rule
	}
	if rule == nil {
		return 0, due, false
	}
	i := slices.IndexFunc(rule.Steps, func(s rules.DelayedStep) bool { return s.Step == f.Step })
	if i < 0 || i+1 >= len(rule.Steps) {
		return 0, due, false
	}
	next := rule.Steps[i+1]
	return next.Step, f.Due.Add(next.After - rule.Steps[i].After), true
}

func disrupts(r *rules.Rule) bool {
	return slices.ContainsFunc(r.Steps, func(s rules.DelayedStep) bool { return s.Step > rules.Flag })
}

// keeping says to the owner how a token is kept; "" where nothing is to come.
func keeping(f *audit.Finding) string {
	switch {
	case f.Quarantine.CutOff():
		return "To get it back, ask before it is ended"
	case f.Outcome != audit.Pending:
		return ""
	}
	for _, m := range f.Matched {
		if disrupts(m.Rule) && !m.Rule.EndedByUse(*f.Token, f.At) {
			return "To keep it, have the reason mended before then; that it is used does not do"
		}
	}
	return "To keep it, use it before then: one request with it is enough"
}

// oktaEnds says when Okta ends a token that nobody uses; "" where that does not matter.
func oktaEnds(f *audit.Finding) string {
	end, known := f.Token.ExpiresAt.Get()
	switch {
	case !known || f.Outcome == audit.Revoked || f.Outcome == audit.Gone || !end.After(f.At):
		return ""
	case f.Quarantine.CutOff(), f.Quarantine == nil && f.Outcome == audit.Quarantined:
		return "Okta itself ends it on " + moment(end) + ", since it can't be used"
	}
	return "Okta itself ends it on " + moment(end) + " unless it is used before"
}

// whyOf is why a token is a finding: for each rule what it is for, and what it saw.
func whyOf(f *audit.Finding) string {
	var parts []string
	for _, m := range f.Matched {
		what := m.Rule.ID
		if m.Rule.Description != "" {
			what = strings.TrimRight(m.Rule.Description, ".") + " (rule " + m.Rule.ID + ")"
		}
		parts = append(parts, what+": "+strings.Join(m.Because(), ", "))
	}
	if len(parts) == 0 {
		return "Why: " + strings.Join(notify.Reasons(f), "; ")
	}
	return "Why: " + strings.Join(parts, "; ")
}

// ownerItem is what an owner is told of one token.
func ownerItem(f *audit.Finding) string {
	k := f.Token
	item := fmt.Sprintf("%s (%s). ", safe(notify.Title(k), 60), safe(k.ID, 24))
	for _, sentence := range []string{comes(f), keeping(f), oktaEnds(f), f.Moved, whyOf(f)} {
		if sentence != "" {
			item += okta.Printable(sentence) + ". "
		}
	}
	return safe(strings.TrimSpace(item), 700)
}

var channelShape = regexp.MustCompile(`^[CG][A-Z0-9]{1,30}$`)

// whomToAsk says to an owner who knows more: the people of the policy, and the channel of its reports.
func whomToAsk(o Options) string {
	who, where := mentions(o.Mention), ""
	if channelShape.MatchString(o.Channel) {
		where = "<#" + o.Channel + ">"
	}
	ask := "ask the administrators of your Okta org"
	switch {
	case who != "" && where != "":
		ask = "ask " + who + ", or in " + where
	case who != "":
		ask = "ask " + who
	case where != "":
		ask = "ask in " + where
	}
	return "Questions, or a token that must stay: " + ask + "."
}
