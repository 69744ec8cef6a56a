package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// A field that a newer version adds to a kind of today is passed over, and stays in its line.
func TestAFieldThatIsUnknownIsKeptAndIgnored(t *testing.T) {
	const extra = `"mood":{"of":["the day",1.50]},"told\u202e":null`
	for _, kind := range []ledger.Kind{ledger.Begun, ledger.Seen, ledger.Intent, ledger.Halt, ledger.Ended} {
		disk := diskWith(t, ledger.Record{Kind: kind, Org: org, Token: "00T1", Rule: "idle", Step: ledger.StepRevoke})
		plain := sound(t, disk.Bytes())[0]
		body, _, _ := strings.Cut(string(disk.Bytes()), `,"sum"`)
		line := ledger.Seal(strings.Replace(body, `,"prev"`, `,`+extra+`,"prev"`, 1)) + "\n"
		records := sound(t, []byte(line))
		require.Len(t, records, 1)
		require.Equal(t, extra, records[0].Unknown)
		records[0].Unknown = ""
		require.Equal(t, plain, records[0], "the rest is read")

		disk = ledgertest.New([]byte(line))
		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		append1(t, l, ledger.Record{Kind: ledger.Resolved, Token: "00T1", Rule: "idle"})
		require.NoError(t, l.Close())
		require.Len(t, sound(t, disk.Bytes()), 2, "what follows names its hash")
		require.True(t, strings.HasPrefix(string(disk.Bytes()), line), "it stays as it was written")
	}
}
