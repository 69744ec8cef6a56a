package audit_test

import (
	"context"
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
