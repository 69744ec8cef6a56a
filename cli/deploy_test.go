package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// container is the container of deploy/base, with the files that its pod has, in a folder that stands for its root.
type container struct {
	root   string
	args   []string
	env    map[string]string
	secret string // what nothing may show
}

// credential is what the secret tokensweep-okta has, and what a component makes of settings.env for it.
type credential struct {
	settings    map[string]*string
	key, secret string
}

// apiToken is that of the component api-token.
func apiToken(t *testing.T) credential {
	t.Helper()
	raw, err := os.ReadFile("../deploy/components/api-token/kustomization.yaml")
	require.NoError(t, err)
	var component struct{ Patches []struct{ Patch string } }
	require.NoError(t, yaml.Unmarshal(raw, &component))
	require.Len(t, component.Patches, 1)
	var configMap struct{ Data map[string]*string }
	require.NoError(t, yaml.Unmarshal([]byte(component.Patches[0].Patch), &configMap))
	return credential{settings: configMap.Data, key: "token", secret: canary}
}

// startContainer makes the container, for the org at url, with a change to the policy.
func startContainer(t *testing.T, url string, change *strings.Replacer, with credential) *container {
	t.Helper()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join("../deploy/base", name))
		require.NoError(t, err)
		return strings.ReplaceAll(string(raw), "https://acme.okta.com", url)
	}
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct {
					Template struct {
						Spec struct {
							Containers []struct {
								Args []string
								Env  []struct{ Name, Value string }
							}
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read("cronjob.yaml")), &job))
	containers := job.Spec.JobTemplate.Spec.Template.Spec.Containers
	require.Len(t, containers, 1)

	c := &container{root: t.TempDir(), env: make(map[string]string), secret: with.secret}
	for line := range strings.Lines(read("settings.env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			c.env[name] = c.inside(value)
		}
	}
	for name, value := range with.settings {
		if delete(c.env, name); value != nil {
			c.env[name] = c.inside(*value)
		}
	}
	for _, e := range containers[0].Env {
		c.env[e.Name] = c.inside(e.Value)
	}
	for _, arg := range containers[0].Args {
		c.args = append(c.args, c.inside(arg))
	}
	for file, text := range map[string]string{
		c.env["TOKENSWEEP_POLICY"]:                change.Replace(read("policy.yaml")),
		c.inside("/run/secrets/okta/" + with.key): with.secret + "\n",
		c.inside("/dev/termination-log"):          "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	require.NoError(t, os.MkdirAll(c.inside("/var/lib/tokensweep"), 0o775)) // the volume's own folder
	return c
}

// inside puts the container's root before each path.
func (c *container) inside(s string) string {
	for _, folder := range []string{"/etc/", "/run/", "/var/", "/dev/"} {
		s = strings.Replace(s, folder, c.root+folder, 1)
	}
	return s
}

// lastLine is what tests look at in what a container leaves for kubectl describe.
type lastLine struct {
	Run struct {
		Mode, Error string
		ExitCode    int
	}
	Counts map[string]int
}

// run runs the container's command, with further arguments.
func (c *container) run(t *testing.T, more ...string) (code int, last lastLine, log string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(append(slices.Clone(c.args), more...), func(name string) (string, bool) {
		v, ok := c.env[name]
		return v, ok
	}, &stdout, &stderr)
	message, err := os.ReadFile(c.inside("/dev/termination-log"))
	require.NoError(t, err)
	if shows(stdout.String()+stderr.String()+string(message), append(pieces(c.secret), canary)) {
		t.Fatal("a secret is shown") // require would show it again
	}
	require.NoError(t, json.Unmarshal(message, &last), "%q, %s", message, stderr.String())
	require.Equal(t, code, last.Run.ExitCode)
	return code, last, stderr.String()
}

// The job runs as the service app of settings.env, and with the component as the holder of an API token.
func TestTheJobOfTheManifestsRuns(t *testing.T) {
	key, public := newKey("EC")
	app := oktatest.App{ClientID: "0oa1f3w86v9h8o1VZ1d7", DPoP: true,
		Keys:   []oktatest.AppKey{{ID: "one", Public: public}},
		Scopes: []string{"okta.apiTokens.manage", "okta.users.read", "okta.roles.read", "okta.networkZones.read"}}
	for name, with := range map[string]credential{
		"as a service app":  {key: "private-key", secret: key},
		"with an API token": apiToken(t),
	} {
		t.Run(name, func(t *testing.T) {
			org := orgOfTheJob(t)
			isApp := with.settings == nil
			if isApp {
				org.SetApp(app)
			}
			start := func(change ...string) *container {
				return startContainer(t, org.URL(), strings.NewReplacer(change...), with)
			}
			theJobRuns(t, start)
			asApp := slices.ContainsFunc(org.Requests(), func(r oktatest.Request) bool {
				return strings.HasPrefix(r.Path, "/oauth2/")
			})
			require.Equal(t, isApp, asApp)
		})
	}
}

// orgOfTheJob has a token in use, and an idle one.
func orgOfTheJob(t *testing.T) *oktatest.Server {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	org := oktatest.Start(oktatest.Config{
		Credential: canary, Me: oktatest.UserID(1), OwnToken: oktatest.TokenID(1),
		Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}},
		Tokens: []oktatest.Token{
			{ID: oktatest.TokenID(1), Name: "own", UserID: oktatest.UserID(1), Created: now.AddDate(-1, 0, 0),
				LastUsed: now},
			{ID: oktatest.TokenID(2), Name: "idle", UserID: oktatest.UserID(2), Created: now.AddDate(-1, 0, 0),
				LastUsed: now.AddDate(0, 0, -25)},
		},
	})
	t.Cleanup(org.Close)
	return org
}

func theJobRuns(t *testing.T, start func(change ...string) *container) {
	t.Helper()
	dryRun := start()
	code, last, log := dryRun.run(t)
	require.Zero(t, code, "%s", log)
	require.Equal(t, "dry-run", last.Run.Mode)
	require.Equal(t, map[string]int{"pending": 1}, last.Counts)
	require.Contains(t, log, `"msg":"run finished"`)
	require.FileExists(t, dryRun.inside("/var/lib/tokensweep/state/ledger.jsonl"))

	code, last, log = dryRun.run(t, "--enforce")
	require.Equal(t, 64, code, "the second key alone: %s", log)
	require.Contains(t, last.Run.Error, "says mode: dry-run")

	both := start("mode: dry-run", "mode: enforce", "count: 10, percent: 20", "count: 10, percent: 50",
		"quarantine: 71h", "quarantine: 0d")
	code, last, log = both.run(t, "--enforce")
	require.Zero(t, code, "%s", log)
	require.Equal(t, "enforce", last.Run.Mode)
	require.Equal(t, map[string]int{"quarantined": 1}, last.Counts)
}
