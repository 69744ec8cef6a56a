package audit_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// byName are checks by their names, of which no two are the same.
func byName(t *testing.T, checks []audit.Check) map[string]audit.Check {
	t.Helper()
	found := make(map[string]audit.Check)
	for _, c := range checks {
		require.NotContains(t, found, c.Name)
		require.Equal(t, c.Status == audit.Failure, c.Code != audit.OK, "%+v", c)
		require.NotEmpty(t, c.Detail, "%+v", c)
		found[c.Name] = c
	}
	return found
}

// healthy is an org about which doctor has nothing to say.
func healthy() oktatest.Config {
	return oktatest.Config{
		Me: oktatest.UserID(9), OwnToken: oktatest.TokenID(9), Zones: []oktatest.Zone{{ID: zoneID, Name: "nobody"}},
		PageSize:  1,
		RateLimit: oktatest.RateLimit{Limit: 600}, Users: []oktatest.User{
			{ID: oktatest.UserID(1), Login: "kim@acme.example", Roles: []string{"ORG_ADMIN"}}},
		Tokens: []oktatest.Token{idleToken(1), {ID: oktatest.TokenID(9), Name: "own", UserID: oktatest.UserID(9),
			Created: ago(100), LastUsed: now,
			Network: oktatest.Network{Connection: "ZONE", Include: []string{zoneID}}}},
	}
}

// superAdmin makes the token in use one of a super administrator, with a network condition.
func superAdmin(connection string) func(*oktatest.Config) {
	return func(c *oktatest.Config) {
		c.Users = append(c.Users, oktatest.User{ID: oktatest.UserID(9), Login: "root@acme.example",
			Roles: []string{"SUPER_ADMIN"}})
		c.Tokens[1].Network = oktatest.Network{Connection: connection}
	}
}

const doctorPolicy = limits + "rules: [{id: left, when: {owner.status: {is: SUSPENDED}}, then: {quarantine: 1d}}]"

func TestAHealthyOrgPassesEveryCheck(t *testing.T) {
	for _, enforce := range []bool{false, true} {
		org, reader := start(t, healthy())
		checks, _ := audit.CheckOrg(t.Context(), audit.OrgCheck{Org: reader, Policy: policy(t, doctorPolicy),
			Enforce: enforce, Now: func() time.Time { return now }})
		for name, c := range byName(t, checks) {
			if name == "clock" || name == "scopes" { // the org's clock stands still; an API token has no scopes
				continue
			}
			require.Equal(t, audit.Good, c.Status, "%+v", c)
			require.Empty(t, c.Advice)
		}
		for _, r := range org.Requests() {
			require.Equal(t, http.MethodGet, r.Method)
		}
		require.Empty(t, org.Requests()[0].Header.Get("Authorization"),
			"which org it is, is asked before a credential is shown")
	}
}

