package audit_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

type verb = func(audit.Hand, context.Context, string) (audit.Outcome, string, error)

func revokeCurrent(h audit.Hand, ctx context.Context, _ string) (audit.Outcome, string, error) {
	return h.RevokeCurrent(ctx)
}

// byHand makes one change by hand, as a process of its own.
func (w *world) byHand(text string, do verb, id string) (audit.Outcome, string, error) {
	w.connect()
	l := w.open()
	defer func() { _ = l.Close() }()
	h := audit.Hand{Org: w.client, Policy: policy(w.t, text), Ledger: l, Reason: "ticket 7",
		Now: func() time.Time { return w.clock }}
	return do(h, w.t.Context(), id)
}

// kinds are the records of one kind.
func (w *world) kinds(kind ledger.Kind) (some []ledger.Record) {
	for _, r := range w.records() {
		if r.Kind == kind {
			some = append(some, r)
		}
	}
	return some
}

// busyToken is one that no rule of idlePolicy matches, in use from one network only.
func busyToken(n int) oktatest.Token {
	t := idleToken(n)
	t.Name, t.LastUsed = "busy", ago(1)
	t.Network = oktatest.Network{Connection: "ZONE", Include: []string{"nzo9office00000000000"}}
	return t
}

func TestRevokingByHand(t *testing.T) {
	w := newWorld(t, busyToken(1))
	id := oktatest.TokenID(1)
	outcome, reason, err := w.byHand(idlePolicy, audit.Hand.Revoke, id)
	require.NoError(t, err)
	require.Equal(t, []any{audit.Revoked, ""}, []any{outcome, reason})
	require.Equal(t, []string{"DELETE " + id}, w.changes())

	all := w.records()
	require.Equal(t, []ledger.Kind{ledger.Begun, ledger.Intent, ledger.Outcome, ledger.Ended},
		[]ledger.Kind{all[0].Kind, all[1].Kind, all[2].Kind, all[3].Kind})
	require.Equal(t, "hand", all[0].Mode)
	intent := all[1]
	require.Equal(t, []string{id, "busy", ledger.StepRevoke, ledger.ByHand, "ticket 7", all[0].Run},
		[]string{intent.Token, intent.Name, intent.Step, intent.By, intent.Reason, intent.Run})
	require.Equal(t, &ledger.Condition{Connection: "ZONE", Include: []string{"nzo9office00000000000"},
		LastUpdated: ago(1)}, intent.Before)
	require.Equal(t, []any{intent.Seq, ledger.ResultRevoked, true}, []any{all[2].Ref, all[2].Result, all[2].Settled})
	require.Zero(t, all[3].ExitCode)
}

func TestQuarantiningAndRestoringByHand(t *testing.T) {
	w := newWorld(t, busyToken(1))
	id := oktatest.TokenID(1)
	before, _ := w.org.Token(id)
	outcome, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
	require.NoError(t, err)
	require.Equal(t, audit.Quarantined, outcome)
	token, _ := w.org.Token(id)
	require.Equal(t, oktatest.Network{Connection: "ZONE", Include: []string{zoneID}}, token.Network)

	intent, result := w.kinds(ledger.Intent)[0], w.kinds(ledger.Outcome)[0]
	require.Equal(t, []string{ledger.StepQuarantine, ledger.ByHand, "ticket 7"},
		[]string{intent.Step, intent.By, intent.Reason})
	require.Equal(t, before.Network.Include, intent.Before.Include, "what it was is on record")
	require.Equal(t, []string{zoneID}, intent.After.Include)
	require.Equal(t, &ledger.Condition{Connection: "ZONE", Include: []string{zoneID}, LastUpdated: now}, result.After)

	w.pass(time.Hour)
	outcome, _, err = w.byHand(idlePolicy, audit.Hand.Restore, id)
	require.NoError(t, err)
	require.Equal(t, audit.Restored, outcome)
	token, _ = w.org.Token(id)
	require.Equal(t, before.Network, token.Network)
	intent = w.kinds(ledger.Intent)[1]
	require.Equal(t, []string{ledger.StepRestore, ledger.ByHand, "ticket 7"},
		[]string{intent.Step, intent.By, intent.Reason})
	require.Equal(t, []string{zoneID}, intent.Before.Include)
	require.Equal(t, "restored", w.kinds(ledger.Outcome)[1].Result)
	require.Equal(t, []string{"PUT " + id, "PUT " + id}, w.changes())
}

