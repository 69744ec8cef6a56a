package audit_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

const canary = "00canaryCANARYcanaryCANARYcanaryCANARY0000"

// now is the org's clock in these tests.
var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func ago(days float64) time.Time { return now.Add(-time.Duration(days * 24 * float64(time.Hour))) }

// start starts an org and a client for it.
func start(t *testing.T, cfg oktatest.Config) (*oktatest.Server, *okta.Reader) {
	t.Helper()
	cfg.Credential = canary
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return now }
	}
	org := oktatest.Start(cfg)
	t.Cleanup(org.Close)
	c, err := okta.New(okta.Options{OrgURL: org.URL(), Token: okta.NewSecret(canary), RateShare: 1})
	require.NoError(t, err)
	return org, c.Reader
}

func policy(t *testing.T, text string) *rules.Policy {
	t.Helper()
	p, err := rules.Parse("policy.yaml", []byte("version: 1\n"+text))
	require.NoError(t, err)
	return p
}

const zone = "quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}\n"

func TestWhatComesOfAToken(t *testing.T) {
	old := oktatest.Token{Name: "old", Created: ago(100), LastUsed: ago(25)}
	idle := func(then string) string {
		return zone + "rules: [{id: idle, when: {lastUsed: {olderThan: 21d}}, then: " + then + "}]"
	}
	exempting := func(until string) string {
		return "exemptions: [{match: {name: old}, reason: drill, owner: sre, until: " + until + "}]\n"
	}
	for _, row := range []struct {
		name    string
		token   oktatest.Token
		policy  string
		step    rules.Step
		outcome audit.Outcome // "" for no finding
		due     time.Time
		reason  string
	}{
		{name: "a token that no rule matches is no finding", token: oktatest.Token{Name: "fresh", LastUsed: ago(1),
			Created: ago(100)}, policy: idle("flag")},
		{name: "a rule that only flags", token: old, policy: idle("flag"), step: rules.Flag, outcome: audit.Flagged},
		{name: "a quarantine without delay is due", token: old, policy: idle("{quarantine: 0d}"),
			step: rules.Quarantine, outcome: audit.WouldQuarantine, due: now},
		{name: "a revocation without delay is due", token: old, policy: idle("{revoke: 0d}"), step: rules.Revoke,
			outcome: audit.WouldRevoke, due: now},
		{name: "the stronger of two steps that are due wins", token: old, policy: idle("{quarantine: 0d, revoke: 0d}"),
			step: rules.Revoke, outcome: audit.WouldRevoke, due: now},
		{name: "a delayed step is pending, since a dry run starts no clock", token: old,
			policy: idle("{quarantine: 3d, revoke: 7d}"), step: rules.Quarantine, outcome: audit.Pending,
			due: now.Add(72 * time.Hour)},
		{name: "what is due wins over what is pending", token: old, policy: idle("{quarantine: 0d, revoke: 7d}"),
			step: rules.Quarantine, outcome: audit.WouldQuarantine, due: now},
		{
			name: "the strongest due step of several rules wins", token: old, step: rules.Revoke,
			outcome: audit.WouldRevoke, due: now,
			policy: zone + "rules: [{id: a, when: {name: old}, then: {quarantine: 0d}}, {id: b, when: {name: old}, " +
				"then: {revoke: 0d}}, {id: c, when: {name: old}, then: flag}]",
		},
		{
			name: "of several pending steps the next one is told, and of two at once the stronger", token: old,
			step: rules.Revoke, outcome: audit.Pending, due: now.Add(48 * time.Hour),
			policy: zone + "rules: [{id: a, when: {name: old}, then: {quarantine: 5d}}, {id: b, when: {name: old}, " +
				"then: {quarantine: 2d, revoke: 2d}}]",
		},
		{
			name: "a client that may not be acted on is protected", policy: idle("{revoke: 0d}"), step: rules.Revoke,
			outcome: audit.Protected, reason: `client "Okta AD Agent" is not in protect.actOnClients`,
			token: oktatest.Token{Name: "dc01", ClientName: "Okta AD Agent", Created: ago(100), LastUsed: ago(25)},
		},
		{
			name: "a client that may not be acted on is flagged by a rule that only flags", policy: idle("flag"),
			step: rules.Flag, outcome: audit.Flagged,
			token: oktatest.Token{Name: "dc01", ClientName: "Okta AD Agent", Created: ago(100), LastUsed: ago(25)},
		},
		{
			name: "a young token is protected", token: oktatest.Token{Name: "young", Created: ago(0.5)},
			step: rules.Revoke, outcome: audit.Protected,
			policy: "rules: [{id: x, when: {name: young}, then: {revoke: 0d}}]",
			reason: "created 12h ago (protect.newerThan 24h)",
		},
		{
			name: "a token without a client name is protected", token: oktatest.Token{Name: "old", Created: ago(100),
				LastUsed: ago(25), Omit: []string{"clientName"}},
			policy: idle("{revoke: 0d}"), step: rules.Revoke, outcome: audit.Protected,
			reason: "clientName is missing, so the client can't be found in protect.actOnClients",
		},
		{name: "an exemption in force spares", token: old, policy: exempting("2026-12-31") + idle("{revoke: 0d}"),
			step: rules.Revoke, outcome: audit.Exempt,
			reason: `exemption at policy.yaml:2 ("drill", sre, until 2026-12-31)`},
		{name: "an exemption holds through its last day", token: old, policy: exempting("2026-11-24") +
			idle("{revoke: 0d}"), step: rules.Revoke, outcome: audit.Exempt,
			reason: `exemption at policy.yaml:2 ("drill", sre, until 2026-11-24)`},
		{name: "an exemption that has ended does not spare", token: old, policy: exempting("2026-11-23") +
			idle("{revoke: 0d}"), step: rules.Revoke, outcome: audit.WouldRevoke, due: now},
		{
			name:   "an exemption that can't be judged keeps from acting",
			token:  oktatest.Token{Name: "x", Created: ago(100), LastUsed: ago(25), Omit: []string{"name"}},
			policy: exempting("2026-12-31") + idle("{revoke: 0d}"), step: rules.Revoke, outcome: audit.Unknown,
			reason: `exemption at policy.yaml:2 ("drill", sre, until 2026-12-31) can't be judged: name unknown: it ` +
				`is missing`,
		},
		{
			name: "a rule that can't be judged is told", token: oktatest.Token{Name: "half", Created: ago(20),
				Omit: []string{"expiresAt"}},
			policy: idle("{revoke: 0d}"), outcome: audit.Unknown,
			reason: "rule idle: lastUsed unknown: expiresAt is missing",
		},
		{
			name: "a rule that can't be judged does not hide one that matches", token: oktatest.Token{Name: "half",
				Created: ago(20), Omit: []string{"expiresAt"}}, step: rules.Flag, outcome: audit.Flagged,
			policy: zone + "rules: [{id: idle, when: {lastUsed: {olderThan: 21d}}, then: {revoke: 0d}}, {id: b, " +
				"when: {name: half}, then: flag}]",
		},
		{
			name: "a last use in the future can't be judged", token: oktatest.Token{Name: "odd", Created: ago(100),
				LastUsed: ago(-2)},
			policy: idle("{revoke: 0d}"), outcome: audit.Unknown,
			reason: "rule idle: lastUsed unknown: 2026-11-26T09:00:00Z lies in the future",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.token.ID, row.token.UserID = oktatest.TokenID(1), oktatest.UserID(1)
			org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: []oktatest.Token{row.token}})
			r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, row.policy)})
			require.NoError(t, r.Err)
			require.True(t, r.Complete)
			for _, request := range org.Requests() {
				require.Equal(t, http.MethodGet, request.Method)
			}
			if row.outcome == "" {
				require.Empty(t, r.Findings)
				return
			}
			require.Len(t, r.Findings, 1)
			f := r.Findings[0]
			require.Equal(t, row.outcome, f.Outcome)
			require.Equal(t, row.step, f.Step)
			require.Equal(t, row.reason, f.Reason)
			require.Equal(t, row.due, f.Due)
		})
	}
}

