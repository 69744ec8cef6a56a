package okta

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryFieldButTheIDMayBeMissingNullOrOdd(t *testing.T) {
	const id = "00Taaaaaaaaaaaaaaaa1"
	for _, row := range []struct {
		name, json string
		want       Token
	}{
		{"the id alone", `{}`, Token{}},
		{"null everywhere",
			`{"name":null,"userId":null,"clientName":null,"created":null,"lastUpdated":null,"expiresAt":null,"tokenWindow":null,"network":null}`, Token{}},
		{"empty texts are values", `{"name":"","clientName":""}`, Token{Name: Some(""), ClientName: Some("")}},
		{"fields of a wrong type are malformed",
			`{"name":7,"clientName":["x"],"created":1,"expiresAt":true,"tokenWindow":30,"network":"ANYWHERE"}`, Token{
				Name: Unreadable[string](), ClientName: Unreadable[string](), Created: Unreadable[time.Time](),
				ExpiresAt: Unreadable[time.Time](), TokenWindow: Unreadable[time.Duration](),
				Network: Unreadable[Network](),
			}},
		{"times that are none are malformed",
			`{"created":"","lastUpdated":"yesterday","expiresAt":"2025-09-29T07:14:41"}`, Token{
				Created: Unreadable[time.Time](), LastUpdated: Unreadable[time.Time](),
				ExpiresAt: Unreadable[time.Time](),
			}},
		{"the zero time is a value and not an absence", `{"created":"0001-01-01T00:00:00Z"}`,
			Token{Created: Some(time.Time{})}},
		{"times of any zone and precision", `{"created":"2025-09-29T09:14:41.123456789+02:00"}`,
			Token{Created: Some(time.Date(2025, 9, 29, 7, 14, 41, 123456789, time.UTC))}},
		{"times that are outside of the years 0 to 9999 in UTC, which nobody could write down, are malformed",
			`{"created":"0000-01-01T00:00:00+01:00","expiresAt":"9999-12-31T23:59:59-01:00"}`, Token{
				Created: Unreadable[time.Time](), ExpiresAt: Unreadable[time.Time](),
			}},
		{"a window without a fixed length is malformed", `{"tokenWindow":"P1M"}`,
			Token{TokenWindow: Unreadable[time.Duration]()}},
		{"an empty network", `{"network":{}}`, Token{Network: Some(Network{})}},
		{"a network of the future",
			`{"network":{"connection":"SOMEWHERE","include":[],"exclude":null,"new":{"a":[1,"]"]}}}`,
			Token{Network: Some(Network{Connection: Some("SOMEWHERE"), Include: Some([]string{}), more: true})}},
		{"zones that are no texts are malformed", `{"network":{"include":[null],"exclude":"x"}}`,
			Token{Network: Some(Network{Include: Unreadable[[]string](), Exclude: Unreadable[[]string]()})}},
		{"unknown fields and other spellings are ignored",
			`{"Name":"x","NAME":"y","new":{"id":"00Tbbbbbbbbbbbbbbbb2"},"n":-1.5e3,"b":true}`, Token{}},
		{"escapes", `{"name":"a\u0041\n\"\\\u202e"}`, Token{Name: Some("aA\n\"\\\u202e")}},
		{"broken UTF-8", "{\"name\":\"a\xff\"}", Token{Name: Some("a\ufffd")}},
		{"spaces everywhere", " { \"name\" : \"x\" , \"network\" : { } } \n",
			Token{Name: Some("x"), Network: Some(Network{})}},
	} {
		t.Run(row.name, func(t *testing.T) {
			raw := []byte(row.json)
			if row.json == "{}" {
				raw = []byte(`{"id":"` + id + `"}`)
			} else {
				raw = append([]byte(` {"id":"`+id+`",`), raw[1+indexOf(raw, '{'):]...)
			}
			require.True(t, json.Valid(raw), "%s", raw)
			got, err := parseToken(raw)
			require.NoError(t, err)
			row.want.ID = id
			require.Equal(t, row.want, got)
		})
	}
}

func indexOf(b []byte, c byte) int {
	for i := range b {
		if b[i] == c {
			return i
		}
	}
	return -1
}

