package cli

import (
	"time"

	"tokensweep/okta/oktatest"
)

// demoOrg is an org of some sixty tokens as they are found in the wild, on pages of twenty.
func demoOrg(now func() time.Time) oktatest.Config {
	d := &demoTokens{now: now().UTC().Truncate(time.Second)}
	me := oktatest.UserID(1)
	own := d.add("audit-laptop (personal)", 0, 20, me)
	d.crowd()
	d.trouble()
	return oktatest.Config{
		Credential: demoCredential, Me: me, OwnToken: own, Tokens: d.list, Users: demoUsers(d.now), PageSize: 20,
		Now:       now,
		Zones:     []oktatest.Zone{{ID: demoZone, Name: "nobody"}},
		RateLimit: oktatest.RateLimit{Limit: 600, Window: time.Minute},
	}
}

// demoUsers are the owners of the tokens, but for one who has left.
func demoUsers(now time.Time) []oktatest.User {
	users := []oktatest.User{
		{Login: "audit@acme.example", Roles: []string{"SUPER_ADMIN"}},
		{Login: "alex@acme.example", Roles: []string{"ORG_ADMIN"}},
		{Login: "bo@acme.example", Roles: []string{"SUPER_ADMIN"}},
		{Login: "chris@acme.example", Roles: []string{"READ_ONLY_ADMIN"}},
		{Login: "dana@acme.example", Roles: []string{"SUPER_ADMIN"}},
		{Login: "eli@contractor.example", Status: "SUSPENDED", Roles: []string{"APP_ADMIN"}},
		{Login: "fran@acme.example", Roles: []string{"USER_ADMIN"}},
		{Login: "kim@acme.example", Roles: []string{"ORG_ADMIN"}},
		{Login: "lee@acme.example", Roles: []string{"GROUP_MEMBERSHIP_ADMIN"}},
	}
	for i := range users {
		users[i].ID, users[i].LastLogin = oktatest.UserID(1+i), now.Add(-time.Duration(i)*30*time.Hour)
	}
	return users
}

type demoTokens struct {
	now  time.Time
	list []oktatest.Token
}

// add makes a token that was last used idle days ago and created age days ago, and returns its id.
func (d *demoTokens) add(name string, idle, age int, owner string) string {
	n := len(d.list) + 1
	if owner == "" {
		owner = oktatest.UserID(2 + n%9)
	}
	day := func(n int) time.Time {
		return d.now.Add(-time.Duration(n)*24*time.Hour - time.Duration(n)*7*time.Minute)
	}
	d.list = append(d.list, oktatest.Token{
		ID: oktatest.TokenID(n), Name: name, UserID: owner, Created: day(age), LastUsed: day(idle),
	})
	return d.list[n-1].ID
}

// last is the token that was added last, to be changed.
func (d *demoTokens) last() *oktatest.Token { return &d.list[len(d.list)-1] }

// crowd adds what a healthy org has most of: tokens in daily use.
func (d *demoTokens) crowd() {
	for i, what := range []string{"backup", "billing", "ci-runner", "grafana", "hr-sync", "jira-bridge", "onboarding",
		"reporting", "scim-sync", "vpn-groups"} {
		for j, where := range []string{"eu", "us", "apac", "test"} {
			d.add(what+"-"+where, (i+j)%6, 60+17*i+5*j, "")
			if j == 2 {
				d.last().ClientName = "Terraform Provider"
			}
			if where != "test" {
				d.last().Network = oktatest.Network{Connection: "ZONE", Include: []string{"nzo5corporate0network"}}
			}
		}
	}
}

// trouble adds what a sweep is for.
func (d *demoTokens) trouble() {
	d.add("wiki-export", 22, 300, "")
	d.add("old-laptop-script", 27, 410, "")
	d.add("grafana-trial", 25, 90, "")
	d.add("dr-failover", 26, 500, "")
	d.add("dr-restore", 24, 500, "")
	d.add("migration-2025", 3, 320, "")
	d.add("dc01.corp.acme.example", 28, 700, "")
	d.last().ClientName = "Okta AD Agent"
	d.add("ldap02.corp.acme.example", 0, 650, "")
	d.last().ClientName = "Okta LDAP Agent"
	d.add("export-nightly", 1, 800, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("export-weekly", 5, 810, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("export-retry", 0, 0, "")
	d.last().ClientName = "Legacy Exporter"
	d.add("tried-once", 0, 18, "")
	d.last().LastUsed = time.Time{}
	d.add("for-the-workshop", 0, 25, "")
	d.last().LastUsed = time.Time{}
	d.add("kim (personal)", 2, 45, "")
	d.add("shadow-it", 3, 33, "")
	d.last().ClientName = "Zap & Sync <beta>"
	d.add("<!channel> *urgent* [renew](https://evil.example)", 4, 12, "")
	d.last().ClientName = "Totally Okta\u202eIPA"
	d.add("innocent\x1b[2K\rnothing to see here", 5, 40, "")
	d.last().ClientName = "=HYPERLINK(\"https://evil.example\")"
	d.add("prod-deploy", 0, 200, "")
	d.add("prod-provisioning", 1, 210, "")
	d.add("prod-restricted", 1, 220, "")
	d.last().Network = oktatest.Network{Connection: "ZONE", Exclude: []string{"nzo9tor0exit0nodes000"}}
	d.add("half-a-token", 0, 100, "")
	d.last().Omit = []string{"expiresAt", "tokenWindow"}
	d.add("no-client-name", 2, 100, "")
	d.last().Omit = []string{"clientName"}
}
