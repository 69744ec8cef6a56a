package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

const notOktas = "this answer is not Okta's"

// firstToken are the readings of the token that comes first, after the one right before its change.
func firstToken(f oktatest.Fault) oktatest.Fault {
	f.Method, f.Path, f.Skip = http.MethodGet, listing+"/"+oktatest.TokenID(1), 1
	return f
}

func proxysAnswers(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 407, 408, 429, 502} {
		page := oktatest.Fault{Status: status, Proxy: true}
		for _, path := range []string{listing, "/api/v1/users/me", "/api/v1/zones/*"} {
			page.Path = path
			bubbleTrial(t, page).nothingDone(t, audit.Incomplete, notOktas)
		}
		page.Path = listing + "/*"
		o := bubbleTrial(t, page)
		o.nothingDone(t, audit.ActionFailed, notOktas)
		require.Equal(t, []string{"held", "held"}, []string{o.of["dead-1"], o.of["quiet-1"]}, "%d", status)
		proxysAnswerToARevocation(t, status)
	}
	for _, status := range []int{403, 404} { // seen: lost, then such a page, and reported as revoked with exit code 0
		o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Hangup: true, Times: 1},
			firstToken(oktatest.Fault{Status: status, Proxy: true}))
		require.Equal(t, audit.ActionFailed, o.code, o.text)
		require.Equal(t, []any{"failed", allDone[:1]}, []any{o.of["dead-1"], o.changes})
	}
	proxysAnswersByHand(t)
}

// proxysAnswerToARevocation plays one that was carried out and one that was not, and the run that settles it.
func proxysAnswerToARevocation(t *testing.T, status int) {
	for act, says := range map[bool]string{true: "revoke of the token " + oktatest.TokenID(1),
		false: "failed (it was not done)"} {
		inBubble(t, asItIs, func(w *bubbleWorld) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: status, Proxy: true, Act: act, Times: 1})
			w.org.Fault(firstToken(oktatest.Fault{Status: 404, Proxy: true, Times: 1}))
			o := w.run(matrixPolicy)
			require.Equal(w.t, audit.ActionFailed, o.code, o.text)
			require.Equal(w.t, []any{"failed", allDone[:1]}, []any{o.of["dead-1"], o.changes}, "%d", status)
			o = w.run(matrixPolicy)
			require.Equal(w.t, audit.OK, o.code, o.text)
			require.Contains(w.t, o.text, says)
			_, there := w.org.Token(oktatest.TokenID(1))
			require.False(w.t, there)
		})
	}
}

// proxysAnswersByHand plays the commands that ask about one token, or end the token in use.
func proxysAnswersByHand(t *testing.T) {
	policy := policyFile(t, matrixPolicy)
	for _, status := range []int{401, 403, 404} {
		w := newCommandWorld(t, oktatest.Fault{Path: listing + "/*", Status: status, Proxy: true})
		url, id := w.org.URL(), oktatest.TokenID(1)
		for _, args := range [][]string{
			{"tokens", "get", id}, {"explain", id, "--policy", policy},
			{"tokens", "revoke", id, "--yes", "--reason", "x", "--policy", policy, "--state", w.state},
		} {
			r := tokensweep(t, url, args...)
			require.Equal(t, int(audit.Incomplete), r.code, "%d %v: %s", status, args, r.stderr)
			require.Contains(t, r.stderr, notOktas)
			require.NotContains(t, r.stdout+r.stderr, "there is no ")
		}
		for _, args := range [][]string{
			{"tokens", "revoke-current", "--yes", "--reason", "x", "--policy", policy, "--state", w.state},
			{"run", "--revoke-own-token-after", "--policy", policy, "--state", w.state},
		} {
			r := tokensweep(t, url, args...)
			require.Equal(t, int(audit.ActionFailed), r.code, "%d %v: %s", status, args, r.stderr)
			require.Contains(t, r.stdout+r.stderr, "look in the admin console whether the token is still there")
		}
		for _, check := range []string{"/.well-known/okta-organization", "/api/v1/users/me", listing} {
			w.org.ClearFaults()
			w.org.Fault(oktatest.Fault{Path: check, Status: status, Proxy: true})
			r := tokensweep(t, url, "doctor", "--policy", policy, "--state", w.state)
			require.Equal(t, int(audit.Incomplete), r.code, "%s %s", check, r.stdout)
			require.Contains(t, strings.Join(strings.Fields(r.stdout), " "), notOktas)
		}
	}
}

func repeatedOnItsWay(t *testing.T) {
	o := commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Twice: true})
	o.done(t, allDone...)
	require.Equal(t, "revoked", o.of["dead-1"])
	require.Contains(t, o.text, "by this request, which something on the way may have sent twice, or by somebody "+
		"else's doing")
	o = commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Twice: true},
		firstToken(oktatest.Fault{Status: 500, Times: 1}))
	require.Equal(t, []any{audit.ActionFailed, "failed"}, []any{o.code, o.of["dead-1"]}, o.text)
	commandTrial(t, oktatest.Fault{Method: http.MethodPut, Twice: true}).done(t, allDone...)
}

func otherKindsOf404(t *testing.T) {
	for name, body := range map[string]string{
		"no such path": oktatest.ErrorBody("E0000008", "The requested path was not found"),
		"another token": oktatest.ErrorBody("E0000007", "Not found: Resource not found: "+oktatest.TokenID(2)+
			" (Token)"),
	} {
		o := commandTrial(t, oktatest.Fault{Path: listing + "/*", Status: 404, Body: body})
		o.nothingDone(t, audit.ActionFailed, "404 Not Found")
		require.Equal(t, "held", o.of["dead-1"], name)
		o = commandTrial(t, oktatest.Fault{Method: http.MethodDelete, Status: 404, Body: body, Times: 1})
		require.Equal(t, []any{audit.ActionFailed, "failed"}, []any{o.code, o.of["dead-1"]}, o.text)
		o = commandTrial(t, oktatest.Fault{Method: http.MethodDelete, HangupAfter: true, Times: 1},
			firstToken(oktatest.Fault{Status: 404, Body: body, Times: 1}))
		require.Equal(t, []any{audit.ActionFailed, "failed"}, []any{o.code, o.of["dead-1"]}, o.text)
	}
	w := newCommandWorld(t, oktatest.Fault{Path: "/api/v1/users/00*", Status: 404, Body: oktatest.ErrorBody("E0000008",
		"The requested path was not found")})
	o := w.run("mode: enforce\nlimits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}\nrules: [{id: " +
		"left, when: {owner.status: {isNot: ACTIVE}}, then: {revoke: 0d}}]\n")
	require.Empty(t, o.changes)
	require.NotContains(t, o.text, "does not exist any more")
}
