package slacktest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

func rich(e obj) []byte {
	return blocks(obj{"type": "rich_text", "elements": []any{obj{"type": "rich_text_section", "elements": []any{e}}}})
}

func TestWhatWeForbidIsComplainedAbout(t *testing.T) {
	say := func(s string) []byte { return blocks(obj{"type": "section", "text": mrkdwn(s)}) }
	for _, c := range []struct {
		message []byte
		want    string
	}{
		{message(obj{"text": "<!channel>"}), "live mention of channel [json-pointer:/text]"},
		{message(obj{"text": "<!here|here>"}), "live mention of here [json-pointer:/text]"},
		{say("<!everyone>"), "live mention of everyone [json-pointer:/blocks/0/text/text]"},
		{say("<@U0ANA>"), "live mention of U0ANA [json-pointer:/blocks/0/text/text]"},
		{say("<!subteam^S0OTHER>"), "live mention of S0OTHER [json-pointer:/blocks/0/text/text]"},
		{say("<#C1>"), "unescaped <#C1> [json-pointer:/blocks/0/text/text]"},
		{say("a <b> c"), "unescaped <b> [json-pointer:/blocks/0/text/text]"},
		{say("a < c"), "unescaped < [json-pointer:/blocks/0/text/text]"},
		{say("a > c"), "unescaped > [json-pointer:/blocks/0/text/text]"},
		{say("<https://evil.example|wiki>"),
			`link to "evil.example", a host that is not allowed [json-pointer:/blocks/0/text/text]`},
		{say("<http://x.example>"),
			`link to "http://x.example", which is not plain https [json-pointer:/blocks/0/text/text]`},
		{say("<https://x.example@evil.example/>"),
			`link to "https://x.example@evil.example/", which is not plain https [json-pointer:/blocks/0/text/text]`},
		{say("<mailto:a@b.example>"),
			`link to "mailto:a@b.example", which is not plain https [json-pointer:/blocks/0/text/text]`},
		{say("<!date^x>"), "malformed date <!date^x> [json-pointer:/blocks/0/text/text]"},
		{say("<!date^1^{date}^https://evil.example|d>"),
			`link to "evil.example", a host that is not allowed [json-pointer:/blocks/0/text/text]`},
		{blocks(obj{"type": "section", "text": obj{"type": "mrkdwn", "text": "x"}}),
			"mrkdwn without verbatim: Slack makes links of its own [json-pointer:/blocks/0/text]"},
		{blocks(obj{"type": "markdown", "text": "<!channel>"}),
			"live mention of channel [json-pointer:/blocks/0/text]"},
		{blocks(obj{"type": "markdown", "text": "[a](https://evil.example)"}),
			`link to "evil.example", a host that is not allowed [json-pointer:/blocks/0/text]`},
		{message(obj{"attachments": []any{obj{"text": "<!here>"}}}),
			"live mention of here [json-pointer:/attachments/0/text]"},
		{actions(button(obj{"url": "https://evil.example"})),
			`link to "evil.example", a host that is not allowed [json-pointer:/blocks/0/elements/0/url]`},
		{rich(obj{"type": "user", "user_id": "U0ANA"}),
			"live mention of U0ANA [json-pointer:/blocks/0/elements/0/elements/0]"},
		{rich(obj{"type": "usergroup", "usergroup_id": "S1"}),
			"live mention of S1 [json-pointer:/blocks/0/elements/0/elements/0]"},
		{rich(obj{"type": "broadcast", "range": "here"}),
			"live mention of here [json-pointer:/blocks/0/elements/0/elements/0]"},
		{rich(obj{"type": "link", "url": "https://evil.example"}),
			`link to "evil.example", a host that is not allowed [json-pointer:/blocks/0/elements/0/elements/0/url]`},
		{message(obj{"unfurl_links": true}), "unfurl_links is not false [json-pointer:/unfurl_links]"},
		{message(obj{"unfurl_media": nil}), "unfurl_media is not false [json-pointer:/unfurl_media]"},
		{message(obj{"parse": "full"}), "parse is not none [json-pointer:/parse]"},
		{message(obj{"link_names": true}), "link_names is not false [json-pointer:/link_names]"},
		{message(obj{"text": "", "blocks": []any{divider(0)}}), "no text for the notification [json-pointer:/text]"},
		{blocks(obj{"type": "table", "rows": []any{[]any{obj{"type": "raw_text", "text": "a\nb"}}}}),
			"line feed in a cell [json-pointer:/blocks/0/rows/0/0/text]"},
		{message(obj{"metadata": obj{"event_type": "e", "event_payload": obj{"a": "\u202e"}}}),
			"control, bidi or zero-width character U+202E [json-pointer:/metadata/event_payload/a]"},
	} {
		require.Equal(t, []string{slacktest.Forbidden + c.want}, rules.Check(c.message), "%s", c.message)
	}
}

func TestCharactersThatNobodySeesAreFoundAnywhere(t *testing.T) {
	for _, r := range "\x00\t\r\x1b\x7f\u0085\u00ad\u061c\u200b\u200d\u200e\u202a\u202e\u2028\u2060\u2066\ufeff\u3164" +
		"\U000e0041\U000e0101" {
		for _, message := range [][]byte{
			message(obj{"text": "a" + string(r)}),
			blocks(obj{"type": "header", "text": obj{"type": "plain_text", "text": "a" + string(r)}}),
			blocks(obj{"type": "table", "rows": []any{[]any{obj{"type": "raw_text", "text": "a" + string(r)}}}}),
			rich(obj{"type": "text", "text": "a" + string(r)}),
		} {
			got := slacktest.Check(message)
			require.Len(t, got, 1, "%U", r)
			require.Contains(t, got[0], "forbidden: control, bidi or zero-width character")
		}
	}
	require.Empty(t, slacktest.Check(message(obj{"text": "ä\nß 漢字 ⚠️ 🔴 …"})))
	require.Equal(t, []string{"forbidden: invalid UTF-8"},
		slacktest.Check([]byte("{\"text\":\"a\xff\",\"unfurl_links\":false,\"unfurl_media\":false}")))
}

func TestWhatIsAllowedIsNoReasonToComplain(t *testing.T) {
	for _, s := range []string{
		"<!subteam^S0SECOPS1> look", "<https://x.example/a?b=c&amp;d|label>", "<https://x.example>",
		"<!date^1795413600^{date_short} {time}|Nov 23>", "&lt;!channel&gt; &amp;", "> a quote",
		"@channel https://evil.example",
	} {
		require.Empty(t, rules.Check(blocks(obj{"type": "section", "text": mrkdwn(s)})), s)
	}
	require.Empty(t, rules.Check(message(obj{"parse": "none", "link_names": false})))
}

func FuzzCheckNeverPanicsAndSaysTheSameTwice(f *testing.F) {
	f.Add(`{"text":"<!channel>","blocks":[{"type":"section","text":{"type":"mrkdwn"}}]}`)
	f.Add(`{"blocks":[{"type":"table","rows":[[1]]},{"type":"data_visualization","chart":null}]}`)
	f.Add(`{"attachments":[null],"metadata":[],"blocks":[[],{"type":"image","slack_file":1}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		once, twice := slacktest.Check([]byte(s)), slacktest.Check([]byte(s))
		require.Equal(t, once, twice)
	})
}
