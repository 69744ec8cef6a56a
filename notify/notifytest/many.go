package notifytest

import (
	"fmt"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

const policyOfMany = `version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - id: admin
    severity: critical
    description: Used by nobody for a month.
    when: {lastUsed: {olderThan: 26d}}
    then: {quarantine: 3d}
    advice: Use an OAuth app.
  - id: idle
    severity: high
    when: {lastUsed: {olderThan: 14d}}
    then: {quarantine: 3d}
    advice: "Ask <!channel> at https://evil.example *now*."
  - id: client
    severity: low
    when: {clientName: {notIn: [Okta API]}}
    then: flag
    advice: Use an OAuth app.
`

// Many is a report with n findings of all severities, hostile names among them.
func Many(n int, mode rules.Mode) *audit.Report {
	p, err := rules.Parse("policy.yaml", []byte(policyOfMany))
	if err != nil {
		panic(err) // the policy above is at fault
	}
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: mode,
		Started: Now, Finished: Now.Add(1500 * time.Millisecond), AsOf: Now, OrgURL: "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyMode: rules.Enforce,
		PolicyDigest: "sha256:" + strings.Repeat("0123456789abcdef", 4),
		Digest:       "sha256:" + strings.Repeat("fedcba9876543210", 4),
		Tokens:       n + 40, Pages: 3, Complete: true, Head: ledger.Head{Seq: 17, Hash: "0123456789ab"},
	}
	severities := []rules.Severity{rules.Critical, rules.High, rules.Low}
	for _, severity := range severities {
		for i := range n {
			if severity == severities[i%3] {
				r.Findings = append(r.Findings, oneOfMany(p, i, severity))
			}
		}
	}
	if n > 0 {
		r.Changes = audit.Changes{New: n / 6, Ongoing: n - n/6, Resolved: 3, Known: true}
		r.Vanished = []audit.Vanished{{ID: "00Tgone", Name: "<!here> gone", Reason: "revoked by hand: <@U1>"}}
		r.Notes = []string{"a note with `code` and <!channel>"}
	}
	return r
}

func oneOfMany(p *rules.Policy, i int, severity rules.Severity) audit.Finding {
	name, used := fmt.Sprintf("ci-deploy-%d", i), []int{28, 20, 1}[i%3]
	if i%4 == 1 {
		name = Hostile[i/4%len(Hostile)]
	}
	k := Token(i, name, "Okta Script", 300, used)
	k.Owner = &okta.Owner{
		Login:  okta.Some(fmt.Sprintf("ana.%d@acme.example", i%7)),
		Status: okta.Some("ACTIVE"), Roles: okta.Some([]string{}),
	}
	if i%5 == 1 {
		k.Owner.Login = okta.Some("<@U123> *eve* " + Hostile[i/5%len(Hostile)])
	}
	v := p.Evaluate(&k, Now)
	f := audit.Finding{
		Token: &k, Matched: v.Matched, Unknown: v.Unknown, Severity: severity, At: Now,
		Step: rules.Flag, Outcome: audit.Flagged, Change: audit.Ongoing,
	}
	if i%6 == 0 {
		f.Change, f.Fresh = audit.New, []*rules.Rule{v.Matched[0].Rule}
	}
	switch {
	case severity == rules.Low && i%2 == 0:
		f.Outcome = []audit.Outcome{audit.Protected, audit.Exempt, audit.Unknown}[i/6%3]
		f.Step, f.Reason = rules.Quarantine, "why not: <http://evil.example|see>"
	case severity == rules.Critical:
		f.Outcome, f.Step, f.Due = audit.WouldQuarantine, rules.Quarantine, Now
	case severity == rules.High:
		f.Outcome, f.Step, f.Due = audit.Pending, rules.Quarantine, Now.Add(72*time.Hour)
	}
	return f
}

// Act makes the report that of a run that acted: some changes were made, some failed, some were held.
func Act(r *audit.Report) *audit.Report {
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

// CalledOff is a report in which nothing is new but that a step was called off, of which the owner 00uowner had been
// told, or not.
func CalledOff(told bool) *audit.Report {
	r := Many(3, rules.Enforce)
	for i := range r.Findings {
		r.Findings[i].Change, r.Findings[i].Fresh = audit.Ongoing, nil
	}
	k := Token(88, "<!channel> calm", "Okta API", 300, 1)
	k.UserID = okta.Some("00uowner")
	r.CalledOff = []audit.CalledOff{{
		Token: k, Rule: "idle", Announced: Now.Add(-24 * time.Hour), Ended: Now,
		Why: "it is exempt now", OwnerTold: told,
		Steps: []audit.StepDue{{Step: rules.Revoke, Due: Now.Add(72 * time.Hour)}},
	}}
	return r
}

// CutOff is a report with two tokens of the owner 00uowner in quarantine that the policy spares: an exempt one, and one
// that no rule concerns.
func CutOff() *audit.Report {
	r := Many(4, rules.Enforce)
	in := func(id string) *audit.Quarantine {
		return &audit.Quarantine{ID: id, Since: Now.Add(-24 * time.Hour), Ends: Now.Add(72 * time.Hour), Spared: true}
	}
	f := &r.Findings[0]
	f.Outcome, f.Reason, f.Quarantine = audit.Exempt, "the exemption", in(f.Token.ID)
	f.Token.UserID = okta.Some("00uowner")
	k := Token(77, "calm", "Okta API", 300, 1)
	k.UserID = okta.Some("00uowner")
	r.InQuarantine = []audit.InQuarantine{{Token: k, Quarantine: in(k.ID)}}
	return r
}
