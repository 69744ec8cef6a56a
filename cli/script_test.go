package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tokensweep/audit/ledger"
	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// TestMain makes this test binary the tokensweep command of the scripts: a process of its own, with the
// real environment and files.
func TestMain(m *testing.M) {
	if err := stayOnTheLoopback(); err != nil {
		panic(err)
	}
	// Most of these tests wait, for Slack's pauses above all, so that more of them go at once than there are cores.
	// What the command line says of it is read later, and wins.
	if err := flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"tokensweep": func() {
			secrets := secretsOfProcess()
			out, err := &watch{w: os.Stdout, secrets: secrets}, &watch{w: os.Stderr, secrets: secrets}
			code := cli.Main(os.Args[1:], os.LookupEnv, out, err)
			if out.leaked.Load() || err.leaked.Load() {
				code = 99
			}
			os.Exit(code)
		},
		"tokensweep-bare": func() { os.Exit(cli.Main(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)) },
		"tokensweep-panics": func() {
			os.Exit(cli.Main(os.Args[1:], os.LookupEnv, &panics{w: os.Stdout}, os.Stderr))
		},
		"many-tokens": manyTokens,
		"naive-list":  naiveList,
		"bare-list":   bareList,
	})
}

// panics is a writer that panics once.
type panics struct {
	w    *os.File
	once sync.Once
}

func (p *panics) Write(b []byte) (int, error) {
	p.once.Do(func() { panic("no more paper") })
	return p.w.Write(b)
}

// watch passes on what is written, and notices secrets.
type watch struct {
	w       *os.File
	secrets []string
	leaked  atomic.Bool // serve logs from several goroutines
}

func (w *watch) Write(p []byte) (int, error) {
	if shows(string(p), w.secrets) {
		w.leaked.Store(true)
	}
	return w.w.Write(p)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			repo, err := filepath.Abs("..")
			e.Setenv("REPO", repo)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"org": startOrg, "requests": requests, "exits": exits, "plan": lastPlan, "tear": tear, "flip": flip,
			"head": reportedHead, "app": loginAsApp, "slack": startSlack,
		},
	})
}

// startOrg starts an org and puts it into the environment: org [demo] [tokens=N] [page=N] [rate=N] [fault=KIND]
// [clock=fixed]. The id of each token goes there too, as ID_ and its name.
func startOrg(ts *testscript.TestScript, _ bool, args []string) {
	// The clock is the real one, since the process that is tested has no other.
	now := time.Now().UTC().Truncate(time.Second)
	cfg := oktatest.Config{Credential: canary, OAuth: oktatest.OAuth{TokenPrefix: canary},
		Me: oktatest.UserID(1_000_000), Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}}}
	var fault oktatest.Fault
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "demo":
			demo := cli.DemoOrg(time.Now)
			cfg.Me, cfg.Users, cfg.Zones, cfg.Tokens = demo.Me, demo.Users, demo.Zones, demo.Tokens
			cfg.PageSize, cfg.OwnToken = demo.PageSize, demo.OwnToken
		case "tokens":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			cfg.Tokens = oktatest.Many(n, now)
		case "page":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			cfg.PageSize = n
		case "rate":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			cfg.RateLimit.Limit = n
		case "clock":
			if value == "fixed" {
				now, cfg.Now = clock(), clock
			}
		case "fault":
			fault = namedFault(ts, value)
		default:
			ts.Fatalf("unknown argument %q", arg)
		}
	}
	if cfg.OwnToken == "" {
		addFew(&cfg, now)
	}
	org := oktatest.Start(cfg)
	ts.Defer(org.Close)
	org.Fault(fault)
	orgs.Store(ts, org)
	for _, t := range cfg.Tokens {
		ts.Setenv("ID_"+regexp.MustCompile(`\W`).ReplaceAllString(t.Name, "_"), t.ID)
	}
	ts.Setenv("OKTA_CLIENT_ORGURL", org.URL())
	ts.Setenv("OKTA_CLIENT_TOKEN", canary)
	ts.Setenv("CANARY", canary) // scripts don't spell it out, since -v prints them
}

// addFew adds an idle token, a fresh one, and the one that is used.
func addFew(cfg *oktatest.Config, now time.Time) {
	cfg.OwnToken = "00Town000000000000d7"
	cfg.Tokens = append(cfg.Tokens,
		oktatest.Token{ID: "00Tidle00000000000d7", Name: "idle\x1b[31m\u202e-export", UserID: oktatest.UserID(2),
			Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -25)},
		oktatest.Token{ID: "00Tfresh00000000001d", Name: "fresh", UserID: oktatest.UserID(2),
			Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -1)},
		oktatest.Token{ID: cfg.OwnToken, Name: "own", UserID: cfg.Me, Created: now.AddDate(-1, 0, 0), LastUsed: now},
	)
	cfg.Users = oktatest.Owners(cfg.Tokens)
}

// orgs are the last org of each script.
var orgs sync.Map

// requests prints what the org was asked, as METHOD PATH.
func requests(ts *testscript.TestScript, _ bool, _ []string) {
	org, _ := orgs.Load(ts)
	for _, r := range org.(*oktatest.Server).Requests() {
		_, _ = fmt.Fprintln(ts.Stdout(), r.Method, r.Path)
	}
}

// lastPlan puts the digest of the last plan of a state directory into PLAN: plan DIR.
func lastPlan(ts *testscript.TestScript, _ bool, args []string) {
	_, err := ledger.InDirectory(ts.MkAbs(args[0])).Read(func(r ledger.Record) error {
		if r.Kind == ledger.Planned {
			ts.Setenv("PLAN", r.Plan)
		}
		return nil
	})
	ts.Check(err)
}

// reportedHead puts the ledger's head of a JSON report into HEAD: head FILE.
func reportedHead(ts *testscript.TestScript, _ bool, args []string) {
	var report struct{ Ledger struct{ Head string } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &report))
	ts.Setenv("HEAD", report.Ledger.Head)
}

// tear adds half a line to a file: tear FILE.
func tear(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteString(`{"v":1,"seq":`)
	ts.Check(errors.Join(err, f.Close()))
}

// flip changes one letter in the second line of a file: flip FILE.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	raw := []byte(ts.ReadFile(args[0]))
	raw[bytes.IndexByte(raw, '\n')+20] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

func namedFault(ts *testscript.TestScript, name string) oktatest.Fault {
	switch name {
	case "unauthorized", "forbidden", "broken":
		return oktatest.Fault{Path: "/api/v1/api-tokens*", Status: map[string]int{"unauthorized": 401, "forbidden": 403,
			"broken": 500}[name]}
	}
	switch name {
	case "users":
		return oktatest.Fault{Path: "/api/v1/users/00u*", Status: 403}
	case "unnamed": // it doesn't say which org it is
		return oktatest.Fault{Path: "/.well-known/okta-organization", Status: 200, Body: "<!doctype html>"}
	case "page": // a proxy's, or a login's
		return oktatest.Fault{Path: "/api/v1/api-tokens*", Status: 200, Body: "<!doctype html><title>Welcome</title>"}
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
