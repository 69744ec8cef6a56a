package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// shown is a token that shows itself as raw.
func shown(n int, name, raw string) oktatest.Token {
	return oktatest.Token{ID: oktatest.TokenID(n), Name: name, Raw: json.RawMessage(raw)}
}

func tokenTwice(t *testing.T) {
	w := newCommandWorld(t)
	twin := `{"id":"00Ttwin000000000000d7","name":"x","clientName":"Okta API","created":"2025-01-01T00:00:00.000Z"}`
	w.org.Add(shown(100, "a", twin), shown(101, "z", twin))
	o := w.run(matrixPolicy)
	o.done(t, allDone...)
	require.Contains(t, o.text, "the list moved each of 2 times that it was read: the last two readings brought the "+
		"same tokens, and the last counts. Tokens that came twice in it and were counted once: 1")
	require.Contains(t, o.text, `"tokens": 8`)
}

func tokenTwiceDifferent(t *testing.T) {
	w := newCommandWorld(t)
	w.org.Add(shown(100, "a", `{"id":"00Ttwin000000000000d7","name":"x"}`),
		shown(101, "z", `{"id":"00Ttwin000000000000d7","name":"y"}`))
	w.run(matrixPolicy).nothingDone(t, audit.Incomplete, "came twice with different content")
}

func shrunkenList(t *testing.T) {
	inBubble(t, asItIs, func(w *bubbleWorld) {
		w.run(strings.Replace(matrixPolicy, "perRun: 2", "perRun: 0", 1)).done(w.t)
		for _, n := range []int{2, 3, 5, 6} {
			w.org.Remove(oktatest.TokenID(n))
		}
		time.Sleep(10 * time.Minute)
		w.run(matrixPolicy).nothingDone(w.t, audit.Incomplete,
			"fewer than half of the 7 tokens of an earlier listing are there")
		time.Sleep(59 * time.Minute)
		w.run(matrixPolicy).nothingDone(w.t, audit.Incomplete, "fewer than half")
		time.Sleep(2 * time.Minute)
		w.run(matrixPolicy).done(w.t, allDone[:1]...)
	})
}

func emptyPage(t *testing.T) {
	o := commandTrial(t, oktatest.Fault{Path: listing, Page: 2, Body: "[]"})
	require.Equal(t, audit.OK, o.code, o.text)
	require.Contains(t, o.text, `"pages": 3`)
	require.Contains(t, o.text, `"tokens": 4`)
}

func circles(t *testing.T) {
	for _, i := range oktatest.IncompleteListings() {
		if !strings.Contains(i.Name, "cursor") && !strings.Contains(i.Name, "back to the first page") {
			continue
		}
		w := newCommandWorld(t, i.Fault)
		o := w.run(matrixPolicy)
		require.Equal(t, audit.Incomplete, o.code, "%s: %s", i.Name, o.text)
		require.Empty(t, o.changes)
		lists := 0
		for _, r := range w.org.Requests() {
			if r.Path == listing {
				lists++
			}
		}
		require.LessOrEqual(t, lists, 4, i.Name)
	}
}

