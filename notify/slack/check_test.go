package slack_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/slack"
)

type object = map[string]any

// marks counts a mark in everything that Slack parses.
func marks(t *testing.T, m slack.Message, mark string) int {
	n := strings.Count(m.Text, mark)
	walk(decoded(t, m)["blocks"], func(o object) {
		if o["type"] == "mrkdwn" {
			n += strings.Count(o["text"].(string), mark)
		}
	})
	return n
}

func decoded(tb testing.TB, m slack.Message) object {
	tb.Helper()
	var o object
	require.NoError(tb, json.Unmarshal(payload(tb, m), &o))
	return o
}

func walk(v any, each func(object)) {
	switch k := v.(type) {
	case []any:
		for _, e := range k {
			walk(e, each)
		}
	case object:
		each(k)
		for _, e := range k {
			walk(e, each)
		}
	}
}

// charsOf counts the text of all blocks.
func charsOf(tb testing.TB, m slack.Message) int {
	return textIn(decoded(tb, m)["blocks"])
}

func textIn(v any) int {
	n := 0
	walk(v, func(o object) {
		for _, key := range []string{"text", "caption", "title", "label", "name"} {
			if s, ok := o[key].(string); ok && o["type"] != "emoji" {
				n += utf8.RuneCountInString(s)
			}
		}
	})
	return n
}

var (
	live   = regexp.MustCompile(`<@[UW][A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>|<#[CG][A-Z0-9]+>`)
	entity = regexp.MustCompile(`&(amp|lt|gt);`)
)

// requireDead makes sure that parsed text holds no markup but that of ours.
func requireDead(tb testing.TB, part, s string) {
	tb.Helper()
	calls := live.FindAllString(s, -1)
	if part == "alert" || strings.HasPrefix(part, ledger.OwnerPart) { // an owner is told whom to ask
		for _, c := range calls {
			require.Contains(tb, []string{"<!subteam^S0SECOPS1>", "<@U012AB3CD>", "<#C0SECURITY>"}, c)
		}
		s = live.ReplaceAllString(s, "")
	}
	require.NotContains(tb, s, "<", part)
	require.NotContains(tb, s, ">", part)
	require.NotContains(tb, s, "`", part)
	require.NotContains(tb, s, "://", part)
	require.NotContains(tb, entity.ReplaceAllString(s, ""), "&", part)
}

// checkMessage makes sure that a message is within Slack's limits and harmless.
func checkMessage(t testing.TB, m slack.Message) {
	t.Helper()
	o := decoded(t, m)
	require.NotEmpty(t, m.Text)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Text), 4000)
	requireDead(t, m.Part, m.Text)
	require.Equal(t, false, o["unfurl_links"])
	require.Equal(t, false, o["unfurl_media"])
	for key, v := range o["metadata"].(object)["event_payload"].(object) {
		if s, ok := v.(string); ok {
			require.Contains(t, []string{"run_id", "part"}, key)
			require.LessOrEqual(t, len(s), 100)
		}
	}
	blocks := o["blocks"].([]any)
	require.LessOrEqual(t, len(blocks), 50)
	require.LessOrEqual(t, textIn(blocks), 11000)
	ids, tables := make(map[any]bool), 0
	for _, block := range blocks {
		k := block.(object)
		id := k["block_id"].(string)
		require.False(t, id == "" || len(id) > 255 || ids[id], "%q", id)
		ids[id] = true
		switch k["type"] {
		case "header":
			requireText(t, k["text"], "plain_text", 150)
		case "section":
			requireText(t, k["text"], "", 3000)
		case "context":
			require.LessOrEqual(t, len(k["elements"].([]any)), 10)
			for _, e := range k["elements"].([]any) {
				requireText(t, e, "", 2000)
			}
		case "rich_text":
			require.NotEmpty(t, k["elements"])
		case "table", "data_table":
			tables++
			rows := k["rows"].([]any)
			most, chars := 100, 10000
			if k["type"] == "data_table" {
				most, chars = 201, 20000
				require.NotEmpty(t, k["caption"])
			} else {
				for _, s := range k["column_settings"].([]any) {
					require.Equal(t, "left", s.(object)["align"])
				}
			}
			require.True(t, len(rows) >= 2 && len(rows) <= most, "%d rows", len(rows))
			require.LessOrEqual(t, textIn(rows), chars)
			for _, row := range rows {
				require.Len(t, row, len(rows[0].([]any)))
				require.LessOrEqual(t, len(row.([]any)), 20)
			}
		case "data_visualization":
			require.LessOrEqual(t, utf8.RuneCountInString(k["title"].(string)), 50)
			categories := k["chart"].(object)["axis_config"].(object)["categories"].([]any)
			require.LessOrEqual(t, len(categories), 20)
			labels := make(map[any]bool)
			for _, c := range categories {
				require.LessOrEqual(t, len(c.(string)), 20)
				require.False(t, labels[c], c)
				labels[c] = true
			}
		default:
			require.Fail(t, "unexpected block", "%v", k["type"])
		}
	}
	require.LessOrEqual(t, tables, 1)
	walk(blocks, func(k object) {
		s, isText := k["text"].(string)
		switch k["type"] {
		case "mrkdwn":
			require.Equal(t, true, k["verbatim"])
			require.NotContains(t, k, "emoji")
			requireDead(t, m.Part, s)
		case "plain_text":
			require.Equal(t, false, k["emoji"])
			require.NotContains(t, k, "verbatim")
		case "link", "user", "usergroup", "broadcast", "channel", "date", "team", "color", "image", "button":
			require.Fail(t, "nobody wrote this", "%v", k)
		}
		if isText {
			require.NotEmpty(t, strings.TrimSpace(s))
			require.True(t, utf8.ValidString(s))
			hidden := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) })
			require.Negative(t, hidden, s)
			if k["type"] != "mrkdwn" {
				require.False(t, strings.ContainsAny(s, "<>`"), "%q", s)
			}
		}
	})
}

func requireText(t testing.TB, v any, kind string, most int) {
	t.Helper()
	o := v.(object)
	if kind != "" {
		require.Equal(t, kind, o["type"])
	}
	n := utf8.RuneCountInString(o["text"].(string))
	require.True(t, n > 0 && n <= most, "%d characters", n)
}
