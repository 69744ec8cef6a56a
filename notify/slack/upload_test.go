package slack

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slacktest"
	"tokensweep/okta"
	"tokensweep/rules"
)

const shows = "files.completeUploadExternal"

func TestEveryStepOfAnUploadIsTriedAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault slacktest.Fault
	}{
		{"503", slacktest.Fault{Status: 503}},
		{"408", slacktest.Fault{Status: 408}},
		{"408 after the effect", slacktest.Fault{Status: 408, Act: true}},
		{"500 after the effect", slacktest.Fault{Status: 500, Act: true}},
		{"a lost request", slacktest.Fault{Hangup: true}},
		{"a lost answer", slacktest.Fault{HangupAfter: true}},
		{"a login page", slacktest.Fault{HTML: true}},
		{"a login page in place of the answer", slacktest.Fault{HTML: true, Act: true}},
		{"an empty body", slacktest.Fault{Body: " "}},
		{"fatal_error", slacktest.Fault{Body: `{"ok":false,"error":"fatal_error"}`}},
	} {
		for _, method := range []string{"files.getUploadURLExternal", slacktest.Upload, shows} {
			t.Run(row.name+" at "+method, func(t *testing.T) {
				w, s := workspace(t, rules.Slack{On: rules.Always})
				row.fault.Method, row.fault.Times = method, 1
				w.Fault(row.fault)
				require.NoError(t, s.Report(t.Context(), testRun(audit.Flagged)))
				parts := postedParts(t, w)
				require.Equal(t, 1, parts["findings.csv"])
				require.Equal(t, 1, parts["report.json"])
			})
		}
	}
}

func TestAnUploadThatNeverComesToItsEndIsAFailure(t *testing.T) {
	for method, says := range map[string]string{
		"files.getUploadURLExternal": "uploading findings.csv to C0SECURITY: Slack answered 503",
		slacktest.Upload:             "uploading findings.csv to C0SECURITY: Slack answered 503",
		shows:                        "uploading findings.csv to C0SECURITY: Slack answered 503",
	} {
		w, s := workspace(t, rules.Slack{On: rules.Always})
		w.Fault(slacktest.Fault{Method: method, Status: 503})
		require.ErrorContains(t, s.Report(t.Context(), testRun(audit.Flagged)), says)
		tries := 0
		for _, m := range sentMethods(w) {
			if m == method {
				tries++
			}
		}
		require.Greater(t, tries, 1)
		require.LessOrEqual(t, tries, maxTries)
	}
}

func TestOnlyOKIsAnUpload(t *testing.T) {
	w, s := workspace(t, rules.Slack{On: rules.Always})
	w.Fault(slacktest.Fault{Method: slacktest.Upload, Body: "Welcome to our network. OK?"})
	err := s.Report(t.Context(), testRun(audit.Flagged))
	require.ErrorContains(t, err, "the answer is not Slack's: 200 with something else than it answers")
	require.NotContains(t, sentMethods(w), shows, "nothing is shown of which the bytes may be missing")
}

// The run ends right after the lost answer: the next one finds the file, and shares no second.
func TestAFileThatWasSharedIsFoundByTheNextRun(t *testing.T) {
	w := fakeWorkspace(t, slacktest.Config{})
	box := newOutbox(t, reportTime)
	w.Fault(slacktest.Fault{Method: shows, HangupAfter: true, Times: 1,
		Then: func() { w.Fault(slacktest.Fault{Hangup: true}) }})
	require.Error(t, delivery(t, w, rules.Slack{On: rules.Always}, box).Report(t.Context(), testRun(audit.Flagged)))
	w.ClearFaults()
	next := testRun(audit.Flagged)
	next.ID, next.Changes = "20261125T090000Z-fedcba", audit.Changes{Known: true, Ongoing: 1}
	again := delivery(t, w, rules.Slack{On: rules.OnChanges}, reopenOf(t, box))
	require.NoError(t, again.Report(t.Context(), next))
	require.Equal(t, map[string]int{"parent": 1, "list-1": 1, "findings.csv": 1, "report.json": 1}, postedParts(t, w))
}