func strangeLinks(t *testing.T) {
	elsewhere, asked := sink(t)
	moved := oktatest.Fault{Path: listing, RewriteLink: func(to string) string {
		if to == "" {
			return ""
		}
		_, path, _ := strings.Cut(to, "/api/")
		return elsewhere + "/api/" + path
	}}
	commandTrial(t, moved).done(t, allDone...) // read from the own org
	for name, to := range map[string]string{
		"another path":       elsewhere + "/api/v1/users?after=x",
		"a path that climbs": "/api/v1/api-tokens/../users?after=x", "without a query": listing,
		"only a host": "//" + strings.TrimPrefix(elsewhere, "http://"), "no URL": "http://[", "a user": elsewhere +
			"@127.0.0.1/x?after=y",
	} {
		o := commandTrial(t, oktatest.Fault{Path: listing, Page: 1, RewriteLink: func(string) string { return to }})
		require.Equal(t, audit.Incomplete, o.code, "%s: %s", name, o.text)
		require.Empty(t, o.changes)
	}
	for name, row := range map[string]struct {
		lines []string
		code  audit.ExitCode
	}{
		"two next": {[]string{`</api/v1/api-tokens?after=x>; rel="next"`, `</api/v1/api-tokens?after=y>; rel="next"`},
			audit.Incomplete},
		"no angle":    {[]string{`/api/v1/api-tokens?after=x; rel=next`}, audit.Incomplete},
		"cut":         {[]string{`</api/v1/api-tokens?after=x>; rel="ne`}, audit.Incomplete},
		"self alone":  {[]string{`</api/v1/api-tokens?after=x,y>; title="a, b"; rel="self"`}, audit.OK},
		"no relation": {[]string{`</api/v1/api-tokens?after=x>`}, audit.Incomplete},
	} {
		o := commandTrial(t, oktatest.Fault{Path: listing, Page: 3, Link: row.lines})
		require.Equal(t, row.code, o.code, "%s: %s", name, o.text)
	}
	require.Zero(t, asked())
}

func hostileNames(t *testing.T) {
	names := []string{"\x00nul", "a\nb\r\tc", "\x1b[31mred\x1b[0m", "user\u202egpj.exe", "zero\u200bwidth",
		strings.Repeat("long ", 2000), "🗝️ key", "раураl", `"; DROP`, "=1+1"}
	w := newCommandWorld(t)
	for i, name := range names {
		w.org.Add(oktatest.Token{ID: oktatest.TokenID(100 + i), Name: name, ClientName: name,
			UserID: oktatest.UserID(1), Created: time.Now().AddDate(-1, 0, 0), LastUsed: time.Now()})
	}
	w.org.Add(shown(200, "y", `{"id":"00Tbroken00000000000","name":"`+"bad\xff\xfe"+`"}`))
	o := w.run(matrixPolicy + "  - {id: all, when: {id: {present: true}}, then: flag}\n")
	o.done(t, allDone...)
	require.Contains(t, o.text, `\u001b`)
	for _, form := range []string{"text", "csv", "markdown"} {
		r := tokensweep(t, w.org.URL(), "run", "--policy",
			policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]"), "--output", form)
		require.Zero(t, r.code, r.stderr)
		require.NotRegexp(t, "[\x00\x1b\u202e\u200b\r]", r.stdout, form)
		require.Contains(t, r.stdout, `\x1b[31mred`, form)
	}
}

func unknownFields(t *testing.T) {
	w := newCommandWorld(t)
	w.org.Add(shown(100, "a", `{"id":"`+oktatest.TokenID(100)+
		`","name":"dead-odd","clientName":"Okta API","created":"2025-01-01T00:00:00.000Z","tokenWindow":"P1Y",`+
		`"expiresAt":"2025-02-01T00:00:00.000Z",
		"shape":{"of":["things",null,7]},"network":{"connection":"MOON_BASE","whatever":true}}`))
	text := strings.Replace(matrixPolicy, `"^(dead-.*|own)$"`, `"^none$"`, 1) +
		"  - {id: idle, when: {name: dead-odd, lastUsed: {olderThan: 14d}}, then: {revoke: 0d}}\n  - {id: open, " +
		"when: {network.connection: {isNot: ANYWHERE}, name: dead-odd}, then: flag}\n"
	o := w.run(text)
	require.Equal(t, audit.OK, o.code, o.text)
	require.Equal(t, []string{"PUT " + oktatest.TokenID(2)}, o.changes)
	require.Contains(t, o.text, "tokenWindow is malformed")
	require.Contains(t, o.text, "MOON_BASE")
}

