// Package metrics shows Prometheus how runs go: on /metrics of a process that stands, in a file for a node exporter, or
// at a Pushgateway.
package metrics

import (
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// Source is whose numbers they are: the labels of all of them.
type Source struct {
	// Org is the host of the org, such as acme.okta.com; "" if it isn't known.
	Org string
	// Policy tells the policies apart by which one org is looked at. It stays the same when a policy is edited.
	Policy string
}

// Set is the numbers that are shown to Prometheus: gauges of the last run, and counters. It is for many goroutines at
// once.
//
// What a label may be is bounded: rules by the policy, clients by maxClients, all others by a list of ours.
type Set struct {
	source   Source
	registry *prometheus.Registry
	group    *prometheus.Registry // the same without the labels that a Pushgateway gives to all of a group
	last     *lastRun
	counts   *counts // of this process
}

// Run is the Set of a single run. Its counters are totals over all runs, which the ledger knows: what one run counts
// would never grow. Where there is no ledger there are none.
type Run struct {
	*Set
	id     string // of the run
	totals *counts
	known  bool // what the ledger tells is known
	past   ledger.Totals
}

// New makes the metrics of a process that stands, or those of the demo, at which nobody looks: its counters begin with
// the process. version is the program's.
func New(of Source, version string) *Set {
	m := newSet(of, version)
	m.register(m.counts)
	return m
}

// NewRun makes the metrics of the run with an id, the only one of its process.
func NewRun(of Source, version, id string) *Run {
	r := &Run{Set: newSet(of, version), id: id, totals: &counts{unknown: true}}
	r.register(r.totals)
	return r
}

// newSet is a Set that does not show its counters yet.
func newSet(of Source, version string) *Set {
	m := &Set{
		source: of, registry: prometheus.NewRegistry(), group: prometheus.NewRegistry(), last: &lastRun{},
		counts: &counts{numbers: make(map[string]int)},
	}
	m.register(m.last)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help: "Always 1; the labels say what is running."}, []string{"version", "goversion"})
	info.WithLabelValues(okta.Printable(version), runtime.Version()).Set(1)
	m.register(info)
	return m
}

// namespace begins the name of every metric of ours.
const namespace = "tokensweep"

// policyLabel is the label that tells policies apart.
const policyLabel = "policy"

// register registers a collector, whose metrics get the labels of the source.
func (m *Set) register(c prometheus.Collector) {
	org := prometheus.Labels{"org": m.source.Org}
	prometheus.WrapRegistererWith(org, m.group).MustRegister(c)
	all := prometheus.WrapRegistererWith(prometheus.Labels{policyLabel: m.source.Policy}, m.registry)
	prometheus.WrapRegistererWith(org, all).MustRegister(c)
}

// Recall takes in what the ledger tells of runs before this process.
func (m *Set) Recall(h audit.History) { m.last.recall(h) }

// Recall takes in what the ledger tells, before the run ended or after.
func (r *Run) Recall(h audit.History) {
	r.Set.Recall(h)
	r.past, r.known = h.Totals, true
}

// Report takes in what a run found.
func (m *Set) Report(r *audit.Report) { m.last.report(r) }

// Ended takes in how a run went, with a report or without.
func (m *Set) Ended(began, ended time.Time, code audit.ExitCode) {
	m.counts.add(1, countRuns, codeLabel(code))
	m.last.end(began, ended, code)
}

// Ended takes in how the run went. It may be called again, where that has changed: then the last call counts.
func (r *Run) Ended(began, ended time.Time, code audit.ExitCode) {
	r.last.end(began, ended, code)
	if !r.known {
		return
	}
	recorded := 0
	if last := r.past.Last; last != nil {
		recorded = last.ExitCode
		if last.Run == r.id {
			recorded = int(code)
		}
	}
	all, numbers := r.past.All(recorded), make(map[string]int)
	for k, n := range all.Sums {
		if told(k) {
			numbers[k] = n
		}
	}
	for k, n := range all.Outcomes {
		numbers[key(countActions, k)] = n
	}
	for code, ends := range all.Ends {
		numbers[key(countRuns, strconv.Itoa(code))] = ends.Count
	}
	r.totals.set(numbers)
}

// Lap returns a function that says what was counted since, for the end of a run on record.
func (m *Set) Lap() func() map[string]int {
	before := m.counts.told()
	return func() map[string]int {
		since := make(map[string]int)
		for k, n := range m.counts.told() {
			if n -= before[k]; n != 0 {
				since[k] = n
			}
		}
		return since
	}
}

// Recorded takes in a record of the ledger, right after it was written.
func (m *Set) Recorded(r ledger.Record) {
	m.last.recorded(r.Seq)
	if r.Kind == ledger.Outcome {
		m.counts.add(1, countActions, r.Step, r.Result)
	}
}

// Asked takes in an event of the client.
func (m *Set) Asked(e okta.Event) {
	switch {
	case e.Until.IsZero():
		status := "none"
		if e.Status != 0 {
			status = strconv.Itoa(e.Status)
		}
		if !slices.Contains(oktaStatuses, status) {
			status = otherLabel
		}
		m.counts.add(1, countRequests, status)
	case e.RateLimit:
		m.counts.add(1, countWaits)
		m.counts.add(int(max(0, time.Until(e.Until).Milliseconds())), countWaited)
	}
}

// The labels of deliveries.
const (
	messageAnnouncement, messageReport = "announcement", "report"
	deliveryOK, deliveryFailed         = "ok", "failed"
)

// Channel is one of the ways to people.
type Channel string

// The channels whose deliveries are counted.
const (
	Slack   Channel = "slack"
	Webhook Channel = "webhook"
)

// Announced takes in what came of posting what a run was about to do; nil is that all of it was accepted.
func (m *Set) Announced(c Channel, err error) { m.delivered(c, messageAnnouncement, err) }

// Reported takes in what came of posting a report.
func (m *Set) Reported(c Channel, err error) { m.delivered(c, messageReport, err) }

func (m *Set) delivered(c Channel, message string, err error) {
	result := deliveryOK
	if err != nil {
		result = deliveryFailed
	}
	m.counts.add(1, string(c)+countReports, message, result)
}
