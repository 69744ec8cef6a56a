package cli_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// nobody is an address at which nobody listens.
const nobody = "http://127.0.0.1:1"

// stayOnTheLoopback sends each request of this process that would leave the machine to a proxy that isn't there: tests
// put addresses into places where they don't belong, and the program may well try them. net/http looks at the
// environment once, so that processes which tests start have their own.
func stayOnTheLoopback() error {
	if !strings.HasSuffix(strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), ".test") {
		return nil // it is the program, in a process of its own
	}
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"} {
		was, set := os.LookupEnv(name)
		value := nobody
		if strings.EqualFold(name, "NO_PROXY") {
			value = ""
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		defer func() {
			if set {
				_ = os.Setenv(name, was)
			} else {
				_ = os.Unsetenv(name)
			}
		}()
	}
	req, err := http.NewRequest(http.MethodGet, "https://hooks.slack.com", nil)
	if err != nil {
		return err
	}
	if to, err := http.ProxyFromEnvironment(req); err != nil || to.String() != nobody {
		return errors.New("something has looked at the proxy before: tests would leave the machine")
	}
	return nil
}

func TestNoTestLeavesTheLoopback(t *testing.T) {
	for _, url := range []string{"https://hooks.slack.com/services/x", "http://pushgateway.example:9091"} {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close()
		}
		require.ErrorIs(t, err, syscall.ECONNREFUSED, url)
		require.ErrorContains(t, err, "127.0.0.1:1", url)
	}
	require.Empty(t, os.Getenv("HTTPS_PROXY")+os.Getenv("https_proxy"), "what tests start has its own")
}
