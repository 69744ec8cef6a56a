package audit_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pgregory.net/rapid"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
	"tokensweep/okta/oktatest"
)

// modelHistory is what happens, in order. It is drawn as a whole before any of it happens.
type modelHistory struct {
	tokens              []modelToken
	pageSize, rateLimit int
	acts                []act
	places              []place
	toTheEnd            bool // goes on without faults until all is done
}

// modelToken is a token at the beginning.
type modelToken struct {
	name   string
	agent  bool
	office bool // it can be used from one zone only
	mine   bool // it has the owner of the token in use
	age    time.Duration
	unused time.Duration
}

// act is something that happens in the world.
type act struct {
	says string
	do   func(*modelWorld)
}

// GoString is how rapid shows a history that went wrong.
func (h *modelHistory) GoString() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "tokens on pages of %d, with a rate limit of %d:\n", h.pageSize, h.rateLimit)
	for i, t := range h.tokens {
		_, _ = fmt.Fprintf(&b, "  %d %s: %+v\n", i, oktatest.TokenID(i), t)
	}
	for i, a := range h.acts {
		_, _ = fmt.Fprintf(&b, "- %s%v\n", a.says, h.places[i])
	}
	return b.String()
}

func (t modelToken) inOrg(n int) oktatest.Token {
	now := time.Now()
	k := oktatest.Token{ID: oktatest.TokenID(n), Name: t.name, UserID: oktatest.UserID(1), Created: now.Add(-t.age),
		LastUsed: now.Add(-t.unused)}
	if t.mine {
		k.UserID = me
	}
	if t.agent {
		k.ClientName = "Okta AD Agent"
	}
	if t.office {
		k.Network = office
	}
	return k
}

var modelNames = []string{"dead-a", "quiet-a", "later-a", "busy-a", "spare-a", "dead-b"}

// dice draws from a history.
type dice struct{ t *rapid.T }

func (d dice) number(from, to int) int { return from + upTo[to-from].Draw(d.t, "n") }

// upTo draw from 0 to n each.
var upTo = func() (all [40]*rapid.Generator[int]) {
	for n := range all {
		all[n] = rapid.IntRange(0, n)
	}
	return all
}()

func (d dice) oneIn(n int) bool { return d.number(1, n) == n }

func pick[T any](d dice, from ...T) T { return from[d.number(0, len(from)-1)] }

func drawHistory(t *rapid.T) *modelHistory {
	d := dice{t}
	h := &modelHistory{pageSize: pick(d, 3, 2, 0, 1), rateLimit: pick(d, 0, 0, 0, 12), toTheEnd: d.oneIn(10)}
	for range d.number(1, 5) {
		h.tokens = append(h.tokens, drawToken(d))
	}
	for range d.number(1, 4) {
		h.acts = append(h.acts, drawAct(d, len(h.tokens)))
	}
	h.drawPlaces(d)
	return h
}

func drawToken(d dice) modelToken {
	t := modelToken{name: pick(d, modelNames...), age: 300 * day, unused: pick(d, day, 20*day, 13*day, 26*day),
		agent: d.oneIn(12), office: d.oneIn(6), mine: d.oneIn(12)}
	if d.oneIn(12) {
		t.age = 12 * time.Hour
		t.unused = t.age
	}
	return t
}

// drawAct draws what happens next: mostly runs, with time and other things between them.
func drawAct(d dice, tokens int) act {
	switch n := d.number(0, 19); {
	case n < 1:
		return pick(d, drawReview, drawReview, drawUndone, drawDown, drawLate, drawHalf)(d, tokens)
	case n < 8:
		return drawRun(d, tokens).act()
	case n < 13:
		wait := pick(d, 25*time.Hour, time.Minute, 61*time.Minute, 2*day+time.Hour, 4*day+time.Hour, 23*time.Hour)
		return act{fmt.Sprintf("%v pass", wait), func(*modelWorld) { time.Sleep(wait) }}
	case n < 15:
		p := pick(d, modelPolicies...)
		return act{"the policy becomes " + p.says, func(w *modelWorld) { w.policy = p }}
	case n < 18:
		return drawMeddling(d, tokens)
	case n < 19:
		seed := uint64(d.number(1, 40))
		return act{"somebody asks in several ways what would come of it", func(w *modelWorld) {
			w.start(modelRun{probe: seed})
		}}
	}
	return drawByHand(d, tokens).act()
}