func TestTheTokenOfTheRunIsProtected(t *testing.T) {
	me, other := oktatest.UserID(1), oktatest.UserID(2)
	tokens := []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "own", UserID: me, Created: ago(50), LastUsed: ago(3)},
		{ID: oktatest.TokenID(2), Name: "twin", UserID: me, Created: ago(50), LastUsed: now.Add(-time.Minute)},
		{ID: oktatest.TokenID(3), Name: "mine, idle", UserID: me, Created: ago(50), LastUsed: ago(2)},
		{ID: oktatest.TokenID(4), Name: "busy, another's", UserID: other, Created: ago(50), LastUsed: now},
	}
	all := "rules: [{id: all, when: {created: {olderThan: 1d}}, then: {revoke: 0d}}]"
	outcomes := func(r *audit.Report) map[string]audit.Outcome {
		m := make(map[string]audit.Outcome)
		for _, f := range r.Findings {
			m[known(f.Token.Name)] = f.Outcome
		}
		return m
	}
	_, reader := start(t, oktatest.Config{Me: me, OwnToken: tokens[0].ID, Tokens: tokens})
	want := map[string]audit.Outcome{"own": audit.Protected, "twin": audit.Protected, "mine, idle": audit.Protected,
		"busy, another's": audit.WouldRevoke}
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, all)})
	require.Equal(t, want, outcomes(r))
	require.NotContains(t, strings.Join(r.Notes, "\n"), "the token that this run uses")
}

