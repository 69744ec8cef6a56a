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
)

// anotherComes has a run on another machine open the ledger, since the lock holds on each machine alone.
func (w *world) anotherComes() {
	require.NoError(w.t, os.WriteFile(filepath.Join(w.state, "lock"),
		[]byte(`{"host":"node-7","process":1,"run":"theirs","mark":"x"}`), 0o600))
}

func TestARunThatFindsAnotherInTheLockStops(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Then: w.anotherComes})
	r := w.enforce(rule("{revoke: 0d}"))
	require.Equal(t, audit.Locked, r.Code, "%v", r.Err)
	require.ErrorContains(t, r.Err, `the run "theirs" on the host "node-7"`)
	require.Len(t, w.changes(), 1)
	require.Equal(t, 1, r.Count(audit.Failed), "it was done, and that could not be recorded")
	require.Equal(t, 1, r.Count(audit.Held))
	last := w.records()[len(w.records())-1]
	require.Equal(t, ledger.Intent, last.Kind, "the rest is the other's")

	next := w.enforce(rule("{revoke: 0d}")) // whose name is in the lock is gone if the lock can be had
	require.NoError(t, next.Err)
	require.Contains(t, strings.Join(next.Notes, "\n"), "settled by reading")
	require.Len(t, w.changes(), 2)
}

func TestByHandNothingIsChangedWhileAnotherIsInTheLock(t *testing.T) {
	w := newWorld(t, idleToken(1), idleToken(2))
	_, _, err := w.byHand(idlePolicy, audit.Hand.Quarantine, idleToken(2).ID)
	require.NoError(t, err)
	before := len(w.changes())
	w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/users/me", Then: w.anotherComes})
	for name, do := range map[string]verb{
		"revoke": audit.Hand.Revoke, "quarantine": audit.Hand.Quarantine, "restore": audit.Hand.Restore,
		"revoke-current": revokeCurrent,
	} {
		n := 1
		if name == "restore" {
			n = 2
		}
		_, _, err := w.byHand(idlePolicy, do, idleToken(n).ID)
		var failed *audit.HandError
		require.ErrorAs(t, err, &failed, name)
		require.Equal(t, audit.Locked, failed.Code, "%s: %v", name, err)
		require.Len(t, w.changes(), before, name)
	}
}

func TestNothingIsChangedByAStateOnFUSEThatIsNotAlone(t *testing.T) {
	audit.OnFileSystem(t, ledger.FileSystem{Name: "FUSE", Reach: ledger.Nobody})
	w := newWorld(t, idleToken(1))
	r := w.enforce(rule("{revoke: 0d}"))
	require.Equal(t, audit.NoLedger, r.Code)
	require.ErrorContains(t, r.Err, "--state-alone")
	for _, do := range []verb{audit.Hand.Revoke, audit.Hand.Quarantine, audit.Hand.Restore, revokeCurrent} {
		_, _, err := w.byHand(rule("{revoke: 0d}"), do, idleToken(1).ID)
		var failed *audit.HandError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, audit.NoLedger, failed.Code)
	}
	require.Empty(t, w.changes())
	require.Contains(t, strings.Join(w.dry(rule("{revoke: 0d}")).Notes, "\n"), "is on FUSE")
	for enforce, status := range map[bool]audit.Status{false: audit.Warning, true: audit.Failure} {
		c := audit.CheckState(audit.StateCheck{Store: ledger.InDirectory(w.state), Enforce: enforce,
			Now: func() time.Time {
				return w.clock
			}})[0]
		require.Equal(t, status, c.Status, "%+v", c)
	}

	l := w.open()
	defer func() { require.NoError(t, l.Close()) }()
	o := w.options(rule("{revoke: 0d}"), l)
	o.StateAlone, o.Enforce = true, &audit.Enforcement{Org: w.client, Announce: func(context.Context, *audit.Report) (
		string, error) {
		return "test", nil
	}}
	r = audit.Run(t.Context(), o)
	require.NoError(t, r.Err)
	require.Equal(t, 1, r.Count(audit.Revoked))
	require.NotContains(t, strings.Join(r.Notes, "\n"), "FUSE")
	require.Equal(t, audit.Good, audit.CheckState(audit.StateCheck{Store: ledger.InDirectory(w.state), Enforce: true,
		Alone: true,
		Now:   func() time.Time { return w.clock }})[1].Status)
}

func TestAStateOnNFSIsWarnedOf(t *testing.T) {
	audit.OnFileSystem(t, ledger.FileSystem{Name: "NFS", Reach: ledger.Servers})
	w := newWorld(t, idleToken(1))
	r := w.enforce(rule("{revoke: 0d}"))
	require.NoError(t, r.Err)
	require.Equal(t, 1, r.Count(audit.Revoked))
	require.Contains(t, strings.Join(r.Notes, "\n"), "is on NFS")
	c := audit.CheckState(audit.StateCheck{Store: ledger.InDirectory(w.state), Enforce: true, Now: func() time.Time {
		return w.clock
	}})[0]
	require.Equal(t, audit.Warning, c.Status)
	require.Contains(t, c.Detail, "is on NFS")
}
