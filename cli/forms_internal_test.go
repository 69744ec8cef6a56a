package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// formsWorld is a directory with a policy, policy tests and a ledger, and an org. Its files have the names that
// commands look for by default.
type formsWorld struct {
	t     *testing.T
	env   map[string]string
	token string
}

func newFormsWorld(t *testing.T) *formsWorld {
	t.Helper()
	org := oktatest.Start(demoOrg(time.Now))
	t.Cleanup(org.Close)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("policy.yaml", []byte(`version: 1
mode: enforce
limits: {perRun: 3, perDay: 5, stopAbove: {count: 90, percent: 90}}
quarantine: {zone: `+demoZone+`}
rules: [{id: idle, when: {lastUsed: {olderThan: 21d}}, then: {quarantine: 3d, revoke: 7d}}]
`), 0o600))
	require.NoError(t, os.WriteFile("tests.yaml", []byte(`policy: policy.yaml
asOf: 2026-11-23
cases: [{name: new, token: {id: 00Tabcdefg1234567890, created: 2026-11-22}, expect: {rules: []}}]
`), 0o600))
	w := &formsWorld{t: t, token: org.Tokens()[0].ID, env: map[string]string{
		"OKTA_CLIENT_ORGURL": org.URL(), "OKTA_CLIENT_TOKEN": demoCredential,
	}}
	code, _, stderr := w.run("run", "--state", "state")
	require.Zero(t, code, stderr)
	return w
}

func (w *formsWorld) run(args ...string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := w.env[name]; return v, ok }
	code = Main(args, lookup, &out, &complaints)
	return code, out.String(), complaints.String()
}

// arguments are how the commands that have --output are called in this world. serve does not end by itself; its
// report is that of run.
func (w *formsWorld) arguments() map[string][][]string {
	return map[string][][]string{
		"run":         {{"run"}},
		"demo":        {{"demo"}},
		"serve":       nil,
		"test":        {{"test", "tests.yaml"}},
		"explain":     {{"explain", w.token}, {"explain", w.token, "--days", "9"}},
		"simulate":    {{"simulate", "--days", "9"}},
		"tokens list": {{"tokens", "list"}},
		"tokens get":  {{"tokens", "get", w.token}},
		"ledger show": {{"ledger", "show"}},
		"doctor":      {{"doctor"}},
	}
}

// wellFormed are what a result in a form must be.
var wellFormed = map[string]func(string) error{
	"text": func(s string) error {
		if !strings.HasSuffix(s, "\n") {
			return errors.New("no line of text")
		}
		return nil
	},
	"json": func(s string) error {
		values := json.NewDecoder(strings.NewReader(s))
		for {
			var v map[string]any
			if err := values.Decode(&v); err != nil {
				return atEnd(err)
			}
		}
	},
	"ndjson": func(s string) error {
		last := ""
		for line := range strings.Lines(s) {
			var v struct{ Kind string }
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				return err
			}
			if last = v.Kind; last == "" {
				return errors.New("a line without its kind")
			}
		}
		if last != "run" {
			return errors.New("the last line is not the run's")
		}
		return nil
	},
	"csv": func(s string) error {
		rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
		if err == nil && len(rows) == 0 {
			err = errors.New("no rows")
		}
		return err
	},
	"markdown": func(s string) error {
		if !strings.Contains(s, "|---") {
			return errors.New("no table")
		}
		return nil
	},
	"junit": func(s string) error {
		for d := xml.NewDecoder(strings.NewReader(s)); ; {
			if _, err := d.Token(); err != nil {
				return atEnd(err)
			}
		}
	},
}

// atEnd is nil at the end of what there is to read.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// withOutput calls f for each command that has --output, with the forms that it takes.
func withOutput(t *testing.T, f func(words []string, forms []string)) {
	t.Helper()
	n := 0
	everyCommand(t, func(words []string, c *cobra.Command) {
		if flag := c.LocalFlags().Lookup("output"); flag != nil {
			n++
			f(words, flag.Value.(*choice).words)
		}
	})
	require.Greater(t, n, 8)
}

// Every form that a command takes is written, to standard output and to a file, and is what its name says.
func TestEveryFormOfEveryCommandIsWritten(t *testing.T) {
	w := newFormsWorld(t)
	known := w.arguments()
	withOutput(t, func(words, forms []string) {
		path := strings.Join(words, " ")
		calls, ok := known[path]
		require.True(t, ok, "say in this test how %s is called", path)
		for _, form := range forms {
			check, ok := wellFormed[form]
			require.True(t, ok, "say in this test what %s is", form)
			written := 0
			for _, call := range calls {
				code, stdout, stderr := w.run(append(call, "--output", form)...)
				if code == int(audit.Usage) {
					require.Contains(t, stderr, "--output "+form, "%v", call)
					require.Empty(t, stdout, "%v", call)
					continue
				}
				written++
				require.Zero(t, code, "%v %s: %s", call, form, stderr)
				require.NoError(t, check(stdout), "%v %s: %s", call, form, stdout)
				file := filepath.Join(t.TempDir(), form)
				code, stdout, stderr = w.run(append(call, "--output", form, "--output-file", file)...)
				require.Zero(t, code, "%v %s: %s", call, form, stderr)
				require.Empty(t, stdout, "%v %s", call, form)
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, check(string(text)), "%v %s: %s", call, form, text)
			}
			require.True(t, calls == nil || written > 0, "%s takes %s and never writes it", path, form)
		}
	})
}

// A form that there isn't is refused before anything is done; completion offers those that there are, and no others.
func TestFormsAreOfferedAndOthersRefused(t *testing.T) {
	withOutput(t, func(words, forms []string) {
		for _, typo := range []string{"", "jsn", "JSON", "text,json", forms[0] + " "} {
			_, said := attempt(t, typo, nil, append(words[:len(words):len(words)], "--output", typo)...)
			require.Equal(t, "tokensweep: bad value of --output: want one of "+strings.Join(forms, ", ")+
				"\ntokensweep: see tokensweep "+strings.Join(words, " ")+" --help\n", said)
		}
		complete := append([]string{"__completeNoDesc"}, words...)
		_, said := attempt(t, "completion", nil, append(complete, "--output", "")...)
		offered, directive, _ := strings.Cut(said, "\n:")
		require.Equal(t, strings.Join(forms, "\n"), offered)
		require.Contains(t, directive, "ShellCompDirectiveNoFileComp")
		_, said = attempt(t, "help", nil, append(words[:len(words):len(words)], "--help")...)
		require.Contains(t, strings.Join(strings.Fields(said), " "), "form of the result: "+strings.Join(forms, ", "))
	})
}
