// Package outbox remembers which reports are on their way through a channel, so that a later run can finish what one
// could not: what was not delivered, when to try again, when to give up.
//
// A channel makes a [Parcel] for the report of its run, by [Box.Announce] if the run is about to act and else by
// [Box.New], and hands what it wants delivered to [Parcel.Send]. Of each part that its receiver has accepted it tells
// the parcel ([Parcel.Accepted]), and it doesn't deliver one again that is ([Parcel.Part]). Afterwards [Box.CatchUp]
// gives it what earlier runs left. The parts and their order, and what they look like, are the channel's own.
//
// What a part's answer was lost of may come twice: a channel whose receiver can't tell asks Parcel.Doubtful and looks.
package outbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tokensweep/audit/ledger"
)

// GiveUpAfter is how long later runs try to deliver a report.
const GiveUpAfter = 7 * 24 * time.Hour

var (
	// ErrElsewhere is a report that can't go the way that there is now. It is given up.
	ErrElsewhere = errors.New("it was to go another way")
	// ErrNoTime is a pause that the receiver asks for and that would take longer than there is time. The report is left
	// to a later run, which is no failure.
	ErrNoTime = errors.New("there is no time to wait")
)

// Box is the outbox of a channel, in a ledger and in the store that it is in. The zero value remembers nothing.
type Box struct {
	// Ledger remembers; nil for nothing.
	Ledger *ledger.Ledger
	// Channel names the channel in records. Slack's is "", as it was the only one once.
	Channel string
}

// Past is what the ledger has; an empty state without one.
func (b Box) Past() *ledger.State {
	if b.Ledger == nil {
		return &ledger.State{}
	}
	return b.Ledger.State()
}

func (b Box) record(r ledger.Record) error {
	if b.Ledger == nil {
		return nil
	}
	r.Channel = b.Channel
	_, err := b.Ledger.Append(r)
	return err
}

// age is how long a report has waited; 0 if that can't be told, since a clock is or was in doubt.
func (b Box) age(d ledger.Delivery, now time.Time) time.Duration {
	if d.At.IsZero() || b.Ledger != nil && b.Ledger.InDoubt() {
		return 0
	}
	return now.Sub(d.At)
}

// waiting names the runs whose reports are undelivered through the channel, oldest first, without the run own.
func (b Box) waiting(undelivered map[ledger.Sending]ledger.Delivery, own string) (runs []string) {
	for s := range undelivered {
		if s.Channel == b.Channel && s.Run != own {
			runs = append(runs, s.Run)
		}
	}
	at := func(run string) time.Time { return undelivered[ledger.Sending{Channel: b.Channel, Run: run}].At }
	slices.SortFunc(runs, func(a, b string) int { return cmp.Or(at(a).Compare(at(b)), strings.Compare(a, b)) })
	return runs
}

// Parcel is a report on its way.
type Parcel struct {
	// Run is the id of the run whose report it is.
	Run string
	// To is where it goes, in the channel's own words.
	To ledger.Place
	// Since is when its delivery was begun; zero if the clock was in doubt then.
	Since time.Time
	// Doubtful says that the receiver may have more parts than Part knows: from a run that died, or by a request whose
	// answer was lost.
	Doubtful bool

	box        Box
	writer     string // the run that delivers
	parts      map[string]ledger.Place
	unrecorded error
}

// New is the report of a run that has announced nothing, to be delivered by the run itself.
func (b Box) New(run string, to ledger.Place, at time.Time) *Parcel {
	return &Parcel{Run: run, To: to, Since: at, box: b, writer: run, parts: make(map[string]ledger.Place)}
}

// Announce begins the delivery of a run that is about to act. What can't be recorded must not be announced.
func (b Box) Announce(run string, to ledger.Place, at time.Time) (*Parcel, error) {
	return b.New(run, to, at), b.record(ledger.Record{
		Kind: ledger.Announcing, Run: run, Of: run, Via: to.Via, Name: to.Name,
	})
}

// left is the report of an earlier run, as the run writer takes it up.
func (b Box) left(run, writer string, d ledger.Delivery) *Parcel {
	p := b.New(run, d.To, d.At)
	p.writer, p.Doubtful = writer, true
	maps.Copy(p.parts, d.Parts)
	return p
}

// Part is where a part is, if it was accepted.
func (p *Parcel) Part(name string) (at ledger.Place, accepted bool) {
	at, accepted = p.parts[name]
	return at, accepted
}

// Accepted notes where a part is. That a record of it could not be written doesn't keep the rest from being delivered:
// Unrecorded has the error.
func (p *Parcel) Accepted(part string, at ledger.Place) {
	p.parts[part] = at
	err := p.box.record(ledger.Record{
		Kind: ledger.Posted, Run: p.writer, Of: p.Run, Part: part, Via: at.Via, Name: at.Name,
	})
	if err != nil && p.unrecorded == nil {
		p.unrecorded = err
	}
}

// Unrecorded is why an accepted part could not be recorded; nil if all were.
func (p *Parcel) Unrecorded() error { return p.unrecorded }

// Forget lets all parts be delivered anew.
func (p *Parcel) Forget() { clear(p.parts) }

// Send delivers the final report: content is stored before, as JSON, and forgotten when deliver returns no error.
// What deliver could not do, a later run gets from CatchUp.
func (p *Parcel) Send(content any, deliver func() error) error {
	stored := p.Keep(content)
	if err := deliver(); err != nil {
		return errors.Join(stored, err)
	}
	if stored != nil {
		return stored
	}
	return p.done("")
}

// Keep stores content, as JSON, until the report is delivered: later runs get it from CatchUp as it is now.
func (p *Parcel) Keep(content any) error {
	if p.box.Ledger == nil {
		return nil
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("keeping the report until it is delivered: %w", err)
	}
	file, digest, err := p.box.Ledger.Store().WriteParcel(p.sending(), raw)
	if err != nil {
		return err
	}
	return p.box.record(ledger.Record{
		Kind: ledger.Outbox, Run: p.writer, Of: p.Run, Via: p.To.Via, Name: p.To.Name, File: file, Snapshot: digest,
	})
}

func (p *Parcel) sending() ledger.Sending { return ledger.Sending{Channel: p.box.Channel, Run: p.Run} }

// done ends the delivery; why says that, and why, it was given up.
func (p *Parcel) done(why string) error {
	err := p.box.record(ledger.Record{Kind: ledger.Delivered, Run: p.writer, Of: p.Run, Reason: why})
	if err == nil && p.box.Ledger != nil {
		p.box.Ledger.Store().RemoveParcels(p.box.Past().Undelivered)
	}
	return err
}
