package slack_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/notifytest"
	"tokensweep/notify/slack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

var (
	now    = notifytest.Now
	token  = notifytest.Token
	failed = notifytest.Failed
	act    = notifytest.Act

	hostile = notifytest.Hostile
)

var testOptions = slack.Options{
	Mention: []string{"S0SECOPS1", "U012AB3CD", "<!channel>", "everyone"},
	Trend:   []slack.TrendPoint{{now.AddDate(0, 0, -2), 40, 4}, {now.AddDate(0, 0, -1), 41, 5}, {now, 37, 3}},
}

func with(stage slack.Stage) slack.Options {
	o := testOptions
	o.Stage = stage
	return o
}

// all are all messages that a report gives, and what they become when Slack refuses them.
func all(tb testing.TB, r *audit.Report, o slack.Options) []slack.Message {
	tb.Helper()
	t := slack.Report(r, o)
	out := append([]slack.Message{t.Parent, slack.OneMessage(r, o)}, t.Replies...)
	if m, ok := slack.Alert(r, o); ok {
		out = append(out, m)
	}
	owners := make(map[string]bool)
	for _, f := range r.Findings {
		id, _ := f.Token.UserID.Get()
		if owners[id] {
			continue
		}
		owners[id] = true
		if m, ok := slack.OwnerMessage(r, id, o); ok {
			out = append(out, m)
		}
	}
	for _, m := range out {
		steps := 0
		for {
			plainer, ok := slack.Plainer(m)
			if !ok {
				require.Empty(tb, m.Blocks)
				break
			}
			steps++
			require.Less(tb, steps, 5)
			out = append(out, plainer)
			m = plainer
		}
	}
	return out
}

func payload(tb testing.TB, m slack.Message) []byte {
	tb.Helper()
	raw, err := json.Marshal(m)
	require.NoError(tb, err)
	return raw
}
