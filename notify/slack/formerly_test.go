package slack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/slacktest"
	"tokensweep/rules"
)

// The build of commit 218956e had announced a revocation and posted most of its report when Slack refused a file. Its
// ledger says where a message is in one sentence.
func TestWhatAnOlderVersionLeftIsDelivered(t *testing.T) {
	const parentTS = "1796054069.000100"
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/left-by-218956e")))
	require.NoError(t, os.Chmod(dir, 0o700))
	w := fakeWorkspace(t, slacktest.Config{})
	w.AddMessage(channelID, slacktest.Message{TS: parentTS, Text: "is about to revoke 1 token"})
	box := reopen(t, dir, reportTime.Add(time.Hour))
	require.Len(t, box.Ledger.State().Undelivered, 1)
	s := delivery(t, w, rules.Slack{On: rules.OnChanges}, box)
	require.NoError(t, s.Report(t.Context(), nothingNew("run-2")))
	require.Empty(t, box.Ledger.State().Undelivered)
	require.Contains(t, w.Messages(channelID)[0].Text, "1 revoked", "the announcement is rewritten")
	require.Equal(t, map[string]int{"parent": 1, "findings.csv": 1, "report.json": 1}, postedParts(t, w),
		"what was posted is not posted again")
	for _, f := range w.Files() {
		require.Equal(t, parentTS, f.ThreadTS)
	}
	require.Empty(t, w.Complaints())
}

// A build that reads the ts at the end of the sentence finds it there, and knows every field of the records.
func TestAnOlderVersionCanReadWhatThisOneLeaves(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, reportTime)
	w.Fault(slacktest.Fault{Method: "files.completeUploadExternal", Error: "invalid_arguments"})
	require.Error(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(t.Context(), nothingNew("run-1")))
	raw, err := os.ReadFile(filepath.Join(box.Ledger.Store().String(), "ledger.jsonl"))
	require.NoError(t, err)
	known := []string{
		"v", "seq", "time", "doubted", "kind", "run", "via", "of", "part", "name", "snapshot", "file", "prev", "sum",
	}
	posted := 0
	for line := range strings.Lines(string(raw)) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		for key := range record {
			require.Contains(t, known, key, line)
		}
		if record["kind"] == string(ledger.Posted) {
			posted++
			require.NotEmpty(t, record["name"])
			require.Equal(t, "slack "+channelID+" "+record["name"].(string), record["via"])
		}
	}
	require.Positive(t, posted)
}
