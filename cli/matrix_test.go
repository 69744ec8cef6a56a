package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// The fault matrix: everything that networks, the list of tokens and Slack are known to do wrong, and what a run does
// then. Each row has an id (N for network and HTTP, S for what the list says, K for Slack and reports); its scenarios
// play over real HTTP: against the program as a process of its own, or in a synctest bubble, where waits of hours take
// no time, against the client and the run.
var faultMatrix = []struct {
	id, sentence string
	play         func(*testing.T)
}{
	{"N01", "A connection that is cut within a page: the page is read again, and if that goes on nothing is done.",
		cutPages},
	{"N02", "A page that ends early, with the right length or without its last chunk: nothing is done.", shortPages},
	{"N03", "An empty page, null, an object, a page of HTML: nothing is done.", oddPages},
	{"N04", "Headers or bodies that never come: given up, and nothing is done.", slowAnswers},
	{"N05", "Answers 5xx: reading is tried again; a change is sent once, and what came of it is settled by reading.",
		serverErrors},
	{"N06", "Answers 429, whatever their headers say: the wait has bounds; a change is not sent again.",
		tooManyRequests},
	{"N07", "Clocks that differ: nothing is changed by them. An org that doesn't tell the time is no reason to stop.",
		clocksThatDiffer},
	{"N08", "HTTP/2 connections that go away or refuse streams: the list survives, and changes go by HTTP/1.1, each " +
		"once.", http2},
	{"N09", "A name that doesn't resolve, or an address with another's certificate: nothing is done; certificates " +
		"are not tried again.", wrongAddresses},
	{"N10", "A proxy that refuses, fails or isn't there: nothing is done, and it never sees the credential.", proxies},
	{"N11", "A connection that is accepted and never answers: given up, and nothing is done.", blackHoles},
	{"N12", "A revocation whose answer is lost: settled by reading, and never sent again.", lostAnswers},
	{"N13", "A revocation that is answered with anything but 204: not believed, and the run stops at the first doubt.",
		oddAnswers},
	{"N14", "Answers without end, compressed bombs, headers of a megabyte: refused, in little memory.", hugeAnswers},
	{"N15", "Old TLS, certificates that are expired, of another name or of nobody: refused before anything is sent.",
		badTLS},
	{"N16", "A redirect of the list or of a change: an error, and nothing reaches the other place.", redirects},
	{"N17", "Somebody on the way answers in Okta's place, with any status, before a change or after it: a lost " +
		"answer, and nothing follows from it.", proxysAnswers},
	{"N18", "A revocation that something on the way sends twice: read, and told as ours or somebody else's doing.",
		repeatedOnItsWay},
	{"N19", "Nonces for proofs of possession that are good for one use: a service app lists, reads owners and acts, " +
		"and no change is made twice.", nonces},
	{"N20", "Answers that drip for ever: the deadline ends the run, before the list is whole and between two " +
		"changes, and what is left stays due.", dripsForEver},
	{"N21", "A state directory on FUSE: nothing is changed by it before --state-alone says that no other machine " +
		"mounts it.", stateOnFUSE},
	{"N22", "A lock that two runs get, since it holds on each machine alone: the first finds the other's name, and " +
		"stops.", lockOfEachMachine},
	{"S01", "A token twice with the same content: the list is read again; if it brings the same, counted once, and " +
		"noted.", tokenTwice},
	{"S02", "A token twice with different content: the list is read again, and if that goes on nothing is done.",
		tokenTwiceDifferent},
	{"S03", "A list that lost more than half of its tokens: nothing is done before a second one, an hour later, " +
		"comes to the same.", shrunkenList},
	{"S04", "An empty page with a next one: followed.", emptyPage},
	{"S05", "Links that go in circles: nothing is done, after at most a request for each page and one more.", circles},
	{"S06", "A next page at another host, scheme, port or path, or a header that doesn't parse: read from the own " +
		"org, or refused.", strangeLinks},
	{"S07", "Names that are hostile: reported, with nothing in them that does not print.", hostileNames},
	{"S08", "Fields and words that nobody has seen before: tolerated, and unknown to rules.", unknownFields},
	{"S09", "Times that are missing, odd or impossible: never old.", oddTimes},
	{"S10", "A token that is used between the list and its turn: left alone.", usedBetween},
	{"S11", "Between the last reading of a token and its revocation there is nothing but the intent, and little time.",
		shortWindow},
	{"S12", "A token that is renamed or exempted after its notice: a new notice, or none.", changedSinceNotice},
	{"S13", "Ids that are no ids: reported, and never part of a URL.", oddIDs},
	{"S14", "A token that vanishes before its turn: gone, and nothing is sent.", vanishedBefore},
	{"S15", "A revocation that finds nothing: read again, and told as ours or somebody else's doing.",
		vanishedMeanwhile},
	{"S16", "The own token on the list, and all others of its owner: never acted on.", ownToken},
	{"S17", "A permission that is lost in mid-run: the run stops at once.", permissionLost},
	{"S18", "Owners who can't be read: unknown, and nothing is done by rules about them.", unreadableOwners},
	{"S19", "A rate limit that is met between the last reading and the revocation: not sent again, and read again " +
		"when it is due.", limitBetween},
	{"S20", "A token of an agent that a rule matches: flagged at most.", agents},
	{"S21", "A token made minutes ago that a rule matches: flagged at most.", youngTokens},
	{"S22", "A 404 about a path, or about another token: no token is gone for that.", otherKindsOf404},
	{"S23", "Roles, networks and names that are not known in full: unknown, and nothing is done or undone by guess.",
		halfKnown},
	{"S24", "Answers about another token, user or zone, or another's roles: taken for none, and nothing is done by " +
		"them.", mixedUp},
	{"S25", "A token that moves to the end of the list, and pushes another past the reader: the list is read again, " +
		"and is whole or nothing is done.", tokenMoves},
	{"S26", "Link lines that something on the way takes away: nothing is done, and every command that lists says so.",
		linkTakenAway},
	{"S27", "A quarantine's zone that is no active IP zone for policies: refused. One that contains somebody: said, " +
		"and no token is called cut off.", zonesThatAreNone},
	{"S28", "A token that is exempt since its quarantine: the report says that it is cut off, and asks to give back " +
		"what it had.", sparedInQuarantine},
	{"K01", "Slack is down: nothing is announced, so nothing is done.", slackDown},
	{"K02", "Slack answers 200 and ok: false: that is a failure, with its word.", slackRefuses},
	{"K03", "Slack asks to wait: waited for.", slackLimits},
	{"K04", "A report of thousands of findings: posted within Slack's limits, with exact counts.", slackLong},
	{"K05", "A post whose answer is lost: looked for, found, and not sent again.", slackLost},
	{"K06", "Names that are Slack's markup: shown as text.", slackMarkup},
	{"K07", "The token that everything depends on is never a victim, though a rule names it.", ownToken},
}