func oddTimes(t *testing.T) {
	w := newCommandWorld(t)
	times := []string{"null", `""`, `"0001-01-01T00:00:00.000Z"`, `"1970-01-01T00:00:00Z"`, `"soon"`, `7`,
		fmt.Sprintf("%q", time.Now().AddDate(1, 0, 0).Format(time.RFC3339)), `"3026-01-01T00:00:00Z"`,
		`"2025-01-01T00:00:00"`}
	for i, at := range times {
		w.org.Add(shown(100+i, fmt.Sprint("odd-", i),
			fmt.Sprintf(
				`{"id":%q,"name":"odd-%d","userId":"00u1fk00000000000001","clientName":"Okta API",`+
					`"created":"2025-01-01T00:00:00.000Z","lastUpdated":%s,"expiresAt":%s}`,
				oktatest.TokenID(100+i), i, at, at)))
	}
	w.org.Add(shown(200, "odd-missing", `{"id":"`+oktatest.TokenID(200)+
		`","name":"odd-missing","userId":"00u1fk00000000000001","clientName":"Okta API",`+
		`"created":"2025-01-01T00:00:00.000Z"}`))
	o := w.run(strings.Replace(matrixPolicy, "count: 10, percent: 90", "count: 100, percent: 100", 1) +
		"  - {id: idle, when: {name: {like: 'odd-*'}, any: [{lastUpdated: {olderThan: 1d}}, {lastUsed: {olderThan: " +
		"1d}}]}, then: {revoke: 0d}}\n")
	o.done(t, allDone...)
	for i := range times {
		require.Equal(t, "unknown", o.of[fmt.Sprint("odd-", i)], "%s: %s", times[i], o.text)
	}
	require.Equal(t, "unknown", o.of["odd-missing"])

	// An offset, and fractions of a second, are just other ways to write a time.
	w.org.Add(shown(201, "odd-offset", `{"id":"`+oktatest.TokenID(201)+
		`","name":"odd-offset","userId":"00u1fk00000000000001","clientName":"Okta API",`+
		`"created":"2025-01-01T00:00:00.000Z",`+
		`"lastUpdated":"2025-06-01T02:00:00.123456789+02:00","expiresAt":"2025-07-01T00:00:00Z"}`))
	o = w.run(strings.Replace(matrixPolicy, "perRun: 2", "perRun: 0", 1) +
		"  - {id: idle, when: {name: odd-offset, lastUpdated: {olderThan: 1d}}, then: {revoke: 0d}}\n")
	require.Equal(t, "held", o.of["odd-offset"], o.text)
}

// atReading makes something happen when a token is about to be read again.
func atReading(w *commandWorld, n int, then func()) {
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: listing + "/" + oktatest.TokenID(n), Times: 1, Then: then})
}

const idleMatrix = `mode: enforce
limits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}
rules:
  - {id: idle, when: {lastUsed: {olderThan: 20d}}, then: {revoke: 0d}}
`

func usedBetween(t *testing.T) {
	w := newCommandWorld(t)
	id := oktatest.TokenID(0)
	w.org.Add(oktatest.Token{ID: id, Name: "idle", UserID: oktatest.UserID(1), Created: time.Now().AddDate(-1, 0, 0),
		LastUsed: time.Now().AddDate(0, 0, -21)})
	atReading(w, 0, func() { w.org.Use(id) })
	o := w.run(idleMatrix)
	require.Equal(t, "changed", o.of["idle"], o.text)
	require.NotContains(t, o.changes, "DELETE "+id)
}

func shortWindow(t *testing.T) {
	w := newCommandWorld(t)
	o := w.run(matrixPolicy)
	o.done(t, allDone...)
	all := w.org.Requests()
	for i, r := range all {
		if r.Method == http.MethodDelete {
			require.Equal(t, "GET "+r.Path, all[i-1].Method+" "+all[i-1].Path,
				"the last thing before it is its reading")
			require.Less(t, r.At.Sub(all[i-1].At), 2*time.Second)
		}
	}
}

