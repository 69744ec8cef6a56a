package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Service is the Set of a process that stands, with what there is to say of its schedule.
type Service struct {
	*Set

	next              prometheus.Gauge
	valid             prometheus.Gauge
	skipped, panicked prometheus.Counter
}

// NewService is New for a process that stands.
func NewService(of Source, version string) *Service {
	s := &Service{
		Set: New(of, version),
		next: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "next_run_timestamp_seconds",
			Help: "When the next run is due; 0 if the schedule never fires again."}),
		valid: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "policy_valid",
			Help: "1 if the policy and its schedule could be read when they were last looked at. While it is 0 the " +
				"schedule of the last good one stays in force."}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "runs_skipped_total",
			Help: "Runs that were due while another was under way."}),
		panicked: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "runs_panicked_total",
			Help: "Runs that ended by a panic."}),
	}
	for _, c := range []prometheus.Collector{s.next, s.valid, s.skipped, s.panicked} {
		s.register(c)
	}
	s.valid.Set(1)
	// In a file beside others of a node these would be anybody's, so that only a process that stands has them.
	s.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Next takes in when the next run is due; zero is never.
func (s *Service) Next(at time.Time) {
	if at.IsZero() {
		s.next.Set(0)
		return
	}
	s.next.Set(unixSeconds(at))
}

// PolicyValid takes in whether the policy could be read.
func (s *Service) PolicyValid(ok bool) {
	if ok {
		s.valid.Set(1)
		return
	}
	s.valid.Set(0)
}

// Skipped takes in a run that was due while another was under way.
func (s *Service) Skipped() { s.skipped.Inc() }

// Panicked takes in a run that ended by a panic.
func (s *Service) Panicked() { s.panicked.Inc() }