// drawReview draws a dry run whose plan is reviewed, what happens meanwhile, and the run that keeps to the plan.
func drawReview(d dice, tokens int) act {
	kept := modelRun{enforce: true, plan: true}
	kept.draw(d, tokens)
	return inTurn(modelRun{}.act(), drawMeddling(d, tokens), kept.act())
}

// drawUndone draws a run that dies with a change on its way, somebody who undoes it, and the next run.
func drawUndone(d dice, tokens int) act {
	dies := modelRun{enforce: true, incidents: []incident{{says: "it is killed", at: afterChange, nth: d.number(1, 2),
		do: killed}}}
	next := modelRun{enforce: true}
	next.draw(d, tokens)
	return inTurn(dies.act(), givingBack(d, tokens), next.act())
}

// drawDown draws a run that loses the answer to a change, and the next, which can neither read what came of it nor
// list.
func drawDown(d dice, tokens int) act {
	method, proxy := pick(d, http.MethodDelete, http.MethodPut), d.oneIn(2)
	lost := modelFault{says: "the answer to a change is lost", fault: oktatest.Fault{Method: method, HangupAfter: true}}
	unread := modelFault{says: "readings fail", fault: oktatest.Fault{Method: http.MethodGet, Path: onePath,
		Status: http.StatusInternalServerError}}
	if proxy {
		lost.says, unread.says = "a proxy answers a change with a page", "a proxy answers readings with a page"
		lost.fault = oktatest.Fault{Method: method, Status: pick(d, 403, 404, 408), Proxy: true, Act: d.oneIn(2)}
		unread.fault.Status, unread.fault.Proxy = http.StatusNotFound, true
	}
	unlisted := modelFault{says: "the list fails", fault: oktatest.Fault{Path: listPath,
		Status: http.StatusInternalServerError}, broken: true}
	next := modelRun{enforce: true, faults: []modelFault{unread, unlisted}}
	if proxy && d.oneIn(2) {
		next.faults = next.faults[:1] // the list alone can tell
	}
	next.draw(d, tokens)
	return inTurn(modelRun{enforce: true, faults: []modelFault{lost, unread}}.act(), next.act())
}

// inTurn is some acts as one.
func inTurn(acts ...act) act {
	says := make([]string, len(acts))
	for i := range acts {
		says[i] = acts[i].says
	}
	return act{strings.Join(says, "; then "), func(w *modelWorld) {
		for _, a := range acts {
			if w.wrong == "" {
				a.do(w)
			}
		}
	}}
}

// givingBack draws a change of a token's network in the admin console.
func givingBack(d dice, tokens int) act {
	n, to := d.number(0, tokens-1), pick(d, oktatest.Network{}, office)
	return act{fmt.Sprintf("the network of token %d becomes %v", n, to), func(w *modelWorld) { w.giveBack(n, to) }}
}

