package audit_test

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

func TestLostAnswersToChangesByHand(t *testing.T) {
	id := oktatest.TokenID(1)
	unread := oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + id, Skip: 1, Times: 1, Status: 500}
	for _, row := range []struct {
		name    string
		do      verb
		method  string
		acted   bool
		unread  bool
		outcome audit.Outcome
		reason  string
		settled string // what the next run finds, "" if nothing is open
	}{
		{name: "a revocation that was done", do: audit.Hand.Revoke, method: http.MethodDelete, acted: true,
			outcome: audit.Revoked, reason: "reading it finds nothing"},
		{name: "a revocation that was not done", do: audit.Hand.Revoke, method: http.MethodDelete,
			outcome: audit.Failed, reason: "still there", settled: ledger.ResultFailed},
		{name: "a revocation that was done and can't be read", do: audit.Hand.Revoke, method: http.MethodDelete,
			acted: true, unread: true, outcome: audit.Failed, reason: "reading failed", settled: ledger.ResultRevoked},
		{name: "a quarantine that was done", do: audit.Hand.Quarantine, method: http.MethodPut, acted: true,
			outcome: audit.Quarantined, reason: "reading it finds the new condition"},
		{name: "a quarantine that was not done", do: audit.Hand.Quarantine, method: http.MethodPut,
			outcome: audit.Failed, reason: "the condition is as it was", settled: ledger.ResultFailed},
		{name: "a quarantine that was done and can't be read", do: audit.Hand.Quarantine, method: http.MethodPut,
			acted: true, unread: true, outcome: audit.Failed, reason: "reading failed",
			settled: ledger.ResultQuarantined},
		{name: "a restoration that was done", do: audit.Hand.Restore, method: http.MethodPut, acted: true,
			outcome: audit.Restored, reason: "reading it finds the new condition"},
		{name: "a restoration that was not done", do: audit.Hand.Restore, method: http.MethodPut, outcome: audit.Failed,
			reason: "the condition is as it was", settled: ledger.ResultFailed},
		{name: "a restoration that was done and can't be read", do: audit.Hand.Restore, method: http.MethodPut,
			acted: true, unread: true, outcome: audit.Failed, reason: "reading failed", settled: ledger.ResultRestored},
		{name: "of the token in use, which can't be read afterwards", do: revokeCurrent, method: http.MethodDelete,
			acted: true, outcome: audit.Failed, reason: "look in the admin console"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, busyToken(1))
			if strings.Contains(row.name, "restoration") {
				_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, id)
				require.NoError(t, err)
			}
			w.org.Fault(oktatest.Fault{Method: row.method, Times: 1, Hangup: !row.acted, HangupAfter: row.acted})
			if row.unread {
				w.org.Fault(unread)
			}
			already := len(w.changes())
			outcome, reason, err := w.byHand(idlePolicy, row.do, id)
			require.Equal(t, row.outcome, outcome, reason)
			require.Equal(t, outcome == audit.Failed, handCode(t, err) == audit.ActionFailed)
			require.Contains(t, reason, row.reason)
			require.Len(t, w.changes(), already+1, "sent once")
			all := w.records()
			require.Equal(t, ledger.Ended, all[len(all)-1].Kind)
			require.Equal(t, outcome == audit.Failed, all[len(all)-1].ExitCode == int(audit.ActionFailed))
			if row.settled == "" {
				return
			}
			require.False(t, w.kinds(ledger.Outcome)[len(w.kinds(ledger.Outcome))-1].Settled)
			w.org.ClearFaults()
			r := w.enforce(idlePolicy)
			require.NoError(t, r.Err)
			require.Contains(t, strings.Join(r.Notes, "\n"), "settled by reading: the")
			require.Equal(t, 1, r.Belated)
			require.Contains(t, strings.Join(r.Notes, "\n"), id+" that run "+w.kinds(ledger.Intent)[already].Run+
				" began: "+row.settled)
			require.Len(t, w.changes(), already+1, "settled by reading alone")
		})
	}
}