func TestAnAnswerThatIsNotSlacksSaysSo(t *testing.T) {
	for name, row := range map[string]struct {
		status     int
		body, head string
		says       string
	}{
		"a login page":  {200, "\n<!DOCTYPE html><html>Sign in</html>", "", "200 with a page of HTML"},
		"an empty body": {200, "", "", "200 with an empty body"},
		"404":           {404, "<h1>Not found</h1>", "", "404 with a page of HTML"},
		"403":           {403, "Blocked by policy", "", "403 with something else than it answers"},
		"a redirect": {302, "", "https://login.corp.example/sso?ticket=canary", "302, a redirect to " +
			"https://login.corp.example, which is not followed"},
		"other JSON":         {200, `{"message":"no such route"}`, "", "200 with something else than it answers"},
		"no JSON":            {200, "It works!", "", "200 with something else than it answers"},
		"no reason":          {200, `{"ok":false}`, "", "200 with something else than it answers"},
		"an empty object":    {200, "{}", "", "200 with something else than it answers"},
		"half of an answer":  {200, `{"ok":true,"team":`, "", "200 with something else than it answers"},
		"another's ok alone": {200, `"ok"`, "", "200 with something else than it answers"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if row.head != "" {
					w.Header().Set("Location", row.head)
				}
				w.WriteHeader(row.status)
				_, _ = w.Write([]byte(row.body))
			}))
			defer server.Close()
			policy := &rules.Slack{Channel: channelID, On: rules.Always}
			bot, err := NewBot(Config{Secret: okta.NewSecret(canary), APIURL: server.URL + "/api/", Policy: policy,
				Pause: -1})
			require.NoError(t, err)
			hook, err := NewWebhook(Config{Secret: okta.NewSecret(server.URL + "/services/T0/B0/x"), Policy: policy,
				Pause: -1})
			require.NoError(t, err)
			for advice, ch := range map[string]interface {
				Report(t *testing.T) error
				Check(t *testing.T) audit.Check
			}{"check SLACK_API_URL": botIn{bot}, "check SLACK_WEBHOOK_URL": hookIn{hook}} {
				err := ch.Report(t)
				require.ErrorContains(t, err, "the answer is not Slack's: "+row.says)
				require.ErrorContains(t, err, advice)
				require.ErrorContains(t, err, "HTTPS_PROXY")
				require.NotContains(t, err.Error(), "canary")
				c := ch.Check(t)
				require.Equal(t, audit.Failure, c.Status)
				require.Contains(t, c.Detail, "the answer is not Slack's: "+row.says)
				require.Contains(t, c.Advice, advice)
			}
		})
	}
}

// botIn and hookIn are the two ways to Slack, in a test.
type (
	botIn  struct{ *Bot }
	hookIn struct{ *Webhook }
)

func (b botIn) Report(t *testing.T) error      { return b.Bot.Report(t.Context(), testRun(audit.Flagged)) }
func (b botIn) Check(t *testing.T) audit.Check { return b.Bot.Check(t.Context())[0] }
func (h hookIn) Report(t *testing.T) error {
	return h.Webhook.Report(t.Context(), testRun(audit.Flagged))
}
func (h hookIn) Check(t *testing.T) audit.Check {
	return h.Webhook.Check(t.Context())[0]
}

// Without SLACK_API_URL it can only be something on the way.
func TestWhatToCheckWithoutAnAddressOfOnesOwn(t *testing.T) {
	bot, err := NewBot(Config{Secret: okta.NewSecret(canary), Policy: &rules.Slack{Channel: channelID},
		Outbox: outbox.Box{}, Pause: -1})
	require.NoError(t, err)
	require.NotNil(t, bot)
	e := failureOf("posting", okta.NewSecret(canary), &foreignError{"200 with a page of HTML", checkWay})
	require.Equal(t, "posting: the answer is not Slack's: 200 with a page of HTML; something on the way answers in "+
		"Slack's place: check HTTPS_PROXY and NO_PROXY", e.Error())
	require.True(t, e.MayHavePosted, "it may have been posted before the answer was replaced")
}