func TestWhatIsNotKnownDoesNotMakeATokenAnothers(t *testing.T) {
	all := "rules: [{id: all, when: {created: {olderThan: 1d}}, then: {revoke: 0d}}]"
	used := oktatest.Token{ID: oktatest.TokenID(1), Name: "a", UserID: oktatest.UserID(1), Created: ago(20),
		LastUsed: now}
	for name, row := range map[string]struct {
		omit  string
		fault oktatest.Fault
		want  string
	}{
		"its owner":    {omit: "userId", want: "its owner is not known"},
		"its last use": {omit: "expiresAt", want: "same owner"},
		"who we are": {fault: oktatest.Fault{Path: "/api/v1/users/me", Status: 403},
			want: "whose that is could not be read"},
		"nothing at all": {want: "same owner"},
	} {
		token := used
		if row.omit != "" {
			token.Omit = []string{row.omit}
		}
		org, reader := start(t, oktatest.Config{Me: oktatest.UserID(1), Tokens: []oktatest.Token{token}})
		if row.fault.Status != 0 {
			org.Fault(row.fault)
		}
		r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, all)})
		require.Len(t, r.Findings, 1, name)
		require.Equal(t, audit.Protected, r.Findings[0].Outcome, name)
		require.Contains(t, r.Findings[0].Reason, row.want, name)
	}
}

