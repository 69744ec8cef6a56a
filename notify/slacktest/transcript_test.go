package slacktest_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestATranscriptReadsAsTheChannelDoes(t *testing.T) {
	ws, api := workspace(t)
	parent := ""
	for _, name := range []string{"dry_run", "all_findings", "trend", "call_for_help"} {
		raw, err := os.ReadFile("testdata/" + name + ".json")
		require.NoError(t, err)
		var m map[string]any
		require.NoError(t, json.Unmarshal(raw, &m))
		m["channel"] = "C0SEC"
		if parent != "" {
			m["thread_ts"] = parent
		}
		body, err := json.Marshal(m)
		require.NoError(t, err)
		req, err := http.NewRequest(http.MethodPost, ws.URL()+"chat.postMessage", strings.NewReader(string(body)))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		require.Contains(t, do(t, req), `"ok":true`)
		parent = ws.Messages("C0SEC")[0].TS
	}
	_, err := api.UploadFile(slack.UploadFileParameters{Filename: "findings.csv", Title: "All findings",
		Content: "a,b\n", FileSize: 4, Channel: "C0SEC", ThreadTimestamp: parent})
	require.NoError(t, err)
	ws.AddMessage("C0SEC", slacktest.Message{User: "U0ANA", Text: "Thanks <@U0ANA>, <!here> see " +
		"<https://x.example|this> &amp; \u202ethat"})
	plain := post(t, api, "C0SEC", "first")
	_, _, _, err = api.UpdateMessage("C0SEC", plain, say("second"))
	require.NoError(t, err)
	gone := post(t, api, "C0SEC", "gone")
	post(t, api, "C0SEC", "left behind", slack.MsgOptionTS(gone))
	_, _, err = api.DeleteMessage("C0SEC", gone)
	require.NoError(t, err)
	post(t, api, "C0SEC", "rich", slack.MsgOptionBlocks(
		slack.NewRichTextBlock("", slack.NewRichTextList("bullet", 0,
			slack.NewRichTextSection(slack.NewRichTextSectionTextElement("one", nil)),
			slack.NewRichTextSection(slack.NewRichTextSectionLinkElement("https://x.example", "two", nil)))),
		slack.NewDividerBlock(), slack.NewImageBlock("https://x.example/a.png", "a picture", "", nil),
		slack.NewMarkdownBlock("", "**bold**")))

	got := ws.Transcript("security")
	if *update {
		require.NoError(t, os.WriteFile("testdata/transcript.golden", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/transcript.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.Empty(t, ws.Transcript("none"))
}

func TestATranscriptOfADirectMessageSaysWhose(t *testing.T) {
	ws, api := workspace(t)
	post(t, api, "U0ANA", "your tokens")
	require.Equal(t, "Direct message to ana\n\ntokensweep, 2026-11-22 06:00 UTC\n  your tokens\n",
		ws.Transcript(ws.DMs()[0].Channel))
}