func TestARestorationThatOktaAnswersWithTheZonesInAnotherOrderIsOne(t *testing.T) {
	token := busyToken(1)
	token.Network.Include = []string{"nzo9lab0000000000000", "nzo9office00000000000"}
	w := newWorld(t, token)
	_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, token.ID)
	require.NoError(t, err)
	w.org.Fault(oktatest.Fault{Method: http.MethodPut, Status: http.StatusOK, Act: true, Times: 1,
		Body: `{"id":"` + token.ID +
			`","network":{"connection":"ZONE","include":["nzo9office00000000000","nzo9lab0000000000000"]}}`})
	outcome, reason, err := w.byHand(idlePolicy, audit.Hand.Restore, token.ID)
	require.NoError(t, err)
	require.Equal(t, []any{audit.Restored, ""}, []any{outcome, reason})
	require.Equal(t, ledger.ResultRestored, w.kinds(ledger.Outcome)[1].Result)
}

func TestRevokingTheTokenInUse(t *testing.T) {
	w := newWorld(t, busyToken(1))
	outcome, _, err := w.byHand(idlePolicy, revokeCurrent, "")
	require.NoError(t, err)
	require.Equal(t, audit.Revoked, outcome)
	require.Equal(t, []string{"DELETE current"}, w.changes())
	all := w.org.Requests()
	require.Equal(t, http.MethodDelete, all[len(all)-1].Method, "the last request of all")
	_, there := w.org.Token(oktatest.TokenID(999))
	require.False(t, there)
	_, there = w.org.Token(oktatest.TokenID(1))
	require.True(t, there)
	intent := w.kinds(ledger.Intent)[0]
	require.Equal(t, []string{"", ledger.StepRevokeCurrent, ledger.ByHand, "ticket 7"},
		[]string{intent.Token, intent.Step, intent.By, intent.Reason})
	require.True(t, w.kinds(ledger.Outcome)[0].Settled)
}