func TestWhatDoctorSaysOfEachFaultOfAnOrg(t *testing.T) {
	const users = "/api/v1/users/*"
	list, me, zones := "/api/v1/api-tokens", "/api/v1/users/me", "/api/v1/zones/*"
	sampled := oktatest.TokenID(1) // the first one that has an owner
	for _, row := range []struct {
		name    string
		fault   oktatest.Fault
		spoil   func(*oktatest.Config)
		policy  string // "" for doctorPolicy
		enforce bool
		check   string
		status  audit.Status
		code    audit.ExitCode
		detail  string
		skipped int
	}{
		{name: "not an Okta org", fault: oktatest.Fault{Path: "/.well-known/okta-organization", Body: "<html>"},
			check: "org", status: audit.Failure, code: audit.Incomplete, detail: "a page of HTML", skipped: 9},
		{name: "an org without an id", fault: oktatest.Fault{Path: "/.well-known/okta-organization", Body: "{}"},
			check: "org", status: audit.Failure, code: audit.Incomplete, detail: "is this an Okta org?", skipped: 9},
		{name: "pinned to another org", policy: "org: https://other.okta.com\n" + doctorPolicy, check: "org",
			status: audit.Failure, code: audit.Usage, detail: "is pinned to https://other.okta.com", skipped: 9},
		{name: "an org of the Classic Engine", fault: oktatest.Fault{Path: "/.well-known/okta-organization",
			Body: `{"id":"` + oktatest.OrgID(1) + `","pipeline":"v1"}`}, check: "org", status: audit.Good, detail: "Classic"},
		{name: "a credential that is refused", fault: oktatest.Fault{Path: me, Status: 401}, check: "identity",
			status: audit.Failure, code: audit.NoAccess, detail: "401", skipped: 8},
		{name: "a credential of nobody, in a dry run", fault: oktatest.Fault{Path: me, Status: 404}, check: "identity",
			status: audit.Warning, detail: "could not be read"},
		{name: "a credential of nobody, to enforce", fault: oktatest.Fault{Path: me, Status: 404}, enforce: true,
			check: "identity", status: audit.Failure, code: audit.Usage, detail: "could not be read"},
		{name: "the same on the list", fault: oktatest.Fault{Path: me, Status: 404}, check: "own token",
			status: audit.Warning, detail: "can't be told from others"},
		{name: "no permission to list", fault: oktatest.Fault{Path: list, Status: 403}, check: "listing",
			status: audit.Failure, code: audit.NoAccess, detail: "403", skipped: 6},
		{name: "a listing that is cut", fault: oktatest.Fault{Page: 2, Body: "null"}, check: "listing",
			status: audit.Failure, code: audit.Incomplete, detail: "page 2", skipped: 6},
		{name: "a role that sees a part", spoil: func(c *oktatest.Config) { c.Tokens, c.OwnToken = c.Tokens[:1], "" },
			check: "own token", status: audit.Warning, detail: "only a part"},
		{name: "several tokens that may be ours", spoil: func(c *oktatest.Config) {
			c.Tokens = append(c.Tokens, oktatest.Token{ID: oktatest.TokenID(8), UserID: oktatest.UserID(9),
				Created: ago(100), LastUsed: ago(20)})
		}, check: "own token", status: audit.Warning, detail: "all spared: 2"},
		{name: "a super administrator's token that works from anywhere", spoil: superAdmin("ANYWHERE"),
			check: "own token", status: audit.Warning, detail: "a super administrator's and works from anywhere"},
		{name: "one that is limited to a zone", spoil: superAdmin("ZONE"), check: "own token", status: audit.Good},
		{name: "no permission to read owners", fault: oktatest.Fault{Path: users, Skip: 1, Status: 403},
			check: "owners", status: audit.Warning, detail: "okta.users.read missing"},
		{name: "no permission to read roles", fault: oktatest.Fault{Path: users + "/roles", Status: 403},
			check: "owners", status: audit.Warning, detail: "okta.roles.read missing"},
		{name: "the same for one's own", fault: oktatest.Fault{Path: users + "/roles", Status: 403}, check: "identity",
			status: audit.Good, detail: "roles not readable"},
		{name: "no token that names an owner", spoil: func(c *oktatest.Config) {
			c.Tokens, c.OwnToken = c.Tokens[:1],
				""
			c.Tokens[0].UserID = ""
		}, check: "owners", status: audit.Skipped, detail: "no listed token"},
		{name: "no token at all", spoil: func(c *oktatest.Config) { c.Tokens, c.OwnToken = nil, "" }, check: "change",
			status: audit.Skipped, detail: "no token that could be changed"},
		{name: "no right to revoke, which a dry run does not need", fault: oktatest.Fault{Path: list + "/*",
			Body: `{"id":"` + sampled + `","_links":{"self":{"hints":{"allow":["GET"]}}}}`}, check: "change",
			status: audit.Good, detail: "does not allow"},
		{name: "no right to revoke, to enforce", fault: oktatest.Fault{Path: list + "/*", Body: `{"id":"` + sampled +
			`","_links":{"self":{"hints":{"allow":["GET"]}}}}`}, enforce: true, check: "change", status: audit.Failure,
			code: audit.NoAccess, detail: "(allowed: GET)"},
		{name: "no word about rights", fault: oktatest.Fault{Path: list + "/*", Body: `{"id":"` + sampled +
			`","_links":null}`}, check: "change", status: audit.Warning, detail: "okta does not say"},
		{name: "a token that vanishes", fault: oktatest.Fault{Path: list + "/*", Status: 404}, check: "change",
			status: audit.Skipped, detail: "vanished"},
		{name: "no zone, in a dry run", fault: oktatest.Fault{Path: zones, Status: 404}, check: "zone",
			status: audit.Warning, detail: "does not exist"},
		{name: "no zone, to enforce", fault: oktatest.Fault{Path: zones, Status: 404}, enforce: true, check: "zone",
			status: audit.Failure, code: audit.Usage, detail: "does not exist"},
		{name: "an inactive zone", spoil: func(c *oktatest.Config) { c.Zones[0].Status = "INACTIVE" }, enforce: true,
			check: "zone", status: audit.Failure, code: audit.Usage, detail: "INACTIVE"},
		{name: "no permission to read zones", fault: oktatest.Fault{Path: zones, Status: 403}, enforce: true,
			check: "zone", status: audit.Failure, code: audit.NoAccess, detail: "403"},
		{name: "no zone in the policy", policy: "rules: [{id: a, when: {name: x}, then: flag}]", check: "zone",
			status: audit.Skipped, detail: "no quarantine zone"},
		{name: "an hour between the clocks, in a dry run", spoil: hourAhead, check: "clock", status: audit.Warning,
			detail: "1h0m"},
		{name: "an hour between the clocks, to enforce", spoil: hourAhead, enforce: true, check: "clock",
			status: audit.Failure, code: audit.Halted, detail: "1h0m"},
		{name: "an org that does not tell its time", fault: oktatest.Fault{NoDate: true}, check: "clock",
			status: audit.Warning, detail: "does not tell its time"},
		{name: "a rate limit that others have used up", spoil: func(c *oktatest.Config) { onRealClock(c, 0) },
			fault: oktatest.Fault{Path: zones, Header: http.Header{"X-Rate-Limit-Remaining": {"300"}}},
			check: "rate limit", status: audit.Warning, detail: "300 of 600 requests are left"},
		{name: "no rate limit told", spoil: func(c *oktatest.Config) { c.RateLimit.Limit = 0 }, check: "rate limit",
			status: audit.Warning, detail: "does not tell its rate limit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := healthy()
			if row.spoil != nil {
				row.spoil(&cfg)
			}
			if row.policy == "" {
				row.policy = doctorPolicy
			}
			org, reader := startShared(t, cfg)
			if row.fault.Path != "" || row.fault.Page != 0 || row.fault.NoDate {
				org.Fault(row.fault)
			}
			checks, _ := audit.CheckOrg(t.Context(), audit.OrgCheck{Org: reader, Policy: policy(t, row.policy),
				Enforce: row.enforce})
			found := byName(t, checks)
			require.Len(t, found, 10, "always the same checks")
			c := found[row.check]
			require.Equal(t, row.status, c.Status, "%+v", c)
			require.Equal(t, row.code, c.Code)
			require.Contains(t, c.Detail, row.detail)
			require.Equal(t, c.Status == audit.Failure || c.Status == audit.Warning, c.Advice != "", "%+v", c)
			missed := 0
			for _, c := range checks {
				if c.Detail == "not looked at after the failure above" {
					missed++
				}
			}
			require.Equal(t, row.skipped, missed)
			for _, r := range org.Requests() {
				require.Equal(t, http.MethodGet, r.Method)
			}
		})
	}
}

