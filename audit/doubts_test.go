package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// A run that has failed says why in Report.Err, whatever else went wrong in it: those who render a report rely on that.
func TestARunThatCanNeitherSettleNorListSaysWhy(t *testing.T) {
	one := "/api/v1/api-tokens/" + oktatest.TokenID(1)
	for _, row := range []struct {
		name  string
		fault func(w *world, cancel func())
		says  string
	}{
		{"the org fails", func(w *world, _ func()) {
			w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: one, Status: 500})
			w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: "/api/v1/api-tokens", Status: 500})
		}, "500"},
		{"a signal comes while it settles", func(w *world, cancel func()) {
			w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: one, Then: cancel, Delay: 50 * time.Millisecond})
		}, "canceled"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, idleToken(1))
			w.org.Fault(oktatest.Fault{Method: http.MethodDelete, Times: 1, Hangup: true})
			require.Equal(t, audit.ActionFailed, w.enforce(nowPolicy).Code)
			w.org.ClearFaults()

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			row.fault(w, cancel)
			w.connect()
			l := w.open()
			r := w.enforceOn(ctx, nowPolicy, "", l)
			require.NoError(t, l.Close())
			require.False(t, r.Complete)
			require.Equal(t, audit.ActionFailed, r.Code)
			require.ErrorContains(t, r.Err, row.says)
			require.Contains(t, strings.Join(r.Notes, "\n"), "is still not known")
		})
	}
}

func TestATimeThatNobodyCouldWriteDownIsUnknownAndKeepsNothingElseFromBeingDone(t *testing.T) {
	for _, end := range []string{"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00", "0000-01-02T00:00:00Z"} {
		raw := fmt.Sprintf(
			`{"id":%q,"name":"odd","clientName":"Okta API","created":"2025-01-01T00:00:00.000Z","expiresAt":%q}`,
			oktatest.TokenID(77), end)
		w := newWorld(t, idleToken(1), oktatest.Token{ID: oktatest.TokenID(77), Name: "odd", Raw: json.RawMessage(raw)})
		r := w.enforce(nowPolicy)
		require.NoError(t, r.Err, end)
		require.Equal(t, []string{"DELETE " + oktatest.TokenID(1)}, w.changes(), end)
		require.Equal(t, 1, r.Count(audit.Unknown), end)
		_, err := json.Marshal(known(r.Findings[1].Token.LastUsed()))
		require.NoError(t, err)
	}
}

// An id that is no token's, as far as is known, is one of which no request can be made.
func TestATokenWithAnOddIDIsLeftAloneAndKeepsNothingElseFromBeingDone(t *testing.T) {
	raw := fmt.Sprintf(
		`{"id":"00Toddodd","name":"odd","clientName":"Okta API","created":"2025-01-01T00:00:00.000Z","expiresAt":%q}`,
		now.Add(day).Format(time.RFC3339))
	w := newWorld(t, idleToken(1), idleToken(2), oktatest.Token{ID: oktatest.TokenID(77), Name: "odd",
		Raw: json.RawMessage(raw)})
	r := w.enforce(nowPolicy)
	require.Equal(t, audit.OK, r.Code, "%v", r.Err)
	require.Len(t, w.changes(), 2)
	require.Equal(t, 1, r.Count(audit.Protected))
	for _, f := range r.Findings {
		if f.Outcome == audit.Protected {
			require.Contains(t, f.Reason, "its id is not that of an API token")
		}
	}
}

func TestASignalWhileTheAnnouncementIsDeliveredIsNoFailedDelivery(t *testing.T) {
	w := newWorld(t, idleToken(1))
	ctx, cancel := context.WithCancel(t.Context())
	w.atAnnounce, w.announceErr = cancel, context.Canceled
	l := w.open()
	r := w.enforceOn(ctx, nowPolicy, "", l)
	require.NoError(t, l.Close())
	require.Equal(t, audit.Halted, r.Code)
	require.ErrorIs(t, r.Err, audit.ErrInterrupted)
	require.Equal(t, audit.Held, only(t, r).Outcome)
	require.Empty(t, w.changes())
}
