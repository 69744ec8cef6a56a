package audit_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

func TestFromNoticeToQuarantineToRevocation(t *testing.T) {
	w := newWorld(t, idleToken(1))
	id := oktatest.TokenID(1)

	r := w.enforce(idlePolicy)
	require.NoError(t, r.Err)
	f := only(t, r)
	require.Equal(t, []any{audit.Pending, rules.Quarantine, now.Add(3 * day)}, []any{f.Outcome, f.Step, f.Due})

	w.pass(3*day - time.Second)
	require.Equal(t, audit.Pending, only(t, w.enforce(idlePolicy)).Outcome)
	require.Empty(t, w.changes())

	w.pass(time.Second)
	f = only(t, w.enforce(idlePolicy))
	require.Equal(t, audit.Quarantined, f.Outcome, f.Reason)
	require.Equal(t, []string{"PUT " + id}, w.changes())
	token, _ := w.org.Token(id)
	require.Equal(t, []string{zoneID}, token.Network.Include)

	w.pass(day)
	f = only(t, w.enforce(idlePolicy))
	require.Equal(t, audit.Pending, f.Outcome)
	require.Equal(t, now.Add(7*day), f.Due, "our own change of the token voided nothing")
	require.Equal(t, "quarantined since 2026-11-27T09:00:00Z", f.Reason)

	w.pass(3 * day)
	f = only(t, w.enforce(idlePolicy))
	require.Equal(t, audit.Revoked, f.Outcome, f.Reason)
	require.Equal(t, []string{"PUT " + id, "DELETE " + id}, w.changes())

	w.pass(day)
	r = w.enforce(idlePolicy)
	require.Empty(t, r.Findings)
	require.Len(t, r.Vanished, 1)
	require.Equal(t, "revoked by tokensweep on 2026-12-01T09:00:00Z", r.Vanished[0].Reason)
}

func TestADryRunWithALedgerStartsNoClockAndChangesNothing(t *testing.T) {
	w := newWorld(t, idleToken(1))
	for range 3 {
		r := w.dry(idlePolicy)
		require.NoError(t, r.Err)
		require.Equal(t, audit.Pending, only(t, r).Outcome)
		require.Equal(t, w.clock.Add(3*day), only(t, r).Due)
		w.pass(4 * day)
	}
	require.Empty(t, w.changes())
	for _, r := range w.records() {
		require.NotContains(t, []ledger.Kind{ledger.Noticed, ledger.Intent}, r.Kind)
	}
}

func TestWhatMakesANoticeVoid(t *testing.T) {
	id := oktatest.TokenID(1)
	for name, row := range map[string]struct {
		between func(w *world)
		policy  string // of the second run, else the same
		want    audit.Outcome
	}{
		"nothing": {between: func(*world) {}, want: audit.Quarantined},
		"a use, and idle again": {between: func(w *world) {
			w.org.Update(id, func(k *oktatest.Token) { k.LastUsed = ago(13) })
		}, want: audit.Pending},
		"an edit of what no rule reads": {between: func(w *world) {
			w.org.Update(id, func(k *oktatest.Token) { k.LastUpdated = now.Add(time.Hour) })
		}, want: audit.Quarantined},
		"an exemption in between": {
			between: func(w *world) {
				require.Equal(w.t, audit.Exempt,
					only(w.t, w.enforce(idlePolicy+"\nexemptions: [{match: {name: idle-1}, reason: r, owner: o, "+
						"until: 2027-01-01}]")).Outcome)
			}, want: audit.Pending,
		},
		"a protection in between": {
			between: func(w *world) {
				require.Equal(w.t, audit.Protected,
					only(w.t, w.enforce(idlePolicy+"\nprotect: {actOnClients: [Other]}")).Outcome)
			}, want: audit.Pending,
		},
		"recovered in between": {
			between: func(w *world) {
				w.org.Update(id, func(k *oktatest.Token) { k.LastUsed = now })
				require.Empty(w.t, w.enforce(idlePolicy).Findings)
				w.org.Update(id, func(k *oktatest.Token) { k.LastUsed = ago(15) })
			}, want: audit.Pending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			require.Equal(t, audit.Pending, only(t, w.enforce(idlePolicy)).Outcome)
			w.pass(2 * day)
			row.between(w)
			w.pass(day)
			f := only(t, w.enforce(idlePolicy))
			require.Equal(t, row.want, f.Outcome, f.Reason)
			if row.want == audit.Pending {
				require.Equal(t, w.clock.Add(3*day), f.Due, "announced anew")
			}
		})
	}
}

