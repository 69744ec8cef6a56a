package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// giveUpAfter is how long later runs try to deliver a report.
const giveUpAfter = 7 * 24 * time.Hour

// Outbox remembers in a ledger, and in the store that it is in, which reports are on their way, so
// that a later run can finish what this one can't. The zero value remembers nothing.
type Outbox struct {
	Ledger *ledger.Ledger
}

// past is what the ledger has; an empty state without one.
func (o Outbox) past() *ledger.State {
	if o.Ledger == nil {
		return &ledger.State{}
	}
	return o.Ledger.State()
}

// age is how long a report has waited; 0 if that can't be told, since a clock is or was in doubt.
func (o Outbox) age(d ledger.Delivery, now time.Time) time.Duration {
	if d.At.IsZero() || o.Ledger != nil && o.Ledger.InDoubt() {
		return 0
	}
	return now.Sub(d.At)
}

func (o Outbox) record(r ledger.Record) error {
	if o.Ledger == nil {
		return nil
	}
	_, err := o.Ledger.Append(r)
	return err
}

// content is all that is to be posted of one report.
type content struct {
	Thread Thread
	// Owners are those who get a direct message, or would.
	Owners []recipient `json:",omitempty"`
	Alert  *Message
	// Lasting says that the alert is about something that no later one repeats.
	Lasting bool `json:",omitempty"`
	// Mode and OrgURL are those of the run.
	Mode   rules.Mode
	OrgURL string

	announcement bool // it says what is about to happen
}

// key names a part in the ledger. What an announcement has in its thread is another part than what the report
// has there under the same name; their first message is the same.
func (c *content) key(part string) string {
	if c.announcement && part != partParent {
		return "announced " + part
	}
	return part
}

// The names of parts that the delivery itself knows.
const (
	partParent = "parent"
	partOwners = "owners"
)

// parcel is a report on its way.
type parcel struct {
	outbox Outbox
	writer string // the run that posts
	run    string // the run whose report it is
	via    string // where it goes
	since  time.Time
	// doubtful says that more may be posted than parts has: by a run that died, or by a request whose answer was lost.
	doubtful   bool
	parts      map[string]string // what was accepted, and where
	unrecorded error
}

// newParcel is the report of a run that has announced nothing.
func (o Outbox) newParcel(run, via string, at time.Time) *parcel {
	return &parcel{outbox: o, writer: run, run: run, via: via, since: at, parts: make(map[string]string)}
}

// parent is the ts of the first message, "" if it was not accepted.
func (p *parcel) parent() string {
	where := p.parts[partParent]
	return where[strings.LastIndexByte(where, ' ')+1:]
}

// accepted notes where a part is. That a record of it could not be written doesn't keep the rest from being posted.
func (p *parcel) accepted(part, where string) {
	p.parts[part] = where
	if err := p.outbox.record(ledger.Record{Kind: ledger.Posted, Run: p.writer, Of: p.run, Part: part,
		Via: where}); err != nil && p.unrecorded == nil {
		p.unrecorded = err
	}
}

// announce begins the delivery of a run that is about to act.
func (o Outbox) announce(run, via string, at time.Time) (*parcel, error) {
	p := o.newParcel(run, via, at)
	return p, o.record(ledger.Record{Kind: ledger.Announcing, Run: run, Of: run, Via: via})
}

// store keeps what is to be posted until it is delivered.
func (p *parcel) store(c *content) error {
	if p.outbox.Ledger == nil {
		return nil
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("keeping the report until it is delivered: %w", err)
	}
	file, digest, err := p.outbox.Ledger.Store().WriteParcel(p.run, raw)
	if err != nil {
		return err
	}
	return p.outbox.record(ledger.Record{Kind: ledger.Outbox, Run: p.writer, Of: p.run, Via: p.via, File: file,
		Snapshot: digest})
}

// send delivers the final report: it is stored before, and forgotten when it is there.
func (p *parcel) send(c *content, deliver func() error) error {
	stored := p.store(c)
	if err := deliver(); err != nil {
		return errors.Join(stored, err)
	}
	if stored != nil {
		return stored
	}
	return p.done("")
}

// done ends the delivery; why says that, and why, it was given up.
func (p *parcel) done(why string) error {
	err := p.outbox.record(ledger.Record{Kind: ledger.Delivered, Run: p.writer, Of: p.run, Reason: why})
	if err == nil && p.outbox.Ledger != nil {
		p.outbox.Ledger.Store().RemoveParcels(p.outbox.past().Undelivered)
	}
	return err
}

