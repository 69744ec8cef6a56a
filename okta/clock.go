package okta

import (
	"sync"
	"time"
)

// clock relates the org's clock to ours. Each answer says what the org's clock showed, cut to a second,
// at some moment between our sending and our receiving; that bounds the offset (org's time less ours)
// from both sides, and the bounds of all answers together soon leave little doubt.
type clock struct {
	mu        sync.Mutex
	known     bool
	low, high time.Duration
}

// observe takes in the Date header of an answer.
func (c *clock) observe(date, sent, received time.Time) {
	low, high := date.Sub(received), date.Add(time.Second).Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && low <= c.high && c.low <= high {
		low, high = max(low, c.low), min(high, c.high)
	} // else one of the clocks was set, and what was known is void
	c.known, c.low, c.high = true, low, high
}

func (c *clock) offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.low + (c.high-c.low)/2, c.known
}

// ours is the moment on our clock at which the org's clock shows t or later. Without any observation the clocks
// are taken to agree.
func (c *clock) ours(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Add(-c.low)
}

// earliest is the least that the org's clock can show when ours shows t. Without any observation the clocks are taken
// to agree.
func (c *clock) earliest(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Add(c.low)
}