func TestFaultMatrix(t *testing.T) {
	for _, row := range faultMatrix {
		t.Run(row.id+"_"+strings.ReplaceAll(strings.TrimSuffix(row.sentence, "."), " ", "_"), func(t *testing.T) {
			t.Parallel()
			row.play(t)
		})
	}
}

// TestTheFaultMatrixIsWhole holds the table against the rows of the design: a row that is taken out is missed.
func TestTheFaultMatrixIsWhole(t *testing.T) {
	var want, have []string
	for kind, n := range map[string]int{"N": 22, "S": 28, "K": 7} {
		for i := range n {
			want = append(want, fmt.Sprintf("%s%02d", kind, i+1))
		}
	}
	for _, row := range faultMatrix {
		have = append(have, row.id)
	}
	require.ElementsMatch(t, want, have)
}

// matrixPolicy revokes dead-… now, quarantines quiet-… now, and revokes what is not used for four weeks; the tokens
// are those of killWorld.
const matrixPolicy = `mode: enforce
limits: {perRun: 2, perDay: 3, stopAbove: {count: 10, percent: 90}}
quarantine: {zone: nzo1a2b3c4d5e6f7g8h9}
exemptions: [{match: {name: dead-exempt}, reason: drill, owner: sre, until: 2099-12-31}]
rules:
  - {id: dead, when: {name: {matches: "^(dead-.*|own)$"}}, then: {revoke: 0d}}
  - {id: quiet, when: {name: {like: "quiet-*"}}, then: {quarantine: 0d}}
`

