package slacktest_test

import (
	"go/parser"
	gotoken "go/token"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

func TestAMissingScopeIsNamed(t *testing.T) {
	for scope, call := range map[string]func(*slack.Client) error{
		"chat:write": func(c *slack.Client) error { _, _, err := c.PostMessage("C0SEC", say("x")); return err },
		"channels:history": func(c *slack.Client) error {
			_, err := c.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C0SEC"})
			return err
		},
		"channels:read": func(c *slack.Client) error {
			_, err := c.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0SEC"})
			return err
		},
		"im:write": func(c *slack.Client) error {
			_, _, _, err := c.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U0ANA"}})
			return err
		},
		"files:write": func(c *slack.Client) error {
			_, err := c.UploadFile(slack.UploadFileParameters{Filename: "a", Content: "a", FileSize: 1})
			return err
		},
		"users:read.email": func(c *slack.Client) error { _, err := c.GetUserByEmail("ana@example.com"); return err },
		"usergroups:read":  func(c *slack.Client) error { _, err := c.GetUserGroups(); return err },
	} {
		_, api := workspace(t, without(scope))
		var refused slack.SlackErrorResponse
		require.ErrorAs(t, call(api), &refused, scope)
		require.Equal(t, "missing_scope", refused.Err)
		require.Equal(t, scope, refused.Needed)
		require.NotContains(t, strings.Split(refused.Provided, ","), scope)
	}
}

func TestWhatIsBeyondALimitIsRefusedWithThePlaceAndNotPosted(t *testing.T) {
	ws, api := workspace(t)
	_, _, err := api.PostMessage("C0SEC",
		say("x", slack.MsgOptionBlocks(slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", x(151), false,
			false)))))
	var refused slack.SlackErrorResponse
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_blocks", refused.Err)
	require.Equal(t, []string{"[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
		refused.ResponseMetadata.Messages)
	require.Empty(t, ws.Messages("C0SEC"))
	require.Equal(t, "invalid_blocks", ws.Requests()[0].Error)
	_, _, err = api.PostMessage("C0SEC")
	require.EqualError(t, err, "no_text")
}

func TestWhatWeForbidIsPostedAndKeptAsAComplaint(t *testing.T) {
	ws, api := workspace(t)
	post(t, api, "C0SEC", "<!channel>")
	require.Equal(t, []string{"chat.postMessage C0SEC: forbidden: live mention of channel [json-pointer:/text]"},
		ws.Complaints())
	require.Len(t, ws.Messages("C0SEC"), 1)
}

func TestAnUnknownMethodIsRefused(t *testing.T) {
	ws, _ := workspace(t)
	res, err := http.Post(ws.URL()+"chat.shout", "application/x-www-form-urlencoded", nil)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":false,"error":"unknown_method"}`, string(body))
}

func TestRequestsAreKeptInOrderUntilTheyAreForgotten(t *testing.T) {
	ws, api := workspace(t)
	post(t, api, "C0SEC", "x")
	r := ws.Requests()[0]
	require.Equal(t, "chat.postMessage", r.Method)
	require.Equal(t, http.MethodPost, r.Verb)
	require.Equal(t, 200, r.Status)
	require.Equal(t, start, r.At)
	require.Contains(t, string(r.Body), "token="+token, "slack-go sends the token in the body")
	ws.ResetRequests()
	require.Empty(t, ws.Requests())
	require.Len(t, ws.Messages("C0SEC"), 1)
}

func TestManyAtOnceGetATSEach(t *testing.T) {
	ws, api := workspace(t)
	ws.AddMessage("C0SEC", slacktest.Message{TS: "1795327200.000300"})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { _, _, _ = api.PostMessage("C0SEC", say("x")) })
	}
	all.Wait()
	seen := map[string]bool{}
	for _, m := range ws.Messages("C0SEC") {
		seen[m.TS] = true
	}
	require.Len(t, seen, 51)
	require.Equal(t, 50, strings.Count(ws.Transcript("C0SEC"), "  x\n"))
}

func TestThePackageNeedsTheStandardLibraryOnlyAndNotTesting(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			require.NotContains(t, i.Path.Value, ".", file)
			require.NotContains(t, i.Path.Value, "tokensweep", file)
			require.NotContains(t, i.Path.Value, "testing", file)
		}
	}
}
