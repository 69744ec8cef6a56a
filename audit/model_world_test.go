package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta/oktatest"
)

// ownToken is the token that every process uses.
const ownToken = 99

// me is the owner of ownToken.
var me = oktatest.UserID(9)

// modelWorld is an org, a disk and the people around them, and what an onlooker remembers of all of it. Invariants are
// judged by what the onlooker saw, not by what the program says.
type modelWorld struct {
	org       *oktatest.Server
	way       http.RoundTripper
	pageSize  int
	rateLimit int
	disk      *ledgertest.Disk
	state     string
	brake     bool
	book      book

	place     place
	policy    *modelPolicy
	processes []*modelProcess
	changes   []*modelChange
	skewed    bool // the clock of a process was wrong
	lied      bool // the org said of a token that there is none
	gone      []oktatest.Token
	held      string        // the token of a quarantine that is held up on its way, "" if there is none
	late      int           // the token of the last that arrived late, -1 before any
	lastState *ledger.State // when the last process that closed its ledger in good order did

	before   map[string]*oktatest.Network // of tokens in our quarantine
	notices  map[ledger.Key]*modelNotice
	released map[string]bool // taken out of our quarantine and not announced since
	plans    map[string]*modelPlan
	lastPlan string
	told     map[string]int  // what people were told of, and how often
	toldOff  map[string]bool // the ends of notices that people were told of

	mu    sync.Mutex
	wrong string
}

// modelNotice is what people were told would happen.
type modelNotice struct {
	at          time.Time
	by          *modelProcess
	text, facts string
}

// modelPlan is what a dry run showed to a person who reviewed it.
type modelPlan struct {
	at     time.Time
	policy *modelPolicy
	steps  map[string]string
	tokens map[string]seenToken
}

// modelChange is a change that has arrived at the org.
type modelChange struct {
	by       *modelProcess
	id, step string
	at       time.Time
	open     []*ledger.Record // intents that were durable and open then
	reading  *reading         // the last one of that token by that process
	truth    oktatest.Token
	there    bool
	after    oktatest.Token // once the org has acted, or not
	acted    bool
	undone   bool              // by a person, since
	told     bool              // the announcement of that process was heard before
	worth    map[string]string // of answers about owners: see understood
	// unannounced says why it is too early, or was not announced at all; "" if it was, long enough ago.
	unannounced string
	before      *oktatest.Network // of a restoration: what it should put back
}

func newModelWorld(state string, h *modelHistory) *modelWorld {
	w := &modelWorld{
		pageSize: h.pageSize, rateLimit: h.rateLimit,
		disk: new(ledgertest.Disk), state: state, policy: modelPolicies[0], place: home,
		before: make(map[string]*oktatest.Network), notices: make(map[ledger.Key]*modelNotice),
		late: -1, released: make(map[string]bool), plans: make(map[string]*modelPlan), told: make(map[string]int),
		toldOff: make(map[string]bool),
	}
	cfg := oktatest.Config{
		Credential: canary, Me: me, OwnToken: w.id(ownToken), PageSize: h.pageSize, Offsets: true,
		Zones:     []oktatest.Zone{{ID: zoneID, Name: "nobody"}},
		RateLimit: oktatest.RateLimit{Limit: h.rateLimit}, Users: []oktatest.User{{ID: kim, Login: "kim@acme.example"}},
		Tokens: []oktatest.Token{{ID: w.id(ownToken), Name: "dead-own", UserID: me, Created: time.Now().AddDate(-1, 0,
			0), LastUsed: time.Now()}},
	}
	for i, t := range h.tokens {
		cfg.Tokens = append(cfg.Tokens, t.inOrg(i))
	}
	w.org = oktatest.New(cfg)
	w.way = w.org.Transport()
	w.setBrake(false) // one that is left of the history before
	return w
}

func (w *modelWorld) id(n int) string { return oktatest.TokenID(n) }

