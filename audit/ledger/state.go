package ledger

import (
	"slices"
	"time"
)

// Key names a finding: a token that a rule matched.
type Key struct {
	// Token is the id of the token, Rule that of the rule.
	Token, Rule string
}

// Notice is a notice that was delivered and still holds.
type Notice struct {
	// At is when it was delivered: the delays of the rule's steps count from here.
	At time.Time
	// Facts is the digest of the values that the rule read; Via is how the notice was delivered.
	Facts, Via string
	// Ahead is what it announced; nil where that was not recorded.
	Ahead []Delay
	// Name and Owner are those of the token then, the owner by id; "" where they were not recorded.
	Name, Owner string
	// Seq is the number of its record.
	Seq uint64
}

// Quarantine is a token that we have put into quarantine.
type Quarantine struct {
	// Before is the token's condition before, which restoring puts back; After is the one that the change
	// was answered with. Both are zero if they were not recorded.
	Before, After Condition
	// At is when the outcome was recorded.
	At time.Time
	// By is ByRun or ByHand.
	By string
	// Seq is the number of the intent.
	Seq uint64
}

// PlanRecord is a plan as it was recorded.
type PlanRecord struct {
	// At is when it was recorded; Run is the run that did.
	At  time.Time
	Run string
	// Policy is the digest of the policy that it was made by.
	Policy string
	// Count is the number of its decisions.
	Count int
	// Seq is the number of the record, which has what the plan would do: see Ledger.Actions. Parts is how many records
	// right before it have some of that.
	Seq, Parts uint64
}

// Pass is a pass over the org.
type Pass struct {
	// Began is when it began, Ended when it ended last; zero if it didn't.
	Began, Ended time.Time
}

// State is what the records of a ledger amount to. It is a function of the records alone: the same
// records give the same state, whether they were appended or read. The zero value is the state of an
// empty ledger. Its maps are nil while nothing was put into them, which reads as empty.
type State struct {
	// Org is the URL of the org as the last run had it, "" before any; OrgID is the org's id, "" where no run was
	// told it.
	Org, OrgID string
	// Findings are the open findings, by when each was first seen.
	Findings map[Key]time.Time
	// Unjudged are those of the open findings that could never be judged.
	Unjudged map[Key]bool
	// Severities are the words for the severities of the rules of open findings; none where it was not recorded.
	Severities map[Key]string
	// Exempted are the exemptions that save findings, as they were last recorded.
	Exempted map[Key]string
	// Notices are those that hold: not voided, of tokens that we have neither revoked nor given back.
	Notices map[Key]Notice
	// Open are the intents that no outcome has settled, by Seq.
	Open map[uint64]Record
	// Quarantined are the tokens in a quarantine of ours, by id, until they are restored, revoked or gone, or
	// somebody lifts the quarantine. One that is no longer listed stays: it may come back as it was.
	Quarantined map[string]Quarantine
	// Attempted are the last quarantines that were begun, by the id of the token, with the condition that each was to
	// have after and the time of the intent. They stay whatever is on record of their outcome, or of the token since: a
	// request may arrive late. With a token that is known to be gone they are forgotten: see Revoked.
	Attempted map[string]Quarantine
	// Released are the tokens that a person took out of quarantine, by id, and when: no step of a rule is taken
	// before that rule's own notice.
	Released map[string]time.Time
	// Unreported are settled outcomes and vanished tokens of runs that never ended or could not deliver their
	// report, oldest first: nobody may have been told of them.
	Unreported []Record
	// Recalled are the notices that ended early, oldest first, until an enforcing run has told people of that.
	Recalled []Recalled
	// OwnersTold are the owners who were told of their tokens, by id of Okta's, and when last.
	OwnersTold map[string]time.Time
	// Revoked are the tokens that we have revoked, by id, and when that was settled. Some weeks later they are
	// forgotten: by then they are on no list.
	Revoked map[string]time.Time
	// Plans are the plans of dry runs by digest; of those with the same digest, the newest.
	Plans map[string]PlanRecord
	// Listing is the last Listed record, nil before any.
	Listing *Record
	// LastRun is the last Begun or Ended record, nil before any.
	LastRun *Record
	// LastPass is the last pass, changes by hand not among them; zero before any. Totals has its id.
	LastPass Pass
	// LastPost is when a part of a report was last accepted by Slack, zero if none was.
	LastPost time.Time
	// Undelivered are the reports, by channel and run, that were begun to be posted and are not known to be
	// delivered or given up.
	Undelivered map[Sending]Delivery
	// Trend are the last plans, oldest first, at most TrendLength.
	Trend []Point
	// Halted is the Halt record in force, nil if there is none. The file of SetHalt is another matter.
	Halted *Record
	// Totals are what counters show that grow from run to run.
	Totals Totals

	changes []time.Time // of the intents to quarantine or revoke, in the order of Seq
	latest  time.Time
	hand    string   // the last run by hand
	loading *partial // the snapshot that is being read; nil for none
}

