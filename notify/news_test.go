package notify_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/notify"
	"tokensweep/notify/notifytest"
	"tokensweep/rules"
)

func TestNewsLooksLikeItsGoldenFiles(t *testing.T) {
	before := notifytest.Many(12, rules.Enforce)
	before.Before = true
	acted := notifytest.Act(notifytest.Many(12, rules.Enforce))
	acted.CalledOff = notifytest.CalledOff(true).CalledOff
	for name, parts := range map[string]func() ([]json.RawMessage, error){
		"announcement": func() ([]json.RawMessage, error) { return notify.News(before, notify.Announcement, 8<<10) },
		"report":       func() ([]json.RawMessage, error) { return notify.News(acted, notify.Final, 8<<10) },
		"failed": func() ([]json.RawMessage, error) {
			return notify.News(notifytest.Failed(), notify.Final, 8<<10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := parts()
			require.NoError(t, err)
			var b bytes.Buffer
			for _, part := range list {
				require.LessOrEqual(t, len(part), 8<<10)
				requirePrintable(t, name, string(part))
				require.NoError(t, json.Indent(&b, part, "", "  "))
				b.WriteByte('\n')
			}
			golden(t, "news-"+name+".json", b.Bytes())
		})
	}
}

func TestAnItemThatIsTooLongForAPartIsAPartOfItsOwn(t *testing.T) {
	parts, err := notify.News(notifytest.Act(notifytest.Many(12, rules.Enforce)), notify.Final, 1)
	require.NoError(t, err)
	findings := 0
	for i, part := range parts {
		var j struct {
			Part, Parts               int
			Findings, Vanished, Notes []any
		}
		require.NoError(t, json.Unmarshal(part, &j))
		require.Equal(t, []int{i + 1, len(parts)}, []int{j.Part, j.Parts})
		require.Equal(t, 1, len(j.Findings)+len(j.Vanished)+len(j.Notes))
		findings += len(j.Findings)
	}
	require.Equal(t, len(parts)-2, findings)
}