// violated notes the first thing that is wrong.
func (w *modelWorld) violated(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

// What the onlooker sees of a process.

// sent sees a request that leaves a process.
func (w *modelWorld) sent(p *modelProcess, r *http.Request, kind point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, request{r.Method, r.URL.Path, r.URL.Scheme + "://" + r.URL.Host})
	if kind != "" && p.failed { // set by the goroutine that changes; others send too
		p.afterBad++
	}
}

// arrived sees a change that reaches the org, before the org acts.
func (w *modelWorld) arrived(p *modelProcess, r *http.Request) *modelChange {
	c := &modelChange{by: p, id: filepath.Base(r.URL.Path), at: time.Now(), step: ledger.StepRevoke, told: p.delivered}
	if r.Method == http.MethodPut {
		c.step = ledger.StepQuarantine
		if p.byHand == ledger.StepRestore {
			c.step = ledger.StepRestore
		}
	}
	c.truth, c.there = w.org.Token(c.id)
	c.reading = p.readings[c.id]
	c.before = w.before[c.id]
	p.mu.Lock()
	c.worth = maps.Clone(p.worth)
	p.mu.Unlock()
	c.open = w.book.open(len(w.disk.Durable()))
	if w.brake && c.step != ledger.StepRestore {
		p.braked++
		p.tooLate = p.tooLate || c.reading != nil && c.reading.braked
	}
	if p.byHand == "" {
		c.unannounced = w.unannounced(c)
	}
	p.changes, w.changes = append(p.changes, c), append(w.changes, c)
	return c
}

// acted sees what the org made of a change.
func (w *modelWorld) acted(c *modelChange) {
	there := false
	c.after, there = w.org.Token(c.id)
	switch {
	case c.step == ledger.StepRevoke:
		c.acted = c.there && !there
	case c.there && there:
		c.acted = !sameNetwork(c.truth.Network, c.after.Network)
	}
	if !c.acted {
		return
	}
	switch {
	case c.step == ledger.StepQuarantine && !inZone(c.truth.Network):
		network := c.truth.Network
		w.before[c.id] = &network
	case c.step == ledger.StepRestore:
		w.givenBack(c.id)
	}
}

// givenBack forgets what was announced of a token that somebody took out of quarantine.
func (w *modelWorld) givenBack(id string) {
	maps.DeleteFunc(w.notices, func(k ledger.Key, _ *modelNotice) bool { return k.Token == id })
	delete(w.before, id)
	w.released[id] = true
	for _, c := range w.changes {
		c.undone = c.undone || c.id == id
	}
}

// answered sees the answer to a request for one token.
func (w *modelWorld) answered(p *modelProcess, r *http.Request, resp *http.Response) {
	id := filepath.Base(r.URL.Path)
	if resp == nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(r.URL.Path, "/api/v1/api-tokens/") ||
		len(p.faults) > 0 && !names(bodyOf(resp), id) {
		return
	}
	if t, ok := w.org.Token(id); ok {
		seen := &reading{token: seenInOrg(&t, w.before[id]), at: time.Now(), told: p.delivered, braked: w.brake,
			released: w.released[id], notices: make(map[string]*modelNotice)}
		for k, n := range w.notices {
			if k.Token == id {
				seen.notices[k.Rule] = n
			}
		}
		p.readings[id] = seen
	}
}

// written sees a record that is about to be written.
func (w *modelWorld) written(p *modelProcess, line []byte) {
	w.notSecret("the ledger", string(line))
	kind := w.book.last().record().Kind
	if p.remembered == "" && kind != ledger.Begun && kind != ledger.Ended && kind != ledger.Recovered {
		p.remembered = kind
	}
	if p.runID == "" && bytes.Contains(line, []byte(`"kind":"begun"`)) {
		p.runID = w.book.last().record().Run
	}
	if bytes.Contains(line, []byte(`"kind":"listed"`)) {
		w.book.last().listed(w, p)
	}
	if bytes.Contains(line, []byte(`"kind":"outcome"`)) && !p.meddled && !p.lied.Load() {
		w.settledTruly(p, decode(line))
	}
	if bytes.Contains(line, []byte(`"kind":"void"`)) && !p.meddled && w.shrunken(p.base, p.clock()) {
		if id := decode(line).Token; !w.ids()[id] {
			w.violatedBy(smallEndsNone, "the notices of %s, by %s", id, p.runID)
		}
	}
}

