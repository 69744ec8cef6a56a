package slacktest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/notify/slacktest"
)

type obj = map[string]any

var rules = slacktest.Rules{
	AllowedMentions: []string{"S0SECOPS1"},
	AllowedHosts:    []string{"git.example.com", "wiki.example.com", "acme.slack.com", "x.example"},
}

func TestTheSamplePayloadsOfTheDesignPass(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		message, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, rules.Check(message), file)
	}
}

func message(fields obj) []byte {
	m := obj{"channel": "C1", "text": "t", "unfurl_links": false, "unfurl_media": false}
	for k, v := range fields {
		m[k] = v
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

func blocks(b ...any) []byte { return message(obj{"blocks": b}) }

func x(n int) string { return strings.Repeat("ü", n) }

func plain(n int) obj { return obj{"type": "plain_text", "text": x(n)} }

func mrkdwn(s string) obj { return obj{"type": "mrkdwn", "text": s, "verbatim": true} }

func rep(n int, f func(i int) any) []any {
	l := make([]any, n)
	for i := range l {
		l[i] = f(i)
	}
	return l
}

func divider(int) any { return obj{"type": "divider"} }

func button(with obj) obj {
	b := obj{"type": "button", "text": plain(1)}
	for k, v := range with {
		b[k] = v
	}
	return b
}

func actions(e ...any) []byte { return blocks(obj{"type": "actions", "elements": e}) }

func confirm(with obj) []byte {
	c := obj{"title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1)}
	for k, v := range with {
		c[k] = v
	}
	return actions(button(obj{"confirm": c}))
}

func raw(n int) obj { return obj{"type": "raw_text", "text": x(n)} }

func table(rows, columns, chars int) obj {
	return obj{"type": "table", "rows": rep(rows, func(int) any {
		return rep(columns, func(int) any { return raw(chars) })
	})}
}

func dataTable(rows, columns, chars int, with obj) []byte {
	b := table(rows, columns, chars)
	b["type"], b["caption"] = "data_table", "c"
	for k, v := range with {
		b[k] = v
	}
	return blocks(b)
}

func chart(series, points, label int, with obj) obj {
	name := func(i int) string { return fmt.Sprintf("%02d", i) + x(label-2) }
	b := obj{"type": "data_visualization", "title": "t", "chart": obj{
		"type": "line",
		"series": rep(series, func(i int) any {
			return obj{"name": name(i),
				"data": rep(points, func(j int) any { return obj{"label": name(j), "value": j} })}
		}),
		"axis_config": obj{"categories": rep(points, func(j int) any { return name(j) })},
	}}
	for k, v := range with {
		b[k] = v
	}
	return b
}

func pie(n int) []byte {
	return blocks(obj{"type": "data_visualization", "title": "t", "chart": obj{
		"type": "pie", "segments": rep(n, func(i int) any { return obj{"label": fmt.Sprint(i), "value": 1} })}})
}

// TestEachLimitLetsPassWhatIsInsideAndRefusesOneMore is the table of limits: of each number the largest
// or smallest that passes, and the next one.
func TestEachLimitLetsPassWhatIsInsideAndRefusesOneMore(t *testing.T) {
	section := func(n int) []byte { return blocks(obj{"type": "section", "text": mrkdwn(x(n))}) }
	text := func(n int) []byte { return blocks(obj{"type": "header", "text": plain(n)}) }
	settings := func(n int) []byte {
		b := table(1, 1, 1)
		b["column_settings"] = rep(n, func(int) any { return obj{"align": "left"} })
		return blocks(b)
	}
	image := func(alt, url int) []byte {
		return blocks(obj{"type": "image", "alt_text": x(alt), "image_url": "https://x.example/" +
			strings.Repeat("a", url-18)})
	}
	link := func(n int) string { return "https://x.example/" + strings.Repeat("a", n-18) }
	for _, c := range []struct {
		what    string
		in, out int
		make    func(n int) []byte
		code    string
		pointer string
	}{
		{"blocks", 50, 51, func(n int) []byte { return blocks(rep(n, divider)...) }, "invalid_blocks", "/blocks"},
		{"attachments", 100, 101, func(n int) []byte {
			return message(obj{"attachments": rep(n, func(int) any { return obj{"fallback": "f"} })})
		}, "too_many_attachments", "/attachments"},
		{"blocks of an attachment", 50, 51, func(n int) []byte {
			return message(obj{"attachments": []any{obj{"blocks": rep(n, divider)}}})
		}, "invalid_blocks", "/attachments/0/blocks"},
		{"markdown_text", 12000, 12001, func(n int) []byte { return message(obj{"text": "", "markdown_text": x(n)}) },
			"msg_too_long", "/markdown_text"},
		{"metadata", 8000, 8001, func(n int) []byte {
			empty := len(`{"event_payload":{"a":""},"event_type":"e"}`)
			return message(obj{"metadata": obj{"event_type": "e",
				"event_payload": obj{"a": strings.Repeat("a", n-empty)}}})
		}, "metadata_too_large", "/metadata"},
		{"header", 150, 151, text, "invalid_blocks", "/blocks/0/text/text"},
		{"header, least", 1, 0, text, "invalid_blocks", "/blocks/0/text/text"},
		{"section", 3000, 3001, section, "invalid_blocks", "/blocks/0/text/text"},
		{"section, least", 1, 0, section, "invalid_blocks", "/blocks/0/text/text"},
		{"fields", 10, 11, func(n int) []byte {
			return blocks(obj{"type": "section", "fields": rep(n, func(int) any { return mrkdwn("f") })})
		}, "invalid_blocks", "/blocks/0/fields"},
		{"fields, least", 1, 0, func(n int) []byte {
			return blocks(obj{"type": "section", "fields": rep(n, func(int) any { return mrkdwn("f") })})
		}, "invalid_blocks", "/blocks/0/fields"},
		{"field", 2000, 2001, func(n int) []byte { return blocks(obj{"type": "section", "fields": []any{plain(n)}}) },
			"invalid_blocks", "/blocks/0/fields/0/text"},
		{"context", 10, 11, func(n int) []byte {
			return blocks(obj{"type": "context", "elements": rep(n, func(int) any { return plain(1) })})
		}, "invalid_blocks", "/blocks/0/elements"},
		{"actions", 25, 26, func(n int) []byte { return actions(rep(n, func(int) any { return button(nil) })...) },
			"invalid_blocks", "/blocks/0/elements"},
		{"actions, least", 1, 0, func(n int) []byte { return actions(rep(n, func(int) any { return button(nil) })...) },
			"invalid_blocks", "/blocks/0/elements"},
		{"block_id", 255, 256, func(n int) []byte { return blocks(obj{"type": "divider", "block_id": x(n)}) },
			"invalid_blocks", "/blocks/0/block_id"},
		{"action_id", 255, 256, func(n int) []byte { return actions(button(obj{"action_id": x(n)})) }, "invalid_blocks",
			"/blocks/0/elements/0/action_id"},
		{"button text", 75, 76, func(n int) []byte { return actions(button(obj{"text": plain(n)})) }, "invalid_blocks",
			"/blocks/0/elements/0/text/text"},
		{"button value", 2000, 2001, func(n int) []byte { return actions(button(obj{"value": x(n)})) },
			"invalid_blocks", "/blocks/0/elements/0/value"},
		{"button url", 3000, 3001, func(n int) []byte { return actions(button(obj{"url": link(n)})) }, "invalid_blocks",
			"/blocks/0/elements/0/url"},
		{"button label", 75, 76, func(n int) []byte { return actions(button(obj{"accessibility_label": x(n)})) },
			"invalid_blocks", "/blocks/0/elements/0/accessibility_label"},
		{"confirm title", 100, 101, func(n int) []byte { return confirm(obj{"title": plain(n)}) }, "invalid_blocks",
			"/blocks/0/elements/0/confirm/title/text"},
		{"confirm text", 300, 301, func(n int) []byte { return confirm(obj{"text": plain(n)}) }, "invalid_blocks",
			"/blocks/0/elements/0/confirm/text/text"},
		{"confirm yes", 30, 31, func(n int) []byte { return confirm(obj{"confirm": plain(n)}) }, "invalid_blocks",
			"/blocks/0/elements/0/confirm/confirm/text"},
		{"confirm no", 30, 31, func(n int) []byte { return confirm(obj{"deny": plain(n)}) }, "invalid_blocks",
			"/blocks/0/elements/0/confirm/deny/text"},
		{"overflow", 5, 6, func(n int) []byte {
			return actions(obj{"type": "overflow",
				"options": rep(n, func(int) any { return obj{"text": plain(75), "value": x(150)} })})
		}, "invalid_blocks", "/blocks/0/elements/0/options"},
		{"select", 100, 101, func(n int) []byte {
			return actions(obj{"type": "static_select", "placeholder": plain(150),
				"options": rep(n, func(int) any { return obj{"text": plain(1), "value": "v"} })})
		}, "invalid_blocks", "/blocks/0/elements/0/options"},
		{"option", 75, 76, func(n int) []byte {
			return actions(obj{"type": "overflow", "options": []any{obj{"text": plain(n)}}})
		}, "invalid_blocks", "/blocks/0/elements/0/options/0/text/text"},
		{"option value", 150, 151, func(n int) []byte {
			return actions(obj{"type": "overflow", "options": []any{obj{"text": plain(1), "value": x(n)}}})
		}, "invalid_blocks", "/blocks/0/elements/0/options/0/value"},
		{"alt text", 2000, 2001, func(n int) []byte { return image(n, 20) }, "invalid_blocks", "/blocks/0/alt_text"},
		{"alt text, least", 1, 0, func(n int) []byte { return image(n, 20) }, "invalid_blocks", "/blocks/0/alt_text"},
		{"image url", 3000, 3001, func(n int) []byte { return image(1, n) }, "invalid_blocks", "/blocks/0/image_url"},
		{"markdown", 12000, 12001, func(n int) []byte { return blocks(obj{"type": "markdown", "text": x(n)}) },
			"invalid_blocks", "/blocks/0/text"},
		{"markdown in all", 6000, 6001, func(n int) []byte {
			return blocks(obj{"type": "markdown", "text": x(n)}, obj{"type": "markdown", "text": x(6000)})
		}, "invalid_blocks", "/blocks/1/text"},
		{"table rows", 100, 101, func(n int) []byte { return blocks(table(n, 1, 1)) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"table rows, least", 1, 0, func(n int) []byte { return blocks(table(n, 1, 1)) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"table columns", 20, 21, func(n int) []byte { return blocks(table(1, n, 1)) }, "invalid_blocks",
			"/blocks/0/rows/0"},
		{"table characters", 1000, 1001, func(n int) []byte { return blocks(table(1, 10, n)) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"table cell, least", 1, 0, func(n int) []byte { return blocks(table(1, 1, n)) }, "invalid_blocks",
			"/blocks/0/rows/0/0/text"},
		{"column settings", 20, 21, settings, "invalid_blocks", "/blocks/0/column_settings"},
		{"tables", 1, 2, func(n int) []byte { return blocks(rep(n, func(int) any { return table(1, 1, 1) })...) },
			"invalid_blocks", "/blocks/1"},
		{"data_table rows", 201, 202, func(n int) []byte { return dataTable(n, 1, 1, nil) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"data_table rows, least", 2, 1, func(n int) []byte { return dataTable(n, 1, 1, nil) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"data_table columns", 20, 21, func(n int) []byte { return dataTable(2, n, 1, nil) }, "invalid_blocks",
			"/blocks/0/rows/0"},
		{"data_table characters", 1000, 1001, func(n int) []byte { return dataTable(2, 10, n, nil) }, "invalid_blocks",
			"/blocks/0/rows"},
		{"data_table cell, least", 1, 0, func(n int) []byte { return dataTable(2, 1, n, nil) }, "invalid_blocks",
			"/blocks/0/rows/1/0/text"},
		{"page size", 100, 101, func(n int) []byte { return dataTable(2, 1, 1, obj{"page_size": n}) }, "invalid_blocks",
			"/blocks/0/page_size"},
		{"page size, least", 1, 0, func(n int) []byte { return dataTable(2, 1, 1, obj{"page_size": n}) },
			"invalid_blocks", "/blocks/0/page_size"},
		{"row header", 0, 1, func(n int) []byte { return dataTable(2, 1, 1, obj{"row_header_column_index": n}) },
			"invalid_blocks", "/blocks/0/row_header_column_index"},
		{"charts", 2, 3, func(n int) []byte { return blocks(rep(n, func(int) any { return chart(1, 1, 2, nil) })...) },
			"invalid_blocks", "/blocks/2"},
		{"chart title", 50, 51, func(n int) []byte { return blocks(chart(1, 1, 2, obj{"title": x(n)})) },
			"invalid_blocks", "/blocks/0/title"},
		{"series", 12, 13, func(n int) []byte { return blocks(chart(n, 1, 2, nil)) }, "invalid_blocks",
			"/blocks/0/chart/series"},
		{"points", 20, 21, func(n int) []byte { return blocks(chart(1, n, 2, nil)) }, "invalid_blocks",
			"/blocks/0/chart/series/0/data"},
		{"label", 20, 21, func(n int) []byte { return blocks(chart(1, 1, n, nil)) }, "invalid_blocks",
			"/blocks/0/chart/series/0/name"},
		{"pie", 12, 13, pie, "invalid_blocks", "/blocks/0/chart/segments"},
		{"pie, least", 1, 0, pie, "invalid_blocks", "/blocks/0/chart/segments"},
		{"card title", 150, 151, func(n int) []byte { return blocks(obj{"type": "card", "title": plain(n)}) },
			"invalid_blocks", "/blocks/0/title/text"},
		{"carousel", 10, 11, func(n int) []byte { return blocks(obj{"type": "carousel", "elements": rep(n, divider)}) },
			"invalid_blocks", "/blocks/0/elements"},
		{"container", 10, 11, func(n int) []byte {
			return blocks(obj{"type": "container", "title": plain(1), "child_blocks": rep(n, divider)})
		}, "invalid_blocks", "/blocks/0/child_blocks"},
		{"plan", 50, 51, func(n int) []byte { return blocks(obj{"type": "plan", "tasks": rep(n, divider)}) },
			"invalid_blocks", "/blocks/0/tasks"},
	} {
		t.Run(c.what, func(t *testing.T) {
			require.Empty(t, rules.Check(c.make(c.in)), c.in)
			got := strings.Join(rules.Check(c.make(c.out)), "\n")
			require.Contains(t, got, c.code+": ")
			require.Contains(t, got, "[json-pointer:"+c.pointer, c.out)
		})
	}
}

func TestTheTextOfAMessageIsSafeUpToFourThousandAndRefusedAboveFortyThousand(t *testing.T) {
	require.Empty(t, slacktest.Check(message(obj{"text": x(4000)})))
	require.Equal(t, []string{"forbidden: text of 4001 characters is cut into messages of 4000 [json-pointer:/text]"},
		slacktest.Check(message(obj{"text": x(4001)})))
	require.Len(t, slacktest.Check(message(obj{"text": x(40000)})), 1)
	require.Equal(t, []string{"msg_too_long: must be less than 40001 characters [json-pointer:/text]"},
		slacktest.Check(message(obj{"text": x(40001)})))
}

func TestAllTextInBlocksIsSafeUpToEightThousandAndRefusedFromTheLeastThatSlackRefused(t *testing.T) {
	total := func(n int) []byte {
		return blocks(rep(4, func(i int) any {
			if i < 3 {
				return obj{"type": "section", "text": mrkdwn(x((n - n%4) / 4))}
			}
			return obj{"type": "section", "text": mrkdwn(x(n - 3*((n-n%4)/4)))}
		})...)
	}
	require.Empty(t, slacktest.Check(total(8000)))
	require.Equal(t, []string{"forbidden: 8001 characters in all blocks, of which only 8000 are safe " +
		"[json-pointer:/blocks]"}, slacktest.Check(total(8001)))
	require.Contains(t, slacktest.Check(total(11340))[0], slacktest.Forbidden)
	require.Equal(t, []string{"msg_blocks_too_long: must be less than 11341 characters in all blocks " +
		"[json-pointer:/blocks]"}, slacktest.Check(total(11341)))
}

func TestCharactersAreCountedAfterEscaping(t *testing.T) {
	require.Empty(t, slacktest.Check(blocks(obj{"type": "section", "text": mrkdwn(strings.Repeat("&amp;", 600))})))
	require.Len(t, slacktest.Check(blocks(obj{"type": "section", "text": mrkdwn(strings.Repeat("&amp;", 600) + "a")})),
		1)
}