// drawMeddling draws what people do, whether a process is running or not.
func drawMeddling(d dice, tokens int) act {
	n := d.number(0, tokens-1)
	of := func(says string, change func(*oktatest.Token)) act {
		return act{fmt.Sprintf("token %d is %s", n, says), func(w *modelWorld) { w.org.Update(w.id(n), change) }}
	}
	switch d.number(0, 11) {
	case 0, 1:
		return act{fmt.Sprintf("token %d is used", n), func(w *modelWorld) { w.org.Use(w.id(n)) }}
	case 2:
		name := pick(d, modelNames...)
		return of("renamed to "+name, func(t *oktatest.Token) { t.Name = name })
	case 3:
		return of("edited", func(t *oktatest.Token) { t.LastUpdated = time.Now().Truncate(time.Second) })
	case 4:
		return of("an agent's now", func(t *oktatest.Token) { t.ClientName = "Okta AD Agent" })
	case 5:
		return of("shown without its network from now on", func(t *oktatest.Token) { t.Omit = []string{"network"} })
	case 6:
		return givingBack(d, tokens)
	case 7:
		return act{fmt.Sprintf("token %d vanishes", n), func(w *modelWorld) { w.vanish(n) }}
	case 8:
		return act{"all but the first token vanish", func(w *modelWorld) {
			for n := range tokens - 1 {
				w.vanish(n + 1)
			}
		}}
	case 9:
		return spoil(n, pick(d, notInFull...))
	case 10:
		return act{"what vanished comes back", func(w *modelWorld) { w.comeBack() }}
	}
	on := !d.oneIn(3)
	return act{fmt.Sprintf("the brake is pulled: %t", on), func(w *modelWorld) { w.setBrake(on) }}
}

// drawRun draws a run and what happens to it: often nothing.
func drawRun(d dice, tokens int) modelRun {
	r := modelRun{enforce: !d.oneIn(4), skew: pick(d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3*time.Minute, -3*time.Minute,
		10*time.Minute, -day, 400*day)}
	if r.enforce {
		r.plan = d.oneIn(4)
		r.announce = pick(d, arrives, arrives, arrives, arrives, arrives, arrives, fails, unheard)
	}
	r.deadline = pick(d, 0, 0, 0, 0, 20*time.Second)
	r.report = pick(d, arrives, arrives, arrives, arrives, fails, unheard)
	r.brake = d.oneIn(16) || r.skew != 0 && d.oneIn(3)
	r.draw(d, tokens)
	return r
}

func drawByHand(d dice, tokens int) modelRun {
	r := modelRun{byHand: pick(d, ledger.StepRestore, ledger.StepQuarantine, ledger.StepRevoke),
		token: d.number(0, tokens-1)}
	r.skew = pick(d, 0, 0, 0, 0, 0, 0, 0, 400*day)
	r.draw(d, tokens)
	return r
}

// draw draws what goes wrong.
func (r *modelRun) draw(d dice, tokens int) {
	for range pick(d, 0, 1, 0, 1, 2) {
		r.incidents = append(r.incidents, drawIncident(d, tokens))
	}
	for range pick(d, 0, 0, 1) {
		r.faults = append(r.faults, drawFault(d))
	}
}

func (r modelRun) act() act {
	var b strings.Builder
	switch {
	case r.byHand != "":
		_, _ = fmt.Fprintf(&b, "by hand, the %s of token %d", r.byHand, r.token)
	case r.enforce:
		_, _ = fmt.Fprintf(&b, "an enforcing run; its announcement %s", r.announce)
	default:
		b.WriteString("a dry run")
	}
	if r.byHand == "" {
		_, _ = fmt.Fprintf(&b, "; its report %s", r.report)
	}
	if r.plan {
		b.WriteString("; it keeps to the last plan")
	}
	if r.brake {
		b.WriteString("; the brake is pulled meanwhile")
	}
	if r.deadline != 0 {
		_, _ = fmt.Fprintf(&b, "; it may take %v", r.deadline)
	}
	if r.skew != 0 {
		_, _ = fmt.Fprintf(&b, "; its clock is wrong by %v", r.skew)
	}
	for _, f := range r.faults {
		b.WriteString("; " + f.says)
	}
	for _, i := range r.incidents {
		_, _ = fmt.Fprintf(&b, "; at its %s number %d %s", i.at, i.nth, i.says)
	}
	return act{b.String(), func(w *modelWorld) { w.start(r) }}
}