// begins notes what a write begins with, if the process was told to end.
func (p *modelProcess) begins(e *entry) {
	if kind := e.record().Kind; p.toldToEnd && remembers[kind] {
		p.late = append(p.late, kind)
	}
}

// remembers are the kinds of records of which a run writes one for each of its findings, and what comes with them.
var remembers = map[ledger.Kind]bool{
	ledger.Seen: true, ledger.Resolved: true, ledger.Vanished: true, ledger.Exempted: true, ledger.Listed: true,
	ledger.Planned: true,
	ledger.Noticed: true, ledger.Voided: true,
}

// settleDisk decides what an fsync that failed has lost, once the process has ended.
func (w *modelWorld) settleDisk(p *modelProcess) {
	w.disk.FailWrite(0, 0, nil) // what the process did not live to see
	w.disk.FailSync(0, nil)
	if p.inBalance {
		w.disk.Crash(p.keep)
	}
	w.book.trim(len(w.disk.Bytes()))
}

// What happens in the world.

func (w *modelWorld) setBrake(on bool) {
	w.brake = on
	err := ledger.InDirectory(w.state).ClearHalt()
	if on {
		err = ledger.InDirectory(w.state).SetHalt("deploys fail", "kim", time.Now())
	}
	if err != nil {
		panic(err)
	}
}

// vanish ends tokens, as somebody else would. They may come back.
func (w *modelWorld) vanish(n int) {
	if t, ok := w.org.Token(w.id(n)); ok && w.org.Remove(t.ID) {
		w.gone = append(w.gone, t)
	}
}

func (w *modelWorld) comeBack() {
	for _, t := range w.gone {
		if _, there := w.org.Token(t.ID); !there {
			w.org.Add(t)
		}
	}
	w.gone = nil
}

// giveBack takes a token out of quarantine, or into another network, in the admin console.
func (w *modelWorld) giveBack(n int, to oktatest.Network) {
	time.Sleep(2 * time.Second) // people take longer than the precision of the org's times
	id := w.id(n)
	was, there := w.org.Token(id)
	if !there {
		return
	}
	w.org.Update(id, func(t *oktatest.Token) { t.Network, t.LastUpdated = to, time.Now().Truncate(time.Second) })
	if inZone(was.Network) {
		w.givenBack(id)
	}
}

func sameNetwork(a, b oktatest.Network) bool {
	return strings.Replace(a.Connection, "ANYWHERE", "", 1) == strings.Replace(b.Connection, "ANYWHERE", "", 1) &&
		slices.Equal(a.Include, b.Include) && slices.Equal(a.Exclude, b.Exclude)
}

func decode(line []byte) *ledger.Record {
	r := new(ledger.Record)
	if err := json.Unmarshal(line, r); err != nil {
		panic(err)
	}
	return r
}

// plainAnswers are what the org always answers about users and the zone. Making them takes the fake org longer than all
// the rest.
var plainAnswers = map[string]string{
	"/api/v1/users/me":               `{"id":"` + me + `","status":"ACTIVE"}`,
	"/api/v1/users/" + me:            `{"id":"` + me + `","status":"ACTIVE"}`,
	"/api/v1/users/" + me + "/roles": `[{"type":"SUPER_ADMIN","status":"ACTIVE"}]`,
	"/api/v1/users/" + oktatest.UserID(1): `{"id":"` + oktatest.UserID(1) +
		`","status":"ACTIVE","profile":{"login":"kim@acme.example"}}`,
	"/api/v1/users/" + oktatest.UserID(1) + "/roles": `[]`,
	"/api/v1/zones/" + zoneID: `{"id":"` + zoneID +
		`","status":"ACTIVE","type":"IP","usage":"POLICY","gateways":[{"type":"CIDR","value":"192.0.2.1/32"}],"proxies":null}`,
}

// plainAnswer answers a request that has such an answer.
func plainAnswer(r *http.Request) (*http.Response, bool) {
	body, ok := plainAnswers[r.URL.Path]
	if !ok {
		return nil, false
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, true
}
