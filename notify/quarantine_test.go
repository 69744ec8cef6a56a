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

func TestEveryFormSaysThatATokenIsInQuarantine(t *testing.T) {
	r := notifytest.CutOff()
	exempt, calm := r.Findings[0].Token.ID, r.InQuarantine[0].Token.ID
	says := "quarantined since " + notifytest.Now.Add(-24*time.Hour).Format(time.RFC3339) +
		": nobody can use it, and Okta ends it for that on " + notifytest.Now.Add(72*time.Hour).Format(time.RFC3339)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return notify.Text(b, r, notify.Style{Width: 4000}) },
		"csv":      func(b *bytes.Buffer) error { return notify.CSV(b, r) },
		"markdown": func(b *bytes.Buffer) error { return notify.Markdown(b, r) },
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		require.Contains(t, b.String(), says, name)
		require.Contains(t, b.String(), "tokensweep tokens restore "+exempt, name)
		if name != "csv" { // which has findings only
			require.Contains(t, b.String(), "tokensweep tokens restore "+calm, name)
		}
	}
}

func TestJSONSaysThatATokenIsInQuarantine(t *testing.T) {
	r := notifytest.CutOff()
	var b bytes.Buffer
	require.NoError(t, notify.JSON(&b, r))
	type cutOff struct {
		ID         string `json:"id"`
		CutOff     *bool  `json:"cutOff"`
		Quarantine *struct {
			Since, Ends time.Time
			Spared      bool
			Says        string
		}
	}
	var j struct {
		Findings     []cutOff `json:"findings"`
		InQuarantine []cutOff `json:"inQuarantine"`
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &j))
	require.True(t, *j.Findings[0].CutOff)
	require.True(t, j.Findings[0].Quarantine.Spared)
	require.True(t, j.Findings[0].Quarantine.Ends.Equal(notifytest.Now.Add(72*time.Hour)))
	require.Contains(t, j.Findings[0].Quarantine.Says, "nobody can use it")
	require.False(t, *j.Findings[1].CutOff)
	require.Nil(t, j.Findings[1].Quarantine)
	require.Equal(t, r.InQuarantine[0].Token.ID, j.InQuarantine[0].ID)
	require.True(t, *j.InQuarantine[0].CutOff)
}
