package audit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// noSuchPath is what Okta says of a path that it doesn't know: nothing about a token.
var noSuchPath = oktatest.ErrorBody("E0000008", "The requested path was not found")

// readingsOfTheFirst are those of the first token.
func readingsOfTheFirst() oktatest.Fault {
	return oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + oktatest.TokenID(1)}
}

func (w *world) openIntents() int {
	l := w.open()
	defer func() { _ = l.Close() }()
	return len(l.State().Open)
}

func TestAProxysAnswerToAChangeSettlesNothing(t *testing.T) {
	id := oktatest.TokenID(1)
	for _, status := range []int{302, 400, 401, 403, 404, 408, 429, 502} {
		for _, row := range []struct {
			name    string
			do      verb
			method  string
			acted   bool
			unread  bool
			outcome audit.Outcome
			settled string // by the next run, "" if nothing is open
		}{
			{name: "a revocation that was done", do: audit.Hand.Revoke, method: http.MethodDelete, acted: true,
				outcome: audit.Revoked},
			{name: "a revocation that was not done", do: audit.Hand.Revoke, method: http.MethodDelete,
				outcome: audit.Failed, settled: ledger.ResultFailed},
			{name: "a revocation that was done and can't be read", do: audit.Hand.Revoke, method: http.MethodDelete,
				acted: true, unread: true, outcome: audit.Failed, settled: ledger.ResultRevoked},
			{name: "a revocation that was not done and can't be read", do: audit.Hand.Revoke, method: http.MethodDelete,
				unread: true, outcome: audit.Failed, settled: ledger.ResultFailed},
			{name: "a quarantine that was done", do: audit.Hand.Quarantine, method: http.MethodPut, acted: true,
				outcome: audit.Quarantined},
			{name: "a quarantine that was not done", do: audit.Hand.Quarantine, method: http.MethodPut,
				outcome: audit.Failed, settled: ledger.ResultFailed},
			{name: "a quarantine that was done and can't be read", do: audit.Hand.Quarantine, method: http.MethodPut,
				acted: true, unread: true, outcome: audit.Failed, settled: ledger.ResultQuarantined},
			{name: "of the token in use", do: revokeCurrent, method: http.MethodDelete, acted: true,
				outcome: audit.Failed},
		} {
			t.Run(fmt.Sprint(row.name, " ", status), func(t *testing.T) {
				w := newWorld(t, busyToken(1))
				w.org.Fault(oktatest.Fault{Method: row.method, Times: 1, Status: status, Proxy: true, Act: row.acted})
				if row.unread {
					page := readingsOfTheFirst()
					page.Skip, page.Status, page.Proxy = 1, 404, true
					w.org.Fault(page)
				}
				outcome, reason, err := w.byHand(idlePolicy, row.do, id)
				require.Equal(t, row.outcome, outcome, reason)
				require.Equal(t, outcome == audit.Failed, handCode(t, err) == audit.ActionFailed, "%v", err)
				require.Len(t, w.changes(), 1)
				require.False(t, outcome == audit.Failed && w.kinds(ledger.Outcome)[0].Settled)
				if row.settled == "" {
					return
				}
				if row.unread {
					require.Equal(t, audit.ActionFailed, w.enforce(idlePolicy).Code)
					require.Equal(t, 1, w.openIntents(), "such pages never settle anything")
				}
				w.org.ClearFaults()
				r := w.enforce(idlePolicy)
				require.NoError(t, r.Err)
				all := w.kinds(ledger.Outcome)
				require.Equal(t, row.settled, all[len(all)-1].Result)
				require.True(t, all[len(all)-1].Settled)
				if row.settled == ledger.ResultQuarantined {
					outcome, reason, err = w.byHand(idlePolicy, audit.Hand.Restore, id)
					require.NoError(t, err)
					require.Equal(t, audit.Restored, outcome, reason)
				}
			})
		}
	}
}

