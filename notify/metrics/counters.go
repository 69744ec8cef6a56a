package metrics

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

// What the labels of counters may be besides, where something comes that nobody knows.
const otherLabel = "other"

// The names by which numbers are counted, each followed by the values of its labels with a ledger.SumMark before each.
// Those of numbers that the ledger knows nothing of by itself go into the ends of runs: they don't change.
const (
	countRuns     = "runs"
	countActions  = "actions"
	countRequests = "okta/requests"
	countWaits    = "okta/waits"
	countWaited   = "okta/waited-ms"
	countReports  = "/deliveries" // after the name of a channel
)

// counter is a metric that grows.
type counter struct {
	name  string // by which it is counted
	desc  *prometheus.Desc
	scale float64 // what one of its numbers is worth
	// labels are the values that its labels may have, of which all are shown from the start: an increase from nothing
	// would be none. Where nil, there are no labels.
	labels [][]string
	// told says that the end of a run tells its numbers to the ledger.
	told bool
}

var (
	// actionResults are what can come of each step.
	actionResults = map[string][]string{
		ledger.StepQuarantine: {ledger.ResultQuarantined, ledger.ResultGone, ledger.ResultFailed,
			ledger.ResultUnknown},
		ledger.StepRevoke:        {ledger.ResultRevoked, ledger.ResultGone, ledger.ResultFailed, ledger.ResultUnknown},
		ledger.StepRestore:       {ledger.ResultRestored, ledger.ResultGone, ledger.ResultFailed, ledger.ResultUnknown},
		ledger.StepRevokeCurrent: {ledger.ResultRevoked, ledger.ResultGone, ledger.ResultFailed, ledger.ResultUnknown},
	}
	// oktaStatuses are those that Okta answers with; "none" is no answer.
	oktaStatuses = []string{"200", "204", "400", "401", "403", "404", "429", "500", "502", "503", "504", "none"}
)

// counters are all metrics that grow, but for those of a process that stands.
var counters = []counter{
	{name: countRuns, scale: 1, labels: runLabels(), desc: describe("runs_total", "Runs by exit code.", "exit_code")},
	{name: countActions, scale: 1, labels: actionLabels(), desc: describe("actions_total", "Changes of tokens by step "+
		"and by what came of them. One whose result is unknown counts again when it is settled.", "step", "result")},
	{name: countRequests, scale: 1, labels: single(oktaStatuses), told: true, desc: describe("okta_requests_total",
		"Requests to Okta by the status of the answer; none means that no answer came.", "status")},
	{name: countWaits, scale: 1, told: true, desc: describe("okta_rate_limit_waits_total",
		"Waits for a rate limit of Okta's, our share of it included.")},
	{name: countWaited, scale: 1e-3, told: true, desc: describe("okta_rate_limit_wait_seconds_total",
		"Time for which a rate limit of Okta's was to be waited for.")},
	deliveriesTo(Slack, "Slack"),
	deliveriesTo(Webhook, "the webhook"),
}

func deliveriesTo(c Channel, words string) counter {
	return counter{name: string(c) + countReports, scale: 1, told: true, labels: [][]string{
		{messageAnnouncement, deliveryOK}, {messageAnnouncement, deliveryFailed},
		{messageReport, deliveryOK}, {messageReport, deliveryFailed},
	}, desc: describe(string(c)+"_deliveries_total", "Announcements and reports that were to go to "+words+
		", by whether all of them was accepted.", "message", "result")}
}

func runLabels() (labels [][]string) {
	for _, exit := range audit.Exits {
		labels = append(labels, []string{codeLabel(exit.Code)})
	}
	return labels
}

func actionLabels() (labels [][]string) {
	for _, step := range slices.Sorted(maps.Keys(actionResults)) {
		for _, result := range actionResults[step] {
			labels = append(labels, []string{step, result})
		}
	}
	return labels
}

func single(values []string) (labels [][]string) {
	for _, v := range values {
		labels = append(labels, []string{v})
	}
	return labels
}

// key is the name of a number.
func key(name string, labels ...string) string {
	return strings.Join(append([]string{name}, labels...), ledger.SumMark)
}

func codeLabel(code audit.ExitCode) string { return strconv.Itoa(int(code)) }

// counts are the numbers of counters. They are for many goroutines at once.
type counts struct {
	mu      sync.Mutex
	numbers map[string]int // by key
	unknown bool           // they can't be told, so that nothing is shown
}

// add counts n more.
func (c *counts) add(n int, name string, labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers[key(name, labels...)] += n
}

// told are the numbers that the end of a run tells to the ledger.
func (c *counts) told() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	numbers := make(map[string]int)
	for k, n := range c.numbers {
		if told(k) {
			numbers[k] = n
		}
	}
	return numbers
}

// told reports whether the end of a run tells the number with a key to the ledger.
func told(k string) bool {
	return slices.ContainsFunc(counters, func(c counter) bool { return c.told && c.has(k) })
}

// set replaces the numbers.
func (c *counts) set(numbers map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers, c.unknown = numbers, false
}

// has reports whether the number with a key is one of the counter's.
func (c *counter) has(k string) bool {
	rest, ok := strings.CutPrefix(k, c.name)
	return ok && (rest == "" || strings.HasPrefix(rest, ledger.SumMark))
}

// values are the labels' values of a number, bounded whatever somebody has put on record.
func (c *counter) values(k string) []string {
	if c.labels == nil {
		return nil
	}
	values := strings.Split(strings.TrimPrefix(k[len(c.name):], ledger.SumMark), ledger.SumMark)
	if slices.ContainsFunc(c.labels, func(known []string) bool { return slices.Equal(known, values) }) {
		return values
	}
	// What is unknown of one that is known is told of that one.
	other := slices.Repeat([]string{otherLabel}, len(c.labels[0]))
	for _, known := range c.labels {
		if len(other) > 1 && known[0] == values[0] {
			other[0] = values[0]
		}
	}
	return other
}

// Describe implements prometheus.Collector.
func (c *counts) Describe(to chan<- *prometheus.Desc) {
	for _, counter := range counters {
		to <- counter.desc
	}
}

// Collect implements prometheus.Collector.
func (c *counts) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unknown {
		return
	}
	for i := range counters {
		c.collect(to, &counters[i])
	}
}

func (c *counts) collect(to chan<- prometheus.Metric, counter *counter) {
	shown := map[string]int{} // by labels
	for _, labels := range counter.labels {
		shown[key("", labels...)] = 0
	}
	if counter.labels == nil {
		shown[""] = 0
	}
	for k, n := range c.numbers {
		if counter.has(k) {
			shown[key("", counter.values(k)...)] += n
		}
	}
	for labels, n := range shown {
		var values []string
		if counter.labels != nil {
			values = strings.Split(labels, ledger.SumMark)[1:]
		}
		to <- prometheus.MustNewConstMetric(counter.desc, prometheus.CounterValue, float64(n)*counter.scale, values...)
	}
}