func TestNotesOnTheRunAsAWhole(t *testing.T) {
	token := oktatest.Token{ID: oktatest.TokenID(1), Name: "a", Created: ago(50), LastUsed: ago(3)}
	flag := "rules: [{id: x, when: {name: a}, then: flag}]\n"
	for _, row := range []struct {
		name, policy, want string
		cfg                oktatest.Config
		fault              oktatest.Fault
	}{
		{name: "the own token is not listed", policy: flag,
			want: "the token that this run uses is not on the list: the credential may see only a part of the org's " +
				"tokens"},
		{name: "the own token can't be told", policy: flag, fault: oktatest.Fault{Path: "/api/v1/users/me",
			Status: 403},
			want: "the token that this run uses can't be recognised on the list: GET /api/v1/users/me: 403"},
		{name: "an exemption has ended", policy: flag +
			"exemptions: [{match: {name: a}, reason: r, owner: o, until: 2026-01-31}]",
			want: `policy.yaml:3:14: the exemption ("r", o, until 2026-01-31) has ended, and tokens that it matches ` +
				`are exempt no more (1): remove it, or renew it`},
		{name: "an exemption matches nothing", policy: flag +
			"exemptions: [{match: {name: b}, reason: r, owner: o, until: 2027-01-31}]",
			want: `policy.yaml:3:14: the exemption ("r", o, until 2027-01-31) matches no token: remove it`},
		{name: "the clocks differ", policy: flag, want: "the org's clock and ours differ by"},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.cfg.Me, row.cfg.Tokens = oktatest.UserID(9), []oktatest.Token{token}
			org, reader := start(t, row.cfg)
			if row.fault.Status != 0 {
				org.Fault(row.fault)
			}
			r := audit.Run(t.Context(), audit.Options{
				Org: reader, Policy: policy(t, row.policy), Now: func() time.Time { return now.Add(6 * time.Minute) },
			})
			require.NoError(t, r.Err)
			require.Contains(t, strings.Join(r.Notes, "\n"), row.want)
		})
	}
}

func TestFindingsAreOrderedBySeverityThenLastUseThenID(t *testing.T) {
	var tokens []oktatest.Token
	for i, s := range []string{"low 5", "high 5", "high 9", "high 9", "high none", "low 20"} {
		token := oktatest.Token{ID: oktatest.TokenID(10 - i), Name: s, Created: ago(50)}
		_, number, _ := strings.Cut(s, " ")
		if days, err := strconv.ParseFloat(number, 64); err == nil {
			token.LastUsed = ago(days)
		} else {
			token.Created, token.Omit = ago(20), []string{"expiresAt"}
		}
		tokens = append(tokens, token)
	}
	_, reader := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: tokens, PageSize: 2})
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, `rules:
  - {id: l, severity: low, when: {created: {olderThan: 1d}}, then: flag}
  - {id: h, severity: high, when: {name: {like: "high*"}}, then: flag}`)})
	require.NoError(t, r.Err)
	var got []string
	for _, f := range r.Findings {
		got = append(got, known(f.Token.Name))
	}
	require.Equal(t, []string{"high 9", "high 9", "high 5", "high none", "low 20", "low 5"}, got)
	require.Less(t, r.Findings[0].Token.ID, r.Findings[1].Token.ID)
}

func TestTheSameDecisionsHaveTheSameDigest(t *testing.T) {
	tokens := []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "b", Created: ago(100), LastUsed: ago(25)},
		{ID: oktatest.TokenID(2), Name: "a", Created: ago(100), LastUsed: ago(26)},
	}
	run := func(tokens []oktatest.Token, after time.Duration, text string) string {
		org, _ := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: tokens, PageSize: 1})
		c, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Dial: org.Dial,
			Token: okta.NewSecret(canary)}) // one URL for all
		require.NoError(t, err)
		r := audit.Run(t.Context(), audit.Options{Org: c.Reader, Policy: policy(t, text), AsOf: now.Add(after)})
		require.NoError(t, r.Err)
		require.Regexp(t, "^sha256:[0-9a-f]{64}$", r.Digest)
		return r.Digest
	}
	text := "rules: [{id: idle, when: {lastUsed: {olderThan: 21d}}, then: {revoke: 7d}}]"
	first := run(tokens, 0, text)
	require.Equal(t, first, run([]oktatest.Token{tokens[1], tokens[0]}, time.Minute, text))
	require.NotEqual(t, first, run(tokens[:1], 0, text), "a token less")
	require.NotEqual(t, first, run(tokens, 0, text+" # changed"), "another policy")
	require.NotEqual(t, first, run(tokens, 0, strings.Replace(text, "7d", "0d", 1)), "another outcome")
}

