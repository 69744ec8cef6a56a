package ledger

import (
	"slices"
	"time"
)

// TrendLength is how many plans State.Trend has at most.
const TrendLength = 20

// Point is what one run found.
type Point struct {
	// At is when its plan was recorded.
	At time.Time
	// Findings is how many findings it had, Critical how many of them were critical.
	Findings, Critical int
}

// Sending names a report on its way: the run whose report it is, and the channel, which is "" for Slack.
type Sending struct{ Channel, Run string }

// Place is where a report goes, or where a part of it is.
type Place struct {
	// Via says where in words.
	Via string
	// Name is what the channel itself calls the place, such as the id of a channel of Slack or the ts of a message; ""
	// if it has no such name, or in a record of a version that did not write it.
	Name string
}

// Delivery is a report on its way to a channel.
type Delivery struct {
	// At is when its delivery was begun; zero if the clock was in doubt then.
	At time.Time
	// To is where it goes; its Name is the channel of Slack, "" for a webhook.
	To Place
	// Announced says that the run began to announce what it was about to do. File is then "" until the run is
	// over: a run that leaves it so was interrupted.
	Announced bool
	// File and Snapshot are for ReadParcel.
	File, Snapshot string
	// Parts are the parts that were accepted, by name, and where each is.
	Parts map[string]Place
	// Outcomes are what the run is known to have done, settled, in the order of Seq.
	Outcomes []Record
}

// deliver takes in a record about the delivery of a report.
func (s *State) deliver(r Record) {
	sending := Sending{r.Channel, r.Of}
	d, begun := s.Undelivered[sending]
	at := r.Time
	if r.Doubted {
		at = time.Time{}
	}
	switch r.Kind {
	case Announcing:
		put(&s.Undelivered, sending, Delivery{At: at, To: Place{r.Via, r.Name}, Announced: true})
	case Outbox:
		if !begun {
			d.At = at
		}
		d.To, d.File, d.Snapshot = Place{r.Via, r.Name}, r.File, r.Snapshot
		put(&s.Undelivered, sending, d)
	case Posted:
		if !r.Doubted && r.Channel == "" {
			s.LastPost = r.Time
		}
		s.tellOwner(r)
		if begun {
			put(&d.Parts, r.Part, Place{r.Via, r.Name})
			s.Undelivered[sending] = d
		}
	case Delivered:
		delete(s.Undelivered, sending)
	}
}

// attribute keeps what a run has done while its report isn't delivered, whichever run found that out.
func (s *State) attribute(intent, outcome Record) {
	for sending, d := range s.Undelivered {
		if sending.Run == intent.Run {
			d.Outcomes = append(slices.Clip(d.Outcomes), outcome)
			s.Undelivered[sending] = d
		}
	}
}

// OpenOf are the open intents of a run, oldest first.
func (s *State) OpenOf(run string) (open []Record) {
	for _, seq := range s.OpenSeqs() {
		if r := s.Open[seq]; r.Run == run {
			open = append(open, r)
		}
	}
	return open
}
