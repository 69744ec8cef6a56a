package oktatest

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limiter counts requests by bucket.
type limiter struct {
	rate    RateLimit
	mu      sync.Mutex
	buckets map[string]*window
}

type window struct {
	start, end time.Time
	used       int
}

// bucket is the name of the rate limit that a path counts against, "" for none. Recorded: listing,
// reading and deleting tokens share one; zones share it too, users have their own (Okta's table of
// buckets as of 2025-12, since gone from its site).
func bucket(path string) string {
	switch {
	case path == tokenEndpoint:
		return path
	case !strings.HasPrefix(path, "/api/"):
		return ""
	case path == "/api/v1/users/me":
		return "/api/v1/users/me"
	case strings.HasPrefix(path, "/api/v1/users"):
		return "/api/v1/users"
	default:
		return "/api/v1"
	}
}

// take counts a request and writes the headers that go with it. It reports false if it is over the limit.
func (l *limiter) take(bucket string, now time.Time, h http.Header) bool {
	if l.rate.Limit <= 0 || bucket == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.buckets[bucket]
	if w == nil || now.Before(w.start) || !now.Before(w.end) {
		w = l.open(now)
		l.buckets[bucket] = w
	}
	ok := w.used < l.rate.Limit
	if ok {
		w.used++
	}
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(l.rate.Limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(l.rate.Limit-w.used))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(w.end.Unix(), 10))
	return ok
}

// open starts a window at the whole second, as in the recordings, where the first answer of a window has
// a reset exactly 60 s after its date.
func (l *limiter) open(now time.Time) *window {
	length := l.rate.Window
	if length <= 0 {
		length = time.Minute
	}
	if rest := length % time.Second; rest != 0 {
		length += time.Second - rest
	}
	start := time.Unix(now.Unix(), 0)
	return &window{start: start, end: start.Add(length)}
}