func TestAnAnswerThatIsNoWordOnATokenIsNotTakenForItsEnd(t *testing.T) {
	id := oktatest.TokenID(1)
	for name, says := range map[string]oktatest.Fault{
		"a proxy's 404": {Status: 404, Proxy: true}, "a proxy's 403": {Status: 403, Proxy: true},
		"a proxy's 401": {Status: 401, Proxy: true}, "an empty 404": {Status: 404, TruncateBody: -1},
		"no such path": {Status: 404, Body: noSuchPath}, "a proxy's JSON": {Status: 404, Body: `{"error":"not found"}`},
		"another token": {Status: 404, Body: oktatest.ErrorBody("E0000007", "Not found: Resource not found: "+
			oktatest.TokenID(2)+" (Token)")},
	} {
		reading := says
		reading.Method, reading.Path = http.MethodGet, "/api/v1/api-tokens/"+id
		t.Run(name+" before a change", func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(reading)
			r := w.enforce(nowPolicy)
			require.Equal(t, audit.ActionFailed, r.Code, "%v", r.Err)
			require.Equal(t, audit.Held, only(t, r).Outcome)
			require.Empty(t, w.changes())
			for _, do := range []verb{audit.Hand.Revoke, audit.Hand.Quarantine} {
				outcome, _, err := w.byHand(nowPolicy, do, id)
				require.Empty(t, outcome)
				require.Equal(t, audit.Incomplete, handCode(t, err), "%v", err)
			}
			require.Empty(t, w.changes())
		})
		t.Run(name+" after a revocation that was lost", func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Hangup: true, Times: 1})
			reading.Skip = 1
			w.org.Fault(reading)
			r := w.enforce(nowPolicy)
			require.Equal(t, audit.ActionFailed, r.Code)
			require.Equal(t, audit.Failed, only(t, r).Outcome)
			require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
			require.Equal(t, 1, w.openIntents())
			w.org.ClearFaults()
			r = w.enforce(nowPolicy)
			require.NoError(t, r.Err)
			require.Contains(t, strings.Join(r.Notes, "\n"), "failed (it was not done)")
			require.Equal(t, audit.Revoked, only(t, r).Outcome)
		})
		t.Run(name+" to a change", func(t *testing.T) {
			for method, do := range map[string]verb{http.MethodDelete: audit.Hand.Revoke,
				http.MethodPut: audit.Hand.Quarantine} {
				w := newWorld(t, idleToken(1))
				change := says
				change.Method, change.Times = method, 1
				w.org.Fault(change)
				outcome, reason, err := w.byHand(nowPolicy, do, id)
				require.Equal(t, audit.Failed, outcome, reason)
				require.Equal(t, audit.ActionFailed, handCode(t, err))
				require.Equal(t, http.MethodGet, w.org.Requests()[len(w.org.Requests())-1].Method,
					"it is read after that")
				require.Equal(t, 1, w.openIntents())
			}
		})
	}
}

func TestAChangeThatFindsNothingIsFollowedByAReading(t *testing.T) {
	id := oktatest.TokenID(1)
	for name, row := range map[string]struct {
		fault   oktatest.Fault
		do      verb
		outcome audit.Outcome
		reason  string
		open    int
	}{
		"a revocation that something sent twice": {oktatest.Fault{Method: http.MethodDelete, Twice: true},
			audit.Hand.Revoke, audit.Revoked,
			"by this request, which something on the way may have sent twice, or by somebody else's doing", 0},
		"a revocation of what is there": {oktatest.Fault{Method: http.MethodDelete, Status: 404},
			audit.Hand.Revoke, audit.Failed, "the token is still there", 1},
		"a quarantine of what is there": {oktatest.Fault{Method: http.MethodPut, Status: 404},
			audit.Hand.Quarantine, audit.Failed, "the condition is as it was", 1},
		"a quarantine that is answered so, and done": {oktatest.Fault{Method: http.MethodPut, Status: 404, Act: true},
			audit.Hand.Quarantine, audit.Quarantined, "reading it finds the new condition", 0},
		"the token in use": {oktatest.Fault{Method: http.MethodDelete, Status: 404}, revokeCurrent, audit.Failed,
			"look in the admin console", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(row.fault)
			outcome, reason, _ := w.byHand(idlePolicy, row.do, id)
			require.Equal(t, row.outcome, outcome, reason)
			require.Contains(t, reason, row.reason)
			require.Equal(t, row.open, w.openIntents())
			require.Len(t, w.changes(), 1)
		})
	}
	t.Run("in a run, which goes on if it is plain what happened", func(t *testing.T) {
		w := newWorld(t, idleToken(1), idleToken(2))
		w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Twice: true})
		r := w.enforce(nowPolicy)
		require.Equal(t, audit.OK, r.Code, "%v", r.Err)
		require.Equal(t, []audit.Outcome{audit.Revoked, audit.Revoked}, []audit.Outcome{r.Findings[0].Outcome,
			r.Findings[1].Outcome})
	})
	t.Run("and of the token in use", func(t *testing.T) {
		w := newWorld(t)
		w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Twice: true})
		outcome, reason, err := w.byHand(idlePolicy, revokeCurrent, "")
		require.NoError(t, err)
		require.Equal(t, audit.Gone, outcome)
		require.Contains(t, reason, "by this request, which something on the way may have sent twice, or by somebody "+
			"else's doing")
	})
}

