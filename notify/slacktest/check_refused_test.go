package slacktest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatSlackRefusesByItsFormIsRefused(t *testing.T) {
	cell := func(c obj) []byte { return blocks(obj{"type": "table", "rows": []any{[]any{c}}}) }
	dataCell := func(c obj) []byte {
		return blocks(obj{"type": "data_table", "caption": "c", "rows": []any{[]any{raw(1)}, []any{c}}})
	}
	for what, c := range map[string]struct {
		message []byte
		want    string
	}{
		"no JSON":   {[]byte("{"), "invalid_arguments: must be a JSON object [json-pointer:]"},
		"no object": {[]byte("[]"), "invalid_arguments: must be a JSON object [json-pointer:]"},
		"no text": {message(obj{"text": ""}),
			"no_text: must have text, blocks or attachments [json-pointer:/text]"},
		"blocks no array": {message(obj{"blocks": "x"}),
			"invalid_blocks_format: must be an array [json-pointer:/blocks]"},
		"block no object": {blocks("x"), "invalid_blocks: must be an object [json-pointer:/blocks/0]"},
		"markdown_text and text": {message(obj{"markdown_text": "x"}),
			"markdown_text_conflict: must not be used with text or blocks [json-pointer:/markdown_text]"},
		"mrkdwn header": {blocks(obj{"type": "header", "text": mrkdwn("x")}),
			`invalid_blocks: must be one of ["plain_text"], is "mrkdwn" [json-pointer:/blocks/0/text/type]`},
		"emoji on mrkdwn": {
			blocks(obj{"type": "section", "text": obj{"type": "mrkdwn", "text": "x", "emoji": true, "verbatim": true}}),
			"invalid_blocks: invalid additional property: emoji [json-pointer:/blocks/0/text]"},
		"verbatim on plain_text": {
			blocks(obj{"type": "section", "text": obj{"type": "plain_text", "text": "x", "verbatim": true}}),
			"invalid_blocks: invalid additional property: verbatim [json-pointer:/blocks/0/text]"},
		"empty section": {blocks(obj{"type": "section"}),
			"invalid_blocks: missing required field: text or fields [json-pointer:/blocks/0]"},
		"unknown block": {blocks(obj{"type": "poem"}),
			"invalid_blocks: unsupported type: poem [json-pointer:/blocks/0/type]"},
		"alert": {blocks(obj{"type": "alert"}),
			"invalid_blocks: unsupported type: alert [json-pointer:/blocks/0/type]"},
		"unknown key": {blocks(obj{"type": "divider", "text": "x"}),
			"invalid_blocks: invalid additional property: text [json-pointer:/blocks/0]"},
		"block_id twice": {blocks(obj{"type": "divider", "block_id": "a"},
			obj{"type": "divider", "block_id": "a"}),
			"invalid_blocks: `block_id` \"a\" already exists [json-pointer:/blocks/1/block_id]"},
		"action_id twice": {actions(button(obj{"action_id": "a"}), button(obj{"action_id": "a"})),
			"invalid_blocks: `action_id` \"a\" already exists in this block " +
				"[json-pointer:/blocks/0/elements/1/action_id]"},
		"wrong style": {actions(button(obj{"style": "nice"})),
			`invalid_blocks: must be one of ["primary" "danger"] [json-pointer:/blocks/0/elements/0/style]`},
		"mrkdwn in actions": {actions(mrkdwn("x")),
			"invalid_blocks: unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/type]"},
		"button in context": {blocks(obj{"type": "context", "elements": []any{button(nil)}}),
			"invalid_blocks: unsupported type: button [json-pointer:/blocks/0/elements/0/type]"},
		"image without alt": {blocks(obj{"type": "image", "image_url": "https://x.example/a"}),
			"invalid_blocks: missing required field: alt_text [json-pointer:/blocks/0]"},
		"image without source": {blocks(obj{"type": "image", "alt_text": "a"}),
			"invalid_blocks: missing required field: image_url or slack_file [json-pointer:/blocks/0]"},
		"image with bad file": {blocks(obj{"type": "image", "alt_text": "a", "slack_file": obj{"id": "F1"}}),
			"invalid_blocks: invalid slack file [json-pointer:/blocks/0/slack_file/id]"},
		"align empty": {
			blocks(obj{"type": "table", "rows": []any{[]any{raw(1)}}, "column_settings": []any{obj{"align": ""}}}),
			`invalid_blocks: must be one of ["left" "center" "right"] ` +
				"[json-pointer:/blocks/0/column_settings/0/align]"},
		"cell without text": {cell(obj{"type": "raw_text"}),
			"invalid_blocks: missing required field: text [json-pointer:/blocks/0/rows/0/0]"},
		"rich cell without text": {
			cell(obj{"type": "rich_text", "elements": []any{obj{"type": "rich_text_section", "elements": []any{}}}}),
			"invalid_blocks: must be more than 0 characters [json-pointer:/blocks/0/rows/0/0]"},
		"mrkdwn cell": {cell(mrkdwn("x")),
			"invalid_blocks: unsupported type: mrkdwn [json-pointer:/blocks/0/rows/0/0/type]"},
		"action_cell in table": {cell(obj{"type": "action_cell", "element": button(nil)}),
			"invalid_blocks: unsupported type: action_cell [json-pointer:/blocks/0/rows/0/0/type]"},
		"number without text": {dataCell(obj{"type": "raw_number", "value": 1}),
			"invalid_blocks: missing required field: text [json-pointer:/blocks/0/rows/1/0]"},
		"number that is none": {dataCell(obj{"type": "raw_number", "value": "1", "text": "1"}),
			"invalid_blocks: must be a number [json-pointer:/blocks/0/rows/1/0/value]"},
		"rich header of a data_table": {
			blocks(obj{"type": "data_table", "caption": "c", "rows": []any{[]any{obj{"type": "rich_text"}},
				[]any{raw(1)}}}), "invalid_blocks: unsupported type: rich_text [json-pointer:/blocks/0/rows/0/0/type]"},
		"data_table without caption": {blocks(obj{"type": "data_table", "rows": []any{[]any{raw(1)}, []any{raw(1)}}}),
			"invalid_blocks: missing required field: caption [json-pointer:/blocks/0]"},
		"ragged data_table": {
			blocks(obj{"type": "data_table", "caption": "c", "rows": []any{[]any{raw(1)}, []any{raw(1), raw(1)}}}),
			"invalid_blocks: must have 1 cells, as the header does [json-pointer:/blocks/0/rows/1]"},
		"pie of nothing": {
			blocks(obj{"type": "data_visualization", "title": "t",
				"chart": obj{"type": "pie", "segments": []any{obj{"label": "a", "value": 0}}}}),
			"invalid_blocks: must be a number greater than 0 [json-pointer:/blocks/0/chart/segments/0/value]"},
		"unknown chart": {
			blocks(obj{"type": "data_visualization", "title": "t", "chart": obj{"type": "donut"}}),
			"invalid_blocks: unsupported type: donut [json-pointer:/blocks/0/chart/type]"},
		"metadata no object": {message(obj{"metadata": "x"}),
			"invalid_metadata_format: must be an object [json-pointer:/metadata]"},
		"metadata without event_type": {message(obj{"metadata": obj{"event_payload": obj{}}}),
			"invalid_metadata_schema: must be a string [json-pointer:/metadata/event_type]"},
		"metadata without payload": {message(obj{"metadata": obj{"event_type": "e"}}),
			"invalid_metadata_schema: must be an object [json-pointer:/metadata/event_payload]"},
		"unknown rich text": {blocks(obj{"type": "rich_text", "elements": []any{obj{"type": "poem"}}}),
			"invalid_blocks: unsupported type: poem [json-pointer:/blocks/0/elements/0/type]"},
		"empty text of rich text": {
			blocks(obj{"type": "rich_text",
				"elements": []any{obj{"type": "rich_text_section",
					"elements": []any{obj{"type": "text", "text": ""}}}}}),
			"invalid_blocks: must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]"},
	} {
		require.Equal(t, []string{c.want}, rules.Check(c.message), what)
	}
}