func TestARestoredTokenIsAnnouncedAnew(t *testing.T) {
	id := oktatest.TokenID(1)
	quarantined := func(t *testing.T) *world {
		w := newWorld(t, idleToken(1))
		w.enforce(idlePolicy)
		w.pass(3 * day)
		require.Equal(t, audit.Quarantined, only(t, w.enforce(idlePolicy)).Outcome)
		w.pass(time.Hour)
		return w
	}
	anew := func(t *testing.T, w *world) {
		t.Helper()
		token, _ := w.org.Token(id)
		require.NotEqual(t, "ZONE", token.Network.Connection)
		changes := len(w.changes())
		w.pass(time.Hour)
		f := only(t, w.enforce(idlePolicy))
		require.Equal(t, audit.Pending, f.Outcome, f.Reason)
		require.Equal(t, w.clock.Add(3*day), f.Due)
		require.Len(t, w.changes(), changes)
	}
	t.Run("after a restoration that went well", func(t *testing.T) {
		w := quarantined(t)
		outcome, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.NoError(t, err)
		require.Equal(t, audit.Restored, outcome)
		anew(t, w)
	})
	t.Run("after one whose answer was lost", func(t *testing.T) {
		w := quarantined(t)
		w.org.Fault(oktatest.Fault{Method: http.MethodPut, Times: 1, HangupAfter: true})
		outcome, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.NoError(t, err)
		require.Equal(t, audit.Restored, outcome)
		anew(t, w)
	})
	t.Run("after one that the next run had to settle", func(t *testing.T) {
		w := quarantined(t)
		w.org.Fault(oktatest.Fault{Method: http.MethodPut, Times: 1, HangupAfter: true})
		w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + id, Skip: 1, Times: 1,
			Status: 500})
		outcome, _, err := w.byHand(idlePolicy, audit.Hand.Restore, id)
		require.Equal(t, audit.ActionFailed, handCode(t, err))
		require.Equal(t, audit.Failed, outcome)
		anew(t, w)
	})
	t.Run("after one whose process died before it could void the notices", func(t *testing.T) {
		w := quarantined(t)
		// What Restore has written when it dies between its outcome and the records that follow.
		l := w.open()
		q := l.State().Quarantined[id]
		intent, err := l.Append(ledger.Record{Kind: ledger.Intent, Token: id, Step: ledger.StepRestore,
			By: ledger.ByHand, Before: &q.After, After: &q.Before})
		require.NoError(t, err)
		w.org.Update(id, func(k *oktatest.Token) { k.Network = oktatest.Network{} })
		_, err = l.Append(ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq, Result: ledger.ResultRestored,
			Settled: true})
		require.NoError(t, err)
		require.NoError(t, l.Close())
		anew(t, w)
	})
}

// handCode is the exit code that the error of a change by hand has.
func handCode(t *testing.T, err error) audit.ExitCode {
	t.Helper()
	if err == nil {
		return audit.OK
	}
	var failed *audit.HandError
	require.ErrorAs(t, err, &failed)
	require.Error(t, failed.Err)
	return failed.Code
}

