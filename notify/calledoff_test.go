package notify_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/notify"
	"tokensweep/notify/notifytest"
)

func TestEveryFormSaysWhatWasCalledOff(t *testing.T) {
	r := notifytest.CalledOff(true)
	says := "revoke on " + notifytest.Now.Add(72*time.Hour).Format(time.RFC3339) + " by rule idle, announced on " +
		notifytest.Now.Add(-24*time.Hour).Format(time.RFC3339)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return notify.Text(b, r, notify.Style{Width: 4000}) },
		"markdown": func(b *bytes.Buffer) error { return notify.Markdown(b, r) },
		"beside a table": func(b *bytes.Buffer) error {
			for _, line := range notify.CalledOffLines(r) {
				b.WriteString(line)
			}
			return nil
		},
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		require.Contains(t, b.String(), says, name)
		require.Contains(t, b.String(), "it is exempt now", name)
	}
	var b bytes.Buffer
	require.NoError(t, notify.JSON(&b, r))
	var j struct {
		CalledOff []struct {
			Token struct{ ID string }
			Rule  string
			Steps []struct {
				Step string
				Due  time.Time
			}
			Why string
		} `json:"calledOff"`
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &j))
	require.Equal(t, []string{"idle", "revoke", "it is exempt now"},
		[]string{j.CalledOff[0].Rule, j.CalledOff[0].Steps[0].Step, j.CalledOff[0].Why})
	require.True(t, j.CalledOff[0].Steps[0].Due.Equal(notifytest.Now.Add(72*time.Hour)))
}
