package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// A plan that is longer than a record may be is the ledger's trouble, not the org's.
func TestAPlanThatIsTooLongToRecordIsAnErrorOfTheLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l, err := ledger.InDirectory(dir).Open(time.Now)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	client, err := okta.New(okta.Options{OrgURL: "https://acme.okta.com", Token: okta.NewSecret("x")})
	require.NoError(t, err)
	p, err := rules.Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {name: x}, then: flag}]"))
	require.NoError(t, err)
	r := newRun(Options{Org: client.Reader, Policy: p, Ledger: l})
	r.self = &caller{} // the org has answered, and does not tell the time
	asking := make([]string, 1000)
	for i := range asking {
		asking[i] = fmt.Sprintf("a-rule-whose-id-is-as-long-as-an-id-may-be-%021d", i)
	}
	for i := range 550 {
		r.Findings = append(r.Findings, Finding{Token: okta.Token{ID: fmt.Sprintf("00T%017d", i)}, Step: rules.Revoke,
			Outcome: WouldRevoke, stepRules: asking})
	}
	err = r.memory.remember(t.Context())
	require.ErrorIs(t, err, ledger.ErrRefused)
	require.ErrorContains(t, err, "a record may have")
	require.Equal(t, NoLedger, CodeOf(err))
	info, err := os.Stat(filepath.Join(dir, "ledger.jsonl"))
	require.NoError(t, err)
	require.Zero(t, info.Size(), "nothing was written")
}
