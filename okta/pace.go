package okta

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pacer keeps this client within its share of the org's rate limits. It learns a limit from the headers
// of the answers (https://developer.okta.com/docs/reference/rl2-monitor/), spends its share of a window
// without delay, and then waits for the next window: before Okta would answer 429, not after.
type pacer struct {
	share float64

	mu      sync.Mutex
	buckets map[string]*bucket
}

// bucket is one limit of the org's and what is left of it in this window.
type bucket struct {
	limit     int // of a window; 0 while unknown
	remaining int // in this window, as far as the answers say
	inFlight  int // requests sent and not answered
	resets    time.Time
}

// bucketOf names the limit that a path counts against, as far as Okta documents it: users have one of
// their own, users/me another, tokens and zones share the one for all the rest.
func bucketOf(path string) string {
	switch {
	case path == "/api/v1/users/me", !strings.HasPrefix(path, "/api/"):
		return path
	case strings.HasPrefix(path, "/api/v1/users/"):
		return "/api/v1/users"
	default:
		return "/api/v1"
	}
}

// acquire waits until a request to path may be sent, and counts it. Every acquire needs its release. It waits no
// longer than patience; 0 is without end.
func (p *pacer) acquire(ctx context.Context, c *conn, method, path string, patience time.Duration) error {
	for {
		now := time.Now()
		wait := p.reserve(bucketOf(path), now)
		if wait <= 0 {
			return nil
		}
		if patience > 0 && wait > patience {
			return fmt.Errorf("our share of the rate limit (%g) is used up until %s", p.share,
				now.Add(wait).UTC().Format(time.RFC3339))
		}
		c.trace(Event{
			Method: method, Path: path, Until: now.Add(wait), RateLimit: true,
			Reason: fmt.Sprintf("our share of the rate limit (%g) is used up", p.share),
		})
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// reserve counts a request against the bucket, or says how long to wait before asking again.
func (p *pacer) reserve(name string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(name)
	if wait := p.full(b, now, 1); wait > 0 {
		return wait
	}
	b.inFlight++
	return 0
}

// room waits until n requests to path could be sent without a wait, as far as a window has room for them.
func (p *pacer) room(ctx context.Context, c *conn, path string, n int) (waited bool, err error) {
	for ; ; waited = true {
		p.mu.Lock()
		now := time.Now()
		wait := p.full(p.bucket(bucketOf(path)), now, n)
		p.mu.Unlock()
		if wait <= 0 {
			return waited, nil
		}
		c.trace(Event{Method: http.MethodGet, Path: path, Until: now.Add(wait), RateLimit: true,
			Reason: fmt.Sprintf("our share of the rate limit (%g) is used up", p.share)})
		if err := Sleep(ctx, wait); err != nil {
			return true, err
		}
	}
}

// full is how long to wait until the bucket has room for n requests, 0 if it has.
func (p *pacer) full(b *bucket, now time.Time, n int) time.Duration {
	if b.limit == 0 || !now.Before(b.resets) {
		return 0
	}
	ours := p.ours(b)
	if b.remaining-b.inFlight-min(n, ours) >= b.limit-ours {
		return 0
	}
	return min(b.resets.Sub(now), maxRateWait)
}

// ours is how much of a window of the bucket this client may use. At least a reading and a change fit in each,
// however small the share.
func (p *pacer) ours(b *bucket) int { return min(b.limit, max(2, int(float64(b.limit)*p.share))) }

// budget tells what is known of the bucket of a path.
func (p *pacer) budget(path string, now time.Time) (Budget, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(bucketOf(path))
	if b.limit == 0 {
		return Budget{}, false
	}
	left := b.remaining
	if !now.Before(b.resets) {
		left = b.limit
	}
	return Budget{Limit: b.limit, Remaining: left, Ours: p.ours(b), Resets: b.resets}, true
}

// release counts an answer, and takes in what its headers say of the limit; header is nil if there was no answer.
func (p *pacer) release(path string, header http.Header, clock *clock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(bucketOf(path))
	b.inFlight--
	limit, remaining, reset, ok := rateLimit(header)
	if !ok || limit == 0 || header.Get("Date") == "" {
		return
	}
	// Windows last a minute. Whatever a header says, no wait is longer.
	resets := clock.ours(reset)
	if latest := time.Now().Add(maxRateWait); resets.After(latest) {
		resets = latest
	}
	// Answers may arrive out of order; within a window the budget only falls. The same reset moves a
	// little on our clock while the offset of the org's is being learnt.
	if b.limit != limit || resets.Sub(b.resets).Abs() > time.Second {
		b.remaining = remaining
	}
	b.limit, b.resets, b.remaining = limit, resets, min(b.remaining, remaining)
}

func (p *pacer) bucket(name string) *bucket {
	if p.buckets == nil {
		p.buckets = make(map[string]*bucket)
	}
	if p.buckets[name] == nil {
		p.buckets[name] = new(bucket)
	}
	return p.buckets[name]
}

// rateLimit reads Okta's rate-limit headers. A header given twice counts with its smallest value, as
// Okta's SDK for Python has it. A limit of 0 is that of concurrency, which has no window.
func rateLimit(h http.Header) (limit, remaining int, reset time.Time, ok bool) {
	l, okLimit := smallest(h.Values("X-Rate-Limit-Limit"))
	r, okRemaining := smallest(h.Values("X-Rate-Limit-Remaining"))
	at, okReset := smallest(h.Values("X-Rate-Limit-Reset"))
	return int(l), int(r), time.Unix(at, 0), okLimit && okRemaining && okReset
}

func smallest(values []string) (n int64, ok bool) {
	for _, s := range values {
		v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil || v < 0 {
			return 0, false
		}
		if !ok || v < n {
			n, ok = v, true
		}
	}
	return n, ok
}