const nowPolicy = limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {revoke: 0d}}]"

func TestWhatComesOfAChange(t *testing.T) {
	id := oktatest.TokenID(1)
	read := oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens/" + id}
	with := func(f oktatest.Fault, change func(*oktatest.Fault)) oktatest.Fault { change(&f); return f }
	del := oktatest.Fault{Method: http.MethodDelete, Times: 1}
	for _, row := range []struct {
		name    string
		faults  []oktatest.Fault
		meddle  func(w *world) // when the re-read comes
		outcome audit.Outcome
		reason  string
		code    audit.ExitCode
		gone    bool // whether the token is gone afterwards
		deletes int
		open    bool // whether the intent is left open
	}{
		{name: "204, and reading finds nothing", outcome: audit.Revoked, gone: true, deletes: 1},
		{name: "vanished before its turn", meddle: func(w *world) { w.org.Remove(id) }, outcome: audit.Gone,
			reason: "had vanished", gone: true},
		{name: "used before its turn", meddle: func(w *world) { w.org.Use(id) }, outcome: audit.Changed,
			reason: "no rule matches it any more"},
		{name: "renamed before its turn", meddle: func(w *world) {
			w.org.Update(id, func(k *oktatest.Token) { k.Name = "x" })
		}, outcome: audit.Changed, reason: "its name, client, owner or creation differ"},
		{name: "given to an agent before its turn", meddle: func(w *world) {
			w.org.Update(id, func(k *oktatest.Token) { k.ClientName = "Okta AD Agent" })
		}, outcome: audit.Changed, reason: "its name, client"},
		{name: "404: it was sent twice, or somebody was faster", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Twice = true })}, outcome: audit.Revoked,
			reason: "or by somebody else's doing", gone: true, deletes: 1},
		{name: "404, and it is there", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 404 })},
			outcome: audit.Failed, reason: "still there", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "a proxy's 403, not done", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Status, f.Proxy = 403, true })}, outcome: audit.Failed,
			reason: "still there", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "a proxy's 403, and done all the same", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Status, f.Proxy, f.Act = 403, true, true })}, outcome: audit.Revoked,
			reason: "reading it finds nothing", code: audit.ActionFailed, gone: true, deletes: 1},
		{name: "403", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 403 })},
			outcome: audit.Failed, reason: "403 Forbidden", code: audit.NoAccess, deletes: 1},
		{name: "401", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 401 })},
			outcome: audit.Failed, reason: "401 Unauthorized", code: audit.NoAccess, deletes: 1},
		{name: "429", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 429 })},
			outcome: audit.Failed, reason: "429", code: audit.ActionFailed, deletes: 1},
		{name: "500, not done", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 500 })},
			outcome: audit.Failed, reason: "still there", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "504, and done all the same", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Status, f.Act = 504, true })}, outcome: audit.Revoked,
			reason: "reading it finds nothing", code: audit.ActionFailed, gone: true, deletes: 1},
		{name: "the answer lost, and done", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.HangupAfter = true })}, outcome: audit.Revoked,
			reason: "reading it finds nothing", code: audit.ActionFailed, gone: true, deletes: 1},
		{name: "the connection lost, not done", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Hangup = true })}, outcome: audit.Failed,
			reason: "the next run looks again", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "200 instead of 204", faults: []oktatest.Fault{
			with(del, func(f *oktatest.Fault) { f.Status, f.Body = 200, "{}" })}, outcome: audit.Failed,
			reason: "still there", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "a redirect", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 307 })},
			outcome: audit.Failed, reason: "307", code: audit.ActionFailed, deletes: 1, open: true},
		{name: "204 without effect", faults: []oktatest.Fault{with(del, func(f *oktatest.Fault) { f.Status = 204 })},
			outcome: audit.Failed, reason: "okta answered 204, and the token is still there", code: audit.ActionFailed,
			deletes: 1, open: true},
		{name: "reading again refused", faults: []oktatest.Fault{
			with(read, func(f *oktatest.Fault) { f.Status = 403 })}, outcome: audit.Held,
			reason: "it could not be read again", code: audit.NoAccess},
		{name: "reading again fails", faults: []oktatest.Fault{with(read, func(f *oktatest.Fault) { f.Status = 500 })},
			outcome: audit.Held, reason: "it could not be read again", code: audit.ActionFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			second := idleToken(2)
			second.LastUsed = ago(14.5) // comes after the first
			w := newWorld(t, idleToken(1), second)
			for _, f := range row.faults {
				w.org.Fault(f)
			}
			if row.meddle != nil {
				w.org.Fault(with(read, func(f *oktatest.Fault) { f.Times, f.Then = 1, func() { row.meddle(w) } }))
			}
			r := w.enforce(nowPolicy)
			require.True(t, r.Complete, "%v", r.Err)
			f := r.Findings[0]
			require.Equal(t, row.outcome, f.Outcome, f.Reason)
			require.Contains(t, f.Reason, row.reason)
			require.Equal(t, row.code, r.Code)
			_, there := w.org.Token(id)
			require.Equal(t, row.gone, !there)
			deletes := 0
			for _, c := range w.changes() {
				if c == "DELETE "+id {
					deletes++
				}
			}
			require.Equal(t, row.deletes, deletes)
			l := w.open()
			_, open := l.State().OpenFor(id)
			require.NoError(t, l.Close())
			require.Equal(t, row.open, open)

			// After any doubt nothing else was touched; without one the second token's turn came.
			other := r.Findings[1]
			if row.code != audit.OK {
				require.Equal(t, audit.Held, other.Outcome, other.Reason)
				require.Contains(t, other.Reason, "the run stopped acting")
			} else if row.reason != "reading it finds nothing" {
				require.Equal(t, audit.Revoked, other.Outcome, other.Reason)
			}

			// The next run settles what was open by reading, and only then goes on.
			w.org.ClearFaults()
			r = w.enforce(nowPolicy)
			require.NoError(t, r.Err)
			if row.open {
				require.Contains(t, strings.Join(r.Notes, "\n"), "settled by reading: the revoke of the token "+id)
			}
			l = w.open()
			require.Empty(t, l.State().Open)
			require.NoError(t, l.Close())
		})
	}
}

