package notify_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
)

func TestChecksLookLikeTheirGoldenFiles(t *testing.T) {
	checks := []audit.Check{
		{Name: "org", Status: audit.Good,
			Detail: "https://acme.okta.com, id 00o1fk000000000001d7, Okta Identity Engine"},
		{Name: "identity", Status: audit.Good,
			Detail: "an API token of \x1b[31mkim\u202e@acme.example (00u1fk000000000001d7), roles SUPER_ADMIN"},
		{Name: "own token", Status: audit.Warning,
			Detail: "the token in use is not on the list: the credential may see only a part of the org's tokens",
			Advice: "give the credential a role that is not limited to some users"},
		{Name: "change", Status: audit.Failure, Code: audit.NoAccess,
			Detail: "okta does not allow this credential to revoke tokens (allowed: GET)",
			Advice: "give it a role that may manage API tokens"},
		{Name: "zone", Status: audit.Skipped, Detail: "the policy has no quarantine zone"},
		{Name: "state", Status: audit.Failure, Code: audit.NoLedger,
			Detail: "state, records 3, all sound, head 3:0123456789ab; it can't be written: read-only file system",
			Advice: "give the run a state directory of its own that it can write"},
	}
	var b bytes.Buffer
	require.NoError(t, notify.DoctorText(&b, checks, notify.Style{Width: 80}))
	golden(t, "doctor.80.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80)
	}
	requirePrintable(t, "text", b.String())
	b.Reset()
	require.NoError(t, notify.DoctorJSON(&b, checks))
	golden(t, "doctor.json", b.Bytes())
	requirePrintable(t, "json", b.String())

	b.Reset()
	require.NoError(t, notify.DoctorText(&b, checks[:1], notify.Style{Width: 80, Color: true}))
	require.Contains(t, b.String(), "\x1b[1;32mok     \x1b[0m")
	require.NotContains(t, b.String(), "exit code", "nothing fails")
	b.Reset()
	require.NoError(t, notify.DoctorJSON(&b, nil))
	require.Contains(t, b.String(), `"checks": []`)
}
