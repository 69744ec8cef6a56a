package notify

// The words that all reports share, whatever their form and their channel: what a token and its owner are called, what
// comes of a finding and why, lengths of time, counts. Each is one line that holds nothing unprintable. What a form
// must escape besides is the form's business.

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
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

// asIs leaves a text as it is.
func asIs(s string) string { return s }

// Words is an optional text on one line, with "-" for one that Okta left out and "?" for one that made no sense.
func Words(o okta.Opt[string]) string { return cell(o, asIs) }

// Title is the name of a token for a table, in which no name must look like a missing one.
func Title(t *okta.Token) string {
	if name, ok := t.Name.Get(); ok && (strings.TrimSpace(name) == "" || name == missing || name == malformed) {
		return fmt.Sprintf("%q", name)
	}
	return Words(t.Name)
}

// Short is an id short enough for a narrow table: the end of it, since ids begin alike.
func Short(id string) string {
	const n = 7
	if r := []rune(id); len(r) > n {
		return "…" + string(r[len(r)-n:])
	}
	return id
}

// Owner names the owner of a token by login; by id if that is not known.
func Owner(t *okta.Token) string { return ownerWith(t, asIs) }

// OwnerBrief is owner with the end of the id only, for a narrow column.
func OwnerBrief(t *okta.Token) string { return ownerWith(t, Short) }

// ownerWith is owner with the id as a function writes it.
func ownerWith(t *okta.Token, id func(string) string) string {
	if t.Owner != nil {
		if _, ok := t.Owner.Login.Get(); ok {
			return Words(t.Owner.Login)
		}
	}
	return id(Words(t.UserID))
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

// LastUse says how long ago a token was used, or created if it never was.
func LastUse(t *okta.Token, now time.Time) string {
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

// EndsIn says when Okta ends a token unless it is used before.
func EndsIn(t *okta.Token, now time.Time) string {
	return cell(t.ExpiresAt, func(end time.Time) string {
		if end.Before(now) {
			return "past"
		}
		return days(end.Sub(now))
	})
}

// DayCount is the time between t and another in whole days, as a number for machines; "" if t isn't known, 0 if it
// would be negative.
func DayCount(t okta.Opt[time.Time], between func(time.Time) time.Duration) string {
	at, ok := t.Get()
	if !ok {
		return ""
	}
	return fmt.Sprint(max(0, int(between(at).Hours())/24))
}

// Happens says what would come of a finding, and when, and that its token is cut off already.
func Happens(f *audit.Finding) string {
	s := outcomeWords(f)
	switch q := f.Quarantine; {
	case q.CutOff() && f.Outcome != audit.Quarantined:
		s += ", cut off by quarantine"
	case q != nil && q.Open != "":
		s += ", in quarantine, and not cut off: the zone contains " + q.Open
	}
	return s
}

// outcomeWords is Happens, without the quarantine.
func outcomeWords(f *audit.Finding) string {
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

// happensNow is Happens, in the words of a run that is about to act.
func happensNow(f *audit.Finding, before bool) string {
	if before && (f.Outcome == audit.WouldQuarantine || f.Outcome == audit.WouldRevoke) {
		return "about to " + f.Step.String()
	}
	return Happens(f)
}

// Meaning explains each outcome to a reader who sees it for the first time.
var Meaning = map[audit.Outcome]string{
	audit.Failed:          "not done, or nobody knows yet whether it was",
	audit.Revoked:         "ended for good by this run",
	audit.Quarantined:     "in quarantine; tokensweep tokens restore ID undoes it",
	audit.WouldRevoke:     "an enforcing run would end these now, for good",
	audit.WouldQuarantine: "an enforcing run would quarantine these; can be undone",
	audit.Held:            "due, and kept back",
	audit.Changed:         "no longer what was decided on, and left alone",
	audit.Gone:            "had vanished when their turn came",
	audit.Pending:         "a later step is announced, or would be",
	audit.Flagged:         "reported, and nothing more",
	audit.Unknown:         "could not be judged, so nothing would be done",
	audit.Protected:       "match, but may only be flagged",
	audit.Exempt:          "match, and the policy exempts them for now",
}

// Reasons gives a finding's sentences: the rules that matched and why, those that could not be judged,
// why it is spared, and what is odd about it.
func Reasons(f *audit.Finding) []string {
	var out []string
	for _, m := range f.Matched {
		out = append(out, m.Rule.ID+": "+strings.Join(m.Because(), ", "))
	}
	if f.Outcome != audit.Unknown || len(f.Matched) > 0 {
		for _, m := range f.Unknown {
			out = append(out, m.Rule.ID+" could not be judged: "+strings.Join(m.Because(), ", "))
		}
	}
	for _, s := range append(f.Why(), f.Moved, f.Remark, ownerTrouble(f.Token)) {
		if s != "" {
			out = append(out, s)
		}
	}
	for i := range out {
		out[i] = okta.Printable(out[i])
	}
	return out
}

// RuleIDs names the rules that a finding matched, in the order of the policy.
func RuleIDs(f *audit.Finding) (ids []string) {
	for _, m := range f.Matched {
		ids = append(ids, m.Rule.ID)
	}
	return ids
}

// EnforceTitle stands before the command that carries out a plan, EnforceFirst where no command can: with another mode
// the policy is another, and its plans are void.
var (
	EnforceTitle = fmt.Sprintf("To do exactly this, within %.0f hours of this run, or later with --plan-max-age "+
		"(at most %s):", audit.DefaultPlanAge.Hours(), rules.FormatDuration(audit.MaxPlanAge))
	EnforceFirst = "To do this, write mode: enforce into the policy, make a new dry run, and have its plan reviewed: " +
		"that of this run is void then."
)

// GiveBackTitle is the title of Restorations.
const GiveBackTitle = "Give back what they had: in our quarantine, though the policy spares them by now"

// Restorations are the commands that undo the quarantines of tokens that the policy spares by now, each with its token.
func Restorations(r *audit.Report) (asks []string) {
	ask := func(t *okta.Token, q *audit.Quarantine) {
		if q != nil && q.Spared {
			asks = append(asks, fmt.Sprintf("%s (%s): %s", Title(t), okta.Printable(t.ID), q.Restore()))
		}
	}
	for i := range r.Findings {
		ask(r.Findings[i].Token, r.Findings[i].Quarantine)
	}
	for i := range r.InQuarantine {
		ask(&r.InQuarantine[i].Token, r.InQuarantine[i].Quarantine)
	}
	return asks
}

// CalledOffTitle is the title of the steps that were announced and do not come.
func CalledOffTitle(r *audit.Report) string {
	if r.Mode == rules.DryRun {
		return "Announced, and an enforcing run would call it off"
	}
	return "Called off: announced, and it does not come"
}

// CalledOffNews reports whether a step was called off of which people had been told.
func CalledOffNews(r *audit.Report) bool { return r.Mode == rules.Enforce && len(r.CalledOff) > 0 }

// Count is a number of things: "1 token", "2 tokens".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// BySeverity counts the findings of a report by severity, the highest first: "3 findings: 1 critical, 2 low".
func BySeverity(r *audit.Report) string {
	if len(r.Findings) == 0 {
		return "No findings"
	}
	var parts []string
	for sev := rules.Critical; sev >= rules.Low; sev-- {
		n := 0
		for _, f := range r.Findings {
			if f.Severity == sev {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, sev))
		}
	}
	return Count(len(r.Findings), "finding") + ": " + strings.Join(parts, ", ")
}

// ShortDigest is enough of a digest to recognise it; JSON has all of it.
func ShortDigest(d string) string { return d[:min(len(d), len("sha256:")+16)] }
