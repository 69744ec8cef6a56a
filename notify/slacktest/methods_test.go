package slacktest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

const token = "xoxb-canary"

var start = time.Unix(1795327200, 0)

func config() slacktest.Config {
	return slacktest.Config{
		BotToken: token,
		Channels: []slacktest.Channel{
			{ID: "C0SEC", Name: "security", Member: true},
			{ID: "C0OPEN", Name: "open"},
			{ID: "C0OLD", Name: "old", Member: true, Archived: true},
			{ID: "C0SECRET", Name: "secret", Private: true},
		},
		Users: []slacktest.User{{ID: "U0ANA", Email: "ana@example.com", Name: "ana"},
			{ID: "U0GONE", Email: "gone@example.com", Deleted: true}},
		UserGroups: []slacktest.UserGroup{{ID: "S0SECOPS1", Handle: "secops", Name: "Security",
			Users: []string{"U0ANA"}}, {ID: "S0OLD", Disabled: true}},
		Now:   func() time.Time { return start },
		Rules: rules,
	}
}

func workspace(t *testing.T, change ...func(*slacktest.Config)) (*slacktest.Server, *slack.Client) {
	t.Helper()
	cfg := config()
	for _, f := range change {
		f(&cfg)
	}
	ws := slacktest.Start(cfg)
	t.Cleanup(ws.Close)
	return ws, slack.New(token, slack.OptionAPIURL(ws.URL()))
}

func without(scope string) func(*slacktest.Config) {
	return func(c *slacktest.Config) {
		c.Scopes = []string{}
		for _, s := range slacktest.AllScopes() {
			if s != scope {
				c.Scopes = append(c.Scopes, s)
			}
		}
	}
}

func say(text string, more ...slack.MsgOption) slack.MsgOption {
	return slack.MsgOptionCompose(append([]slack.MsgOption{slack.MsgOptionText(text, false),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false)}, more...)...)
}

func post(t *testing.T, api *slack.Client, channel, text string, more ...slack.MsgOption) string {
	t.Helper()
	_, ts, err := api.PostMessage(channel, say(text, more...))
	require.NoError(t, err)
	return ts
}

func marked(run string) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "e", EventPayload: map[string]any{"run_id": run}})
}

func TestAuthTestTellsWhoTheBotIsAndWhatItMayDo(t *testing.T) {
	ws, api := workspace(t)
	res, err := api.AuthTest()
	require.NoError(t, err)
	require.Equal(t, "acme", res.Team)
	require.Equal(t, "B0BOT00001", res.BotID)
	require.Equal(t, strings.Join(slacktest.AllScopes(), ","), res.Header.Get("X-OAuth-Scopes"))

	_, err = slack.New("xoxb-other", slack.OptionAPIURL(ws.URL())).AuthTest()
	require.EqualError(t, err, "invalid_auth")
	_, err = slack.New("", slack.OptionAPIURL(ws.URL())).AuthTest()
	require.EqualError(t, err, "not_authed")
}

func TestPostsGetIncreasingTSAsSlackMakesThem(t *testing.T) {
	_, api := workspace(t)
	require.Equal(t, "1795327200.000100", post(t, api, "C0SEC", "a"))
	require.Equal(t, "1795327200.000200", post(t, api, "#security", "b"))
	require.Equal(t, "1795327200.000300", post(t, api, "U0ANA", "c"))
}

func TestAPostIsKeptAsItWasSent(t *testing.T) {
	ws, api := workspace(t)
	ts := post(t, api, "C0SEC", "text", marked("r1"),
		slack.MsgOptionBlocks(slack.NewDividerBlock()), slack.MsgOptionAttachments(slack.Attachment{Fallback: "f"}))
	m := ws.Messages("security")[0]
	require.Equal(t, ts, m.TS)
	require.Equal(t, "text", m.Text)
	require.JSONEq(t, `[{"type":"divider"}]`, string(m.Blocks))
	require.JSONEq(t, `{"event_type":"e","event_payload":{"run_id":"r1"}}`, string(m.Metadata))
	require.Contains(t, string(m.Attachments), `"fallback":"f"`)
	require.Contains(t, string(m.Versions[0].Payload), `"unfurl_links":false`)
	require.NotContains(t, string(m.Versions[0].Payload), token)
	require.Empty(t, ws.Complaints())
}

