package slack

import (
	"fmt"
	"slices"
	"strings"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// lasting reports whether what people are called for is told once: no later run has these findings as fresh, or these
// changes.
func lasting(r *audit.Report) bool {
	return slices.ContainsFunc(r.Findings, func(f audit.Finding) bool {
		return f.Outcome == audit.Failed || slices.ContainsFunc(f.Fresh, isCritical)
	})
}

func isCritical(r *rules.Rule) bool { return r.Severity == rules.Critical }

// Alert renders the new reply, also shown in the channel, that calls the people of the policy: for a
// run that failed, stopped or was interrupted, for changes that failed, and for critical findings that are
// new. It returns false if there is nothing to call people for.
func Alert(r *audit.Report, o Options) (Message, bool) {
	if o.Stage == Before {
		return Message{}, false
	}
	var says, items []string
	switch {
	case o.Stage == Interrupted:
		says, items = append(says, "the run was interrupted"), append(items, whatToDo(r, o))
	case !r.Complete:
		says, items = append(says, "the run failed: nothing was judged"),
			append(items, safe(why(r), 500), whatToDo(r, o))
	case r.Stopped || r.Err != nil:
		says, items = append(says, "the run stopped"), append(items, safe(why(r), 500))
	}
	var failed, critical []string
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Outcome == audit.Failed:
			failed = append(failed, fmt.Sprintf("%s failed: %s (%s): %s", f.Step, safe(notify.Title(f.Token), 60),
				safe(f.Token.ID, 24), safe(f.Reason, 200)))
		case slices.ContainsFunc(f.Fresh, isCritical):
			rule := f.Fresh[slices.IndexFunc(f.Fresh, isCritical)].ID
			critical = append(critical, fmt.Sprintf("critical: %s (%s) of %s: %s, rule %s",
				safe(notify.Title(f.Token), 60), safe(f.Token.ID, 24), safe(notify.Owner(f.Token), 40),
				safe(next(f), 80), safe(rule, 40)))
		}
	}
	if n := len(failed); n > 0 {
		says, items = append(says, notify.Count(n, "change")+" failed"), append(items, firstFew(failed)...)
	}
	if n := len(critical); n > 0 {
		s := notify.Count(n, "new critical finding")
		if !r.Changes.Known {
			s = notify.Count(n, "critical finding") + " (it can't be told whether they are new)"
		}
		says, items = append(says, s), append(items, firstFew(critical)...)
	}
	if len(says) == 0 {
		return Message{}, false
	}
	text := fmt.Sprintf("tokensweep %s of %s needs a person: %s.", r.Mode, host(r), strings.Join(says, "; "))
	b := newBuilder(r, "alert", o)
	b.section(strings.TrimSpace(mentions(o.Mention) + " :rotating_light: " + text))
	b.bullets("What and why", items)
	b.context("run " + safe(r.ID, 60))
	m := b.message(text)
	m.Broadcast = true
	return m, true
}

// firstFew takes the first five and counts the others.
func firstFew(items []string) []string {
	const most = 5
	if len(items) <= most {
		return items
	}
	return append(items[:most:most], fmt.Sprintf("%d more, all in findings.csv of this run.", len(items)-most))
}

// OwnerMessage renders the direct message to the owner with an id of Okta's: their own tokens and nobody
// else's. It returns false if nothing about them is new or was acted on.
func OwnerMessage(r *audit.Report, userID string, o Options) (Message, bool) {
	var items []string
	told := &audit.Report{}
	news := false
	for i := range r.Findings {
		f := &r.Findings[i]
		spared := f.Quarantine == nil && (f.Outcome == audit.Exempt || f.Outcome == audit.Unknown)
		if userID == "" || f.Token.UserID != okta.Some(userID) || spared {
			continue
		}
		news = news || f.Change != audit.Ongoing || f.Moved != "" || f.Announced || changedHere(f) ||
			f.Outcome == audit.Failed
		told.Findings = append(told.Findings, *f)
		items = append(items, ownerItem(f))
	}
	for i := range r.InQuarantine {
		if k := &r.InQuarantine[i].Token; userID != "" && k.UserID == okta.Some(userID) {
			items = append(items, safe(fmt.Sprintf("%s (%s): no rule is about it, and %s", safe(notify.Title(k), 60),
				safe(k.ID, 24), r.InQuarantine[i]), 400))
		}
	}
	off := calledOffItems(r, userID)
	if !news && len(off) == 0 || !r.Complete {
		return Message{}, false
	}
	yours := notify.Count(len(items), "Okta API token") + " of yours"
	if len(items) == 0 {
		yours = notify.Count(len(off), "step") + " called off for Okta API tokens of yours"
	}
	text := fmt.Sprintf("%s on %s: tokensweep %s of %s", yours, host(r), r.Mode, r.AsOf.UTC().Format("2006-01-02"))
	b := newBuilder(r, ledger.OwnerPart+safe(userID, 40), o)
	b.header(yours)
	state := "Nothing was changed."
	if doneWords(told) != unchanged {
		state = "Changed: " + doneWords(told) + "."
	} else if o.Stage == Before {
		state = "About to " + dueWords(told) + "."
	}
	b.section(fmt.Sprintf("*%s*\n*%s* of *%s*, as of %s", state, r.Mode, host(r),
		r.AsOf.UTC().Format("2006-01-02 15:04 MST")))
	const most = 10
	if len(items) > most {
		items = append(items[:most:most],
			fmt.Sprintf("%d more tokens of yours: ask whoever sent this for the report of this run.", len(items)-most))
	}
	b.bullets(notify.CalledOffTitle(r), some(off, 2000))
	b.bullets("Your tokens", items)
	b.bullets("What to do", adviceItems(told, 2000))
	b.section(whomToAsk(o))
	b.context("run " + safe(r.ID, 60))
	m := b.message(text)
	payload := m.Metadata.EventPayload
	for key := range payload { // the counts of the whole run are not for an owner
		switch key {
		case "schema", "run_id", "part", "rev":
		default:
			delete(payload, key)
		}
	}
	payload["findings"] = len(told.Findings)
	return m, true
}
