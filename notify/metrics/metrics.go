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

// Set is the numbers that a process shows to Prometheus: gauges of its last run, and counters since it
// started. Each has the label org. It is for many goroutines at once.
//
// What a label may be is bounded: rules by the policy, clients by maxClients, all others by a list of ours.
type Set struct {
	org      string
	registry *prometheus.Registry
	last     *lastRun

	runs       *prometheus.CounterVec // by exit code
	actions    *prometheus.CounterVec // by step and result
	requests   *prometheus.CounterVec // by status
	waits      prometheus.Counter
	waited     prometheus.Counter
	deliveries map[Channel]*prometheus.CounterVec // by message and result
}

// What the labels of counters may be besides, where something comes that nobody knows.
const otherLabel = "other"

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

// New makes the metrics of a process that looks at org, such as acme.okta.com, with a registry of their own.
// version is the program's.
func New(org, version string) *Set {
	m := &Set{org: org, registry: prometheus.NewRegistry()}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		m.register(c)
		return c
	}
	counter := func(name, help string) prometheus.Counter { return counters(name, help).WithLabelValues() }

	m.last = &lastRun{}
	m.register(m.last)
	m.runs = counters("runs_total", "Runs by exit code.", "exit_code")
	m.actions = counters("actions_total", "Changes of tokens by step and by what came of them. One whose result is "+
		"unknown counts again when it is settled.", "step", "result")
	m.requests = counters("okta_requests_total",
		"Requests to Okta by the status of the answer; none means that no answer came.", "status")
	m.waits = counter("okta_rate_limit_waits_total", "Waits for a rate limit of Okta's, our share of it included.")
	m.waited = counter("okta_rate_limit_wait_seconds_total",
		"Time for which a rate limit of Okta's was to be waited for.")
	m.deliveries = map[Channel]*prometheus.CounterVec{
		Slack: counters("slack_deliveries_total",
			"Announcements and reports that were to go to Slack, by whether all of them was accepted.",
			"message", "result"),
		Webhook: counters("webhook_deliveries_total",
			"Announcements and reports that were to go to the webhook, by whether all of them was accepted.",
			"message", "result"),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help: "Always 1; the labels say what is running."}, []string{"version", "goversion"})
	info.WithLabelValues(okta.Printable(version), runtime.Version()).Set(1)
	m.register(info)

	m.runs.WithLabelValues(codeLabel(audit.OK)) // zero is shown from the start where an increase matters
	for step, results := range actionResults {
		for _, result := range results {
			m.actions.WithLabelValues(step, result)
		}
	}
	for _, deliveries := range m.deliveries {
		for _, message := range []string{messageAnnouncement, messageReport} {
			deliveries.WithLabelValues(message, deliveryOK)
			deliveries.WithLabelValues(message, deliveryFailed)
		}
	}
	return m
}

// namespace begins the name of every metric of ours.
const namespace = "tokensweep"

// register registers a collector, whose metrics get the label org.
func (m *Set) register(c prometheus.Collector) {
	prometheus.WrapRegistererWith(prometheus.Labels{"org": m.org}, m.registry).MustRegister(c)
}

// Recall takes in what the ledger tells of runs before this process.
func (m *Set) Recall(h audit.History) { m.last.recall(h) }

// Report takes in what a run found.
func (m *Set) Report(r *audit.Report) { m.last.report(r) }

// Ended takes in how a run went, with a report or without.
func (m *Set) Ended(began, ended time.Time, code audit.ExitCode) {
	m.runs.WithLabelValues(codeLabel(code)).Inc()
	m.last.end(began, ended, code)
}

// EndedAfterAll is Ended for the only run of the set, of which Ended had another code.
func (m *Set) EndedAfterAll(began, ended time.Time, code audit.ExitCode) {
	m.runs.Reset()
	m.runs.WithLabelValues(codeLabel(audit.OK))
	m.Ended(began, ended, code)
}

func codeLabel(code audit.ExitCode) string { return strconv.Itoa(int(code)) }

// Recorded takes in a record of the ledger, right after it was written.
func (m *Set) Recorded(r ledger.Record) {
	m.last.recorded(r.Seq)
	if r.Kind != ledger.Outcome {
		return
	}
	results, known := actionResults[r.Step]
	step, result := r.Step, r.Result
	if !known {
		step = otherLabel
	}
	if !slices.Contains(results, result) {
		result = otherLabel
	}
	m.actions.WithLabelValues(step, result).Inc()
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
		m.requests.WithLabelValues(status).Inc()
	case e.RateLimit:
		m.waits.Inc()
		m.waited.Add(max(0, time.Until(e.Until).Seconds()))
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
	m.deliveries[c].WithLabelValues(message, result).Inc()
}