func hourAhead(c *oktatest.Config) { onRealClock(c, time.Hour) }

// onRealClock moves an org, and the past of its tokens, from the clock of these tests to a time ahead of the real one.
func onRealClock(c *oktatest.Config, ahead time.Duration) {
	for i := range c.Tokens {
		t := &c.Tokens[i]
		for _, moment := range []*time.Time{&t.Created, &t.LastUsed} {
			*moment = moment.Add(time.Since(now))
		}
	}
	c.Now = func() time.Time { return time.Now().Add(ahead) }
}

// startShared starts an org, and a client that uses half of its rate limit.
func startShared(t *testing.T, cfg oktatest.Config) (*oktatest.Server, *okta.Reader) {
	t.Helper()
	org, _ := start(t, cfg)
	c, err := okta.New(okta.Options{OrgURL: org.URL(), Token: okta.NewSecret(canary)})
	require.NoError(t, err)
	return org, c.Reader
}

func TestWhatDoctorSaysOfAStateDirectory(t *testing.T) {
	const url = "https://acme.okta.com"
	write := func(records ...ledger.Record) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			l, err := ledger.InDirectory(dir).Open(func() time.Time { return now })
			require.NoError(t, err)
			for _, r := range records {
				_, err := l.Append(r)
				require.NoError(t, err)
			}
			require.NoError(t, l.Close())
		}
	}
	begun := ledger.Record{Kind: ledger.Begun, Run: "r1", Org: url, Mode: "enforce"}
	ended := ledger.Record{Kind: ledger.Ended, Run: "r1", ExitCode: 20}
	intent := ledger.Record{Kind: ledger.Intent, Run: "r1", Token: oktatest.TokenID(1), Step: ledger.StepRevoke,
		By: ledger.ByRun}
	for _, row := range []struct {
		name    string
		make    func(*testing.T, string)
		dir     string // below a directory that is there; "-" for none
		wanted  bool
		enforce bool
		later   time.Duration
		check   string
		status  audit.Status
		code    audit.ExitCode
		detail  string
	}{
		{name: "none", dir: "-", check: "state", status: audit.Skipped, detail: "no state directory"},
		{name: "none, to enforce", dir: "-", enforce: true, check: "state", status: audit.Failure, code: audit.Usage,
			detail: "takes a ledger"},
		{name: "one that nobody asked for", check: "state", status: audit.Skipped, detail: "no state directory"},
		{name: "one that the next run makes", wanted: true, check: "state", status: audit.Warning,
			detail: "begins without memory"},
		{name: "one that the next run can't make", dir: "not/there", wanted: true, check: "state",
			status: audit.Failure, code: audit.NoLedger, detail: "can't be written"},
		{name: "one without a ledger", make: func(t *testing.T, dir string) {
			require.NoError(t, os.Mkdir(dir, 0o700))
		}, check: "state", status: audit.Warning, detail: "holds no ledger yet"},
		{name: "one that anybody may write to", make: func(t *testing.T, dir string) {
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chmod(dir, 0o777))
		}, check: "state", status: audit.Failure, code: audit.NoLedger, detail: "anybody may write"},
		{name: "a file", make: func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(dir, nil, 0o600)) },
			check: "state", status: audit.Failure, code: audit.NoLedger, detail: "not a directory"},
		{name: "a sound ledger", make: write(begun, ended), check: "state", status: audit.Good,
			detail: "records 2, all sound, head 2:"},
		{name: "a run that has not ended", make: write(begun), check: "state", status: audit.Warning,
			detail: "the run r1, begun on 2026-11-24T09:00:00Z, has not ended"},
		{name: "another org's", make: write(ledger.Record{Kind: ledger.Begun, Run: "r1",
			Org: "https://other.okta.com"}), check: "state", status: audit.Failure, code: audit.Usage,
			detail: "is of https://other.okta.com"},
		{name: "the org's, under another URL", make: write(ledger.Record{Kind: ledger.Begun, Run: "r1",
			Org: "https://other.okta.com", Name: oktatest.OrgID(1)}, ended), check: "state", status: audit.Good,
			detail: "its org had the URL https://other.okta.com, and has the same id"},
		{name: "another org's, under the same URL", make: write(ledger.Record{Kind: ledger.Begun, Run: "r1", Org: url,
			Name: oktatest.OrgID(2)}), check: "state", status: audit.Failure, code: audit.Usage,
			detail: "has the id " + oktatest.OrgID(1) + " now, and had " + oktatest.OrgID(2)},
		{name: "a clock that was set back", make: write(begun, ended), later: -time.Hour, check: "state",
			status: audit.Warning, detail: "set back"},
		{name: "a clock that was set back, to enforce", make: write(begun, ended), later: -time.Hour, enforce: true,
			check: "state", status: audit.Failure, code: audit.Halted, detail: "set back"},
		{name: "a change whose outcome is not known", make: write(begun, intent, ended), check: "unsettled",
			status: audit.Warning, detail: "not known: 1, the first the revoke of the token " + oktatest.TokenID(1) +
				" in run r1"},
		{name: "a change that nobody was told of",
			make: write(begun, intent, ledger.Record{Kind: ledger.Outcome, Run: "r1", Ref: 2, Step: ledger.StepRevoke,
				Result: ledger.ResultRevoked, Settled: true}), check: "unreported", status: audit.Warning,
			detail: "told of: 1"},
		{name: "the brake, in a dry run", make: pulled, check: "brake", status: audit.Warning,
			detail: "halted by sre since 2026-11-24T09:00:00Z: drill"},
		{name: "the brake, to enforce", make: pulled, enforce: true, check: "brake", status: audit.Failure,
			code: audit.Halted, detail: "halted by sre"},
		{name: "a brake that can't be read", make: func(t *testing.T, dir string) {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "halt"), 0o700))
		}, enforce: true, check: "brake", status: audit.Failure, code: audit.Halted, detail: "halt"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			switch {
			case row.dir == "-":
				dir = ""
			case row.dir != "":
				dir = filepath.Join(filepath.Dir(dir), row.dir)
			}
			if row.make != nil {
				row.make(t, dir)
			}
			checks := audit.CheckState(audit.StateCheck{Store: ledger.InDirectory(dir), Wanted: row.wanted, OrgURL: url,
				OrgID: oktatest.OrgID(1), Enforce: row.enforce, Now: func() time.Time { return now.Add(row.later) }})
			c := byName(t, checks)[row.check]
			require.Equal(t, row.status, c.Status, "%+v", checks)
			require.Equal(t, row.code, c.Code)
			require.Contains(t, c.Detail, row.detail)
			require.Equal(t, row.code, audit.Worst(checks))
		})
	}
}

func pulled(t *testing.T, dir string) {
	require.NoError(t, ledger.InDirectory(dir).SetHalt("drill", "sre", now))
}

func TestDoctorLooksAtALedgerThatIsInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l, err := ledger.InDirectory(dir).Open(func() time.Time { return now })
	require.NoError(t, err)
	_, err = l.Append(ledger.Record{Kind: ledger.Begun, Run: "r1", Org: "https://acme.okta.com"})
	require.NoError(t, err)
	require.Equal(t, audit.Warning, audit.CheckState(audit.StateCheck{Store: ledger.InDirectory(dir),
		Now: func() time.Time {
			return now
		}})[0].Status)
	_, err = l.Append(ledger.Record{Kind: ledger.Ended, Run: "r1"})
	require.NoError(t, err, "the run goes on")
	require.NoError(t, l.Close())
}