func TestTheLedgerSaysHowAChangeByHandEnded(t *testing.T) {
	id := oktatest.TokenID(1)
	for _, row := range []struct {
		name    string
		prepare func(*world)
		id      string
		code    audit.ExitCode
	}{
		{name: "done", id: id},
		{name: "nobody knows", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Hangup: true})
		}, id: id, code: audit.ActionFailed},
		{name: "the request is refused", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 400})
		}, id: id, code: audit.ActionFailed},
		{name: "the token is held by another change", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 409})
		}, id: id, code: audit.ActionFailed},
		{name: "one request too many", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 429})
		}, id: id, code: audit.ActionFailed},
		{name: "sent elsewhere", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 302})
		}, id: id, code: audit.ActionFailed},
		{name: "the org can't be reached", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/api-tokens/*", Status: 500})
		}, id: id, code: audit.Incomplete},
		{name: "refused by a guard", id: oktatest.TokenID(999), code: audit.Usage},
		{name: "halted", prepare: func(w *world) {
			require.NoError(w.t, ledger.InDirectory(w.state).SetHalt("stop", "kim", w.clock))
		}, id: id, code: audit.Halted},
		{name: "the credential lacks the permission", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 403})
		}, id: id, code: audit.NoAccess},
		{name: "the credential is refused at the beginning", prepare: func(w *world) {
			w.org.Fault(oktatest.Fault{Path: "/api/v1/users/me", Status: 401})
		}, id: id, code: audit.NoAccess},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, busyToken(1))
			if row.prepare != nil {
				row.prepare(w)
			}
			_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, row.id)
			require.Equal(t, row.code, handCode(t, err), "%v", err)
			all := w.records()
			last := all[len(all)-1]
			require.Equal(t, ledger.Ended, last.Kind)
			require.Equal(t, row.code, audit.ExitCode(last.ExitCode))
		})
	}
}

func TestAChangeByHandSettlesWhatIsOpenBeforeAnythingElse(t *testing.T) {
	w := newWorld(t, busyToken(1), busyToken(2))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Hangup: true})
	_, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(1))
	require.Equal(t, audit.ActionFailed, handCode(t, err))
	outcome, _, err := w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(1))
	require.NoError(t, err)
	require.Equal(t, audit.Revoked, outcome)
	results := w.kinds(ledger.Outcome)
	require.Equal(t, []string{ledger.ResultUnknown, ledger.ResultFailed, ledger.ResultRevoked},
		[]string{results[0].Result, results[1].Result, results[2].Result}, "settled before anything else is done")
	require.Equal(t, results[0].Ref, results[1].Ref)
}

func TestALiftedQuarantineIsNotFoughtOverByARuleWithoutDelay(t *testing.T) {
	w := newWorld(t, idleToken(1))
	text := limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 0d}}]"
	require.Equal(t, audit.Quarantined, only(t, w.enforce(text)).Outcome)
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Network = oktatest.Network{} })
	w.pass(time.Hour)
	r := w.enforce(text)
	require.Contains(t, strings.Join(r.Notes, "\n"), "it gets a new notice before anything else happens")
	require.Len(t, w.changes(), 1)
}

func TestWhatWasAnnouncedBeforeAQuarantineWasLiftedIsVoidThoughAPersonQuarantinesItAgain(t *testing.T) {
	id := oktatest.TokenID(1)
	w := newWorld(t, idleToken(1))
	_, _, err := w.byHand(nowPolicy, audit.Hand.Quarantine, id)
	require.NoError(t, err)
	w.pass(time.Hour)
	w.org.Update(id, func(k *oktatest.Token) { k.Network, k.LastUpdated = oktatest.Network{}, w.clock })
	_, _, err = w.byHand(nowPolicy, audit.Hand.Quarantine, id)
	require.NoError(t, err)
	w.pass(time.Hour)
	require.Equal(t, audit.Pending, only(t, w.enforce(nowPolicy)).Outcome)
	w.pass(time.Hour)
	require.Equal(t, audit.Revoked, only(t, w.enforce(nowPolicy)).Outcome)
}

func TestARefusedCredentialByHand(t *testing.T) {
	id := oktatest.TokenID(1)
	for name, do := range map[string]verb{"revoke": audit.Hand.Revoke, "quarantine": audit.Hand.Quarantine,
		"revoke-current": revokeCurrent} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, busyToken(1))
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Status: 403})
			w.org.Fault(oktatest.Fault{Method: http.MethodPut, Status: 403})
			outcome, _, err := w.byHand(idlePolicy, do, id)
			require.ErrorIs(t, err, okta.ErrForbidden)
			require.Equal(t, audit.Failed, outcome)
			require.Equal(t, audit.NoAccess, audit.CodeOf(err))
			require.Equal(t, ledger.ResultFailed, w.kinds(ledger.Outcome)[0].Result)
			require.True(t, w.kinds(ledger.Outcome)[0].Settled)
		})
	}
}

func TestAChangeByHandThatNobodyWasToldOfIsInTheNextReport(t *testing.T) {
	id := oktatest.TokenID(1)
	for name, heard := range map[string]bool{"it was told": true, "nobody heard": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, busyToken(1))
			l := w.open()
			told := ""
			h := audit.Hand{Org: w.client, Policy: policy(t, idlePolicy), Ledger: l, Reason: "ticket 7",
				Now: func() time.Time { return w.clock }}
			h.Deliver = func(outcome audit.Outcome, reason string) error {
				told = string(outcome) + reason
				require.Equal(t, ledger.Begun, l.State().LastRun.Kind, "the end is recorded after that")
				if !heard {
					return errors.New("broken pipe")
				}
				return nil
			}
			_, _, err := h.Quarantine(t.Context(), id)
			require.Equal(t, map[bool]audit.ExitCode{true: audit.OK, false: audit.Undelivered}[heard], handCode(t, err))
			require.NoError(t, l.Close())
			require.Equal(t, "quarantined", told)
			require.EqualValues(t, handCode(t, err), w.kinds(ledger.Ended)[0].ExitCode)
			notes := strings.Join(w.dry(idlePolicy).Notes, "\n")
			require.Equal(t, !heard, strings.Contains(notes, "the quarantine of the token "+id), notes)
		})
	}
}

func TestAChangeByHandWhoseEndCanNotBeRecordedSaysSo(t *testing.T) {
	w := newWorld(t, busyToken(1))
	require.NoError(t, w.open().Close()) // makes the directory, for the brake
	disk := ledgertest.New(nil)
	l, err := ledger.InDirectory(w.state).OpenOn(disk, func() time.Time { return w.clock })
	require.NoError(t, err)
	disk.FailWrite(4, 0, syscall.ENOSPC) // after the beginning, the intent and the outcome
	h := audit.Hand{Org: w.client, Policy: policy(t, idlePolicy), Ledger: l, Reason: "ticket 7",
		Now: func() time.Time { return w.clock }}
	outcome, _, err := h.Revoke(t.Context(), oktatest.TokenID(1))
	require.Equal(t, audit.Revoked, outcome)
	require.Equal(t, audit.NoLedger, handCode(t, err))
	require.ErrorIs(t, err, syscall.ENOSPC)
}

func TestARestorationWhileAnotherChangeCanNotBeSettledIsDoneAndSaysSo(t *testing.T) {
	w := newWorld(t, busyToken(1), busyToken(2))
	_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, oktatest.TokenID(1))
	require.NoError(t, err)
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Hangup: true, Times: 1})
	_, _, err = w.byHand(idlePolicy, audit.Hand.Revoke, oktatest.TokenID(2))
	require.Equal(t, audit.ActionFailed, handCode(t, err))
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + oktatest.TokenID(2), Status: 500})
	outcome, _, err := w.byHand(idlePolicy, audit.Hand.Restore, oktatest.TokenID(1))
	require.Equal(t, audit.Restored, outcome)
	require.Equal(t, audit.ActionFailed, handCode(t, err))
	require.ErrorContains(t, err, "what came of an earlier change is still not known")
	ends := w.kinds(ledger.Ended)
	require.EqualValues(t, audit.ActionFailed, ends[len(ends)-1].ExitCode)
}
