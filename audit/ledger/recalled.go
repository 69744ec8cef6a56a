package ledger

import (
	"slices"
	"strings"
	"time"
)

// Delay is a step that a notice announces, and when: so many seconds after the notice.
type Delay struct {
	// Step is one of the Step constants.
	Step string `json:"step"`
	// After is the delay in seconds.
	After int64 `json:"after"`
}

// Recalled is a notice that ended before all that it announced had come, and of whose end people were not told yet.
type Recalled struct {
	Key    `json:"key"`
	Notice `json:"notice"`
	// Ended is when it ended, and Seq the number of the record that ended it; Reason is why.
	Ended  time.Time
	Seq    uint64
	Reason string
}

// recall ends a notice, and keeps that it did until people are told.
func (s *State) recall(key Key, r Record, reason string) {
	n, held := s.Notices[key]
	if !held {
		return
	}
	delete(s.Notices, key)
	s.Recalled = append(s.Recalled, Recalled{Key: key, Notice: n, Ended: r.Time, Seq: r.Seq, Reason: reason})
}

// recallAll ends all notices about a token.
func (s *State) recallAll(token string, r Record, reason string) {
	var keys []Key
	for key := range s.Notices {
		if key.Token == token {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Rule, b.Rule) })
	for _, key := range keys {
		s.recall(key, r, reason)
	}
}

// toldRecalls forgets the ends of notices that a report has told.
func (s *State) toldRecalls(upTo uint64) {
	s.Recalled = slices.DeleteFunc(s.Recalled, func(n Recalled) bool { return n.Seq <= upTo })
}

// OwnerPart begins the name of the part of a report that is a message to an owner; their id of Okta's follows.
const OwnerPart = "owner-"

// tellOwner notes that an owner was told of their tokens, and when, if the clock was not in doubt.
func (s *State) tellOwner(r Record) {
	if id, ok := strings.CutPrefix(r.Part, OwnerPart); ok && !r.Doubted {
		put(&s.OwnersTold, id, r.Time)
	}
}