func TestWhatIsAgainstAChangeByHand(t *testing.T) {
	id := oktatest.TokenID(1)
	read := "/api/v1/api-tokens/" + id
	update := func(change func(*oktatest.Token)) func(*world) { return func(w *world) { w.org.Update(id, change) } }
	fault := func(f oktatest.Fault) func(*world) { return func(w *world) { w.org.Fault(f) } }
	both := map[string]verb{"revoke": audit.Hand.Revoke, "quarantine": audit.Hand.Quarantine}
	quarantine := map[string]verb{"quarantine": audit.Hand.Quarantine}
	restore := map[string]verb{"restore": audit.Hand.Restore}
	inQuarantine := func(then func(*world)) func(*world) {
		return func(w *world) {
			outcome, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
			require.NoError(w.t, err)
			require.Equal(w.t, audit.Quarantined, outcome)
			then(w)
		}
	}
	// leaveOpen leaves an intent open whose outcome can't be read at the next beginning either.
	leaveOpen := func(method string, do verb) func(*world) {
		return func(w *world) {
			w.org.Fault(oktatest.Fault{Method: method, Times: 1, HangupAfter: method == http.MethodPut,
				Hangup: method == http.MethodDelete})
			w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: read, Skip: 1, Times: 2, Status: 500})
			outcome, _, err := w.byHand(idlePolicy, do, id)
			require.Equal(w.t, audit.ActionFailed, handCode(w.t, err))
			require.Equal(w.t, audit.Failed, outcome)
		}
	}
	halted := func(w *world) {
		require.NoError(w.t, ledger.InDirectory(w.state).SetHalt("deploys fail", "kim",
			w.clock))
	}
	exempting := func(match string) string {
		return idlePolicy + "\nexemptions: [{match: " + match + ", reason: drill, owner: sre, until: 2027-01-01}]"
	}
	for _, row := range []struct {
		name    string
		verbs   map[string]verb
		prepare func(*world)
		policy  string // else idlePolicy
		id      string // else that of the first token
		is      error  // else ErrRefused
		says    string
		code    audit.ExitCode // else Usage
	}{
		{name: "the token in use", verbs: both, id: oktatest.TokenID(999),
			says: "it may be the token that this run uses: same owner"},
		{name: "another token of the same owner, idle", verbs: both,
			prepare: update(func(k *oktatest.Token) { k.UserID, k.LastUsed = oktatest.UserID(9), ago(20) }),
			says:    "it may be the token that this run uses: same owner"},
		{name: "a client that may not be acted on", verbs: both,
			prepare: update(func(k *oktatest.Token) { k.ClientName = "Okta AD Agent" }),
			says:    `client "Okta AD Agent" is not in protect.actOnClients`},
		{name: "a client that is not told", verbs: both,
			prepare: update(func(k *oktatest.Token) { k.Omit = []string{"clientName"} }),
			says:    "clientName is missing"},
		{name: "too young", verbs: both, prepare: update(func(k *oktatest.Token) { k.Created = ago(0.5) }),
			says: "protect.newerThan"},
		{name: "of unknown age", verbs: both, prepare: update(func(k *oktatest.Token) { k.Omit = []string{"created"} }),
			says: "created is missing"},
		{name: "exempt", verbs: both, policy: exempting("{name: busy}"), says: `exemption at policy.yaml`},
		{name: "an exemption that can't be judged", verbs: both, policy: exempting("{name: other}"),
			prepare: update(func(k *oktatest.Token) { k.Omit = []string{"name"} }), says: "can't be judged"},
		{name: "perDay is spent", verbs: both, policy: strings.Replace(idlePolicy, "perDay: 5", "perDay: 1", 1),
			prepare: func(w *world) {
				_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(2))
				require.NoError(w.t, err)
				w.pass(day - time.Minute)
			}, says: "perDay allows 1 in 24 hours, of which 1 are spent"},
		{name: "perDay is none", verbs: both, policy: strings.Replace(idlePolicy, "perDay: 5", "perDay: 0", 1),
			says: "perDay allows 0"},
		{name: "halted", verbs: both, prepare: halted, code: audit.Halted, says: "halted by kim"},
		{name: "halted", verbs: map[string]verb{"revoke-current": revokeCurrent}, prepare: halted, code: audit.Halted,
			says: "halted by kim"},
		{name: "the clock was set back", verbs: both, prepare: func(w *world) {
			_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(2))
			require.NoError(w.t, err)
			w.pass(-time.Hour)
		}, code: audit.Halted, says: "the clock was set back"},
		{name: "whose the token in use is can't be read", verbs: both,
			prepare: fault(oktatest.Fault{Path: "/api/v1/users/me", Status: 403}),
			says:    "the owner of the token in use could not be read"},
		{name: "the zone does not exist", verbs: quarantine,
			prepare: fault(oktatest.Fault{Path: "/api/v1/zones/*", Status: 404}), says: "does not exist"},
		{name: "the zone is inactive", verbs: quarantine,
			prepare: fault(oktatest.Fault{Path: "/api/v1/zones/*", Body: `{"id":"` + zoneID +
				`","status":"INACTIVE"}`}), says: "activate it"},
		{name: "the policy has no zone", verbs: quarantine, policy: strings.Replace(limits, zone, "", 1) +
			"rules: [{id: x, when: {name: x}, then: flag}]", says: "the policy has no quarantine.zone"},
		{name: "quarantined already", verbs: quarantine, prepare: inQuarantine(func(*world) {}),
			says: "quarantined since 2026-11-24T09:00:00Z"},
		{name: "in the zone already, though not by us", verbs: quarantine,
			prepare: update(func(k *oktatest.Token) { k.Network.Include = []string{zoneID} }),
			says:    "its network condition is that of the quarantine already"},
		{name: "no such token", verbs: both, id: oktatest.TokenID(77), is: okta.ErrNotFound, says: "404"},
		{name: "no id of a token", verbs: both, id: "current", is: okta.ErrBadID, says: "not an id"},
		{name: "a revocation with an unknown outcome", verbs: both, prepare: leaveOpen(http.MethodDelete,
			audit.Hand.Revoke), says: "an outcome that is not known yet"},
		{name: "a quarantine with an unknown outcome", verbs: both, prepare: leaveOpen(http.MethodPut,
			audit.Hand.Quarantine), says: "an outcome that is not known yet"},
		{name: "never quarantined", verbs: restore, says: "the ledger knows no quarantine of the token"},
		{name: "restored already", verbs: restore, prepare: inQuarantine(func(w *world) {
			_, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
			require.NoError(w.t, err)
		}), says: "the ledger knows no quarantine of the token"},
		{name: "somebody changed the condition since", verbs: restore,
			prepare: inQuarantine(update(func(k *oktatest.Token) { k.Network = oktatest.Network{} })),
			says:    "somebody changed it"},
		{name: "quarantined and vanished", verbs: restore, prepare: inQuarantine(func(w *world) { w.org.Remove(id) }),
			is: okta.ErrNotFound, says: "404"},
		{name: "in quarantine, and a revocation with an unknown outcome", verbs: restore,
			prepare: inQuarantine(leaveOpen(http.MethodDelete, audit.Hand.Revoke)),
			says:    "an outcome that is not known yet"},
	} {
		for name, do := range row.verbs {
			t.Run(name+": "+row.name, func(t *testing.T) {
				w := newWorld(t, busyToken(1), idleToken(2))
				require.NoError(t, w.open().Close()) // makes the directory
				if row.prepare != nil {
					row.prepare(w)
				}
				already, intents := len(w.changes()), len(w.kinds(ledger.Intent))
				text, target := row.policy, row.id
				if text == "" {
					text = idlePolicy
				}
				if target == "" {
					target = id
				}
				outcome, _, err := w.byHand(text, do, target)
				require.ErrorContains(t, err, row.says)
				require.Empty(t, outcome)
				var failed *audit.HandError
				require.ErrorAs(t, err, &failed)
				switch {
				case row.code != audit.OK:
					require.Equal(t, row.code, failed.Code)
				case row.is != nil:
					require.ErrorIs(t, err, row.is)
				default:
					require.ErrorIs(t, err, audit.ErrRefused)
					require.Equal(t, audit.Usage, failed.Code)
				}
				require.Len(t, w.changes(), already, "nothing is changed")
				require.Len(t, w.kinds(ledger.Intent), intents)
			})
		}
	}
}

func TestAQuarantineIsEndedByHandWhileHaltedAndWithPerDaySpent(t *testing.T) {
	w := newWorld(t, busyToken(1))
	id := oktatest.TokenID(1)
	_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
	require.NoError(t, err)
	require.NoError(t, ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", w.clock))
	outcome, _, err := w.byHand(strings.Replace(idlePolicy, "perDay: 5", "perDay: 0", 1), audit.Hand.Restore, id)
	require.NoError(t, err)
	require.Equal(t, audit.Restored, outcome)
}

func TestPerDayCountsWhatWasDoneByHandAndByRuns(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2), busyToken(3))
	_, _, err := w.byHand(nowPolicy, audit.Hand.Quarantine, oktatest.TokenID(3))
	require.NoError(t, err)
	_, _, err = w.byHand(nowPolicy, audit.Hand.Restore, oktatest.TokenID(3))
	require.NoError(t, err)
	r := w.enforce(strings.Replace(nowPolicy, "perDay: 5", "perDay: 2", 1))
	require.NoError(t, r.Err)
	require.Equal(t, []int{1, 1}, []int{r.Count(audit.Revoked), r.Count(audit.Held)},
		"a restoration costs nothing, a quarantine by hand does")
}
