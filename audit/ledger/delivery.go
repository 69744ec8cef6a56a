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

// Delivery is a report on its way to a channel.
type Delivery struct {
	// At is when its delivery was begun; zero if the clock was in doubt then.
	At time.Time
	// Via is where it goes.
	Via string
	// Announced says that the run began to announce what it was about to do. File is then "" until the run is
	// over: a run that leaves it so was interrupted.
	Announced bool
	// File and Snapshot are for ReadParcel.
	File, Snapshot string
	// Parts are the parts that were accepted, by name, and where each is.
	Parts map[string]string
	// Outcomes are what the run is known to have done, settled, in the order of Seq.
	Outcomes []Record
}

// deliver takes in a record about the delivery of a report.
func (s *State) deliver(r Record) {
	d, begun := s.Undelivered[r.Of]
	at := r.Time
	if r.Doubted {
		at = time.Time{}
	}
	switch r.Kind {
	case Announcing:
		put(&s.Undelivered, r.Of, Delivery{At: at, Via: r.Via, Announced: true})
	case Outbox:
		if !begun {
			d.At = at
		}
		d.Via, d.File, d.Snapshot = r.Via, r.File, r.Snapshot
		put(&s.Undelivered, r.Of, d)
	case Posted:
		if !r.Doubted {
			s.LastPost = r.Time
		}
		s.tellOwner(r)
		if begun {
			put(&d.Parts, r.Part, r.Via)
			s.Undelivered[r.Of] = d
		}
	case Delivered:
		delete(s.Undelivered, r.Of)
	}
}

// attribute keeps what a run has done while its report isn't delivered, whichever run found that out.
func (s *State) attribute(intent, outcome Record) {
	if d, begun := s.Undelivered[intent.Run]; begun {
		d.Outcomes = append(slices.Clip(d.Outcomes), outcome)
		s.Undelivered[intent.Run] = d
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
