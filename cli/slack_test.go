package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/notify/slacktest"
	"tokensweep/okta/oktatest"
)

const (
	slackCanary  = "xoxb-canaryCANARYcanary"
	slackSection = "notify: {slack: {channel: C0SECURITY, mention: [S0SECOPS1]}}\n"
)

// slackWorld is an org, a workspace, and a policy that ends one token of the org now.
type slackWorld struct {
	*killWorld
	workspace *slacktest.Server
}

func newSlackWorld(t *testing.T) slackWorld {
	w := slackWorld{newKillWorld(t), slacktest.Start(slacktest.Config{
		Scopes: manifestScopes(t), Rules: slacktest.Rules{AllowedMentions: []string{"S0SECOPS1", "C0SECURITY"}},
		BotToken: slackCanary, Users: []slacktest.User{{ID: "U0OWNER001", Email: "admin@acme.example", Name: "owner"}},
		Channels: []slacktest.Channel{{ID: "C0SECURITY", Name: "security", Member: true}},
	})}
	t.Cleanup(w.workspace.Close)
	w.policy = policyFile(t, "mode: enforce\nlimits: {perRun: 1, perDay: 1, stopAbove: {count: 10, percent: 90}}\n"+
		"rules: [{id: dead, when: {id: "+oktatest.TokenID(1)+"}, then: {revoke: 0d}}]\n"+slackSection)
	return w
}

