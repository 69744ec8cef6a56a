// Package notifytest has reports for the tests of everything that renders or posts one.
package notifytest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Now is the instant of these reports.
var Now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// Ago is a time so many days before Now.
func Ago(days int) okta.Opt[time.Time] {
	return okta.Some(Now.Add(-time.Duration(days) * 24 * time.Hour))
}

// Token is one that was created and last used so many days ago.
func Token(n int, name, client string, created, used int) okta.Token {
	return okta.Token{
		ID: fmt.Sprintf("00T%014d1d7", n), Name: okta.Some(name), ClientName: okta.Some(client),
		UserID:  okta.Some(fmt.Sprintf("00u%014d1d7", n%3)),
		Created: Ago(created), LastUpdated: Ago(used), ExpiresAt: Ago(used - 30),
		TokenWindow: okta.Some(okta.DefaultTokenWindow),
		Network:     okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")}),
	}
}

// Hostile are names and clients that try to be something else.
var Hostile = []string{
	"\x1b]0;owned\x07\x1b[31mred\x1b[2K\r", "two\nlines\tand a tab", "user\u202etxt.exe", "\u200bzero\ufeff",
	"\u009b31m", "bad\xffutf8",
	`=HYPERLINK("https://evil.example")`, "@SUM(A1)", "x; =cmd|'/C calc'!A0;",
	`a\|<img src=x onerror=alert(1)>[click](https://evil.example)`, "-", "+1", "-1+2", "＝1+1", "'quote", "a,b;c\"d\"",
	"<script>alert(1)</script>", "[link](https://evil.example)", "`code` ``more``", "|cell|", "**bold** _it_ #h",
	"<!channel> @here", "日本語の名前 ünïcödé 😀", "",
	strings.Repeat("long ", 100),
}

// Report is that of a dry run with findings of every sort, in which Hostile is flagged.
func Report() *audit.Report {
	p, err := rules.Parse("policy.yaml", []byte(`version: 1
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
rules:
  - {id: idle, severity: high, when: {lastUsed: {olderThan: 21d}}, then: {quarantine: 3d}, advice: Use an OAuth app.}
  - {id: client, severity: low, when: {clientName: {notIn: [Okta API]}}, then: flag}
`))
	if err != nil {
		panic(err) // the policy above is at fault
	}
	r := &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: rules.DryRun, Started: Now, Finished: Now.Add(1500 * time.Millisecond),
		AsOf: Now, OrgURL: "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyDigest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Digest: "sha256:" +
			strings.Repeat("fedcba9876543210", 4),
		Tokens: 418, Pages: 3, Complete: true, Notes: []string{"something to know, with a name: \x1b[31m\u202e"},
	}
	add := func(k okta.Token, outcome audit.Outcome, step rules.Step, reason string) {
		v := p.Evaluate(&k, Now)
		f := audit.Finding{Token: &k, Matched: v.Matched, Unknown: v.Unknown, Outcome: outcome, Step: step,
			Reason: reason, Severity: rules.Low, At: Now}
		if len(v.Matched) > 0 {
			f.Severity = v.Matched[0].Rule.Severity
		}
		if outcome == audit.Pending {
			f.Due = Now.Add(72 * time.Hour)
		}
		r.Findings = append(r.Findings, f)
	}
	add(Token(1, "wiki-export", "Okta API", 300, 28), audit.Pending, rules.Quarantine, "")
	never := Token(2, "tried-once", "Okta API", 25, 25)
	add(never, audit.WouldQuarantine, rules.Quarantine, "")
	add(Token(3, "dc01.corp.example", "Okta AD Agent", 300, 27), audit.Protected, rules.Quarantine,
		`client "Okta AD Agent" is not in protect.actOnClients`)
	for i, s := range Hostile {
		add(Token(10+i, s, s+"!", 100, 1), audit.Flagged, rules.Flag, "")
	}
	half := okta.Token{ID: "agent\x1b[0m/7", ClientName: okta.Unreadable[string](),
		Created: okta.Unreadable[time.Time]()}
	add(half, audit.Unknown, 0, "rule client: clientName unknown: it is malformed")
	return r
}

// Failed is the report of a run whose list broke off.
func Failed() *audit.Report {
	return &audit.Report{
		ID: "20261124T090000Z-abcdef", Mode: rules.DryRun, Started: Now, Finished: Now, OrgURL: "https://acme.okta.com",
		PolicyFile: "policy.yaml", PolicyDigest: "sha256:00",
		Tokens: 400, Pages: 2, Err: errors.New("listing incomplete: page 3, after 400 tokens: \x1b[31mtwo different " +
			"links to a next page"), Code: audit.Incomplete,
	}
}