func TestAPolicyForAnotherOrgStopsBeforeTheFirstRequest(t *testing.T) {
	org, reader := start(t, oktatest.Config{Me: oktatest.UserID(9)})
	p := policy(t, "org: https://other.okta.com\nrules: [{id: x, when: {name: a}, then: flag}]")
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: p})
	require.ErrorIs(t, r.Err, audit.ErrWrongOrg)
	require.Equal(t, audit.Usage, r.Code)
	require.Empty(t, org.Requests())
}

func TestFailOnLooksAtTheSeverityOfWhatIsNotExempt(t *testing.T) {
	_, reader := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "a", Created: ago(9)}}})
	text := "rules: [{id: x, severity: high, when: {name: a}, then: flag}]\n"
	run := func(text string, failOn rules.Severity) audit.ExitCode {
		return audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, text), FailOn: failOn}).Code
	}
	require.Equal(t, audit.OK, run(text, 0))
	require.Equal(t, audit.OK, run(text, rules.Critical))
	require.Equal(t, audit.Findings, run(text, rules.High))
	require.Equal(t, audit.Findings, run(text, rules.Low))
	unknown := "rules: [{id: x, severity: low, when: {name: a}, then: flag}, {id: y, severity: critical, when: " +
		"{network.include: {empty: true}}, then: flag}]"
	require.Equal(t, audit.Findings, run(unknown, rules.Critical),
		"a rule that can't be judged is not passed over because a lesser one matches")
	require.Equal(t, audit.OK, run(text+"exemptions: [{match: {name: a}, reason: r, owner: o, until: 2027-01-31}]",
		rules.Low))
}

func TestTokensThatAreUsedWhileTheListIsReadAreNotInTheFuture(t *testing.T) {
	// A listing of half an hour: the token of the run and a busy one come on its last page, with uses
	// that lie after its beginning.
	clock := now
	tokens := []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "a, idle", UserID: oktatest.UserID(2), Created: ago(100), LastUsed: ago(25)},
		{ID: oktatest.TokenID(2), Name: "y, busy", UserID: oktatest.UserID(2), Created: ago(100), LastUsed: ago(1)},
		{ID: oktatest.TokenID(3), Name: "z, own", UserID: oktatest.UserID(1), Created: ago(100), LastUsed: ago(1)},
	}
	org, reader := start(t, oktatest.Config{Me: oktatest.UserID(1), OwnToken: tokens[2].ID, Tokens: tokens, PageSize: 1,
		Now: func() time.Time { return clock }})
	org.Fault(oktatest.Fault{Page: 2, Then: func() { clock = now.Add(30 * time.Minute); org.Use(tokens[1].ID) }})
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, `rules:
  - {id: idle, when: {lastUsed: {olderThan: 21d}}, then: flag}
  - {id: old, when: {created: {olderThan: 50d}}, then: {revoke: 0d}}`)})
	require.NoError(t, r.Err)
	require.Equal(t, now, r.AsOf)
	outcomes := make(map[string]audit.Outcome)
	for _, f := range r.Findings {
		outcomes[known(f.Token.Name)] = f.Outcome
		require.Empty(t, f.Unknown)
	}
	require.Equal(t, map[string]audit.Outcome{"a, idle": audit.WouldRevoke, "y, busy": audit.WouldRevoke,
		"z, own": audit.Protected}, outcomes)
	require.NotContains(t, strings.Join(r.Notes, "\n"), "the token that this run uses")

	r = audit.Run(t.Context(), audit.Options{Org: reader, AsOf: ago(10), Policy: policy(t, "rules: [{id: idle, when: "+
		"{lastUsed: {olderThan: 21d}}, then: flag}]")})
	require.Equal(t, 2, r.Count(audit.Unknown), "seen from an earlier time, later uses are in the future")
}
