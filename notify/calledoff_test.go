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

// calledOffReport is a report in which nothing is new but that a step was called off.
func calledOffReport(t *testing.T, told bool) *audit.Report {
	t.Helper()
	r := slackReport(t, 3, rules.Enforce)
	for i := range r.Findings {
		r.Findings[i].Change, r.Findings[i].Fresh = audit.Ongoing, nil
	}
	k := token(88, "<!channel> calm", "Okta API", 300, 1)
	k.UserID = okta.Some("00uowner")
	r.CalledOff = []audit.CalledOff{{
		Token: k, Rule: "idle", Announced: now.Add(-24 * time.Hour), Ended: now, Why: "it is exempt now",
		OwnerTold: told,
		Steps:     []audit.StepDue{{Step: rules.Revoke, Due: now.Add(72 * time.Hour)}},
	}}
	return r
}

func TestEveryFormSaysWhatWasCalledOff(t *testing.T) {
	r := calledOffReport(t, true)
	says := "revoke on " + now.Add(72*time.Hour).Format(time.RFC3339) + " by rule idle, announced on " +
		now.Add(-24*time.Hour).Format(time.RFC3339)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return notify.Text(b, r, notify.Style{Width: 4000}) },
		"markdown": func(b *bytes.Buffer) error { return notify.Markdown(b, r) },
		"beside a table": func(b *bytes.Buffer) error {
			for _, line := range notify.CalledOffLines(r) {
				b.WriteString(line)
			}
			return nil
		},
		"slack": func(b *bytes.Buffer) error {
			thread := notify.SlackReport(r, slackOptions)
			require.Contains(t, string(payload(t, thread.Parent)), "1 called-off step")
			for _, m := range thread.Replies {
				checkSlack(t, m)
				b.Write(payload(t, m))
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
	require.True(t, j.CalledOff[0].Steps[0].Due.Equal(now.Add(72*time.Hour)))
}

func TestOnlyAnOwnerWhoWasToldHearsThatItWasCalledOff(t *testing.T) {
	m, ok := notify.SlackOwner(calledOffReport(t, true), "00uowner", slackOptions)
	require.True(t, ok)
	require.Contains(t, string(payload(t, m)), "Called off: announced, and it does not come")
	checkSlack(t, m)
	for _, user := range []string{"00uother", ""} {
		_, ok = notify.SlackOwner(calledOffReport(t, true), user, slackOptions)
		require.False(t, ok)
	}
	_, ok = notify.SlackOwner(calledOffReport(t, false), "00uowner", slackOptions)
	require.False(t, ok)
}