func TestTheDerivedLastUse(t *testing.T) {
	end, month := Some(at("2025-10-29T07:14:41Z")), 30*24*time.Hour
	for _, row := range []struct {
		name  string
		token Token
		used  Opt[time.Time]
		never Opt[bool]
	}{
		{"its end less its window", Token{ExpiresAt: end, TokenWindow: Some(time.Hour),
			Created: Some(at("2025-01-01T00:00:00Z"))}, Some(at("2025-10-29T06:14:41Z")), Some(false)},
		{"30 days where the window is absent", Token{ExpiresAt: end, Created: Some(end.value.Add(-month))},
			Some(at("2025-09-29T07:14:41Z")), Some(true)},
		{"an edit doesn't count as a use", Token{ExpiresAt: end, LastUpdated: Some(at("2025-10-20T00:00:00Z")),
			Created: Some(at("2025-09-29T07:14:41Z"))}, Some(at("2025-09-29T07:14:41Z")), Some(true)},
		{"missing without an end", Token{Created: Some(at("2025-01-01T00:00:00Z"))}, Opt[time.Time]{}, Opt[bool]{}},
		{"malformed with a malformed end", Token{ExpiresAt: Unreadable[time.Time]()}, Unreadable[time.Time](),
			Unreadable[bool]()},
		{"malformed with a malformed window", Token{ExpiresAt: end, TokenWindow: Unreadable[time.Duration]()},
			Unreadable[time.Time](), Unreadable[bool]()},
		{"malformed before the year 0", Token{ExpiresAt: Some(at("0000-01-02T00:00:00Z"))}, Unreadable[time.Time](),
			Unreadable[bool]()},
		{"never used is missing without a creation", Token{ExpiresAt: end}, Some(at("2025-09-29T07:14:41Z")),
			Opt[bool]{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.used, row.token.LastUsed())
			require.Equal(t, row.never, row.token.NeverUsed())
		})
	}
}

func TestISODurations(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"P30D": 30 * day, "PT5M": 5 * time.Minute, "P2W": 14 * day, "PT36H": 36 * time.Hour, "P1W2DT3H4M5S": 9*day +
			3*time.Hour + 4*time.Minute + 5*time.Second,
		"P0D": 0, "P007D": 7 * day,
	} {
		got, err := ParseDuration(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{
		"", "P", "PT", "30D", "P30", "P30d", "p30D", "P1M", "P1Y", "P-1D", "+P1D", "P1.5D", "P1D2W", "P1D1D", "P1DT",
		"PTT1H", "PT1D", "P1H", " P1D", "P1D ",
		"P999999999999999999999D", "P106752D", "P106751DT24H",
	} {
		_, err := ParseDuration(s)
		require.Error(t, err, s)
	}
}

func TestPrintableTextIsShownAndTheRestIsEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"deploy-prod":             "deploy-prod",
		"日本語 Ünïcödé <&> \"'\\":   "日本語 Ünïcödé <&> \"'\\",
		"a\nb\r\tc":               `a\nb\r\tc`,
		"\x1b[31mred\x1b[0m":      `\x1b[31mred\x1b[0m`,
		"\u009b31m":               `\u009b31m`,
		"user\u202egpj.exe":       `user\u202egpj.exe`,
		"zero\u200bwidth\ufeff":   `zero\u200bwidth\ufeff`,
		"line\u2028sep":           `line\u2028sep`,
		"bad\xff\xfeutf8\xe2\x82": `bad\xff\xfeutf8\xe2\x82`,
		"\ufffd is printable":     "\ufffd is printable",
		"nul\x00":                 `nul\x00`,
	} {
		require.Equal(t, want, Printable(in))
		require.Equal(t, want, Printable(Printable(in)), "it leaves its own output alone")
	}
}

// FuzzParseToken looks for a token that is read otherwise than encoding/json reads it.
func FuzzParseToken(f *testing.F) {
	for _, s := range []string{
		`{"id":"00Taaaaaaaaaaaaaaaa1","name":"a\"b","network":{"include":["x"]},"_links":{"self":{"href":"x","hints":{"allow":["GET"]}}}}`,
		`{"id":null}`, `{}`, `[]`, `"{"`, `{"a":{"b":"}"},"id":"x"}`, `{"n":-1.5e+3 ,"id":"\u0041"}`,
		`{"n":-155e+1553}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if checkJSON(raw) != nil {
			return
		}
		token, err := parseToken(raw)
		if err != nil {
			require.Zero(t, token)
			return
		}
		// What the strict decoder took, encoding/json must have seen the same way.
		var std map[string]any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber() // one too great for a float64 is a number still
		require.NoError(t, d.Decode(&std))
		require.Equal(t, std["id"], token.ID)
		if name, ok := std["name"].(string); ok {
			require.Equal(t, Some(name), token.Name)
		}
	})
}
