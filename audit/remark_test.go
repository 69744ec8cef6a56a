package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

func TestAnEditIsToldApartFromAUse(t *testing.T) {
	for _, row := range []struct {
		name   string
		token  oktatest.Token
		remark string
	}{
		{"used and not edited since", oktatest.Token{Created: ago(100), LastUsed: ago(25)}, ""},
		{
			"edited since its last use", oktatest.Token{Created: ago(100), LastUsed: ago(25), LastUpdated: ago(2)},
			"lastUpdated 2026-11-22T09:00:00Z is later than the last use that is derived, 2026-10-30T09:00:00Z: it " +
				"was edited since, which is not a use",
		},
		{
			"times that don't go together", oktatest.Token{Created: ago(100), LastUsed: ago(25), LastUpdated: ago(30)},
			"lastUpdated 2026-10-25T09:00:00Z is earlier than the last use that is derived, 2026-10-30T09:00:00Z: " +
				"one of the two is not what it seems",
		},
		{"no last use to compare with", oktatest.Token{Created: ago(20), LastUpdated: ago(2),
			Omit: []string{"expiresAt"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.token.ID, row.token.Name = oktatest.TokenID(1), "idle"
			_, reader := start(t, oktatest.Config{Me: oktatest.UserID(9), Tokens: []oktatest.Token{row.token}})
			r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: a, when: {name: "+
				"idle}, then: flag}]")})
			require.NoError(t, r.Err)
			require.Len(t, r.Findings, 1)
			require.Equal(t, row.remark, r.Findings[0].Remark)
		})
	}
}

func TestOurOwnQuarantineIsNoEdit(t *testing.T) {
	w := inQuarantine(t)
	f := w.dry(stagedPolicy).Findings[0]
	updated, _ := f.Token.LastUpdated.Get()
	require.Equal(t, now.Add(day), updated.Truncate(time.Minute), "Okta moved it")
	require.Empty(t, f.Remark)
}
