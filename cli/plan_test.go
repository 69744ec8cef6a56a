package cli_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

const planPolicy = "mode: enforce\nlimits: {perRun: 1, perDay: 1, stopAbove: {count: 10, percent: 90}}\n" +
	"rules: [{id: dead, when: {name: idle}, then: {revoke: 0d}}]\n"

// newPlanOrg has a token that planPolicy revokes.
func newPlanOrg(t *testing.T) *oktatest.Server {
	t.Helper()
	old := time.Now().Add(-100 * 24 * time.Hour)
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Tokens: []oktatest.Token{
		{ID: oktatest.TokenID(1), Name: "idle", UserID: oktatest.UserID(2), Created: old, LastUsed: time.Now()},
		{ID: oktatest.TokenID(2), Name: "busy", UserID: oktatest.UserID(2), Created: old, LastUsed: time.Now()},
	}})
	t.Cleanup(org.Close)
	return org
}

// commandOf is the command that a text report prints for its plan, as words of a shell; nil for none.
func commandOf(text string) []string {
	m := regexp.MustCompile(`(?m)^  tokensweep (run .*--enforce --plan sha256:[0-9a-f]{64})$`).FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return strings.Fields(m[1])
}

func TestTheTextReportPrintsTheCommandForItsPlan(t *testing.T) {
	org, state := newPlanOrg(t), filepath.Join(t.TempDir(), "state")
	policy := policyFile(t, planPolicy)
	r := tokensweep(t, org.URL(), "run", "--state", state, "--policy", policy)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "To do exactly this, within 24 hours of this run, or later with --plan-max-age (at "+
		"most 14d):")
	args := commandOf(r.stdout)
	require.NotEmpty(t, args, r.stdout)
	r = tokensweep(t, org.URL(), args...)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "Changed: 1 revoked")
	require.Nil(t, commandOf(r.stdout), "it is carried out")
}

func TestWhereNoCommandCarriesOutThePlan(t *testing.T) {
	for name, row := range map[string]struct {
		policy string
		args   []string
		says   string
	}{
		"the ledger does not have it": {planPolicy, []string{"--state", ""}, ""},
		"it is of another time":       {planPolicy, []string{"--state", "state", "--as-of", "2099-01-01"}, ""},
		"nothing is due": {
			strings.Replace(planPolicy, "name: idle", "name: nobody", 1), []string{"--state", "state"}, "",
		},
		"the first key is not turned": {strings.Replace(planPolicy, "mode: enforce", "mode: dry-run", 1),
			[]string{"--state", "state"}, "To do this, write mode: enforce into the policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			r := tokensweep(t, newPlanOrg(t).URL(), append([]string{"run", "--policy", policyFile(t, row.policy)},
				row.args...)...)
			require.Zero(t, r.code, r.stderr)
			require.Nil(t, commandOf(r.stdout), r.stdout)
			require.Contains(t, r.stdout, row.says)
		})
	}
}

func TestHowOldAPlanMayBe(t *testing.T) {
	org := newPlanOrg(t)
	policy := policyFile(t, planPolicy)
	for value, says := range map[string]string{
		"15d": "want more than 0 and at most 14d", "0h": "want more than 0 and at most 14d",
		"soon": "write numbers with the units", "1M": "M could be months or minutes",
	} {
		r := tokensweep(t, org.URL(), "run", "--policy", policy, "--enforce", "--plan", "sha256:00", "--plan-max-age",
			value)
		require.Equal(t, 64, r.code, value)
		require.Contains(t, r.stderr, "bad value of --plan-max-age: "+says)
	}
	for _, value := range []string{"14d", "24h", "1d12h"} {
		r := tokensweep(t, org.URL(), "run", "--policy", policy, "--enforce", "--plan", "sha256:00", "--plan-max-age",
			value, "--state", filepath.Join(t.TempDir(), "state"))
		require.Contains(t, r.stderr, "the ledger knows no plan", value)
	}
	r := tokensweep(t, org.URL(), "run", "--policy", policy, "--plan-max-age", "2d")
	require.Equal(t, 64, r.code)
	require.Contains(t, r.stderr, "--plan-max-age goes with --plan")
}
