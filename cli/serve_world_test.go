package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// never is a schedule that fires in no test.
const never = "schedule: {cron: \"0 0 29 2 *\"}\n"

// service is the program while it serves an org.
type service struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	lines  chan logLine
	seen   []logLine
}

// logLine is a line on standard error.
type logLine map[string]any

// startService starts the program and waits until it answers HTTP.
func startService(t *testing.T, org *oktatest.Server, policy, state string, env []string, args ...string) *service {
	t.Helper()
	return startServiceOf(t, "tokensweep", org, policy, state, env, args...)
}

func startServiceOf(t *testing.T, program string, org *oktatest.Server, policy, state string, env []string,
	args ...string) *service {
	t.Helper()
	s := &service{t: t, lines: make(chan logLine, 10_000)}
	s.cmd = exec.Command(program, append([]string{"serve", "--policy", policy, "--state", state, "--listen",
		"127.0.0.1:0", "--log-format", "json", "--output", "json"}, args...)...)
	s.cmd.Env = slices.Concat(env, []string{"OKTA_CLIENT_ORGURL=" + org.URL(), "OKTA_CLIENT_TOKEN=" + canary})
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	s.stdout = bufio.NewReader(stdout)
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	kill := func() { _ = s.cmd.Process.Kill() }
	patience := time.AfterFunc(2*time.Minute, kill) // whatever is waited for then comes to an end
	t.Cleanup(func() {
		patience.Stop()
		kill()
	})
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			line := logLine{}
			if json.Unmarshal(scanner.Bytes(), &line) != nil {
				line["text"] = scanner.Text()
			}
			s.lines <- line
		}
	}()
	s.url = fmt.Sprint("http://", s.await("serving")["listen"])
	return s
}

// await waits for the next line with the message msg.
func (s *service) await(msg string) logLine {
	s.t.Helper()
	for line := range s.lines {
		s.seen = append(s.seen, line)
		if line["msg"] == msg {
			return line
		}
	}
	require.Fail(s.t, "it never logged "+msg, "%v", s.seen)
	return nil
}

// report reads the next report.
func (s *service) report() (r killReport) {
	s.t.Helper()
	var raw []byte
	for {
		line, err := s.stdout.ReadBytes('\n')
		require.NoError(s.t, err, "%s", raw)
		if raw = append(raw, line...); string(line) == "}\n" {
			require.NoError(s.t, json.Unmarshal(raw, &r))
			return r
		}
	}
}

func (s *service) signal(sig os.Signal) { require.NoError(s.t, s.cmd.Process.Signal(sig)) }

// now asks for a run, waits for its end, and returns its report.
func (s *service) now() killReport {
	s.t.Helper()
	s.signal(syscall.SIGUSR1)
	r := s.report()
	s.await("idle")
	return r
}

// end waits for the end and returns the exit code, what was left on standard output, and all that was logged.
func (s *service) end() (code int, rest string) {
	s.t.Helper()
	raw, err := io.ReadAll(s.stdout)
	require.NoError(s.t, err)
	for line := range s.lines {
		s.seen = append(s.seen, line)
	}
	_ = s.cmd.Wait() // the code says it
	return s.cmd.ProcessState.ExitCode(), string(raw)
}

// logged are the lines with the message msg.
func (s *service) logged(msg string) (lines []logLine) {
	for _, l := range s.seen {
		if l["msg"] == msg {
			lines = append(lines, l)
		}
	}
	return lines
}

// get asks over HTTP.
func (s *service) get(path string) (status int, body string) {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(raw)
}

// metrics are the series that /metrics shows, in whole numbers, without the label org.
func (s *service) metrics() map[string]int {
	s.t.Helper()
	status, body := s.get("/metrics")
	require.Equal(s.t, http.StatusOK, status, body)
	return exposed(s.t, body)
}

func exposed(t *testing.T, exposition string) map[string]int {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(exposition)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(exposition))
	require.NoError(t, err)
	series := make(map[string]int)
	for name, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetName() == "org" {
					require.Regexp(t, `^127\.0\.0\.1:`, l.GetValue())
					continue
				}
				if l.GetName() == "policy" {
					require.NotEmpty(t, l.GetValue())
					continue
				}
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			series[strings.Join(append([]string{name}, labels...), " ")] = int(m.GetGauge().GetValue() +
				m.GetCounter().GetValue())
		}
	}
	return series
}

func (w *killWorld) serve(args ...string) *service {
	w.t.Helper()
	return startService(w.t, w.org, w.policy, w.state, nil, args...)
}

func newServeWorld(t *testing.T) *killWorld {
	t.Helper()
	w := newKillWorld(t)
	require.NoError(t, os.WriteFile(w.policy, []byte(killPolicy+never), 0o600))
	return w
}

// become replaces the policy at once, as editors and Kubernetes do: the service may read it at any moment.
func (w *killWorld) become(policy []byte) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(w.policy+".new", policy, 0o600))
	require.NoError(w.t, os.Rename(w.policy+".new", w.policy))
}