func changedSinceNotice(t *testing.T) {
	const staged = "mode: enforce\nlimits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}\nrules: [{id: " +
		"dead, when: {name: {like: 'dead-*'}}, then: {revoke: 3d}}]\n"
	for name, row := range map[string]struct {
		between func(*bubbleWorld)
		policy  string
		of      string
		outcome string
	}{
		"nothing": {func(*bubbleWorld) {}, staged, "dead-1", "revoked"},
		"renamed": {func(w *bubbleWorld) {
			w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Name = "dead-x" })
		}, staged, "dead-x", "pending"},
		"exempted": {func(*bubbleWorld) {}, staged +
			"exemptions: [{match: {name: dead-1}, reason: drill, owner: sre, until: 2099-12-31}]\n", "dead-1",
			"exempt"},
		"an agent's": {func(w *bubbleWorld) {
			w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.ClientName = "Okta AD Agent" })
		}, staged, "dead-1", "protected"},
	} {
		inBubble(t, asItIs, func(w *bubbleWorld) {
			w.run(staged).done(w.t)
			time.Sleep(3*24*time.Hour + time.Minute)
			row.between(w)
			o := w.run(row.policy)
			require.Equal(w.t, row.outcome, o.of[row.of], "%s: %s", name, o.text)
		})
	}
}

func oddIDs(t *testing.T) {
	w := newCommandWorld(t)
	ids := []string{"current", "../users/00u1fk00000000000d71", "%2e%2e/users", "00Tabcdefghijklmnopq\n", "00Tabc",
		"00Tabcdefghijklmnopqrs", "00uabcdefghijklmnopq", "me"}
	for i, id := range ids {
		raw, err := json.Marshal(map[string]string{"id": id, "name": fmt.Sprint("dead-odd-", i),
			"clientName": "Okta API", "created": "2025-01-01T00:00:00.000Z", "expiresAt": time.Now().AddDate(0, 0,
				3).Format(time.RFC3339)})
		require.NoError(t, err)
		w.org.Add(shown(100+i, fmt.Sprint("a", i), string(raw)))
	}
	o := w.run(strings.NewReplacer("count: 10, percent: 90", "count: 100, percent: 100", "perRun: 2", "perRun: 20",
		"perDay: 3", "perDay: 20").Replace(matrixPolicy))
	for i := range ids {
		require.Equal(t, "protected", o.of[fmt.Sprint("dead-odd-", i)], o.text)
	}
	require.Equal(t, audit.OK, o.code, o.text)
	require.NotEmpty(t, o.changes, "they keep nothing else from being done")
	form := regexp.MustCompile(`^/\.well-known/okta-organization$|` +
		`^/api/v1/(api-tokens(/00T[0-9A-Za-z]{17})?|users/(me|00u[0-9A-Za-z]{17}(/roles)?)|zones/nzo[0-9A-Za-z]{17})$`)
	for _, r := range w.org.Requests() {
		require.Regexp(t, form, r.Path)
	}
	commandTrial(t, oktatest.Fault{Path: listing, Page: 2, Body: `[{"id":""}]`}).nothingDone(t, audit.Incomplete,
		"a token without an id")
}

func vanishedBefore(t *testing.T) {
	w := newCommandWorld(t)
	atReading(w, 1, func() { w.org.Remove(oktatest.TokenID(1)) })
	o := w.run(matrixPolicy)
	require.Equal(t, audit.OK, o.code, o.text)
	require.Equal(t, "gone", o.of["dead-1"])
	require.NotContains(t, o.changes, allDone[0])
}

func vanishedMeanwhile(t *testing.T) {
	w := newCommandWorld(t)
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: func() { w.org.Remove(oktatest.TokenID(1)) }})
	o := w.run(matrixPolicy)
	require.Equal(t, audit.OK, o.code, o.text)
	require.Equal(t, "revoked", o.of["dead-1"])
	require.Contains(t, o.text, "or by somebody else's doing")
}