// Apply takes in the next record. It keeps r's slices, map and pointers, so they must not change any more. The records
// of a snapshot put what it says in place of what is there, which should be the same.
func (s *State) Apply(r Record) {
	if r.Kind == InForce {
		_ = s.load(&r) // what can't be read was found out when the line was
		return
	}
	if r.Time.After(s.latest) && !r.Doubted && !r.Kind.undated() {
		s.latest = r.Time
	}
	key := Key{r.Token, r.Rule}
	switch r.Kind {
	case Begun:
		s.Org = r.Org
		if r.Name != "" {
			s.OrgID = r.Name
		}
		s.LastRun = &r
	case Ended:
		s.LastRun = &r
		s.toldRecalls(r.Told)
	case Listed:
		s.Listing = &r
		s.forgetRevoked()
	case Seen:
		if _, known := s.Findings[key]; !known {
			put(&s.Findings, key, r.Time)
		}
		if r.Facts != "" {
			put(&s.Severities, key, r.Facts)
		}
		delete(s.Unjudged, key)
		if r.Result == ResultUnknown {
			put(&s.Unjudged, key, true)
		} else {
			delete(s.Exempted, key)
		}
	case Resolved:
		delete(s.Findings, key)
		delete(s.Severities, key)
		delete(s.Unjudged, key)
		delete(s.Exempted, key)
	case Noticed:
		put(&s.Notices, key, Notice{At: r.Time, Facts: r.Facts, Via: r.Via, Ahead: r.Ahead, Name: r.Name,
			Owner: r.Owner, Seq: r.Seq})
	case Voided:
		s.recall(key, r, r.Reason)
	case Intent:
		put(&s.Open, r.Seq, r)
		if r.Step == StepQuarantine || r.Step == StepRevoke {
			s.spend(r.Time)
		}
		s.attempt(r)
	case Outcome:
		if r.Settled {
			s.settle(r)
		}
	case Planned:
		s.Trend = append(s.Trend[max(0, len(s.Trend)-TrendLength+1):len(s.Trend):len(s.Trend)],
			Point{At: r.Time, Findings: r.Count, Critical: r.Critical})
		s.forgetPlans()
		if r.Mode == ModeDryRun { // what an enforcing run decided was not there to be reviewed before
			put(&s.Plans, r.Plan, PlanRecord{At: r.Time, Run: r.Run, Policy: r.Policy, Count: r.Count, Seq: r.Seq,
				Parts: r.Ref})
		}
	case Halt:
		s.Halted = &r
	case Resume:
		s.Halted = nil
	case Lifted:
		delete(s.Quarantined, r.Token)
		s.release(r, r.Token, r.Reason)
	case Exempted:
		put(&s.Exempted, key, r.Reason)
	case Announcing, Outbox, Posted, Delivered:
		s.deliver(r)
	case ClockReset:
		s.resetClock(r)
	case Vanished, Recovered, Planning:
	}
	s.follow(r)
	s.Totals.Apply(r)
}

