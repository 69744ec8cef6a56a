package cli_test

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// jsonLines are the objects of a text that has one a line, and nothing else.
func jsonLines(t *testing.T, text string) (objects []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o), "%q in\n%s", line, text)
		objects = append(objects, o)
	}
	return objects
}

// inJSON runs a command with JSON for a log, and returns what it said there.
func inJSON(t *testing.T, env map[string]string, args ...string) (code int, said []map[string]any) {
	t.Helper()
	var out, stderr bytes.Buffer
	t.Chdir(t.TempDir())
	code = cli.Main(args, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &out, &stderr)
	return code, jsonLines(t, stderr.String())
}

// Whatever a command has to say is JSON where the log is, the reason why it failed above all.
func TestWhatACommandSaysIsJSONWhereTheLogIs(t *testing.T) {
	w := newCommandWorld(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const rules = "version: 1\nrules: [{id: old, when: {created: {olderThan: 1d}}, then: flag}]\n"
	good := file("good.yaml", rules)
	bad := file("bad.yaml", "version: 1\nruls: []\nmode: on\n")
	doubtful := file("doubtful.yaml", strings.Replace(rules, "created: {olderThan: 1d}",
		"lastUsed: {olderThan: 90d}", 1))
	env := map[string]string{"OKTA_CLIENT_ORGURL": w.org.URL(), "OKTA_CLIENT_TOKEN": canary}
	for name, c := range map[string]struct {
		env    map[string]string
		args   []string
		code   int
		reason string
	}{
		"no environment": {nil, []string{"run", "--policy", good, "--log-format", "json"}, 64,
			"OKTA_CLIENT_ORGURL is not set"},
		"a wrong flag":    {env, []string{"run", "--enforcee", "--log-format=json"}, 64, "unknown flag: --enforcee"},
		"a wrong command": {env, []string{"runn", "--log-format=json"}, 64, "unknown command"},
		"a wrong policy": {env, []string{"run", "--policy", bad, "--log-format", "json"}, 65,
			"the policy has mistakes"},
		"no policy": {env, []string{"validate", "--policy", "missing.yaml", "--log-format=json"}, 64,
			"missing.yaml"},
		"a wrong credential": {map[string]string{"OKTA_CLIENT_ORGURL": w.org.URL(), "OKTA_CLIENT_TOKEN": "00x"},
			[]string{"run", "--policy", good, "--output", "csv", "--log-format=json"}, 25, "401 Unauthorized"},
		"a text report that says it": {map[string]string{"OKTA_CLIENT_ORGURL": w.org.URL(), "OKTA_CLIENT_TOKEN": "00x"},
			[]string{"run", "--policy", good, "--log-format=json"}, 25, "401 Unauthorized"},
		"the form of a table": {env, []string{"run", "--policy", good, "--output", "csv", "--log-format=json"}, 0, ""},
		"a doubt":             {env, []string{"validate", "--policy", doubtful, "--log-format=json"}, 0, ""},
		"metrics in no folder": {env, []string{"run", "--policy", good, "--log-format=json", "--metrics-file",
			filepath.Join(dir, "no/such/folder.prom")}, 64, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := inJSON(t, c.env, c.args...)
			require.Equal(t, c.code, code, "%v", said)
			require.NotEmpty(t, said)
			if c.reason == "" {
				return
			}
			last := said[len(said)-1]
			require.Equal(t, "ERROR", last["level"])
			require.Contains(t, last["msg"], c.reason)
			require.EqualValues(t, c.code, last["exitCode"])
			if c.code == 65 {
				require.Len(t, last["mistakes"], 3)
			}
			if c.code == 25 {
				require.Contains(t, last["hint"], "check the token in OKTA_CLIENT_TOKEN")
			}
		})
	}
}

// grumbling is a writer in whose Write somebody uses Go's default logger, as net/http does.
type grumbling struct{}

func (grumbling) Write(p []byte) (int, error) {
	log.Printf("http: what Go's own packages say: %s", canary)
	return len(p), nil
}

// What Go's own packages write to the default logger is a line of the log, in its form.
func TestTheDefaultLoggerIsThatOfTheCommand(t *testing.T) {
	var stderr bytes.Buffer
	before := log.Writer()
	none := func(string) (string, bool) { return "", false }
	code := cli.Main([]string{"version", "--log-format=json"}, none, grumbling{}, &stderr)
	require.Zero(t, code)
	require.Equal(t, before, log.Writer(), "and is given back")
	said := jsonLines(t, stderr.String())
	require.NotEmpty(t, said)
	require.Contains(t, said[0]["msg"], "http: what Go's own packages say")
	require.NotContains(t, stderr.String(), canary)
}

// All that a pod of the manifests writes is one JSON object a line, the report included, also when it enforces and when
// it fails.
func TestThePodLogOfTheManifestsIsJSON(t *testing.T) {
	tokens := oktatest.Many(30, time.Now()) // of the same day as the program
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(900), Tokens: tokens,
		Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}}})
	t.Cleanup(org.Close)
	for name, change := range map[string]*strings.Replacer{
		"dry run": strings.NewReplacer(),
		"enforce": strings.NewReplacer("mode: dry-run", "mode: enforce", "count: 10, percent: 20",
			"count: 90, percent: 90"),
		"failure": strings.NewReplacer("org: http", "org: https"),
	} {
		c := startContainer(t, org.URL(), change, apiToken(t))
		args := c.args
		if name == "enforce" {
			args = append(args, "--enforce")
		}
		var log bytes.Buffer // standard output and standard error, as kubectl logs has them
		code := cli.Main(args, func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }, &log, &log)
		objects := jsonLines(t, log.String())
		kinds := make(map[any]int)
		for _, o := range objects {
			kinds[o["kind"]]++
			if o["kind"] == "finding" {
				require.Equal(t, org.URL(), o["org"])
				require.NotEmpty(t, o["run"])
				require.Contains(t, o["policy"], "sha256:")
				require.Contains(t, o, "plan")
				require.Contains(t, o, "asOf")
				require.Contains(t, o, "outcome")
			}
		}
		if name == "failure" {
			require.Equal(t, 64, code)
			require.Equal(t, "ERROR", objects[len(objects)-1]["level"])
			continue
		}
		require.Zero(t, code, log.String())
		require.Positive(t, kinds["finding"])
		require.Equal(t, 1, kinds["run"])
	}
}