// allDone is what a run does in such an org when nothing is wrong.
var allDone = []string{"DELETE " + oktatest.TokenID(1), "PUT " + oktatest.TokenID(2)}

// outcome is what a run left behind.
type outcome struct {
	code    audit.ExitCode
	changes []string
	text    string            // all that it wrote
	of      map[string]string // outcomes of findings by the names of their tokens
}

// nothingDone checks that a run ended so, changed nothing, and said why.
func (o outcome) nothingDone(t *testing.T, code audit.ExitCode, says string) {
	t.Helper()
	require.Equal(t, code, o.code, o.text)
	require.Empty(t, o.changes)
	require.Contains(t, o.text, says)
}

func (o outcome) done(t *testing.T, changes ...string) {
	t.Helper()
	require.Equal(t, audit.OK, o.code, o.text)
	require.Equal(t, changes, o.changes)
}

// commandTrial makes an enforcing run of the program against an org, over loopback.
func commandTrial(t *testing.T, faults ...oktatest.Fault) outcome {
	t.Helper()
	return newCommandWorld(t, faults...).run(matrixPolicy)
}

// commandWorld is an org with a real port, and a state directory.
type commandWorld struct {
	t     *testing.T
	org   *oktatest.Server
	state string
	env   []string // on top of the rest
}

func newCommandWorld(t *testing.T, faults ...oktatest.Fault) *commandWorld {
	t.Helper()
	w := &commandWorld{t: t, org: oktatest.Start(matrixOrg(time.Now())), state: filepath.Join(t.TempDir(), "state")}
	t.Cleanup(w.org.Close)
	for _, f := range faults {
		w.org.Fault(f)
	}
	return w
}

// matrixOrg is the org of killWorld, on pages of three.
func matrixOrg(today time.Time) oktatest.Config {
	token := func(n int, name, client string) oktatest.Token {
		return oktatest.Token{ID: oktatest.TokenID(n), Name: name, ClientName: client, UserID: oktatest.UserID(1),
			Created: today.AddDate(-1, 0, 0), LastUsed: today.AddDate(0, 0, n-21)}
	}
	own := oktatest.Token{ID: oktatest.TokenID(9), Name: "own", UserID: oktatest.UserID(9),
		Created: today.AddDate(-1, 0, 0), LastUsed: today}
	return oktatest.Config{
		Credential: canary, Me: oktatest.UserID(9), OwnToken: own.ID, Zones: []oktatest.Zone{
			{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}}, PageSize: 3,
		Tokens: []oktatest.Token{token(1, "dead-1", ""), token(2, "quiet-1", ""), token(3, "dead-2", ""),
			token(5, "dead-exempt", ""), token(6, "dead-agent", "Okta AD Agent"), token(7, "busy", ""), own},
	}
}

