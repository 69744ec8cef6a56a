package cli_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit/ledger"
	"tokensweep/notify/slacktest"
	"tokensweep/okta/oktatest"
)

const webhookCanary = "canary-webhook-SECRET"

// webhookReceiver takes what is signed.
type webhookReceiver struct {
	*httptest.Server
	t       *testing.T
	revoked func() int // by the org so far

	mu      sync.Mutex
	status  int               // of the answers; 0 for 204
	bodies  map[string][]byte // of what was accepted, by delivery
	got     []string          // the events of that, in order
	deleted []int             // how much was revoked when each was accepted
	refused int
}

func newWebhookReceiver(t *testing.T, revoked func() int) *webhookReceiver {
	w := &webhookReceiver{t: t, revoked: revoked, bodies: make(map[string][]byte)}
	w.Server = httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(w.Close)
	return w
}

// webhookWorld is a slackWorld with a receiver of the webhook.
type webhookWorld struct {
	slackWorld
	*webhookReceiver
}

// newWebhookWorld has a policy that wants nothing in Slack.
func newWebhookWorld(t *testing.T) *webhookWorld {
	t.Helper()
	w := &webhookWorld{slackWorld: newSlackWorld(t)}
	w.webhookReceiver = newWebhookReceiver(t, w.slackWorld.deleted)
	w.policy = policyFile(t, "mode: enforce\nlimits: {perRun: 1, perDay: 1, stopAbove: {count: 10, percent: 90}}\n"+
		"rules: [{id: dead, when: {id: "+oktatest.TokenID(1)+"}, then: {revoke: 0d}}]\n")
	return w
}

// receive takes what is signed. What it knows already it takes again, if it is the same.
func (w *webhookReceiver) receive(out http.ResponseWriter, r *http.Request) {
	deleted := w.revoked()
	w.mu.Lock()
	defer w.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("X-Tokensweep-Delivery")
	mac := hmac.New(sha256.New, []byte(webhookCanary))
	_, _ = mac.Write([]byte(r.Header.Get("X-Tokensweep-Timestamp") + "." + id + "."))
	_, _ = mac.Write(body)
	var news struct{ Event string }
	switch {
	case r.Method != http.MethodPost:
		out.WriteHeader(http.StatusMethodNotAllowed)
	case w.status != 0:
		out.WriteHeader(w.status)
	case r.Header.Get("X-Tokensweep-Signature") != "v1="+hex.EncodeToString(mac.Sum(nil)),
		json.Unmarshal(body, &news) != nil:
		w.refused++
		out.WriteHeader(http.StatusUnauthorized)
	case w.bodies[id] != nil:
		if !bytes.Equal(w.bodies[id], body) {
			w.refused++
		}
		out.WriteHeader(http.StatusNoContent)
	default:
		w.bodies[id] = body
		w.got, w.deleted = append(w.got, news.Event), append(w.deleted, deleted)
		out.WriteHeader(http.StatusNoContent)
	}
}

// accepted is what was accepted so far, and how much was revoked at that time.
func (w *webhookReceiver) accepted() (events []string, deleted []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Zero(w.t, w.refused)
	return slices.Clone(w.got), slices.Clone(w.deleted)
}

// answer changes what the receiver answers.
func (w *webhookReceiver) answer(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// settings are the environment of a program that is to use it.
func (w *webhookReceiver) settings() []string {
	return []string{"TOKENSWEEP_WEBHOOK_URL=" + w.URL + "/canary-path", "TOKENSWEEP_WEBHOOK_SECRET=" + webhookCanary}
}

// run runs the program with the webhook, and fails if it repeats a secret.
func (w *webhookWorld) run(env []string, args ...string) (*process, int) {
	t := w.slackWorld.t
	t.Helper()
	env = slices.Concat(env, w.settings())
	p, code := w.runWith(env, args...)
	require.NotContains(t, p.stdout.String()+p.stderr.String(), "canary")
	return p, code
}

// noticedVia is how the notices of the ledger went.
func (w *webhookWorld) noticedVia() (via []string) {
	t := w.slackWorld.t
	t.Helper()
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error {
		if r.Kind == ledger.Noticed {
			via = append(via, r.Via)
		}
		return nil
	})
	require.NoError(t, err)
	return via
}

func TestWithoutSlackTheWebhookDecides(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	w.answer(http.StatusNotFound)
	p, code := w.run(nil, "--enforce")
	require.Equal(t, 27, code, p.stderr.String())
	require.Contains(t, p.stdout.String(), "the receiver answered 404")
	require.Zero(t, w.revoked(), "nothing is revoked that it did not accept")
	require.Empty(t, w.noticedVia())

	w.answer(0)
	p, code = w.run(nil, "--enforce")
	require.Zero(t, code, p.stderr.String())
	events, deleted := w.accepted()
	require.Equal(t, []string{"announcement", "report", "report"}, events, "the last is that of the run before")
	require.Equal(t, []int{0, 1, 1}, deleted)
	require.Equal(t, []string{"webhook"}, w.noticedVia())
	require.Empty(t, w.workspace.Requests())
}

