package metrics_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify/metrics"
	"tokensweep/notify/notifytest"
)

func TestAFileIsPutInPlaceForEverybodyToRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tokensweep.prom")
	require.NoError(t, os.WriteFile(file, []byte("something older"), 0o600))
	require.NoError(t, busy().WriteFile(file))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, series(t, busy()), values(t, raw))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left behind")

	require.ErrorContains(t, busy().WriteFile(filepath.Join(dir, "no", "such", "dir")), "writing the metrics: ")
}

func TestMetricsArePushedAsThoseOfTheOrg(t *testing.T) {
	pushed := make(map[string]int)
	var got *http.Request
	answer := http.StatusOK
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ := io.ReadAll(r.Body)
		pushed = values(t, body)
		if answer == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(answer)
		_, _ = io.WriteString(w, strings.Repeat("said\x1b[31m the gateway ", 1000))
	}))
	defer gateway.Close()
	to, err := metrics.ParsePushgateway(gateway.URL + "/base/")
	require.NoError(t, err)

	require.NoError(t, busy().Push(t.Context(), to))
	require.Equal(t, series(t, busy()), pushed)
	require.Equal(t, "PUT", got.Method, "no finding of an earlier run stays")
	require.Contains(t, []string{"/base/metrics/job/tokensweep/instance/acme.okta.com/policy/strict",
		"/base/metrics/job/tokensweep/policy/strict/instance/acme.okta.com"}, got.URL.Path, "the order is no matter")
	failed := busy()
	failed.Ended(notifytest.Now, notifytest.Now.Add(time.Second), audit.Incomplete)
	require.NoError(t, failed.Push(t.Context(), to))
	require.Equal(t, "POST", got.Method, "what is known of an earlier run stays")

	for _, answer = range []int{http.StatusBadRequest, http.StatusInternalServerError, http.StatusFound} {
		err := busy().Push(t.Context(), to)
		require.ErrorContains(t, err, fmt.Sprint("pushing the metrics: unexpected status code ", answer))
		require.Less(t, len(err.Error()), 1000)
		require.NotContains(t, err.Error(), "\x1b")
	}
	gateway.Close()
	require.ErrorContains(t, busy().Push(t.Context(), to), "pushing the metrics: ")
}

func TestTheURLOfAPushgatewayIsCheckedFirst(t *testing.T) {
	for _, good := range []string{"http://pushgateway:9091", "https://push.example/prometheus/"} {
		to, err := metrics.ParsePushgateway(good)
		require.NoError(t, err)
		require.Equal(t, good, to.String())
	}
	for _, bad := range []string{"", "pushgateway:9091", "ftp://x", "http://", "http://me:secret@x", "http://x?a=b",
		"http://x#y", "http://x:y:z"} {
		_, err := metrics.ParsePushgateway(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "secret")
	}
}

// A group without an org would be touched by no later run.
func TestNothingIsPushedWhileTheOrgIsUnknown(t *testing.T) {
	asked := 0
	gateway := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer gateway.Close()
	to, err := metrics.ParsePushgateway(gateway.URL)
	require.NoError(t, err)
	for _, code := range []audit.ExitCode{audit.Usage, audit.OK} {
		m := metrics.NewRun(metrics.Source{Policy: "strict"}, "v1.2.3", "r1")
		m.Ended(notifytest.Now, notifytest.Now.Add(time.Second), code)
		require.NoError(t, m.Push(t.Context(), to))
	}
	require.Zero(t, asked)
}