// manifestScopes are what the shipped app may do.
func manifestScopes(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../deploy/slack-app.yaml")
	require.NoError(t, err)
	var manifest struct {
		OAuth struct {
			Scopes struct{ Bot []string }
		} `yaml:"oauth_config"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &manifest))
	require.NotEmpty(t, manifest.OAuth.Scopes.Bot)
	return manifest.OAuth.Scopes.Bot
}

// run runs the program to its end, with a token of Slack's unless that is "".
func (w slackWorld) run(token string, args ...string) (*process, int) {
	w.t.Helper()
	if token == "" {
		return w.runWith(nil, args...)
	}
	return w.runWith([]string{"SLACK_BOT_TOKEN=" + token}, args...)
}

func (w slackWorld) runWith(env []string, args ...string) (*process, int) {
	w.t.Helper()
	p := w.begin(env, args...)
	code := p.code()
	require.NotContains(w.t, p.stdout.String()+p.stderr.String(), slackCanary)
	require.NotContains(w.t, p.stdout.String()+p.stderr.String(), w.workspace.WebhookURL())
	return p, code
}

// begin starts the program.
func (w slackWorld) begin(env []string, args ...string) *process {
	w.t.Helper()
	p := &process{cmd: exec.Command("tokensweep", append([]string{"run", "--policy", w.policy, "--state", w.state},
		args...)...), done: make(chan struct{})}
	p.cmd.Env = slices.Concat(env, []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary,
		"SLACK_API_URL=" + w.workspace.URL()})
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	require.NoError(w.t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p
}

// deleted counts the revocations that the org was asked for.
func (w slackWorld) deleted() (n int) {
	for _, r := range w.org.Requests() {
		if r.Method == http.MethodDelete {
			n++
		}
	}
	return n
}

func TestADryRunIsPostedOnceAndAgainOnlyOnChanges(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	p, code := w.run(slackCanary)
	require.Zero(t, code, p.stderr.String())
	posted := len(w.workspace.Messages("C0SECURITY"))
	require.NotZero(t, posted)
	first := w.workspace.Messages("C0SECURITY")[0]
	require.Contains(t, first.Text, "Nothing was changed")
	require.Contains(t, string(first.Blocks), "tokensweep run --policy "+w.policy+" --state "+w.state+
		" --enforce --plan sha256:")
	p, code = w.run(slackCanary)
	require.Zero(t, code, p.stderr.String())
	require.Len(t, w.workspace.Messages("C0SECURITY"), posted, "nothing is new")
	require.Empty(t, w.workspace.Complaints())
}

func TestWhatIsRevokedIsAnnouncedInSlackBefore(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	atPost, atRewrite := -1, -1 // what the org had seen by then
	w.workspace.Fault(slacktest.Fault{Method: "chat.postMessage", Times: 1, Then: func() { atPost = w.deleted() }})
	w.workspace.Fault(slacktest.Fault{Method: "chat.update", Times: 1, Then: func() { atRewrite = w.deleted() }})
	p, code := w.run(slackCanary, "--enforce")
	require.Zero(t, code, p.stderr.String())
	require.Equal(t, []int{0, 1, 1}, []int{atPost, atRewrite, w.deleted()})
	require.Contains(t, p.stdout.String(), "revoked")
	require.NotEmpty(t, w.workspace.Messages("C0SECURITY"))
	require.Empty(t, w.workspace.Complaints())
}

func TestAnEnforcingRunThatHasNothingToDoOrToTellPostsNothing(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	for range 2 { // it revokes, and tells that the finding is resolved
		p, code := w.run(slackCanary, "--enforce")
		require.Zero(t, code, p.stderr.String())
	}
	asked := len(w.workspace.Requests())
	p, code := w.run(slackCanary, "--enforce")
	require.Zero(t, code, p.stderr.String())
	require.Contains(t, p.stdout.String(), "Nothing will be changed.")
	require.Len(t, w.workspace.Requests(), asked)
}

func TestAWebhookWillDo(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	env := []string{"SLACK_WEBHOOK_URL=" + w.workspace.WebhookURL()}
	p, code := w.runWith(env, "--enforce")
	require.Zero(t, code, p.stderr.String())
	require.Equal(t, 1, w.deleted())
	require.Len(t, w.workspace.Messages("C0SECURITY"), 2, "before and after")
	require.Empty(t, w.workspace.Complaints())
}

func TestTheWebhookIsInNoError(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	w.workspace.Fault(slacktest.Fault{Method: slacktest.Webhook, Hangup: true})
	p, code := w.runWith([]string{"SLACK_WEBHOOK_URL=" + w.workspace.WebhookURL()}, "--enforce")
	require.Equal(t, 27, code, p.stderr.String())
	require.NotContains(t, p.stderr.String(), "/services/")
	require.Zero(t, w.deleted())
}

func TestNothingIsRevokedThatSlackDidNotAccept(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]slacktest.Fault{
		"not in the channel": {Method: "chat.postMessage", Error: "not_in_channel"},
		"Slack is not there": {Method: "chat.postMessage", Hangup: true},
		"a reply is refused": {Method: "chat.postMessage", Skip: 1, Error: "is_archived"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSlackWorld(t)
			w.workspace.Fault(fault)
			p, code := w.run(slackCanary, "--enforce")
			require.Equal(t, 27, code, p.stderr.String())
			require.Zero(t, w.deleted())
		})
	}
}

func TestAnAnnouncementWhoseAnswerIsLostIsFoundAndNotRepeated(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	w.workspace.Fault(slacktest.Fault{Method: "chat.postMessage", HangupAfter: true}) // none of them is ever answered
	p, code := w.run(slackCanary, "--enforce")
	require.Zero(t, code, p.stderr.String())
	require.Equal(t, 1, w.deleted())
	var parts []string
	for _, m := range w.workspace.Messages("C0SECURITY") {
		if m.Metadata != nil {
			parts = append(parts, string(m.Metadata))
		}
	}
	require.NotEmpty(t, parts)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(parts))), len(parts), "no part is there twice")
}

func TestARunThatIsKilledBetweenPostAndActionIsToldOfByTheNext(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault oktatest.Fault
		says  string
	}{
		"before its first change": {oktatest.Fault{Path: "/api/v1/api-tokens/" + oktatest.TokenID(1)},
			"INTERRUPTED, 0 changes done"},
		"in the middle of it": {oktatest.Fault{Method: http.MethodDelete, Hangup: true},
			"INTERRUPTED, 0 changes done"},
		"after it, before it knew what came of it": {oktatest.Fault{Method: http.MethodDelete, HangupAfter: true},
			"INTERRUPTED, 1 change done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSlackWorld(t)
			var first *process
			row.fault.Then, row.fault.Times = func() { _ = first.cmd.Process.Kill() }, 1
			w.org.Fault(row.fault)
			ready := make(chan struct{})
			w.workspace.Fault(slacktest.Fault{Method: "chat.postMessage", Times: 1, Then: func() { <-ready }})
			first = w.begin([]string{"SLACK_BOT_TOKEN=" + slackCanary}, "--enforce")
			close(ready) // first is set before anything reads it
			<-first.done
			require.Error(t, first.err)
			require.Contains(t, w.workspace.Messages("C0SECURITY")[0].Text, "is about to revoke 1 token")

			p, code := w.run(slackCanary, "--enforce")
			require.Zero(t, code, p.stderr.String())
			message := w.workspace.Messages("C0SECURITY")[0]
			require.Contains(t, string(message.Blocks), row.says)
			require.Len(t, message.Versions, 2)
			require.Empty(t, w.workspace.Complaints())
		})
	}
}

func TestAnOwnerIsToldOfTheirOwnToken(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	w.policy = policyFile(t, "mode: enforce\nlimits: {perRun: 1, perDay: 1, stopAbove: {count: 10, percent: 90}}\n"+
		"rules: [{id: dead, when: {id: "+oktatest.TokenID(1)+
		"}, then: {revoke: 0d}}]\nnotify: {slack: {channel: C0SECURITY, owners: true}}\n")
	w.org.SetUser(oktatest.User{ID: oktatest.UserID(1), Login: "admin@acme.example"})
	p, code := w.run(slackCanary, "--enforce")
	require.Zero(t, code, p.stderr.String())
	dms := w.workspace.DMs()
	require.Len(t, dms, 1)
	require.Len(t, dms[0].Messages, 1)
	require.Contains(t, string(dms[0].Messages[0].Blocks), "revoked")
	require.Empty(t, w.workspace.Complaints())
}

func TestARunAsOfAnotherTimePostsNothing(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	_, code := w.run(slackCanary, "--as-of", "2030-01-01")
	require.Zero(t, code)
	require.Empty(t, w.workspace.Requests())
}

func TestAReportThatSlackDoesNotTakeIsAnExitCodeAndOnStandardOutput(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	w.workspace.Fault(slacktest.Fault{Method: "files.completeUploadExternal", Error: "invalid_arguments"})
	p, code := w.run(slackCanary)
	require.Equal(t, 27, code, p.stderr.String())
	require.Contains(t, p.stderr.String(), "invalid_arguments")
	require.Contains(t, p.stdout.String(), "would-revoke")
	require.Empty(t, complete(w.workspace))

	w.workspace.ClearFaults()
	p, code = w.run(slackCanary)
	require.Zero(t, code, p.stderr.String())
	require.Equal(t, []string{"findings.csv", "report.json"}, complete(w.workspace), "the next run brings them")
}

// complete are the names of the files that were shared.
func complete(w *slacktest.Server) (names []string) {
	for _, f := range w.Files() {
		if f.Complete {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestAPolicyWithSlackAndNoTokenForIt(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	p, code := w.run("", "--enforce")
	require.Equal(t, 64, code, p.stderr.String())
	require.Contains(t, p.stderr.String(), "SLACK_BOT_TOKEN")
	require.Empty(t, w.org.Requests())
	p, code = w.run("")
	require.Zero(t, code, "a dry run does without")
	require.Contains(t, p.stderr.String(), "nothing is posted")
	require.Empty(t, w.workspace.Requests())
}

func TestDoctorTriesSlackAndLeavesNothingThere(t *testing.T) {
	t.Parallel()
	w := newSlackWorld(t)
	doctor := func(env ...string) (string, int) {
		p := &process{cmd: exec.Command("tokensweep", "doctor", "--policy", w.policy, "--state", w.state),
			done: make(chan struct{})}
		p.cmd.Env = slices.Concat(env, []string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary,
			"SLACK_API_URL=" + w.workspace.URL()})
		p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
		p.err = p.cmd.Run()
		close(p.done)
		require.NotContains(t, p.stdout.String()+p.stderr.String(), slackCanary)
		return p.stdout.String() + p.stderr.String(), p.code()
	}
	out, code := doctor("SLACK_BOT_TOKEN=" + slackCanary)
	require.Zero(t, code, out)
	for _, want := range []string{"the app @tokensweep of the workspace acme", "all that is used",
		"the app is in C0SECURITY", "posted to C0SECURITY, and deleted again"} {
		require.Contains(t, out, want)
	}
	require.True(t, w.workspace.Messages("C0SECURITY")[0].Deleted)

	w.workspace.Fault(slacktest.Fault{Method: "chat.postMessage", Error: "not_in_channel"})
	out, code = doctor("SLACK_BOT_TOKEN=" + slackCanary)
	require.Equal(t, 27, code, out)
	require.Contains(t, out, "/invite @tokensweep")
	out, code = doctor("SLACK_WEBHOOK_URL=" + w.workspace.WebhookURL())
	require.Zero(t, code, out)
	out, _ = doctor()
	require.Contains(t, out, "neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set")
}
