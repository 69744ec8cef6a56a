package slacktest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tokensweep/notify/slacktest"
)

func Example() {
	ws := slacktest.Start(slacktest.Config{
		BotToken: "xoxb-secret",
		Channels: []slacktest.Channel{{ID: "C0SECURITY", Name: "security", Member: true}},
		Now:      func() time.Time { return time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC) },
	})
	defer ws.Close()

	// The answer to the first message is lost on its way.
	ws.Fault(slacktest.Fault{Method: "chat.postMessage", HangupAfter: true, Times: 1})

	_, err := http.PostForm(ws.URL()+"chat.postMessage", url.Values{
		"token":        {"xoxb-secret"},
		"channel":      {"C0SECURITY"},
		"text":         {"37 findings, <!channel>"},
		"unfurl_links": {"false"},
		"unfurl_media": {"false"},
	})
	fmt.Println(err != nil)
	fmt.Println(ws.Complaints())
	fmt.Print(ws.Transcript("security"))
	// Output:
	// true
	// [chat.postMessage C0SECURITY: forbidden: live mention of channel [json-pointer:/text]]
	// #security
	//
	// tokensweep, 2026-11-23 06:00 UTC
	//   37 findings, @channel
}