func TestTheIntentIsOnDiskWhenTheOrgSeesTheChange(t *testing.T) {
	w := newWorld(t, idleToken(1))
	seen := false
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Then: func() {
		raw, err := os.ReadFile(filepath.Join(w.state, "ledger.jsonl"))
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		last := lines[len(lines)-1]
		seen = strings.Contains(last, `"kind":"intent"`) && strings.Contains(last, oktatest.TokenID(1)) &&
			strings.Contains(last, `"step":"revoke"`)
	}})
	require.Equal(t, audit.Revoked, only(t, w.enforce(nowPolicy)).Outcome)
	require.True(t, seen)
}

func TestLimits(t *testing.T) {
	var tokens []oktatest.Token
	for n := range 8 {
		k := idleToken(n + 1)
		k.LastUsed = ago(15 + float64(n)/10)
		tokens = append(tokens, k)
	}
	count := func(r *audit.Report) [2]int { return [2]int{r.Count(audit.Revoked), r.Count(audit.Held)} }

	t.Run("perRun, and then perDay, cut the same tokens each time", func(t *testing.T) {
		w := newWorld(t, tokens...)
		r := w.enforce(nowPolicy)
		require.Equal(t, [2]int{3, 5}, count(r))
		require.Equal(t, audit.OK, r.Code)
		require.Equal(t, "idle-8", known(r.Findings[0].Token.Name), "the longest idle first")
		require.Equal(t, "perRun allows 3 in one run", r.Findings[7].Reason)
		r = w.enforce(nowPolicy)
		require.Equal(t, [2]int{2, 3}, count(r))
		require.Contains(t, r.Findings[4].Reason, "perDay allows 5 in 24 hours, of which 3 are spent")
		require.Equal(t, [2]int{0, 3}, count(w.enforce(nowPolicy)))
		w.pass(day)
		require.Equal(t, [2]int{3, 0}, count(w.enforce(nowPolicy)))
	})
	t.Run("nothing is done above stopAbove, by count", func(t *testing.T) {
		w := newWorld(t, tokens...)
		r := w.enforce(strings.Replace(nowPolicy, "count: 10", "count: 7", 1))
		require.Equal(t, [2]int{0, 8}, count(r))
		require.Equal(t, audit.StopAbove, r.Code)
		require.Empty(t, w.changes())
	})
	t.Run("nothing is done above stopAbove, by share", func(t *testing.T) {
		w := newWorld(t, tokens...)
		r := w.enforce(strings.Replace(nowPolicy, "percent: 90", "percent: 80", 1))
		require.Equal(t, audit.StopAbove, r.Code)
		require.Empty(t, w.changes())
	})
	for _, zero := range []string{"perRun: 3", "perDay: 5"} {
		t.Run("none means none: "+zero, func(t *testing.T) {
			w := newWorld(t, tokens...)
			r := w.enforce(strings.Replace(nowPolicy, zero, zero[:8]+"0", 1))
			require.Equal(t, [2]int{0, 8}, count(r))
			require.Empty(t, w.changes())
		})
	}
}

