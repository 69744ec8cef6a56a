package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// TestMain makes this test binary the tokensweep command of the scripts: a process of its own, with the
// real environment and files.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tokensweep": func() {
			out, err := &watch{w: os.Stdout}, &watch{w: os.Stderr}
			code := cli.Main(os.Args[1:], os.LookupEnv, out, err)
			if out.leaked || err.leaked {
				code = 99
			}
			os.Exit(code)
		},
		"many-tokens": manyTokens,
	})
}

// watch passes on what is written, and notices the canary.
type watch struct {
	w      *os.File
	leaked bool
}

func (w *watch) Write(p []byte) (int, error) {
	w.leaked = w.leaked || bytes.Contains(p, []byte(canary))
	return w.w.Write(p)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"org": startOrg, "exits": exits},
	})
}

// startOrg starts an org and puts it into the environment: org [tokens=N] [page=N] [fault=KIND].
func startOrg(ts *testscript.TestScript, _ bool, args []string) {
	cfg := oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: clock}
	var fault oktatest.Fault
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "tokens":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			cfg.Tokens = oktatest.Many(n, now)
		case "page":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			cfg.PageSize = n
		case "fault":
			fault = namedFault(ts, value)
		default:
			ts.Fatalf("unknown argument %q", arg)
		}
	}
	cfg.Tokens = append(cfg.Tokens,
		oktatest.Token{ID: "00Tidle0000000000001d7", Name: "idle\x1b[31m\u202e-export", UserID: oktatest.UserID(2), Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -25)}, // not of Okta's form
		oktatest.Token{ID: "00Tfresh00000000001d", Name: "fresh", UserID: oktatest.UserID(2), Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -1)},
	)
	org := oktatest.Start(cfg)
	ts.Defer(org.Close)
	org.Fault(fault)
	ts.Setenv("OKTA_CLIENT_ORGURL", org.URL())
	ts.Setenv("OKTA_CLIENT_TOKEN", canary)
}

func namedFault(ts *testscript.TestScript, name string) oktatest.Fault {
	switch name {
	case "unauthorized", "forbidden", "broken":
		return oktatest.Fault{Path: "/api/v1/api-tokens*", Status: map[string]int{"unauthorized": 401, "forbidden": 403, "broken": 500}[name]}
	}
	ts.Fatalf("unknown fault %q", name)
	return oktatest.Fault{}
}

// exits runs a command and checks its exit code: exits CODE tokensweep ARGS.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		if _, scanErr := fmt.Sscanf(err.Error(), "exit status %d", &code); scanErr != nil {
			ts.Fatalf("%v: %v", args, err)
		}
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%v: exit code %d", args[1:], code)
	}
}