func TestAPostMayBeJSON(t *testing.T) {
	ws, _ := workspace(t)
	send := func(body, kind string) string {
		req, err := http.NewRequest(http.MethodPost, ws.URL()+"chat.postMessage", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", kind)
		return do(t, req)
	}
	require.Contains(t,
		send(`{"channel":"C0SEC","text":"a","blocks":[{"type":"divider"}],"unfurl_links":false,"unfurl_media":false}`,
			"application/json; charset=utf-8"), `"ok":true`)
	require.JSONEq(t, `[{"type":"divider"}]`, string(ws.Messages("C0SEC")[0].Blocks))
	require.Empty(t, ws.Complaints())
	require.Contains(t, send(`{`, "application/json"), `"invalid_json"`)
	require.Contains(t, send(`[]`, "application/json"), `"json_not_object"`)
	require.Contains(t, send(`x`, "text/plain"), `"invalid_post_type"`)
	require.Equal(t, "Bearer "+token, ws.Requests()[0].Header.Get("Authorization"))
}

func do(t *testing.T, req *http.Request) string {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestRepliesGoToTheirThreadAndToTheChannelIfBroadcast(t *testing.T) {
	_, api := workspace(t)
	parent := post(t, api, "C0SEC", "parent")
	quiet := post(t, api, "C0SEC", "quiet", slack.MsgOptionTS(parent))
	loud := post(t, api, "C0SEC", "loud", slack.MsgOptionTS(parent), slack.MsgOptionBroadcast())

	h, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C0SEC"})
	require.NoError(t, err)
	require.Equal(t, []string{loud, parent}, stamps(h.Messages))
	require.Equal(t, 2, h.Messages[1].ReplyCount)
	replies, _, _, err := api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: "C0SEC",
		Timestamp: parent})
	require.NoError(t, err)
	require.Equal(t, []string{parent, quiet, loud}, stamps(replies))

	_, _, err = api.PostMessage("C0SEC", say("x", slack.MsgOptionTS(quiet)))
	require.EqualError(t, err, "cannot_reply_to_message")
	_, _, _, err = api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: "C0SEC",
		Timestamp: "1.2"})
	require.EqualError(t, err, "thread_not_found")
}

func TestAReplyWithoutItsParentLandsInTheChannel(t *testing.T) {
	_, api := workspace(t)
	parent := post(t, api, "C0SEC", "parent")
	_, _, err := api.DeleteMessage("C0SEC", parent)
	require.NoError(t, err)
	_, _, res, err := api.PostMessageWithResponseContext(context.Background(), "C0SEC",
		say("reply", slack.MsgOptionTS(parent)))
	require.NoError(t, err)
	require.Empty(t, res.ThreadTimestamp)
}

func stamps(list []slack.Message) []string {
	var ts []string
	for _, m := range list {
		ts = append(ts, m.Timestamp)
	}
	return ts
}

func TestAnUpdateKeepsTheFormerVersions(t *testing.T) {
	ws, api := workspace(t)
	ts := post(t, api, "C0SEC", "one", marked("r1"))
	_, _, _, err := api.UpdateMessage("C0SEC", ts, say("two", slack.MsgOptionBlocks(slack.NewDividerBlock())))
	require.NoError(t, err)
	m := ws.Messages("C0SEC")[0]
	require.Equal(t, "two", m.Text)
	require.False(t, m.Edited, "with blocks there is no mark")
	require.Contains(t, string(m.Metadata), "r1")
	_, _, _, err = api.UpdateMessage("C0SEC", ts, say("three"))
	require.NoError(t, err)
	m = ws.Messages("C0SEC")[0]
	require.Nil(t, m.Blocks, "text alone removes the blocks")
	require.True(t, m.Edited)
	require.Equal(t, "one", m.Versions[0].Text)
	require.Len(t, m.Versions, 3)
	require.Empty(t, ws.Complaints())

	_, _, _, err = api.UpdateMessage("C0SEC", ts, slack.MsgOptionText("four", false))
	require.NoError(t, err)
	require.Len(t, ws.Complaints(), 4, "unfurl twice, parse and link_names, whose defaults differ from a post's")
	_, _, _, err = api.UpdateMessage("C0SEC", ts, say(x(4001)))
	require.EqualError(t, err, "msg_too_long")
	_, _, _, err = api.UpdateMessage("security", ts, say("x"))
	require.EqualError(t, err, "channel_not_found")
	_, _, _, err = api.UpdateMessage("C0SEC", "1795327200.999900", say("x"))
	require.EqualError(t, err, "message_not_found")
}

func TestOnlyOwnMessagesCanBeChanged(t *testing.T) {
	ws, api := workspace(t)
	ts := ws.AddMessage("C0SEC", slacktest.Message{User: "U0ANA", Text: "hers"})
	_, _, _, err := api.UpdateMessage("C0SEC", ts, say("x"))
	require.EqualError(t, err, "cant_update_message")
	_, _, err = api.DeleteMessage("C0SEC", ts)
	require.EqualError(t, err, "cant_delete_message")
	own := ws.AddMessage("C0SEC", slacktest.Message{Text: "mine"})
	_, _, err = api.DeleteMessage("C0SEC", own)
	require.NoError(t, err)
	require.True(t, ws.Messages("C0SEC")[1].Deleted)
	_, _, err = api.DeleteMessage("C0SEC", own)
	require.EqualError(t, err, "message_not_found")
}