// What can't be read alone may be missing from a list that can be.
func TestACompleteListSettlesWhatCanNotBeRead(t *testing.T) {
	second := idleToken(2)
	second.LastUsed = ago(14.5) // comes after the first
	lost := func(t *testing.T, acted bool, tokens ...oktatest.Token) *world {
		w := newWorld(t, tokens...)
		w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 403, Proxy: true, Act: acted, Times: 1})
		page := readingsOfTheFirst()
		page.Skip, page.Status, page.Proxy = 1, 404, true
		w.org.Fault(page)
		require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
		require.Equal(t, 1, w.openIntents())
		return w
	}
	t.Run("of what was done", func(t *testing.T) {
		w := lost(t, true, idleToken(1), second)
		r := w.enforce(nowPolicy)
		require.NoError(t, r.Err)
		require.Equal(t, audit.OK, r.Code)
		require.Contains(t, strings.Join(r.Notes, "\n"), "settled by the list: the revoke of the token "+
			oktatest.TokenID(1))
		require.Zero(t, w.openIntents())
		require.Equal(t, audit.Revoked, only(t, r).Outcome, "and the run goes on")
		require.Contains(t, r.Vanished[0].Reason, "revoked by tokensweep")
	})
	t.Run("but not of what was not", func(t *testing.T) {
		w := lost(t, false, idleToken(1), second)
		r := w.enforce(nowPolicy)
		require.Equal(t, audit.ActionFailed, r.Code)
		require.Contains(t, fmt.Sprint(r.Err, r.Notes), "is still not known")
		require.Equal(t, 1, w.openIntents())
	})
	t.Run("nor by a list that is not complete", func(t *testing.T) {
		w := lost(t, true, idleToken(1), second)
		w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Status: 500})
		r := w.enforce(nowPolicy)
		require.Equal(t, audit.ActionFailed, r.Code)
		require.Contains(t, fmt.Sprint(r.Err, r.Notes), "is still not known")
		require.Equal(t, 1, w.openIntents())
	})
	t.Run("nor by one that is too small to believe", func(t *testing.T) {
		w := lost(t, true, idleToken(1), busyToken(2), busyToken(3), busyToken(4))
		for n := range 3 {
			w.org.Remove(oktatest.TokenID(2 + n))
		}
		r := w.enforce(nowPolicy)
		require.True(t, r.Shrunken)
		require.Equal(t, 1, w.openIntents())
	})
	t.Run("nor of what no list has ever shown", func(t *testing.T) {
		w := newWorld(t, busyToken(1))
		w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 403, Proxy: true, Times: 1})
		page := readingsOfTheFirst()
		page.Skip, page.Status, page.Proxy = 1, 404, true
		w.org.Fault(page)
		_, _, err := w.byHand(nowPolicy, audit.Hand.Revoke, oktatest.TokenID(1))
		require.Equal(t, audit.ActionFailed, handCode(t, err))
		w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens", Body: "[]"}) // a credential that sees none of them
		require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
		require.Equal(t, 1, w.openIntents())
	})
}