// follow keeps what runs did that never ended, and so may never have been reported. The end of a run by
// hand reports what that run did, the end of any other all of it.
func (s *State) follow(r Record) {
	switch {
	case r.Kind == Begun && r.Mode != ByHand:
		s.LastPass = Pass{Began: r.Time}
	case r.Kind == Ended && r.Run == s.Totals.Pass:
		s.LastPass.Ended = r.Time
	}
	switch {
	case r.Kind == Begun && r.Mode == ByHand:
		s.hand = r.Run
	case r.Kind == Ended && r.Unread:
	case r.Kind == Ended && r.Run != s.hand:
		s.Unreported = nil
	case r.Kind == Ended:
		s.Unreported = slices.DeleteFunc(s.Unreported, func(u Record) bool { return u.Run == r.Run })
	case r.Kind == Vanished, r.Kind == Outcome && r.Settled:
		s.Unreported = append(s.Unreported, r)
	}
}

// attempt takes in that a quarantine was begun.
func (s *State) attempt(intent Record) {
	if intent.Step != StepQuarantine || intent.Before == nil || intent.After == nil {
		return
	}
	begun := Quarantine{At: intent.Time, By: intent.By, Seq: intent.Seq, Before: *intent.Before, After: *intent.After}
	put(&s.Attempted, intent.Token, begun)
}

// settle takes in an outcome that is certain. One that belongs to no open intent changes nothing.
func (s *State) settle(r Record) {
	intent, open := s.Open[r.Ref]
	if !open {
		return
	}
	delete(s.Open, r.Ref)
	s.attribute(intent, r)
	token := intent.Token
	switch r.Result {
	case ResultQuarantined:
		q := Quarantine{At: r.Time, By: intent.By, Seq: intent.Seq}
		if intent.Before != nil {
			q.Before = *intent.Before
		}
		if r.After != nil {
			q.After = *r.After
		}
		put(&s.Quarantined, token, q)
	case ResultRevoked:
		put(&s.Revoked, token, r.Time)
		delete(s.Quarantined, token)
		delete(s.Released, token)
		if intent.By == ByHand {
			s.recallAll(token, r, "the token was revoked by hand before")
		}
		s.forget(token)
	case ResultRestored:
		delete(s.Quarantined, token)
		s.release(r, token, "the quarantine was undone by hand, and nothing happens before a new notice")
	case ResultGone:
		delete(s.Quarantined, token)
		delete(s.Released, token)
	}
}

// forget ends all notices about a token.
func (s *State) forget(token string) {
	for key := range s.Notices {
		if key.Token == token {
			delete(s.Notices, key)
		}
	}
}

// release notes that a person wanted a token out of quarantine: what was announced is void, and nothing is
// done before a new notice.
func (s *State) release(r Record, token, why string) {
	s.recallAll(token, r, why)
	put(&s.Released, token, r.Time)
}

// put sets (*m)[k] to v and makes the map if need be.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}

// IntentsSince counts the intents to quarantine or revoke a token that are later than t, whatever came of
// them and whoever had them. Restoring and revoking the credential in use don't count.
func (s *State) IntentsSince(t time.Time) int {
	n := 0
	for _, at := range s.changes {
		if at.After(t) {
			n++
		}
	}
	return n
}

// OpenFor returns the newest open intent for the token with this id.
func (s *State) OpenFor(token string) (newest Record, ok bool) {
	for _, r := range s.Open {
		if r.Token == token && (!ok || r.Seq > newest.Seq) {
			newest, ok = r, true
		}
	}
	return newest, ok
}

// OpenSeqs are the numbers of the open intents, oldest first.
func (s *State) OpenSeqs() []uint64 {
	seqs := make([]uint64, 0, len(s.Open))
	for seq := range s.Open {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs
}

// Latest is the latest Time of all records by which the time can be told, zero before any. A clock that is far behind
// it was set back, or the records were written under one that was ahead.
func (s *State) Latest() time.Time { return s.latest }