func TestHistoryShowsMetadataOnDemandAndPages(t *testing.T) {
	_, api := workspace(t)
	for _, run := range []string{"r1", "r2", "r3"} {
		post(t, api, "C0SEC", run, marked(run))
	}
	p := &slack.GetConversationHistoryParameters{ChannelID: "C0SEC", Limit: 2, IncludeAllMetadata: true}
	h, err := api.GetConversationHistory(p)
	require.NoError(t, err)
	require.True(t, h.HasMore)
	require.Equal(t, "r3", h.Messages[0].Metadata.EventPayload["run_id"])
	p.Cursor = h.ResponseMetaData.NextCursor
	h, err = api.GetConversationHistory(p)
	require.NoError(t, err)
	require.Equal(t, []string{"1795327200.000100"}, stamps(h.Messages))

	h, err = api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C0SEC",
		Oldest: "1795327200.000200"})
	require.NoError(t, err)
	require.Equal(t, []string{"1795327200.000300"}, stamps(h.Messages))
	require.Empty(t, h.Messages[0].Metadata.EventType)

	_, api = workspace(t, without("metadata.message:read"))
	post(t, api, "C0SEC", "x", marked("r"))
	h, err = api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C0SEC",
		IncludeAllMetadata: true})
	require.NoError(t, err)
	require.Empty(t, h.Messages[0].Metadata.EventType)
}

func TestChannelsRefuseAsSlackDoes(t *testing.T) {
	_, api := workspace(t)
	for channel, want := range map[string]string{"C0NONE": "channel_not_found", "C0SECRET": "channel_not_found",
		"C0OLD": "is_archived", "": "channel_not_found"} {
		_, _, err := api.PostMessage(channel, say("x"))
		require.EqualError(t, err, want, channel)
	}
	post(t, api, "C0OPEN", "chat:write.public lets this through")
	_, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C0OPEN"})
	require.EqualError(t, err, "not_in_channel")
	_, api = workspace(t, without("chat:write.public"))
	_, _, err = api.PostMessage("C0OPEN", say("x"))
	require.EqualError(t, err, "not_in_channel")

	c, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0OLD"})
	require.NoError(t, err)
	require.True(t, c.IsArchived)
	require.True(t, c.IsMember)
	require.Equal(t, "old", c.Name)
	_, err = api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0SECRET"})
	require.EqualError(t, err, "channel_not_found")
}

func TestPeopleAreFoundByEmailAndWrittenTo(t *testing.T) {
	ws, api := workspace(t)
	u, err := api.GetUserByEmail("Ana@example.com")
	require.NoError(t, err)
	require.Equal(t, "U0ANA", u.ID)
	_, err = api.GetUserByEmail("gone@example.com")
	require.EqualError(t, err, "users_not_found")
	c, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{u.ID}})
	require.NoError(t, err)
	_, _, was, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{u.ID}})
	require.NoError(t, err)
	require.True(t, was)
	post(t, api, c.ID, "hello")
	dms := ws.DMs()
	require.Len(t, dms, 1)
	require.Equal(t, "U0ANA", dms[0].User)
	require.Equal(t, "hello", dms[0].Messages[0].Text)
	_, _, _, err = api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U0NONE"}})
	require.EqualError(t, err, "user_not_found")

	groups, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	require.NoError(t, err)
	require.Len(t, groups, 1)
	require.Equal(t, []string{"U0ANA"}, groups[0].Users)
	link, err := api.GetPermalink(&slack.PermalinkParameters{Channel: "C0SEC", Ts: post(t, api, "C0SEC", "x")})
	require.NoError(t, err)
	require.Equal(t, "https://acme.slack.com/archives/C0SEC/p1795327200000200", link)
}

func TestAFileIsUploadedInThreeSteps(t *testing.T) {
	ws, api := workspace(t)
	parent := post(t, api, "C0SEC", "parent")
	up := slack.UploadFileParameters{Filename: "findings.csv", Title: "Findings", Content: "a,b\n", FileSize: 4,
		Channel: "C0SEC", ThreadTimestamp: parent}
	f, err := api.UploadFile(up)
	require.NoError(t, err)
	require.Equal(t, "Findings", f.Title)
	require.Equal(t, []slacktest.File{{ID: "F0FILE000001", Name: "findings.csv", Title: "Findings", Length: 4,
		Content:  []byte("a,b\n"),
		Uploaded: true, Complete: true, Channels: []string{"C0SEC"}, ThreadTS: parent}}, ws.Files())
	require.Equal(t, []string{f.ID}, ws.Messages("C0SEC")[1].Files)
	require.Equal(t, []string{"chat.postMessage", "files.getUploadURLExternal", slacktest.Upload,
		"files.completeUploadExternal"}, methodsOf(ws))

	up.FileSize = 5
	_, err = api.UploadFile(up)
	require.ErrorContains(t, err, "UploadToURL: ")
	up.FileSize, up.Channel = 4, "C0OLD"
	_, err = api.UploadFile(up)
	require.EqualError(t, err, "CompleteUploadExternal: is_archived")
	_, err = api.CompleteUploadExternalContext(context.Background(), slack.CompleteUploadExternalParameters{
		Files: []slack.FileSummary{{ID: "F0NONE"}}})
	require.EqualError(t, err, "file_not_found")
}

func methodsOf(ws *slacktest.Server) []string {
	var list []string
	for _, r := range ws.Requests() {
		list = append(list, r.Method)
	}
	return list
}
