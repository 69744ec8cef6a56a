package audit

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Many records of a run are written together, and the run still tells of each: 30,000 new findings, with a notice each,
// cost no more than a few fsyncs.
func TestThirtyThousandNewFindingsCostFewFsyncs(t *testing.T) {
	const findings = 30_000
	disk := new(ledgertest.Disk)
	l, err := ledger.InDirectory(t.TempDir()).OpenOn(disk, time.Now)
	require.NoError(t, err)
	client, err := okta.New(okta.Options{OrgURL: "https://acme.okta.com", Token: okta.NewSecret("x")})
	require.NoError(t, err)
	p, err := rules.Parse("policy.yaml", []byte("version: 1\nrules: [{id: a, when: {id: {like: '*'}}, then: flag}]"))
	require.NoError(t, err)
	recorded := 0
	r := newRun(Options{Org: client.Reader, Policy: p, Ledger: l, Recorded: func(ledger.Record) { recorded++ }})
	r.self = &caller{} // the org has answered, and does not tell the time
	for i := range findings {
		k := &okta.Token{ID: fmt.Sprintf("00T%017d", i)}
		matched := p.Evaluate(k, time.Now()).Matched
		r.Findings = append(r.Findings, Finding{Token: k, Outcome: WouldQuarantine, Matched: matched,
			unannounced: matched})
	}
	_, before := disk.Calls()
	require.NoError(t, r.memory.remember(t.Context()))
	require.NoError(t, r.notices().recordDelivered(t.Context(), "test"))
	_, after := disk.Calls()
	// Beside these a run has one for its lock's signature, when it claims it, when it has opened the ledger, begun and
	// ended, and two for the inventory.
	require.Equal(t, 2+1+2, after-before, "findings, plan, notices")
	require.LessOrEqual(t, after-before, 10)
	require.Equal(t, 2*findings+1, recorded)
	require.Len(t, l.State().Findings, findings)
	require.Len(t, l.State().Notices, findings)
	for i := range r.Findings {
		require.True(t, r.Findings[i].Announced)
	}
}

// A plan of any size is on record: one that is too long for a record in several, right before it.
func TestAPlanThatIsTooLongForOneRecordIsRecordedInParts(t *testing.T) {
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
		r.Findings = append(r.Findings, Finding{Token: &okta.Token{ID: fmt.Sprintf("00T%017d", i)}, Step: rules.Revoke,
			Outcome: WouldRevoke, stepRules: asking})
	}
	want := r.actions()
	require.NoError(t, r.memory.remember(t.Context()))
	require.True(t, r.PlanKept)
	plan := l.State().Plans[r.Digest]
	require.Equal(t, len(want), plan.Count)
	require.Greater(t, plan.Parts, uint64(5))
	actions, err := l.Actions(plan)
	require.NoError(t, err)
	require.Equal(t, want, actions)
	require.Len(t, l.State().Trend, 1, "it is one plan")

	require.NoError(t, l.Close())
	l, err = ledger.InDirectory(dir).Open(func() time.Time { return time.Now().AddDate(0, 1, 0) })
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	require.Equal(t, plan, l.State().Plans[r.Digest])
	actions, err = l.Actions(plan)
	require.NoError(t, err)
	require.Equal(t, want, actions, "where its segment was sealed, too")

	plan.Parts++
	_, err = l.Actions(plan)
	require.ErrorIs(t, err, ledger.ErrLost, "what stands before it is no part")
}