func (d delivery) String() string { return [...]string{"arrives", "fails", "arrives, unheard of"}[d] }

// drawIncident draws a crash, a failing disk, a slow step, or somebody who meddles.
func drawIncident(d dice, tokens int) incident {
	i := incident{at: pick(d, atWrite, atSync, atRead, atChange, afterChange, atAnnounce, afterTold, atReport,
		afterReport), nth: 1}
	keep := pick(d, 0, 40, whole)
	kind := d.number(0, 8)
	switch i.at {
	case atWrite, atSync:
		i.nth = d.number(1, 30)
	case atRead:
		i.nth = d.number(1, 8)
	case atChange, afterChange:
		i.nth = d.number(1, 3)
	}
	switch {
	case kind < 2:
		i.says, i.do = "it is killed", killed
	case kind < 4:
		i.says, i.do = fmt.Sprintf("the power fails, and %d bytes that were not durable stay", keep), powerless(keep)
	case kind == 8:
		i.says, i.do = "it is told to end", terminated
	case i.at == atWrite:
		dying := d.oneIn(2)
		i.says, i.do = fmt.Sprintf("the disk fails after %d bytes (and it is killed: %t)", keep, dying),
			tear(keep, dying)
	case i.at == atSync:
		i.says, i.do = fmt.Sprintf("the disk fails, and in the end %d bytes stay", keep), unsynced(keep)
	case i.at == atRead && kind < 7 &&
		d.oneIn(3): // between the last look at the brake and the change there is nothing else
		i.says, i.do = "the brake is pulled", func(p *modelProcess) { p.meddled = true; p.w.setBrake(true) }
	case kind < 7:
		a := drawMeddling(d, tokens)
		i.says, i.do = a.says, func(p *modelProcess) { p.meddled = true; a.do(p.w) }
	case i.at == atChange && d.oneIn(2):
		i.says, i.do = "another process gets the lock too", usurper(1)
	case i.at == afterChange && d.oneIn(2):
		i.says, i.do = "another process gets the lock too", usurper(0)
	case i.at == atChange || i.at == afterChange:
		i.says, i.do = "another process begins", rival
	default:
		wait := pick(d, 2*time.Minute, 3*time.Hour, 26*time.Hour)
		i.says, i.do = fmt.Sprintf("%v pass", wait), func(p *modelProcess) { p.meddled = true; time.Sleep(wait) }
	}
	return i
}

// rival is another process that finds the ledger locked.
func rival(p *modelProcess) {
	if _, err := (ledger.Store{}).OpenOn(&guest{Disk: p.w.disk}, time.Now); !errors.Is(err, ledger.ErrLocked) {
		p.w.violatedBy(oneProcess, "another one opens the ledger while %s is going on: %v", p.runID, err)
	}
}

// usurper is another process that gets the lock although there is one already, since locks are kept to one machine
// here. onTheirWay are the changes that can't be called back.
func usurper(onTheirWay int) func(*modelProcess) {
	return func(p *modelProcess) {
		if p.failed || p.usurped { // it would set half a line aside
			return
		}
		l, err := ledger.Store{}.OpenOn(&guest{Disk: p.w.disk, local: true}, time.Now)
		if err != nil {
			p.w.violated("another one can't open the ledger: %v", err)
			return
		}
		_ = l.Close()
		p.usurped, p.mayStill = true, len(p.changes)+onTheirWay
	}
}

// guest is a disk as a process uses it that may not have the lock: what it closes is its own. On a local one it always
// gets the lock.
type guest struct {
	*ledgertest.Disk
	has, local bool
}

// Lock takes the lock.
func (g *guest) Lock() error {
	if g.local {
		return nil
	}
	err := g.Disk.Lock()
	g.has = err == nil
	return err
}

// Close releases the lock if it was taken.
func (g *guest) Close() error {
	if !g.has {
		return nil
	}
	return g.Disk.Close()
}
