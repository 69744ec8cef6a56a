package audit_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// modelRun is what one process is to do, and what happens to it meanwhile.
type modelRun struct {
	enforce   bool
	byHand    string // the step that a person takes, "" for a run
	token     int    // of byHand
	probe     uint64 // only ask what would come of it, with this seed; 0 for a run
	plan      bool   // keep to the last plan that a dry run made
	skew      time.Duration
	deadline  time.Duration // 0 for none
	brake     bool          // is pulled before it begins and released when it has ended
	faults    []modelFault
	incidents []incident
	announce  delivery
	report    delivery
}

// delivery is what becomes of a message to people.
type delivery int

const (
	arrives delivery = iota
	fails            // and reaches nobody
	unheard          // it arrives, and the sender is told that it didn't
)

// point is a place at which something can happen to a process: at each of its durable steps, and around each message
// that it sends.
type point string

const (
	atWrite     point = "write"         // before it
	atSync      point = "fsync"         // after the write, before the fsync
	atRead      point = "reading"       // of one thing, by the goroutine that decides
	atChange    point = "change"        // on its way to the org
	afterChange point = "answer"        // on its way back
	atAnnounce  point = "announcement"  // before it
	afterTold   point = "being heard"   // after it
	atReport    point = "report"        // before it
	afterReport point = "reported"      // after it
	atAside     point = "setting aside" // of a torn line
)

// incident is something that happens to a process when it comes to a point for the nth time.
type incident struct {
	says string
	at   point
	nth  int
	do   func(*modelProcess)
}

// modelProcess is one process, and what the world has seen of it.
type modelProcess struct {
	modelRun
	w         *modelWorld
	policy    *modelPolicy
	place     place
	began     time.Time
	ended     time.Time
	visits    map[point]int
	died      atomic.Bool
	dying     bool // it dies as soon as the write that fails has failed
	failed    bool // a write or an fsync of its failed
	inBalance bool // an fsync did, and keep is how many bytes will stay
	keep      int

	ctx       context.Context
	cancel    context.CancelFunc // tells it to end
	toldToEnd bool
	late      []ledger.Kind // what it remembered after that, by write

	recordedURL, recordedID string // of the org, when it began

	base      *entry          // the listing that was in force when it began
	held      map[string]bool // tokens that the org had then
	halted    bool            // the brake was pulled when it began
	usurped   bool            // another process got the lock too
	mayStill  int             // how many changes it may have made in all then
	broken    atomic.Bool
	lied      atomic.Bool
	holding   bool // the change on its way is held up
	cutOff    bool // the token of byHand was in our quarantine when it began, for all to see
	meddled   bool
	shrunken  bool
	due       int // findings of the announcement that are due
	tokens    int // that were listed then
	announced bool
	delivered bool
	keepTo    *modelPlan
	runID     string
	// remembered is the first record that it wrote of more than its own beginning and end
	remembered ledger.Kind

	mu       sync.Mutex
	requests []request
	readings map[string]*reading
	worth    map[string]string // of the answers about owners: see understood
	changes  []*modelChange
	afterBad int  // requests after a write or an fsync failed
	braked   int  // changes that arrived while the brake was pulled
	tooLate  bool // one of them was of a token that had been read while the brake was pulled
	report   *audit.Report
	opened   error // why it could not open the ledger
	outcome  audit.Outcome
	handErr  error
}

type request struct{ method, path, origin string }

// reading is the last answer to a request for one token. What happens after it nobody can know.
type reading struct {
	token    seenToken
	at       time.Time
	told     bool                    // it came after the announcement was heard
	braked   bool                    // the brake was pulled
	released bool                    // somebody had taken the token out of quarantine, and it was not announced since
	notices  map[string]*modelNotice // of the token, by rule
}

// start makes a process, lets it come to its end, and checks all invariants.
func (w *modelWorld) start(c modelRun) *modelProcess {
	if c.brake {
		w.setBrake(true)
		defer w.setBrake(false)
	}
	p := &modelProcess{modelRun: c, w: w, policy: w.policy, place: w.place, began: time.Now(),
		visits: make(map[point]int), readings: make(map[string]*reading), base: w.book.lastListing(),
		held: w.ids(), halted: w.brake}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	defer p.cancel()
	p.recordedURL, p.recordedID = w.book.recorded()
	w.skewed = w.skewed || c.skew != 0
	p.cutOff = w.cutOff(w.id(p.token))
	w.org.ClearFaults()
	for _, f := range c.faults {
		if !f.steady || w.pageSize != 1 {
			w.org.Fault(f.armed(p))
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				w.violated("a panic: %v\n%s", r, debug.Stack())
			}
		}()
		p.main()
	}()
	<-done
	w.org.ClearFaults()
	w.settleDisk(p)
	p.ended = time.Now()
	w.lied = w.lied || p.lied.Load()
	w.processes = append(w.processes, p)
	w.check(p)
	return p
}

// clock is the process's own clock.
func (p *modelProcess) clock() time.Time { return time.Now().Add(p.skew) }