func ownToken(t *testing.T) {
	w := newCommandWorld(t)
	for range 3 {
		o := w.run(strings.NewReplacer("perRun: 2", "perRun: 9", "perDay: 3", "perDay: 9").Replace(matrixPolicy))
		require.Equal(t, audit.OK, o.code, o.text)
		require.Equal(t, "protected", o.of["own"])
	}
	_, there := w.org.Token(oktatest.TokenID(9))
	require.True(t, there)

	// Which of its owner's tokens is the one in use can't be told, since a use may show late.
	w = newCommandWorld(t)
	for _, n := range []int{1, 2, 9} {
		w.org.Update(oktatest.TokenID(n), func(k *oktatest.Token) {
			k.UserID, k.LastUsed = oktatest.UserID(9),
				time.Now().Add(-10*time.Minute)
		})
	}
	w.org.Use(oktatest.TokenID(2))
	o := w.run(matrixPolicy)
	o.done(t, "DELETE "+oktatest.TokenID(3))
	require.Equal(t, []string{"protected", "protected", "protected"}, []string{o.of["own"], o.of["dead-1"],
		o.of["quiet-1"]})
	commandTrial(t, oktatest.Fault{Path: "/api/v1/users/me", Status: http.StatusForbidden}).nothingDone(t, audit.Usage,
		"the owner of the token in use could not be read")
}

func permissionLost(t *testing.T) {
	for _, status := range []int{401, 403} {
		o := commandTrial(t, oktatest.Fault{Path: listing + "/*", Skip: 3,
			Status: status}) // after the first revocation and its reading
		require.Equal(t, audit.NoAccess, o.code, o.text)
		require.Equal(t, allDone[:1], o.changes)
		require.Equal(t, []string{"revoked", "held"}, []string{o.of["dead-1"], o.of["quiet-1"]})
		commandTrial(t, oktatest.Fault{Path: listing, Page: 2, Status: status}).nothingDone(t, audit.NoAccess, "")
	}
}

func unreadableOwners(t *testing.T) {
	w := newCommandWorld(t, oktatest.Fault{Path: "/api/v1/users/00*", Status: http.StatusInternalServerError})
	o := w.run("mode: enforce\nlimits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}\nrules: [{id: " +
		"left, when: {owner.status: {isNot: ACTIVE}}, then: {revoke: 0d}}]\n")
	o.done(t)
	require.Equal(t, "unknown", o.of["dead-1"], o.text)
	o = newCommandWorld(t, oktatest.Fault{Path: "/api/v1/users/00*", Status: http.StatusForbidden}).run(matrixPolicy +
		"exemptions2: x")
	require.Equal(t, audit.BadPolicy, o.code, "and a policy with a mistake is not half a policy")
}

func limitBetween(t *testing.T) {
	// Room for six requests a minute: the run waits before it reads a token, so that the revocation comes right after.
	inBubble(t, func(c *oktatest.Config) { c.RateLimit = oktatest.RateLimit{Limit: 6} }, func(w *bubbleWorld) {
		w.run(matrixPolicy).done(w.t, allDone...)
		all := w.org.Requests()
		for i, r := range all {
			require.NotEqual(w.t, http.StatusTooManyRequests, r.Status)
			if r.Method != http.MethodGet {
				require.Equal(w.t, "GET "+r.Path, all[i-1].Method+" "+all[i-1].Path)
				require.Less(w.t, r.At.Sub(all[i-1].At), 2*time.Second)
			}
		}
	})
	// Others use the limit up in between: not sent again; the next run reads the token anew.
	w := newCommandWorld(t, oktatest.Fault{Method: http.MethodDelete, Status: http.StatusTooManyRequests, Times: 1})
	o := w.run(matrixPolicy)
	require.Equal(t, []any{audit.ActionFailed, "failed"}, []any{o.code, o.of["dead-1"]}, o.text)
	w.run(matrixPolicy).done(t, allDone...)
}

func agents(t *testing.T) {
	o := commandTrial(t)
	o.done(t, allDone...)
	require.Equal(t, "protected", o.of["dead-agent"])
	require.Contains(t, o.text, `client \"Okta AD Agent\" is not in protect.actOnClients`)
}

func youngTokens(t *testing.T) {
	w := newCommandWorld(t)
	w.org.Add(oktatest.Token{ID: oktatest.TokenID(100), Name: "dead-young", UserID: oktatest.UserID(1),
		Created: time.Now().Add(-10 * time.Minute)})
	o := w.run(strings.NewReplacer("perRun: 2", "perRun: 9", "perDay: 3", "perDay: 9").Replace(matrixPolicy))
	require.Equal(t, audit.OK, o.code, o.text)
	require.Equal(t, "protected", o.of["dead-young"])
}