// A quarantine that the ledger has as failed may be in force: an earlier version believed a proxy, and a request may
// arrive after the reading that was to settle it.
func TestARestorationGoesByWhatWasMeantNotByWhatIsOnRecordOfIt(t *testing.T) {
	id := oktatest.TokenID(1)
	late := func(t *testing.T) *world {
		w := newWorld(t, busyToken(1))
		w.org.Fault(oktatest.Fault{Method: http.MethodPut, Status: 504, Proxy: true, Times: 1})
		_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
		require.Equal(t, audit.ActionFailed, handCode(t, err))
		require.NoError(t, w.enforce(idlePolicy).Err)
		all := w.kinds(ledger.Outcome)
		require.Equal(t, ledger.ResultFailed, all[len(all)-1].Result)
		w.pass(time.Hour)
		w.org.Update(id, func(k *oktatest.Token) {
			k.Network, k.LastUpdated = oktatest.Network{Connection: "ZONE", Include: []string{zoneID}}, w.clock
		})
		return w
	}
	t.Run("it is undone", func(t *testing.T) {
		w := late(t)
		outcome, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.NoError(t, err)
		require.Equal(t, audit.Restored, outcome)
		token, _ := w.org.Token(id)
		require.Equal(t, office, token.Network)
		_, _, err = w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.ErrorIs(t, err, audit.ErrRefused, "once")
	})
	t.Run("a run knows it for ours, and doesn't lose what was before", func(t *testing.T) {
		w := late(t)
		other := strings.Replace(nowThenCutOff, zoneID, "nzo9other0000000000a", 1)
		w.org.Fault(oktatest.Fault{Path: "/api/v1/zones/nzo9other0000000000a", Status: 200,
			Body: `{"type":"IP","id":"nzo9other0000000000a","name":"also nobody",
			"status":"ACTIVE","usage":"POLICY","gateways":[{"type":"CIDR","value":"192.0.2.2/32"}],"proxies":null}`})
		require.NoError(t, w.enforce(other).Err)
		outcome, reason, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.NoError(t, err)
		require.Equal(t, audit.Restored, outcome, reason)
		token, _ := w.org.Token(id)
		require.Equal(t, office, token.Network)
	})
	t.Run("but not if it is in another network", func(t *testing.T) {
		w := late(t)
		w.org.Update(id, func(k *oktatest.Token) { k.Network = oktatest.Network{} })
		_, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.ErrorIs(t, err, audit.ErrRefused)
	})
}

const nowThenCutOff = limits + "rules: [{id: all, when: {name: {like: '*'}}, then: {quarantine: 0d}}]"

func TestAProxyRefusesNoCredential(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		for _, path := range []string{"/api/v1/users/me", "/api/v1/api-tokens", "/api/v1/zones/*"} {
			w := newWorld(t, idleToken(1))
			w.org.Fault(oktatest.Fault{Path: path, Status: status, Proxy: true})
			r := w.enforce(nowPolicy)
			require.Equal(t, audit.Incomplete, r.Code, "%d %s: %v", status, path, r.Err)
			require.ErrorContains(t, r.Err, "this answer is not Okta's")
			require.Empty(t, w.changes())
		}
		w := newWorld(t, idleToken(1))
		w.org.Fault(oktatest.Fault{Path: "/api/v1/users/00u*", Status: status, Proxy: true})
		r := w.dry(limits + "rules: [{id: left, when: {owner.status: {isNot: ACTIVE}}, then: {revoke: 0d}}]")
		require.NoError(t, r.Err)
		require.Equal(t, audit.Unknown, r.Findings[0].Outcome, "an owner who can't be read is not gone")
		require.NotContains(t, r.Findings[0].Reason, "does not exist any more")
	}
}

// A token whose network condition can't be read in full says neither that its quarantine was made nor that somebody
// ended it.
func TestAReadingThatCannotBeReadInFullLiftsNoQuarantine(t *testing.T) {
	id := oktatest.TokenID(1)
	w := newWorld(t, busyToken(1))
	odd := readingsOfTheFirst()
	odd.Status, odd.Body = 200, fmt.Sprintf(`{"id":%q,"name":"idle","network":{"connection":"ZONE","include":[null]}}`,
		id)
	odd.Skip = 1
	w.org.Fault(odd)
	w.org.Fault(oktatest.Fault{Method: http.MethodPut, Times: 1, HangupAfter: true})
	outcome, reason, _ := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
	require.Equal(t, audit.Failed, outcome, reason)
	w.org.ClearFaults()
	odd.Skip = 0
	w.org.Fault(odd)
	r := w.enforce(idlePolicy)
	require.NoError(t, r.Err, "one odd token keeps nothing else from being done")
	require.Contains(t, strings.Join(r.Notes, "\n"), "its network condition can't be read in full")
	require.Empty(t, w.kinds(ledger.Lifted))

	w.org.ClearFaults()
	r = w.enforce(idlePolicy)
	require.Len(t, r.InQuarantine, 1, "what was begun stays known")
	outcome, reason, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
	require.NoError(t, err)
	require.Equal(t, audit.Restored, outcome, reason)
}
