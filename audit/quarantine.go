package audit

import (
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// Quarantine says that a token is in our quarantine.
type Quarantine struct {
	// ID is the token's.
	ID string
	// Open is what its zone contains, so that it can be used from there; "" for nobody. Unread says that this isn't
	// known.
	Open   string
	Unread bool
	// Since is when it was put there; zero if the ledger has no record of that, and only its network condition shows
	// it. ByHand says that a person put it there.
	Since  time.Time
	ByHand bool
	// Ends is when Okta ends it, since nobody can use it; zero if that isn't known.
	Ends time.Time
	// Doubtful says that its network condition is not known, so that it may not be there any more.
	Doubtful bool
	// Spared says that the policy would not put it there now: a person should restore it.
	Spared bool
}

// InQuarantine is a token that is in our quarantine, and that no rule concerns.
type InQuarantine struct {
	Token okta.Token
	*Quarantine
}

// quarantine says whether a token is in quarantine, by q, our record of it, or by its own network condition; nil if it
// isn't. Spared is not set yet: it depends on the outcome.
func (d *decider) quarantine(t *okta.Token, q *ledger.Quarantine) *Quarantine {
	zone := d.policy.QuarantineZone
	doubtful := q != nil && !conditionKnown(t.Network)
	recorded := q != nil && sameCondition(t.Network, q.After)
	if !doubtful && !recorded && (zone == "" || !sameCondition(t.Network, zoneCondition(zone))) {
		return nil
	}
	in := &Quarantine{ID: t.ID, Doubtful: doubtful}
	in.Ends, _ = t.ExpiresAt.Get()
	if doubtful || recorded {
		in.Since, in.ByHand = q.At, q.By == ledger.ByHand
	}
	if in.certain() {
		contents, read := d.zones.of(conditionOf(t))
		in.Open, in.Unread = contents, !read
	}
	return in
}

// CutOff reports whether the token can't be used, as far as is known.
func (q *Quarantine) CutOff() bool { return q.certain() && q.Open == "" }

// certain reports whether the token is in quarantine for certain, whoever its zone contains.
func (q *Quarantine) certain() bool { return q != nil && !q.Doubtful }

// noteSpared sets Spared by the outcome of the token, "" where no rule concerns it. A quarantine by hand needs no rule.
func (q *Quarantine) noteSpared(o Outcome) {
	if q == nil || q.Since.IsZero() {
		return
	}
	switch o {
	case Exempt, Protected:
		q.Spared = true
	case Flagged, "":
		q.Spared = !q.ByHand
	}
}

// Why returns the sentences about a finding other than those of its rules and its remark: its reason, and its
// quarantine.
func (f *Finding) Why() (why []string) {
	in := f.Quarantine.String()
	if f.Reason != "" && (in == "" || f.Reason != f.Quarantine.since()) {
		why = append(why, f.Reason)
	}
	if in != "" {
		why = append(why, in)
	}
	return why
}

// since says since when.
func (q *Quarantine) since() string {
	switch {
	case q.Doubtful:
		return "it was put into quarantine, and whether it still is can't be told: its network condition is not known"
	case q.Since.IsZero():
		return "its network condition is that of the quarantine already"
	case q.ByHand:
		return "quarantined since " + q.Since.UTC().Format(time.RFC3339) + " by hand"
	}
	return "quarantined since " + q.Since.UTC().Format(time.RFC3339)
}

// String says since when the token is in quarantine, what that means for it, and how to restore it if the policy spares
// it by now; "" if it is in none.
func (q *Quarantine) String() string {
	if q == nil {
		return ""
	}
	says := q.since()
	if q.Open != "" {
		says += " (zone contains " + q.Open + ": it is not cut off)"
	}
	if q.CutOff() {
		if says += ": nobody can use it"; q.Unread {
			says += " if its zone contains nobody, which was not found out"
		}
		says += ", and Okta ends it for that"
		if !q.Ends.IsZero() {
			says += " on " + q.Ends.UTC().Format(time.RFC3339)
		}
	}
	if q.Spared {
		says += "; the policy spares it by now, and to give back what it had: " + q.Restore()
	}
	return says
}

// Restore is the command that gives back what the token had.
func (q *Quarantine) Restore() string { return "tokensweep tokens restore " + okta.Printable(q.ID) }
