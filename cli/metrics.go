package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
)

// exportFlags say where the metrics of a single run go.
type exportFlags struct {
	file    string
	gateway gatewayFlag
}

func (f *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "metrics-file", "",
		"write metrics to this `file`, for the textfile collector of a node exporter")
	cmd.Flags().Var(&f.gateway, "pushgateway", "push metrics to the Pushgateway at this `URL`")
}

// gatewayFlag is a flag whose value is the URL of a Pushgateway.
type gatewayFlag struct{ metrics.Pushgateway }

// Type implements pflag.Value.
func (f *gatewayFlag) Type() string { return "URL" }

// Set implements pflag.Value.
func (f *gatewayFlag) Set(s string) (err error) {
	f.Pushgateway, err = metrics.ParsePushgateway(s)
	return err
}

// check finds out before the run whether there is a place for the metrics.
func (f *exportFlags) check(a *app) error {
	if f.file == "" {
		return nil
	}
	target, err := a.files.regular("--metrics-file", f.file)
	f.file = target
	return err
}

// export delivers the metrics. What goes wrong is said here, since the run itself may have failed for a reason that
// needs a person sooner.
func (f *exportFlags) export(ctx context.Context, a *app, m *metrics.Set) error {
	var wrong []error
	if f.file != "" {
		wrong = append(wrong, m.WriteFile(f.file))
	}
	if f.gateway.String() != "" {
		wrong = append(wrong, m.Push(context.WithoutCancel(ctx), f.gateway.Pushgateway))
	}
	var failed error
	for _, err := range wrong {
		if err != nil {
			_, _ = fmt.Fprintf(a.stderr, "tokensweep: %s\n", clean(err.Error()))
			failed = &failure{code: audit.Undelivered}
		}
	}
	return failed
}

// runOnce makes one run and exports its metrics, however it went.
func (a *app) runOnce(ctx context.Context, f *runFlags, x *exportFlags) error {
	if err := x.check(a); err != nil {
		return err
	}
	f.metrics = metrics.New(a.env.orgHost(), version())
	if f.state.dir != "" && (x.file != "" || x.gateway.String() != "") {
		if h, err := audit.ReadHistory(f.state.store(), f.now()); err == nil { // else the run says what is wrong
			f.metrics.Recall(h)
		}
	}
	began := f.now()
	f.id = audit.NewID(began)
	failed := a.withRun(f.id).run(ctx, f)
	code := audit.OK
	if failed != nil {
		code = failureOf(failed).code
	}
	f.metrics.Ended(began, f.now(), code)
	return sooner(failed, x.export(ctx, a, f.metrics))
}

// orgHost names the org in metrics; "" if the environment doesn't, which fails the run.
func (e environment) orgHost() string {
	u, err := okta.ParseOrgURL(e.get("OKTA_CLIENT_ORGURL"))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(u.String(), "https://"), "http://")
}