func (w *commandWorld) run(policy string) outcome {
	w.t.Helper()
	already := len(changesOf(w.org))
	cmd := exec.Command("tokensweep", "run", "--enforce", "--policy", policyFile(w.t, policy), "--state", w.state,
		"--rate-share", "1", "--output", "json")
	cmd.Env = append([]string{"OKTA_CLIENT_ORGURL=" + w.org.URL(), "OKTA_CLIENT_TOKEN=" + canary}, w.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil {
		require.ErrorAs(w.t, err, &exit)
	}
	o := outcome{code: audit.ExitCode(cmd.ProcessState.ExitCode()), changes: changesOf(w.org)[already:],
		text: stderr.String() + stdout.String(), of: make(map[string]string)}
	require.NotContains(w.t, o.text, canary)
	if stdout.Len() > 0 {
		for _, f := range (result{code: int(o.code), stdout: stdout.String()}).report(w.t).Findings {
			o.of[f.Token.Name] = f.Outcome
		}
	}
	return o
}

// changesOf are the changes that an org received; to log in is none.
func changesOf(org *oktatest.Server) (list []string) {
	for _, q := range org.Requests() {
		if q.Method != http.MethodGet && q.Method != http.MethodPost {
			list = append(list, q.Method+" "+filepath.Base(q.Path))
		}
	}
	return list
}

// bubbleWorld is the same org within a bubble, in which waiting takes no time: HTTP over pipes, the client and the run.
type bubbleWorld struct {
	t     *testing.T
	org   *oktatest.Server
	dial  func(context.Context, string, string) (net.Conn, error) // nil for the org's
	state string

	deadline time.Duration // of each run; 0 for none
}

// inBubble plays f in a bubble, with an org that change may have changed before.
func inBubble(t *testing.T, change func(*oktatest.Config), f func(*bubbleWorld)) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * 365 * 24 * time.Hour) // the clock starts in 2000, and tokens have a past
		cfg := matrixOrg(time.Now())
		change(&cfg)
		w := &bubbleWorld{t: t, org: oktatest.New(cfg), state: state}
		defer synctest.Wait()
		defer w.org.Close()
		f(w)
	})
}

func asItIs(*oktatest.Config) {}

// bubbleTrial makes an enforcing run in a bubble.
func bubbleTrial(t *testing.T, faults ...oktatest.Fault) (o outcome) {
	t.Helper()
	inBubble(t, asItIs, func(w *bubbleWorld) {
		for _, f := range faults {
			w.org.Fault(f)
		}
		o = w.run(matrixPolicy)
	})
	return o
}

func (w *bubbleWorld) run(policy string) outcome {
	w.t.Helper()
	dial := w.dial
	if dial == nil {
		dial = w.org.Dial
	}
	client, err := okta.New(okta.Options{OrgURL: "http://127.0.0.1", Token: okta.NewSecret(canary), RateShare: 1,
		Dial: dial})
	require.NoError(w.t, err)
	p, err := rules.Parse("policy.yaml", []byte("version: 1\n"+policy))
	require.NoError(w.t, err)
	l, err := ledger.InDirectory(w.state).OpenWaiting(w.t.Context(), time.Now, time.Minute,
		nil) // a process that another test starts has all files for a moment
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, l.Close()) }()
	already := len(changesOf(w.org))
	ctx, stop := w.t.Context(), func() {}
	if w.deadline > 0 {
		ctx, stop = audit.Within(ctx, w.deadline)
	}
	defer stop()
	r := audit.Run(ctx, audit.Options{
		Org: client.Reader, Policy: p, Ledger: l,
		Enforce: &audit.Enforcement{Org: client, Announce: func(context.Context, *audit.Report) (string, error) {
			return "here", nil
		}},
	})
	o := outcome{code: r.Code, changes: changesOf(w.org)[already:],
		text: fmt.Sprint(r.Err, "\n", strings.Join(r.Notes, "\n")), of: make(map[string]string)}
	require.NotContains(w.t, o.text, canary)
	for i := range r.Findings {
		f := &r.Findings[i]
		name, _ := f.Token.Name.Get()
		o.text += "\n" + name + ": " + string(f.Outcome) + " " + f.Reason
		o.of[name] = string(f.Outcome)
	}
	return o
}

// sink is a server that should not be asked anything.
func sink(t *testing.T) (url string, asked func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	n := make(chan int, 1)
	n <- 0
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			n <- 1 + <-n
			_ = c.Close()
		}
	}()
	return "http://" + listener.Addr().String(), func() int {
		got := <-n
		n <- got
		return got
	}
}
