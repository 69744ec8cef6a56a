package audit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
)

// These tests are about what those who watch a run are told.

func TestEveryRecordOfARunIsToldOnceItIsWritten(t *testing.T) {
	w := newWorld(t, idleToken(1))
	l := w.open()
	var told []ledger.Record
	o := w.options(limits+"rules: [{id: idle, when: {lastUsed: {olderThan: 14d}}, then: {quarantine: 0d}}]", l)
	o.ID = audit.NewID(now)
	o.Recorded = func(r ledger.Record) {
		require.LessOrEqual(t, r.Seq, l.Head().Seq, "after it was written")
		told = append(told, r)
	}
	o.Enforce = &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (string, error) {
		return "test", nil
	}}
	r := audit.Run(t.Context(), o)
	require.Equal(t, audit.OK, r.Code, "%v", r.Err)
	require.Equal(t, o.ID, r.ID)

	h := audit.Hand{Org: w.client, Policy: o.Policy, Ledger: l, Reason: "it was ours", Now: o.Now,
		Recorded: o.Recorded}
	_, _, err := h.Restore(t.Context(), oktatest.TokenID(1))
	require.NoError(t, err)
	require.NoError(t, l.Close())

	var written []ledger.Record
	_, err = ledger.InDirectory(w.state).Read(func(r ledger.Record) error { written = append(written, r); return nil })
	require.NoError(t, err)
	require.Equal(t, written, told)
	var kinds []string
	for _, r := range told {
		require.NotEmpty(t, r.Run)
		kinds = append(kinds, string(r.Kind))
	}
	require.Equal(t, "begun seen listed plan notice intent outcome ended begun intent outcome ended",
		strings.Join(kinds, " "))
}

func TestARunIsNamedByTheTimeOfItsStart(t *testing.T) {
	id := audit.NewID(time.Date(2026, 11, 24, 10, 0, 0, 0, time.FixedZone("", 3600)))
	require.Regexp(t, `^20261124T090000Z-[0-9a-f]{6}$`, id)
	require.NotEqual(t, id, audit.NewID(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)))
}

func TestNotesFromOutsideAreInTheReport(t *testing.T) {
	_, reader := start(t, oktatest.Config{Me: oktatest.UserID(1)})
	r := audit.Run(t.Context(), audit.Options{Org: reader, Policy: policy(t, "rules: [{id: a, when: {name: x}, then: "+
		"flag}]"), Notes: []string{"a run was skipped"}})
	require.Contains(t, r.Notes, "a run was skipped")
}

func TestTokensAreCountedByClient(t *testing.T) {
	tokens := ownedTokens()
	tokens[3].ClientName, tokens[4].ClientName, tokens[5].Omit = "Okta AD Agent", "Okta AD Agent",
		[]string{"clientName"}
	org, reader := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: tokens, PageSize: 7})
	o := audit.Options{Org: reader, Policy: policy(t, "rules: [{id: a, when: {name: x}, then: flag}]")}
	require.Equal(t, map[string]int{"Okta API": 27, "Okta AD Agent": 2, "": 1}, audit.Run(t.Context(), o).Clients)

	org.Fault(oktatest.Fault{Page: 3, Status: 404})
	require.Nil(t, audit.Run(t.Context(), o).Clients, "a part of the list says nothing")
}

// A panic on another goroutine would end a daemon; on that of the run its caller can deal with it.
func TestAPanicWhileOwnersAreLookedUpReachesTheCaller(t *testing.T) {
	org, _ := start(t, oktatest.Config{Me: oktatest.UserID(99), Tokens: ownedTokens()})
	client, err := okta.New(okta.Options{OrgURL: org.URL(), Token: okta.NewSecret(canary), RateShare: 1,
		Trace: func(e okta.Event) {
			if strings.HasPrefix(e.Path, "/api/v1/users/00u") {
				panic("no such luck")
			}
		}})
	require.NoError(t, err)
	defer func() { require.Contains(t, recover(), "looking up an owner: no such luck\n") }()
	audit.Run(t.Context(), audit.Options{Org: client.Reader, Policy: policy(t, "rules: [{id: idle, when: {lastUsed: "+
		"{olderThan: 21d}}, then: flag}]")})
}
