package notify_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// cutOffReport is a report with an exempt token in quarantine, and one that no rule concerns.
func cutOffReport(t *testing.T) *audit.Report {
	t.Helper()
	r := slackReport(t, 4, rules.Enforce)
	in := func(id string) *audit.Quarantine {
		return &audit.Quarantine{ID: id, Since: now.Add(-24 * time.Hour), Ends: now.Add(72 * time.Hour), Spared: true}
	}
	f := &r.Findings[0]
	f.Outcome, f.Reason, f.Quarantine = audit.Exempt, "the exemption", in(f.Token.ID)
	f.Token.UserID = okta.Some("00uowner")
	k := token(77, "calm", "Okta API", 300, 1)
	k.UserID = okta.Some("00uowner")
	r.InQuarantine = []audit.InQuarantine{{Token: k, Quarantine: in(k.ID)}}
	return r
}

func TestEveryFormSaysThatATokenIsInQuarantine(t *testing.T) {
	r := cutOffReport(t)
	exempt, calm := r.Findings[0].Token.ID, r.InQuarantine[0].Token.ID
	says := "quarantined since " + now.Add(-24*time.Hour).Format(time.RFC3339) +
		": nobody can use it, and Okta ends it for that on " + now.Add(72*time.Hour).Format(time.RFC3339)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return notify.Text(b, r, notify.Style{Width: 4000}) },
		"csv":      func(b *bytes.Buffer) error { return notify.CSV(b, r) },
		"markdown": func(b *bytes.Buffer) error { return notify.Markdown(b, r) },
		"slack": func(b *bytes.Buffer) error {
			for _, m := range notify.SlackReport(r, slackOptions).Replies {
				b.Write(payload(t, m))
			}
			b.Write(payload(t, notify.SlackReport(r, notify.SlackOptions{Flags: "--state s"}).Parent))
			return nil
		},
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		require.Contains(t, b.String(), says, name)
		require.Contains(t, b.String(), "tokensweep tokens restore "+exempt, name)
		if name != "csv" { // which has findings only
			require.Contains(t, b.String(), "tokensweep tokens restore "+calm, name)
		}
		if name == "slack" {
			require.Contains(t, b.String(), "tokensweep tokens restore "+calm+" --state s")
		}
	}
}

func TestJSONSaysThatATokenIsInQuarantine(t *testing.T) {
	r := cutOffReport(t)
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
	require.True(t, j.Findings[0].Quarantine.Ends.Equal(now.Add(72*time.Hour)))
	require.Contains(t, j.Findings[0].Quarantine.Says, "nobody can use it")
	require.False(t, *j.Findings[1].CutOff)
	require.Nil(t, j.Findings[1].Quarantine)
	require.Equal(t, r.InQuarantine[0].Token.ID, j.InQuarantine[0].ID)
	require.True(t, *j.InQuarantine[0].CutOff)
}

func TestAnOwnerHearsThatTheirSparedTokenIsCutOff(t *testing.T) {
	r := cutOffReport(t)
	r.Findings[0].Change = audit.New
	m, ok := notify.SlackOwner(r, "00uowner", slackOptions)
	require.True(t, ok)
	raw := string(payload(t, m))
	require.Contains(t, raw, r.Findings[0].Token.ID)
	require.Contains(t, raw, r.InQuarantine[0].Token.ID)
	require.Contains(t, raw, "nobody can use it")
	checkSlack(t, m)
}
