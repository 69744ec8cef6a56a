package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"tokensweep/audit"
	"tokensweep/okta"
)

const (
	// maxClients is how many clients have a series of their own; those with the fewest tokens share the one of
	// otherLabel.
	maxClients = 20
	// maxClientName is how many characters of a client's name are shown.
	maxClientName = 100
)

var (
	descTokens = describe("tokens", "Tokens of the org by client, as of the last complete listing. Only the "+
		"clients with the most tokens have their own series; other has the rest, unknown those whose client Okta "+
		"does not name.", "client")
	descFindings = describe("findings", "Findings by rule and outcome, as of the last complete listing. A finding "+
		"counts for each rule that it is one of.", "rule", "outcome")
	descStopped = describe("last_run_stopped",
		"1 if more was due at once than stopAbove allows, so that nothing was done; as of the last complete listing.")
	descEnded   = describe("last_run_timestamp_seconds", "When the last run ended, however it went.")
	descSuccess = describe("last_success_timestamp_seconds",
		"When the last run ended that was complete and in which nothing went wrong.")
	descTook = describe("last_run_duration_seconds", "How long the last run took.")
	descCode = describe("last_run_exit_code", "Exit code of the last run: 0 and 10 are success.")
	descHead = describe("ledger_head_sequence", "Number of the last record of the ledger.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// lastRun collects what is known of the last run. What isn't known is left out: no series is better than a zero.
type lastRun struct {
	mu sync.Mutex

	complete bool // what was found is known
	clients  map[string]int
	findings map[ruleOutcome]int
	stopped  bool

	began, ended, succeeded time.Time
	code                    audit.ExitCode
	head                    uint64
}

// ruleOutcome is what findings are counted by.
type ruleOutcome struct {
	rule    string
	outcome audit.Outcome
}

func (l *lastRun) recall(h audit.History) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.succeeded, l.head = h.Succeeded, h.Head.Seq
	l.began, l.ended, l.code = time.Time{}, h.LastEnded, h.Code
	if !h.Ended.IsZero() {
		l.began = h.Began
	}
}

func (l *lastRun) end(began, ended time.Time, code audit.ExitCode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began, l.ended, l.code = began, ended, code
	if code.Success() {
		l.succeeded = ended
	}
}

func (l *lastRun) wentWell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.complete && l.code.Success()
}

func (l *lastRun) recorded(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = seq
}

func (l *lastRun) report(r *audit.Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = max(l.head, r.Head.Seq) // the end of the run is on record by now
	if !r.Complete {
		return // the last complete listing is still the one before
	}
	l.complete, l.stopped = true, r.Stopped
	l.clients, l.findings = boundedClients(r.Clients), make(map[ruleOutcome]int)
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, m := range f.Matched {
			l.findings[ruleOutcome{m.Rule.ID, f.Outcome}]++
		}
		for _, m := range f.Unknown {
			l.findings[ruleOutcome{m.Rule.ID, audit.Unknown}]++
		}
	}
}

// boundedClients makes labels of the names of clients, which are strangers' text.
func boundedClients(clients map[string]int) map[string]int {
	byLabel := make(map[string]int)
	for name, n := range clients {
		byLabel[clientLabel(name)] += n
	}
	labels := slices.SortedFunc(maps.Keys(byLabel), func(a, b string) int {
		return cmp.Or(byLabel[b]-byLabel[a], strings.Compare(a, b))
	})
	bounded := make(map[string]int)
	for i, label := range labels {
		if i >= maxClients {
			bounded[otherLabel] += byLabel[label]
			continue
		}
		bounded[label] += byLabel[label]
	}
	return bounded
}

func clientLabel(name string) string {
	if name == "" {
		return "unknown"
	}
	name = okta.Printable(name)
	if utf8.RuneCountInString(name) > maxClientName {
		name = string([]rune(name)[:maxClientName-1]) + "…"
	}
	return name
}

// Describe implements prometheus.Collector.
func (l *lastRun) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descTokens, descFindings, descStopped, descEnded, descSuccess, descTook,
		descCode, descHead} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (l *lastRun) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if l.complete {
		for client, n := range l.clients {
			gauge(descTokens, float64(n), client)
		}
		for key, n := range l.findings {
			gauge(descFindings, float64(n), key.rule, string(key.outcome))
		}
		stopped := 0.0
		if l.stopped {
			stopped = 1
		}
		gauge(descStopped, stopped)
	}
	if !l.succeeded.IsZero() {
		gauge(descSuccess, unixSeconds(l.succeeded))
	}
	if !l.ended.IsZero() {
		gauge(descEnded, unixSeconds(l.ended))
		gauge(descCode, float64(l.code))
	}
	if !l.ended.IsZero() && !l.began.IsZero() {
		gauge(descTook, l.ended.Sub(l.began).Seconds())
	}
	if l.head > 0 {
		gauge(descHead, float64(l.head))
	}
}

// unixSeconds is a time as Prometheus writes it.
func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