func TestAReviewedPlanIsAllThatHappens(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	plan := w.dry(nowPolicy).Digest
	w.org.Add(idleToken(3))        // was added since
	w.org.Use(oktatest.TokenID(2)) // has changed since
	w.pass(MaxAge)
	r := w.enforcePlan(nowPolicy, plan)
	require.NoError(t, r.Err)
	outcomes := map[string]audit.Outcome{}
	for _, f := range r.Findings {
		outcomes[known(f.Token.Name)] = f.Outcome
	}
	require.Equal(t, map[string]audit.Outcome{"idle-1": audit.Revoked, "idle-3": audit.Held}, outcomes)
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, w.changes())

	for name, digest := range map[string]string{"too old": plan, "unknown": "sha256:00"} {
		w.pass(time.Minute)
		r := w.enforcePlan(nowPolicy, digest)
		require.ErrorIs(t, r.Err, audit.ErrRefused, name)
		require.Equal(t, audit.Usage, r.Code)
	}
	require.Len(t, w.changes(), 1)
}

func TestAPlanMayBeOlderIfThatIsSaid(t *testing.T) {
	w := newWorld(t, idleToken(1))
	plan := w.dry(nowPolicy).Digest
	w.pass(3 * day)
	require.ErrorContains(t, w.enforcePlan(nowPolicy, plan).Err, "is 3d old, and 1d is the limit (--plan-max-age)")
	l := w.open()
	defer func() { _ = l.Close() }()
	w.connect()
	o := w.options(nowPolicy, l)
	o.Enforce = &audit.Enforcement{
		Org: w.client, Plan: plan, PlanMaxAge: 3 * day,
		Announce: func(context.Context, *audit.Report) (string, error) { return "here", nil },
	}
	require.NoError(t, audit.Run(t.Context(), o).Err)
	require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, w.changes())
}

// MaxAge is as old as a plan may be.
const MaxAge = audit.DefaultPlanAge

func TestALiftedQuarantineIsNotFoughtOver(t *testing.T) {
	w := newWorld(t, idleToken(1))
	text := limits + "rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 1d, revoke: 7d}}]"
	w.enforce(text)
	w.pass(day)
	require.Equal(t, audit.Quarantined, only(t, w.enforce(text)).Outcome)
	w.org.Update(oktatest.TokenID(1), func(k *oktatest.Token) { k.Network = oktatest.Network{} })
	w.pass(8 * day)
	r := w.enforce(text)
	require.Contains(t, strings.Join(r.Notes, "\n"), "somebody lifted the quarantine of the token "+oktatest.TokenID(1))
	f := only(t, r)
	require.Equal(t, []any{audit.Pending, rules.Quarantine, w.clock.Add(day)}, []any{f.Outcome, f.Step, f.Due})
	require.Len(t, w.changes(), 1)
}
