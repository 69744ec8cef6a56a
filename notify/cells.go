// Package notify renders reports and inventories: as text for people, as JSON, CSV and Markdown.
// Rendering is pure: a report goes in, bytes come out.
//
// Names of tokens and clients come from strangers. Whatever they hold, no control character, escape
// sequence, line break or bidirectional override of theirs reaches the output raw, no cell of a CSV is
// a formula, and no Markdown is theirs.
package notify

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/okta"
)

// missing stands in a cell for a field that Okta left out, malformed for one that made no sense.
const missing, malformed = "-", "?"

// cell shows an optional field on one line.
func cell[T any](o okta.Opt[T], show func(T) string) string {
	v, ok := o.Get()
	switch {
	case ok:
		return okta.Printable(show(v))
	case o.Presence() == okta.Malformed:
		return malformed
	}
	return missing
}

// plain shows an optional field for machines, which get nothing for one that isn't there.
func plain[T any](o okta.Opt[T], show func(T) string) string {
	if _, ok := o.Get(); !ok {
		return ""
	}
	return cell(o, show)
}

func words(o okta.Opt[string]) string { return cell(o, asIs) }

func asIs(s string) string { return s }

func instant(o okta.Opt[time.Time]) string { return cell(o, rfc3339) }

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// short is an id short enough for a narrow table: the end of it, since ids begin alike.
func short(id string) string {
	const n = 7
	if r := []rune(id); len(r) > n {
		return "…" + string(r[len(r)-n:])
	}
	return id
}

// days is a length of time in whole days, as people count idleness; below two days, in hours.
func days(d time.Duration) string {
	if d < time.Hour {
		return "<1h"
	}
	if d < 48*time.Hour {
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// ahead is the time until something is due, to the hour: of seven days less a minute nobody should count six.
func ahead(d time.Duration) string {
	hours := int(d.Round(time.Hour).Hours())
	switch {
	case hours < 48:
		return days(max(d, time.Duration(hours)*time.Hour))
	case hours%24 == 0:
		return fmt.Sprintf("%dd", hours/24)
	}
	return fmt.Sprintf("%dd%dh", hours/24, hours%24)
}

// lastUse says how long ago a token was used, or created if it never was.
func lastUse(t *okta.Token, now time.Time) string {
	return cell(t.LastUsed(), func(used time.Time) string {
		never, known := t.NeverUsed().Get()
		switch {
		case used.After(now):
			return "in future"
		case known && never:
			return "never in " + days(now.Sub(used))
		}
		return days(now.Sub(used)) + " ago"
	})
}

// endsIn says when Okta ends a token unless it is used before.
func endsIn(t *okta.Token, now time.Time) string {
	return cell(t.ExpiresAt, func(end time.Time) string {
		if end.Before(now) {
			return "past"
		}
		return days(end.Sub(now))
	})
}

// dayCount is a length of time in whole days, as a number for machines; "" if it isn't known, 0 if it
// would be negative.
func dayCount(o okta.Opt[time.Time], between func(time.Time) time.Duration) string {
	t, ok := o.Get()
	if !ok {
		return ""
	}
	return fmt.Sprint(max(0, int(between(t).Hours())/24))
}

func network(n okta.Network) string {
	s := words(n.Connection)
	return s + zones(" in ", n.Include) + zones(" not in ", n.Exclude)
}

// zones shows a list of zones behind how they count; a list without any, or none, is not shown.
func zones(how string, o okta.Opt[[]string]) string {
	list, known := o.Get()
	switch {
	case o.Presence() == okta.Malformed:
		return how + malformed
	case !known || len(list) == 0:
		return ""
	}
	return how + strings.Join(list, " ")
}

// happens says what would come of a finding, and when, and that its token is cut off already.
func happens(f *audit.Finding) string {
	s := comesOf(f)
	switch q := f.Quarantine; {
	case q.CutOff() && f.Outcome != audit.Quarantined:
		s += ", cut off by quarantine"
	case q != nil && q.Open != "":
		s += ", in quarantine, and not cut off: the zone contains " + q.Open
	}
	return s
}

func comesOf(f *audit.Finding) string {
	switch f.Outcome {
	case audit.WouldQuarantine, audit.WouldRevoke:
		return string(f.Outcome) + " now"
	case audit.Pending:
		s := fmt.Sprintf("pending: %s in %s", f.Step, ahead(f.Due.Sub(f.At)))
		if end, ok := f.Token.ExpiresAt.Get(); ok && !end.After(f.Due) {
			s += ", unless Okta ends it before"
		}
		return s
	case audit.Held, audit.Failed, audit.Changed:
		return fmt.Sprintf("%s (%s)", f.Outcome, f.Step)
	}
	return string(f.Outcome)
}

// giveBack is the title of restorations.
const giveBack = "Give back what they had: in our quarantine, though the policy spares them by now"

// restorations are the commands that undo the quarantines of tokens that the policy spares by now, each with its token.
func restorations(r *audit.Report) (asks []string) {
	ask := func(t *okta.Token, q *audit.Quarantine) {
		if q != nil && q.Spared {
			asks = append(asks, fmt.Sprintf("%s (%s): %s", title(t), okta.Printable(t.ID), q.Restore()))
		}
	}
	for i := range r.Findings {
		ask(&r.Findings[i].Token, r.Findings[i].Quarantine)
	}
	for i := range r.InQuarantine {
		ask(&r.InQuarantine[i].Token, r.InQuarantine[i].Quarantine)
	}
	return asks
}

// comes is happens, in the words of a run that is about to act.
func comes(f *audit.Finding, before bool) string {
	if before && (f.Outcome == audit.WouldQuarantine || f.Outcome == audit.WouldRevoke) {
		return "about to " + f.Step.String()
	}
	return happens(f)
}

// owner names the owner of a token: by login if that is known.
func owner(t *okta.Token, id func(string) string) string {
	if t.Owner != nil {
		if _, ok := t.Owner.Login.Get(); ok {
			return words(t.Owner.Login)
		}
	}
	return id(words(t.UserID))
}

// ownerTrouble says what is wrong with the owner, or with what is known of them; "" if nothing is.
func ownerTrouble(t *okta.Token) string {
	if t.Owner == nil {
		return ""
	}
	switch status, known := t.Owner.Status.Get(); {
	case t.Owner.Unknown != "":
		return t.Owner.Unknown
	case known && status != "ACTIVE":
		return "the owner is " + status
	case !known:
		return "the owner's status is " + t.Owner.Status.Presence().String()
	}
	return t.Owner.RolesUnknown
}

// reasons gives a finding's sentences: the rules that matched and why, those that could not be judged,
// why it is spared, and what is odd about it.
func reasons(f *audit.Finding) []string {
	var out []string
	for _, m := range f.Matched {
		out = append(out, m.Rule.ID+": "+strings.Join(m.Because, ", "))
	}
	if f.Outcome != audit.Unknown || len(f.Matched) > 0 {
		for _, m := range f.Unknown {
			out = append(out, m.Rule.ID+" could not be judged: "+strings.Join(m.Because, ", "))
		}
	}
	for _, s := range append(f.Why(), f.Remark, ownerTrouble(&f.Token)) {
		if s != "" {
			out = append(out, s)
		}
	}
	for i := range out {
		out[i] = okta.Printable(out[i])
	}
	return out
}
