package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"

	"tokensweep/okta"
)

// Handler shows the metrics to a Prometheus that asks for them.
func (m *Set) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// WriteFile writes the metrics for the textfile collector of a node exporter
// (https://github.com/prometheus/node_exporter#textfile-collector). They are put in place in one step, which
// replaces whatever has that name.
func (m *Set) WriteFile(name string) error {
	if err := prometheus.WriteToTextfile(name, m.registry); err != nil {
		return fmt.Errorf("writing the metrics: %w", err)
	}
	return nil
}

const (
	// pushTimeout bounds a push.
	pushTimeout = 30 * time.Second
	// maxPushError is how much is shown of what a Pushgateway answers.
	maxPushError = 500
)

// Pushgateway is where metrics are pushed to. It comes from ParsePushgateway; the zero value is none.
type Pushgateway struct{ url string }

// ParsePushgateway reads the URL of a Pushgateway: http or https, without credentials.
func ParsePushgateway(s string) (Pushgateway, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return Pushgateway{}, errors.New("want a URL like http://pushgateway:9091")
	case u.User != nil:
		return Pushgateway{}, errors.New("leave out the user name and password: a command line is no place for them")
	case u.RawQuery != "" || u.Fragment != "":
		return Pushgateway{}, errors.New("leave out what follows the path")
	}
	return Pushgateway{u.String()}, nil
}

// String is the URL.
func (g Pushgateway) String() string { return g.url }

// Push pushes the metrics to a Pushgateway, into the group of job tokensweep, the org as instance, and the policy.
// After a run that went well they replace all that the group has from earlier pushes; after another, what isn't among
// them now stays, such as what the last complete listing held
// (https://github.com/prometheus/pushgateway#put-method).
//
// While the org is unknown nothing is pushed: no later run would touch that group, and it would stay for ever.
func (m *Set) Push(ctx context.Context, to Pushgateway) error {
	if m.source.Org == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	pusher := push.New(to.url, namespace).Client(client).Format(expfmt.NewFormat(expfmt.TypeTextPlain)).
		Gatherer(m.group).
		Grouping("instance", m.source.Org).Grouping(policyLabel, m.source.Policy)
	send := pusher.AddContext
	if m.last.wentWell() {
		send = pusher.PushContext
	}
	if err := send(ctx); err != nil {
		text := []rune(okta.Printable(err.Error()))
		return fmt.Errorf("pushing the metrics: %s", string(text[:min(len(text), maxPushError)]))
	}
	return nil
}