func TestWithSlackThatDecidesAlone(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	w.policy = newSlackWorld(t).policy // wants its notices in Slack
	slack := []string{"SLACK_BOT_TOKEN=" + slackCanary}
	w.answer(http.StatusNotFound)
	p, code := w.run(slack, "--enforce")
	require.Equal(t, 27, code, p.stderr.String())
	require.Equal(t, 1, w.revoked(), "the notice was delivered")
	require.Contains(t, w.noticedVia()[0], "slack C0SECURITY")
	require.Empty(t, w.workspace.Complaints())

	w.answer(0)
	p, code = w.run(slack)
	require.Zero(t, code, p.stderr.String())
	events, _ := w.accepted()
	require.Equal(t, []string{"report", "report"}, events)

	w.workspace.Fault(slacktest.Fault{Error: "is_archived"})
	p, code = w.run(slack)
	require.Zero(t, code, "nothing is new for Slack: %s", p.stderr.String())
	events, _ = w.accepted()
	require.Len(t, events, 3, "the webhook gets the report of each run")
}

func TestTheWebhooksSettings(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(webhookCanary+"\n"), 0o600))
	for name, row := range map[string]struct {
		env  []string
		code int
		says string
	}{
		"a URL without a secret": {[]string{"TOKENSWEEP_WEBHOOK_URL=" + w.URL}, 64, "TOKENSWEEP_WEBHOOK_SECRET is not"},
		"plain http": {
			[]string{"TOKENSWEEP_WEBHOOK_URL=http://canary.example", "TOKENSWEEP_WEBHOOK_SECRET=x"}, 64, "want https",
		},
		"both forms": {
			[]string{"TOKENSWEEP_WEBHOOK_SECRET=x", "TOKENSWEEP_WEBHOOK_SECRET_FILE=" + file}, 64,
			"TOKENSWEEP_WEBHOOK_SECRET and TOKENSWEEP_WEBHOOK_SECRET_FILE are both set",
		},
		"a secret in a file": {
			[]string{"TOKENSWEEP_WEBHOOK_URL=" + w.URL, "TOKENSWEEP_WEBHOOK_SECRET_FILE=" + file}, 0, "",
		},
		"neither": {nil, 0, ""},
	} {
		for _, args := range [][]string{nil, {"--enforce"}} {
			if row.code == 0 && args != nil {
				continue
			}
			asked := len(w.org.Requests())
			p, code := w.runWith(row.env, args...)
			require.Equal(t, row.code, code, "%s: %s", name, p.stderr.String())
			require.Contains(t, p.stderr.String(), row.says, name)
			require.NotContains(t, p.stdout.String()+p.stderr.String(), "canary", name)
			if row.code != 0 {
				require.Len(t, w.org.Requests(), asked, name)
			}
		}
	}
	events, _ := w.accepted()
	require.Equal(t, []string{"report"}, events, "the secret in the file is the right one")
}

func TestARunAsOfAnotherTimePostsNothingToTheWebhook(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	_, code := w.run(nil, "--as-of", "2030-01-01")
	require.Zero(t, code)
	events, _ := w.accepted()
	require.Empty(t, events)
}

func TestDoctorSaysWhetherTheWebhookCanBeReached(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	doctor := func(env ...string) (string, int) {
		p := &process{cmd: exec.Command("tokensweep", "doctor", "--policy", w.policy), done: make(chan struct{})}
		p.cmd.Env = slices.Concat(env, []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary})
		p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
		p.err = p.cmd.Run()
		close(p.done)
		require.NotContains(t, p.stdout.String()+p.stderr.String(), "canary")
		return p.stdout.String() + p.stderr.String(), p.code()
	}
	set := w.settings()
	out, code := doctor(set...)
	require.Zero(t, code, out)
	require.Contains(t, out, "it can be reached (it answers 405 to HEAD); nothing was delivered")
	events, _ := w.accepted()
	require.Empty(t, events)
	out, code = doctor(set[0])
	require.Equal(t, 64, code, out)
	out, code = doctor()
	require.Zero(t, code, out)
	require.Contains(t, out, "TOKENSWEEP_WEBHOOK_URL is not set")
	w.Close()
	out, code = doctor(set...)
	require.Equal(t, 27, code, out)
	require.Contains(t, out, "it can't be reached")
}

func TestAServedRunIsReportedToTheWebhookAndCounted(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	w.policy = policyFile(t, never+"rules: [{id: dead, when: {id: "+oktatest.TokenID(1)+"}, then: flag}]\n")
	s := startService(t, w.org, w.policy, w.state, w.settings())
	s.now()
	events, _ := w.accepted()
	require.Equal(t, []string{"report"}, events)
	require.Equal(t, 1, s.metrics()["tokensweep_webhook_deliveries_total message=report result=ok"])
	w.answer(http.StatusNotFound)
	s.now()
	require.Equal(t, 1, s.metrics()["tokensweep_webhook_deliveries_total message=report result=failed"])
	w.answer(0)
	s.now()
	events, _ = w.accepted()
	require.Equal(t, []string{"report", "report", "report"}, events, "what was not delivered, too")
}

func TestServeRefusesAWebhookWithoutASecret(t *testing.T) {
	t.Parallel()
	w := newWebhookWorld(t)
	w.policy = policyFile(t, never+"rules: [{id: dead, when: {id: "+oktatest.TokenID(1)+"}, then: flag}]\n")
	p := &process{
		cmd: exec.Command("tokensweep", "serve", "--policy", w.policy, "--state", w.state), done: make(chan struct{}),
	}
	p.cmd.Env = []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary, w.settings()[0]}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.err = p.cmd.Run()
	close(p.done)
	require.Equal(t, 64, p.code(), p.stderr.String())
	require.Contains(t, p.stderr.String(), "TOKENSWEEP_WEBHOOK_SECRET is not")
	require.NotContains(t, p.stderr.String(), "canary")
}
