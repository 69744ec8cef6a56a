package okta

import (
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// FuzzDecoders looks for a page, or for a token read by its id, that the streaming decoder takes for something else
// than the decoder before it did, whatever pieces it arrives in.
func FuzzDecoders(f *testing.F) {
	for _, page := range []string{
		`[{"id":"a","name":"x","network":{"connection":"ZONE","include":["nzo1"],"exclude":null}}, {"id":"b"} ]`,
		`[{"id":"a","created":"2025-09-29T07:14:41.000Z","expiresAt":null,"tokenWindow":"P30D","lastUpdated":7}]`,
		`[{"id":"\ud800","name":"\ud83d\ude00\udc00"}]`, "[{\"id\":\"a\xff\",\"n\xffme\":\"\xe2\x82\"}]",
		`[]`, ` [ ] x`, `null`, "", "\ufeff[]", `[{"id":"a"},]`, `[{{`, `[{"id":"a"}{"id":"b"}]`,
		`[{"id" "a"}]`, `[{"id":"a",}]`,
		`[1e999999,{"id":"a"}]`, `[{"id":"a","n":-0.0e+5}]`, `[{"id":"a","network":{"include":["a",null]}}]`,
		`[{"id":"a","network":[]}]`, `[{"i\u0064":"a","Id":"b"}]`, `[{"id":"a","id":"b"}]`, `[{"id":"a","x":1,"x":2}]`,
	} {
		f.Add(page, uint64(0), uint8(3))
	}
	for _, i := range oktatest.IncompleteListings() {
		f.Add(i.Fault.Body, uint64(0), uint8(7))
	}
	for seed := range uint64(20) {
		f.Add("", seed+1, uint8(seed%16))
	}
	f.Fuzz(func(t *testing.T, page string, seed uint64, piece uint8) {
		if seed != 0 {
			page = oddPage(rand.New(rand.NewPCG(seed, 1)))
		}
		samePage(t, page, int(piece))
		sameToken(t, page)
	})
}

// samePage requires that the two decoders find the same tokens in a page, and end the same way.
func samePage(t *testing.T, page string, piece int) {
	t.Helper()
	decode := func(read func(io.Reader, func(Token) error) error) (tokens []Token, err error) {
		err = read(&pieces{strings.NewReader(page), piece}, func(k Token) error {
			tokens = append(tokens, k)
			return nil
		})
		return tokens, err
	}
	before, oldErr := decode(oldTokens)
	after, newErr := decode(newTokens)
	if oldErr == nil {
		require.NoError(t, newErr, "%q", page)
	}
	if hasKeyTwice([]byte(page)) {
		// The old one refused keys that nobody reads, too.
		require.GreaterOrEqual(t, len(after), len(before), "%q", page)
		for i := range before {
			require.Equal(t, before[i], unlessKeyTwice([]byte(page), before[i], after[i]), "%q", page)
		}
		return
	}
	require.Equal(t, before, after, "%q", page)
	sameWords(t, oldErr, newErr, page)
}

// sameToken requires it of the answer about one token: what stands between the brackets of the page.
func sameToken(t *testing.T, page string) {
	t.Helper()
	body := []byte(strings.TrimSuffix(strings.TrimPrefix(page, "["), "]"))
	sameWords(t, oldWhole(body), checkJSON(body), page)
	if checkJSON(body) != nil {
		return
	}
	before, oldErr := oldParseToken(body)
	after, newErr := parseToken(body)
	if !hasKeyTwice(body) {
		sameWords(t, oldErr, newErr, page)
	}
	if oldErr == nil {
		require.NoError(t, newErr, "%q", body)
		require.Equal(t, before, unlessKeyTwice(body, before, after), "%q", body)
	}
}

func TestTheDecodersAgreeOnOddPages(t *testing.T) {
	for seed := range uint64(3000) {
		page := oddPage(rand.New(rand.NewPCG(seed, 1)))
		samePage(t, page, int(seed%16))
		sameToken(t, page)
	}
}

// unlessKeyTwice is after, without the network condition if that has a key twice that isn't read: it was malformed
// before.
func unlessKeyTwice(body []byte, before, after Token) Token {
	if hasKeyTwice(body) && before.Network.Presence() == Malformed {
		after.Network = before.Network
	}
	return after
}

// hasKeyTwice reports whether an object in a text has, or may have, a key twice: it is no JSON otherwise.
func hasKeyTwice(body []byte) bool {
	d := jsontext.NewDecoder(strings.NewReader(string(body)), jsontext.AllowInvalidUTF8(true))
	for {
		switch _, err := d.ReadToken(); {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return true
		case err != nil:
			return false
		}
	}
}

// sameWords requires two errors to be the same. Where the syntax of a page is wrong, the two decoders don't always name
// the same character; and if its end is missing, too, or it is a number beyond float64, one may see that first.
func sameWords(t *testing.T, before, after error, page string) {
	t.Helper()
	if before == nil || after == nil {
		require.Equal(t, before, after, "%q", page)
		return
	}
	const syntax = "malformed answer: want a JSON array: "
	wrong := strings.HasPrefix(before.Error(), syntax)
	if wrong && (strings.HasPrefix(after.Error(), syntax) || strings.Contains(after.Error(), "it ends before") ||
		strings.Contains(after.Error(), "found another JSON value")) {
		return
	}
	require.Equal(t, before.Error(), after.Error(), "%q", page)
}

// pieces is a body that arrives in pieces of n bytes, or of any size if n is 0.
type pieces struct {
	io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.n > 0 {
		b = b[:min(len(b), p.n)]
	}
	return p.Reader.Read(b)
}

// oddPage makes a page of tokens as no org has them, and breaks it now and then.
func oddPage(r *rand.Rand) string {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	space := func() string { return one("", "", "", " ", "\n\t", "\r") }
	text := func() string {
		return one(`""`, `"a"`, `"00u1abcdefghijklmnop"`, `"2025-09-29T07:14:41.000Z"`, `"2025-09-29T07:14:41+02:00"`,
			`"9999-12-31T23:59:59-01:00"`, `"P30D"`, `"P1M"`, `"ZONE"`, `"a\u0041\n\"\\"`,
			`"\ud800"`, `"\ud83d\ude00"`, `"\udc00\ud800"`, `"\ud800\u0041"`, "\"\xff\"",
			"\"\xe2\x82\"", "\"é\u2028<&>\"", `"]}"`, "\"\x7f\"", `"/\/\b\f"`,
			strconv.Quote(strings.Repeat("x", r.IntN(200))))
	}
	var value func(depth int) string
	object := func(depth int, keys ...string) string {
		var b strings.Builder
		b.WriteString("{")
		r.Shuffle(len(keys), func(i, k int) { keys[i], keys[k] = keys[k], keys[i] })
		for i, key := range keys[:r.IntN(len(keys)+1)] {
			if i > 0 {
				b.WriteString(space() + ",")
			}
			b.WriteString(space() + `"` + key + `"` + space() + ":" + space() + value(depth-1))
		}
		return b.String() + space() + "}"
	}
	array := func(n int, element func() string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = space() + element() + space()
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	value = func(depth int) string {
		switch n := r.IntN(10); {
		case depth <= 0, n < 5:
			return text()
		case n < 7:
			return one("null", "null", "true", "false", "0", "-1.5e+3", "1e999999", "12345678901234567890")
		case n < 8:
			return array(r.IntN(3), func() string { return value(depth - 1) })
		default:
			return object(depth, "connection", "include", "exclude", "c\\u006fnnection", "new", "", "*", "é")
		}
	}
	page := array(r.IntN(4), func() string {
		token := object(3, "name", "userId", "clientName", "created", "lastUpdated", "expiresAt", "tokenWindow",
			"network", "_links", "Name", "n\\u0061me2", "*")
		id := `{"id":` + one(`"00Tabcdefghijklmnopq"`, `"a"`, `"b"`, text(), value(1))
		if strings.TrimSpace(token[1:len(token)-1]) == "" {
			return id + "}"
		}
		return id + "," + token[1:]
	}) + space()
	if r.IntN(3) > 0 {
		return page
	}
	at := r.IntN(len(page))
	switch r.IntN(3) {
	case 0:
		return page[:at]
	case 1:
		return page[:at] + page[at+1:]
	default:
		return page[:at] + one("x", `"`, "{", "}", "[", "]", ",", ":", "\\", "0", "null", "\x00", "\ufeff") + page[at:]
	}
}

func TestWhatTheDecoderReadsOtherwiseThanTheOneBefore(t *testing.T) {
	for _, row := range []struct {
		name, token string
		want        Token
		err, oldErr string
	}{
		{name: "a key twice that is not read", token: `{"id":"a","new":1,"new":2}`, want: Token{ID: "a"},
			oldErr: `malformed answer: an object has the key "new" twice`},
		{name: "a key twice in what is skipped",
			token: `{"id":"a","_links":{"self":1,"self":2}}`, want: Token{ID: "a"}},
		{name: "a key twice that is not read, in the network condition",
			token: `{"id":"a","network":{"new":1,"new":2}}`,
			want:  Token{ID: "a", Network: Some(Network{more: true})}},
		{name: "a key twice that is read, in the network condition",
			token: `{"id":"a","network":{"include":[],"include":["nzo1"]}}`,
			want:  Token{ID: "a", Network: Unreadable[Network]()}},
		{name: "a key twice, once in other characters", token: `{"id":"a","name":"x","n\u0061me":"y"}`,
			err:    `malformed answer: an object has the key "name" twice`,
			oldErr: `malformed answer: an object has the key "name" twice`},
		{name: "nested as deep as a page's token may be", token: `{"id":"a","new":` + nested(9_998) + "}",
			want: Token{ID: "a"}},
		{name: "nested deeper: the page's array counts, too", token: `{"id":"a","new":` + nested(9_999) + "}",
			err: "malformed answer: want a JSON array: exceeded max depth"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []Token
			err := newTokens(strings.NewReader("["+row.token+"]"), func(k Token) error {
				got = append(got, k)
				return nil
			})
			if row.err != "" {
				require.EqualError(t, err, row.err)
			} else {
				require.NoError(t, err)
				require.Equal(t, []Token{row.want}, got)
			}
			err = oldTokens(strings.NewReader("["+row.token+"]"), func(Token) error { return nil })
			if row.oldErr != "" {
				require.EqualError(t, err, row.oldErr)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// nested is an array within n-1 others.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestATokenOfExactlyTheGreatestSizeIsRead(t *testing.T) {
	token := `{"id":"a","name":"` + strings.Repeat("x", maxElement-len(`{"id":"a","name":""}`)) + `"}`
	require.Len(t, token, maxElement)
	page := "[{\"id\":\"b\"}" + strings.Repeat(" ", 10_000) + "," + strings.Repeat("\n", 10_000) + token + " ]"
	for _, read := range []func(io.Reader, func(Token) error) error{oldTokens, newTokens} {
		n := 0
		require.NoError(t, read(strings.NewReader(page), func(Token) error { n++; return nil }))
		require.Equal(t, 2, n)
	}
}