// catchUp delivers what runs before that of r could not, oldest first. What can't be delivered now is left to later
// runs, for a week. What there is no time for, or whose turn doesn't come before ctx is done, is no failure.
func (s *sender) catchUp(ctx context.Context, r *audit.Report,
	deliver func(context.Context, *parcel, *content) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	past := s.outbox.past()
	var failures []error
	for _, run := range waiting(past.Undelivered, r.ID) {
		if ctx.Err() != nil {
			break
		}
		d := past.Undelivered[run]
		p := &parcel{outbox: s.outbox, writer: r.ID, run: run, via: d.Via, since: d.At, doubtful: true,
			parts: make(map[string]string)}
		maps.Copy(p.parts, d.Parts)
		err := s.resume(ctx, p, d, deliver)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil, errors.Is(err, errNoTime):
			return errors.Join(failures...)
		}
		why := fmt.Errorf("the report of the run %s: %w", run, err)
		if s.outbox.age(d, r.Started) > giveUpAfter || errors.Is(err, ledger.ErrNoParcel) ||
			errors.Is(err, errElsewhere) {
			why = fmt.Errorf("%w; it is given up: tokensweep ledger show --run %s has what the run did", why, run)
			why = errors.Join(why, p.done(why.Error()))
		}
		failures = append(failures, why)
	}
	return errors.Join(failures...)
}

// waiting names the runs whose reports are undelivered, oldest first, without the run own.
func waiting(undelivered map[string]ledger.Delivery, own string) (runs []string) {
	for run := range undelivered {
		if run != own {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b string) int {
		return cmp.Or(undelivered[a].At.Compare(undelivered[b].At), strings.Compare(a, b))
	})
	return runs
}

// errElsewhere is a report that can't go the way that there is now.
var errElsewhere = errors.New("it was to go another way")

// resume delivers one report. People are called for the first run that failed, and not once more for each: they see
// the others in the channel. What an alert of a report tells of changes and findings is told by no other.
func (s *sender) resume(ctx context.Context, p *parcel, d ledger.Delivery,
	deliver func(context.Context, *parcel, *content) error) error {
	c := interrupted(p.run, d, s.outbox.past(), s.options(Interrupted))
	if d.File != "" {
		raw, err := s.outbox.Ledger.Store().ReadParcel(d.File, d.Snapshot)
		if err != nil {
			return err
		}
		c = &content{}
		if err := json.Unmarshal(raw, c); err != nil {
			return fmt.Errorf("%w: another version wrote it: %w", ledger.ErrNoParcel, err)
		}
	}
	posted := func() bool { return c.Alert != nil && p.parts[c.key(c.Alert.Part)] != "" }
	before := posted()
	if s.called && !c.Lasting && !before {
		c.Alert = nil
	}
	err := deliver(ctx, p, c)
	s.called = s.called || posted() && !before
	if err != nil {
		return err
	}
	return p.done("")
}

// interrupted is what is to be said of a run that announced what it was about to do, and then died.
func interrupted(run string, d ledger.Delivery, past *ledger.State, o Options) *content {
	r := &audit.Report{ID: run, Mode: rules.Enforce, OrgURL: past.Org, Acted: len(d.Outcomes) > 0}
	add := func(rec ledger.Record, outcome audit.Outcome, reason string) {
		r.Findings = append(r.Findings, audit.Finding{
			Token: okta.Token{ID: rec.Token, Name: okta.Some(rec.Name)}, Step: stepOf(rec.Step), Outcome: outcome,
			Reason: reason, Done: true,
		})
	}
	for _, rec := range d.Outcomes {
		add(rec, audit.Outcome(rec.Result), rec.Reason)
	}
	for _, rec := range past.OpenOf(run) {
		add(rec, audit.Failed, "it is not known yet whether it was done")
	}
	c := &content{Thread: Report(r, o), Mode: r.Mode, OrgURL: r.OrgURL}
	if alert, ok := Alert(r, o); ok {
		c.Alert = &alert
	}
	return c
}

func stepOf(word string) rules.Step {
	switch word {
	case ledger.StepQuarantine:
		return rules.Quarantine
	case ledger.StepRevoke:
		return rules.Revoke
	}
	return rules.Flag
}