// main is the program.
func (p *modelProcess) main() {
	l, err := ledger.InDirectory(p.w.state).OpenOn(&modelDisk{p.w.disk, p}, p.clock)
	if err != nil {
		p.opened = err
		return
	}
	p.w.replayed(l.State())
	client, err := okta.New(okta.Options{
		OrgURL: p.place.url, Token: okta.NewSecret(canary), RateShare: 1, Transport: p, Trace: p.traced,
	})
	if err != nil {
		panic(err)
	}
	switch {
	case p.probe != 0:
		p.probeAll(l)
	case p.byHand != "":
		p.hand(client, l)
	default:
		p.run(client, l)
	}
	if l.Close() == nil && !p.failed {
		p.w.lastState = l.State()
	}
}

// run makes a pass.
func (p *modelProcess) run(client *okta.Client, l *ledger.Ledger) {
	o := audit.Options{
		Org: client.Reader, Policy: p.policy.parsed, Ledger: l, Now: p.clock,
		Deliver: p.deliver,
	}
	if p.enforce {
		o.Enforce = &audit.Enforcement{Org: client, Announce: p.announceTo}
		if p.plan {
			o.Enforce.Plan, p.keepTo = cmp.Or(p.w.lastPlan, "sha256:00"), p.w.plans[p.w.lastPlan]
		}
	}
	ctx, stop := p.ctx, func() {}
	if p.deadline > 0 {
		ctx, stop = audit.Within(ctx, p.deadline)
	}
	defer stop()
	p.report = audit.Run(ctx, o)
}

// hand makes a change by hand.
func (p *modelProcess) hand(client *okta.Client, l *ledger.Ledger) {
	h := audit.Hand{
		Org: client, Policy: p.policy.parsed, Ledger: l, Reason: "ticket 7", Now: p.clock,
		Tell: func(text string) {
			p.w.notSecret("what is told by hand", text)
			p.w.checkNote(text)
		},
		Deliver: func(audit.Outcome, string) error {
			p.at(atReport)
			p.w.told[p.w.id(p.token)+" "+p.byHand]++
			p.at(afterReport)
			return nil
		},
	}
	do := map[string]verb{ledger.StepRevoke: audit.Hand.Revoke, ledger.StepQuarantine: audit.Hand.Quarantine,
		ledger.StepRestore: audit.Hand.Restore}[p.byHand]
	var reason string
	p.outcome, reason, p.handErr = do(h, p.ctx, p.w.id(p.token))
	p.w.notSecret("the outcome", fmt.Sprint(reason, p.handErr))
}

func (p *modelProcess) traced(e okta.Event) { p.w.notSecret("the trace", e.Path+e.Reason) }

var errUnheard = errors.New("slack does not answer")

func (p *modelProcess) announceTo(_ context.Context, r *audit.Report) (string, error) {
	p.at(atAnnounce)
	p.w.announcement(p, r)
	if p.announce == fails {
		return "", errUnheard
	}
	p.at(afterTold)
	if p.announce == unheard {
		return "", errUnheard
	}
	return "slack", nil
}

func (p *modelProcess) deliver(r *audit.Report) error {
	p.at(atReport)
	p.w.reported(p, r)
	p.at(afterReport)
	if p.modelRun.report != arrives {
		return errUnheard
	}
	return nil
}

// at is where incidents happen. It does not return if the process dies.
func (p *modelProcess) at(here point) {
	p.goneYet()
	p.visits[here]++
	for _, i := range p.incidents {
		if i.at == here && i.nth == p.visits[here] {
			i.do(p)
		}
	}
	p.goneYet()
}

func (p *modelProcess) goneYet() {
	if p.died.Load() {
		runtime.Goexit()
	}
}

// die ends the process, and with power also the machine: then only keep bytes of what was not durable stay.
func (p *modelProcess) die(power bool, keep int) {
	p.died.Store(true)
	if power {
		p.w.disk.Crash(keep)
	} else {
		p.w.disk.Kill()
	}
	runtime.Goexit()
}

// RoundTrip is the way to the org and back.
func (p *modelProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := kindOf(r)
	switch kind {
	case atRead, atChange:
		p.at(kind)
	default: // another goroutine sends it
		if p.died.Load() {
			return nil, errUnheard
		}
	}
	p.w.sent(p, r, kind)
	var change *modelChange
	if kind == atChange {
		change = p.w.arrived(p, r)
	}
	resp, err := p.send(r)
	p.understood(r, resp)
	switch kind {
	case atRead:
		p.w.answered(p, r, resp)
	case atChange:
		p.w.acted(change)
		if p.holding {
			p.w.held, p.holding = change.id, false
		}
		p.at(afterChange)
	}
	return resp, err
}

// send asks the org, but for what is always the same.
func (p *modelProcess) send(r *http.Request) (*http.Response, error) {
	if r.URL.Path == whichOrg {
		return p.place.answer(r), nil
	}
	if len(p.faults) == 0 && p.w.rateLimit == 0 {
		if resp, ok := plainAnswer(r); ok {
			return resp, nil
		}
	}
	return p.w.way.RoundTrip(r)
}

// kindOf says at which point a request is; "" for those that other goroutines than the one that decides send, and for
// the question which org it is, next to which there is another reading.
func kindOf(r *http.Request) point {
	switch {
	case r.Method != http.MethodGet:
		return atChange
	case r.URL.Path == whichOrg, r.URL.Path == "/api/v1/api-tokens", len(r.URL.Path) > len("/api/v1/users/me") &&
		r.URL.Path[:len("/api/v1/users/")] == "/api/v1/users/":
		return ""
	}
	return atRead
}
